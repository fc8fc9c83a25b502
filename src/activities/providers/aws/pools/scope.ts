import type { AWSCluster, AWSMachinePool, AWSMachinePoolStatus, AWSTags } from '../../../../api/types/aws.js';
import type { Machine } from '../../../../api/types/core.js';
import { KINDS } from '../../../../api/types/kinds.js';
import { PerdureError } from '../../../../domain/errors.js';
import type { PoolContext } from '../../port.js';
import type { AwsCall, Cloud } from '../cloud.js';
import type { LaunchScope } from '../machine-scope.js';
import { base36 } from '../names.js';
import { recorder } from '../record.js';
import { type ClusterScope, openScope } from '../scope.js';
import { cloudProviderTag, clusterTag, ownedTags, TAG } from '../tags.js';

export type AwsPoolContext = PoolContext<AWSCluster, AWSMachinePool>;

export interface PoolScope {
  readonly cloud: Cloud;
  readonly ctx: AwsPoolContext;
  readonly aws: AwsCall;
  readonly cluster: ClusterScope;
  /** `AWSMachinePool namespace/name`, for messages. */
  readonly what: string;
  /** Newest stored state this process has seen. */
  readonly object: AWSMachinePool;
  /** What image and groups of the instances go by. */
  readonly launch: LaunchScope;
  /** Changes spec and metadata of the AWSMachinePool with an optimistic lock; writes only when something differs. */
  record(change: (copy: AWSMachinePool) => void): Promise<void>;
  recordStatus(change: (status: AWSMachinePoolStatus) => void): Promise<void>;
}

/** Opens clients for a pool. Throws `NotFound` without its AWSCluster: nobody could tell its account. */
export async function openPool(cloud: Cloud, ctx: AwsPoolContext): Promise<PoolScope> {
  const { kube, signal, infraPool, infraCluster, pool } = ctx;
  const { name, namespace = '' } = infraPool.metadata;
  const what = `AWSMachinePool ${namespace}/${name}`;
  if (!infraCluster)
    throw new PerdureError('NotFound', `${what}: the AWSCluster of its cluster does not exist; create it`);
  const cluster = await openScope(cloud, { ...ctx, infraCluster });
  const recorded = recorder<AWSMachinePool>(kube, KINDS.AWSMachinePool, infraPool, signal);
  const { instanceType = firstType(infraPool), ...template } = infraPool.spec.awsLaunchTemplate;
  const { version, clusterName } = pool.spec.template.spec;
  const machine = {
    apiVersion: pool.apiVersion,
    kind: pool.kind,
    metadata: pool.metadata,
    spec: { clusterName, bootstrap: {}, infrastructureRef: pool.spec.template.spec.infrastructureRef, version },
  } as Machine;
  return {
    cloud,
    ctx,
    aws: cluster.aws,
    cluster,
    what,
    get object() {
      return recorded.object;
    },
    launch: {
      cloud,
      ctx: { machine, signal },
      aws: cluster.aws,
      cluster,
      what,
      isControlPlane: false,
      object: { spec: { ...template, instanceType } },
    },
    record: (change) => recorded.store(change),
    recordStatus: (change) =>
      recorded.store((copy) => {
        copy.status ??= {} as AWSMachinePoolStatus;
        change(copy.status);
      }, 'status'),
  };
}

/** The type by which an image's architecture is chosen where only a mixed policy names types. */
const firstType = ({ spec }: AWSMachinePool): string => spec.mixedInstancesPolicy?.overrides?.[0]?.instanceType ?? '';

/** All tags of the pool's group, launch template and instances. */
export function poolTags({ cluster, object, ctx }: PoolScope): AWSTags {
  const { clusterName, clusterId } = cluster;
  return ownedTags({
    clusterName,
    clusterId,
    name: object.metadata.name,
    role: 'node',
    additional: { ...cluster.object.spec.additionalTags, ...object.spec.additionalTags },
    extra: { [cloudProviderTag(clusterName)]: 'owned', [TAG.poolId]: ctx.poolId },
  });
}

/** Names are unique per account and region: the wished one, and the one that is taken when somebody else has that. */
export const candidates = (wished: string, poolId: string): readonly [string, string] => [
  wished,
  `${wished}-${base36(poolId, 6)}`,
];

/** What has a name and tags in AWS. */
export interface Named {
  readonly name: string;
  readonly tags: AWSTags;
}

/**
 * Ours by our tags. What upstream made carries its tag with our cluster's name, which proves nothing: it is ours only when the spec names it, as `named`
 * says.
 */
export function isOurs({ cluster, ctx }: PoolScope, { tags }: Named, named: boolean): boolean {
  if (tags[TAG.id] !== undefined || tags[TAG.poolId] !== undefined)
    return tags[TAG.id] === cluster.clusterId && tags[TAG.poolId] === ctx.poolId;
  return named && tags[clusterTag(cluster.clusterName)] === 'owned';
}

/** The name for something that does not exist yet. Throws `OwnershipConflict` when both are taken. */
export function freeName(
  scope: PoolScope,
  noun: string,
  names: readonly [string, string],
  taken: readonly Named[],
): string {
  const free = names.find((name) => !taken.some((one) => one.name === name));
  if (free !== undefined) return free;
  throw new PerdureError(
    'OwnershipConflict',
    `${scope.what}: ${noun}s ${names.join(' and ')} exist and do not carry its tags; delete one, or choose another name`,
  );
}
