import { KINDS } from '../../api/types/kinds.js';
import type { KubeObject, NamespacedName, OwnerReference } from '../../api/types/meta.js';
import { ownerReference, withOwner } from '../../domain/contract.js';
import { isFailure } from '../../domain/errors.js';
import { LABEL } from '../../domain/names.js';
import type { Kube } from '../../kube/kube.js';

/** corev1.Secret as far as it is used. `data` is base64. Holds secrets: never log or return one. */
export interface Secret extends KubeObject {
  type?: string;
  data?: Record<string, string>;
}

/** Type of the Secrets Cluster API makes; a Secret of another type was brought by the user and stays the user's. */
export const CLUSTER_SECRET_TYPE = 'cluster.x-k8s.io/secret';
/** Owner of the fields Perdure writes in bootstrap objects. */
export const BOOTSTRAP_MANAGER = 'perdure-bootstrap';

/** The text under `key`, or undefined when the key is missing. */
export function secretText(secret: Secret, key: string): string | undefined {
  const value = secret.data?.[key];
  return value === undefined ? undefined : Buffer.from(value, 'base64').toString('utf8');
}

/** The bytes under `key`, or undefined when the key is missing. */
export function secretBytes(secret: Secret, key: string): Buffer | undefined {
  const value = secret.data?.[key];
  return value === undefined ? undefined : Buffer.from(value, 'base64');
}

/** A Secret of Cluster API's type, labelled with its cluster. */
export function clusterSecret(
  ref: Required<NamespacedName>,
  cluster: string,
  owner: OwnerReference,
  values: Readonly<Record<string, string>>,
): Secret {
  const data = Object.fromEntries(
    Object.entries(values).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
  );
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { ...ref, labels: { [LABEL.clusterName]: cluster }, ownerReferences: [owner] },
    type: CLUSTER_SECRET_TYPE,
    data,
  };
}

/** Creates `secret`, or answers the one that was there first: of two creators exactly one wins, and both go on with the winner's. */
export async function createOrRead(
  kube: Kube,
  secret: Secret,
  signal?: AbortSignal,
): Promise<{ secret: Secret; created: boolean }> {
  const options = { fieldManager: BOOTSTRAP_MANAGER, ...(signal ? { signal } : {}) };
  try {
    return { secret: await kube.create(KINDS.Secret, secret, options), created: true };
  } catch (error) {
    if (!isFailure(error, 'Conflict') || error.details['alreadyExists'] !== true) throw error;
    const existing = await kube.get<Secret>(KINDS.Secret, secret.metadata, signal);
    // Deleted in between: the next attempt creates it.
    if (existing === undefined) throw error;
    return { secret: existing, created: false };
  }
}

/** True when `owner` is the controller of `object`, and no other controller is there. */
export function isControlledBy(object: KubeObject, owner: KubeObject): boolean {
  return (object.metadata.ownerReferences ?? []).some(
    (r) =>
      r.controller === true && r.kind === owner.kind && r.name === owner.metadata.name && r.uid === owner.metadata.uid,
  );
}

/**
 * Makes `owner` the controller of a Secret of Cluster API's type, in place of a former one, and labels it with its cluster: restores what was removed,
 * and renews references after a move changed all uids. A Secret of another type is left alone. Idempotent. Source: capi ensureCertificatesOwnerRef.
 */
export async function ensureController(
  kube: Kube,
  secret: Secret,
  owner: KubeObject,
  cluster: string,
  signal?: AbortSignal,
): Promise<Secret> {
  const isKept = (s: Secret): boolean => isControlledBy(s, owner) && s.metadata.labels?.[LABEL.clusterName] === cluster;
  if (secret.type !== CLUSTER_SECRET_TYPE || isKept(secret)) return secret;
  const wanted = ownerReference(owner, { controller: true });
  const stored = await kube.modify<Secret>(
    KINDS.Secret,
    secret.metadata,
    (current) => {
      if (isKept(current)) return undefined;
      const others = current.metadata.ownerReferences?.filter((r) => r.controller !== true);
      const labels = { ...current.metadata.labels, [LABEL.clusterName]: cluster };
      return { ...current, metadata: { ...current.metadata, labels, ownerReferences: withOwner(others, wanted) } };
    },
    { fieldManager: BOOTSTRAP_MANAGER, ...(signal ? { signal } : {}) },
  );
  return stored ?? secret;
}
