import type { Subnet } from '@aws-sdk/client-ec2';
import type { AWSCluster, AWSTags, SubnetSpec } from '../../../../api/types/aws.js';
import { defaultSubnets, isEdge, isWavelength, pickZones, withIpv6Blocks } from '../../../../domain/aws/subnets.js';
import { canonical6 } from '../../../../domain/cidr6.js';
import { PerdureError } from '../../../../domain/errors.js';
import type { Change, EnsureTask } from '../../port.js';
import { dependents } from '../blockers.js';
import type { Cloud } from '../cloud.js';
import { hasCode } from '../errors.js';
import { resourceName } from '../names.js';
import {
  type ClusterScope,
  type ClusterView,
  isGivenSubnet,
  isManagedVpc,
  requireVpcId,
  subnetIdOf,
  subnetsOf,
  vpcOf,
} from '../scope.js';
import { availabilityZones, type ZoneInfo, zonesOf } from '../static-data.js';
import { addTags, isEmpty, tagsToAdd } from '../tagging.js';
import { cloudProviderTag, ownedTags, ownershipOf, TAG, tagList, tagMap, userTags } from '../tags.js';
import { defineTask } from '../task.js';
import { mapLimited, pollUntil, whenVisible } from '../wait.js';

interface Observed {
  /** What the spec lists, or the default layout when it lists nothing. */
  readonly wanted: readonly SubnetSpec[];
  /** Every subnet of the VPC. */
  readonly live: readonly Subnet[];
}

/** Subnets of a VPC of ours. */
export function subnetsTask(cloud: Cloud): EnsureTask<AWSCluster, Observed> {
  return defineTask<Observed>(cloud, {
    id: 'subnets',
    title: 'Ensure subnets',
    dependsOn: ['vpc', 'secondary-cidrs'],
    condition: 'SubnetsReady',
    observe,
    plan,
    apply,
    remove,
  });
}

async function observe(scope: ClusterScope): Promise<Observed> {
  const wanted = subnetsOf(scope).length > 0 ? await completed(scope) : await layout(scope);
  if (!wanted.some((subnet) => subnet.isPublic) && vpcOf(scope).subnetSchema === 'PreferPublic') {
    throw new PerdureError(
      'InvalidConfiguration',
      `AWSCluster ${scope.namespace}/${scope.object.metadata.name}: spec.network.subnets has no public subnet; add one or set vpc.subnetSchema to PreferPrivate`,
    );
  }
  return { wanted, live: await describe(scope) };
}

/** Subnets of the VPC; none while the VPC is not there. */
async function describe(scope: ClusterScope): Promise<Subnet[]> {
  const { id } = vpcOf(scope);
  if (!id) return [];
  const { Subnets = [] } = await scope.aws.ec2.describeSubnets({ Filters: [{ Name: 'vpc-id', Values: [id] }] });
  return Subnets;
}

/** The listed subnets with what the list may leave open: the kind of their zone, and their IPv6 block. */
async function completed(scope: ClusterScope): Promise<SubnetSpec[]> {
  const zones = await zonesOf(scope.cloud, scope.aws);
  const listed = subnetsOf(scope).map((subnet) => withZone(scope, subnet, zones));
  const block = vpcOf(scope).ipv6?.cidrBlock;
  if (!block) return listed;
  const found = withIpv6Blocks(listed, block);
  if (found) return found;
  throw new PerdureError(
    'InvalidConfiguration',
    `AWSCluster ${scope.namespace}/${scope.object.metadata.name}: the VPC's IPv6 block ${block} has no /64 left for spec.network.subnets; list fewer subnets with isIpv6`,
    { details: { field: 'spec.network.subnets[].isIpv6' } },
  );
}

function withZone(view: ClusterView, subnet: SubnetSpec, zones: readonly ZoneInfo[]): SubnetSpec {
  const zone = zones.find(({ name }) => name === subnet.availabilityZone);
  if (!zone || zone.type === 'availability-zone') return subnet;
  if (!zone.optedIn) {
    throw new PerdureError(
      'InvalidConfiguration',
      `AWSCluster ${view.namespace}/${view.object.metadata.name}: subnet "${subnet.id}" of spec.network.subnets is in zone ${zone.name}, which the account has not opted into; opt in or choose another availabilityZone`,
      { details: { field: 'spec.network.subnets[].availabilityZone', value: zone.name } },
    );
  }
  return { ...subnet, zoneType: zone.type, ...(zone.parent ? { parentZoneName: zone.parent } : {}) };
}

async function layout(scope: ClusterScope): Promise<SubnetSpec[]> {
  const vpc = vpcOf(scope);
  const available = await availabilityZones(scope.cloud, scope.aws);
  const limit = vpc.availabilityZoneUsageLimit ?? 3;
  const zones = pickZones(available, limit, vpc.availabilityZoneSelection ?? 'Ordered', scope.clusterId);
  const vpcCidr = vpc.cidrBlock ?? '10.0.0.0/16';
  const schema = vpc.subnetSchema ?? 'PreferPrivate';
  const ipv6Cidr = vpc.ipv6?.cidrBlock;
  const subnets = defaultSubnets({ clusterName: scope.clusterName, vpcCidr, zones, schema, ipv6Cidr });
  if (subnets) return subnets;
  throw new PerdureError(
    'InvalidConfiguration',
    `AWSCluster ${scope.namespace}/${scope.object.metadata.name}: spec.network.vpc.cidrBlock ${vpcCidr} cannot hold subnets in ${zones.length} zones; use a larger block`,
    { details: { field: 'spec.network.vpc.cidrBlock', value: vpcCidr } },
  );
}

const keyOf = (subnet: SubnetSpec): string => `subnet/${subnet.id}`;

/** By recorded id, by the key we tagged it with, or by its block: two subnets of a VPC never share one. */
function match(view: ClusterView, spec: SubnetSpec, live: readonly Subnet[]): Subnet | undefined {
  const id = subnetIdOf(spec);
  if (id) {
    const found = live.find((subnet) => subnet.SubnetId === id);
    if (found || isGivenSubnet(spec)) return found;
  }
  const ours = live.filter((subnet) => ownershipOf(tagMap(subnet.Tags), view) === 'ours');
  return (
    ours.find((subnet) => tagMap(subnet.Tags)[TAG.key] === keyOf(spec)) ??
    live.find((subnet) => spec.cidrBlock !== undefined && subnet.CidrBlock === spec.cidrBlock) ??
    live.find((subnet) => !spec.cidrBlock && sameBlock6(spec.ipv6CidrBlock, ipv6BlockOf(subnet)))
  );
}

/** The subnet's IPv6 block, when it has one. */
export function ipv6BlockOf(subnet: Subnet): string | undefined {
  return subnet.Ipv6CidrBlockAssociationSet?.find((one) => one.Ipv6CidrBlockState?.State === 'associated')
    ?.Ipv6CidrBlock;
}

function sameBlock6(a: string | undefined, b: string | undefined): boolean {
  return a !== undefined && b !== undefined && canonical6(a) === canonical6(b);
}

interface Pair {
  readonly spec: SubnetSpec;
  readonly live: Subnet | undefined;
}

function pairs(view: ClusterView, { wanted, live }: Observed): Pair[] {
  return wanted.map((spec) => {
    const found = match(view, spec, live);
    if (found && !isGivenSubnet(spec)) refuseForeign(view, spec, found);
    return { spec, live: found };
  });
}

function refuseForeign(view: ClusterView, spec: SubnetSpec, live: Subnet): void {
  if (['ours', 'upstream'].includes(ownershipOf(tagMap(live.Tags), view)) || spec.resourceID === live.SubnetId) return;
  throw new PerdureError(
    'OwnershipConflict',
    `subnet ${live.SubnetId} has the block ${live.CidrBlock} of subnet "${spec.id}" but is not ours; use another cidrBlock, or set spec.network.subnets[].id to ${live.SubnetId} to use it as it is`,
  );
}

function wantedTags(view: ClusterView, spec: SubnetSpec): AWSTags {
  const isPublic = spec.isPublic === true;
  return ownedTags({
    ...view,
    name: resourceName.subnet(view.clusterName, isPublic, spec.availabilityZone ?? ''),
    role: isPublic ? 'public' : 'private',
    key: keyOf(spec),
    additional: { ...view.object.spec.additionalTags, ...userTags(spec.tags) },
    extra: {
      [cloudProviderTag(view.clusterName)]: 'owned',
      // Load balancers cannot live in edge zones, and the controllers would pick them by the tag.
      ...(isEdge(spec) ? {} : { [isPublic ? TAG.elb : TAG.internalElb]: '1' }),
    },
  });
}

/**
 * Attributes we set: public addresses at launch in public subnets, IPv6 addresses and DNS64 where the subnet has IPv6 and nothing else, and the host-name type when
 * the spec wishes one. Source: capa pkg/cloud/services/network/subnets.go (createSubnet).
 */
function attributes(
  view: ClusterView,
  spec: SubnetSpec,
  live: Subnet,
): readonly { readonly name: string; readonly input: object }[] {
  const hostname = vpcOf(view).privateDnsHostnameTypeOnLaunch;
  const found: { name: string; input: object }[] = [];
  const toggle = (name: keyof Subnet & string, wished: boolean): void => {
    if (wished && live[name] !== true) found.push({ name, input: { [name]: { Value: true } } });
  };
  const onlyIPv6 = !live.CidrBlock;
  toggle('MapPublicIpOnLaunch', spec.isPublic === true && !isWavelength(spec) && !onlyIPv6);
  toggle('AssignIpv6AddressOnCreation', ipv6BlockOf(live) !== undefined);
  toggle('EnableDns64', onlyIPv6 && spec.isPublic !== true);
  if (hostname && live.PrivateDnsNameOptionsOnLaunch?.HostnameType !== hostname) {
    found.push({ name: 'PrivateDnsHostnameTypeOnLaunch', input: { PrivateDnsHostnameTypeOnLaunch: hostname } });
  }
  return found;
}

function plan(view: ClusterView, observed: Observed): Change[] {
  const change = (action: Change['action'], name: string, detail: string): Change => ({
    action,
    resource: 'subnet',
    name,
    detail,
  });
  const changes = pairs(view, observed).flatMap(({ spec, live }) => {
    if (!live) {
      if (isGivenSubnet(spec)) return [change('update', spec.id, 'wait: it does not exist in the VPC')];
      const blocks = [spec.cidrBlock, spec.ipv6CidrBlock].filter(Boolean).join(', ') || 'an IPv6 block';
      return [change('create', spec.id, `${blocks} in ${spec.availabilityZone ?? 'any zone'}`)];
    }
    if (isGivenSubnet(spec)) return [];
    return [
      ...(isEmpty(tagsToAdd(wantedTags(view, spec), live)) ? [] : [change('update', spec.id, 'tags')]),
      ...attributes(view, spec, live).map(({ name }) => change('update', spec.id, name)),
    ];
  });
  const unrecorded = pairs(view, observed).some(({ spec, live }) => !isRecorded(view, spec, live));
  return unrecorded ? [...changes, change('update', 'spec.network.subnets', 'record ids')] : changes;
}

function isRecorded(view: ClusterView, spec: SubnetSpec, live: Subnet | undefined): boolean {
  if (!live) return true;
  const stored = subnetsOf(view).find((subnet) => subnet.id === spec.id);
  return (
    stored !== undefined &&
    subnetIdOf(stored) === live.SubnetId &&
    stored.availabilityZone === live.AvailabilityZone &&
    stored.zoneType === spec.zoneType &&
    (stored.ipv6CidrBlock === undefined) === (spec.ipv6CidrBlock === undefined)
  );
}

async function apply(scope: ClusterScope, observed: Observed): Promise<void> {
  // The layout first: a second attempt must not draw other zones or blocks.
  await scope.record((spec) => {
    spec.network ??= {};
    if (!spec.network.subnets?.length) spec.network.subnets = structuredClone([...observed.wanted]);
    for (const subnet of spec.network.subnets) {
      const wanted = observed.wanted.find(({ id }) => id === subnet.id);
      if (wanted?.zoneType) subnet.zoneType = wanted.zoneType;
      if (wanted?.parentZoneName) subnet.parentZoneName = wanted.parentZoneName;
      if (wanted?.ipv6CidrBlock) subnet.ipv6CidrBlock = wanted.ipv6CidrBlock;
    }
  });
  const made = new Map<string, Subnet>();
  try {
    await mapLimited(pairs(scope, observed), 3, async ({ spec, live }) => {
      if (!live && isGivenSubnet(spec)) throw absentSubnet(scope, spec);
      made.set(spec.id, live ?? (await create(scope, spec)));
    });
  } finally {
    await recordIds(scope, made);
  }
  await untilAvailable(scope, [...made.values()]);
  await mapLimited(pairs(scope, { wanted: subnetsOf(scope), live: [...made.values()] }), 3, async ({ spec, live }) => {
    if (live && !isGivenSubnet(spec)) await converge(scope, spec, live);
  });
}

/** EC2 has no ClientToken for subnets; a twin would conflict on the block, and its tag finds it again. */
async function create({ aws, ctx, ...scope }: ClusterScope, spec: SubnetSpec): Promise<Subnet> {
  const vpcId = requireVpcId(scope);
  const blocks = {
    ...(spec.cidrBlock ? { CidrBlock: spec.cidrBlock } : { Ipv6Native: true }),
    ...(spec.ipv6CidrBlock ? { Ipv6CidrBlock: spec.ipv6CidrBlock } : {}),
  };
  const { Subnet: subnet } = await whenVisible(ctx, () =>
    aws.ec2.createSubnet({
      VpcId: vpcId,
      ...blocks,
      ...(spec.availabilityZone ? { AvailabilityZone: spec.availabilityZone } : {}),
      TagSpecifications: [{ ResourceType: 'subnet', Tags: tagList(wantedTags(scope, spec)) }],
    }),
  );
  return subnet ?? {};
}

function absentSubnet(scope: ClusterScope, spec: SubnetSpec): PerdureError {
  return new PerdureError(
    'InvalidConfiguration',
    `AWSCluster ${scope.namespace}/${scope.object.metadata.name}: subnet ${spec.id} of spec.network.subnets is not in VPC ${vpcOf(scope).id}; correct the id`,
    { details: { field: 'spec.network.subnets[].id', value: spec.id } },
  );
}

async function recordIds(scope: ClusterScope, made: ReadonlyMap<string, Subnet>): Promise<void> {
  await scope.record((spec) => {
    for (const subnet of spec.network?.subnets ?? []) {
      const live = made.get(subnet.id);
      if (!live?.SubnetId) continue;
      subnet.resourceID = live.SubnetId;
      if (live.AvailabilityZone) subnet.availabilityZone = live.AvailabilityZone;
      if (live.CidrBlock) subnet.cidrBlock = live.CidrBlock;
    }
  });
}

async function untilAvailable(scope: ClusterScope, made: readonly Subnet[]): Promise<void> {
  const ids = made.filter((subnet) => subnet.State !== 'available').map((subnet) => subnet.SubnetId ?? '');
  if (ids.length === 0) return;
  await pollUntil(scope.ctx, `${ids.length} subnets to become available`, async () => {
    const live = (await describe(scope)).filter((subnet) => ids.includes(subnet.SubnetId ?? ''));
    return live.length === ids.length && live.every((subnet) => subnet.State === 'available') ? true : undefined;
  });
}

async function converge(scope: ClusterScope, spec: SubnetSpec, live: Subnet): Promise<void> {
  const { aws, ctx } = scope;
  const id = live.SubnetId ?? '';
  await addTags(aws, id, tagsToAdd(wantedTags(scope, spec), live));
  for (const { input } of attributes(scope, spec, live)) {
    await whenVisible(ctx, () => aws.ec2.modifySubnetAttribute({ SubnetId: id, ...input }));
  }
}

/** Deletes what carries our tags; subnets that others made in the VPC stay and will be named as what blocks it. */
async function remove(scope: ClusterScope): Promise<void> {
  const { aws, ctx } = scope;
  if (!isManagedVpc(scope)) return;
  const given = new Set(
    subnetsOf(scope)
      .filter(isGivenSubnet)
      .map((subnet) => subnet.id),
  );
  const ours = async (): Promise<Subnet[]> =>
    (await describe(scope)).filter(
      (subnet) =>
        ['ours', 'upstream'].includes(ownershipOf(tagMap(subnet.Tags), scope)) && !given.has(subnet.SubnetId ?? ''),
    );
  const subnets = await ours();
  if (subnets.length === 0) return;
  await mapLimited(subnets, 3, async ({ SubnetId = '' }) => {
    try {
      await aws.ec2.deleteSubnet({ SubnetId });
    } catch (error) {
      if (hasCode(error, 'InvalidSubnetID.NotFound')) return;
      if (!hasCode(error, 'DependencyViolation')) throw error;
      throw await dependents(scope, `subnet ${SubnetId}`, [{ Name: 'subnet-id', Values: [SubnetId] }], error);
    }
  });
  await pollUntil(ctx, 'subnets to be gone', async () => ((await ours()).length === 0 ? true : undefined));
}
