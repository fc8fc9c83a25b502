import type { AWSCluster, AWSTags, LoadBalancerStatus } from '../../../../api/types/aws.js';
import type { Change, EnsureTask } from '../../port.js';
import { allocateAddress, ownAddresses, releaseAddress } from '../addresses.js';
import {
  type BalancerWish,
  balancerSubnets,
  balancerTags,
  type FoundBalancer,
  type Located,
  locate,
  recordBalancer,
  recordedBalancer,
  recordName,
} from '../balancer.js';
import type { AwsCall, Cloud } from '../cloud.js';
import { isAbsent } from '../errors.js';
import { groupIds } from '../groups.js';
import {
  convergeListeners,
  describeListeners,
  type LiveListener,
  listenerChanges,
  removeListeners,
  wantedListeners,
} from '../listeners.js';
import { resourceName } from '../names.js';
import { forgetTargets } from '../registration.js';
import { type ClusterScope, type ClusterView, vpcOf } from '../scope.js';
import { sameSet } from '../sets.js';
import { missingTags, ownedTags, TAG, tagList, tagMap } from '../tags.js';
import { defineTask } from '../task.js';
import { pollUntil } from '../wait.js';

const CROSS_ZONE = 'load_balancing.cross_zone.enabled';
/** Regions whose network balancers take no security groups. Source: capa pkg/cloud/services/elb. */
const WITHOUT_GROUPS: ReadonlySet<string> = new Set(['us-iso-east-1', 'us-iso-west-1', 'us-isob-east-1']);

interface Network extends FoundBalancer {
  readonly arn: string;
  readonly state: string;
  readonly subnets: readonly string[];
  readonly groups: readonly string[];
  readonly zones: readonly string[];
  readonly crossZone: boolean;
}

interface Observed extends Located<Network> {
  readonly groups: readonly string[];
  readonly listeners: readonly LiveListener[];
}

/** A network load balancer in front of the API servers; also the second, usually internal, one. */
export function networkLoadBalancerTask(cloud: Cloud, wish: BalancerWish): EnsureTask<AWSCluster, Observed> {
  const primary = wish.slot === 'primary';
  return defineTask<Observed>(cloud, {
    id: primary ? 'load-balancer' : 'secondary-load-balancer',
    title: primary ? 'Ensure control plane load balancer' : 'Ensure secondary load balancer',
    // One after the other: upstream saw races between the two (capa#5569).
    condition: 'LoadBalancerReady',
    readyByFinish: true,
    dependsOn: primary
      ? ['subnets', 'security-groups', ...(wish.scheme === 'internet-facing' ? ['internet-gateway'] : [])]
      : ['load-balancer', 'subnets', 'security-groups'],
    observe: (scope) => observe(scope, wish),
    plan: (view, observed) => plan(view, wish, observed),
    apply: (scope, observed) => apply(scope, wish, observed),
    remove: (scope) => remove(scope, wish),
  });
}

async function observe(scope: ClusterScope, wish: BalancerWish): Promise<Observed> {
  const located = await locate(scope, wish, (name) => find(scope.aws, name));
  const own = scope.object.spec.network?.vpc?.id ? await groupIds(scope, ['apiserver-lb']) : [];
  const groups = WITHOUT_GROUPS.has(scope.region) ? [] : [...own, ...(wish.spec.additionalSecurityGroups ?? [])];
  const { found, given } = located;
  return { ...located, groups, listeners: found && !given ? await describeListeners(scope.aws, found.arn) : [] };
}

async function find(aws: AwsCall, name: string): Promise<Network | undefined> {
  let arn: string;
  let live: Omit<Network, 'tags' | 'crossZone'>;
  try {
    const found = (await aws.elbv2.describeLoadBalancers({ Names: [name] })).LoadBalancers?.[0];
    if (!found) return undefined;
    arn = found.LoadBalancerArn ?? '';
    const zones = found.AvailabilityZones ?? [];
    live = {
      arn,
      state: found.State?.Code ?? '',
      dnsName: found.DNSName ?? '',
      vpcId: found.VpcId ?? '',
      subnets: zones.flatMap((zone) => zone.SubnetId ?? []),
      zones: zones.flatMap((zone) => zone.ZoneName ?? []),
      groups: found.SecurityGroups ?? [],
    };
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
  const [tags, attributes] = await Promise.all([
    aws.elbv2.describeTags({ ResourceArns: [arn] }),
    aws.elbv2.describeLoadBalancerAttributes({ LoadBalancerArn: arn }),
  ]);
  const crossZone = attributes.Attributes?.some(({ Key, Value }) => Key === CROSS_ZONE && Value === 'true') ?? false;
  return { ...live, crossZone, tags: tagMap(tags.TagDescriptions?.[0]?.Tags) };
}

/** A balancer made without groups can never get any (AWS); it is left as it is. */
function groupsDiffer({ found, groups }: Observed): boolean {
  return found !== undefined && found.groups.length > 0 && !sameSet(found.groups, groups);
}

function plan(view: ClusterView, wish: BalancerWish, observed: Observed): Change[] {
  const { name, found, given, listeners } = observed;
  const change = (action: Change['action'], detail: string): Change => ({
    action,
    resource: 'load-balancer',
    name,
    detail,
  });
  if (!found) return [change('create', `network, ${wish.scheme}, port ${view.apiServerPort}`)];
  const changes: Change[] = [];
  if (recordedBalancer(view, wish.slot)?.dnsName !== found.dnsName) changes.push(change('update', 'record address'));
  if (given) return changes;
  if (found.state !== 'active') changes.push(change('update', 'wait until active'));
  if (!sameSet(found.subnets, balancerSubnets(view, wish))) changes.push(change('update', 'subnets'));
  if (groupsDiffer(observed)) changes.push(change('update', 'groups'));
  if (found.crossZone !== (wish.spec.crossZoneLoadBalancing ?? false)) changes.push(change('update', 'attributes'));
  if (Object.keys(missingTags(balancerTags(view, wish, name), found.tags)).length > 0)
    changes.push(change('update', 'tags'));
  return [
    ...changes,
    ...listenerChanges(wantedListeners(view, wish, name), listeners).map((text) => change('update', text)),
  ];
}

async function apply(scope: ClusterScope, wish: BalancerWish, observed: Observed): Promise<void> {
  const { name, given } = observed;
  if (!given) {
    const arn = observed.found?.arn ?? (await create(scope, wish, observed));
    await converge(scope, wish, observed, arn);
    await convergeListeners(scope, wish, name, arn, observed.listeners);
    forgetTargets(scope.cloud, scope.aws, arn);
  }
  const live = await pollUntil(scope.ctx, `load balancer ${name} to become active`, async () => {
    const found = await find(scope.aws, name);
    return found?.state === 'active' ? found : undefined;
  });
  await recordBalancer(scope, wish.slot, statusOf(scope, wish, name, live));
}

function statusOf(view: ClusterView, wish: BalancerWish, name: string, live: Network): LoadBalancerStatus {
  return {
    name,
    arn: live.arn,
    dnsName: live.dnsName,
    scheme: wish.scheme,
    loadBalancerType: 'nlb',
    availabilityZones: [...live.zones],
    subnetIds: [...live.subnets],
    securityGroupIds: [...live.groups],
    elbListeners: wantedListeners(view, wish, name).map(({ port, targetPort, targetGroup, ipType }) => ({
      protocol: 'TCP',
      port,
      targetGroup: { name: targetGroup, port: targetPort, protocol: 'TCP', vpcId: live.vpcId, ipType },
    })),
    ...(vpcOf(view).ipv6 ? { loadBalancerIPAddressType: 'dualstack' as const } : {}),
    elbAttributes: { [CROSS_ZONE]: String(live.crossZone) },
  };
}

/** Creating again with equal settings answers with the balancer that is there; `find` looked before. */
async function create(scope: ClusterScope, wish: BalancerWish, { name, groups }: Observed): Promise<string> {
  await recordName(scope, wish, name);
  const { LoadBalancers } = await scope.aws.elbv2.createLoadBalancer({
    Name: name,
    Type: 'network',
    Scheme: wish.scheme,
    ...(await placement(scope, wish)),
    ...(vpcOf(scope).ipv6 ? { IpAddressType: 'dualstack' as const } : {}),
    ...(groups.length > 0 ? { SecurityGroups: [...groups] } : {}),
    Tags: tagList(balancerTags(scope, wish, name)),
  });
  return LoadBalancers?.[0]?.LoadBalancerArn ?? '';
}

/** The balancer's subnets; an open one gets an address of the user's pool in each. */
async function placement(
  scope: ClusterScope,
  wish: BalancerWish,
): Promise<{ Subnets: string[] } | { SubnetMappings: { SubnetId: string; AllocationId: string }[] }> {
  const subnets = balancerSubnets(scope, wish);
  const pool = vpcOf(scope).elasticIpPool;
  if (!pool || wish.scheme !== 'internet-facing') return { Subnets: subnets };
  const known = await ownAddresses(scope, addressKey(wish));
  const SubnetMappings: { SubnetId: string; AllocationId: string }[] = [];
  for (const SubnetId of subnets) {
    const key = `${addressKey(wish)}${SubnetId}`;
    const found = known.find(({ Tags }) => tagMap(Tags)[TAG.key] === key)?.AllocationId;
    const AllocationId = found ?? (await allocateAddress(scope.aws, addressTags(scope, key), pool));
    SubnetMappings.push({ SubnetId, AllocationId });
  }
  return { SubnetMappings };
}

const addressKey = ({ slot }: BalancerWish): string => `lb/${slot}/`;

function addressTags(view: ClusterView, key: string): AWSTags {
  const name = resourceName.address(view.clusterName, 'apiserver');
  return ownedTags({ ...view, name, role: 'apiserver', key, additional: view.object.spec.additionalTags });
}

async function converge(scope: ClusterScope, wish: BalancerWish, observed: Observed, arn: string): Promise<void> {
  const { elbv2 } = scope.aws;
  const { found, name } = observed;
  const crossZone = wish.spec.crossZoneLoadBalancing ?? false;
  if ((found?.crossZone ?? false) !== crossZone) {
    const Attributes = [{ Key: CROSS_ZONE, Value: String(crossZone) }];
    await elbv2.modifyLoadBalancerAttributes({ LoadBalancerArn: arn, Attributes });
  }
  if (!found) return;
  const subnets = balancerSubnets(scope, wish);
  if (!sameSet(found.subnets, subnets))
    await elbv2.setSubnets({ LoadBalancerArn: arn, ...(await placement(scope, wish)) });
  if (groupsDiffer(observed))
    await elbv2.setSecurityGroups({ LoadBalancerArn: arn, SecurityGroups: [...observed.groups] });
  const tags = missingTags(balancerTags(scope, wish, name), found.tags);
  if (Object.keys(tags).length > 0) await elbv2.addTags({ ResourceArns: [arn], Tags: tagList(tags) });
}

/** Listeners and target groups go first: while the balancer is there, a second attempt finds them through it. */
async function remove(scope: ClusterScope, wish: BalancerWish): Promise<void> {
  const { aws, ctx } = scope;
  const { name, found, given } = await locate(scope, wish, (one) => find(aws, one), true);
  if (given) return;
  await removeListeners(scope, wish, name, found?.arn);
  if (found) {
    await aws.elbv2.deleteLoadBalancer({ LoadBalancerArn: found.arn });
    await pollUntil(ctx, `load balancer ${name} to be gone`, async () => ((await find(aws, name)) ? undefined : true));
  }
  for (const { AllocationId = '' } of await ownAddresses(scope, addressKey(wish)))
    await releaseAddress(scope, AllocationId);
}
