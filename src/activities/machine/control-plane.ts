import type { Cluster, KubeadmControlPlane, Machine } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import type { Condition, ObjectKey } from '../../api/types/meta.js';
import { projectQuorum } from '../../domain/bootstrap/etcd-quorum.js';
import { isTrue } from '../../domain/conditions.js';
import { isDeleting } from '../../domain/contract.js';
import { notYet, PerdureError } from '../../domain/errors.js';
import { LABEL } from '../../domain/names.js';
import type { ActivityDeps } from '../deps.js';
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
  const managedEtcd = controlPlane.spec.kubeadmConfigSpec?.clusterConfiguration?.etcd?.external === undefined;
  if (managedEtcd && cluster && victim.status?.nodeRef) await leaveEtcd(deps, cluster, machines, victim);
  const uid = victim.metadata.uid;
  await kube.delete(KINDS.Machine, { namespace: key.namespace, name }, { ...(uid ? { uid } : {}), signal });
  deps.event(controlPlane, 'Normal', 'SuccessfulDelete', `Deleted machine ${name}`);
}

async function leaveEtcd(
  deps: ActivityDeps,
  cluster: Cluster,
  machines: readonly Machine[],
  victim: Machine,
): Promise<void> {
  const { signal } = deps.scope();
  const leaving = victim.status?.nodeRef?.name ?? '';
  const others = machines.filter((m) => m !== victim && !isDeleting(m) && m.status?.nodeRef !== undefined);
  const workload = await deps.workload(cluster, signal);
  const authority = await etcdAuthority(deps, cluster);
  const open = (machine: Machine): Promise<EtcdClient> =>
    openEtcd(workload, machine.status?.nodeRef?.name ?? '', authority, signal);
  const survivor =
    others.find((m) => isTrue(m.status?.conditions as Condition[] | undefined, 'EtcdMemberHealthy')) ?? others[0];
  if (!survivor)
    throw new PerdureError(
      'InvalidConfiguration',
      `Machine ${victim.metadata.name} is the last control plane member; delete the Cluster instead`,
    );
  const client = await open(survivor);
  try {
    const view = await client.view();
    const member = view.members.find((m) => m.name === leaving);
    if (!member) return;
    const health = new Map(
      others.map((m) => [
        m.status?.nodeRef?.name ?? '',
        isTrue(m.status?.conditions as Condition[] | undefined, 'EtcdMemberHealthy'),
      ]),
    );
    const quorum = projectQuorum(
      view.members,
      { machines: health, alarmed: new Set(view.alarmed) },
      { remove: leaving },
    );
    if (!quorum.safe) throw notYet(`cannot remove etcd member ${leaving}: ${quorum.reason}`, 5_000);
    if (view.leaderId === member.id) {
      const target = view.members.find((m) => m.name === survivor.status?.nodeRef?.name);
      // only the leader can hand over its leadership
      const leader = await open(victim);
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
