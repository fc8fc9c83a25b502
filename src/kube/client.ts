import { apiVersionOf } from '../api/types/kinds.js';
import type { KubeObject, NamespacedName, ResourceKind } from '../api/types/meta.js';
import { isFailure, PerdureError } from '../domain/errors.js';
import type { AccessOptions, KubeAccess } from './access.js';
import type { Kube, ListOptions, WriteOptions } from './kube.js';
import { accessFromKubeconfigFile, accessFromKubeconfigText, accessInCluster } from './kubeconfig.js';
import { type ListPageOptions, listAll, listPage, type ObjectList } from './list.js';
import { collectionPath, nameOf, objectPath, queryString } from './paths.js';
import { createTransport, type Method, type Transport } from './transport.js';
import { type WatchEvent, type WatchOptions, watch } from './watch.js';

/** A Kube that also watches, and whose connections can be closed. */
export interface KubeClient extends Kube {
  readonly access: KubeAccess;
  readonly transport: Transport;
  /** A consistent list with the resourceVersion to watch from. */
  listAll<T extends KubeObject>(kind: ResourceKind, options?: ListPageOptions): Promise<ObjectList<T>>;
  /** Events until the server ends the watch. Throws `Transient` with details.status 410 when the resourceVersion is too old. */
  watch<T extends KubeObject>(kind: ResourceKind, options: WatchOptions): AsyncIterable<WatchEvent<T>>;
  /** Ends all connections; running requests fail. */
  close(): Promise<void>;
}

const MODIFY_ATTEMPTS = 5;
const MERGE_PATCH = 'application/merge-patch+json';
const JSON_PATCH = 'application/json-patch+json';
// JSON is valid YAML, and the only encoding of apply that all supported servers take.
const APPLY_PATCH = 'application/apply-patch+yaml';

/** The client of `kube.ts` over HTTP. Nothing is sent before the first call. */
export function createKube(access: KubeAccess): KubeClient {
  const transport = createTransport(access);

  async function write<T>(
    method: Method,
    what: string,
    path: string,
    body: unknown,
    options: WriteOptions & { readonly force?: boolean; readonly contentType?: string } = {},
  ): Promise<T> {
    const query = queryString({
      fieldManager: options.fieldManager,
      force: options.force,
      dryRun: options.dryRun === true ? 'All' : undefined,
    });
    return (await transport.json({
      method,
      what,
      path: path + query,
      body,
      ...(options.contentType === undefined ? {} : { contentType: options.contentType }),
      signal: options.signal,
    })) as T;
  }

  const kube: KubeClient = {
    access,
    transport,
    async get<T extends KubeObject>(kind: ResourceKind, ref: NamespacedName, signal?: AbortSignal) {
      const what = `get ${nameOf(kind, ref)}`;
      return (await transport
        .json({ method: 'GET', what, path: objectPath(kind, ref), signal })
        .catch(undefinedIfNotFound)) as T | undefined;
    },
    async list<T extends KubeObject>(kind: ResourceKind, options: ListOptions = {}, signal?: AbortSignal) {
      return (await listAll<T>(transport, kind, { ...options, signal })).items;
    },
    listAll: (kind, options = {}) => listAll(transport, kind, options),
    async create<T extends KubeObject>(kind: ResourceKind, object: T, options: WriteOptions = {}) {
      const { namespace, name } = object.metadata;
      if (kind.namespaced && !namespace) {
        throw new PerdureError('Bug', `create ${kind.plural} ${name}: metadata.namespace is missing`);
      }
      return await write<T>(
        'POST',
        `create ${nameOf(kind, object.metadata)}`,
        collectionPath(kind, namespace),
        object,
        options,
      );
    },
    async apply<T extends KubeObject>(kind: ResourceKind, object: KubeObject, options: Parameters<Kube['apply']>[2]) {
      // The server refuses managedFields in an applied object; a resourceVersion is left in: the caller's optimistic lock.
      const { managedFields: _managedFields, ...metadata } = object.metadata;
      const body = { ...object, apiVersion: apiVersionOf(kind), kind: kind.kind, metadata };
      return await write<T>(
        'PATCH',
        `apply ${nameOf(kind, metadata)}`,
        objectPath(kind, metadata, options.subresource),
        body,
        {
          ...options,
          force: options.force ?? true,
          contentType: APPLY_PATCH,
        },
      );
    },
    async mergePatch<T extends KubeObject>(
      kind: ResourceKind,
      ref: NamespacedName,
      patch: unknown,
      options: WriteOptions = {},
    ) {
      const path = objectPath(kind, ref, options.subresource);
      return await write<T>('PATCH', `patch ${nameOf(kind, ref)}`, path, patch, {
        ...options,
        contentType: MERGE_PATCH,
      });
    },
    async jsonPatch<T extends KubeObject>(
      kind: ResourceKind,
      ref: NamespacedName,
      patch: readonly unknown[],
      options: WriteOptions = {},
    ) {
      const path = objectPath(kind, ref, options.subresource);
      return await write<T>('PATCH', `patch ${nameOf(kind, ref)}`, path, patch, {
        ...options,
        contentType: JSON_PATCH,
      });
    },
    async modify<T extends KubeObject>(
      kind: ResourceKind,
      ref: NamespacedName,
      mutate: (current: T) => T | undefined,
      options: WriteOptions = {},
    ) {
      for (let attempt = 1; ; attempt++) {
        // The object of the (sub)resource itself is read, so that `/scale` gets a Scale and not the scaled object.
        const path = objectPath(kind, ref, options.subresource === 'scale' ? 'scale' : undefined);
        const what = `get ${nameOf(kind, ref)}`;
        const current = (await transport
          .json({ method: 'GET', what, path, signal: options.signal })
          .catch(undefinedIfNotFound)) as T | undefined;
        if (current === undefined) return undefined;
        const wanted = mutate(structuredClone(current));
        if (wanted === undefined) return current;
        const metadata = { ...wanted.metadata, ...versionOf(current) };
        try {
          const target = objectPath(kind, ref, options.subresource);
          return await write<T>('PUT', `update ${nameOf(kind, ref)}`, target, { ...wanted, metadata }, options);
        } catch (error) {
          if (isFailure(error, 'NotFound')) return undefined;
          if (!isFailure(error, 'Conflict') || attempt >= MODIFY_ATTEMPTS) throw error;
        }
      }
    },
    async delete(kind, ref, options = {}) {
      const body = {
        apiVersion: 'v1',
        kind: 'DeleteOptions',
        ...(options.propagationPolicy ? { propagationPolicy: options.propagationPolicy } : {}),
        ...(options.uid ? { preconditions: { uid: options.uid } } : {}),
      };
      try {
        await write(
          'DELETE',
          `delete ${nameOf(kind, ref)}`,
          objectPath(kind, ref),
          body,
          options.signal ? { signal: options.signal } : {},
        );
        return true;
      } catch (error) {
        if (isFailure(error, 'NotFound')) return false;
        if (isFailure(error, 'Conflict') && options.uid)
          return await isOtherIncarnation(kube, kind, ref, options.uid, error);
        throw error;
      }
    },
    async raw<T>(method: Method, path: string, body?: unknown, signal?: AbortSignal) {
      const contentType = method === 'PATCH' ? (Array.isArray(body) ? JSON_PATCH : MERGE_PATCH) : undefined;
      return (await transport.json({
        method,
        what: `${method.toLowerCase()} ${path}`,
        path,
        signal,
        ...(body === undefined ? {} : { body }),
        ...(contentType === undefined ? {} : { contentType }),
      })) as T;
    },
    watch: (kind, options) => watch(transport, kind, options),
    close: () => transport.close(),
  };
  return kube;
}

/** `listPage` for callers that walk pages themselves. */
export { listPage };

/** Client of the cluster that a kubeconfig file's (current) context names. */
export function kubeFromKubeconfigFile(
  path: string,
  options: AccessOptions & { readonly context?: string } = {},
): KubeClient {
  return createKube(accessFromKubeconfigFile(path, options));
}

/** Client from a kubeconfig's text, e.g. of a workload cluster; `resolve` finds its load balancer when DNS can't. */
export function kubeFromKubeconfigText(
  text: string,
  options: AccessOptions & { readonly context?: string } = {},
): KubeClient {
  return createKube(accessFromKubeconfigText(text, options));
}

/** Client of the cluster this process runs in, by its service account. */
export function kubeInCluster(options: AccessOptions = {}): KubeClient {
  return createKube(accessInCluster(options));
}

function undefinedIfNotFound(error: unknown): undefined {
  if (isFailure(error, 'NotFound')) return undefined;
  throw error;
}

function versionOf(object: KubeObject): { resourceVersion?: string } {
  const { resourceVersion } = object.metadata;
  return resourceVersion === undefined ? {} : { resourceVersion };
}

/** A conflict on the uid precondition means that the incarnation to delete is gone. Other conflicts are rethrown. */
async function isOtherIncarnation(
  kube: Kube,
  kind: ResourceKind,
  ref: NamespacedName,
  uid: string,
  error: unknown,
): Promise<false> {
  const current = await kube.get(kind, ref);
  if (current?.metadata.uid === uid) throw error;
  return false;
}
