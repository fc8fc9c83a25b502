import { projectQuorum } from '../bootstrap/etcd-quorum.js';
import type { ControlPlaneFacts, ControlPlaneMachine, RemediationPolicy, RemediationRecord } from '../facts.js';
import { byAge } from './control-plane-choice.js';
import { knownHealth, quorumOf } from './control-plane-preflight.js';

/** Upstream's defaults: no pause between retries, one hour without trouble ends an incident. */
export const DEFAULT_POLICY = { retryPeriodSeconds: 0, minHealthyPeriodSeconds: 3600 } as const;

/** What becomes of the machine that is to be replaced first. */
export type Remediation =
  | { readonly do: 'remediate'; readonly record: RemediationRecord }
  | {
      readonly do: 'defer';
      readonly machine: string;
      /** Reason of condition OwnerRemediated. */
      readonly reason: 'CannotBeRemediated' | 'RemediationDeferred';
      readonly message: string;
      /** When the wait ends by itself, milliseconds. */
      readonly retryAtMs?: number;
    };

/** The machine that is replaced first: the most urgent, then the oldest, then by name. */
export function firstToRemediate(facts: ControlPlaneFacts): ControlPlaneMachine | undefined {
  return facts.machines
    .filter((m) => m.urgency !== undefined)
    .sort((a, b) => (b.urgency ?? 0) - (a.urgency ?? 0) || byAge(a, b))[0];
}

/**
 * Whether the most urgent machine may be replaced now. Undefined when no machine is to be replaced, or when it is on its way out already. Before the
 * control plane is initialized there is nothing to lose. Source: capi kcp remediation.go.
 */
export function planControlPlaneRemediation(facts: ControlPlaneFacts, nowMs: number): Remediation | undefined {
  const begun = facts.remediating;
  // half done: written down, not deleted yet
  const half = facts.machines.find((m) => m.name === begun?.machine && m.urgency !== undefined);
  const machine = half ?? firstToRemediate(facts);
  if (!machine || machine.deleting) return undefined;
  if (begun && begun.machine !== machine.name) {
    const message = `waiting for the replacement of Machine ${begun.machine} to complete before this one is replaced`;
    return { do: 'defer', machine: machine.name, reason: 'RemediationDeferred', message };
  }
  const allowed = begun ? { record: begun } : withinLimits(machine, facts.policy, nowMs);
  if ('reason' in allowed) return { do: 'defer', machine: machine.name, ...allowed };
  const unsafe = facts.initialized ? whyUnsafe(facts, machine) : undefined;
  return unsafe ? { do: 'defer', machine: machine.name, ...unsafe } : { do: 'remediate', record: allowed.record };
}

type Deferral = Pick<Extract<Remediation, { do: 'defer' }>, 'reason' | 'message' | 'retryAtMs'>;

/** The record of this replacement, or why the retry policy does not allow it. */
function withinLimits(
  machine: ControlPlaneMachine,
  policy: RemediationPolicy,
  nowMs: number,
): { readonly record: RemediationRecord } | Deferral {
  const record = { machine: machine.name, timestamp: secondsOf(nowMs), retryCount: 0 };
  const last = machine.remediationFor;
  if (!last) return { record };
  const lastMs = Date.parse(last.timestamp);
  const sameIncident = lastMs + policy.minHealthyPeriodSeconds * 1000 > nowMs;
  if (!sameIncident) return { record };
  const retryAtMs = lastMs + policy.retryPeriodSeconds * 1000;
  if (policy.maxRetry !== undefined && last.retryCount >= policy.maxRetry) {
    const message = `KubeadmControlPlane can't remediate this machine because the operation already failed ${policy.maxRetry} times (MaxRetry)`;
    return { reason: 'CannotBeRemediated', message, retryAtMs: lastMs + policy.minHealthyPeriodSeconds * 1000 };
  }
  if (retryAtMs > nowMs) {
    const message = `KubeadmControlPlane can't remediate this machine because the operation already failed in the latest ${policy.retryPeriodSeconds}s (RetryPeriod)`;
    return { reason: 'RemediationDeferred', message, retryAtMs };
  }
  return { record: { ...record, retryCount: last.retryCount + 1 } };
}

const secondsOf = (ms: number): string => new Date(ms).toISOString().replace(/\.\d{3}Z$/, 'Z');

/**
 * Whether a machine that is to be replaced may keep another from joining: kubeadm asks every member of etcd first, and gives up for good when one does
 * not answer. Waiting for the one that joins, as upstream does, would then be in vain. Only when etcd keeps its quorum even if that one joins and fails.
 */
function isInTheWay(facts: ControlPlaneFacts, { node, problems }: ControlPlaneMachine): boolean {
  if (!facts.managedEtcd || !facts.etcd || node === undefined || problems.length === 0) return false;
  return projectQuorum(facts.etcd.members, knownHealth(facts), { remove: node, add: true }).safe;
}

function whyUnsafe(facts: ControlPlaneFacts, victim: ControlPlaneMachine): Deferral | undefined {
  const others = facts.machines.filter((m) => m.name !== victim.name);
  const cannot = (message: string): Deferral => ({ reason: 'CannotBeRemediated', message });
  const later = (message: string): Deferral => ({ reason: 'RemediationDeferred', message });
  if (others.length === 0)
    return cannot("KubeadmControlPlane can't remediate if current replicas are less or equal to 1");
  if (others.some((m) => !m.sick && !m.hasNode && !m.deleting) && !isInTheWay(facts, victim)) {
    return later(
      'KubeadmControlPlane waiting for control plane Machine provisioning to complete before triggering remediation',
    );
  }
  if (others.some((m) => m.deleting)) {
    return later(
      'KubeadmControlPlane waiting for control plane Machine deletion to complete before triggering remediation',
    );
  }
  if (!others.some((m) => m.problems.length === 0)) {
    return cannot(
      "KubeadmControlPlane can't remediate this Machine because there is no healthy Machine to keep the control plane and etcd leadership",
    );
  }
  const quorum = quorumOf(facts, { remove: victim });
  if (!quorum) return undefined;
  if (!facts.etcd) return later(`KubeadmControlPlane can't remediate this Machine: ${quorum.reason}`);
  return cannot(
    `KubeadmControlPlane can't remediate this Machine because this could result in etcd losing quorum: ${quorum.reason}`,
  );
}
