import { projectQuorum } from '../bootstrap/etcd-quorum.js';
import type {
  ControlPlaneBrief,
  ControlPlaneFacts,
  ControlPlaneMachine,
  ControlPlaneOperation,
  ControlPlaneStep,
} from '../facts.js';
import { controlPlaneVictim, emptiestFailureDomain, nextName } from './control-plane-choice.js';
import { forecast } from './control-plane-forecast.js';
import { awaitGone, awaitHealthy, knownHealth, preflight, quorumOf } from './control-plane-preflight.js';
import { planControlPlaneRemediation } from './control-plane-remediation.js';
import { commonGates, type Decision } from './plan.js';

const byName = (a: ControlPlaneMachine, b: ControlPlaneMachine): number => a.name.localeCompare(b.name);

/**
 * The one next step of a control plane: never two disruptive things at once. A machine on its way out is waited for, an etcd member without a machine is
 * taken out, an unhealthy machine is replaced, outdated machines make room for new ones, the number is brought to what is desired. Source: capi kcp
 * controller.go reconcile.
 */
export function planControlPlaneStep(facts: ControlPlaneFacts, nowMs: number): ControlPlaneStep {
  const deleting = [...facts.machines].sort(byName).find((m) => m.deleting);
  // a machine that may not leave etcd for its quorum's sake can once a dead member is out of it
  if (deleting && quorumOf(facts, { remove: deleting })) return evictStep(facts) ?? awaitGone(deleting);
  if (deleting) return awaitGone(deleting);
  const evict = evictStep(facts);
  if (evict) return evict;
  const step = remediationStep(facts, nowMs) ?? sizeStep(facts) ?? settleStep(facts);
  return facts.missingTemplate !== undefined && CHANGES_MACHINES.has(step.kind)
    ? awaitTemplate(facts.missingTemplate)
    : step;
}

const CHANGES_MACHINES: ReadonlySet<ControlPlaneStep['kind']> = new Set(['create', 'remove', 'remediate']);

/** No machine goes for which no other one could be made. */
function awaitTemplate(name: string): ControlPlaneStep {
  const reason = `${name} does not exist, and machines are made from it`;
  const unblock = `${name}: create it, or correct spec.machineTemplate.spec.infrastructureRef`;
  return { kind: 'await', name, until: 'there', reason, unblock, about: [] };
}

/** Takes the first etcd member out that no machine stands behind, unless etcd would lose its quorum. */
function evictStep(facts: ControlPlaneFacts): ControlPlaneStep | undefined {
  const [member] = facts.strays ?? [];
  if (!member) return undefined;
  const { etcd } = facts;
  if (etcd && member.name !== '') {
    if (!projectQuorum(etcd.members, knownHealth(facts), { remove: member.name }).safe) return undefined;
  }
  return { kind: 'evict', member };
}

function remediationStep(facts: ControlPlaneFacts, nowMs: number): ControlPlaneStep | undefined {
  const { remediating: record } = facts;
  const plan = planControlPlaneRemediation(facts, nowMs);
  if (plan?.do === 'remediate') return { kind: 'remediate', record: plan.record };
  if (!record) return undefined;
  const there = facts.machines.find((m) => m.name === record.machine);
  // it recovered before it was deleted, or nothing has to take its place any more
  const over = there ? there.urgency === undefined : facts.machines.length >= wanted(facts);
  if (over) return { kind: 'forget', record };
  if (!there) return undefined;
  return {
    kind: 'await',
    name: there.name,
    until: 'quorum',
    reason: `Machine ${there.name} is to be replaced: ${plan?.message ?? 'it is not safe now'}`,
    unblock: 'the other control plane machines to be healthy, or this one to recover',
    about: ['etcd'],
  };
}

/** How many machines there may be now. Fewer than three cannot spare one. */
function wanted(facts: ControlPlaneFacts): number {
  const surge = facts.desired < 3 ? 1 : facts.maxSurge;
  return facts.desired + (facts.machines.some((m) => !m.upToDate) ? surge : 0);
}

/** Adds or takes out one machine: for a rollout, or for another number of replicas. */
function sizeStep(facts: ControlPlaneFacts): ControlPlaneStep | undefined {
  const { machines, remediating } = facts;
  const outdated = machines.some((m) => !m.upToDate);
  if (machines.length < wanted(facts)) {
    const blocked = preflight(facts, { add: true });
    if (blocked) return blocked;
    const failureDomain = emptiestFailureDomain(facts);
    return {
      kind: 'create',
      name: nextName(facts),
      ...(failureDomain ? { failureDomain } : {}),
      ...(remediating ? { replaces: remediating } : {}),
      ...(facts.initialized && outdated ? { prepare: true as const } : {}),
    };
  }
  if (!outdated && machines.length === facts.desired) return undefined;
  const victim = controlPlaneVictim(facts);
  if (!victim) return undefined;
  const why = victim.outdated.length > 0 ? victim.outdated.join('; ') : 'surplus';
  return preflight(facts, { remove: victim }) ?? { kind: 'remove', name: victim.name, why };
}

/**
 * Upkeep as soon as all components are well, then the wait until every machine is Ready: what a user's own readiness gate waits for may be just that upkeep.
 */
function settleStep(facts: ControlPlaneFacts): ControlPlaneStep {
  const machines = [...facts.machines].sort(byName);
  const ill = machines.filter((m) => m.problems.length > 0 || !m.ready);
  const [stray] = facts.strays ?? [];
  if (stray && ill.length === 0) {
    const member = stray.name || stray.id;
    const reason = `etcd member ${member} has no machine, and without it etcd would have no quorum`;
    return { kind: 'await', name: member, until: 'quorum', reason, unblock: 'more healthy members', about: ['etcd'] };
  }
  const { upkeep = [] } = facts;
  const sound = !stray && machines.every((m) => m.problems.length === 0);
  if (sound && upkeep.length > 0) return { kind: 'maintain', parts: upkeep };
  return ill.length > 0 ? awaitHealthy(ill) : { kind: 'done' };
}

/** Whether nothing but the readiness of machines would come before upkeep, so that it is worth looking what is due. Pure. */
export function hasTimeForUpkeep(facts: ControlPlaneFacts, nowMs: number): boolean {
  return planControlPlaneStep({ ...facts, upkeep: ['anything'] }, nowMs).kind === 'maintain';
}

/** The operation that the next step belongs to. */
function operationOf(facts: ControlPlaneFacts, step: ControlPlaneStep): ControlPlaneOperation {
  if (step.kind === 'remediate' || facts.remediating) return 'RemediateControlPlane';
  if (step.kind === 'maintain') return 'MaintainControlPlane';
  return facts.machines.some((m) => !m.upToDate) ? 'UpgradeControlPlane' : 'ScaleControlPlane';
}

/**
 * Whether `operation` may take the step that is due: a rollout also brings the number right, nothing else does another one's work. What only waits
 * may be waited for by anybody. What needs certificates that are missing is left to the lane, which waits for them.
 */
export function mayTake(operation: ControlPlaneOperation, brief: ControlPlaneBrief): boolean {
  if (lacksCertificates(brief)) return false;
  if (brief.step.kind === 'await' || brief.operation === operation) return true;
  return operation === 'UpgradeControlPlane' && brief.operation === 'ScaleControlPlane';
}

/**
 * Whether the step cannot be taken for want of certificates: no machine is made without them, and none is taken out for a rollout that could not replace
 * it. Unhealthy machines, surplus ones and members without a machine go all the same.
 */
function lacksCertificates({ certificatesAvailable, step, operation }: ControlPlaneBrief): boolean {
  if (certificatesAvailable) return false;
  return (
    step.kind === 'create' || step.kind === 'done' || (step.kind === 'remove' && operation === 'UpgradeControlPlane')
  );
}

function whyOf(facts: ControlPlaneFacts, step: ControlPlaneStep, operation: ControlPlaneOperation): string {
  const live = facts.machines.filter((m) => !m.deleting);
  if (step.kind === 'remediate') return `replace unhealthy machine ${step.record.machine}`;
  if (facts.remediating) return `replace unhealthy machine ${facts.remediating.machine}`;
  if (operation === 'UpgradeControlPlane') {
    const outdated = live.filter((m) => !m.upToDate);
    const reasons = [...new Set(outdated.flatMap((m) => m.outdated))].sort();
    return `roll out ${outdated.length} of ${live.length} machines: ${reasons.join(', ')}`.slice(0, 200);
  }
  if (step.kind === 'maintain') return `bring up to date: ${step.parts.join(', ')}`;
  if (step.kind === 'evict') return `etcd member ${step.member.name || step.member.id} has no machine`;
  return `scale control plane ${live.length}→${facts.desired}`;
}

const secondsUntil = (atMs: number, nowMs: number): number => Math.max(1, Math.ceil((atMs - nowMs) / 1000));

/** What is later than this wakes the lane by an annotation, at no cost meanwhile. */
const SOON_SECONDS = 3600;

function soon(atMs: number | undefined, nowMs: number): Pick<ControlPlaneBrief, 'outdatedInSeconds'> {
  if (atMs === undefined || secondsUntil(atMs, nowMs) > SOON_SECONDS) return {};
  return { outdatedInSeconds: secondsUntil(atMs, nowMs) };
}

/** A control plane as its lane is told of it. */
export function controlPlaneBrief(facts: ControlPlaneFacts, nowMs: number): ControlPlaneBrief {
  const step = planControlPlaneStep(facts, nowMs);
  const operation = operationOf(facts, step);
  const remediation = planControlPlaneRemediation(facts, nowMs);
  const retryAtMs = remediation?.do === 'defer' ? remediation.retryAtMs : undefined;
  const live = facts.machines.filter((m) => !m.deleting);
  const { exists, paused, deleting, generation, cluster, attempt, failure } = facts;
  const settled = live.length === facts.desired && live.length === facts.machines.length && facts.initialized;
  const moves = step.kind !== 'await' && step.kind !== 'done';
  return {
    ...{ exists, paused, deleting, generation, cluster, attempt, ...(failure ? { failure } : {}) },
    desired: facts.desired,
    live: live.length,
    infrastructureProvisioned: facts.infrastructureProvisioned,
    endpoint: facts.endpoint,
    initialized: facts.initialized,
    certificatesAvailable: facts.certificatesAvailable,
    clusterDeleting: facts.clusterDeleting,
    cloudQueue: facts.cloudQueue,
    ...(facts.foreign ? { foreign: facts.foreign } : {}),
    step,
    operation,
    pending: !settled || moves || facts.remediating !== undefined || live.some((m) => !m.upToDate),
    why: whyOf(facts, step, operation),
    forecast: forecast(facts, nowMs, planControlPlaneStep),
    ...(retryAtMs === undefined ? {} : { retryInSeconds: secondsUntil(retryAtMs, nowMs) }),
    ...soon(facts.outdatedAtMs, nowMs),
  };
}

/** Decides the next move of a KubeadmControlPlane's lane. Source: capi controlplane/kubeadm reconcile order. */
export function planControlPlane(facts: ControlPlaneBrief): Decision {
  const { failure, ...others } = facts;
  // machines are looked after whatever keeps the rest from being maintained, and unhealthy ones replaced whatever else failed or was stopped
  const other = facts.operation !== failure?.operation;
  const unblocked =
    other && (failure?.operation === 'MaintainControlPlane' || facts.operation === 'RemediateControlPlane');
  const gate = commonGates(unblocked ? others : facts, 'DeleteControlPlane');
  if (gate) return gate;
  if (facts.clusterDeleting)
    return { do: 'end', outcome: 'Waiting', reason: 'no Cluster refers to it, or that is being deleted' };
  if (!facts.infrastructureProvisioned || !facts.endpoint) {
    return { do: 'end', outcome: 'Waiting', reason: "waiting for the cluster's infrastructure and endpoint" };
  }
  if (lacksCertificates(facts)) {
    return {
      do: 'end',
      outcome: 'Waiting',
      reason: 'waiting for certificates',
      requeueSeconds: 15,
      atMostSeconds: 300,
    };
  }
  if (facts.foreign && facts.foreign.length > 0) {
    const reason = `not all control plane machines are its own: ${facts.foreign.join(', ')}; have it adopt them or take their label away`;
    return { do: 'end', outcome: 'Waiting', reason };
  }
  if (facts.step.kind === 'await' && facts.step.until === 'there') {
    const reason = `${facts.step.reason}; waiting for ${facts.step.unblock}`;
    return { do: 'end', outcome: 'Waiting', reason, requeueSeconds: 15, atMostSeconds: 300 };
  }
  if (facts.pending) return { do: 'operate', operation: facts.operation, reason: facts.why };
  if (facts.step.kind === 'done') {
    const reason = 'all control plane machines up to date and ready';
    const at = facts.outdatedInSeconds;
    if (at === undefined) return { do: 'end', outcome: 'Converged', reason };
    return {
      do: 'end',
      outcome: 'Waiting',
      reason: `${reason}; a rollout is due`,
      requeueSeconds: at,
      atMostSeconds: at,
    };
  }
  const { step, retryInSeconds } = facts;
  const reason = step.kind === 'await' ? `${step.reason}; waiting for ${step.unblock}` : step.kind;
  // a replacement that has to wait is tried at its very time
  const times = retryInSeconds === undefined ? [20, 300] : [retryInSeconds, retryInSeconds];
  return {
    do: 'end',
    outcome: 'Waiting',
    reason: reason.slice(0, 400),
    requeueSeconds: times[0] ?? 20,
    atMostSeconds: times[1] ?? 300,
  };
}
