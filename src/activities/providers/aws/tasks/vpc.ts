import type { CreateVpcCommandInput, Vpc } from '@aws-sdk/client-ec2';
import type { AWSCluster, AWSTags, IPAMPool, VPCSpec } from '../../../../api/types/aws.js';
import { PerdureError } from '../../../../domain/errors.js';
import type { Change, EnsureTask } from '../../port.js';
import { dependents } from '../blockers.js';
import type { Cloud } from '../cloud.js';
import { sameJson } from '../equal.js';
import { hasCode } from '../errors.js';
import { resourceName } from '../names.js';
import { type ClusterScope, type ClusterView, isManagedVpc, vpcOf } from '../scope.js';
import { addTags, isEmpty, tagsToAdd } from '../tagging.js';
import { ownedTags, ownershipOf, TAG, tagList, tagMap } from '../tags.js';
import { defineTask } from '../task.js';
import { pollUntil, whenVisible } from '../wait.js';

const DEFAULT_CIDR = '10.0.0.0/16';
/** Of a block taken from a pool, when the spec names no length. Source: capa pkg/cloud/services/network/vpc.go. */
const DEFAULT_NETMASK = { ipv4: 16, ipv6: 56 } as const;

interface Observed {
  readonly vpc: Vpc | undefined;
  readonly managed: boolean;
  readonly dnsSupport: boolean;
  readonly dnsHostnames: boolean;
}

/** The VPC: ours, or the one that spec.network.vpc.id names, which is only looked at. */
export function vpcTask(cloud: Cloud): EnsureTask<AWSCluster, Observed> {
  return defineTask<Observed>(cloud, {
    id: 'vpc',
    title: 'Ensure VPC',
    dependsOn: [],
    condition: 'VpcReady',
    observe,
    plan,
    apply,
    remove,
  });
}

async function observe(scope: ClusterScope): Promise<Observed> {
  const { aws } = scope;
  const { id } = vpcOf(scope);
  const vpc = id ? await byId(scope, id) : await byTag(scope);
  const absent = { vpc: undefined, managed: true, dnsSupport: false, dnsHostnames: false };
  if (!vpc?.VpcId) return absent;
  const managed = ownershipOf(tagMap(vpc.Tags), scope) === 'ours' || (isManagedVpc(scope) && Boolean(id));
  if (!managed) return { ...absent, vpc, managed };
  const [support, hostnames] = await Promise.all([
    aws.ec2.describeVpcAttribute({ VpcId: vpc.VpcId, Attribute: 'enableDnsSupport' }),
    aws.ec2.describeVpcAttribute({ VpcId: vpc.VpcId, Attribute: 'enableDnsHostnames' }),
  ]);
  const dnsSupport = support.EnableDnsSupport?.Value === true;
  return { vpc, managed, dnsSupport, dnsHostnames: hostnames.EnableDnsHostnames?.Value === true };
}

async function byId(scope: ClusterScope, id: string): Promise<Vpc> {
  const { Vpcs } = await scope.aws.ec2.describeVpcs({ Filters: [{ Name: 'vpc-id', Values: [id] }] });
  const vpc = Vpcs?.[0];
  if (!vpc) {
    throw new PerdureError(
      'NotFound',
      `AWSCluster ${scope.namespace}/${scope.object.metadata.name}: the VPC of spec.network.vpc.id, ${id}, does not exist; correct the id, or delete and create the cluster anew`,
      { details: { field: 'spec.network.vpc.id', value: id } },
    );
  }
  if (isManagedVpc(scope) && ownershipOf(tagMap(vpc.Tags), scope) === 'foreign') {
    throw new PerdureError(
      'OwnershipConflict',
      `VPC ${id} carries the ${TAG.id} of another cluster; it is not touched`,
    );
  }
  if (ownershipOf(vpcOf(scope).tags, scope) === 'foreign') {
    // A copy of another cluster's manifest: its record says that the VPC is made by its controller.
    throw new PerdureError(
      'OwnershipConflict',
      `AWSCluster ${scope.namespace}/${scope.object.metadata.name}: spec.network.vpc.tags says that VPC ${id} belongs to another cluster; remove the tags to use the VPC as one of your own, or remove the id to get a new one`,
    );
  }
  return vpc;
}

async function byTag(scope: ClusterScope): Promise<Vpc | undefined> {
  const { Vpcs = [] } = await scope.aws.ec2.describeVpcs({
    Filters: [{ Name: `tag:${TAG.id}`, Values: [scope.clusterId] }],
  });
  if (Vpcs.length > 1) {
    const ids = Vpcs.map((vpc) => vpc.VpcId).join(', ');
    throw new PerdureError(
      'OwnershipConflict',
      `several VPCs carry ${TAG.id}=${scope.clusterId}: ${ids}; remove the tag from all but one, or set spec.network.vpc.id`,
    );
  }
  return Vpcs[0];
}

function wantedTags(view: ClusterView): AWSTags {
  const name = resourceName.vpc(view.clusterName);
  return ownedTags({ ...view, name, role: 'common', key: 'vpc', additional: view.object.spec.additionalTags });
}

function plan(view: ClusterView, { vpc, managed, dnsSupport, dnsHostnames }: Observed): Change[] {
  const name = resourceName.vpc(view.clusterName);
  const change = (action: Change['action'], detail: string): Change => ({ action, resource: 'vpc', name, detail });
  if (!vpc) return [change('create', blocksOf(vpcOf(view)))];
  const changes: Change[] = [];
  const recorded = vpcOf(view);
  if (!sameJson(recorded, recordedAs(recorded, vpc)) || (managed && !recorded.tags)) {
    changes.push(change('update', `record ${vpc.VpcId} in spec.network.vpc`));
  }
  if (vpc.State !== 'available') changes.push(change('update', 'wait until available'));
  if (!managed) return changes;
  if (!isEmpty(tagsToAdd(wantedTags(view), vpc))) changes.push(change('update', 'tags'));
  if (!dnsSupport) changes.push(change('update', 'enableDnsSupport'));
  if (!dnsHostnames) changes.push(change('update', 'enableDnsHostnames'));
  return changes;
}

function blocksOf({ cidrBlock, ipamPool, ipv6 }: VPCSpec): string {
  const ipv4 = ipamPool ? `a block of pool ${ipamPool.id ?? ipamPool.name}` : (cidrBlock ?? DEFAULT_CIDR);
  if (!ipv6) return ipv4;
  const pool = ipv6.ipamPool?.id ?? ipv6.ipamPool?.name ?? ipv6.poolId;
  return `${ipv4}, IPv6 ${ipv6.cidrBlock ?? (pool ? `of pool ${pool}` : 'of Amazon')}`;
}

/** The record with what AWS has given the VPC: its blocks, and for IPv6 the pool they came from. */
function recordedAs(known: VPCSpec | undefined, vpc: Vpc): VPCSpec {
  const found: VPCSpec = { ...known, ...(vpc.VpcId ? { id: vpc.VpcId } : {}) };
  if (vpc.CidrBlock) found.cidrBlock = vpc.CidrBlock;
  const block = vpc.Ipv6CidrBlockAssociationSet?.find((one) => one.Ipv6CidrBlockState?.State === 'associated');
  if (found.ipv6 && block?.Ipv6CidrBlock) {
    const poolId = block.Ipv6Pool ?? found.ipv6.poolId;
    found.ipv6 = { ...found.ipv6, cidrBlock: block.Ipv6CidrBlock, ...(poolId ? { poolId } : {}) };
  }
  return found;
}

async function apply(scope: ClusterScope, observed: Observed): Promise<void> {
  const { aws, ctx } = scope;
  const made = observed.vpc ?? (await create(scope));
  const id = made.VpcId ?? '';
  const tags = wantedTags(scope);
  const record = (vpc: Vpc): Promise<void> =>
    scope.record((spec) => {
      const recorded = recordedAs(spec.network?.vpc, vpc);
      if (observed.managed) recorded.tags = { ...tagMap(vpc.Tags), ...tags };
      spec.network = { ...spec.network, vpc: recorded };
    });
  await record(made);
  const wantsIPv6 = vpcOf(scope).ipv6 !== undefined;
  if (!observed.managed && wantsIPv6 && !vpcOf(scope).ipv6?.cidrBlock) throw withoutIPv6(scope, id);
  const vpc =
    made.State === 'available' && !(wantsIPv6 && !vpcOf(scope).ipv6?.cidrBlock)
      ? made
      : await untilAvailable(scope, id);
  if (vpc !== made) await record(vpc);
  if (!observed.managed) return;
  await addTags(aws, id, tagsToAdd(tags, vpc));
  const attribute = (value: object): Promise<unknown> =>
    whenVisible(ctx, () => aws.ec2.modifyVpcAttribute({ VpcId: id, ...value }));
  if (!observed.dnsSupport) await attribute({ EnableDnsSupport: { Value: true } });
  if (!observed.dnsHostnames) await attribute({ EnableDnsHostnames: { Value: true } });
}

function withoutIPv6(scope: ClusterScope, id: string): PerdureError {
  return new PerdureError(
    'InvalidConfiguration',
    `AWSCluster ${scope.namespace}/${scope.object.metadata.name}: spec.network.vpc.ipv6 is set, but VPC ${id} has no IPv6 block; associate one with it or remove the field`,
    { details: { field: 'spec.network.vpc.ipv6' } },
  );
}

/** EC2 has no ClientToken for VPCs: the tag made with it is what a second attempt finds. */
async function create(scope: ClusterScope): Promise<Vpc> {
  const { aws, ctx } = scope;
  const { Vpc: vpc } = await aws.ec2.createVpc({
    ...(await blocks(scope)),
    TagSpecifications: [{ ResourceType: 'vpc', Tags: tagList(wantedTags(scope)) }],
  });
  ctx.log.info('created VPC', { cluster: `${scope.namespace}/${scope.clusterName}`, vpc: vpc?.VpcId });
  return vpc ?? {};
}

async function blocks(scope: ClusterScope): Promise<Partial<CreateVpcCommandInput>> {
  const { cidrBlock, ipamPool, ipv6 } = vpcOf(scope);
  const ipv4 = ipamPool
    ? {
        Ipv4IpamPoolId: await poolId(scope, ipamPool, 'spec.network.vpc.ipamPool'),
        Ipv4NetmaskLength: ipamPool.netmaskLength || DEFAULT_NETMASK.ipv4,
      }
    : { CidrBlock: cidrBlock ?? DEFAULT_CIDR };
  if (!ipv6) return ipv4;
  if (ipv6.ipamPool) {
    return {
      ...ipv4,
      Ipv6IpamPoolId: await poolId(scope, ipv6.ipamPool, 'spec.network.vpc.ipv6.ipamPool'),
      Ipv6NetmaskLength: ipv6.ipamPool.netmaskLength || DEFAULT_NETMASK.ipv6,
    };
  }
  if (ipv6.poolId) {
    return { ...ipv4, Ipv6Pool: ipv6.poolId, ...(ipv6.cidrBlock ? { Ipv6CidrBlock: ipv6.cidrBlock } : {}) };
  }
  return { ...ipv4, AmazonProvidedIpv6CidrBlock: true };
}

/** The pool's id; by its `Name` tag where the spec gives only a name, as the console shows it. */
async function poolId(scope: ClusterScope, { id, name = '' }: IPAMPool, field: string): Promise<string> {
  if (id) return id;
  const { IpamPools = [] } = await scope.aws.ec2.describeIpamPools({ Filters: [{ Name: 'tag:Name', Values: [name] }] });
  const found = IpamPools.flatMap((pool) => pool.IpamPoolId ?? []);
  if (found.length === 1 && found[0]) return found[0];
  const problem =
    found.length === 0 ? `no pool is named "${name}"` : `several pools are named "${name}": ${found.join(', ')}`;
  throw new PerdureError(
    'InvalidConfiguration',
    `AWSCluster ${scope.namespace}/${scope.object.metadata.name}: ${field}.name: ${problem}; correct it or give the id`,
    { details: { field: `${field}.name`, value: name } },
  );
}

async function untilAvailable(scope: ClusterScope, id: string): Promise<Vpc> {
  const { aws, ctx } = scope;
  const ipv6 = vpcOf(scope).ipv6 !== undefined;
  return await pollUntil(ctx, `VPC ${id} to become available`, async () => {
    const { Vpcs } = await aws.ec2.describeVpcs({ Filters: [{ Name: 'vpc-id', Values: [id] }] });
    const vpc = Vpcs?.[0];
    return vpc?.State === 'available' && (!ipv6 || recordedAs({ ipv6: {} }, vpc).ipv6?.cidrBlock) ? vpc : undefined;
  });
}

async function remove(scope: ClusterScope): Promise<void> {
  const { aws, ctx } = scope;
  if (!isManagedVpc(scope)) return;
  const { id } = vpcOf(scope);
  const filter = id ? { Name: 'vpc-id', Values: [id] } : { Name: `tag:${TAG.id}`, Values: [scope.clusterId] };
  const find = async (): Promise<Vpc | undefined> => (await aws.ec2.describeVpcs({ Filters: [filter] })).Vpcs?.[0];
  const vpc = await find();
  if (!vpc?.VpcId || !['ours', 'upstream'].includes(ownershipOf(tagMap(vpc.Tags), scope))) return;
  try {
    await aws.ec2.deleteVpc({ VpcId: vpc.VpcId });
  } catch (error) {
    if (hasCode(error, 'InvalidVpcID.NotFound')) return;
    if (hasCode(error, 'DependencyViolation'))
      throw await dependents(scope, `VPC ${vpc.VpcId}`, [{ Name: 'vpc-id', Values: [vpc.VpcId] }], error);
    throw error;
  }
  await pollUntil(ctx, `VPC ${vpc.VpcId} to be gone`, async () => ((await find()) ? undefined : true));
}
