import type { ControlPlaneFacts, ControlPlaneMachine } from '../facts.js';
import { childNames } from '../names.js';

function countByDomain(machines: readonly ControlPlaneMachine[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const m of machines) if (m.failureDomain) counts.set(m.failureDomain, (counts.get(m.failureDomain) ?? 0) + 1);
  return counts;
}

/**
 * The failure domain for a new machine: with the fewest up-to-date machines, then with the fewest machines, then by name. Source: capi
 * control_plane.go NextFailureDomainForScaleUp.
 */
export function emptiestFailureDomain(facts: ControlPlaneFacts): string | undefined {
  const all = countByDomain(facts.machines);
  const fresh = countByDomain(facts.machines.filter((m) => m.upToDate && !m.deleting));
  const by = (counts: ReadonlyMap<string, number>, a: string, b: string): number =>
    (counts.get(a) ?? 0) - (counts.get(b) ?? 0);
  return [...facts.failureDomains].sort((a, b) => by(fresh, a, b) || by(all, a, b) || a.localeCompare(b))[0];
}

/**
 * The machine to take out: an outdated one that is marked for deletion, any marked one, an outdated one with components that do not work, an outdated
 * one, any. Among them the oldest in a failure domain that is gone, else the oldest where most machines are. Source: capi kcp scale.go.
 */
export function controlPlaneVictim(facts: ControlPlaneFacts): ControlPlaneMachine | undefined {
  const machines = facts.machines.filter((m) => !m.deleting);
  const pools = [
    machines.filter((m) => !m.upToDate && m.deleteFirst),
    machines.filter((m) => m.deleteFirst),
    machines.filter((m) => !m.upToDate && m.problems.length > 0),
    machines.filter((m) => !m.upToDate),
    machines,
  ];
  const pool = pools.find((p) => p.length > 0) ?? [];
  const known = new Set(facts.failureDomains);
  const stray = pool.filter((m) => m.failureDomain !== undefined && !known.has(m.failureDomain));
  const counts = countByDomain(machines);
  const top = Math.max(0, ...pool.map((m) => counts.get(m.failureDomain ?? '') ?? 0));
  const candidates = stray.length > 0 ? stray : pool.filter((m) => (counts.get(m.failureDomain ?? '') ?? 0) === top);
  return [...candidates].sort(byAge)[0];
}

/** Oldest first, then by name. */
export function byAge(a: ControlPlaneMachine, b: ControlPlaneMachine): number {
  return a.createdAt.localeCompare(b.createdAt) || a.name.localeCompare(b.name);
}

/**
 * Name of the next machine: the same until that machine exists, whoever asks and however often, and another one afterwards. A name that comes back at once
 * would stand for two machines in records and in etcd.
 */
export function nextName(facts: ControlPlaneFacts): string {
  const newest = [...facts.machines].sort(byAge).at(-1);
  const { remediating } = facts;
  const seed = [facts.uid, ...(newest ? [newest.name] : []), ...(remediating ? [remediating.timestamp] : [])].join('/');
  const taken = new Set([...facts.machines.map((m) => m.name), ...(remediating ? [remediating.machine] : [])]);
  const [name = facts.base] = childNames(facts.base, seed, taken, 1, facts.naming);
  return name;
}
