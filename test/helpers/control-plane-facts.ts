import type { ControlPlaneFacts, ControlPlaneMachine } from '../../src/domain/facts.js';

/** A healthy, up-to-date member named as its node; `change` stands for what is different. */
export function aMember(name: string, change: Partial<ControlPlaneMachine> = {}): ControlPlaneMachine {
  return {
    name,
    node: name,
    deleting: false,
    ready: true,
    hasNode: true,
    available: true,
    healthy: true,
    upToDate: true,
    deleteFirst: false,
    createdAt: '2026-01-01T00:00:00Z',
    outdated: [],
    problems: [],
    etcdHealthy: true,
    sick: false,
    ...change,
  };
}

/** What differs for a machine of before a change of the version. */
export const OUTDATED = { upToDate: false, outdated: ['Version v1.33.0, v1.34.0 required'] } as const;

/** What differs for a member whose etcd does not work. */
export const ILL = {
  ready: false,
  healthy: false,
  etcdHealthy: false,
  problems: [{ about: 'etcd', message: 'Machine reports EtcdMemberHealthy condition is false (down)' }],
} as const;

/** What differs for a member that a health check wants replaced. */
export const FLAGGED = { ...ILL, sick: true, urgency: 32 } as const;

/** A machine that has not become a Node. */
export function aNewcomer(name: string, change: Partial<ControlPlaneMachine> = {}): ControlPlaneMachine {
  const { node: _, ...rest } = aMember(name, ILL);
  const message = `Machine ${name} does not have a corresponding Node yet (Machine.status.nodeRef not set)`;
  return { ...rest, hasNode: false, problems: [{ about: 'components', message }], ...change };
}

/** An initialized control plane whose etcd has its machines' nodes as members. */
export function planeFacts(
  desired: number,
  machines: readonly ControlPlaneMachine[],
  change: Partial<ControlPlaneFacts> = {},
): ControlPlaneFacts {
  const nodes = machines.flatMap((m) => (m.node === undefined ? [] : [m.node]));
  return {
    exists: true,
    paused: false,
    deleting: false,
    generation: 1,
    cluster: 'ns/c',
    attempt: 'a',
    desired,
    machines,
    base: 'cp',
    uid: 'u',
    deleteOrder: 'Oldest',
    infrastructureProvisioned: true,
    endpoint: true,
    initialized: true,
    certificatesAvailable: true,
    failureDomains: ['a', 'b', 'c'],
    workersExist: false,
    clusterDeleting: false,
    cloudQueue: '',
    maxSurge: 1,
    managedEtcd: true,
    etcd: { members: nodes.map((name) => ({ id: `id-${name}`, name, learner: false })), alarmed: [] },
    policy: { retryPeriodSeconds: 0, minHealthyPeriodSeconds: 3600 },
    ...change,
  };
}
