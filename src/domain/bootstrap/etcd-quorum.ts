/** One member as etcd lists it. An empty name means that it was added but has not started. */
export interface EtcdMember {
  /** Decimal; a 64 bit number does not fit a JavaScript number. */
  readonly id: string;
  readonly name: string;
  readonly learner: boolean;
}

/** etcd as seen through one member. */
export interface EtcdView {
  readonly members: readonly EtcdMember[];
  readonly leaderId: string;
  /** Ids of members with an alarm raised. */
  readonly alarmed: readonly string[];
}

/** What is known of the members besides their list. Members are named as their Nodes. */
export interface MemberHealth {
  /** Names of members hosted by a Machine, with that Machine's EtcdMemberHealthy. */
  readonly machines: ReadonlyMap<string, boolean>;
  /** Ids of members with an alarm raised: all that is known of a member without a Machine. */
  readonly alarmed: ReadonlySet<string>;
}

export interface EtcdChange {
  /** Name of the member to be removed; a name that is no member changes nothing. */
  readonly remove?: string;
  readonly add?: boolean;
}

export interface QuorumProjection {
  readonly safe: boolean;
  readonly voters: number;
  readonly unhealthy: number;
  readonly quorum: number;
  /** Why it is not safe; empty when it is. */
  readonly reason: string;
}

/**
 * Whether the etcd cluster keeps its quorum after a change, counting the worst case: a member that is added is unhealthy, unless there is at
 * most one now. Learners and members that have not started make every change unsafe: they are waited for. Source: capi
 * kubeadmcontrolplane/remediation.go targetEtcdClusterHealthy.
 */
export function projectQuorum(
  members: readonly EtcdMember[],
  health: MemberHealth,
  change: EtcdChange,
): QuorumProjection {
  const starting = members.filter((m) => m.name === '').length;
  const named = members.filter((m) => m.name !== '' && m.name !== change.remove);
  const learners = starting + named.filter((m) => m.learner).length;
  const sick = named.filter((m) => !(health.machines.get(m.name) ?? !health.alarmed.has(m.id)));
  const voters = named.filter((m) => !m.learner).length + (change.add ? 1 : 0);
  const unhealthy = starting + sick.length + (change.add && members.length > 1 ? 1 : 0);
  const quorum = Math.floor(voters / 2) + 1;
  const reason = problem({ voters, unhealthy, quorum, learners, sick: sick.map((m) => m.name) });
  return { safe: reason === '', voters, unhealthy, quorum, reason };
}

function problem(p: {
  voters: number;
  unhealthy: number;
  quorum: number;
  learners: number;
  sick: readonly string[];
}): string {
  if (p.voters === 0) return 'no voting etcd member would be left';
  if (p.learners > 0) return `${p.learners} etcd member(s) have not been promoted to voters yet`;
  if (p.voters - p.unhealthy >= p.quorum) return '';
  const names = p.sick.length > 0 ? ` (unhealthy: ${[...p.sick].sort().join(', ')})` : '';
  return `${p.voters - p.unhealthy} of ${p.voters} voting etcd members would be healthy, and a quorum needs ${p.quorum}${names}`;
}

/** Members that no Node of `nodes` hosts: leftovers of machines that went without being taken out. */
export function strayMembers(members: readonly EtcdMember[], nodes: ReadonlySet<string>): EtcdMember[] {
  return members.filter((m) => !nodes.has(m.name));
}
