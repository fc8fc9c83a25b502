import type { Cluster, MachinePool } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import type { KubeObject, ObjectKey } from '../../api/types/meta.js';
import { controllerOf, foreignOwner, isDeleting } from '../../domain/contract.js';
import { PerdureError } from '../../domain/errors.js';
import { FINALIZER } from '../../domain/names.js';
import type { ActivityDeps } from '../deps.js';
import { assessMachinePool } from '../kube/assess-machine-pool.js';
import { type ContractRef, findKind, readRef } from '../kube/refs.js';
import { clusterNamed, readKey } from '../kube/world.js';
import { removeFinalizer } from '../kube/write.js';
import { removeBootstrapSecret } from '../machine/objects.js';
import { Pace, pause } from '../waits/pause.js';
import { listInfraMachines, listPoolMachines } from './machines.js';
import { removeRetiredNodes, workloadOf } from './nodes.js';

const DEFAULT_NODE_DELETION_SECONDS = 10;
/** However long ago the deletion began, it is tried for so long. */
const LEAST_NODE_DELETION_MS = 10_000;

/**
 * Infra pool, bootstrap config and Secret, Nodes, Machines, finalizer: each only after the one before is absent. Where the group is ours its instances are gone
 * by now, and Nodes and Machines go first: nothing is left to be drained. Absent is success throughout. Source: capi machinepool_controller.go
 * reconcileDelete.
 */
export async function poolRemoveObjects(deps: ActivityDeps, key: ObjectKey): Promise<void> {
  const { kube } = deps;
  const { signal } = deps.scope();
  const pool = await readKey<MachinePool>(kube, KINDS.MachinePool, key, signal);
  if (!pool) return;
  const cluster = await clusterNamed(kube, key.namespace, pool.spec.clusterName, signal);
  const { bootstrap, infrastructureRef } = pool.spec.template.spec;
  const own = deps.providers.forPool(infrastructureRef);
  const finalizer = own && (FINALIZER as Record<string, string>)[infrastructureRef.kind];
  if (finalizer) await refuseBlindRemoval(deps, pool, cluster, finalizer);
  if (own) {
    await removeNodes(deps, key, pool, cluster);
    await removeMachines(deps, key);
  }
  await removeChild(deps, key, infrastructureRef, finalizer);
  const { configRef, dataSecretName } = bootstrap;
  if (configRef && (await removeChild(deps, key, configRef, undefined)))
    await removeBootstrapSecret(deps, key.namespace, dataSecretName, configRef.name);
  // a run that was thought dead may end up here long after the pool
  if (!(await readKey<MachinePool>(kube, KINDS.MachinePool, key, signal))) return;
  await removeNodes(deps, key, pool, cluster);
  await removeMachines(deps, key);
  await removeFinalizer(kube, KINDS.MachinePool, pool, FINALIZER.MachinePool, signal);
}

/** Deletes the pool's Machines and waits until they are gone; then what is left of infra machines of ours that have none. */
async function removeMachines(deps: ActivityDeps, key: ObjectKey): Promise<void> {
  const { kube } = deps;
  const { signal } = deps.scope();
  for (const pace = new Pace(deps.pollMs, signal); ; ) {
    const pool = await readKey<MachinePool>(kube, KINDS.MachinePool, key, signal);
    if (!pool) return;
    const machines = (await listPoolMachines(deps, pool)).filter((m) => controllerOf(m));
    if (machines.length === 0) return removeInfraMachines(deps, pool);
    for (const machine of machines.filter((m) => !isDeleting(m))) {
      const { name, uid } = machine.metadata;
      await kube.delete(KINDS.Machine, { namespace: key.namespace, name }, { ...(uid ? { uid } : {}), signal });
    }
    const message = `${machines.length} Machines left: ${machines
      .slice(0, 3)
      .map((m) => m.metadata.name)
      .join(', ')}`;
    await assessMachinePool(deps, key, message);
    deps.scope().heartbeat(message);
    await pace.rest(message);
  }
}

/** Those that no Machine ever stood for: their instances went with the group. */
async function removeInfraMachines(deps: ActivityDeps, pool: MachinePool): Promise<void> {
  const { signal } = deps.scope();
  const { namespace = '' } = pool.metadata;
  const { infrastructureRef } = pool.spec.template.spec;
  const own = deps.providers.forPool(infrastructureRef);
  const infra = await readRef<KubeObject>(deps.kube, infrastructureRef, namespace, signal);
  const found = infra && own && (await listInfraMachines(deps, pool, infra));
  if (!found || found.kind !== own.machineKind) return;
  const finalizer = (FINALIZER as Record<string, string>)[found.kind.kind];
  for (const object of found.items) {
    // one that a Machine controls is that Machine's
    if (controllerOf(object)) continue;
    const { name, uid } = object.metadata;
    await deps.kube.delete(found.kind, { namespace, name }, { ...(uid ? { uid } : {}), signal });
    if (finalizer) await removeFinalizer(deps.kube, found.kind, object, finalizer, signal);
  }
}

/** Without the infra cluster nobody could remove the group; throws `NotFound` naming the way out, unless none can have been made yet. */
async function refuseBlindRemoval(
  deps: ActivityDeps,
  pool: MachinePool,
  cluster: Cluster | undefined,
  finalizer: string,
): Promise<void> {
  const namespace = pool.metadata.namespace ?? '';
  const { signal } = deps.scope();
  const { bootstrap, infrastructureRef } = pool.spec.template.spec;
  if (bootstrap.dataSecretName === undefined) return;
  if (await readRef(deps.kube, cluster?.spec.infrastructureRef, namespace, signal)) return;
  const infra = await readRef<KubeObject>(deps.kube, infrastructureRef, namespace, signal);
  if (!infra?.metadata.finalizers?.includes(finalizer) || foreignOwner(infra, pool)) return;
  throw new PerdureError(
    'NotFound',
    `the infrastructure of Cluster ${namespace}/${pool.spec.clusterName} does not exist, so the group of ${infra.kind} ${infra.metadata.name} cannot be removed; restore the Cluster, or remove the group by hand and then finalizer ${finalizer}`,
  );
}

/** Deletes a child and waits until it is absent; answers false when it is not the pool's to delete. */
async function removeChild(
  deps: ActivityDeps,
  key: ObjectKey,
  ref: ContractRef,
  finalizer: string | undefined,
): Promise<boolean> {
  const { kube } = deps;
  const { signal } = deps.scope();
  const kind = await findKind(kube, ref, signal);
  if (!kind) return true;
  const where = { namespace: key.namespace, name: ref.name };
  for (let wait = Math.min(50, deps.pollMs); ; wait = Math.min(wait * 2, deps.pollMs * 4)) {
    const pool = await readKey<MachinePool>(kube, KINDS.MachinePool, key, signal);
    const object = pool && (await kube.get<KubeObject>(kind, where, signal));
    if (pool && !object) return true;
    if (!object || foreignOwner(object, pool)) return false;
    const { uid, finalizers = [] } = object.metadata;
    if (!isDeleting(object)) await kube.delete(kind, where, { ...(uid ? { uid } : {}), signal });
    if (finalizer) await removeFinalizer(kube, kind, object, finalizer, signal);
    else if (finalizers.length > 0)
      await assessMachinePool(deps, key, `${kind.kind} ${ref.name} still has finalizers ${finalizers.join(', ')}`);
    deps.scope().heartbeat(`${kind.kind} ${ref.name} is being deleted`);
    await pause(wait, signal);
  }
}

/**
 * Deletes the pool's Nodes where that still has a meaning: the cluster stays. The pool's node deletion timeout counts from its deletion; after it they are
 * left behind. 0 is without end.
 */
async function removeNodes(
  deps: ActivityDeps,
  key: ObjectKey,
  pool: MachinePool,
  cluster: Cluster | undefined,
): Promise<void> {
  if ((pool.status?.nodeRefs ?? []).length === 0) return;
  const { signal } = deps.scope();
  const seconds = pool.spec.template.spec.deletion?.nodeDeletionTimeoutSeconds ?? DEFAULT_NODE_DELETION_SECONDS;
  const now = (): number => Date.parse(deps.now());
  const begun = Date.parse(pool.metadata.deletionTimestamp ?? deps.now());
  const deadline =
    seconds === 0 ? Number.POSITIVE_INFINITY : Math.max(begun + seconds * 1000, now() + LEAST_NODE_DELETION_MS);
  let stays = cluster;
  for (const pace = new Pace(deps.pollMs, signal); stays && !isDeleting(stays); ) {
    const why = await tryRemoval(deps, pool, stays);
    if (why === undefined) return;
    if (now() > deadline) {
      const text = `gave up deleting Nodes, which may be left behind: ${why}`;
      deps.event(pool, 'Warning', 'FailedDeleteNode', text);
      return;
    }
    const message = `Deleting Nodes failed: ${why}`;
    await assessMachinePool(deps, key, message);
    deps.scope().heartbeat(message);
    await pace.rest(message);
    stays = await clusterNamed(deps.kube, key.namespace, pool.spec.clusterName, signal);
  }
}

/** Why it failed, or undefined. */
async function tryRemoval(deps: ActivityDeps, pool: MachinePool, cluster: Cluster): Promise<string | undefined> {
  const { signal } = deps.scope();
  const found = await workloadOf(deps, cluster);
  if (!('workload' in found)) return found.why;
  try {
    await removeRetiredNodes(found.workload, pool, [], signal);
    return undefined;
  } catch (error) {
    signal.throwIfAborted();
    return error instanceof Error ? error.message : String(error);
  }
}
