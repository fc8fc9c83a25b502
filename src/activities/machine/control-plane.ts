import type { Cluster, KubeadmControlPlane, Machine } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import type { Condition, ObjectKey } from '../../api/types/meta.js';
import { isTrue } from '../../domain/conditions.js';
import { isControlPlaneMachine, isDeleting } from '../../domain/contract.js';
import { notYet, PerdureError } from '../../domain/errors.js';
import type { StrayMember } from '../../domain/facts.js';
import { ANNOTATION, LABEL } from '../../domain/names.js';
import type { ActivityDeps } from '../deps.js';
import { assessMachine } from '../kube/assess-machine.js';
import { clusterNamed, machinesControlledBy, machinesOf, readKey } from '../kube/world.js';
import { unlessGone } from '../kube/write.js';
import { controlPlaneOf, stamp, unrecordedNode } from './deletion.js';
import { releaseMember, releaseNameless } from './etcd-member.js';

/**
 * Takes one machine out of a control plane: quorum without it is checked, etcd leadership moved away, the Machine deleted. Its member stays until the
 * machine is drained: without it the API server on its node would answer no more, and a kubelet that talks to that one would end no Pod. `NotYet` while
 * removal would endanger quorum. Source: capi kcp scaleDownControlPlane.
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
  const node = victim.status?.nodeRef?.name;
  if (hasOwnEtcd(controlPlane) && cluster && node !== undefined)
    await releaseMember(deps, cluster, staying(machines, victim), { name: node }, 'stays');
  const uid = victim.metadata.uid;
  await kube.delete(KINDS.Machine, { namespace: key.namespace, name }, { ...(uid ? { uid } : {}), signal });
  deps.event(controlPlane, 'Normal', 'SuccessfulDelete', `Deleted machine ${name}`);
}

/**
 * Before a control plane machine that is deleted is terminated: takes its member out of etcd, or the cluster would keep counting it towards its quorum;
 * then its hook off the Machine. Machines leave one at a time, the one deleted first before the others. No member leaves when the whole control plane
 * goes and for the last machine. `NotYet`, and said so on the Machine, while the rest would have no quorum or there is no rest yet. That it began is
 * recorded first: nothing may be drained through an API server that has lost its etcd. Source: capi kcp reconcilePreTerminateHook.
 */
export async function leaveControlPlane(deps: ActivityDeps, key: ObjectKey): Promise<void> {
  const { kube } = deps;
  const { signal } = deps.scope();
  const machine = await readKey<Machine>(kube, KINDS.Machine, key, signal);
  const cluster = machine && (await clusterNamed(kube, key.namespace, machine.spec.clusterName, signal));
  const controlPlane = machine && (await controlPlaneOf<KubeadmControlPlane>(deps, machine, cluster));
  if (!machine || !cluster || !controlPlane) return;
  await stamp(deps, machine, 'waitForPreTerminateHookStartTime');
  const owner = { kind: 'KubeadmControlPlane', namespace: key.namespace, uid: controlPlane.metadata.uid ?? '' };
  const machines = await machinesControlledBy(kube, owner, machine.spec.clusterName, signal);
  try {
    await handOverTo(deps, cluster, machine, machines, hasOwnEtcd(controlPlane));
  } catch (error) {
    signal.throwIfAborted();
    const message = error instanceof Error ? error.message : String(error);
    await assessMachine(deps, key, { reason: 'WaitingForPreTerminateHook', message });
    throw error;
  }
  await dropHook(deps, machine);
}

/** The last one just goes: nobody is left to count it. Any other one leaves to somebody who serves the API without it. */
async function handOverTo(
  deps: ActivityDeps,
  cluster: Cluster,
  machine: Machine,
  machines: readonly Machine[],
  ownEtcd: boolean,
): Promise<void> {
  const others = machines.filter((m) => m.metadata.uid !== machine.metadata.uid);
  const stay = others.filter((m) => m.status?.nodeRef !== undefined && !hasLeft(m));
  const name = machine.status?.nodeRef?.name ?? (await unrecordedNode(deps, machine, cluster, undefined));
  if (others.length === 0 || (name === undefined && stay.length === 0)) return;
  awaitTurn(machine, machines);
  if (name !== undefined && !stay.some(serves)) throw notYet(waitsForSuccessor(machine, others), 5_000);
  if (!ownEtcd) return;
  if (name !== undefined) await releaseMember(deps, cluster, stay, { name }, 'goes');
  else await releaseNameless(deps, cluster, stay, machines);
}

const SERVES = ['APIServerPodHealthy', 'ControllerManagerPodHealthy', 'SchedulerPodHealthy'] as const;
const serves = (m: Machine): boolean =>
  SERVES.every((type) => isTrue(m.status?.conditions as Condition[] | undefined, type));

const hasHook = ({ metadata }: Machine): boolean => metadata.annotations?.[ANNOTATION.kcpCleanup] !== undefined;

/** Its member is out of etcd, or is not waited for: its instance may be terminated at any moment. */
const hasLeft = (m: Machine): boolean => isDeleting(m) && !hasHook(m);

function waitsForSuccessor({ metadata }: Machine, others: readonly Machine[]): string {
  const names = others.map((m) => m.metadata.name).join(', ');
  return `no other control plane machine (${names}) has a Node with healthy ${SERVES.join(', ')}: Machine ${metadata.name} stays until one has or all others are gone; to delete everything, delete the Cluster`;
}

/** Throws `NotYet` while another machine is just going, or was deleted before and is about to: two at once could both count on each other. */
function awaitTurn(machine: Machine, machines: readonly Machine[]): void {
  const rank = (m: Machine): string => `${m.metadata.deletionTimestamp ?? ''} ${m.metadata.name}`;
  // one that is still being drained may be so for days
  const isLeaving = (m: Machine): boolean =>
    isDeleting(m) && m.status?.deletion?.waitForPreTerminateHookStartTime !== undefined;
  const others = machines.filter((m) => m.metadata.uid !== machine.metadata.uid);
  const first = others.find((m) => hasLeft(m) || (isLeaving(m) && rank(m) < rank(machine)));
  if (first) throw notYet(`Machine ${first.metadata.name} leaves the control plane first`, 2_000);
}

async function dropHook(deps: ActivityDeps, machine: Machine): Promise<void> {
  if (!hasHook(machine)) return;
  const { name, namespace = '', uid } = machine.metadata;
  const patch = { metadata: { uid, annotations: { [ANNOTATION.kcpCleanup]: null } } };
  const { signal } = deps.scope();
  await unlessGone(deps.kube.mergePatch(KINDS.Machine, { namespace, name }, patch, { signal }));
}

/** Takes a member that no Machine stands behind out of etcd, unless one of the machines may still turn out to be it. Absent is success. */
export async function evictMember(deps: ActivityDeps, key: ObjectKey, { id, name }: StrayMember): Promise<void> {
  const { kube } = deps;
  const { signal } = deps.scope();
  const controlPlane = await readKey<KubeadmControlPlane>(kube, KINDS.KubeadmControlPlane, key, signal);
  const clusterName = controlPlane?.metadata.labels?.[LABEL.clusterName] ?? '';
  const cluster = await clusterNamed(kube, key.namespace, clusterName, signal);
  if (!controlPlane || isDeleting(controlPlane) || !cluster || !hasOwnEtcd(controlPlane)) return;
  // those of others too: their members are no strays
  const machines = (await machinesOf(kube, key.namespace, clusterName, signal)).filter(isControlPlaneMachine);
  const nodes = machines.map((m) => m.status?.nodeRef?.name);
  if (machines.length === 0 || nodes.includes(undefined) || (name !== '' && nodes.includes(name))) return;
  await releaseMember(deps, cluster, machines, { id, name }, 'goes');
  deps.event(controlPlane, 'Normal', 'EtcdMemberRemoved', `Removed etcd member ${name || id}, which had no Machine`);
}

const hasOwnEtcd = ({ spec }: KubeadmControlPlane): boolean =>
  spec.kubeadmConfigSpec?.clusterConfiguration?.etcd?.external === undefined;

/** The machines that stay when `victim` goes. Throws `InvalidConfiguration` when there is none. */
function staying(machines: readonly Machine[], victim: Machine): Machine[] {
  const others = machines.filter((m) => m !== victim && !isDeleting(m) && m.status?.nodeRef !== undefined);
  if (others.length > 0) return others;
  throw new PerdureError(
    'InvalidConfiguration',
    `Machine ${victim.metadata.name} is the last control plane member; delete the Cluster instead`,
  );
}
