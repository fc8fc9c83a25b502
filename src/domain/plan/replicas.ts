import type { OwnedMachine, ReplicaFacts, ScaleStep, SetFacts } from '../facts.js';
import { childNames } from '../names.js';
import { commonGates, type Decision } from './plan.js';

/** Machines that one operation creates or deletes at most: its names are in histories, which have limits. */
const MAX_AT_ONCE = 500;

const DAY_SECONDS = 86_400;

/** Upstream looks again after 15 s. */
const BLOCKED_REQUEUE_SECONDS = 15;
const BLOCKED_AT_MOST_SECONDS = 300;

/**
 * Upstream's delete priority: deleting 100, delete-machine annotation 80, unhealthy 50, else by age and order; ties by name.
 * Source: capi core/reconcilers/machineset/machineset_delete_policy.go.
 */
export function deletePriority(machine: OwnedMachine, order: ReplicaFacts['deleteOrder'], nowMs: number): number {
  if (machine.deleting) return 100;
  if (machine.deleteFirst) return 80;
  if (!machine.hasNode || !machine.healthy) return 50;
  const born = Date.parse(machine.createdAt);
  const ageSeconds = Number.isNaN(born) ? 0 : Math.max(0, (nowMs - born) / 1000);
  const oldest = 50 * (1 - Math.exp(-ageSeconds / (10 * DAY_SECONDS)));
  if (order === 'Oldest') return oldest;
  if (order === 'Newest') return 50 - oldest;
  return 20;
}

/**
 * One step of a MachineSet towards its replicas; names and victims are chosen once and recorded. A machine on its way out counts until it is gone: its
 * instance still costs, and the surge of a rollout leaves no room for both. `nowMs` is in the names too, so that the name of a machine that went never
 * stands for another one: in records, as a Node, or in a time series. Source: capi machineset_controller.go syncReplicas.
 */
export function planWorkerStep(facts: ReplicaFacts, nowMs: number): ScaleStep {
  const live = facts.machines.filter((m) => !m.deleting);
  const { remediate = [] } = facts;
  if (remediate.length > 0) return { create: [], remove: [], remediate: remediate.slice(0, MAX_AT_ONCE) };
  const missing = facts.desired - facts.machines.length;
  if (missing > 0) {
    if (facts.blocked) return { create: [], remove: [] };
    const taken = new Set(facts.machines.map((m) => m.name));
    const wanted = Math.min(missing, MAX_AT_ONCE);
    return { create: childNames(facts.base, `${facts.uid}/${nowMs}`, taken, wanted, facts.naming), remove: [] };
  }
  const surplus = Math.min(Math.max(0, live.length - facts.desired), MAX_AT_ONCE);
  const victims = [...live]
    .sort(
      (a, b) =>
        deletePriority(b, facts.deleteOrder, nowMs) - deletePriority(a, facts.deleteOrder, nowMs) ||
        a.name.localeCompare(b.name),
    )
    .slice(0, surplus);
  return { create: [], remove: victims.map((m) => m.name) };
}

/** A MachineSet's machines as its lane is told of them. */
export function setFacts(facts: ReplicaFacts, nowMs: number): SetFacts {
  const { machines, base: _base, naming: _naming, uid: _uid, deleteOrder: _order, remediate: _r, ...common } = facts;
  const live = machines.filter((m) => !m.deleting);
  const leaving = machines.filter((m) => m.deleting).map((m) => m.name);
  return {
    ...common,
    live: live.length,
    available: live.filter((m) => m.available).length,
    leaving: leaving.sort().slice(0, MAX_AT_ONCE),
    step: planWorkerStep(facts, nowMs),
  };
}

/** Decides the next move of a MachineSet's lane. */
export function planMachineSet(facts: SetFacts): Decision {
  const { failure, ...others } = facts;
  const { step, blocked } = facts;
  const sick = step.remediate?.length ?? 0;
  // unhealthy machines go although others could not be made, or their making was stopped
  const gate = commonGates(sick > 0 && failure?.operation === 'ScaleWorkers' ? others : facts, 'DeleteMachineSet');
  if (gate) return gate;
  if (sick > 0) {
    return { do: 'operate', operation: 'RemediateWorkers', reason: `${sick} unhealthy machines to be replaced` };
  }
  if (step.create.length + step.remove.length + facts.leaving.length > 0) {
    const goes = step.create.length + step.remove.length === 0 ? `, ${facts.leaving.length} on their way out` : '';
    return { do: 'operate', operation: 'ScaleWorkers', reason: `${facts.live} of ${facts.desired} machines${goes}` };
  }
  if (blocked) {
    const missing = facts.desired - facts.live;
    const what = missing > 0 ? `${missing} machines are not made` : 'unhealthy machines are not replaced';
    const reason = `${what}: ${blocked.reasons.join('; ')}`.slice(0, 300);
    const again = { requeueSeconds: BLOCKED_REQUEUE_SECONDS, atMostSeconds: BLOCKED_AT_MOST_SECONDS };
    return { do: 'end', outcome: 'Waiting', reason, ...(blocked.again ? again : {}) };
  }
  return facts.available === facts.live
    ? { do: 'end', outcome: 'Converged', reason: 'all replicas available' }
    : { do: 'end', outcome: 'Waiting', reason: 'waiting for machines to be available' };
}
