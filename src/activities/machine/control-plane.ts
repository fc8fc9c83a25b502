import type { Cluster, KubeadmControlPlane, Machine } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import type { Condition, ObjectKey } from '../../api/types/meta.js';
import { projectQuorum } from '../../domain/bootstrap/etcd-quorum.js';
import { isTrue } from '../../domain/conditions.js';
import { controllerOf, isDeleting } from '../../domain/contract.js';
import { notYet, PerdureError } from '../../domain/errors.js';
import type { StrayMember } from '../../domain/facts.js';
import { LABEL } from '../../domain/names.js';
import type { ActivityDeps } from '../deps.js';
import { assessMachine } from '../kube/assess-machine.js';
import { clusterNamed, machinesControlledBy, readKey } from '../kube/world.js';
import { type EtcdClient, openEtcd } from '../workload/etcd.js';
import { etcdAuthority } from '../workload/health.js';

/**
 * Takes one machine out of a control plane: quorum is checked, etcd leadership moved away, the member removed, the Machine deleted. Each step looks
 * first whether it is done already. `NotYet` while removal would endanger quorum.
 */
export async function removeControlPlaneMachine(deps: ActivityDeps, key: ObjectKey, name: string): Promise<void> {
  const { kube } = deps;
  const { signal } = deps.scope();
  const controlPlane = await readKey<KubeadmControlPlane>(kube, KINDS.KubeadmControlPlane, key, signal);
  if (!controlPlane) return;
  const clusterName = controlPlane.metadata.labels?.[LABEL.clusterName] ?? '';
  const cluster = await clusterNamed(kube, key.namespace, clusterName, signal);
  const machines = await machinesControlledBy(
    kube,
    { namespace: key.namespace, uid: key.uid, kind: 'KubeadmControlPlane' },
    clusterName,
    signal,
  );
  const victim = machines.find((m) => m.metadata.name === name);
  if (!victim || isDeleting(victim)) return;
  if (hasOwnEtcd(controlPlane) && cluster && victim.status?.nodeRef) await leaveEtcd(deps, cluster, machines, victim);
  const uid = victim.metadata.uid;
  await kube.delete(KINDS.Machine, { namespace: key.namespace, name }, { ...(uid ? { uid } : {}), signal });
  deps.event(controlPlane, 'Normal', 'SuccessfulDelete', `Deleted machine ${name}`);
}

/**
 * Before a control plane machine that somebody deletes is terminated: takes its member out of etcd, or the cluster would keep counting it towards its
 * quorum. Nothing to do when the whole control plane goes, for the last machine, and for one that never joined. `NotYet`, and said so on the Machine,
 * while the rest would have no quorum. Source: capi kcp reconcilePreTerminateHook.
 */
export async function leaveControlPlane(deps: ActivityDeps, key: ObjectKey): Promise<void> {
  const { kube } = deps;
  const { signal } = deps.scope();
  const machine = await readKey<Machine>(kube, KINDS.Machine, key, signal);
  const owner = machine && controllerOf(machine);
  if (!machine || owner?.kind !== 'KubeadmControlPlane') return;
  const cluster = await clusterNamed(kube, key.namespace, machine.spec.clusterName, signal);
  const ownerKey = { kind: owner.kind, namespace: key.namespace, name: owner.name, uid: owner.uid };
  const controlPlane = await readKey<KubeadmControlPlane>(kube, KINDS.KubeadmControlPlane, ownerKey, signal);
  if (!cluster || isDeleting(cluster) || !controlPlane || isDeleting(controlPlane) || !hasOwnEtcd(controlPlane)) return;
  const machines = await machinesControlledBy(kube, ownerKey, machine.spec.clusterName, signal);
  if (!machines.some((m) => m.metadata.uid !== key.uid && !isDeleting(m) && m.status?.nodeRef)) return;
  const victim = machines.find((m) => m.metadata.uid === key.uid);
  if (!victim?.status?.nodeRef) return;
  try {
    await leaveEtcd(deps, cluster, machines, victim);
  } catch (error) {
    signal.throwIfAborted();
    const message = error instanceof Error ? error.message : String(error);
    await assessMachine(deps, key, { reason: 'WaitingForPreTerminateHook', message });
    throw error;
  }
}

/** Takes a member that no Machine stands behind out of etcd, unless one of the machines may still turn out to be it. Absent is success. */
export async function evictMember(deps: ActivityDeps, key: ObjectKey, { id, name }: StrayMember): Promise<void> {
  const { kube } = deps;
  const { signal } = deps.scope();
  const controlPlane = await readKey<KubeadmControlPlane>(kube, KINDS.KubeadmControlPlane, key, signal);
  const clusterName = controlPlane?.metadata.labels?.[LABEL.clusterName] ?? '';
  const cluster = await clusterNamed(kube, key.namespace, clusterName, signal);
  if (!controlPlane || isDeleting(controlPlane) || !cluster || !hasOwnEtcd(controlPlane)) return;
  const machines = await machinesControlledBy(kube, key, clusterName, signal);
  const nodes = machines.map((m) => m.status?.nodeRef?.name);
  if (machines.length === 0 || nodes.includes(undefined) || (name !== '' && nodes.includes(name))) return;
  await removeMember(deps, cluster, machines, { id, name });
  deps.event(controlPlane, 'Normal', 'EtcdMemberRemoved', `Removed etcd member ${name || id}, which had no Machine`);
}

const hasOwnEtcd = ({ spec }: KubeadmControlPlane): boolean =>
  spec.kubeadmConfigSpec?.clusterConfiguration?.etcd?.external === undefined;

async function leaveEtcd(
  deps: ActivityDeps,
  cluster: Cluster,
  machines: readonly Machine[],
  victim: Machine,
): Promise<void> {
  const others = machines.filter((m) => m !== victim && !isDeleting(m) && m.status?.nodeRef !== undefined);
  if (others.length === 0)
    throw new PerdureError(
      'InvalidConfiguration',
      `Machine ${victim.metadata.name} is the last control plane member; delete the Cluster instead`,
    );
  await removeMember(deps, cluster, others, { name: victim.status?.nodeRef?.name ?? '' });
}

const isMemberHealthy = (m: Machine): boolean =>
  isTrue(m.status?.conditions as Condition[] | undefined, 'EtcdMemberHealthy');

/** Quorum is checked, leadership moved to one of those that stay, the member removed. An absent member is success. */
async function removeMember(
  deps: ActivityDeps,
  cluster: Cluster,
  stay: readonly Machine[],
  leaving: { readonly id?: string; readonly name: string },
): Promise<void> {
  const { signal } = deps.scope();
  const workload = await deps.workload(cluster, signal);
  const authority = await etcdAuthority(deps, cluster);
  const survivor = stay.find(isMemberHealthy) ?? stay[0];
  const open = (node: string | undefined): Promise<EtcdClient> => openEtcd(workload, node ?? '', authority, signal);
  const client = await open(survivor?.status?.nodeRef?.name);
  try {
    const view = await client.view();
    const member = view.members.find((m) => (leaving.id === undefined ? m.name === leaving.name : m.id === leaving.id));
    if (!member) return;
    const health = new Map(stay.map((m) => [m.status?.nodeRef?.name ?? '', isMemberHealthy(m)]));
    const known = { machines: health, alarmed: new Set(view.alarmed) };
    // one that never started has no vote to lose
    if (member.name !== '') {
      const quorum = projectQuorum(view.members, known, { remove: member.name });
      if (!quorum.safe) throw notYet(`cannot remove etcd member ${member.name}: ${quorum.reason}`, 5_000);
    }
    if (view.leaderId === member.id) {
      const target = view.members.find((m) => m.name === survivor?.status?.nodeRef?.name);
      // only the leader can hand over its leadership
      const leader = await open(member.name);
      try {
        if (target) await leader.moveLeader(target.id);
      } finally {
        await leader.close();
      }
    }
    await client.removeMember(member.id);
  } finally {
    await client.close();
  }
}
