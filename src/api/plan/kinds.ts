import { isFailure, PerdureError } from '../../domain/errors.js';
import type { Kube } from '../../kube/kube.js';
import { KINDS } from '../types/kinds.js';
import type { ResourceKind } from '../types/meta.js';

const OWN = Object.values(KINDS);

interface ApiResource {
  readonly name: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

/** Where objects of this apiVersion and kind are, as the server says; undefined when it serves no such kind. */
export async function findKind(
  kube: Kube,
  apiVersion: string,
  kind: string,
  signal: AbortSignal,
): Promise<ResourceKind | undefined> {
  const [group, version] = apiVersion.includes('/') ? (apiVersion.split('/') as [string, string]) : ['', apiVersion];
  const path = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  const list = await kube.raw<{ resources?: readonly ApiResource[] }>('GET', path, undefined, signal).catch(absent);
  const found = list?.resources?.find((r) => r.kind === kind && !r.name.includes('/'));
  return found && { group, version, kind, plural: found.name, namespaced: found.namespaced };
}

/** The kind at the version that Perdure works with, for its own; of others at the version the server prefers. */
export async function storedKind(
  kube: Kube,
  ref: { readonly apiGroup: string; readonly kind: string },
  signal: AbortSignal,
): Promise<ResourceKind | undefined> {
  const own = OWN.find((k) => k.group === ref.apiGroup && k.kind === ref.kind);
  if (own) return own;
  const group = await kube
    .raw<{ preferredVersion?: { groupVersion: string } }>('GET', `/apis/${ref.apiGroup}`, undefined, signal)
    .catch(absent);
  const version = group?.preferredVersion?.groupVersion;
  return version === undefined ? undefined : findKind(kube, version, ref.kind, signal);
}

/** The kind of a document; throws `InvalidConfiguration` when the server has none such. */
export async function kindOfDocument(
  kube: Kube,
  document: { readonly apiVersion: string; readonly kind: string },
  signal: AbortSignal,
): Promise<ResourceKind> {
  const { apiVersion, kind } = document;
  const found = await findKind(kube, apiVersion, kind, signal);
  if (found) return found;
  throw new PerdureError(
    'InvalidConfiguration',
    `kind ${kind} of ${apiVersion} is not served by the API server: install its CRD ('perdure init'), or correct the manifest`,
  );
}

function absent(error: unknown): undefined {
  if (isFailure(error, 'NotFound')) return undefined;
  throw error;
}
