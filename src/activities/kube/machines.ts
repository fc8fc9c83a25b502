import type { KubeadmControlPlane, Machine, MachineSet } from '../../api/types/index.js';
import { apiVersionOf, KINDS } from '../../api/types/kinds.js';
import type { KubeObject, ObjectKey, ResourceKind } from '../../api/types/meta.js';
import { controlPlaneConfigSpec } from '../../domain/bootstrap/control-plane-config.js';
import { controllerOf, isDeleting, keyOf, ownerReference } from '../../domain/contract.js';
import { notYet, PerdureError } from '../../domain/errors.js';
import type { RemediationRecord } from '../../domain/facts.js';
import { ANNOTATION, FINALIZER, LABEL } from '../../domain/names.js';
import { recordText } from '../../domain/rollout/control-plane-machine.js';
import { rememberTemplate } from '../../domain/rollout/in-place.js';
import type { ActivityDeps } from '../deps.js';
import { newId } from './assess-cluster.js';
import { assessMachine } from './assess-machine.js';
import { cloneFromTemplate, createOnce } from './clone.js';
import { inPlaceMetadata, inPlaceSpec } from './control-plane-machines.js';
import { removeOrphans } from './orphans.js';
import { inParallel } from './parallel.js';
import { endRemediation } from './remediation-record.js';
import { setMetadata } from './set-sync.js';
import { readKey } from './world.js';
import { ensureMetadata } from './write.js';

/** Machines made or deleted at once: a set may have thousands. */
const WIDTH = 8;

const kubeadmConfigRef = (name: string) => ({ apiGroup: KINDS.KubeadmConfig.group, kind: 'KubeadmConfig', name });

/**
 * Creates bootstrap config, infra machine and Machine for each name, in that order, so that a Machine says that all is there; what exists already
 * is kept. Idempotent by name. Throws `OwnershipConflict` for somebody else's object of one of the names.
 */
export async function createWorkerMachines(
  deps: ActivityDeps,
  key: ObjectKey,
  names: readonly string[],
): Promise<void> {
  const set = await readKey<MachineSet>(deps.kube, KINDS.MachineSet, key, deps.scope().signal);
  if (!set || isDeleting(set)) return;
  await removeOrphans(deps, set, names);
  await inParallel(names, WIDTH, async (name) => {
    deps.scope().heartbeat(`create machine ${name}`);
    const machine = await createWorker(deps, set, name);
    // Its lane need not run for that, as long as all it could do is wait.
    if (!isDeleting(machine) && machine.status?.observedGeneration === undefined)
      await assessMachine(deps, keyOf(machine));
  });
  deps.event(set, 'Normal', 'SuccessfulCreate', `Created ${names.length} machines: ${names.slice(0, 5).join(', ')}`);
}

async function createWorker(deps: ActivityDeps, set: MachineSet, name: string): Promise<Machine> {
  const namespace = set.metadata.namespace ?? '';
  const made = await madeBefore(deps, set, name);
  if (made) return made;
  const template = set.spec.template;
  const wish = setMetadata(set);
  const memory = rememberTemplate(wish);
  const labels = { ...wish.labels, ...wish.system };
  const annotations = { ...wish.annotations, ...(memory ? { [ANNOTATION.fromTemplate]: memory } : {}) };
  const common = {
    namespace,
    name,
    owner: ownerReference(set, { controller: false }),
    labels,
    annotations,
  };
  const configTemplate = template.spec.bootstrap.configRef;
  const configRef = configTemplate
    ? await cloneFromTemplate(deps, { ...common, template: configTemplate, identity: false })
    : undefined;
  const infrastructureRef = await cloneFromTemplate(deps, {
    ...common,
    template: template.spec.infrastructureRef,
    identity: true,
  });
  const machine = {
    apiVersion: apiVersionOf(KINDS.Machine),
    kind: 'Machine',
    metadata: {
      name,
      namespace,
      labels,
      annotations,
      ownerReferences: [ownerReference(set, { controller: true })],
      finalizers: [FINALIZER.Machine],
    },
    spec: {
      ...template.spec,
      clusterName: set.spec.clusterName,
      bootstrap: configRef ? { configRef } : template.spec.bootstrap,
      infrastructureRef,
    },
  } as Machine;
  return await createOnce(deps, KINDS.Machine, machine, set.metadata.uid ?? '');
}

/** The Machine of that name when an earlier run made it, even if it is being deleted by now. */
async function madeBefore(deps: ActivityDeps, owner: KubeObject, name: string): Promise<Machine | undefined> {
  const namespace = owner.metadata.namespace ?? '';
  const machine = await deps.kube.get<Machine>(KINDS.Machine, { namespace, name }, deps.scope().signal);
  if (!machine) return undefined;
  const controller = controllerOf(machine);
  if (controller?.uid === owner.metadata.uid) return machine;
  throw new PerdureError(
    'OwnershipConflict',
    `Machine ${namespace}/${name} exists and belongs to ${controller ? `${controller.kind} ${controller.name}` : 'nobody'}; rename or delete it`,
  );
}

/**
 * Creates one control-plane machine: infra machine, KubeadmConfig, Machine. Idempotent by name; same errors as for workers. What was made for one that
 * never came to be goes first. A machine that `replaces` an unhealthy one says so, which ends that replacement.
 */
export async function createControlPlaneMachine(
  deps: ActivityDeps,
  key: ObjectKey,
  machine: { readonly name: string; readonly failureDomain?: string; readonly replaces?: RemediationRecord },
): Promise<void> {
  await makeControlPlaneMachine(deps, key, machine);
  if (machine.replaces) await endRemediation(deps, key, machine.replaces);
}

async function makeControlPlaneMachine(
  deps: ActivityDeps,
  key: ObjectKey,
  { name, failureDomain, replaces }: Parameters<typeof createControlPlaneMachine>[2],
): Promise<void> {
  const { kube } = deps;
  const { signal } = deps.scope();
  const controlPlane = await readKey<KubeadmControlPlane>(kube, KINDS.KubeadmControlPlane, key, signal);
  if (!controlPlane || isDeleting(controlPlane)) return;
  const clusterName = controlPlane.metadata.labels?.[LABEL.clusterName];
  if (!clusterName)
    throw notYet(`KubeadmControlPlane ${key.namespace}/${key.name} is not linked to its Cluster yet`, 500);
  if (await madeBefore(deps, controlPlane, name)) return;
  await removeOrphans(deps, controlPlane, [name]);
  const template = controlPlane.spec.machineTemplate;
  const wish = inPlaceMetadata(controlPlane, clusterName);
  const memory = rememberTemplate(wish);
  const labels = { ...wish.labels, ...wish.system };
  const annotations = { ...wish.annotations, ...(memory ? { [ANNOTATION.fromTemplate]: memory } : {}) };
  const holder = ownerReference(controlPlane, { controller: false });
  const infrastructureRef = await cloneFromTemplate(deps, {
    template: template.spec.infrastructureRef,
    namespace: key.namespace,
    name,
    owner: holder,
    labels,
    annotations,
    identity: true,
  });
  const config = {
    apiVersion: apiVersionOf(KINDS.KubeadmConfig),
    kind: 'KubeadmConfig',
    metadata: { name, namespace: key.namespace, labels, annotations, ownerReferences: [holder] },
    spec: controlPlaneConfigSpec(
      `KubeadmControlPlane ${key.namespace}/${key.name}`,
      controlPlane.spec.kubeadmConfigSpec,
      controlPlane.spec.version,
      controlPlane.status?.initialization?.controlPlaneInitialized ? 'join' : 'init',
    ),
  };
  await createOnce(deps, KINDS.KubeadmConfig, config, key.uid);
  const machine = {
    apiVersion: apiVersionOf(KINDS.Machine),
    kind: 'Machine',
    metadata: {
      name,
      namespace: key.namespace,
      labels,
      annotations: {
        ...annotations,
        [ANNOTATION.kcpCleanup]: '',
        ...(replaces ? { [ANNOTATION.remediationFor]: recordText(replaces) } : {}),
      },
      ownerReferences: [ownerReference(controlPlane, { controller: true })],
    },
    spec: {
      clusterName,
      version: controlPlane.spec.version,
      bootstrap: { configRef: kubeadmConfigRef(name) },
      infrastructureRef,
      ...(failureDomain ? { failureDomain } : {}),
      ...inPlaceSpec(controlPlane),
    },
  } as Machine;
  await createOnce(deps, KINDS.Machine, machine, key.uid);
  deps.event(controlPlane, 'Normal', 'SuccessfulCreate', `Created machine ${name}`);
}

/**
 * Requests deletion of the owner's machines by name; absent is success, another owner's machine of that name is left alone. What a set holds for machines that
 * never came to be goes too.
 */
export async function deleteMachines(deps: ActivityDeps, key: ObjectKey, names: readonly string[]): Promise<void> {
  const { signal } = deps.scope();
  const set =
    key.kind === 'MachineSet' ? await readKey<MachineSet>(deps.kube, KINDS.MachineSet, key, signal) : undefined;
  if (set) await removeOrphans(deps, set, []);
  await inParallel(names, WIDTH, async (name) => {
    deps.scope().heartbeat(`delete machine ${name}`);
    const ref = { namespace: key.namespace, name };
    const machine = await deps.kube.get<Machine>(KINDS.Machine, ref, signal);
    if (!machine || controllerOf(machine)?.uid !== key.uid || isDeleting(machine)) return;
    const { uid } = machine.metadata;
    await deps.kube.delete(KINDS.Machine, ref, { ...(uid ? { uid } : {}), signal });
  });
}

/**
 * The object's `perdure.dev/id`, which must be stored before any effect in a cloud. Usually written when the object was linked; one that is
 * deleted before that gets it here, so that its deletion can find what may have been made. Throws `NotFound` when the object is gone.
 */
export async function ensureIdentity(deps: ActivityDeps, kind: ResourceKind, object: KubeObject): Promise<string> {
  const wish = { annotationsOnce: { [ANNOTATION.id]: newId } };
  const stored = await ensureMetadata(deps.kube, kind, object, wish, deps.scope().signal);
  const id = stored.metadata.annotations?.[ANNOTATION.id];
  if (!id)
    throw new PerdureError('NotFound', `${object.kind} ${object.metadata.namespace}/${object.metadata.name} is gone`);
  return id;
}
