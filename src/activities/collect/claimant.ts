import { X509Certificate } from 'node:crypto';
import type { Cluster } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import type { KubeObject } from '../../api/types/meta.js';
import type { Kube } from '../../kube/kube.js';
import { type Secret, secretText } from '../bootstrap/secrets.js';
import type { FoundCluster } from '../infra/context.js';

const earliest = (...times: readonly (string | undefined)[]): string =>
  times.filter((time): time is string => time !== undefined && time !== '').sort()[0] ?? '';

/** When a cluster came to be, by its objects alone. */
export const bornBy = (...objects: readonly KubeObject[]): string =>
  earliest(...objects.map((o) => o.metadata.creationTimestamp));

/** The same by its certificate authority too, which a move takes along as it is while it makes all objects anew. RFC 3339. */
export async function bornAt(
  kube: Kube,
  cluster: Cluster,
  infraCluster: KubeObject,
  signal: AbortSignal,
): Promise<string> {
  const { namespace = '', name } = cluster.metadata;
  const secret = await kube.get<Secret>(KINDS.Secret, { namespace, name: `${name}-ca` }, signal);
  return earliest(bornBy(cluster, infraCluster), validFrom(secret && secretText(secret, 'tls.crt')));
}

function validFrom(certificate: string | undefined): string | undefined {
  if (!certificate) return undefined;
  try {
    return new Date(new X509Certificate(certificate).validFrom).toISOString();
  } catch {
    return undefined; // given by a user, and of no use here
  }
}

/** Another Cluster of the same name whose cloud account and region are the same, in words: tags that name it cannot tell the two apart. */
export async function namesakeOf(
  kube: Kube,
  { provider, ctx }: FoundCluster,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { name, namespace, uid } = ctx.cluster.metadata;
  const { group, kind } = provider.clusterKind;
  const clusters = await kube.list<Cluster>(KINDS.Cluster, { fieldSelector: `metadata.name=${name}` }, signal);
  for (const other of clusters) {
    const ref = other.spec.infrastructureRef;
    if (other.metadata.uid === uid || ref?.apiGroup !== group || ref.kind !== kind) continue;
    const at = { namespace: other.metadata.namespace ?? '', name: ref.name };
    const infra = await kube.get<KubeObject>(provider.clusterKind, at, signal);
    if (infra && provider.taskQueue(infra) === provider.taskQueue(ctx.infraCluster))
      return `Cluster ${other.metadata.namespace ?? ''}/${name} beside ${namespace ?? ''}/${name}`;
  }
  return undefined;
}
