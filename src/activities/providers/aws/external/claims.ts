import type { AWSTags } from '../../../../api/types/aws.js';
import type { ExternalResource } from '../../../../domain/collect/external.js';
import { cloudProviderTag, clusterTag, type Identity, TAG } from '../tags.js';

/** Tags whose value is the name of a cluster, by who sets them. */
const NAMED = [
  'elbv2.k8s.aws/cluster',
  'ingress.k8s.aws/cluster',
  'ebs.csi.aws.com/cluster-name',
  'cluster.k8s.amazonaws.com/name',
  'KubernetesCluster',
] as const;

const CLOUD_PROVIDER = cloudProviderTag('');
const CLUSTER_API = clusterTag('');

export type Claim = Pick<ExternalResource, 'claim' | 'evidence' | 'clusterId' | 'others'>;

/** What a cluster or a provider made itself: it goes with the infrastructure it is a part of, not as something external. */
export function isInfrastructure(tags: AWSTags): boolean {
  return TAG.key in tags || Object.keys(tags).some((key) => key.startsWith(CLUSTER_API));
}

/**
 * What the tags of a resource say of whose it is; undefined when they do not name this cluster. Both families are known: that of the cloud controller manager
 * and the in-tree provider, and that of the AWS Load Balancer Controller; also those of the CSI driver and of the network plug-in. Pure.
 */
export function claimOf(tags: AWSTags, { clusterName, clusterId }: Identity): Claim | undefined {
  const names = clustersNamed(tags);
  const id = tags[TAG.id];
  const mine = names.filter(({ name }) => name === clusterName);
  const best = mine.find(({ owned }) => owned) ?? mine[0];
  if (best === undefined && id !== clusterId) return undefined;
  const others = [...new Set(names.filter(({ name }) => name !== clusterName).map(({ name }) => name))].sort();
  return {
    claim: best === undefined || best.owned ? 'owned' : 'shared',
    evidence: best?.evidence ?? `${TAG.id}=${clusterId}`,
    ...(id === undefined ? {} : { clusterId: id }),
    ...(others.length > 0 ? { others } : {}),
  };
}

export interface NamedCluster {
  readonly name: string;
  readonly owned: boolean;
  readonly evidence: string;
}

/** The clusters that tags name. */
export function clustersNamed(tags: AWSTags): NamedCluster[] {
  return Object.entries(tags).flatMap(([key, value]): NamedCluster[] => {
    const evidence = `${key}=${value}`;
    if (key.startsWith(CLOUD_PROVIDER))
      return [{ name: key.slice(CLOUD_PROVIDER.length), owned: value === 'owned', evidence }];
    return (NAMED as readonly string[]).includes(key) ? [{ name: value, owned: true, evidence }] : [];
  });
}
