import type { KubeObject, ObjectKey, OwnerReference } from '../api/types/meta.js';
import { ANNOTATION, LABEL } from './names.js';

/**
 * Reads of the Cluster API provider contract by field path, for contract v1beta2 first and v1beta1 as the fallback, so that any provider's
 * objects are understood. Source: capi internal/contract.
 */
export function readPath(object: unknown, path: string): unknown {
  let value: unknown = object;
  for (const part of path.split('.')) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<string, unknown>)[part];
  }
  return value;
}

const flag = (object: unknown, ...paths: string[]): boolean => paths.some((p) => readPath(object, p) === true);

/** InfraCluster / InfraMachine is provisioned. */
export const isProvisioned = (o: unknown): boolean => flag(o, 'status.initialization.provisioned', 'status.ready');

/** BootstrapConfig has written its Secret. */
export const isDataSecretCreated = (o: unknown): boolean =>
  flag(o, 'status.initialization.dataSecretCreated', 'status.ready');

/** ControlPlane has a working API server. */
export const isControlPlaneInitialized = (o: unknown): boolean =>
  flag(o, 'status.initialization.controlPlaneInitialized', 'status.initialized');

/** spec.controlPlaneEndpoint when host and port are set. */
export function endpointOf(object: unknown): { host: string; port: number } | undefined {
  const host = readPath(object, 'spec.controlPlaneEndpoint.host');
  const port = readPath(object, 'spec.controlPlaneEndpoint.port');
  return typeof host === 'string' && host !== '' && typeof port === 'number' && port > 0 ? { host, port } : undefined;
}

/** A failure domain as Cluster.status carries it. */
export interface FailureDomainView {
  name: string;
  controlPlane?: boolean;
  attributes?: Record<string, string>;
}

/** status.failureDomains of both contracts, sorted by name. */
export function failureDomainsOf(object: unknown): FailureDomainView[] {
  const raw = readPath(object, 'status.failureDomains');
  const named: [string, Partial<FailureDomainView>][] = Array.isArray(raw)
    ? raw.filter((d): d is FailureDomainView => typeof readPath(d, 'name') === 'string').map((d) => [d.name, d])
    : Object.entries((raw ?? {}) as Record<string, Partial<FailureDomainView>>);
  return named
    .map(([name, d]) => ({
      name,
      ...(d.controlPlane === undefined ? {} : { controlPlane: d.controlPlane }),
      ...(d.attributes === undefined ? {} : { attributes: d.attributes }),
    }))
    .sort((a, b) => a.name.localeCompare(b.name));
}

/** Mirrors a provider's Ready condition, of either API generation. */
export function readyConditionOf(object: unknown): { status: string; reason?: string; message?: string } | undefined {
  for (const path of ['status.v1beta2.conditions', 'status.conditions']) {
    const conditions = readPath(object, path);
    if (!Array.isArray(conditions)) continue;
    const ready = conditions.find((c) => readPath(c, 'type') === 'Ready') as
      | { status: string; reason?: string; message?: string }
      | undefined;
    if (ready) return ready;
  }
  return undefined;
}

/** Paused by its own annotation or by its Cluster; blocks deletion too. */
export function isPaused(object: KubeObject, cluster: KubeObject | undefined): boolean {
  return object.metadata.annotations?.[ANNOTATION.paused] !== undefined || readPath(cluster, 'spec.paused') === true;
}

/** Deletion was requested; finalizers keep the object. */
export const isDeleting = (object: KubeObject): boolean => object.metadata.deletionTimestamp !== undefined;

/** A Machine, or an object of one, that belongs to a control plane: the label's value does not matter. */
export const isControlPlaneMachine = (object: KubeObject): boolean =>
  object.metadata.labels?.[LABEL.controlPlane] !== undefined;

/** Annotated `cluster.x-k8s.io/managed-by`: somebody else fulfils the contract for it, we only read. */
export const isManagedElsewhere = (object: KubeObject | undefined): boolean =>
  object?.metadata.annotations?.[ANNOTATION.managedBy] !== undefined;

/** The controller ownerReference, if any. */
export const controllerOf = (object: KubeObject): OwnerReference | undefined =>
  object.metadata.ownerReferences?.find((o) => o.controller === true);

/** An ownerReference to `owner`. */
export function ownerReference(owner: KubeObject, options: { controller: boolean }): OwnerReference {
  return {
    apiVersion: owner.apiVersion,
    kind: owner.kind,
    name: owner.metadata.name,
    uid: owner.metadata.uid ?? '',
    ...(options.controller ? { controller: true, blockOwnerDeletion: true } : {}),
  };
}

const groupOf = (apiVersion: string): string => (apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : '');

/** Whether both name the same object: another served version, or another incarnation of that name, is no other owner. */
export function sameOwner(
  a: Pick<OwnerReference, 'apiVersion' | 'kind' | 'name'>,
  b: Pick<OwnerReference, 'apiVersion' | 'kind' | 'name'>,
): boolean {
  return groupOf(a.apiVersion) === groupOf(b.apiVersion) && a.kind === b.kind && a.name === b.name;
}

/** `references` with `wanted` in it, in the place of what names the same object. */
export function withOwner(references: readonly OwnerReference[] | undefined, wanted: OwnerReference): OwnerReference[] {
  return [...(references ?? []).filter((r) => !sameOwner(r, wanted)), wanted];
}

/** Whether `object` already carries that reference, in that version. */
export function hasOwner(object: KubeObject, owner: OwnerReference): boolean {
  return (object.metadata.ownerReferences ?? []).some(
    (r) =>
      r.uid === owner.uid &&
      r.kind === owner.kind &&
      r.apiVersion === owner.apiVersion &&
      (r.controller ?? false) === (owner.controller ?? false),
  );
}

/**
 * The owner that makes `child` somebody else's than `parent`'s: another controller, or another object of the parent's kind. What is owned so is
 * neither linked nor deleted. Undefined for what nobody owns yet and for what a former incarnation of the parent owned (restore).
 */
export function foreignOwner(child: KubeObject, parent: KubeObject): OwnerReference | undefined {
  const named = { apiVersion: parent.apiVersion, kind: parent.kind, name: parent.metadata.name };
  return child.metadata.ownerReferences?.find(
    (o) => !sameOwner(o, named) && (o.controller === true || sameOwner({ ...o, name: named.name }, named)),
  );
}

/** `<kind>` lower-case, pluralised the way CRDs must be named. Source: capi util/contract.CalculateCRDName. */
export function pluralOf(kind: string): string {
  const lower = kind.toLowerCase();
  if (/(s|x|ch|sh)$/.test(lower)) return `${lower}es`;
  return /[^aeiou]y$/.test(lower) ? `${lower.slice(0, -1)}ies` : `${lower}s`;
}

/** Kubernetes' order of API versions: stable over beta over alpha, then the higher number. */
function versionRank(version: string): number {
  const m = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(version);
  if (!m) return -1;
  const stage = m[2] === undefined ? 2e9 : m[2] === 'beta' ? 1e9 : 0;
  return stage + Number(m[1]) * 1e4 + Number(m[3] ?? 0);
}

/** The newest API version that a CRD's contract labels name, contract v1beta2 first. Source: capi contract version negotiation. */
export function contractVersion(labels: Readonly<Record<string, string>> | undefined): string | undefined {
  const named = labels?.['cluster.x-k8s.io/v1beta2'] ?? labels?.['cluster.x-k8s.io/v1beta1'] ?? '';
  return named
    .split('_')
    .filter((v) => v !== '')
    .sort((a, b) => versionRank(b) - versionRank(a))[0];
}

/** The key of an object. */
export function keyOf({ kind, metadata }: KubeObject): ObjectKey {
  return { kind, namespace: metadata.namespace ?? '', name: metadata.name, uid: metadata.uid ?? '' };
}
