import type { KubeObject, NamespacedName, ResourceKind } from '../../src/api/types/meta.js';
import { isFailure, PerdureError } from '../../src/domain/errors.js';
import type { ApplyOptions, DeleteOptions, Kube, ListOptions, WriteOptions } from '../../src/kube/kube.js';
import { type AppliedFields, applyFields, jsonPatched, mergePatched } from './fake-kube-patch.js';
import { matchesFields, matchesLabels } from './fake-kube-select.js';
import { admitted, equalBut } from './fake-kube-store.js';

/** One request, as seen by the `before` and `after` hooks and kept in `calls`. */
export interface FakeCall {
  readonly verb: 'get' | 'list' | 'create' | 'apply' | 'mergePatch' | 'jsonPatch' | 'update' | 'delete' | 'raw';
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly subresource?: string;
  readonly fieldManager?: string;
  /** The object or patch sent. */
  readonly body?: unknown;
  /** Only of `raw`. */
  readonly method?: string;
  readonly path?: string;
}

type Hook = (call: FakeCall) => void | Promise<void>;
type RawHandler = (method: string, path: string, body: unknown) => unknown;

export interface FakeKubeOptions {
  readonly objects?: readonly KubeObject[];
  readonly now?: () => Date;
}

/** Verbs that change something: what "steady state makes no write" tests count. */
const WRITES: ReadonlySet<FakeCall['verb']> = new Set([
  'create',
  'apply',
  'mergePatch',
  'jsonPatch',
  'update',
  'delete',
]);

/**
 * An API server in memory behind the `Kube` interface: resourceVersions, generations, uids, optimistic locks, finalizers, label and field
 * selectors, the status subresource, merge and JSON patches, and server-side apply approximated by a deep merge that remembers the fields of
 * each manager. It knows no schemas: no defaulting, no validation, no admission. For those, use a real API server.
 */
export class FakeKube implements Kube {
  /** Every request in order, also failed ones. */
  readonly calls: FakeCall[] = [];
  readonly #objects = new Map<string, Map<string, KubeObject>>();
  readonly #applied = new Map<string, AppliedFields[]>();
  readonly #before: Hook[] = [];
  readonly #after: Hook[] = [];
  readonly #now: () => Date;
  #rawHandler: RawHandler | undefined;
  #version = 0;
  #uids = 0;

  constructor(options: FakeKubeOptions = {}) {
    this.#now = options.now ?? (() => new Date());
    for (const object of options.objects ?? []) this.put(object);
  }

  /** Runs before each request; throw to make it fail without effect. Returns a function that removes the hook. */
  before(hook: Hook): () => void {
    return added(this.#before, hook);
  }

  /** Runs after the effect; throw to lose the answer of a request that succeeded. Returns a function that removes the hook. */
  after(hook: Hook): () => void {
    return added(this.#after, hook);
  }

  /** Makes the next `times` requests that match fail with `error`; where `when` is `after`, the effect has happened by then. */
  failNext(match: Partial<FakeCall>, error: Error, { times = 1, when = 'before' as 'before' | 'after' } = {}): void {
    let left = times;
    const remove = this[when]((call) => {
      const hit = Object.entries(match).every(([key, value]) => call[key as keyof FakeCall] === value);
      if (!hit) return;
      if (--left <= 0) remove();
      throw error;
    });
  }

  /** Answers `raw` requests that the fake does not know by itself. */
  onRaw(handler: RawHandler): void {
    this.#rawHandler = handler;
  }

  /** Requests that changed or tried to change something. */
  writes(): FakeCall[] {
    return this.calls.filter((call) => WRITES.has(call.verb) || (call.verb === 'raw' && call.method !== 'GET'));
  }

  /** Stores an object as is, status included, without a request; uid, generation and creationTimestamp are filled in when missing. */
  put<T extends KubeObject>(object: T): T {
    const copy = structuredClone(object);
    const key = keyOf(copy.metadata);
    const known = this.#table(tableOf(copy)).get(key);
    copy.metadata = {
      ...copy.metadata,
      uid: copy.metadata.uid ?? known?.metadata.uid ?? this.#uid(),
      generation: copy.metadata.generation ?? known?.metadata.generation ?? 1,
      creationTimestamp: copy.metadata.creationTimestamp ?? known?.metadata.creationTimestamp ?? this.#stamp(),
      resourceVersion: this.#nextVersion(),
    };
    this.#table(tableOf(copy)).set(key, copy);
    return structuredClone(copy);
  }

  /** The stored object without a request. */
  peek<T extends KubeObject>(kind: ResourceKind, ref: NamespacedName): T | undefined {
    const found = this.#table(tableName(kind)).get(keyOf(ref));
    return found === undefined ? undefined : (structuredClone(found) as T);
  }

  /** All stored objects of a kind, or of all kinds, without a request. */
  all<T extends KubeObject>(kind?: ResourceKind): T[] {
    const tables = kind ? [this.#table(tableName(kind))] : [...this.#objects.values()];
    return tables.flatMap((table) => [...table.values()]).map((object) => structuredClone(object) as T);
  }

  /** Removes an object at once, finalizers or not, without a request. */
  remove(kind: ResourceKind, ref: NamespacedName): void {
    this.#table(tableName(kind)).delete(keyOf(ref));
  }

  /** What Kubernetes' garbage collector would do: deletes objects all of whose owners are gone, until nothing changes. */
  collectGarbage(): void {
    for (let changed = true; changed; ) {
      changed = false;
      const uids = new Set(this.all().map((object) => object.metadata.uid));
      for (const object of this.all()) {
        const owners = object.metadata.ownerReferences ?? [];
        if (owners.length === 0 || object.metadata.deletionTimestamp || owners.some((o) => uids.has(o.uid))) continue;
        this.#startDeletion(tableOf(object), object);
        changed = true;
      }
    }
  }

  async get<T extends KubeObject>(
    kind: ResourceKind,
    ref: NamespacedName,
    signal?: AbortSignal,
  ): Promise<T | undefined> {
    return await this.#request({ verb: 'get', ...about(kind, ref) }, signal, () => this.peek<T>(kind, ref));
  }

  async list<T extends KubeObject>(kind: ResourceKind, options: ListOptions = {}, signal?: AbortSignal): Promise<T[]> {
    const call: FakeCall = { verb: 'list', kind: kind.kind, namespace: options.namespace ?? '', name: '' };
    return await this.#request(call, signal, () =>
      this.all<T>(kind).filter(
        (object) =>
          (options.namespace === undefined || object.metadata.namespace === options.namespace) &&
          matchesLabels(object, options.labelSelector) &&
          matchesFields(object, options.fieldSelector),
      ),
    );
  }

  async create<T extends KubeObject>(kind: ResourceKind, object: T, options: WriteOptions = {}): Promise<T> {
    const call = { verb: 'create', ...about(kind, object.metadata), ...optionsOf(options), body: object } as const;
    return await this.#request(call, options.signal, () => {
      const what = `create ${label(kind, object.metadata)}`;
      if (kind.namespaced && !object.metadata.namespace)
        throw new PerdureError('Bug', `${what}: metadata.namespace is missing`);
      if (this.peek(kind, object.metadata)) {
        throw new PerdureError('Conflict', `${what}: API server answered 409: already exists`, {
          details: { status: 409, reason: 'AlreadyExists', alreadyExists: true },
        });
      }
      return this.#store(kind, undefined, object, options);
    });
  }

  async apply<T extends KubeObject>(
    kind: ResourceKind,
    object: KubeObject & Record<string, unknown>,
    options: ApplyOptions,
  ): Promise<T> {
    const call = { verb: 'apply', ...about(kind, object.metadata), ...optionsOf(options), body: object } as const;
    return await this.#request(call, options.signal, () => {
      const current = this.peek(kind, object.metadata);
      const what = `apply ${label(kind, object.metadata)}`;
      if (current === undefined && options.subresource) throw notFound(what);
      this.#checkVersion(what, current, object.metadata.resourceVersion);
      if (object.metadata.uid !== undefined && object.metadata.uid !== current?.metadata.uid) throw uidMismatch(what);
      const fieldsKey = `${tableName(kind)}/${keyOf(object.metadata)}/${current?.metadata.uid ?? ''}`;
      const applied = this.#applied.get(fieldsKey) ?? [];
      const { merged, fields } = applyFields(current, object, applied, options, what);
      const stored = this.#store<T>(kind, current as T | undefined, merged as T, options);
      if (options.dryRun !== true) {
        this.#applied.delete(fieldsKey);
        this.#applied.set(`${tableName(kind)}/${keyOf(object.metadata)}/${stored.metadata.uid ?? ''}`, fields);
      }
      return stored;
    });
  }

  async mergePatch<T extends KubeObject>(
    kind: ResourceKind,
    ref: NamespacedName,
    patch: unknown,
    options: WriteOptions = {},
  ): Promise<T> {
    const call = { verb: 'mergePatch', ...about(kind, ref), ...optionsOf(options), body: patch } as const;
    return await this.#request(call, options.signal, () => {
      const what = `patch ${label(kind, ref)}`;
      const current = this.#existing<T>(kind, ref, what);
      const sent = (patch as { metadata?: { resourceVersion?: string } } | null)?.metadata?.resourceVersion;
      this.#checkVersion(what, current, sent);
      return this.#store(kind, current, mergePatched(current, patch) as T, options);
    });
  }

  async jsonPatch<T extends KubeObject>(
    kind: ResourceKind,
    ref: NamespacedName,
    patch: readonly unknown[],
    options: WriteOptions = {},
  ): Promise<T> {
    const call = { verb: 'jsonPatch', ...about(kind, ref), ...optionsOf(options), body: patch } as const;
    return await this.#request(call, options.signal, () => {
      const what = `patch ${label(kind, ref)}`;
      const current = this.#existing<T>(kind, ref, what);
      return this.#store(kind, current, jsonPatched(current, patch, what), options);
    });
  }

  async modify<T extends KubeObject>(
    kind: ResourceKind,
    ref: NamespacedName,
    mutate: (current: T) => T | undefined,
    options: WriteOptions = {},
  ): Promise<T | undefined> {
    for (let attempt = 1; ; attempt++) {
      const current = await this.get<T>(kind, ref, options.signal);
      if (current === undefined) return undefined;
      const wanted = mutate(structuredClone(current));
      if (wanted === undefined) return current;
      const call = { verb: 'update', ...about(kind, ref), ...optionsOf(options), body: wanted } as const;
      try {
        return await this.#request(call, options.signal, () => {
          const what = `update ${label(kind, ref)}`;
          const stored = this.#existing<T>(kind, ref, what);
          this.#checkVersion(what, stored, current.metadata.resourceVersion);
          return this.#store(kind, stored, wanted, options);
        });
      } catch (error) {
        if (isFailure(error, 'NotFound')) return undefined;
        if (!isFailure(error, 'Conflict') || attempt >= 5) throw error;
      }
    }
  }

  async delete(kind: ResourceKind, ref: NamespacedName, options: DeleteOptions = {}): Promise<boolean> {
    return await this.#request({ verb: 'delete', ...about(kind, ref) }, options.signal, () => {
      const current = this.peek(kind, ref);
      if (current === undefined || (options.uid !== undefined && current.metadata.uid !== options.uid)) return false;
      this.#startDeletion(tableName(kind), current);
      return true;
    });
  }

  async raw<T>(
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    path: string,
    body?: unknown,
    signal?: AbortSignal,
  ): Promise<T> {
    const call: FakeCall = { verb: 'raw', kind: '', namespace: '', name: '', method, path, body };
    return await this.#request(call, signal, () => {
      const answer = this.#rawHandler?.(method, path, body);
      if (answer !== undefined) return answer as T;
      if (method === 'GET' && path === '/version') return { major: '1', minor: '34', gitVersion: 'v1.34.4' } as T;
      const eviction = /^\/api\/v1\/namespaces\/([^/]+)\/pods\/([^/]+)\/eviction$/.exec(path);
      if (method === 'POST' && eviction) return this.#evict(eviction[1] ?? '', eviction[2] ?? '') as T;
      throw notFound(`${method.toLowerCase()} ${path}`);
    });
  }

  async #request<T>(call: FakeCall, signal: AbortSignal | undefined, effect: () => T): Promise<T> {
    signal?.throwIfAborted();
    this.calls.push(structuredClone(call));
    for (const hook of [...this.#before]) await hook(call);
    // Callers get a turn in between, as over a network: races in the code under test show.
    await Promise.resolve();
    const answer = structuredClone(effect());
    for (const hook of [...this.#after]) await hook(call);
    return answer;
  }

  #evict(namespace: string, name: string): unknown {
    const pod: ResourceKind = { group: '', version: 'v1', kind: 'Pod', plural: 'pods', namespaced: true };
    const current = this.#existing<KubeObject>(pod, { namespace, name }, `evict pods ${namespace}/${name}`);
    this.#startDeletion(tableName(pod), current);
    return { kind: 'Status', apiVersion: 'v1', status: 'Success', code: 201 };
  }

  #existing<T extends KubeObject>(kind: ResourceKind, ref: NamespacedName, what: string): T {
    const current = this.peek<T>(kind, ref);
    if (current === undefined) throw notFound(what);
    return current;
  }

  #checkVersion(what: string, current: KubeObject | undefined, wanted: string | undefined): void {
    if (wanted === undefined || wanted === current?.metadata.resourceVersion) return;
    throw new PerdureError('Conflict', `${what}: API server answered 409: the object has been modified`, {
      details: { status: 409, reason: 'Conflict' },
    });
  }

  /** Stores what a write to the object or a subresource makes of `current`; nothing changed means the same resourceVersion. */
  #store<T extends KubeObject>(kind: ResourceKind, current: T | undefined, wanted: T, options: WriteOptions): T {
    const next = admitted(kind, current, wanted, options.subresource);
    const before = current?.metadata;
    const specChanged = current !== undefined && !equalBut(current, next, ['metadata', 'status']);
    next.metadata = {
      ...next.metadata,
      uid: before?.uid ?? this.#uid(),
      creationTimestamp: before?.creationTimestamp ?? this.#stamp(),
      generation: (before?.generation ?? 1) + (specChanged ? 1 : 0),
      ...(before?.deletionTimestamp ? { deletionTimestamp: before.deletionTimestamp } : {}),
      ...(before?.resourceVersion ? { resourceVersion: before.resourceVersion } : {}),
    };
    if (current !== undefined && equalBut(current, next, [])) return current;
    next.metadata.resourceVersion = options.dryRun === true ? (before?.resourceVersion ?? '') : this.#nextVersion();
    if (options.dryRun === true) return next;
    const table = this.#table(tableName(kind));
    const done = next.metadata.deletionTimestamp && (next.metadata.finalizers ?? []).length === 0;
    if (done) table.delete(keyOf(next.metadata));
    else table.set(keyOf(next.metadata), structuredClone(next));
    return next;
  }

  #startDeletion(table: string, current: KubeObject): void {
    const key = keyOf(current.metadata);
    if ((current.metadata.finalizers ?? []).length === 0) {
      this.#table(table).delete(key);
    } else if (!current.metadata.deletionTimestamp) {
      const { generation = 1 } = current.metadata;
      const marks = {
        deletionTimestamp: this.#stamp(),
        generation: generation + 1,
        resourceVersion: this.#nextVersion(),
      };
      this.#table(table).set(key, { ...current, metadata: { ...current.metadata, ...marks } });
    }
  }

  #table(name: string): Map<string, KubeObject> {
    const table = this.#objects.get(name) ?? new Map<string, KubeObject>();
    this.#objects.set(name, table);
    return table;
  }

  #nextVersion(): string {
    return String(++this.#version);
  }

  #uid(): string {
    return `00000000-0000-4000-8000-${String(++this.#uids).padStart(12, '0')}`;
  }

  #stamp(): string {
    return this.#now()
      .toISOString()
      .replace(/\.\d{3}Z$/, 'Z');
  }
}

function added(hooks: Hook[], hook: Hook): () => void {
  hooks.push(hook);
  return () => {
    const at = hooks.indexOf(hook);
    if (at >= 0) hooks.splice(at, 1);
  };
}

function about(kind: ResourceKind, ref: NamespacedName): Pick<FakeCall, 'kind' | 'namespace' | 'name'> {
  return { kind: kind.kind, namespace: ref.namespace ?? '', name: ref.name };
}

function optionsOf(options: WriteOptions): Pick<FakeCall, 'subresource' | 'fieldManager'> {
  return {
    ...(options.subresource ? { subresource: options.subresource } : {}),
    ...(options.fieldManager ? { fieldManager: options.fieldManager } : {}),
  };
}

function label(kind: ResourceKind, ref: NamespacedName): string {
  return `${kind.plural} ${ref.namespace ? `${ref.namespace}/` : ''}${ref.name}`;
}

function notFound(what: string): PerdureError {
  return new PerdureError('NotFound', `${what}: API server answered 404: not found`, {
    details: { status: 404, reason: 'NotFound' },
  });
}

function uidMismatch(what: string): PerdureError {
  return new PerdureError('Conflict', `${what}: API server answered 409: uid mismatch`, {
    details: { status: 409, reason: 'Conflict' },
  });
}

const keyOf = (ref: NamespacedName): string => `${ref.namespace ?? ''}/${ref.name}`;
const tableName = (kind: ResourceKind): string => `${kind.group}/${kind.kind}`;

function tableOf(object: KubeObject): string {
  const group = object.apiVersion.includes('/') ? (object.apiVersion.split('/')[0] ?? '') : '';
  return `${group}/${object.kind}`;
}
