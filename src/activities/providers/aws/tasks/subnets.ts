import type { Subnet } from '@aws-sdk/client-ec2';
import type { AWSCluster, AWSTags, SubnetSpec } from '../../../../api/types/aws.js';
import { defaultSubnets, pickZones } from '../../../../domain/aws/subnets.js';
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
import { availabilityZones } from '../static-data.js';
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
    dependsOn: ['vpc'],
    condition: 'SubnetsReady',
    observe,
    plan,
    apply,
    remove,
  });
}

async function observe(scope: ClusterScope): Promise<Observed> {
  const wanted = subnetsOf(scope).length > 0 ? subnetsOf(scope) : await layout(scope);
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

async function layout(scope: ClusterScope): Promise<SubnetSpec[]> {
  const vpc = vpcOf(scope);
  const available = await availabilityZones(scope.cloud, scope.aws);
  const limit = vpc.availabilityZoneUsageLimit ?? 3;
  const zones = pickZones(available, limit, vpc.availabilityZoneSelection ?? 'Ordered', scope.clusterId);
  const vpcCidr = vpc.cidrBlock ?? '10.0.0.0/16';
  const schema = vpc.subnetSchema ?? 'PreferPrivate';
  const subnets = defaultSubnets({ clusterName: scope.clusterName, vpcCidr, zones, schema });
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
    live.find((subnet) => spec.cidrBlock !== undefined && subnet.CidrBlock === spec.cidrBlock)
  );
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
    extra: { [cloudProviderTag(view.clusterName)]: 'owned', [isPublic ? TAG.elb : TAG.internalElb]: '1' },
  });
}

/** Attributes we set: public addresses at launch in public subnets, and the host-name type when the spec wishes one. */
function attributes(
  view: ClusterView,
  spec: SubnetSpec,
  live: Subnet,
): readonly { readonly name: string; readonly input: object }[] {
  const hostname = vpcOf(view).privateDnsHostnameTypeOnLaunch;
  const found: { name: string; input: object }[] = [];
  if (spec.isPublic && live.MapPublicIpOnLaunch !== true) {
    found.push({ name: 'MapPublicIpOnLaunch', input: { MapPublicIpOnLaunch: { Value: true } } });
  }
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
      return [change('create', spec.id, `${spec.cidrBlock} in ${spec.availabilityZone ?? 'any zone'}`)];
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
    stored !== undefined && subnetIdOf(stored) === live.SubnetId && stored.availabilityZone === live.AvailabilityZone
  );
}

async function apply(scope: ClusterScope, observed: Observed): Promise<void> {
  // The layout first: a second attempt must not draw other zones or blocks.
  await scope.record((spec) => {
    spec.network ??= {};
    if (!spec.network.subnets?.length) spec.network.subnets = structuredClone([...observed.wanted]);
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
  const { Subnet: subnet } = await whenVisible(ctx, () =>
    aws.ec2.createSubnet({
      VpcId: vpcId,
      CidrBlock: spec.cidrBlock,
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
