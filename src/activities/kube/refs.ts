import { KINDS } from '../../api/types/kinds.js';
import type { KubeObject, ResourceKind, Unstructured } from '../../api/types/meta.js';
import { readPath } from '../../domain/contract.js';
import { PerdureError } from '../../domain/errors.js';
import type { Kube } from '../../kube/kube.js';

export interface ContractRef {
  readonly apiGroup: string;
  readonly kind: string;
  readonly name: string;
}

const OWN = Object.values(KINDS);
const TTL_MS = 60 * 60 * 1000;
const cached = new WeakMap<Kube, Map<string, { kind: ResourceKind; at: number }>>();

/** `<kind>` lower-case, pluralised the way CRDs must be named. Source: capi util/contract.CalculateCRDName. */
export function pluralOf(kind: string): string {
  const lower = kind.toLowerCase();
  if (lower.endsWith('s') || lower.endsWith('x') || lower.endsWith('ch') || lower.endsWith('sh')) return `${lower}es`;
  return /[^aeiou]y$/.test(lower) ? `${lower.slice(0, -1)}ies` : `${lower}s`;
}

const rank = (version: string): number => {
  const m = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(version);
  if (!m) return -1;
  return Number(m[1]) * 1e6 + (m[2] === undefined ? 9e5 : m[2] === 'beta' ? 5e5 : 0) + Number(m[3] ?? 0);
};

/** Version to read a third-party kind at: the highest one its CRD's contract label names. Source: capi contract version negotiation. */
export async function resolveKind(kube: Kube, ref: ContractRef, signal: AbortSignal): Promise<ResourceKind> {
  const own = OWN.find((k) => k.group === ref.apiGroup && k.kind === ref.kind);
  if (own) return own;
  const id = `${ref.kind}.${ref.apiGroup}`;
  const memory = cached.get(kube) ?? new Map<string, { kind: ResourceKind; at: number }>();
  cached.set(kube, memory);
  const known = memory.get(id);
  if (known && Date.now() - known.at < TTL_MS) return known.kind;
  const plural = pluralOf(ref.kind);
  const crd = await kube.get(KINDS.CustomResourceDefinition, { name: `${plural}.${ref.apiGroup}` }, signal);
  if (!crd) {
    throw new PerdureError(
      'InvalidConfiguration',
      `kind ${ref.kind} of group ${ref.apiGroup} is not known to the API server: its CRD ${plural}.${ref.apiGroup} is not installed; install the provider or correct the reference`,
    );
  }
  const labels = crd.metadata.labels ?? {};
  const versions = (labels['cluster.x-k8s.io/v1beta2'] ?? labels['cluster.x-k8s.io/v1beta1'] ?? '')
    .split('_')
    .filter(Boolean);
  const version = versions.sort((a, b) => rank(b) - rank(a))[0];
  if (!version) {
    throw new PerdureError(
      'InvalidConfiguration',
      `CRD ${plural}.${ref.apiGroup} has no contract label cluster.x-k8s.io/v1beta2 or v1beta1; the provider does not follow a contract known here`,
    );
  }
  const kind = {
    group: ref.apiGroup,
    version,
    kind: ref.kind,
    plural,
    namespaced: readPath(crd, 'spec.scope') !== 'Cluster',
  };
  memory.set(id, { kind, at: Date.now() });
  return kind;
}

/** Reads what a contract reference points at, in the referrer's namespace; undefined when absent or not set. */
export async function readRef<T extends KubeObject = Unstructured>(
  kube: Kube,
  ref: ContractRef | undefined,
  namespace: string,
  signal: AbortSignal,
): Promise<T | undefined> {
  if (!ref) return undefined;
  const kind = await resolveKind(kube, ref, signal);
  return kube.get<T>(kind, { namespace, name: ref.name }, signal);
}
