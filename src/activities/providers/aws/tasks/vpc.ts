import type { Vpc } from '@aws-sdk/client-ec2';
import type { AWSCluster, AWSTags } from '../../../../api/types/aws.js';
import { PerdureError } from '../../../../domain/errors.js';
import type { Change, EnsureTask } from '../../port.js';
import { dependents } from '../blockers.js';
import type { Cloud } from '../cloud.js';
import { hasCode } from '../errors.js';
import { resourceName } from '../names.js';
import { type ClusterScope, type ClusterView, isManagedVpc, vpcOf } from '../scope.js';
import { addTags, isEmpty, tagsToAdd } from '../tagging.js';
import { ownedTags, ownershipOf, TAG, tagList, tagMap } from '../tags.js';
import { defineTask } from '../task.js';
import { pollUntil, whenVisible } from '../wait.js';

const DEFAULT_CIDR = '10.0.0.0/16';

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
  if (!vpc) return [change('create', vpcOf(view).cidrBlock ?? DEFAULT_CIDR)];
  const changes: Change[] = [];
  const recorded = vpcOf(view);
  if (recorded.id !== vpc.VpcId || recorded.cidrBlock !== vpc.CidrBlock || (managed && !recorded.tags)) {
    changes.push(change('update', `record ${vpc.VpcId} in spec.network.vpc`));
  }
  if (vpc.State !== 'available') changes.push(change('update', 'wait until available'));
  if (!managed) return changes;
  if (!isEmpty(tagsToAdd(wantedTags(view), vpc))) changes.push(change('update', 'tags'));
  if (!dnsSupport) changes.push(change('update', 'enableDnsSupport'));
  if (!dnsHostnames) changes.push(change('update', 'enableDnsHostnames'));
  return changes;
}

async function apply(scope: ClusterScope, observed: Observed): Promise<void> {
  const { aws, ctx } = scope;
  const vpc = observed.vpc ?? (await create(scope));
  const id = vpc.VpcId ?? '';
  const tags = wantedTags(scope);
  await scope.record((spec) => {
    const known = spec.network?.vpc;
    const recorded = { ...known, id };
    if (vpc.CidrBlock) recorded.cidrBlock = vpc.CidrBlock;
    if (observed.managed) recorded.tags = { ...tagMap(vpc.Tags), ...tags };
    spec.network = { ...spec.network, vpc: recorded };
  });
  if (vpc.State !== 'available') await untilAvailable(scope, id);
  if (!observed.managed) return;
  await addTags(aws, id, tagsToAdd(tags, vpc));
  const attribute = (value: object): Promise<unknown> =>
    whenVisible(ctx, () => aws.ec2.modifyVpcAttribute({ VpcId: id, ...value }));
  if (!observed.dnsSupport) await attribute({ EnableDnsSupport: { Value: true } });
  if (!observed.dnsHostnames) await attribute({ EnableDnsHostnames: { Value: true } });
}

/** EC2 has no ClientToken for VPCs: the tag made with it is what a second attempt finds. */
async function create(scope: ClusterScope): Promise<Vpc> {
  const { aws, ctx } = scope;
  const { Vpc: vpc } = await aws.ec2.createVpc({
    CidrBlock: vpcOf(scope).cidrBlock ?? DEFAULT_CIDR,
    TagSpecifications: [{ ResourceType: 'vpc', Tags: tagList(wantedTags(scope)) }],
  });
  ctx.log.info('created VPC', { cluster: `${scope.namespace}/${scope.clusterName}`, vpc: vpc?.VpcId });
  return vpc ?? {};
}

async function untilAvailable({ aws, ctx }: ClusterScope, id: string): Promise<void> {
  await pollUntil(ctx, `VPC ${id} to become available`, async () => {
    const { Vpcs } = await aws.ec2.describeVpcs({ Filters: [{ Name: 'vpc-id', Values: [id] }] });
    return Vpcs?.[0]?.State === 'available' ? true : undefined;
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
