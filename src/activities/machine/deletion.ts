import type { Cluster, Machine, MachinePool } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import type { KubeObject, ObjectKey } from '../../api/types/meta.js';
import { controllerOf, foreignOwner, isDeleting, readPath } from '../../domain/contract.js';
import { type DeletionOutlook, deletionOutlook, nodeIsLeftAlone } from '../../domain/drain/outlook.js';
import { LABEL } from '../../domain/names.js';
import type { ActivityDeps } from '../deps.js';
import { readRef } from '../kube/refs.js';
import { clusterNamed, ofCluster, readKey } from '../kube/world.js';
import { unlessGone } from '../kube/write.js';
import { findNode } from '../workload/nodes.js';

/** A Machine that is being deleted, and what decides how; read now. */
export interface DeletionView {
  readonly machine: Machine;
  readonly cluster: Cluster | undefined;
  /** Its Node, when it may be drained and deleted. */
  readonly nodeName: string | undefined;
  readonly outlook: DeletionOutlook;
}

/** Reads everything a deletion goes by. Undefined when the Machine is gone or, after all, stays. Creation inputs (templates, kubeconfig) are not needed. */
export async function viewDeletion(deps: ActivityDeps, key: ObjectKey): Promise<DeletionView | undefined> {
  const { signal } = deps.scope();
  const machine = await readKey<Machine>(deps.kube, KINDS.Machine, key, signal);
  if (!machine || !isDeleting(machine)) return undefined;
  const [cluster, infra] = await Promise.all([
    clusterNamed(deps.kube, key.namespace, machine.spec.clusterName, signal),
    readRef<KubeObject>(deps.kube, machine.spec.infrastructureRef, key.namespace, signal),
  ]);
  const infrastructure = infra && foreignOwner(infra, machine) ? undefined : infra;
  const nodeName = await removableNode(deps, machine, cluster, infrastructure);
  const outlook = deletionOutlook({
    machine,
    infrastructure,
    node: nodeName !== undefined,
    member: (await controlPlaneOf(deps, machine, cluster)) !== undefined,
    now: Date.parse(deps.now()),
  });
  return { machine, cluster, nodeName, outlook };
}

/**
 * The Node of a Machine, when it may be drained and deleted: the cluster, its control plane and its pool stay, and somebody answers for it. One that was not recorded is
 * looked for by providerID; that this fails is no obstacle. Throws when the control plane object cannot be read.
 */
export async function removableNode(
  deps: ActivityDeps,
  machine: Machine,
  cluster: Cluster | undefined,
  infrastructure: KubeObject | undefined,
): Promise<string | undefined> {
  // first what needs no call
  if (!cluster || isDeleting(cluster) || (await poolGoes(deps, machine))) return undefined;
  const nodeName = machine.status?.nodeRef?.name ?? (await unrecordedNode(deps, machine, cluster, infrastructure));
  if (nodeName === undefined) return undefined;
  const { signal } = deps.scope();
  const namespace = machine.metadata.namespace ?? '';
  const ref = cluster.spec.controlPlaneRef;
  const labelSelector = `${ofCluster(cluster.metadata.name)},${LABEL.controlPlane}`;
  const [controlPlane, machines] = await Promise.all([
    ref ? readRef<KubeObject>(deps.kube, ref, namespace, signal) : undefined,
    deps.kube.list<Machine>(KINDS.Machine, { namespace, labelSelector }, signal),
  ]);
  const reason = nodeIsLeftAlone({
    clusterDeleting: false,
    nodeName,
    ...(controlPlane
      ? {
          controlPlane: {
            deleting: isDeleting(controlPlane),
            external: readPath(controlPlane, 'status.externalManagedControlPlane') === true,
          },
        }
      : {}),
    controlPlaneMachines: machines.filter((m) => !isDeleting(m)).length,
  });
  return reason === undefined ? nodeName : undefined;
}

/** Whether it is one of a pool that is deleted, or gone: the pool removes its group as a whole, and the Nodes. */
async function poolGoes(deps: ActivityDeps, machine: Machine): Promise<boolean> {
  const owner = controllerOf(machine);
  if (owner?.kind !== KINDS.MachinePool.kind) return false;
  const key = { kind: owner.kind, namespace: machine.metadata.namespace ?? '', name: owner.name, uid: owner.uid };
  const pool = await readKey<MachinePool>(deps.kube, KINDS.MachinePool, key, deps.scope().signal);
  return !pool || isDeleting(pool);
}

/** The name of a Node that was not recorded, by providerID; undefined also when it cannot be looked for. */
export async function unrecordedNode(
  deps: ActivityDeps,
  machine: Machine,
  cluster: Cluster,
  infrastructure: KubeObject | undefined,
): Promise<string | undefined> {
  const { signal } = deps.scope();
  const told = readPath(infrastructure, 'spec.providerID');
  const providerID = machine.spec.providerID ?? (typeof told === 'string' && told !== '' ? told : undefined);
  if (providerID === undefined) return undefined;
  try {
    const workload = await deps.workload(cluster, signal);
    const node = await findNode(workload, { ...machine, spec: { ...machine.spec, providerID } }, false, signal);
    return node?.metadata.name;
  } catch (error) {
    signal.throwIfAborted();
    // a machine that never joined must not wait for a cluster that never came up
    const reason = error instanceof Error ? error.message : String(error);
    deps.log.warn('could not look for the node of a machine', { machine: machine.metadata.name, reason });
    return undefined;
  }
}

/**
 * The control plane that a Machine has to leave before its instance goes; undefined when there is none to leave: a worker, or everything goes. Another
 * control plane provider's machines are its own business.
 */
export async function controlPlaneOf<T extends KubeObject>(
  deps: ActivityDeps,
  machine: Machine,
  cluster: Cluster | undefined,
): Promise<T | undefined> {
  const owner = controllerOf(machine);
  if (owner?.kind !== 'KubeadmControlPlane' || !cluster || isDeleting(cluster)) return undefined;
  const key = { kind: owner.kind, namespace: machine.metadata.namespace ?? '', name: owner.name, uid: owner.uid };
  const controlPlane = await readKey<T>(deps.kube, KINDS.KubeadmControlPlane, key, deps.scope().signal);
  return controlPlane && !isDeleting(controlPlane) ? controlPlane : undefined;
}

type Stamp = keyof NonNullable<NonNullable<Machine['status']>['deletion']>;

/**
 * Records when a stage began, once, before anything is done in it; answers the time. A patch of just this field: no other writer of the status can take it
 * away, and it outlives the operation.
 */
export async function stamp(deps: ActivityDeps, machine: Machine, field: Stamp): Promise<string> {
  const known = machine.status?.deletion?.[field];
  if (known !== undefined) return known;
  const time = deps.now();
  const { name, namespace = '', uid } = machine.metadata;
  const patch = { metadata: { uid }, status: { deletion: { [field]: time } } };
  const options = { subresource: 'status', signal: deps.scope().signal } as const;
  await unlessGone(deps.kube.mergePatch(KINDS.Machine, { namespace, name }, patch, options));
  return time;
}
