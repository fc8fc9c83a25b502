import type { KubeadmControlPlane, Machine, MachineSet } from '../../api/types/index.js';
import { apiVersionOf, KINDS } from '../../api/types/kinds.js';
import type { ObjectKey } from '../../api/types/meta.js';
import { controlPlaneConfigSpec } from '../../domain/bootstrap/control-plane-config.js';
import { isDeleting, ownerReference } from '../../domain/contract.js';
import { notYet } from '../../domain/errors.js';
import { ANNOTATION, LABEL } from '../../domain/names.js';
import { COMPONENT_CONDITIONS, ETCD_CONDITIONS } from '../../domain/status/control-plane.js';
import type { ActivityDeps } from '../deps.js';
import { cloneFromTemplate, createOnce } from './clone.js';
import { readKey } from './world.js';

const kubeadmConfigRef = (name: string) => ({ apiGroup: KINDS.KubeadmConfig.group, kind: 'KubeadmConfig', name });

/** Creates bootstrap config, infra machine and Machine for each name, in that order; what exists already is kept. Idempotent by name. */
export async function createWorkerMachines(
  deps: ActivityDeps,
  key: ObjectKey,
  names: readonly string[],
): Promise<void> {
  const set = await readKey<MachineSet>(deps.kube, KINDS.MachineSet, key, deps.scope().signal);
  if (!set || isDeleting(set)) return;
  for (const name of names) {
    deps.scope().heartbeat(`create machine ${name}`);
    await createWorker(deps, set, name);
  }
  deps.event(set, 'Normal', 'SuccessfulCreate', `Created ${names.length} machines: ${names.slice(0, 5).join(', ')}`);
}

async function createWorker(deps: ActivityDeps, set: MachineSet, name: string): Promise<void> {
  const namespace = set.metadata.namespace ?? '';
  const template = set.spec.template;
  const labels = {
    ...template.metadata?.labels,
    [LABEL.clusterName]: set.spec.clusterName,
    [LABEL.setName]: set.metadata.name,
  };
  const annotations = template.metadata?.annotations;
  const common = {
    namespace,
    name,
    owner: ownerReference(set, { controller: false }),
    labels,
    ...(annotations ? { annotations } : {}),
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
      ...(annotations ? { annotations } : {}),
      ownerReferences: [ownerReference(set, { controller: true })],
    },
    spec: {
      ...template.spec,
      clusterName: set.spec.clusterName,
      bootstrap: configRef ? { configRef } : template.spec.bootstrap,
      infrastructureRef,
    },
  } as Machine;
  await createOnce(deps, KINDS.Machine, machine, set.metadata.uid ?? '');
}

/** Creates one control-plane machine: infra machine, KubeadmConfig, Machine. Idempotent by name. */
export async function createControlPlaneMachine(
  deps: ActivityDeps,
  key: ObjectKey,
  name: string,
  failureDomain?: string,
): Promise<void> {
  const { kube } = deps;
  const { signal } = deps.scope();
  const controlPlane = await readKey<KubeadmControlPlane>(kube, KINDS.KubeadmControlPlane, key, signal);
  if (!controlPlane || isDeleting(controlPlane)) return;
  const clusterName = controlPlane.metadata.labels?.[LABEL.clusterName];
  if (!clusterName)
    throw notYet(`KubeadmControlPlane ${key.namespace}/${key.name} is not linked to its Cluster yet`, 500);
  const template = controlPlane.spec.machineTemplate;
  const labels = {
    ...template.metadata?.labels,
    [LABEL.clusterName]: clusterName,
    [LABEL.controlPlane]: '',
    [LABEL.controlPlaneName]: controlPlane.metadata.name,
  };
  const annotations = { ...template.metadata?.annotations };
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
  const managedEtcd = controlPlane.spec.kubeadmConfigSpec?.clusterConfiguration?.etcd?.external === undefined;
  const gates = [...COMPONENT_CONDITIONS, ...(managedEtcd ? ETCD_CONDITIONS : [])].map((conditionType) => ({
    conditionType,
  }));
  const machine = {
    apiVersion: apiVersionOf(KINDS.Machine),
    kind: 'Machine',
    metadata: {
      name,
      namespace: key.namespace,
      labels,
      annotations,
      ownerReferences: [ownerReference(controlPlane, { controller: true })],
    },
    spec: {
      clusterName,
      version: controlPlane.spec.version,
      bootstrap: { configRef: kubeadmConfigRef(name) },
      infrastructureRef,
      ...(failureDomain ? { failureDomain } : {}),
      readinessGates: [...gates, ...(template.spec.readinessGates ?? [])],
      ...(template.spec.deletion ? { deletion: template.spec.deletion } : {}),
      ...(template.spec.taints ? { taints: template.spec.taints } : {}),
    },
  } as Machine;
  await createOnce(deps, KINDS.Machine, machine, key.uid);
  deps.event(controlPlane, 'Normal', 'SuccessfulCreate', `Created machine ${name}`);
}

/** Requests deletion of machines by name; absent is success. */
export async function deleteMachines(deps: ActivityDeps, namespace: string, names: readonly string[]): Promise<void> {
  for (const name of names) {
    deps.scope().heartbeat(`delete machine ${name}`);
    await deps.kube.delete(KINDS.Machine, { namespace, name }, { signal: deps.scope().signal });
  }
}

/** Guard used where an id must exist before any effect. */
export function identityOf(object: {
  kind: string;
  metadata: { name: string; annotations?: Record<string, string> };
}): string {
  const id = object.metadata.annotations?.[ANNOTATION.id];
  if (!id) throw notYet(`${object.kind} ${object.metadata.name} has no ${ANNOTATION.id} yet`, 500);
  return id;
}
