import type { Cluster, Machine } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import type { KubeObject, ObjectKey } from '../../api/types/meta.js';
import { controllerOf, foreignOwner, isDeleting, isPaused, keyOf, ownerReference } from '../../domain/contract.js';
import { notYet, PerdureError } from '../../domain/errors.js';
import { FINALIZER, LABEL } from '../../domain/names.js';
import { ensureBootstrapData } from '../bootstrap/index.js';
import { CLUSTER_SECRET_TYPE, type Secret } from '../bootstrap/secrets.js';
import type { ActivityDeps } from '../deps.js';
import { assessMachine, viewMachine } from '../kube/assess-machine.js';
import { type ContractRef, findKind, readRef } from '../kube/refs.js';
import { clusterNamed, readKey } from '../kube/world.js';
import { applyPaused, ensureMetadata, removeFinalizer } from '../kube/write.js';
import { Pace, pause } from '../waits/pause.js';
import { removableNode } from './deletion.js';

/** Bootstrap data of a machine: ours rendered, a third party's waited for; then recorded as the Machine's dataSecretName. */
export async function machineBootstrap(deps: ActivityDeps, key: ObjectKey): Promise<{ dataSecretName: string }> {
  const view = await viewMachine(deps, key);
  if (!view) throw new PerdureError('NotFound', `Machine ${key.namespace}/${key.name} no longer exists`);
  const { machine, cluster, bootstrap } = view;
  const known = machine.spec.bootstrap.dataSecretName;
  if (known !== undefined) return { dataSecretName: known };
  const ref = machine.spec.bootstrap.configRef;
  if (view.refused.bootstrap)
    throw new PerdureError('OwnershipConflict', `Machine ${key.namespace}/${key.name}: ${view.refused.bootstrap}`);
  if (!bootstrap || !cluster)
    throw notYet(
      `${ref?.kind ?? 'bootstrap config'} ${ref?.name ?? ''} of Machine ${key.namespace}/${key.name} does not exist yet`,
      1_000,
    );
  if (bootstrap.kind === 'KubeadmConfig' && ref?.apiGroup === KINDS.KubeadmConfig.group) {
    await ensureBootstrapData(deps, { cluster, machine, config: bootstrap as never });
  }
  await assessMachine(deps, key);
  const after = await readKey<Machine>(deps.kube, KINDS.Machine, key, deps.scope().signal);
  const dataSecretName = after?.spec.bootstrap.dataSecretName;
  if (dataSecretName === undefined)
    throw notYet(`${bootstrap.kind} ${bootstrap.metadata.name} has no bootstrap data yet`, 1_000);
  return { dataSecretName };
}

/**
 * Tells on a machine's KubeadmConfig whether it is paused, and ties its data to it again, should label or owner of the Secret have been removed. A Secret of
 * the user's stays as it is.
 */
export async function keepBootstrapConfig(deps: ActivityDeps, key: ObjectKey): Promise<void> {
  const { kube } = deps;
  const { signal } = deps.scope();
  const view = await viewMachine(deps, key);
  if (!view) return;
  const { machine, cluster, bootstrap: config } = view;
  const { configRef, dataSecretName: name } = machine.spec.bootstrap;
  const isKubeadm = configRef?.kind === 'KubeadmConfig' && configRef.apiGroup === KINDS.KubeadmConfig.group;
  if (!config || !isKubeadm || [machine, config].some(isDeleting)) return;
  const paused = isPaused(config, cluster) || isPaused(machine, cluster);
  await applyPaused(kube, KINDS.KubeadmConfig, config, deps.now(), signal, paused);
  if (paused || !name || name !== config.metadata.name) return;
  const secret = await kube.get<Secret>(KINDS.Secret, { namespace: key.namespace, name }, signal);
  if (secret?.type !== CLUSTER_SECRET_TYPE || foreignOwner(secret, config)) return;
  const wish = {
    owner: ownerReference(config, { controller: true }),
    labels: { [LABEL.clusterName]: machine.spec.clusterName },
  };
  await ensureMetadata(kube, KINDS.Secret, secret, wish, signal);
}

/** Infra machine, bootstrap config and Secret, Node, finalizer: each only after the one before is absent. Absent is success throughout. */
export async function machineRemoveObjects(deps: ActivityDeps, key: ObjectKey): Promise<void> {
  const { kube } = deps;
  const { signal } = deps.scope();
  const machine = await readKey<Machine>(kube, KINDS.Machine, key, signal);
  if (!machine) return;
  const cluster = await clusterNamed(kube, key.namespace, machine.spec.clusterName, signal);
  const infraRef = machine.spec.infrastructureRef;
  const finalizer = deps.providers.forMachine(infraRef) && (FINALIZER as Record<string, string>)[infraRef.kind];
  if (finalizer) await refuseBlindRemoval(deps, machine, cluster, finalizer);
  await removeObject(deps, key, infraRef, finalizer, 'WaitingForInfrastructureDeletion');
  const { configRef, dataSecretName } = machine.spec.bootstrap;
  if (configRef) {
    const gone = await removeObject(deps, key, configRef, undefined, 'WaitingForBootstrapDeletion');
    if (gone) await removeBootstrapSecret(deps, key.namespace, dataSecretName, configRef.name);
  }
  // a run that was thought dead may end up here long after the Machine
  if (!(await readKey<Machine>(kube, KINDS.Machine, key, signal))) return;
  await removeNode(deps, machine, cluster);
  // others may still hold it: it says that nothing is left to do here
  await assessMachine(deps, key, { reason: 'DeletionCompleted', message: 'Deletion completed' });
  await removeFinalizer(kube, KINDS.Machine, machine, FINALIZER.Machine, signal);
}

/**
 * Without its Cluster, or the infra cluster, nobody could terminate the machine's instance: dropping the finalizer of the infra machine would leave
 * it running unseen. Throws `NotFound` naming the way out, unless no instance can have been made yet.
 */
async function refuseBlindRemoval(
  deps: ActivityDeps,
  machine: Machine,
  cluster: Cluster | undefined,
  finalizer: string,
): Promise<void> {
  const namespace = machine.metadata.namespace ?? '';
  const { signal } = deps.scope();
  const { bootstrap, providerID, infrastructureRef, clusterName } = machine.spec;
  if (bootstrap.dataSecretName === undefined && providerID === undefined) return;
  if (await readRef(deps.kube, cluster?.spec.infrastructureRef, namespace, signal)) return;
  const infra = await readRef<KubeObject>(deps.kube, infrastructureRef, namespace, signal);
  if (!infra?.metadata.finalizers?.includes(finalizer) || foreignOwner(infra, machine)) return;
  throw new PerdureError(
    'NotFound',
    `the infrastructure of Cluster ${namespace}/${clusterName} does not exist, so the instance of ${infra.kind} ${infra.metadata.name} cannot be terminated; restore the Cluster, or remove the instance by hand and then finalizer ${finalizer}`,
  );
}

/**
 * Deletes what the Machine refers to and waits until it is absent; what belongs to somebody else, or to a younger Machine, stays. True when it is
 * absent.
 */
async function removeObject(
  deps: ActivityDeps,
  key: ObjectKey,
  ref: ContractRef,
  finalizer: string | undefined,
  reason: string,
): Promise<boolean> {
  const { kube } = deps;
  const { signal } = deps.scope();
  const kind = await findKind(kube, ref, signal);
  if (!kind) return true;
  const where = { namespace: key.namespace, name: ref.name };
  for (let wait = Math.min(50, deps.pollMs); ; wait = Math.min(wait * 2, deps.pollMs * 4)) {
    const machine = await readKey<Machine>(kube, KINDS.Machine, key, signal);
    const object = machine && (await kube.get<KubeObject>(kind, where, signal));
    if (machine && !object) return true;
    if (!object || foreignOwner(object, machine)) return false;
    const { uid, finalizers = [] } = object.metadata;
    if (!isDeleting(object)) await kube.delete(kind, where, { ...(uid ? { uid } : {}), signal });
    if (finalizer) await removeFinalizer(kube, kind, object, finalizer, signal);
    else if (finalizers.length > 0) {
      const message = `${kind.kind} ${ref.name} still has finalizers ${finalizers.join(', ')}`;
      await assessMachine(deps, key, { reason, message });
    }
    deps.scope().heartbeat(`${kind.kind} ${ref.name} is being deleted`);
    await pause(wait, signal);
  }
}

/** The Secret is the config's child; where no garbage collector runs it would stay behind with join tokens and keys in it. */
export async function removeBootstrapSecret(
  deps: ActivityDeps,
  namespace: string,
  name: string | undefined,
  configName: string,
): Promise<void> {
  if (!name) return;
  const { signal } = deps.scope();
  const secret = await deps.kube.get<KubeObject>(KINDS.Secret, { namespace, name }, signal);
  const owner = secret ? controllerOf(secret) : undefined;
  const uid = secret?.metadata.uid;
  if (secret && owner?.kind === 'KubeadmConfig' && owner.name === configName)
    await deps.kube.delete(KINDS.Secret, { namespace, name }, { ...(uid ? { uid } : {}), signal });
}

const DEFAULT_NODE_DELETION_SECONDS = 10;
/** However long ago the deletion began, it is tried for so long. */
const LEAST_NODE_DELETION_MS = 10_000;

/**
 * Deletes the Node where that still has a meaning: the cluster stays and somebody answers for it. The Machine's timeout counts from its deletion, as
 * upstream; after it the Node is left behind. 0 is without end.
 */
async function removeNode(deps: ActivityDeps, machine: Machine, cluster: Cluster | undefined): Promise<void> {
  const name = await removableNode(deps, machine, cluster, undefined);
  if (name === undefined || !cluster) return;
  const { signal } = deps.scope();
  const seconds = machine.spec.deletion?.nodeDeletionTimeoutSeconds ?? DEFAULT_NODE_DELETION_SECONDS;
  const begun = Date.parse(machine.metadata.deletionTimestamp ?? deps.now());
  const now = (): number => Date.parse(deps.now());
  const deadline =
    seconds === 0 ? Number.POSITIVE_INFINITY : Math.max(begun + seconds * 1000, now() + LEAST_NODE_DELETION_MS);
  for (const pace = new Pace(deps.pollMs, signal); ; ) {
    try {
      const workload = await deps.workload(cluster, signal);
      await workload.delete(KINDS.Node, { name }, { signal });
      return;
    } catch (error) {
      signal.throwIfAborted();
      const why = error instanceof Error ? error.message : String(error);
      if (now() > deadline) {
        const text = `gave up deleting Node ${name}, which may be left behind: ${why}`;
        deps.event(machine, 'Warning', 'FailedDeleteNode', text);
        return;
      }
      const message = `Deleting Node ${name} failed: ${why}`;
      await assessMachine(deps, keyOf(machine), { reason: 'DeletingNode', message });
      deps.scope().heartbeat(message);
      await pace.rest(message);
    }
    // the Cluster, or all that could answer, may have gone meanwhile
    const after = await clusterNamed(deps.kube, machine.metadata.namespace ?? '', machine.spec.clusterName, signal);
    if ((await removableNode(deps, machine, after, undefined)) === undefined) return;
  }
}
