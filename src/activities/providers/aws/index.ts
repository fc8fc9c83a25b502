import type { AWSCluster, AWSMachine } from '../../../api/types/aws.js';
import { KINDS } from '../../../api/types/kinds.js';
import { isWavelength } from '../../../domain/aws/subnets.js';
import type { EnsureTask, InfraPools, InfraProvider } from '../port.js';
import { balancerWishes } from './balancer.js';
import { type AwsProviderDeps, type Cloud, createCloud } from './cloud.js';
import { classify } from './errors.js';
import { awsExternal } from './external/index.js';
import { finishCluster } from './finish.js';
import { DEFAULT_IDENTITY } from './identity.js';
import { createInstance, deleteInstance, observeInstance } from './instances.js';
import { listen } from './listen.js';
import { listOwned } from './owned.js';
import { awsPools } from './pools/index.js';
import { sweep } from './sweep.js';
import { clusterTag, TAG } from './tags.js';
import { typed } from './task.js';
import { bastionTask, wantsBastion } from './tasks/bastion.js';
import { classicLoadBalancerTask } from './tasks/classic-load-balancer.js';
import { givenSubnetsTask } from './tasks/given-subnets.js';
import { instanceEventsTask, wantsInstanceEvents } from './tasks/instance-events.js';
import { internetGatewayTask } from './tasks/internet-gateway.js';
import { natGatewaysTask } from './tasks/nat-gateways.js';
import { networkLoadBalancerTask } from './tasks/network-load-balancer.js';
import { routeTablesTask } from './tasks/route-tables.js';
import { bucketTask, wantsBucket } from './tasks/s3-bucket.js';
import { secondaryCidrsTask, wantsSecondaryCidrs } from './tasks/secondary-cidrs.js';
import { securityGroupsTask } from './tasks/security-groups.js';
import { carrierGatewayTask, egressOnlyInternetGatewayTask } from './tasks/side-gateway.js';
import { subnetsTask } from './tasks/subnets.js';
import { vpcTask } from './tasks/vpc.js';
import { vpcEndpointsTask } from './tasks/vpc-endpoints.js';

export type { AwsCallRecord } from './client.js';
export type { AwsProviderDeps } from './cloud.js';

/** The provider for AWSCluster and AWSMachine. Throws `InvalidConfiguration` for malformed service endpoints. */
export function createAwsProvider(deps: AwsProviderDeps): InfraProvider<AWSCluster, AWSMachine> {
  const cloud = createCloud(deps);
  return {
    name: 'aws',
    clusterKind: KINDS.AWSCluster,
    machineKind: KINDS.AWSMachine,
    taskQueue({ spec }) {
      const { kind, name } = spec.identityRef ?? DEFAULT_IDENTITY;
      const short = kind.replace(/^AWSCluster(\w+)Identity$/, '$1').toLowerCase();
      return `perdure-aws-${short}-${name}-${spec.region ?? 'no-region'}`;
    },
    clusterTasks(cluster) {
      const tasks: EnsureTask<AWSCluster>[] = [
        vpcTask(cloud),
        ...(wantsSecondaryCidrs(cluster) ? [secondaryCidrsTask(cloud)] : []),
        ...(looksManaged(cluster) ? networkTasks(cloud, cluster.spec) : [givenSubnetsTask(cloud)]),
        securityGroupsTask(cloud, cluster.spec),
        ...(wantsBastion(cluster) ? [bastionTask(cloud)] : []),
        ...(wantsInstanceEvents(cloud, cluster) ? [instanceEventsTask(cloud)] : []),
        ...(wantsBucket(cluster) ? [bucketTask(cloud)] : []),
        ...balancerWishes({ object: cluster }).map((wish) =>
          wish.type === 'classic' ? classicLoadBalancerTask(cloud, wish) : networkLoadBalancerTask(cloud, wish),
        ),
      ];
      const ids = new Set(tasks.map((task) => task.id));
      return tasks.map((task) => ({ ...task, dependsOn: task.dependsOn.filter((id) => ids.has(id)) }));
    },
    finishCluster: (ctx) => typed(ctx.signal, () => finishCluster(cloud, ctx)),
    createInstance: (ctx) => typed(ctx.signal, () => createInstance(cloud, ctx)),
    observeInstance: (ctx, explain) => typed(ctx.signal, () => observeInstance(cloud, ctx, explain)),
    deleteInstance: (ctx) => typed(ctx.signal, () => deleteInstance(cloud, ctx)),
    sweep: (ctx, clusters) => typed(ctx.signal, () => sweep(cloud, ctx, clusters)),
    ...(deps.instanceEvents
      ? {
          listen: (ctx, clusters, until, tell) => typed(ctx.signal, () => listen(cloud, ctx, clusters, until, tell)),
        }
      : {}),
    // a pool is only ever given pools of its own kind
    pools: awsPools(cloud) as InfraPools,
    listOwned: (ctx) => typed(ctx.signal, () => listOwned(cloud, ctx)),
    external: awsExternal(cloud),
    classify,
  };
}

/** The parts of a network of ours; those that few clusters have are looked at for those only. */
function networkTasks(cloud: Cloud, { network, s3Bucket }: AWSCluster['spec']): EnsureTask<AWSCluster>[] {
  const wavelength = (network?.subnets ?? []).some(isWavelength) || Boolean(network?.vpc?.carrierGatewayId);
  return [
    subnetsTask(cloud),
    internetGatewayTask(cloud),
    ...(wavelength ? [carrierGatewayTask(cloud)] : []),
    ...(network?.vpc?.ipv6 ? [egressOnlyInternetGatewayTask(cloud)] : []),
    natGatewaysTask(cloud),
    routeTablesTask(cloud),
    ...(s3Bucket ? [vpcEndpointsTask(cloud)] : []),
  ];
}

/** A VPC to be made, or one whose recorded tags say that a controller made it; the VPC task then checks whose. */
function looksManaged({ spec }: AWSCluster): boolean {
  const { id, tags = {} } = spec.network?.vpc ?? {};
  return (
    !id ||
    TAG.id in tags ||
    Object.entries(tags).some(([key, value]) => key.startsWith(clusterTag('')) && value === 'owned')
  );
}
