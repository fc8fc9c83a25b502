import type { ControlPlaneFacts, OwnedMachine, StrayMember } from '../facts.js';
import { childNames } from '../names.js';
import { commonGates, type Decision } from './plan.js';

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
