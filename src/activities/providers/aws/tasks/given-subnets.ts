import type { RouteTable, Subnet } from '@aws-sdk/client-ec2';
import type { AWSCluster, AWSTags, SubnetSpec } from '../../../../api/types/aws.js';
import { PerdureError } from '../../../../domain/errors.js';
import type { Change, EnsureTask } from '../../port.js';
import type { Cloud } from '../cloud.js';
import { type ClusterScope, type ClusterView, requireVpcId, subnetIdOf, subnetsOf, vpcOf } from '../scope.js';
import { isEdgeZone, type ZoneInfo, zonesOf } from '../static-data.js';
import { addTags, isEmpty, tagsToAdd } from '../tagging.js';
import { cloudProviderTag, clusterTag, TAG, tagMap, tagsThatFit, userTags } from '../tags.js';
import { defineTask } from '../task.js';
import { mapLimited } from '../wait.js';
import { ipv6BlockOf } from './subnets.js';

interface Given {
  readonly spec: SubnetSpec;
  readonly live: Subnet;
  readonly isPublic: boolean;
  readonly routeTableId: string | undefined;
  readonly zone: ZoneInfo | undefined;
}

/**
 * Subnets in a VPC the user brought: looked at, recorded, and given the tags that Kubernetes' load balancers look for. Never changed
 * otherwise, never deleted; our cluster's tag is taken off again at the end.
 */
export function givenSubnetsTask(cloud: Cloud): EnsureTask<AWSCluster, readonly Given[]> {
  const tagging = cloud.deps.tagUnmanagedNetworkResources ?? true;
  const missing = (view: ClusterView, given: Given): AWSTags => (tagging ? fitting(view, given).fits : {});
  return defineTask<readonly Given[]>(cloud, {
    id: 'subnets',
    title: 'Check given subnets',
    dependsOn: ['vpc', 'secondary-cidrs'],
    condition: 'SubnetsReady',
    observe,
    plan: (view, given) => {
      const change = (name: string, detail: string): Change => ({ action: 'update', resource: 'subnet', name, detail });
      const tags = given.filter((one) => !isEmpty(missing(view, one))).map(({ spec }) => change(spec.id, 'tags'));
      const recorded = given.every((one) => isRecorded(one));
      return recorded ? tags : [...tags, change('spec.network.subnets', 'record zones, blocks and kinds')];
    },
    apply: async (scope, given) => {
      await record(scope, given);
      await mapLimited(given, 3, (one) => addTags(scope.aws, one.live.SubnetId ?? '', missing(scope, one)));
      if (tagging) tellFull(scope, given);
    },
    remove: (scope) => (tagging ? untag(scope) : Promise.resolve()),
  });
}

async function observe(scope: ClusterScope): Promise<readonly Given[]> {
  const vpcId = requireVpcId(scope);
  const wanted = subnetsOf(scope);
  const where = `AWSCluster ${scope.namespace}/${scope.object.metadata.name}: spec.network.subnets`;
  if (wanted.length === 0) {
    throw new PerdureError('InvalidConfiguration', `${where} is empty; list the subnets to use of VPC ${vpcId}`, {
      details: { field: 'spec.network.subnets' },
    });
  }
  const filter = [{ Name: 'vpc-id', Values: [vpcId] }];
  const { Subnets = [] } = await scope.aws.ec2.describeSubnets({ Filters: filter });
  const { RouteTables = [] } = await scope.aws.ec2.describeRouteTables({ Filters: filter });
  const zones = await zonesOf(scope.cloud, scope.aws);
  return wanted.map((spec) => {
    const live = Subnets.find(
      (subnet) => subnet.SubnetId === subnetIdOf(spec) || (!subnetIdOf(spec) && subnet.CidrBlock === spec.cidrBlock),
    );
    if (!live) {
      throw new PerdureError('InvalidConfiguration', `${where}: ${spec.id} is not in VPC ${vpcId}; correct its id`, {
        details: { field: 'spec.network.subnets[].id', value: spec.id },
      });
    }
    const table = tableOf(live, RouteTables);
    const isPublic = tagMap(live.Tags)[TAG.role] === 'public' || leadsOut(table);
    const zone = zones.find(({ name }) => name === live.AvailabilityZone);
    return { spec, live, isPublic, routeTableId: table?.RouteTableId, zone };
  });
}

/** A subnet without an association of its own uses the VPC's main table. */
function tableOf(subnet: Subnet, tables: readonly RouteTable[]): RouteTable | undefined {
  const associated = (table: RouteTable, test: { readonly id?: string; readonly main?: boolean }): boolean =>
    (table.Associations ?? []).some((a) => (test.id ? a.SubnetId === test.id : a.Main === true));
  return (
    tables.find((table) => associated(table, { id: subnet.SubnetId ?? '' })) ??
    tables.find((table) => associated(table, { main: true }))
  );
}

function leadsOut(table: RouteTable | undefined): boolean {
  return (table?.Routes ?? []).some(
    (route) =>
      (route.DestinationCidrBlock === '0.0.0.0/0' || route.DestinationIpv6CidrBlock === '::/0') &&
      /^(igw|cagw)-/.test(route.GatewayId ?? route.CarrierGatewayId ?? ''),
  );
}

/** `shared` marks a subnet that outlives the cluster; a subnet some cluster owns keeps its `owned`. */
function wantedTags(view: ClusterView, { spec, live, isPublic, zone }: Given): AWSTags {
  const key = cloudProviderTag(view.clusterName);
  return {
    ...view.object.spec.additionalTags,
    ...userTags(spec.tags),
    ...(isEdgeZone(zone) ? {} : { [isPublic ? TAG.elb : TAG.internalElb]: '1' }),
    ...(tagMap(live.Tags)[key] === 'owned' ? {} : { [key]: 'shared' }),
  };
}

/** What is missing and has room: first what load balancers look for, then the cluster's tag, then the user's. */
function fitting(view: ClusterView, given: Given): { readonly fits: AWSTags; readonly left: readonly string[] } {
  const wanted = tagsToAdd(wantedTags(view, given), given.live);
  const needed = [TAG.elb, TAG.internalElb, cloudProviderTag(view.clusterName)];
  return tagsThatFit(wanted, tagMap(given.live.Tags), needed);
}

/** A subnet that many clusters share runs out of tags; that is no reason to refuse the cluster, and worth an operator's look. */
function tellFull(scope: ClusterScope, given: readonly Given[]): void {
  for (const one of given) {
    const { left } = fitting(scope, one);
    if (left.length === 0) continue;
    scope.ctx.log.warn('subnet has no room for further tags: AWS takes 50; remove some that are not needed', {
      subnet: one.live.SubnetId,
      missing: left,
    });
  }
}

function isRecorded({ spec, live, isPublic, routeTableId, zone }: Given): boolean {
  return (
    (spec.zoneType ?? 'availability-zone') === (zone?.type ?? 'availability-zone') &&
    spec.ipv6CidrBlock === ipv6BlockOf(live) &&
    spec.resourceID === live.SubnetId &&
    spec.availabilityZone === live.AvailabilityZone &&
    spec.cidrBlock === live.CidrBlock &&
    (spec.isPublic ?? false) === isPublic &&
    spec.routeTableId === routeTableId
  );
}

async function record(scope: ClusterScope, given: readonly Given[]): Promise<void> {
  await scope.record((spec) => {
    for (const subnet of spec.network?.subnets ?? []) {
      const found = given.find((one) => one.spec.id === subnet.id);
      if (!found) continue;
      if (found.live.SubnetId) subnet.resourceID = found.live.SubnetId;
      if (found.live.AvailabilityZone) subnet.availabilityZone = found.live.AvailabilityZone;
      if (found.live.CidrBlock) subnet.cidrBlock = found.live.CidrBlock;
      subnet.isPublic = found.isPublic;
      const ipv6 = ipv6BlockOf(found.live);
      if (ipv6) Object.assign(subnet, { isIpv6: true, ipv6CidrBlock: ipv6 });
      else delete subnet.ipv6CidrBlock;
      if (found.zone && isEdgeZone(found.zone)) {
        subnet.zoneType = found.zone.type;
        subnet.parentZoneName = found.zone.parent ?? '';
      }
      if (found.routeTableId) subnet.routeTableId = found.routeTableId;
    }
  });
}

/** Takes `kubernetes.io/cluster/<c>=shared` off again, unless another cluster of the same name lives in the VPC: its tag is the same. */
async function untag(scope: ClusterScope): Promise<void> {
  const { aws, clusterName, clusterId } = scope;
  const { id } = vpcOf(scope);
  const ids = subnetsOf(scope).flatMap((subnet) => subnetIdOf(subnet) ?? []);
  if (!id || ids.length === 0) return;
  const { SecurityGroups = [] } = await aws.ec2.describeSecurityGroups({
    Filters: [
      { Name: 'vpc-id', Values: [id] },
      { Name: `tag:${clusterTag(clusterName)}`, Values: ['owned'] },
    ],
  });
  if (SecurityGroups.some((group) => tagMap(group.Tags)[TAG.id] !== clusterId)) return;
  const { Subnets = [] } = await aws.ec2.describeSubnets({ Filters: [{ Name: 'subnet-id', Values: ids }] });
  const key = cloudProviderTag(clusterName);
  const tagged = Subnets.filter((subnet) => tagMap(subnet.Tags)[key] === 'shared').map(
    (subnet) => subnet.SubnetId ?? '',
  );
  if (tagged.length > 0) await aws.ec2.deleteTags({ Resources: tagged, Tags: [{ Key: key, Value: 'shared' }] });
}
