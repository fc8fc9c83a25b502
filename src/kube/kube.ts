import type { KubeObject, NamespacedName, ResourceKind } from '../api/types/meta.js';

export interface ListOptions {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

export interface ApplyOptions {
  /** Owner of the applied fields; one per writer, e.g. `perdure-machine`. */
  readonly fieldManager: string;
  /** Takes fields over from other managers. Default true: a controller owns what it applies. */
  readonly force?: boolean;
  readonly subresource?: 'status';
  readonly dryRun?: boolean;
  readonly signal?: AbortSignal;
}

export interface WriteOptions {
  readonly fieldManager?: string;
  readonly subresource?: 'status' | 'scale';
  readonly dryRun?: boolean;
  readonly signal?: AbortSignal;
}

export interface DeleteOptions {
  /** Deletes only this incarnation; another uid counts as already absent. */
  readonly uid?: string;
  readonly propagationPolicy?: 'Background' | 'Foreground' | 'Orphan';
  readonly signal?: AbortSignal;
}

/**
 * A small dynamic Kubernetes client over any kind. Reads are live (never from a lagging cache). Errors are PerdureErrors:
 * 404 `NotFound` (except where a method says otherwise), 409 `Conflict`, 401/403 `Unauthorized`, 422/400 `InvalidConfiguration` with the API
 * server's causes, 429/5xx/network `Transient` (Retry-After in retryAfterMs).
 */
export interface Kube {
  /** The object, or undefined when absent. */
  get<T extends KubeObject>(kind: ResourceKind, ref: NamespacedName, signal?: AbortSignal): Promise<T | undefined>;
  /** All objects, read page by page (500 each), in server order. */
  list<T extends KubeObject>(kind: ResourceKind, options?: ListOptions, signal?: AbortSignal): Promise<T[]>;
  /** Creates; 409 AlreadyExists surfaces as `Conflict` with details.alreadyExists = true. */
  create<T extends KubeObject>(kind: ResourceKind, object: T, options?: WriteOptions): Promise<T>;
  /** Server-side apply of exactly the fields given. */
  apply<T extends KubeObject>(
    kind: ResourceKind,
    object: KubeObject & Record<string, unknown>,
    options: ApplyOptions,
  ): Promise<T>;
  /** JSON merge patch. Put metadata.resourceVersion in the patch for an optimistic lock. */
  mergePatch<T extends KubeObject>(
    kind: ResourceKind,
    ref: NamespacedName,
    patch: unknown,
    options?: WriteOptions,
  ): Promise<T>;
  jsonPatch<T extends KubeObject>(
    kind: ResourceKind,
    ref: NamespacedName,
    patch: readonly unknown[],
    options?: WriteOptions,
  ): Promise<T>;
  /**
   * Read, change a copy, write back with the resourceVersion read (PUT); on conflict reads again, at most 5 times. `mutate` returns undefined
   * for "nothing to change". Returns the object as stored, or undefined when it does not exist.
   */
  modify<T extends KubeObject>(
    kind: ResourceKind,
    ref: NamespacedName,
    mutate: (current: T) => T | undefined,
    options?: WriteOptions,
  ): Promise<T | undefined>;
  /** Requests deletion; absent is success. Returns false when it was already absent. */
  delete(kind: ResourceKind, ref: NamespacedName, options?: DeleteOptions): Promise<boolean>;
  /** Raw request below the API root, for subresources, discovery and evictions. Body and answer are JSON. */
  raw<T>(
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    path: string,
    body?: unknown,
    signal?: AbortSignal,
  ): Promise<T>;
}
