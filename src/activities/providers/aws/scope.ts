import type { AWSCluster, AWSClusterSpec, AWSClusterStatus, SubnetSpec, VPCSpec } from '../../../api/types/aws.js';
import { KINDS } from '../../../api/types/kinds.js';
import type { ObjectMeta } from '../../../api/types/meta.js';
import { isSubnetId } from '../../../domain/aws/subnets.js';
import { mergeV1Beta1Conditions, type V1Beta1Input } from '../../../domain/conditions.js';
import { isFailure, PerdureError } from '../../../domain/errors.js';
import type { ClusterContext } from '../port.js';
import type { AwsCall, Cloud } from './cloud.js';
import { sameJson } from './equal.js';
import { DEFAULT_IDENTITY } from './identity.js';
import { type Identity, ownershipOf } from './tags.js';

export const FIELD_MANAGER = 'perdure-aws';
const DEFAULT_API_PORT = 6443;

/** What tasks know without asking AWS; enough to plan. */
export interface ClusterView extends Identity {
  readonly namespace: string;
  readonly region: string;
  readonly object: AWSCluster;
  /** Port of the load balancer's main listener. */
  readonly apiServerPort: number;
}

/** A view with clients, and the means to record what was made. `object` is always the newest stored state this process has seen. */
export interface ClusterScope extends ClusterView {
  readonly cloud: Cloud;
  readonly ctx: ClusterContext<AWSCluster>;
  readonly aws: AwsCall;
  /** Changes spec and annotations of the AWSCluster with an optimistic lock; writes only when something differs. */
  record(change: (spec: AWSClusterSpec, metadata: ObjectMeta) => void): Promise<void>;
  /** The same for status. */
  recordStatus(change: (status: AWSClusterStatus) => void): Promise<void>;
}

export function clusterView(
  ctx: Pick<ClusterContext<AWSCluster>, 'cluster' | 'infraCluster' | 'clusterId'>,
): ClusterView {
  const { cluster, infraCluster } = ctx;
  const { name, namespace = '' } = infraCluster.metadata;
  const region = infraCluster.spec.region;
  if (!region) {
    throw new PerdureError(
      'InvalidConfiguration',
      `AWSCluster ${namespace}/${name}: spec.region is empty; set it to an AWS region`,
    );
  }
  return {
    namespace,
    region,
    clusterName: cluster.metadata.name,
    clusterId: ctx.clusterId,
    object: infraCluster,
    apiServerPort:
      infraCluster.spec.controlPlaneEndpoint?.port || cluster.spec.clusterNetwork?.apiServerPort || DEFAULT_API_PORT,
  };
}

/** Opens clients for a cluster. Throws `Unauthorized` when its identity cannot be used. */
export async function openScope(cloud: Cloud, ctx: ClusterContext<AWSCluster>): Promise<ClusterScope> {
  const view = clusterView(ctx);
  const { kube, signal } = ctx;
  const identity = ctx.infraCluster.spec.identityRef ?? DEFAULT_IDENTITY;
  let object = ctx.infraCluster;

  const store = async (change: (copy: AWSCluster) => void, subresource?: 'status'): Promise<void> => {
    const known = structuredClone(object);
    change(known);
    if (sameJson(known, object)) return;
    const ref = { namespace: view.namespace, name: object.metadata.name };
    const stored = await kube.modify<AWSCluster>(
      KINDS.AWSCluster,
      ref,
      (current) => {
        const copy = structuredClone(current);
        change(copy);
        if (!sameJson(copy, current)) return copy;
        object = current;
        return undefined;
      },
      { fieldManager: FIELD_MANAGER, signal, ...(subresource ? { subresource } : {}) },
    );
    if (stored) object = stored;
  };

  const recordStatus: ClusterScope['recordStatus'] = (change) =>
    store((copy) => {
      const status = copy.status ?? { ready: false };
      change(status);
      copy.status = status;
    }, 'status');
  let aws: AwsCall;
  try {
    aws = await cloud.open({ kube, signal, namespace: view.namespace, region: view.region, identity });
  } catch (error) {
    const condition = identityCondition(error);
    if (condition) await recordStatus((status) => setConditions(status, [condition], cloud.deps.now()));
    throw error;
  }

  return {
    ...view,
    get object() {
      return object;
    },
    cloud,
    ctx,
    aws,
    record: (change) => store((copy) => change(copy.spec, copy.metadata)),
    recordStatus,
  };
}

/** Upstream's condition for an identity that cannot be used. */
function identityCondition(error: unknown): V1Beta1Input | undefined {
  if (!isFailure(error, 'Unauthorized')) return undefined;
  const { condition: type, reason } = error.details;
  if (typeof type !== 'string' || typeof reason !== 'string') return undefined;
  return { type, status: 'False', severity: 'Error', reason, message: error.message };
}

export function vpcOf({ object }: ClusterView): VPCSpec {
  return object.spec.network?.vpc ?? {};
}

export function subnetsOf({ object }: ClusterView): readonly SubnetSpec[] {
  return object.spec.network?.subnets ?? [];
}

/** The cloud's id of a subnet, once known. */
export function subnetIdOf(subnet: SubnetSpec): string | undefined {
  return subnet.resourceID || (isGivenSubnet(subnet) ? subnet.id : undefined);
}

/** True for a subnet the user brought: named by its cloud id. Templates of upstream's call subnets that are to be made `subnet-zone-1`. */
export function isGivenSubnet(subnet: SubnetSpec): boolean {
  return isSubnetId(subnet.id);
}

/**
 * True when the VPC is ours to shape. Reads the record in the spec, where upstream keeps the VPC's tags too: a user who names an existing VPC
 * by id alone has none there. What is destroyed is checked against live tags besides.
 */
export function isManagedVpc(view: ClusterView): boolean {
  const { id, tags } = vpcOf(view);
  return !id || ['ours', 'upstream'].includes(ownershipOf(tags, view));
}

/** The VPC's id; `NotYet` never happens when tasks run in their order, so its absence is a bug of the caller. */
export function requireVpcId(view: ClusterView): string {
  const { id } = vpcOf(view);
  if (!id)
    throw new PerdureError(
      'Transient',
      `AWSCluster ${view.namespace}/${view.object.metadata.name}: spec.network.vpc.id is not recorded yet`,
    );
  return id;
}

/** Merges v1beta1 conditions into status by type, keeping the others. */
export function setConditions(status: AWSClusterStatus, wanted: readonly V1Beta1Input[], now: Date): void {
  const types = new Set(wanted.map((condition) => condition.type));
  const kept = (status.conditions ?? []).filter((condition) => !types.has(condition.type));
  const time = now.toISOString().replace(/\.\d+Z$/, 'Z');
  const inputs: V1Beta1Input[] = [...kept, ...wanted];
  status.conditions = mergeV1Beta1Conditions(status.conditions, inputs, time);
}
