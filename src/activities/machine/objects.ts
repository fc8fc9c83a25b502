import type { Cluster, Machine } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import type { KubeObject, ObjectKey, ResourceKind } from '../../api/types/meta.js';
import { controllerOf, isControlPlaneMachine, isDeleting } from '../../domain/contract.js';
import { notYet } from '../../domain/errors.js';
import { FINALIZER } from '../../domain/names.js';
import { ensureBootstrapData } from '../bootstrap/index.js';
import type { ActivityDeps } from '../deps.js';
import { assessMachine, viewMachine } from '../kube/assess-machine.js';
import { resolveKind } from '../kube/refs.js';
import { clusterNamed, machinesOf, readKey } from '../kube/world.js';
import { removeFinalizer } from '../kube/write.js';
import { pause } from '../waits/pause.js';

/** Bootstrap data of a machine: ours rendered, a third party's waited for; then recorded as the Machine's dataSecretName. */
export async function machineBootstrap(deps: ActivityDeps, key: ObjectKey): Promise<{ dataSecretName: string }> {
  const view = await viewMachine(deps, key);
  if (!view) throw notYet(`Machine ${key.namespace}/${key.name} no longer exists`, 1_000);
  const { machine, cluster, bootstrap } = view;
  const known = machine.spec.bootstrap.dataSecretName;
  if (known !== undefined) return { dataSecretName: known };
  const ref = machine.spec.bootstrap.configRef;
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

/** Infra machine, bootstrap config and Secret, Node, finalizer: each only after the one before is absent. Absent is success throughout. */
export async function machineRemoveObjects(deps: ActivityDeps, key: ObjectKey): Promise<void> {
  const { kube } = deps;
  const { signal } = deps.scope();
  const machine = await readKey<Machine>(kube, KINDS.Machine, key, signal);
  if (!machine) return;
  const infraRef = machine.spec.infrastructureRef;
  const own = deps.providers.forMachine(infraRef);
  await removeObject(
    deps,
    await resolveKind(kube, infraRef, signal),
    key,
    infraRef.name,
    own ? (FINALIZER as Record<string, string>)[infraRef.kind] : undefined,
    'WaitingForInfrastructureDeletion',
  );
  const configRef = machine.spec.bootstrap.configRef;
  if (configRef) {
    await removeObject(
      deps,
      await resolveKind(kube, configRef, signal),
      key,
      configRef.name,
      undefined,
      'WaitingForBootstrapDeletion',
    );
    await removeBootstrapSecret(deps, key.namespace, machine.spec.bootstrap.dataSecretName, configRef.name);
  }
  await removeNode(deps, machine, await clusterNamed(kube, key.namespace, machine.spec.clusterName, signal));
  await removeFinalizer(kube, KINDS.Machine, machine, FINALIZER.Machine, signal);
}

async function removeObject(
  deps: ActivityDeps,
  kind: ResourceKind,
  key: ObjectKey,
  name: string,
  finalizer: string | undefined,
  reason: string,
): Promise<void> {
  const { signal } = deps.scope();
  for (let wait = 50; ; wait = Math.min(wait * 2, deps.pollMs * 4)) {
    const object = await deps.kube.get<KubeObject>(kind, { namespace: key.namespace, name }, signal);
    // another Machine's object of that name is not ours to delete
    if (!object || (controllerOf(object)?.kind === 'Machine' && controllerOf(object)?.uid !== key.uid)) return;
    if (!isDeleting(object))
      await deps.kube.delete(
        kind,
        { namespace: key.namespace, name },
        { ...(object.metadata.uid ? { uid: object.metadata.uid } : {}), signal },
      );
    if (finalizer) await removeFinalizer(deps.kube, kind, object, finalizer, signal);
    else if (object.metadata.finalizers?.length)
      await assessMachine(deps, key, {
        reason,
        message: `${kind.kind} ${name} still has finalizers ${object.metadata.finalizers.join(', ')}`,
      });
    deps.scope().heartbeat(`${kind.kind} ${name} is being deleted`);
    await pause(wait, signal);
  }
}

/** The Secret is the config's child; where no garbage collector runs it would stay behind with join tokens and keys in it. */
async function removeBootstrapSecret(
  deps: ActivityDeps,
  namespace: string,
  name: string | undefined,
  configName: string,
): Promise<void> {
  if (!name) return;
  const { signal } = deps.scope();
  const secret = await deps.kube.get<KubeObject>(KINDS.Secret, { namespace, name }, signal);
  const owner = secret ? controllerOf(secret) : undefined;
  if (secret && owner?.kind === 'KubeadmConfig' && owner.name === configName)
    await deps.kube.delete(KINDS.Secret, { namespace, name }, { signal });
}

const DEFAULT_NODE_DELETION_SECONDS = 10;

/** Deletes the Node where that still has a meaning: the cluster stays and another control-plane machine can answer. Gives up at the Machine's timeout. */
async function removeNode(deps: ActivityDeps, machine: Machine, cluster: Cluster | undefined): Promise<void> {
  const node = machine.status?.nodeRef?.name;
  if (!node || !cluster || isDeleting(cluster)) return;
  const { signal } = deps.scope();
  const machines = await machinesOf(deps.kube, machine.metadata.namespace ?? '', machine.spec.clusterName, signal);
  if (!machines.some((m) => isControlPlaneMachine(m) && !isDeleting(m))) return;
  const seconds = machine.spec.deletion?.nodeDeletionTimeoutSeconds ?? DEFAULT_NODE_DELETION_SECONDS;
  const deadline = seconds === 0 ? Number.POSITIVE_INFINITY : Date.now() + seconds * 1000;
  for (;;) {
    try {
      const workload = await deps.workload(cluster, signal);
      await workload.delete(KINDS.Node, { name: node }, { signal });
      return;
    } catch (error) {
      signal.throwIfAborted();
      if (Date.now() > deadline) {
        deps.event(
          machine,
          'Warning',
          'FailedDeleteNode',
          `gave up deleting Node ${node} after ${seconds} s: ${error instanceof Error ? error.message : String(error)}`,
        );
        return;
      }
      deps.scope().heartbeat(`delete node ${node}`);
      await pause(deps.pollMs, signal);
    }
  }
}
