import type { KubeObject, NamespacedName, ResourceKind } from '../api/types/meta.js';
import { isFailure, PerdureError } from '../domain/errors.js';
import type { Log } from '../telemetry/log.js';
import { type BackoffOptions, backoff } from './backoff.js';
import type { KubeClient } from './client.js';
import { statusCode } from './errors.js';
import type { ListOptions } from './kube.js';
import { sleep } from './rate-limit.js';
import type { WatchEvent } from './watch.js';

/** A change of the store. `deleted` carries the last known state; after a gap that may be old. */
export interface StoreEvent<T extends KubeObject> {
  readonly type: 'added' | 'updated' | 'deleted';
  readonly object: T;
  readonly previous?: T;
}

export interface ReflectorOptions<T extends KubeObject> extends ListOptions {
  readonly client: Pick<KubeClient, 'listAll' | 'watch'>;
  readonly kind: ResourceKind;
  readonly metadataOnly?: boolean;
  /** What of an object is kept; identity and version must be. Default: all but managedFields. */
  readonly transform?: (object: KubeObject) => KubeObject;
  readonly log: Log;
  /** Called in order, after the store changed. Must not throw; must not block. */
  readonly onEvent: (event: StoreEvent<T>) => void;
  /** Called whenever `status().state` changes. */
  readonly onState?: (status: ReflectorStatus) => void;
  /** Between failed attempts. Default 0.8 s doubling to 10 s: a restarted API server is found again soon. */
  readonly backoff?: BackoffOptions;
  /** A watch that brings nothing for so long is stalled and opened again. Must exceed the server's minute between bookmarks. Default 150 s. */
  readonly inactivityMs?: number;
  /** Range of the watches' `timeoutSeconds`; random, so that reconnects spread. Default 240 to 480. */
  readonly timeoutSeconds?: readonly [number, number];
  readonly now?: () => number;
  readonly random?: () => number;
}

/** `absent`: the API server does not know the kind (CRD not installed); asked again with back-off. */
export type ReflectorState = 'starting' | 'watching' | 'failing' | 'absent';

export interface ReflectorStatus {
  readonly state: ReflectorState;
  readonly objects: number;
  readonly error?: string;
}

const DEFAULT_BACKOFF: BackoffOptions = { baseMs: 800, capMs: 10_000 };

/**
 * Keeps a copy of all objects of one kind by list and watch, and tells what changed. After any gap the copy is brought in line again: what
 * disappeared meanwhile is reported as deleted, what was re-created under the same name as deleted and added.
 */
export class Reflector<T extends KubeObject = KubeObject> {
  readonly kind: ResourceKind;
  readonly #options: ReflectorOptions<T>;
  readonly #now: () => number;
  readonly #store = new Map<string, T>();
  /** Resolves when the first list is in the store. */
  readonly whenSynced: Promise<void>;
  /** Resolves with the first list, or when the kind turned out not to be installed, or not to be ours to read. */
  readonly whenSettled: Promise<void>;
  #sync: () => void = () => {};
  #settle: () => void = () => {};
  #state: ReflectorState = 'starting';
  #error: string | undefined;
  #lastContact = 0;
  #synced = false;

  constructor(options: ReflectorOptions<T>) {
    this.kind = options.kind;
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.whenSynced = new Promise((resolve) => {
      this.#sync = resolve;
    });
    this.whenSettled = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  get synced(): boolean {
    return this.#synced;
  }

  get(ref: NamespacedName): T | undefined {
    return this.#store.get(keyOf(ref));
  }

  values(): IterableIterator<T> {
    return this.#store.values();
  }

  status(): ReflectorStatus {
    return {
      state: this.#state,
      objects: this.#store.size,
      ...(this.#error === undefined ? {} : { error: this.#error }),
    };
  }

  /** False when the copy may be stale: not yet synced, failing, or no sign of life for two inactivity periods. */
  healthy(): boolean {
    return this.#state === 'watching' && this.#now() - this.#lastContact < 2 * this.#inactivityMs();
  }

  /** Runs until `signal` aborts; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const retry = backoff(this.#options.backoff ?? DEFAULT_BACKOFF);
    let version: string | undefined;
    while (!signal.aborted) {
      try {
        version ??= await this.#relist(signal);
        const opened = this.#now();
        version = await this.#follow(version, signal, () => retry.reset());
        // A server that ends watches at once would otherwise be asked in a tight loop.
        if (this.#now() - opened < 1_000) await sleep(retry.next(), signal);
      } catch (error) {
        if (signal.aborted) return;
        // The version is kept on other errors: a watch resumes where it was and misses nothing.
        if (error instanceof WatchCut) version = error.version;
        const cause = error instanceof WatchCut ? error.cause : error;
        if (isExpired(cause)) version = undefined;
        else this.#failed(cause);
        const floor = cause instanceof PerdureError ? cause.retryAfterMs : undefined;
        await sleep(retry.next(floor), signal).catch(() => undefined);
      }
    }
  }

  async #relist(signal: AbortSignal): Promise<string> {
    const list = await this.#options.client.listAll<T>(this.kind, { ...this.#scope(), signal });
    const fresh = new Map(list.items.map((item) => [keyOf(item.metadata), this.#kept(item)]));
    for (const [key, object] of this.#store) if (!fresh.has(key)) this.#remove(key, object);
    for (const [key, object] of fresh) this.#put(key, object);
    this.#synced = true;
    this.#alive();
    this.#sync();
    this.#settle();
    return list.resourceVersion;
  }

  /** Follows one watch to its end and returns the version to go on from. Throws WatchCut with that version when it breaks. */
  async #follow(from: string, signal: AbortSignal, onProgress: () => void): Promise<string> {
    let version = from;
    const [low, high] = this.#options.timeoutSeconds ?? [240, 480];
    const timeoutSeconds = Math.round(low + (this.#options.random ?? Math.random)() * (high - low));
    const stall = stallTimer(this.#inactivityMs());
    try {
      const events = this.#options.client.watch<T>(this.kind, {
        ...this.#scope(),
        resourceVersion: version,
        timeoutSeconds,
        signal: AbortSignal.any([signal, stall.signal]),
      });
      for await (const event of events) {
        stall.touch();
        this.#alive();
        onProgress();
        version = event.object.metadata.resourceVersion ?? version;
        this.#take(event);
      }
      return version;
    } catch (error) {
      if (stall.signal.aborted && !signal.aborted) {
        this.#options.log.debug('watch stalled, opening it again', { kind: this.kind.kind });
        return version;
      }
      throw new WatchCut(version, error);
    } finally {
      stall.stop();
    }
  }

  #take(event: WatchEvent<T>): void {
    if (event.type === 'BOOKMARK') return;
    const key = keyOf(event.object.metadata);
    const object = this.#kept(event.object);
    if (event.type === 'DELETED') this.#remove(key, object);
    else this.#put(key, object);
  }

  #kept(object: T): T {
    return this.#options.transform ? (this.#options.transform(object) as T) : slim(object);
  }

  #put(key: string, object: T): void {
    const previous = this.#store.get(key);
    if (previous && previous.metadata.uid !== object.metadata.uid) this.#remove(key, previous);
    else if (previous?.metadata.resourceVersion === object.metadata.resourceVersion && previous) return;
    const known = this.#store.get(key);
    this.#store.set(key, object);
    this.#emit(known ? { type: 'updated', object, previous: known } : { type: 'added', object });
  }

  #remove(key: string, object: T): void {
    if (this.#store.delete(key)) this.#emit({ type: 'deleted', object });
  }

  #emit(event: StoreEvent<T>): void {
    try {
      this.#options.onEvent(event);
    } catch (error) {
      // One bad object must not stop the stream for all others.
      this.#options.log.error('event handler failed', {
        kind: this.kind.kind,
        name: event.object.metadata.name,
        error,
      });
    }
  }

  #alive(): void {
    this.#lastContact = this.#now();
    this.#error = undefined;
    this.#enter('watching');
  }

  #failed(error: unknown): void {
    this.#error = error instanceof Error ? error.message : String(error);
    // The kind's own 404: lists of an installed kind are never absent.
    const absent = isFailure(error, 'NotFound') && !this.#synced;
    if (absent || isFailure(error, 'Unauthorized')) this.#settle();
    this.#enter(absent ? 'absent' : 'failing');
  }

  #enter(state: ReflectorState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#options.onState?.(this.status());
  }

  #scope(): ListOptions & { metadataOnly?: boolean } {
    const { namespace, labelSelector, fieldSelector, metadataOnly } = this.#options;
    return {
      ...(namespace === undefined ? {} : { namespace }),
      ...(labelSelector === undefined ? {} : { labelSelector }),
      ...(fieldSelector === undefined ? {} : { fieldSelector }),
      ...(metadataOnly === undefined ? {} : { metadataOnly }),
    };
  }

  #inactivityMs(): number {
    return this.#options.inactivityMs ?? 150_000;
  }
}

class WatchCut extends Error {
  readonly version: string;

  constructor(version: string, cause: unknown) {
    super('watch cut', { cause });
    this.version = version;
  }
}

function keyOf(ref: NamespacedName): string {
  return `${ref.namespace ?? ''}/${ref.name}`;
}

function isExpired(error: unknown): boolean {
  return statusCode(error) === 410;
}

/** managedFields are often half of an object and nobody reads them from a store. */
function slim<T extends KubeObject>(object: T): T {
  const { managedFields: _managedFields, ...metadata } = object.metadata;
  return { ...object, metadata };
}

interface StallTimer {
  readonly signal: AbortSignal;
  touch(): void;
  stop(): void;
}

function stallTimer(ms: number): StallTimer {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(new Error('watch stalled')), ms);
  return { signal: controller.signal, touch: () => timer.refresh(), stop: () => clearTimeout(timer) };
}
