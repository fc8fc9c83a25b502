import { apiVersionOf } from '../api/types/kinds.js';
import type { KubeObject, ResourceKind } from '../api/types/meta.js';
import { statusCode } from './errors.js';
import type { ListOptions } from './kube.js';
import { collectionPath, queryString } from './paths.js';
import type { Transport } from './transport.js';

/** Objects per page of a list; what kubectl and client-go ask for. */
export const PAGE_SIZE = 500;

export interface ListPageOptions extends ListOptions {
  /** Only metadata is transferred: labels, owners, versions, no content. For Secrets. */
  readonly metadataOnly?: boolean;
  readonly signal?: AbortSignal | undefined;
}

export interface ObjectList<T extends KubeObject> {
  readonly items: T[];
  readonly resourceVersion: string;
}

export interface ObjectPage<T extends KubeObject> extends ObjectList<T> {
  readonly next: string | undefined;
}

interface RawList {
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
  readonly items?: readonly KubeObject[] | null;
}

const METADATA_LIST = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1';

/** One page; `limit` 0 asks for everything at once. */
export async function listPage<T extends KubeObject>(
  transport: Transport,
  kind: ResourceKind,
  options: ListPageOptions,
  limit: number,
  token?: string,
): Promise<ObjectPage<T>> {
  const query = queryString({
    labelSelector: options.labelSelector,
    fieldSelector: options.fieldSelector,
    limit: limit > 0 ? limit : undefined,
    continue: token,
  });
  const answer = (await transport.json({
    method: 'GET',
    what: `list ${kind.plural}${options.namespace ? ` in ${options.namespace}` : ''}`,
    path: collectionPath(kind, options.namespace) + query,
    signal: options.signal,
    ...(options.metadataOnly === true ? { accept: METADATA_LIST } : {}),
  })) as RawList;
  return {
    items: (answer.items ?? []).map((item) => withType<T>(kind, item)),
    resourceVersion: answer.metadata?.resourceVersion ?? '',
    next: answer.metadata?.continue || undefined,
  };
}

/** All pages of one consistent snapshot. A continue token that expires half way starts over without paging, as client-go's pager does. */
export async function listAll<T extends KubeObject>(
  transport: Transport,
  kind: ResourceKind,
  options: ListPageOptions,
): Promise<ObjectList<T>> {
  const items: T[] = [];
  let token: string | undefined;
  for (;;) {
    let page: ObjectPage<T>;
    try {
      page = await listPage<T>(transport, kind, options, PAGE_SIZE, token);
    } catch (error) {
      if (statusCode(error) !== 410 || token === undefined) throw error;
      return await listPage<T>(transport, kind, options, 0);
    }
    for (const item of page.items) items.push(item);
    if (page.next === undefined) return { items, resourceVersion: page.resourceVersion };
    token = page.next;
  }
}

/** Items of built-in lists and metadata-only objects come without their own kind: it is put (back) on. */
export function withType<T extends KubeObject>(kind: ResourceKind, item: KubeObject): T {
  return { ...item, apiVersion: apiVersionOf(kind), kind: kind.kind } as T;
}
