import type { KubeObject, OwnerReference, Unstructured } from '../api/types/meta.js';
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

export interface FailureDomainView {
  name: string;
  controlPlane?: boolean;
  attributes?: Record<string, string>;
}

/** status.failureDomains of both contracts, sorted by name. */
export function failureDomainsOf(object: unknown): FailureDomainView[] {
  const raw = readPath(object, 'status.failureDomains');
  const list: FailureDomainView[] = Array.isArray(raw)
    ? raw.filter((d): d is FailureDomainView => typeof readPath(d, 'name') === 'string')
    : Object.entries(
        (raw ?? {}) as Record<string, { controlPlane?: boolean; attributes?: Record<string, string> }>,
      ).map(([name, d]) => ({
        name,
        ...(d.controlPlane === undefined ? {} : { controlPlane: d.controlPlane }),
        ...(d.attributes === undefined ? {} : { attributes: d.attributes }),
      }));
  return list.sort((a, b) => a.name.localeCompare(b.name));
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

export const isDeleting = (object: KubeObject): boolean => object.metadata.deletionTimestamp !== undefined;

export const isControlPlaneMachine = (object: KubeObject): boolean =>
  object.metadata.labels?.[LABEL.controlPlane] !== undefined;

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

/** `references` with `wanted` in it: matched by group, kind and name so that another served version is not a second owner. */
export function withOwner(references: readonly OwnerReference[] | undefined, wanted: OwnerReference): OwnerReference[] {
  const group = (v: string): string => (v.includes('/') ? (v.split('/')[0] ?? '') : '');
  const others = (references ?? []).filter(
    (r) => !(group(r.apiVersion) === group(wanted.apiVersion) && r.kind === wanted.kind && r.name === wanted.name),
  );
  return [...others, wanted];
}

export function hasOwner(object: KubeObject, owner: OwnerReference): boolean {
  return (object.metadata.ownerReferences ?? []).some(
    (r) => r.uid === owner.uid && r.kind === owner.kind && (r.controller ?? false) === (owner.controller ?? false),
  );
}

/** Narrowing helper for objects of kinds known by contract only. */
export const asUnstructured = (object: KubeObject): Unstructured => object as Unstructured;
