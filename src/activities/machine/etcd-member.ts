import type { Cluster, Machine } from '../../api/types/index.js';
import type { Condition } from '../../api/types/meta.js';
import { type EtcdView, type MemberHealth, projectQuorum } from '../../domain/bootstrap/etcd-quorum.js';
import { findCondition, isTrue } from '../../domain/conditions.js';
import { isDeleting } from '../../domain/contract.js';
import { isFailure, notYet, PerdureError } from '../../domain/errors.js';
import type { ActivityDeps } from '../deps.js';
import { type EtcdClient, openEtcd } from '../workload/etcd.js';
import { etcdAuthority } from '../workload/health.js';

const says = (m: Machine, type: string): boolean => isTrue(m.status?.conditions as Condition[] | undefined, type);
const denies = (m: Machine, type: string): boolean =>
  findCondition(m.status?.conditions as Condition[] | undefined, type)?.status === 'False';
const isMemberHealthy = (m: Machine): boolean => says(m, 'EtcdMemberHealthy');
const nodeOf = (m: Machine): string => m.status?.nodeRef?.name ?? '';

type Open = (node: string) => Promise<EtcdClient>;

/** Opens the first member that answers, those that stay and are known to be well first. A member counts as healthy as long as etcd lists it, so its pod is asked for too. */
async function openFirst(open: Open, machines: readonly Machine[], signal: AbortSignal): Promise<EtcdClient> {
  const rank = (m: Machine): number =>
    (isDeleting(m) ? 4 : 0) + (isMemberHealthy(m) ? 0 : 2) + (says(m, 'EtcdPodHealthy') ? 0 : 1);
  const reasons: string[] = [];
  for (const machine of [...machines].sort((a, b) => rank(a) - rank(b))) {
    try {
      return await open(nodeOf(machine));
    } catch (error) {
      signal.throwIfAborted();
      if (!isFailure(error, 'Transient')) throw error;
      reasons.push(error.message);
    }
  }
  throw new PerdureError('Transient', reasons.join('; '));
}

/** Has the leader hand its leadership over, as only it can. One that cannot be asked keeps it: etcd elects another once its member is gone. */
async function handOver(open: Open, leader: string, to: string | undefined, signal: AbortSignal): Promise<void> {
  if (to === undefined) return;
  let client: EtcdClient;
  try {
    client = await open(leader);
  } catch (error) {
    signal.throwIfAborted();
    if (isFailure(error, 'Transient')) return;
    throw error;
  }
  try {
    await client.moveLeader(to);
  } finally {
    await client.close();
  }
}

/**
 * Who leads etcd next: one that stays and is well, of the template of today, the newest, or the next step of a rollout would move the leadership once more.
 * Source: capi kcp scaleDownControlPlane, remediation.go.
 */
function successor(stay: readonly Machine[], { members }: EtcdView): string | undefined {
  const minus = (m: Machine): number =>
    (isDeleting(m) ? 8 : 0) +
    (isMemberHealthy(m) ? 0 : 4) +
    (denies(m, 'HealthCheckSucceeded') ? 2 : 0) +
    (denies(m, 'UpToDate') ? 1 : 0);
  const born = (m: Machine): string => m.metadata.creationTimestamp ?? '';
  const [first] = [...stay].sort(
    (a, b) => minus(a) - minus(b) || born(b).localeCompare(born(a)) || nodeOf(a).localeCompare(nodeOf(b)),
  );
  return members.find((m) => first !== undefined && !m.learner && m.name === nodeOf(first))?.id;
}

/** One that none of the machines that stay hosts counts as dead, as in `knownHealth` of the plan. */
function healthOf(stay: readonly Machine[], { members, alarmed }: EtcdView): MemberHealth {
  const hosted = stay.map((m): [string, boolean] => [nodeOf(m), isMemberHealthy(m)]);
  const others = members.map((m): [string, boolean] => [m.name, false]);
  return { machines: new Map([...others, ...hosted]), alarmed: new Set(alarmed) };
}

async function withEtcd<T>(
  deps: ActivityDeps,
  cluster: Cluster,
  stay: readonly Machine[],
  work: (client: EtcdClient, open: Open) => Promise<T>,
): Promise<T> {
  const { signal } = deps.scope();
  const workload = await deps.workload(cluster, signal);
  const authority = await etcdAuthority(deps, cluster);
  const open: Open = (node) => openEtcd(workload, node, authority, signal);
  const client = await openFirst(open, stay, signal);
  try {
    return await work(client, open);
  } finally {
    await client.close();
  }
}

/**
 * Quorum without a member is checked, leadership moved to one of the machines that `stay`; a member that `goes` is removed. An absent member is success.
 * `NotYet` while those that stay would be no quorum.
 */
export async function releaseMember(
  deps: ActivityDeps,
  cluster: Cluster,
  stay: readonly Machine[],
  leaving: { readonly id?: string; readonly name: string },
  then: 'goes' | 'stays',
): Promise<void> {
  await withEtcd(deps, cluster, stay, async (client, open) => {
    const view = await client.view();
    const member = view.members.find((m) => (leaving.id === undefined ? m.name === leaving.name : m.id === leaving.id));
    if (!member) return;
    // one that never started has no vote to lose
    if (member.name !== '') {
      const quorum = projectQuorum(view.members, healthOf(stay, view), { remove: member.name });
      if (!quorum.safe) throw notYet(`cannot remove etcd member ${member.name}: ${quorum.reason}`, 5_000);
    }
    if (view.leaderId === member.id) await handOver(open, member.name, successor(stay, view), deps.scope().signal);
    if (then === 'goes') await client.removeMember(member.id);
  });
}

/**
 * The same for a machine that has no Node: kubeadm may have made it a member before its kubelet registered one. A member that no Node of `machines` explains
 * is taken for its own when it is the only one without Node. Where that cannot be told all stay, but as one may be about to die, the rest has to be a quorum.
 */
export async function releaseNameless(
  deps: ActivityDeps,
  cluster: Cluster,
  stay: readonly Machine[],
  machines: readonly Machine[],
): Promise<void> {
  const view = await withEtcd(deps, cluster, stay, (client) => client.view());
  const nodes = new Set(machines.map(nodeOf));
  const own = view.members.filter((m) => m.name !== '' && !m.learner && !nodes.has(m.name));
  const [only] = own;
  if (!only) return;
  if (own.length === 1 && machines.filter((m) => nodeOf(m) === '').length === 1) {
    await releaseMember(deps, cluster, stay, { id: only.id, name: only.name }, 'goes');
    return;
  }
  const voters = view.members.filter((m) => !m.learner);
  const quorum = projectQuorum(voters, healthOf(stay, view), {});
  if (quorum.safe) return;
  const names = own.map((m) => m.name).join(', ');
  throw notYet(`etcd member ${names} may be of this machine, which has no Node: ${quorum.reason}`, 5_000);
}
