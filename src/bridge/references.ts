import type { KubeObject, OwnerReference } from '../api/types/meta.js';
import { readPath } from '../domain/contract.js';
import { LABEL } from '../domain/names.js';

/** An object by kind and name; `namespace` is empty for cluster-scoped kinds. */
export interface Ref {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/** Where each kind names other objects of its namespace. */
const REFERENCE_PATHS: Readonly<Record<string, readonly string[]>> = {
  Cluster: ['spec.infrastructureRef', 'spec.controlPlaneRef'],
  Machine: ['spec.infrastructureRef', 'spec.bootstrap.configRef'],
  MachineSet: ['spec.template.spec.infrastructureRef', 'spec.template.spec.bootstrap.configRef'],
  MachinePool: ['spec.template.spec.infrastructureRef', 'spec.template.spec.bootstrap.configRef'],
  MachineDeployment: ['spec.template.spec.infrastructureRef', 'spec.template.spec.bootstrap.configRef'],
  KubeadmControlPlane: ['spec.machineTemplate.spec.infrastructureRef'],
};

/** References by which providers' objects name identities, which have no namespace. */
const IDENTITY_PATH = 'spec.identityRef';

export function refOf(object: KubeObject): Ref {
  return { kind: object.kind, namespace: object.metadata.namespace ?? '', name: object.metadata.name };
}

export function refKey(ref: Ref): string {
  return `${ref.kind}/${ref.namespace}/${ref.name}`;
}

/** The inverse of `refKey`; kinds, namespaces and names hold no slash. */
export function parseRefKey(key: string): Ref {
  const [kind = '', namespace = '', name = ''] = key.split('/');
  return { kind, namespace, name };
}

/** What an object's spec refers to. */
export function referencesOf(object: KubeObject): Ref[] {
  const namespace = object.metadata.namespace ?? '';
  const refs = (REFERENCE_PATHS[object.kind] ?? []).map((path) => reference(object, path, namespace));
  refs.push(reference(object, IDENTITY_PATH, ''));
  return refs.filter((ref) => ref !== undefined);
}

/** The object at the reference at `path`, e.g. `spec.infrastructureRef`. */
export function reference(
  object: KubeObject,
  path: string,
  namespace = object.metadata.namespace ?? '',
): Ref | undefined {
  const kind = readPath(object, `${path}.kind`);
  const name = readPath(object, `${path}.name`);
  return typeof kind === 'string' && typeof name === 'string' && kind !== '' && name !== ''
    ? { kind, namespace, name }
    : undefined;
}

export function controllerOf(object: KubeObject): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find((owner) => owner.controller === true);
}

/** Name of the cluster an object says it belongs to: spec, label, or owner; a Cluster belongs to itself. */
export function clusterNameOf(object: KubeObject): string | undefined {
  if (object.kind === 'Cluster') return object.metadata.name;
  const stated = readPath(object, 'spec.clusterName');
  if (typeof stated === 'string' && stated !== '') return stated;
  const label = object.metadata.labels?.[LABEL.clusterName];
  return label || object.metadata.ownerReferences?.find((owner) => owner.kind === 'Cluster')?.name;
}
