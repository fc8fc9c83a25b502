import type { InternetGateway } from '@aws-sdk/client-ec2';
import type { AWSCluster, AWSTags } from '../../../../api/types/aws.js';
import type { Change, EnsureTask } from '../../port.js';
import { dependents } from '../blockers.js';
import type { Cloud } from '../cloud.js';
import { hasCode } from '../errors.js';
import { resourceName } from '../names.js';
import { type ClusterScope, type ClusterView, isManagedVpc, requireVpcId, subnetsOf, vpcOf } from '../scope.js';
import { addTags, isEmpty, tagsToAdd } from '../tagging.js';
import { ownedTags, ownershipOf, TAG, tagList, tagMap } from '../tags.js';
import { defineTask } from '../task.js';
import { pollUntil, whenVisible } from '../wait.js';

interface Observed {
  readonly gateway: InternetGateway | undefined;
  readonly attached: boolean;
}

/** The way out for public subnets of a VPC of ours. */
export function internetGatewayTask(cloud: Cloud): EnsureTask<AWSCluster, Observed> {
  return defineTask<Observed>(cloud, {
    id: 'internet-gateway',
    title: 'Ensure internet gateway',
    dependsOn: ['vpc'],
    condition: 'InternetGatewayReady',
    observe,
    plan,
    apply,
    remove,
  });
}

/** The default layout has public subnets, so an empty list counts as having some. */
function isNeeded(view: ClusterView): boolean {
  const subnets = subnetsOf(view);
  return subnets.length === 0 || subnets.some((subnet) => subnet.isPublic);
}

async function observe(scope: ClusterScope): Promise<Observed> {
  const { aws } = scope;
  const { id } = vpcOf(scope);
  if (id) {
    const { InternetGateways } = await aws.ec2.describeInternetGateways({
      Filters: [{ Name: 'attachment.vpc-id', Values: [id] }],
    });
    if (InternetGateways?.[0]) return { gateway: InternetGateways[0], attached: true };
  }
  const { InternetGateways } = await aws.ec2.describeInternetGateways({
    Filters: [{ Name: `tag:${TAG.id}`, Values: [scope.clusterId] }],
  });
  return { gateway: InternetGateways?.[0], attached: false };
}

function wantedTags(view: ClusterView): AWSTags {
  const name = resourceName.internetGateway(view.clusterName);
  return ownedTags({ ...view, name, role: 'common', key: 'igw', additional: view.object.spec.additionalTags });
}

/** A gateway that others attached to our VPC serves as well as ours, and stays theirs. */
function isOurs(view: ClusterView, gateway: InternetGateway): boolean {
  return ['ours', 'upstream'].includes(ownershipOf(tagMap(gateway.Tags), view));
}

function plan(view: ClusterView, { gateway, attached }: Observed): Change[] {
  if (!isNeeded(view)) return [];
  const name = resourceName.internetGateway(view.clusterName);
  const change = (action: Change['action'], detail: string): Change => ({
    action,
    resource: 'internet-gateway',
    name,
    detail,
  });
  if (!gateway) return [change('create', 'and attach')];
  const changes: Change[] = [];
  if (!attached) changes.push(change('update', 'attach'));
  if (isOurs(view, gateway) && !isEmpty(tagsToAdd(wantedTags(view), gateway))) changes.push(change('update', 'tags'));
  if (vpcOf(view).internetGatewayId !== gateway.InternetGatewayId) changes.push(change('update', 'record id'));
  return changes;
}

async function apply(scope: ClusterScope, observed: Observed): Promise<void> {
  const { aws, ctx } = scope;
  if (!isNeeded(scope)) return;
  const vpcId = requireVpcId(scope);
  const tags = wantedTags(scope);
  let { gateway } = observed;
  if (!gateway) {
    const made = await aws.ec2.createInternetGateway({
      TagSpecifications: [{ ResourceType: 'internet-gateway', Tags: tagList(tags) }],
    });
    gateway = made.InternetGateway ?? {};
  }
  const id = gateway.InternetGatewayId ?? '';
  await scope.record((spec) => {
    if (spec.network?.vpc) spec.network.vpc.internetGatewayId = id;
  });
  if (!observed.attached) {
    try {
      await whenVisible(ctx, () => aws.ec2.attachInternetGateway({ InternetGatewayId: id, VpcId: vpcId }));
    } catch (error) {
      if (!hasCode(error, 'Resource.AlreadyAssociated')) throw error;
    }
  }
  if (observed.gateway && isOurs(scope, gateway)) await addTags(aws, id, tagsToAdd(tags, gateway));
}

async function remove(scope: ClusterScope): Promise<void> {
  const { aws, ctx } = scope;
  if (!isManagedVpc(scope)) return;
  const { gateway, attached } = await observe(scope);
  if (!gateway?.InternetGatewayId || !isOurs(scope, gateway)) return;
  const id = gateway.InternetGatewayId;
  const vpcId = vpcOf(scope).id ?? '';
  try {
    if (attached) await aws.ec2.detachInternetGateway({ InternetGatewayId: id, VpcId: vpcId });
    await aws.ec2.deleteInternetGateway({ InternetGatewayId: id });
  } catch (error) {
    if (hasCode(error, 'DependencyViolation')) {
      throw await dependents(scope, `internet gateway ${id}`, [{ Name: 'vpc-id', Values: [vpcId] }], error);
    }
    if (!hasCode(error, 'InvalidInternetGatewayID.NotFound', 'Gateway.NotAttached')) throw error;
  }
  await pollUntil(ctx, `internet gateway ${id} to be gone`, async () => {
    const { InternetGateways } = await aws.ec2.describeInternetGateways({
      Filters: [{ Name: 'internet-gateway-id', Values: [id] }],
    });
    return InternetGateways?.length ? undefined : true;
  });
}
