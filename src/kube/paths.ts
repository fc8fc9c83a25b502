import type { NamespacedName, ResourceKind } from '../api/types/meta.js';
import { PerdureError } from '../domain/errors.js';

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

/** Path of a collection: of one namespace, or of all when `namespace` is undefined. */
export function collectionPath(kind: ResourceKind, namespace?: string): string {
  const root = kind.group === '' ? `/api/${kind.version}` : `/apis/${kind.group}/${kind.version}`;
  const scope = kind.namespaced && namespace !== undefined ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  return `${root}${scope}/${kind.plural}`;
}

/** Path of one object. Throws `Bug` when a namespaced kind comes without namespace: the request would hit something else. */
export function objectPath(kind: ResourceKind, ref: NamespacedName, subresource?: string): string {
  if (ref.name === '' || (kind.namespaced && !ref.namespace)) {
    throw new PerdureError(
      'Bug',
      `${kind.kind} ${ref.namespace ?? ''}/${ref.name}: namespace and name are both needed`,
    );
  }
  const suffix = subresource === undefined ? '' : `/${subresource}`;
  return `${collectionPath(kind, ref.namespace)}/${encodeURIComponent(ref.name)}${suffix}`;
}

/** `?a=b&c=d` without undefined values; empty when nothing is left. */
export function queryString(query: Query): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) parameters.set(name, String(value));
  const text = parameters.toString();
  return text === '' ? '' : `?${text}`;
}

/** `machines default/demo`: how a request names its object in errors. */
export function nameOf(kind: ResourceKind, ref: NamespacedName): string {
  return `${kind.plural} ${ref.namespace ? `${ref.namespace}/` : ''}${ref.name}`;
}
