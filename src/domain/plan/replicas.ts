import type { ControlPlaneFacts, OwnedMachine, ReplicaFacts, ScaleStep, SetFacts, StrayMember } from '../facts.js';
import { childNames } from '../names.js';
import { commonGates, type Decision } from './plan.js';

/** Machines that one operation creates or deletes at most: its names are in histories, which have limits. */
const MAX_AT_ONCE = 500;

const DAY_SECONDS = 86_400;

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

/** One step of a MachineSet towards its replicas; names and victims are chosen once and recorded. */
export function planWorkerStep(facts: ReplicaFacts, nowMs: number): ScaleStep {
  const live = facts.machines.filter((m) => !m.deleting);
  if (live.length < facts.desired) {
    const taken = new Set(facts.machines.map((m) => m.name));
    const wanted = Math.min(facts.desired - live.length, MAX_AT_ONCE);
    return { create: childNames(facts.base, facts.uid, taken, wanted, facts.naming), remove: [] };
  }
  const surplus = Math.min(live.length - facts.desired, MAX_AT_ONCE);
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
  const { machines, base: _base, naming: _naming, uid: _uid, deleteOrder: _order, ...common } = facts;
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
  const gate = commonGates(facts, 'DeleteMachineSet');
  if (gate) return gate;
  if (facts.live !== facts.desired || facts.leaving.length > 0) {
    return { do: 'operate', operation: 'ScaleWorkers', reason: `${facts.live} of ${facts.desired} machines` };
  }
  return facts.available === facts.live
    ? { do: 'end', outcome: 'Converged', reason: 'all replicas available' }
    : { do: 'end', outcome: 'Waiting', reason: 'waiting for machines to be available' };
}

/** Decides the next move of a KubeadmControlPlane's lane. Source: capi controlplane/kubeadm reconcile order. */
export function planControlPlane(facts: ControlPlaneFacts): Decision {
  const gate = commonGates(facts, 'DeleteControlPlane');
  if (gate) return gate;
  if (facts.clusterDeleting)
    return { do: 'end', outcome: 'Waiting', reason: 'no Cluster refers to it, or that is being deleted' };
  if (!facts.infrastructureProvisioned || !facts.endpoint) {
    return { do: 'end', outcome: 'Waiting', reason: "waiting for the cluster's infrastructure and endpoint" };
  }
  if (!facts.certificatesAvailable) {
    return {
      do: 'end',
      outcome: 'Waiting',
      reason: 'waiting for certificates',
      requeueSeconds: 15,
      atMostSeconds: 300,
    };
  }
  const live = facts.machines.filter((m) => !m.deleting);
  if (live.length !== facts.desired || facts.machines.length !== live.length || !facts.initialized) {
    return { do: 'operate', operation: 'ScaleControlPlane', reason: `${live.length} of ${facts.desired} machines` };
  }
  const [stray] = facts.strays ?? [];
  if (stray) {
    const reason = `etcd member ${stray.name || stray.id} has no machine`;
    return { do: 'operate', operation: 'ScaleControlPlane', reason };
  }
  return live.every((m) => m.ready && m.healthy)
    ? { do: 'end', outcome: 'Converged', reason: 'all control plane machines ready' }
    : {
        do: 'end',
        outcome: 'Waiting',
        reason: 'waiting for control plane machines to be healthy',
        requeueSeconds: 20,
        atMostSeconds: 300,
      };
}

/** The next step of a control plane; `await` changes nothing. */
export type ControlPlaneStep =
  | { readonly kind: 'create'; readonly name: string; readonly failureDomain?: string }
  | { readonly kind: 'remove'; readonly name: string }
  | { readonly kind: 'evict'; readonly member: StrayMember }
  | { readonly kind: 'await'; readonly name: string; readonly until: 'healthy' | 'gone'; readonly reason: string }
  | { readonly kind: 'done' };

/**
 * The one next step of a control plane: never two disruptive things at once. A deleting machine is waited for, an etcd member without a machine is taken
 * out, an unhealthy machine is waited for; then one machine is added in the emptiest failure domain, or the victim is taken from the fullest. Source:
 * capi kcp scale.go, control_plane.go.
 */
export function planControlPlaneStep(facts: ControlPlaneFacts): ControlPlaneStep {
  const machines = [...facts.machines].sort((a, b) => a.name.localeCompare(b.name));
  const deleting = machines.find((m) => m.deleting);
  if (deleting) {
    return { kind: 'await', name: deleting.name, until: 'gone', reason: `machine ${deleting.name} is being deleted` };
  }
  const [member] = facts.strays ?? [];
  if (member) return { kind: 'evict', member };
  const victim = machines.length > facts.desired ? controlPlaneVictim(facts, machines) : undefined;
  const unhealthy = machines.find((m) => m.name !== victim && (!m.hasNode || !m.healthy));
  if (unhealthy) {
    return {
      kind: 'await',
      name: unhealthy.name,
      until: 'healthy',
      reason: `machine ${unhealthy.name} is not healthy yet`,
    };
  }
  if (machines.length < facts.desired) {
    const [name] = childNames(facts.base, facts.uid, new Set(machines.map((m) => m.name)), 1, facts.naming);
    const failureDomain = emptiestFailureDomain(facts, machines);
    return { kind: 'create', name: name ?? facts.base, ...(failureDomain ? { failureDomain } : {}) };
  }
  if (victim) return { kind: 'remove', name: victim };
  return { kind: 'done' };
}

function countByDomain(machines: readonly OwnedMachine[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const m of machines) if (m.failureDomain) counts.set(m.failureDomain, (counts.get(m.failureDomain) ?? 0) + 1);
  return counts;
}

function emptiestFailureDomain(facts: ControlPlaneFacts, machines: readonly OwnedMachine[]): string | undefined {
  const counts = countByDomain(machines);
  return [...facts.failureDomains].sort((a, b) => (counts.get(a) ?? 0) - (counts.get(b) ?? 0) || a.localeCompare(b))[0];
}

function controlPlaneVictim(facts: ControlPlaneFacts, machines: readonly OwnedMachine[]): string | undefined {
  const pools = [
    machines.filter((m) => !m.upToDate && m.deleteFirst),
    machines.filter((m) => m.deleteFirst),
    machines.filter((m) => !m.upToDate && !m.healthy),
    machines.filter((m) => !m.upToDate),
    machines,
  ];
  const pool = pools.find((p) => p.length > 0) ?? [];
  const known = new Set(facts.failureDomains);
  const stray = pool.filter((m) => m.failureDomain !== undefined && !known.has(m.failureDomain));
  const counts = countByDomain(machines);
  const fullest = [...pool].sort(
    (a, b) => (counts.get(b.failureDomain ?? '') ?? 0) - (counts.get(a.failureDomain ?? '') ?? 0),
  );
  const top = counts.get(fullest[0]?.failureDomain ?? '') ?? 0;
  const candidates = stray.length > 0 ? stray : pool.filter((m) => (counts.get(m.failureDomain ?? '') ?? 0) === top);
  return [...candidates].sort((a, b) => a.createdAt.localeCompare(b.createdAt) || a.name.localeCompare(b.name))[0]
    ?.name;
}
