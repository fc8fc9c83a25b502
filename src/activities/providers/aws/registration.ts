import type { LoadBalancerDescription } from '@aws-sdk/client-elastic-load-balancing';
import type { AWSCluster, LoadBalancerStatus } from '../../../api/types/aws.js';
import { balancerWishes, recordedBalancer } from './balancer.js';
import type { AwsCall, Cloud } from './cloud.js';
import { hasCode, isAbsent } from './errors.js';
import { targetGroups } from './listeners.js';
import type { FetchMany } from './reads.js';

const TARGET_GROUPS_TTL_MS = 10 * 60_000;

interface Target {
  readonly arn: string;
  readonly port: number;
}

/** Something instances are registered with: a classic balancer, or one target group of another. */
export interface Registrar {
  /** For messages. */
  readonly name: string;
  has(instanceId: string): Promise<boolean>;
  add(instanceId: string): Promise<void>;
  drop(instanceId: string): Promise<void>;
}

/**
 * Registrars of the cluster's control-plane balancers, as the status records them; none before they are ready. A balancer that is gone has none.
 */
export async function registrars(
  cloud: Cloud,
  aws: AwsCall,
  object: AWSCluster,
  signal: AbortSignal,
): Promise<Registrar[]> {
  const found = await Promise.all(
    balancerWishes({ object }).map(async ({ slot }) => {
      const status = recordedBalancer({ object }, slot);
      if (!status?.name) return [];
      if (status.loadBalancerType === 'nlb') return await targetGroupRegistrars(cloud, aws, status);
      return [classicRegistrar(cloud, aws, status.name, signal)];
    }),
  );
  return found.flat();
}

function classicRegistrar({ reads }: Cloud, aws: AwsCall, name: string, signal: AbortSignal): Registrar {
  const request = (instanceId: string) => ({ LoadBalancerName: name, Instances: [{ InstanceId: instanceId }] });
  return {
    name,
    async has(instanceId) {
      const live = await reads.one(`elb/${aws.account}`, name, describeClassic(aws), signal);
      return live?.Instances?.some((one) => one.InstanceId === instanceId) ?? false;
    },
    async add(instanceId) {
      await aws.elb.registerInstancesWithLoadBalancer(request(instanceId));
    },
    async drop(instanceId) {
      await absentIsFine(() => aws.elb.deregisterInstancesFromLoadBalancer(request(instanceId)));
    },
  };
}

/** Many balancers with one call; when one of them is gone AWS refuses all, and they are asked for one by one. */
export function describeClassic(aws: AwsCall): FetchMany<LoadBalancerDescription> {
  return async (names, signal) => {
    const { elb } = aws.shared(signal);
    const ask = async (some: readonly string[]): Promise<LoadBalancerDescription[]> => {
      try {
        return (await elb.describeLoadBalancers({ LoadBalancerNames: [...some] })).LoadBalancerDescriptions ?? [];
      } catch (error) {
        if (!isAbsent(error)) throw error;
        if (some.length === 1) return [];
        return (await Promise.all(some.map((name) => ask([name])))).flat();
      }
    };
    const found: LoadBalancerDescription[] = [];
    for (let i = 0; i < names.length; i += 20) found.push(...(await ask(names.slice(i, i + 20))));
    return new Map(found.map((one) => [one.LoadBalancerName ?? '', one]));
  };
}

const targetsKey = (aws: AwsCall, balancerArn: string): string => `targets/${aws.account}/${balancerArn}`;

/** To be called by whoever makes or removes target groups. */
export function forgetTargets(cloud: Cloud, aws: AwsCall, balancerArn: string): void {
  cloud.forget(targetsKey(aws, balancerArn));
}

/** Target groups of a balancer; they change with its listeners only, so they are kept for ten minutes. */
export async function targetsOf(cloud: Cloud, aws: AwsCall, balancerArn: string): Promise<readonly Target[]> {
  return await cloud.cached(targetsKey(aws, balancerArn), TARGET_GROUPS_TTL_MS, async () => {
    const groups = await targetGroups(aws.shared(AbortSignal.timeout(30_000)), balancerArn);
    return groups.map((group) => ({ arn: group.TargetGroupArn ?? '', port: group.Port ?? 0 }));
  });
}

async function targetGroupRegistrars(
  cloud: Cloud,
  aws: AwsCall,
  { arn = '', name = '' }: LoadBalancerStatus,
): Promise<Registrar[]> {
  return (await targetsOf(cloud, aws, arn)).map(({ arn: TargetGroupArn, port }) => {
    const request = (instanceId: string) => ({ TargetGroupArn, Targets: [{ Id: instanceId, Port: port }] });
    return {
      name: `${name}:${port}`,
      async has(instanceId: string) {
        try {
          const Targets = [{ Id: instanceId, Port: port }];
          const { TargetHealthDescriptions = [] } = await aws.elbv2.describeTargetHealth({ TargetGroupArn, Targets });
          const health = TargetHealthDescriptions[0]?.TargetHealth;
          return health !== undefined && health.State !== 'draining' && health.Reason !== 'Target.NotRegistered';
        } catch (error) {
          if (isAbsent(error)) return false;
          throw error;
        }
      },
      async add(instanceId: string) {
        await aws.elbv2.registerTargets(request(instanceId));
      },
      async drop(instanceId: string) {
        await absentIsFine(() => aws.elbv2.deregisterTargets(request(instanceId)));
      },
    };
  });
}

/** Upstream tolerates missing rights here too: an instance about to be terminated leaves the balancer anyway (capa#4701). */
async function absentIsFine(call: () => Promise<unknown>): Promise<void> {
  try {
    await call();
  } catch (error) {
    if (!isAbsent(error) && !hasCode(error, 'AccessDenied')) throw error;
  }
}
