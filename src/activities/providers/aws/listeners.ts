import type { TargetGroup } from '@aws-sdk/client-elastic-load-balancing-v2';
import type { TargetGroupIPType } from '../../../api/types/aws.js';
import { API_SERVER_BIND_PORT } from '../../../domain/aws/ingress.js';
import { type BalancerWish, balancerTags, healthCounters, targetIPType } from './balancer.js';
import type { AwsCall } from './cloud.js';
import { isAbsent } from './errors.js';
import { targetGroupName } from './names.js';
import { type ClusterScope, type ClusterView, requireVpcId } from './scope.js';
import { ownershipOf, tagList, tagMap } from './tags.js';
import { whenVisible } from './wait.js';

/** A TCP listener and the group of instances behind it. */
export interface WantedListener {
  readonly port: number;
  readonly targetPort: number;
  readonly targetGroup: string;
  readonly ipType: TargetGroupIPType;
  readonly health: Health;
  readonly attributes: Readonly<Record<string, string>>;
}

interface Health {
  readonly HealthCheckProtocol: 'TCP' | 'HTTP' | 'HTTPS';
  readonly HealthCheckPort: string;
  readonly HealthCheckPath?: string;
  readonly HealthCheckIntervalSeconds: number;
  readonly HealthCheckTimeoutSeconds: number;
  readonly HealthyThresholdCount: number;
  readonly UnhealthyThresholdCount: number;
}

export interface LiveListener {
  readonly arn: string;
  readonly port: number;
  readonly group: TargetGroup | undefined;
  readonly attributes: Readonly<Record<string, string>>;
}

/**
 * The main listener on the cluster's API port, then the additional ones. The main one leads to where kubeadm binds, whatever its own port.
 * Source: capa pkg/cloud/services/elb (getAPIServerLBSpec).
 */
export function wantedListeners(view: ClusterView, { spec }: BalancerWish, balancer: string): WantedListener[] {
  const attributes = {
    'preserve_client_ip.enabled': String(spec.preserveClientIP ?? false),
    // Without these two an API server that is briefly unhealthy loses all its clients (capa#5589).
    'target_health_state.unhealthy.connection_termination.enabled': 'false',
    'target_health_state.unhealthy.draining_interval_seconds': '300',
  };
  const name = (port: number, main: boolean): string => targetGroupName(view.clusterId, balancer, port, main);
  const main: WantedListener = {
    port: view.apiServerPort,
    targetPort: API_SERVER_BIND_PORT,
    targetGroup: name(view.apiServerPort, true),
    ipType: targetIPType(view, spec.targetGroupIPType),
    health: healthOf(spec.healthCheckProtocol, undefined, undefined, healthCounters(spec)),
    attributes,
  };
  const others = (spec.additionalListeners ?? []).map(({ port, healthCheck, targetGroupIPType }): WantedListener => {
    const counters = healthCounters(healthCheck ? { healthCheck } : {});
    const health = healthOf(healthCheck?.protocol, healthCheck?.port, healthCheck?.path, counters);
    const ipType = targetIPType(view, targetGroupIPType ?? spec.targetGroupIPType);
    return { port, targetPort: port, targetGroup: name(port, false), ipType, health, attributes };
  });
  return [main, ...others];
}

function healthOf(
  wished: string | undefined,
  port: string | undefined,
  path: string | undefined,
  counters: ReturnType<typeof healthCounters>,
): Health {
  const protocol = wished === 'HTTP' || wished === 'HTTPS' ? wished : 'TCP';
  return {
    HealthCheckProtocol: protocol,
    HealthCheckPort: port ?? 'traffic-port',
    ...(protocol === 'TCP' ? {} : { HealthCheckPath: path ?? '/readyz' }),
    HealthCheckIntervalSeconds: counters.interval,
    HealthCheckTimeoutSeconds: counters.timeout,
    HealthyThresholdCount: counters.healthy,
    UnhealthyThresholdCount: counters.unhealthy,
  };
}

/** Listeners of a balancer with their target groups; one call each for listeners and groups, one per group for attributes. */
export async function describeListeners(aws: AwsCall, balancerArn: string): Promise<LiveListener[]> {
  const { Listeners = [] } = await aws.elbv2.describeListeners({ LoadBalancerArn: balancerArn });
  const groups = await targetGroups(aws, balancerArn);
  return await Promise.all(
    Listeners.map(async ({ ListenerArn = '', Port = 0, DefaultActions }) => {
      const action = DefaultActions?.[0];
      const arn = action?.TargetGroupArn ?? action?.ForwardConfig?.TargetGroups?.[0]?.TargetGroupArn;
      const group = groups.find((one) => one.TargetGroupArn === arn);
      return {
        arn: ListenerArn,
        port: Port,
        group,
        attributes: group ? await attributesOf(aws, group.TargetGroupArn ?? '') : {},
      };
    }),
  );
}

/** Target groups of a balancer; none when there are none, which some endpoints answer with an error. */
export async function targetGroups(aws: Pick<AwsCall, 'elbv2'>, balancerArn: string): Promise<TargetGroup[]> {
  try {
    return (await aws.elbv2.describeTargetGroups({ LoadBalancerArn: balancerArn })).TargetGroups ?? [];
  } catch (error) {
    if (isAbsent(error)) return [];
    throw error;
  }
}

async function attributesOf(aws: AwsCall, TargetGroupArn: string): Promise<Record<string, string>> {
  const { Attributes = [] } = await aws.elbv2.describeTargetGroupAttributes({ TargetGroupArn });
  return Object.fromEntries(Attributes.map(({ Key = '', Value = '' }) => [Key, Value]));
}

function healthDiffers({ health }: WantedListener, group: TargetGroup | undefined): boolean {
  return Object.entries(health).some(([key, value]) => group?.[key as keyof TargetGroup] !== value);
}

function attributesToSet(
  { attributes }: WantedListener,
  live: Readonly<Record<string, string>>,
): { Key: string; Value: string }[] {
  return Object.entries(attributes)
    .filter(([key, value]) => live[key] !== value)
    .map(([Key, Value]) => ({ Key, Value }));
}

/** Listeners that we or upstream made for a port the spec no longer lists. */
function surplus(wanted: readonly WantedListener[], live: readonly LiveListener[]): LiveListener[] {
  const ports = new Set(wanted.map(({ port }) => port));
  return live.filter(
    ({ port, group }) => !ports.has(port) && /^(additional|apiserver)-/.test(group?.TargetGroupName ?? ''),
  );
}

/** For `plan`: one line per difference. */
export function listenerChanges(wanted: readonly WantedListener[], live: readonly LiveListener[]): string[] {
  return [
    ...wanted.flatMap((one) => {
      const found = live.find(({ port }) => port === one.port);
      if (!found) return [`listener on port ${one.port}`];
      return [
        ...(healthDiffers(one, found.group) ? [`health check of port ${one.port}`] : []),
        ...(attributesToSet(one, found.attributes).length > 0 ? [`target attributes of port ${one.port}`] : []),
      ];
    }),
    ...surplus(wanted, live).map(({ port }) => `remove listener on port ${port}`),
  ];
}

/** Makes, repairs and removes listeners and target groups until they are as the spec wishes. */
export async function convergeListeners(
  scope: ClusterScope,
  wish: BalancerWish,
  balancer: string,
  balancerArn: string,
  live: readonly LiveListener[],
): Promise<void> {
  const { elbv2 } = scope.aws;
  const tags = tagList(balancerTags(scope, wish, balancer));
  const wanted = wantedListeners(scope, wish, balancer);
  for (const one of wanted) {
    const found = live.find(({ port }) => port === one.port);
    const group = found?.group ?? (await ensureGroup(scope, one, tags));
    const TargetGroupArn = group.TargetGroupArn ?? '';
    if (healthDiffers(one, group)) await elbv2.modifyTargetGroup({ TargetGroupArn, ...one.health });
    const Attributes = attributesToSet(one, found?.attributes ?? {});
    if (Attributes.length > 0) await elbv2.modifyTargetGroupAttributes({ TargetGroupArn, Attributes });
    if (found?.group) continue;
    const DefaultActions = [{ Type: 'forward' as const, TargetGroupArn }];
    if (found) await elbv2.modifyListener({ ListenerArn: found.arn, DefaultActions });
    else {
      await whenVisible(scope.ctx, () =>
        elbv2.createListener({
          LoadBalancerArn: balancerArn,
          Port: one.port,
          Protocol: 'TCP',
          DefaultActions,
          Tags: tags,
        }),
      );
    }
  }
  for (const { arn, group } of surplus(wanted, live)) {
    await elbv2.deleteListener({ ListenerArn: arn });
    if (group?.TargetGroupArn) await elbv2.deleteTargetGroup({ TargetGroupArn: group.TargetGroupArn });
  }
}

/** A group left by an attempt that died before its listener is found by its name, which is made of the cluster's id. */
async function ensureGroup(
  scope: ClusterScope,
  one: WantedListener,
  Tags: { Key: string; Value: string }[],
): Promise<TargetGroup> {
  const { elbv2 } = scope.aws;
  const found = await groupByName(scope, one.targetGroup);
  if (found) return found;
  const { TargetGroups } = await elbv2.createTargetGroup({
    Name: one.targetGroup,
    Protocol: 'TCP',
    Port: one.targetPort,
    VpcId: requireVpcId(scope),
    TargetType: 'instance',
    ...(one.ipType === 'ipv6' ? { IpAddressType: 'ipv6' as const } : {}),
    ...one.health,
    Tags,
  });
  return TargetGroups?.[0] ?? {};
}

async function groupByName({ aws }: ClusterScope, name: string): Promise<TargetGroup | undefined> {
  try {
    return (await aws.elbv2.describeTargetGroups({ Names: [name] })).TargetGroups?.[0];
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/** Removes the listeners and target groups of a balancer, and groups of ours that never got a listener. */
export async function removeListeners(
  scope: ClusterScope,
  wish: BalancerWish,
  balancer: string,
  balancerArn: string | undefined,
): Promise<void> {
  const { elbv2 } = scope.aws;
  const groups = new Map<string, TargetGroup>();
  if (balancerArn) {
    for (const group of await targetGroups(scope.aws, balancerArn)) groups.set(group.TargetGroupArn ?? '', group);
    const { Listeners = [] } = await elbv2.describeListeners({ LoadBalancerArn: balancerArn });
    for (const { ListenerArn } of Listeners) await absentIsFine(() => elbv2.deleteListener({ ListenerArn }));
  }
  for (const { targetGroup } of wantedListeners(scope, wish, balancer)) {
    const group = await groupByName(scope, targetGroup);
    if (group?.TargetGroupArn && (await isOurs(scope, group.TargetGroupArn))) groups.set(group.TargetGroupArn, group);
  }
  for (const TargetGroupArn of groups.keys()) await absentIsFine(() => elbv2.deleteTargetGroup({ TargetGroupArn }));
}

async function isOurs(scope: ClusterScope, arn: string): Promise<boolean> {
  const { TagDescriptions } = await scope.aws.elbv2.describeTags({ ResourceArns: [arn] });
  return ownershipOf(tagMap(TagDescriptions?.[0]?.Tags), scope) === 'ours';
}

async function absentIsFine(call: () => Promise<unknown>): Promise<void> {
  try {
    await call();
  } catch (error) {
    if (!isAbsent(error)) throw error;
  }
}
