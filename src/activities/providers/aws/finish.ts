import { lookup } from 'node:dns/promises';
import type { AWSCluster, AWSClusterStatus } from '../../../api/types/aws.js';
import { isEdge } from '../../../domain/aws/subnets.js';
import type { V1Beta1Input } from '../../../domain/conditions.js';
import type { ClusterContext } from '../port.js';
import { balancerWishes, recordedBalancer } from './balancer.js';
import type { Cloud } from './cloud.js';
import {
  type ClusterScope,
  type ClusterView,
  isManagedVpc,
  openScope,
  setConditions,
  subnetIdOf,
  subnetsOf,
} from './scope.js';
import { tellCapacity } from './template-capacity.js';

const CONDITION = 'LoadBalancerReady';

/**
 * Publishes what the tasks made: endpoint, failure domains, conditions, ready flags of both contracts. False while the load balancer's name has
 * no address yet, or while the user has not given the endpoint of a cluster without load balancer.
 */
export async function finishCluster(cloud: Cloud, ctx: ClusterContext<AWSCluster>): Promise<boolean> {
  const scope = await openScope(cloud, ctx);
  const endpoint = await endpointOf(scope);
  if ('waiting' in endpoint) {
    const conditions = [endpoint.waiting, { ...endpoint.waiting, type: 'Ready' }];
    await scope.recordStatus((status) => setConditions(status, conditions, cloud.deps.now()));
    return false;
  }
  await scope.record((spec) => {
    if (spec.controlPlaneEndpoint?.host) return;
    spec.controlPlaneEndpoint = { host: endpoint.host, port: scope.apiServerPort };
  });
  await scope.recordStatus((status) => {
    status.ready = true;
    status.initialization = { provisioned: true };
    status.failureDomains = failureDomains(scope);
    setConditions(status, readyConditions(scope), cloud.deps.now());
  });
  await tellCapacity(ctx, scope.aws, [scope]);
  return true;
}

async function endpointOf(
  scope: ClusterScope,
): Promise<{ readonly host: string } | { readonly waiting: V1Beta1Input }> {
  const given = scope.object.spec.controlPlaneEndpoint?.host;
  const wait = (reason: string, message: string): { waiting: V1Beta1Input } => ({
    waiting: { type: CONDITION, status: 'False', severity: 'Info', reason, message },
  });
  const wish = balancerWishes(scope).find(({ slot }) => slot === 'primary');
  if (!wish) {
    const text = 'spec.controlPlaneLoadBalancer.loadBalancerType is disabled: set spec.controlPlaneEndpoint';
    return given ? { host: given } : wait('WaitForExternalControlPlaneEndpoint', text);
  }
  const host = recordedBalancer(scope, 'primary')?.dnsName;
  if (!host) return wait('WaitForDNSName', 'the load balancer has no DNS name yet');
  const checked = wish.spec.dnsResolutionCheck === 'None' || scope.object.status?.ready === true;
  if (checked || (await resolves(scope, host))) return { host };
  return wait('WaitForDNSNameResolve', `the load balancer's name ${host} does not resolve yet`);
}

async function resolves({ cloud, ctx }: ClusterScope, host: string): Promise<boolean> {
  if (cloud.deps.resolves) return await cloud.deps.resolves(host, ctx.signal);
  return await lookup(host).then(
    () => true,
    () => false,
  );
}

/** One per zone with private subnets; control planes may live where the load balancer reaches. */
function failureDomains(view: ClusterView): NonNullable<AWSClusterStatus['failureDomains']> {
  const attached = new Set(recordedBalancer(view, 'primary')?.subnetIds ?? []);
  const subnets = subnetsOf(view);
  const reached = new Set(
    subnets.filter((one) => attached.has(subnetIdOf(one) ?? '')).map((one) => one.availabilityZone),
  );
  const without = balancerWishes(view).length === 0;
  const zones = [
    ...new Set(subnets.filter((one) => !one.isPublic && !isEdge(one)).map((one) => one.availabilityZone ?? '')),
  ].sort();
  return Object.fromEntries(zones.map((zone) => [zone, { controlPlane: without || reached.has(zone) }]));
}

function readyConditions(view: ClusterView): V1Beta1Input[] {
  const types = [
    'Ready',
    'PrincipalCredentialRetrieved',
    'PrincipalUsageAllowed',
    'VpcReady',
    'SubnetsReady',
    'ClusterSecurityGroupsReady',
    CONDITION,
    ...(isManagedVpc(view) ? ['InternetGatewayReady', 'NatGatewaysReady', 'RouteTablesReady'] : []),
  ];
  return types.map((type) => ({ type, status: 'True' as const }));
}
