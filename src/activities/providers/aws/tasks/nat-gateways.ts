import type { Address, NatGateway } from '@aws-sdk/client-ec2';
import type { AWSCluster, AWSTags, SubnetSpec } from '../../../../api/types/aws.js';
import { isEdge } from '../../../../domain/aws/subnets.js';
import { PerdureError } from '../../../../domain/errors.js';
import type { Change, EnsureTask } from '../../port.js';
import { allocateAddress, ownAddresses, releaseAddress } from '../addresses.js';
import type { Cloud } from '../cloud.js';
import { classify, hasCode } from '../errors.js';
import { clientToken, resourceName } from '../names.js';
import { type ClusterScope, type ClusterView, isManagedVpc, subnetIdOf, subnetsOf, vpcOf } from '../scope.js';
import { addTags, isEmpty, tagsToAdd } from '../tagging.js';
import { ownedTags, ownershipOf, TAG, tagList, tagMap } from '../tags.js';
import { defineTask } from '../task.js';
import { mapLimited, pollUntil } from '../wait.js';

interface Observed {
  /** Gateways of ours that are not deleted or being deleted. */
  readonly gateways: readonly NatGateway[];
}

interface Wish {
  readonly zone: string;
  /** The public subnet it sits in. */
  readonly host: SubnetSpec;
}

/** One NAT gateway with an elastic address per zone that has private subnets. */
export function natGatewaysTask(cloud: Cloud): EnsureTask<AWSCluster, Observed> {
  return defineTask<Observed>(cloud, {
    id: 'nat-gateways',
    title: 'Ensure NAT gateways',
    dependsOn: ['subnets', 'internet-gateway'],
    condition: 'NatGatewaysReady',
    observe: async (scope) => ({ gateways: await liveGateways(scope) }),
    plan,
    apply,
    remove,
  });
}

/** Gateways of ours in the VPC, deleted ones left out. */
export async function liveGateways(scope: ClusterScope): Promise<readonly NatGateway[]> {
  const { id } = vpcOf(scope);
  if (!id) return [];
  const { NatGateways = [] } = await scope.aws.ec2.describeNatGateways({ Filter: [{ Name: 'vpc-id', Values: [id] }] });
  return NatGateways.filter((nat) => isOurs(scope, nat) && nat.State !== 'deleted' && nat.State !== 'deleting');
}

function isOurs(view: ClusterView, nat: NatGateway): boolean {
  return ['ours', 'upstream'].includes(ownershipOf(tagMap(nat.Tags), view));
}

/** Public addresses of gateways, sorted. */
export function publicIPs(gateways: readonly NatGateway[]): string[] {
  return gateways.flatMap((nat) => (nat.NatGatewayAddresses ?? []).flatMap((a) => a.PublicIp ?? [])).sort();
}

function wishes(view: ClusterView): Wish[] {
  const subnets = subnetsOf(view);
  // Edge zones have no NAT gateways: what lives there goes out through its parent zone.
  const inside = subnets
    .filter((s) => !s.isPublic)
    .map((s) => (isEdge(s) ? s.parentZoneName : s.availabilityZone) ?? '');
  const zones = [...new Set(inside)].sort();
  return zones.flatMap((zone) => {
    const host = subnets.find((s) => s.isPublic && !isEdge(s) && s.cidrBlock && s.availabilityZone === zone);
    return host ? [{ zone, host }] : [];
  });
}

function usable(gateways: readonly NatGateway[], { host }: Wish): NatGateway | undefined {
  return gateways.find((nat) => nat.SubnetId === subnetIdOf(host) && nat.State !== 'failed');
}

function plan(view: ClusterView, { gateways }: Observed): Change[] {
  const name = resourceName.natGateway(view.clusterName);
  const change = (action: Change['action'], detail: string): Change => ({
    action,
    resource: 'nat-gateway',
    name,
    detail,
  });
  const changes = wishes(view).flatMap((wish) => {
    const nat = usable(gateways, wish);
    if (!nat) return [change('create', wish.zone)];
    if (nat.State === 'pending') return [change('update', `wait until available in ${wish.zone}`)];
    if (!isEmpty(tagsToAdd(wantedTags(view, wish), nat))) return [change('update', `tags in ${wish.zone}`)];
    return wish.host.natGatewayId === nat.NatGatewayId ? [] : [change('update', `record id of ${wish.zone}`)];
  });
  const ips = view.object.status?.networkStatus?.natGatewaysIPs ?? [];
  const known =
    changes.length > 0 || wishes(view).length === 0 || publicIPs(gateways).join() === [...ips].sort().join();
  return known ? changes : [change('update', 'record addresses')];
}

function wantedTags(view: ClusterView, { zone }: Wish): AWSTags {
  const name = resourceName.natGateway(view.clusterName);
  return ownedTags({ ...view, name, role: 'common', key: `nat/${zone}`, additional: view.object.spec.additionalTags });
}

async function apply(scope: ClusterScope, { gateways }: Observed): Promise<void> {
  const all = wishes(scope);
  if (all.length === 0) return;
  const missing = all.filter((wish) => !usable(gateways, wish));
  const addresses = missing.length > 0 ? await ownAddresses(scope, 'nat/') : [];
  const taken = new Set<string>();
  const made = await mapLimited(missing, 3, (wish) => create(scope, wish, addresses, taken));
  await adopt(scope, all, gateways);
  const ids = [...all.flatMap((wish) => usable(gateways, wish)?.NatGatewayId ?? []), ...made];
  const ready = await untilAvailable(scope, ids);
  await scope.recordStatus((status) => {
    status.networkStatus = { ...status.networkStatus, natGatewaysIPs: publicIPs(ready) };
  });
}

/** Tags and records gateways that were there already: upstream's, or ours from an attempt that died before recording. */
async function adopt(scope: ClusterScope, all: readonly Wish[], gateways: readonly NatGateway[]): Promise<void> {
  for (const wish of all) {
    const nat = usable(gateways, wish);
    if (!nat?.NatGatewayId) continue;
    const tags = tagsToAdd(wantedTags(scope, wish), nat);
    await addTags(scope.aws, nat.NatGatewayId, tags);
    if (tags[TAG.id]) {
      for (const { AllocationId } of nat.NatGatewayAddresses ?? []) {
        if (AllocationId) await addTags(scope.aws, AllocationId, addressTags(scope, wish));
      }
    }
    await recordId(scope, wish, nat.NatGatewayId);
  }
}

async function recordId(scope: ClusterScope, { host }: Wish, id: string): Promise<void> {
  await scope.record((spec) => {
    const subnet = spec.network?.subnets?.find((one) => one.id === host.id);
    if (subnet) subnet.natGatewayId = id;
  });
}

/** The token names the predecessor: a replacement is a new gateway, a second attempt is the same one. */
async function create(
  scope: ClusterScope,
  wish: Wish,
  addresses: readonly Address[],
  taken: Set<string>,
): Promise<string> {
  const { aws } = scope;
  const allocation =
    reusable(addresses, wish, taken) ??
    (await allocateAddress(scope.aws, addressTags(scope, wish), vpcOf(scope).elasticIpPool));
  const { NatGateway: nat } = await aws.ec2.createNatGateway({
    SubnetId: subnetIdOf(wish.host) ?? '',
    AllocationId: allocation,
    ClientToken: clientToken(scope.clusterId, 'nat', wish.zone, wish.host.natGatewayId ?? '', allocation),
    TagSpecifications: [{ ResourceType: 'natgateway', Tags: tagList(wantedTags(scope, wish)) }],
  });
  const id = nat?.NatGatewayId ?? '';
  await recordId(scope, wish, id);
  return id;
}

function reusable(addresses: readonly Address[], { zone }: Wish, taken: Set<string>): string | undefined {
  const free = addresses.filter((a) => !a.AssociationId && !taken.has(a.AllocationId ?? ''));
  const own = free.find((a) => tagMap(a.Tags)[TAG.key] === `nat/${zone}`);
  const id = own?.AllocationId;
  if (id) taken.add(id);
  return id;
}

function addressTags(view: ClusterView, { zone }: Wish): AWSTags {
  const name = resourceName.address(view.clusterName, 'common');
  return ownedTags({ ...view, name, role: 'common', key: `nat/${zone}`, additional: view.object.spec.additionalTags });
}

async function untilAvailable({ aws, ctx }: ClusterScope, ids: readonly string[]): Promise<NatGateway[]> {
  return await pollUntil(ctx, `${ids.length} NAT gateways to become available`, async () => {
    const { NatGateways = [] } = await aws.ec2.describeNatGateways({
      Filter: [{ Name: 'nat-gateway-id', Values: [...ids] }],
    });
    const failed = NatGateways.find((nat) => nat.State === 'failed');
    if (failed) throw failure(failed);
    return NatGateways.filter((nat) => nat.State === 'available').length === ids.length ? NatGateways : undefined;
  });
}

/** AWS tells only here why a gateway failed. */
function failure({ NatGatewayId, FailureCode = 'InternalError', FailureMessage }: NatGateway): PerdureError {
  const error = Object.assign(new Error(FailureMessage ?? 'no reason given'), { Code: FailureCode });
  const { type } = classify(error);
  return new PerdureError(
    type,
    `NAT gateway ${NatGatewayId} failed: ${FailureCode}: ${FailureMessage}; the next attempt makes another`,
    {
      details: { code: FailureCode },
    },
  );
}

async function remove(scope: ClusterScope): Promise<void> {
  const { aws, ctx } = scope;
  if (!isManagedVpc(scope)) return;
  const gateways = await liveGateways(scope);
  const allocations = gateways.flatMap((nat) => (nat.NatGatewayAddresses ?? []).flatMap((a) => a.AllocationId ?? []));
  await mapLimited(gateways, 3, async ({ NatGatewayId = '' }) => {
    try {
      await aws.ec2.deleteNatGateway({ NatGatewayId });
    } catch (error) {
      if (!hasCode(error, 'NatGatewayNotFound', 'InvalidNatGatewayID.NotFound')) throw error;
    }
  });
  await untilGone(scope);
  const release = new Set([
    ...allocations,
    ...(await ownAddresses(scope, 'nat/')).flatMap((a) => a.AllocationId ?? []),
  ]);
  for (const id of release) await releaseAddress(scope, id);
  ctx.heartbeat('NAT gateways and addresses are gone');
}

async function untilGone(scope: ClusterScope): Promise<void> {
  const { id } = vpcOf(scope);
  if (!id) return;
  await pollUntil(scope.ctx, 'NAT gateways to be gone', async () => {
    const { NatGateways = [] } = await scope.aws.ec2.describeNatGateways({
      Filter: [{ Name: 'vpc-id', Values: [id] }],
    });
    const left = NatGateways.filter((nat) => nat.State !== 'deleted' && isOurs(scope, nat));
    return left.length === 0 ? true : undefined;
  });
}
