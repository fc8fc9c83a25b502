import { KINDS } from '../../api/types/kinds.js';
import type { KubeObject, ResourceKind, Unstructured } from '../../api/types/meta.js';
import { contractVersion, pluralOf, readPath } from '../../domain/contract.js';
import { PerdureError } from '../../domain/errors.js';
import type { Kube } from '../../kube/kube.js';

/** A reference to a provider's object, as Cluster API's contract writes it. */
export interface ContractRef {
  readonly apiGroup: string;
  readonly kind: string;
  readonly name: string;
}

const OWN = Object.values(KINDS);
const TTL_MS = 60 * 60 * 1000;
const cached = new WeakMap<Kube, Map<string, { kind: ResourceKind; at: number }>>();

/**
 * Where a third-party kind is read: at the highest version its CRD's contract label names. Undefined when no such CRD is installed, and so no
 * such object exists. Throws `InvalidConfiguration` for a CRD without a contract. Source: capi contract version negotiation.
 */
export async function findKind(
  kube: Kube,
  ref: Omit<ContractRef, 'name'>,
  signal: AbortSignal,
): Promise<ResourceKind | undefined> {
  const own = OWN.find((k) => k.group === ref.apiGroup && k.kind === ref.kind);
  if (own) return own;
  const name = crdName(ref);
  const memory = cached.get(kube) ?? new Map<string, { kind: ResourceKind; at: number }>();
  cached.set(kube, memory);
  const known = memory.get(name);
  if (known && Date.now() - known.at < TTL_MS) return known.kind;
  const crd = await kube.get(KINDS.CustomResourceDefinition, { name }, signal);
  if (!crd) return undefined;
  const version = contractVersion(crd.metadata.labels);
  if (!version) {
    throw new PerdureError(
      'InvalidConfiguration',
      `CRD ${name} has no contract label cluster.x-k8s.io/v1beta2 or v1beta1; the provider does not follow a contract known here`,
    );
  }
  const namespaced = readPath(crd, 'spec.scope') !== 'Cluster';
  const kind = { group: ref.apiGroup, version, kind: ref.kind, plural: pluralOf(ref.kind), namespaced };
  memory.set(name, { kind, at: Date.now() });
  return kind;
}

const crdName = (ref: Omit<ContractRef, 'name'>): string => `${pluralOf(ref.kind)}.${ref.apiGroup}`;

/** The same where the kind must be known: throws `InvalidConfiguration` when its CRD is not installed. */
export async function resolveKind(
  kube: Kube,
  ref: Omit<ContractRef, 'name'>,
  signal: AbortSignal,
): Promise<ResourceKind> {
  const kind = await findKind(kube, ref, signal);
  if (kind) return kind;
  throw new PerdureError(
    'InvalidConfiguration',
    `kind ${ref.kind} of group ${ref.apiGroup} is not known to the API server: its CRD ${crdName(ref)} is not installed; install the provider or correct the reference`,
  );
}

/** Reads what a contract reference points at, in the referrer's namespace; undefined when absent, not set, or of a kind not installed. */
export async function readRef<T extends KubeObject = Unstructured>(
  kube: Kube,
  ref: ContractRef | undefined,
  namespace: string,
  signal: AbortSignal,
): Promise<T | undefined> {
  if (!ref) return undefined;
  const kind = await findKind(kube, ref, signal);
  return kind && kube.get<T>(kind, { namespace, name: ref.name }, signal);
}
