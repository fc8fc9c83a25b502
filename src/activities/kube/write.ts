import { apiVersionOf } from '../../api/types/kinds.js';
import type { KubeObject, OwnerReference, ResourceKind } from '../../api/types/meta.js';
import { hasOwner, withOwner } from '../../domain/contract.js';
import type { Kube } from '../../kube/kube.js';

/** True when `wanted` says nothing that `current` does not already say; lists of conditions compare by type, other lists whole. */
export function isSubset(wanted: unknown, current: unknown): boolean {
  if (Array.isArray(wanted)) {
    if (!Array.isArray(current)) return wanted.length === 0;
    const typed = wanted.every((w) => typeof (w as { type?: unknown })?.type === 'string');
    if (typed && wanted.length > 0) {
      return wanted.every((w) =>
        current.some((c) => (c as { type?: unknown })?.type === (w as { type: string }).type && isSubset(w, c)),
      );
    }
    return wanted.length === current.length && wanted.every((w, i) => isSubset(w, current[i]));
  }
  if (typeof wanted === 'object' && wanted !== null) {
    if (typeof current !== 'object' || current === null) return Object.keys(wanted).length === 0;
    return Object.entries(wanted).every(
      ([k, v]) => v === undefined || isSubset(v, (current as Record<string, unknown>)[k]),
    );
  }
  return wanted === current || (wanted === '' && current === undefined);
}

/** Server-side applies `status` as `manager`, only when it says something new. Empty objects are dropped: the schemas refuse them. */
export async function applyStatus<T extends KubeObject & { status?: unknown }>(
  kube: Kube,
  kind: ResourceKind,
  object: T,
  status: unknown,
  manager: string,
  signal: AbortSignal,
): Promise<void> {
  const wanted = prune(status);
  if (isSubset(wanted, object.status)) return;
  await kube.apply(
    kind,
    {
      apiVersion: apiVersionOf(kind),
      kind: kind.kind,
      metadata: {
        name: object.metadata.name,
        ...(object.metadata.namespace ? { namespace: object.metadata.namespace } : {}),
        ...(object.metadata.uid ? { uid: object.metadata.uid } : {}),
      },
      status: wanted,
    },
    { fieldManager: manager, subresource: 'status', signal },
  );
}

/** Without undefined values and empty objects, recursively. */
export function prune(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(prune);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value)
    .map(([k, v]) => [k, prune(v)] as const)
    .filter(
      ([, v]) =>
        v !== undefined && !(typeof v === 'object' && v !== null && !Array.isArray(v) && Object.keys(v).length === 0),
    );
  return Object.fromEntries(entries);
}

export interface MetadataWish {
  readonly finalizer?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Annotations set only when absent: identities. */
  readonly annotationsOnce?: Readonly<Record<string, () => string>>;
  readonly owner?: OwnerReference;
  /** Owners to drop: those that only held the object until its real owner took it. */
  readonly dropOwners?: (owner: OwnerReference) => boolean;
}

/** Brings metadata to `wish` under the optimistic lock; writes nothing when it already is. Returns the object as stored. */
export async function ensureMetadata<T extends KubeObject>(
  kube: Kube,
  kind: ResourceKind,
  object: T,
  wish: MetadataWish,
  signal: AbortSignal,
): Promise<T> {
  if (metadataMatches(object, wish)) return object;
  const stored = await kube.modify<T>(
    kind,
    { name: object.metadata.name, ...(object.metadata.namespace ? { namespace: object.metadata.namespace } : {}) },
    (current) => {
      if (current.metadata.uid !== object.metadata.uid || metadataMatches(current, wish)) return undefined;
      const meta = current.metadata;
      const once = Object.fromEntries(
        Object.entries(wish.annotationsOnce ?? {})
          .filter(([k]) => meta.annotations?.[k] === undefined)
          .map(([k, make]) => [k, make()]),
      );
      const kept = (meta.ownerReferences ?? []).filter((o) => !wish.dropOwners?.(o));
      const owners = wish.owner ? withOwner(kept, wish.owner) : kept;
      const finalizers =
        wish.finalizer && !meta.deletionTimestamp
          ? [...new Set([...(meta.finalizers ?? []), wish.finalizer])]
          : meta.finalizers;
      return {
        ...current,
        metadata: {
          ...meta,
          labels: { ...meta.labels, ...wish.labels },
          annotations: { ...meta.annotations, ...wish.annotations, ...once },
          ...(finalizers ? { finalizers } : {}),
          ownerReferences: owners,
        },
      };
    },
    { signal },
  );
  return stored ?? object;
}

function metadataMatches(object: KubeObject, wish: MetadataWish): boolean {
  const meta = object.metadata;
  return (
    (!wish.finalizer || meta.deletionTimestamp !== undefined || (meta.finalizers ?? []).includes(wish.finalizer)) &&
    Object.entries(wish.labels ?? {}).every(([k, v]) => meta.labels?.[k] === v) &&
    Object.entries(wish.annotations ?? {}).every(([k, v]) => meta.annotations?.[k] === v) &&
    Object.keys(wish.annotationsOnce ?? {}).every((k) => meta.annotations?.[k] !== undefined) &&
    (!wish.owner || hasOwner(object, wish.owner)) &&
    !(meta.ownerReferences ?? []).some((o) => wish.dropOwners?.(o))
  );
}

/** Drops one finalizer; absent object or finalizer is success. */
export async function removeFinalizer(
  kube: Kube,
  kind: ResourceKind,
  object: KubeObject,
  finalizer: string,
  signal: AbortSignal,
): Promise<void> {
  await kube.modify(
    kind,
    { name: object.metadata.name, ...(object.metadata.namespace ? { namespace: object.metadata.namespace } : {}) },
    (current) => {
      if (current.metadata.uid !== object.metadata.uid || !current.metadata.finalizers?.includes(finalizer))
        return undefined;
      return {
        ...current,
        metadata: { ...current.metadata, finalizers: current.metadata.finalizers.filter((f) => f !== finalizer) },
      };
    },
    { signal },
  );
}
