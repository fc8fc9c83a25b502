import { apiVersionOf } from '../../api/types/kinds.js';
import type { Condition, KubeObject, OwnerReference, ResourceKind } from '../../api/types/meta.js';
import { mergeConditions } from '../../domain/conditions.js';
import { controllerOf, hasOwner, readPath, sameOwner, withOwner } from '../../domain/contract.js';
import { isFailure } from '../../domain/errors.js';
import { pausedCondition } from '../../domain/status/replicas.js';
import type { Kube } from '../../kube/kube.js';

const isCondition = (item: unknown): item is { type: string } =>
  typeof readPath(item, 'type') === 'string' && typeof readPath(item, 'status') === 'string';

/**
 * True when `wanted` says nothing that `current` does not already say; lists of conditions compare by type, other lists whole. So do the conditions below
 * `deprecated`: that list has one writer.
 */
export function isSubset(wanted: unknown, current: unknown, whole = false): boolean {
  if (Array.isArray(wanted)) {
    if (!Array.isArray(current)) return wanted.length === 0;
    if (!whole && wanted.length > 0 && wanted.every(isCondition)) {
      return wanted.every((w) => current.some((c) => readPath(c, 'type') === w.type && isSubset(w, c)));
    }
    return wanted.length === current.length && wanted.every((w, i) => isSubset(w, current[i]));
  }
  if (typeof wanted === 'object' && wanted !== null) {
    if (typeof current !== 'object' || current === null) return Object.keys(wanted).length === 0;
    return Object.entries(wanted).every(
      ([k, v]) => v === undefined || isSubset(v, (current as Record<string, unknown>)[k], whole || k === 'deprecated'),
    );
  }
  return wanted === current || (wanted === '' && current === undefined);
}

/** Whether conditions of these types are there that `wanted` does not have. */
function hasMore(types: readonly string[], wanted: unknown, current: unknown): boolean {
  const typesOf = (status: unknown): unknown[] =>
    ((readPath(status, 'conditions') ?? []) as readonly unknown[]).map((c) => readPath(c, 'type'));
  const kept = typesOf(wanted);
  return typesOf(current).some((type) => types.includes(type as string) && !kept.includes(type));
}

/** The result of a write to an object, or undefined when the object was gone by then: absent is no failure for what only described it. */
export async function unlessGone<T>(write: Promise<T>): Promise<T | undefined> {
  try {
    return await write;
  } catch (error) {
    if (isFailure(error, 'NotFound')) return undefined;
    throw error;
  }
}

/**
 * Server-side applies `status` as `manager`, only when it says something new; an object that is gone needs none. Empty objects are dropped: the
 * schemas refuse them. `releases`: condition types that the manager may have written before; what is there and is not wanted any more is let go of, and
 * goes unless somebody else says it too.
 */
export async function applyStatus<T extends KubeObject & { status?: unknown }>(
  kube: Kube,
  kind: ResourceKind,
  object: T,
  status: unknown,
  manager: string,
  signal: AbortSignal,
  releases: readonly string[] = [],
): Promise<void> {
  const wanted = prune(status);
  if (isSubset(wanted, object.status) && !hasMore(releases, wanted, object.status)) return;
  const { name, namespace, uid } = object.metadata;
  const metadata = { name, ...(namespace ? { namespace } : {}), ...(uid ? { uid } : {}) };
  await unlessGone(
    kube.apply(
      kind,
      { apiVersion: apiVersionOf(kind), kind: kind.kind, metadata, status: wanted },
      { fieldManager: manager, subresource: 'status', signal },
    ),
  );
}

/**
 * All that is written to a paused object: its Paused condition. It has a field manager of its own, since server-side apply would take away
 * everything that the usual manager of the status does not mention. With `paused` false, for objects whose status nobody writes regularly: that it is not
 * paused (any more).
 */
export async function applyPaused<T extends KubeObject & { status?: unknown }>(
  kube: Kube,
  kind: ResourceKind,
  object: T,
  now: string,
  signal: AbortSignal,
  paused = true,
): Promise<void> {
  const previous = readPath(object, 'status.conditions') as Condition[] | undefined;
  const conditions = mergeConditions(previous, [pausedCondition(paused)], object.metadata.generation ?? 1, now);
  await applyStatus(kube, kind, object, { conditions }, 'perdure-paused', signal);
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

/** What an object's metadata should say. */
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

/**
 * Brings metadata to `wish` under the optimistic lock; writes nothing when it already is, when the object is gone, or when another controller
 * has it by now. Returns the object as stored.
 */
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
      const controller = wish.owner?.controller ? controllerOf(current) : undefined;
      if (wish.owner && controller && !sameOwner(controller, wish.owner) && !wish.dropOwners?.(controller))
        return undefined;
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
  return stored && stored.metadata.uid === object.metadata.uid ? stored : object;
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
