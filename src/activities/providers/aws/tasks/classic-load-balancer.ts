import type { LoadBalancerAttributes, LoadBalancerDescription } from '@aws-sdk/client-elastic-load-balancing';
import type { AWSCluster, AWSTags, LoadBalancerStatus } from '../../../../api/types/aws.js';
import { API_SERVER_BIND_PORT } from '../../../../domain/aws/ingress.js';
import type { Change, EnsureTask } from '../../port.js';
import {
  type BalancerWish,
  balancerSubnets,
  balancerTags,
  type FoundBalancer,
  healthCounters,
  type Located,
  locate,
  recordBalancer,
  recordedBalancer,
  recordName,
} from '../balancer.js';
import type { AwsCall, Cloud } from '../cloud.js';
import { isAbsent } from '../errors.js';
import { groupIds } from '../groups.js';
import type { ClusterScope, ClusterView } from '../scope.js';
import { sameSet } from '../sets.js';
import { missingTags, tagList, tagMap } from '../tags.js';
import { defineTask } from '../task.js';
import { pollUntil, whenVisible } from '../wait.js';

const IDLE_TIMEOUT_SECONDS = 600;
const NANOSECONDS = 1_000_000_000;

interface Classic extends FoundBalancer {
  readonly live: LoadBalancerDescription;
  readonly attributes: LoadBalancerAttributes;
}

interface Observed extends Located<Classic> {
  readonly groups: readonly string[];
}

/** The classic load balancer in front of the API servers. */
export function classicLoadBalancerTask(cloud: Cloud, wish: BalancerWish): EnsureTask<AWSCluster, Observed> {
  return defineTask<Observed>(cloud, {
    id: 'load-balancer',
    title: 'Ensure control plane load balancer',
    condition: 'LoadBalancerReady',
    readyByFinish: true,
    dependsOn: ['subnets', 'security-groups', ...(wish.scheme === 'internet-facing' ? ['internet-gateway'] : [])],
    observe: async (scope) => {
      const located = await locate(scope, wish, (name) => find(scope.aws, name));
      return { ...located, groups: await groupsOf(scope, wish) };
    },
    plan: (view, observed) => plan(view, wish, observed),
    apply: (scope, observed) => apply(scope, wish, observed),
    remove: (scope) => remove(scope, wish),
  });
}

async function groupsOf(scope: ClusterScope, { spec }: BalancerWish): Promise<string[]> {
  // Before the groups are made there is nothing to compare with; the order of tasks sees to that.
  const own = scope.object.spec.network?.vpc?.id ? await groupIds(scope, ['apiserver-lb']) : [];
  return [...own, ...(spec.additionalSecurityGroups ?? [])];
}

async function find(aws: AwsCall, name: string): Promise<Classic | undefined> {
  let live: LoadBalancerDescription | undefined;
  try {
    live = (await aws.elb.describeLoadBalancers({ LoadBalancerNames: [name] })).LoadBalancerDescriptions?.[0];
  } catch (error) {
    if (!isAbsent(error)) throw error;
  }
  if (!live) return undefined;
  const [tags, attributes] = await Promise.all([
    aws.elb.describeTags({ LoadBalancerNames: [name] }),
    aws.elb.describeLoadBalancerAttributes({ LoadBalancerName: name }),
  ]);
  return {
    live,
    attributes: attributes.LoadBalancerAttributes ?? {},
    dnsName: live.DNSName ?? '',
    vpcId: live.VPCId ?? '',
    tags: tagMap(tags.TagDescriptions?.[0]?.Tags),
  };
}

function wantedHealth({ spec }: BalancerWish): {
  Target: string;
  Interval: number;
  Timeout: number;
  HealthyThreshold: number;
  UnhealthyThreshold: number;
} {
  const { interval, timeout, healthy, unhealthy } = healthCounters(spec);
  const protocol = spec.healthCheckProtocol ?? 'TCP';
  const path = protocol === 'HTTP' || protocol === 'HTTPS' ? '/readyz' : '';
  return {
    Target: `${protocol}:${API_SERVER_BIND_PORT}${path}`,
    Interval: interval,
    Timeout: timeout,
    HealthyThreshold: healthy,
    UnhealthyThreshold: unhealthy,
  };
}

interface Differences {
  readonly listener: boolean;
  readonly health: boolean;
  readonly attributes: boolean;
  readonly subnets: boolean;
  readonly groups: boolean;
  readonly tags: AWSTags;
}

function differences(view: ClusterView, wish: BalancerWish, { name, found, groups }: Observed): Differences {
  const { live, attributes, tags } = found ?? {
    live: {} as LoadBalancerDescription,
    attributes: {} as LoadBalancerAttributes,
    tags: {},
  };
  const health = wantedHealth(wish);
  const check = live.HealthCheck;
  return {
    listener: !live.ListenerDescriptions?.some(
      ({ Listener }) =>
        Listener?.LoadBalancerPort === view.apiServerPort && Listener.InstancePort === API_SERVER_BIND_PORT,
    ),
    health: !check || Object.entries(health).some(([key, value]) => check[key as keyof typeof health] !== value),
    attributes:
      attributes.ConnectionSettings?.IdleTimeout !== IDLE_TIMEOUT_SECONDS ||
      (attributes.CrossZoneLoadBalancing?.Enabled ?? false) !== (wish.spec.crossZoneLoadBalancing ?? false),
    subnets: !sameSet(live.Subnets, balancerSubnets(view, wish)),
    groups: !sameSet(live.SecurityGroups, groups),
    tags: missingTags(balancerTags(view, wish, name), tags),
  };
}

function plan(view: ClusterView, wish: BalancerWish, observed: Observed): Change[] {
  const { name, found, given } = observed;
  const change = (action: Change['action'], detail: string): Change => ({
    action,
    resource: 'load-balancer',
    name,
    detail,
  });
  if (!found) return [change('create', `classic, ${wish.scheme}, port ${view.apiServerPort}`)];
  const record =
    recordedBalancer(view, 'primary')?.dnsName === found.dnsName ? [] : [change('update', 'record address')];
  if (given) return record;
  const { tags, ...parts } = differences(view, wish, observed);
  const differing = Object.entries(parts).filter(([, differs]) => differs);
  return [
    ...differing.map(([part]) => change('update', part)),
    ...(Object.keys(tags).length > 0 ? [change('update', 'tags')] : []),
    ...record,
  ];
}

async function apply(scope: ClusterScope, wish: BalancerWish, observed: Observed): Promise<void> {
  if (!observed.given) {
    if (!observed.found) await create(scope, wish, observed);
    await converge(scope, wish, observed);
  }
  const live = await find(scope.aws, observed.name);
  if (live) await recordBalancer(scope, 'primary', statusOf(wish, observed.name, live, scope.apiServerPort));
}

function statusOf(wish: BalancerWish, name: string, { live, dnsName }: Classic, port: number): LoadBalancerStatus {
  const health = wantedHealth(wish);
  return {
    name,
    dnsName,
    scheme: wish.scheme,
    loadBalancerType: 'classic',
    availabilityZones: live.AvailabilityZones ?? [],
    subnetIds: live.Subnets ?? [],
    securityGroupIds: live.SecurityGroups ?? [],
    listeners: [{ protocol: 'TCP', port, instanceProtocol: 'TCP', instancePort: API_SERVER_BIND_PORT }],
    healthChecks: {
      target: health.Target,
      interval: health.Interval * NANOSECONDS,
      timeout: health.Timeout * NANOSECONDS,
      healthyThreshold: health.HealthyThreshold,
      unhealthyThreshold: health.UnhealthyThreshold,
    },
    attributes: {
      idleTimeout: IDLE_TIMEOUT_SECONDS * NANOSECONDS,
      crossZoneLoadBalancing: wish.spec.crossZoneLoadBalancing ?? false,
    },
  };
}

function listenerOf(view: ClusterView): {
  Protocol: string;
  LoadBalancerPort: number;
  InstanceProtocol: string;
  InstancePort: number;
} {
  return {
    Protocol: 'TCP',
    LoadBalancerPort: view.apiServerPort,
    InstanceProtocol: 'TCP',
    InstancePort: API_SERVER_BIND_PORT,
  };
}

/** Names are unique: creating again with equal settings answers with the balancer that is there. */
async function create(scope: ClusterScope, wish: BalancerWish, { name, groups }: Observed): Promise<void> {
  await recordName(scope, wish, name);
  await whenVisible(scope.ctx, () =>
    scope.aws.elb.createLoadBalancer({
      LoadBalancerName: name,
      Listeners: [listenerOf(scope)],
      Subnets: balancerSubnets(scope, wish),
      SecurityGroups: [...groups],
      ...(wish.scheme === 'internal' ? { Scheme: 'internal' } : {}),
      Tags: tagList(balancerTags(scope, wish, name)),
    }),
  );
}

async function converge(scope: ClusterScope, wish: BalancerWish, observed: Observed): Promise<void> {
  const { elb } = scope.aws;
  const LoadBalancerName = observed.name;
  const fresh = observed.found === undefined;
  const differs = differences(scope, wish, observed);
  if (!fresh && differs.listener) await replaceListener(scope, observed);
  if (differs.health)
    await whenVisible(scope.ctx, () => elb.configureHealthCheck({ LoadBalancerName, HealthCheck: wantedHealth(wish) }));
  if (differs.attributes) {
    await elb.modifyLoadBalancerAttributes({
      LoadBalancerName,
      LoadBalancerAttributes: {
        ConnectionSettings: { IdleTimeout: IDLE_TIMEOUT_SECONDS },
        CrossZoneLoadBalancing: { Enabled: wish.spec.crossZoneLoadBalancing ?? false },
      },
    });
  }
  if (fresh) return;
  if (differs.subnets)
    await moveSubnets(scope, LoadBalancerName, observed.found?.live.Subnets ?? [], balancerSubnets(scope, wish));
  if (differs.groups)
    await elb.applySecurityGroupsToLoadBalancer({ LoadBalancerName, SecurityGroups: [...observed.groups] });
  if (Object.keys(differs.tags).length > 0) {
    await elb.addTags({ LoadBalancerNames: [LoadBalancerName], Tags: tagList(differs.tags) });
  }
}

async function replaceListener(scope: ClusterScope, { name, found }: Observed): Promise<void> {
  const { elb } = scope.aws;
  const onPort = found?.live.ListenerDescriptions?.some(
    ({ Listener }) => Listener?.LoadBalancerPort === scope.apiServerPort,
  );
  if (onPort)
    await elb.deleteLoadBalancerListeners({ LoadBalancerName: name, LoadBalancerPorts: [scope.apiServerPort] });
  await elb.createLoadBalancerListeners({ LoadBalancerName: name, Listeners: [listenerOf(scope)] });
}

/** Attaches first: a balancer must never be without a subnet. */
async function moveSubnets(
  { aws }: ClusterScope,
  LoadBalancerName: string,
  current: readonly string[],
  wanted: readonly string[],
): Promise<void> {
  const add = wanted.filter((id) => !current.includes(id));
  const drop = current.filter((id) => !wanted.includes(id));
  if (add.length > 0) await aws.elb.attachLoadBalancerToSubnets({ LoadBalancerName, Subnets: add });
  if (drop.length > 0) await aws.elb.detachLoadBalancerFromSubnets({ LoadBalancerName, Subnets: drop });
}

async function remove(scope: ClusterScope, wish: BalancerWish): Promise<void> {
  const { aws, ctx } = scope;
  const { name, found, given } = await locate(scope, wish, (one) => find(aws, one), true);
  if (!found || given) return;
  await aws.elb.deleteLoadBalancer({ LoadBalancerName: name });
  await pollUntil(ctx, `load balancer ${name} to be gone`, async () => ((await find(aws, name)) ? undefined : true));
}
