import type { Machine } from '../../src/api/types/index.js';
import { KINDS } from '../../src/api/types/kinds.js';
import { findCondition, isTrue } from '../../src/domain/conditions.js';
import { isControlPlaneMachine } from '../../src/domain/contract.js';
import { LABEL } from '../../src/domain/names.js';
import type { KubeClient } from '../../src/kube/client.js';
import { Reflector } from '../../src/kube/reflector.js';
import { silentLog } from '../../src/telemetry/log.js';

/** What became of a Machine, in the order in which the API server told it. */
export interface Happening {
  readonly what: 'created' | 'deleting' | 'gone';
  readonly role: 'control plane' | 'worker';
  readonly name: string;
  readonly version: string;
  /** When it was told, milliseconds since the epoch. */
  readonly atMs: number;
  /** What a health check held against it then; '' when nothing. */
  readonly fault: string;
}

export interface Recorder {
  readonly happenings: readonly Happening[];
  /** The smallest number of machines of a role that did their work and were not on their way out, since the start. */
  readonly leastServing: Readonly<Record<Happening['role'], number>>;
  machines(): Machine[];
  stop(): Promise<void>;
}

const roleOf = (m: Machine): Happening['role'] => (isControlPlaneMachine(m) ? 'control plane' : 'worker');

/** What a role's machines must have to count: an API server and etcd need no network for pods, so no Ready Node. */
const WORKS: Readonly<Record<Happening['role'], readonly string[]>> = {
  'control plane': ['APIServerPodHealthy', 'EtcdMemberHealthy'],
  worker: ['Available'],
};

function faultOf(m: Machine): string {
  const verdict = findCondition(m.status?.conditions, 'HealthCheckSucceeded');
  return verdict?.status === 'False' ? `${verdict.reason}: ${verdict.message}` : '';
}

const works = (m: Machine): boolean => WORKS[roleOf(m)].every((type) => isTrue(m.status?.conditions, type));
const fails = (m: Machine): boolean =>
  WORKS[roleOf(m)].some((type) => findCondition(m.status?.conditions, type)?.status === 'False');

/** Records what happens to the Machines of a cluster from now on; those there are count as known. */
export async function recordMachines(kube: KubeClient, namespace: string, cluster: string): Promise<Recorder> {
  const happenings: Happening[] = [];
  const leastServing = { 'control plane': Number.POSITIVE_INFINITY, worker: Number.POSITIVE_INFINITY };
  const began = new Set<string>();
  const stopped = new AbortController();
  let synced = false;
  const note = (what: Happening['what'], m: Machine): void => {
    if (!synced) return;
    const { name } = m.metadata;
    happenings.push({
      what,
      role: roleOf(m),
      name,
      version: m.spec.version ?? '',
      fault: faultOf(m),
      atMs: Date.now(),
    });
  };
  const reflector: Reflector<Machine> = new Reflector<Machine>({
    client: kube,
    kind: KINDS.Machine,
    namespace,
    labelSelector: `${LABEL.clusterName}=${cluster}`,
    log: silentLog,
    onEvent({ type, object, previous }) {
      if (type === 'added') note('created', object);
      else if (type === 'deleted') note('gone', object);
      else if (object.metadata.deletionTimestamp && !previous?.metadata.deletionTimestamp) note('deleting', object);
      if (synced) count();
    },
  });
  const count = (): void => {
    for (const role of ['control plane', 'worker'] as const) {
      for (const m of reflector.values()) if (works(m)) began.add(m.metadata.name);
      // nobody can be asked for a moment while etcd's members change: what is unknown then still serves
      const serving = [...reflector.values()].filter(
        (m) => roleOf(m) === role && !m.metadata.deletionTimestamp && began.has(m.metadata.name) && !fails(m),
      );
      leastServing[role] = Math.min(leastServing[role], serving.length);
    }
  };
  const loop = reflector.run(stopped.signal);
  await reflector.whenSynced;
  synced = true;
  count();
  return {
    happenings,
    leastServing,
    machines: () => [...reflector.values()],
    async stop() {
      stopped.abort();
      await loop;
    },
  };
}
