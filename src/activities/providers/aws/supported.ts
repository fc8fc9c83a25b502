import type { AWSCluster, AWSMachine } from '../../../api/types/aws.js';
import { PerdureError } from '../../../domain/errors.js';

type Check = readonly [field: string, used: boolean, instead: string];

/** Throws `InvalidConfiguration` naming the first field of the spec that this provider does not act on: ignoring it would be worse. */
export function assertSupported({ metadata, spec }: AWSCluster): void {
  const vpc = spec.network?.vpc ?? {};
  const subnets = spec.network?.subnets ?? [];
  refuse(`AWSCluster ${metadata.namespace}/${metadata.name}`, [
    ['spec.bastion.enabled', spec.bastion?.enabled === true, 'set it to false'],
    ['spec.s3Bucket', spec.s3Bucket !== undefined, 'remove it'],
    ['spec.network.vpc.ipv6', vpc.ipv6 !== undefined, 'remove it; the cluster is IPv4'],
    ['spec.network.vpc.ipamPool', vpc.ipamPool !== undefined, 'set cidrBlock instead'],
    ['spec.network.vpc.secondaryCidrBlocks', (vpc.secondaryCidrBlocks ?? []).length > 0, 'remove it'],
    ['spec.network.vpc.carrierGatewayId', Boolean(vpc.carrierGatewayId), 'remove it'],
    ['spec.network.subnets[].isIpv6', subnets.some((s) => s.isIpv6 || s.ipv6CidrBlock), 'use IPv4 subnets'],
    [
      'spec.network.subnets[].zoneType',
      subnets.some((s) => s.zoneType !== undefined && s.zoneType !== 'availability-zone'),
      'use subnets of availability zones',
    ],
    [
      'spec.controlPlaneLoadBalancer.loadBalancerType',
      ['elb', 'alb'].includes(spec.controlPlaneLoadBalancer?.loadBalancerType ?? ''),
      'use classic, nlb or disabled',
    ],
    [
      'spec.controlPlaneLoadBalancer.targetGroupIPType',
      spec.controlPlaneLoadBalancer?.targetGroupIPType === 'ipv6',
      'use ipv4',
    ],
    [
      'spec.network.vpc.elasticIpPool',
      vpc.elasticIpPool !== undefined && isOpenNlb(spec),
      'it covers NAT gateways only: use an internal or a classic load balancer, or remove it',
    ],
  ]);
}

function isOpenNlb({ controlPlaneLoadBalancer: lb }: AWSCluster['spec']): boolean {
  return lb?.loadBalancerType === 'nlb' && (lb.scheme ?? 'internet-facing') === 'internet-facing';
}

/** The same for machines. */
export function assertMachineSupported({ metadata, spec }: AWSMachine): void {
  const confidential = spec.cpuOptions?.confidentialCompute;
  refuse(`AWSMachine ${metadata.namespace}/${metadata.name}`, [
    ['spec.ignition', spec.ignition !== undefined, 'use cloud-init'],
    [
      'spec.cloudInit.secureSecretsBackend',
      spec.cloudInit?.secureSecretsBackend === 'ssm-parameter-store',
      'use secrets-manager',
    ],
    ['spec.ami.eksLookupType', spec.ami?.eksLookupType !== undefined, 'set ami.id or the imageLookup fields'],
    ['spec.elasticIpPool', spec.elasticIpPool !== undefined, 'use publicIP alone'],
    ['spec.dynamicHostAllocation', spec.dynamicHostAllocation !== undefined, 'set hostID'],
    ['spec.assignPrimaryIPv6', spec.assignPrimaryIPv6 === 'enabled', 'set it to disabled'],
    [
      'spec.cpuOptions',
      (confidential !== undefined && confidential !== 'Disabled') ||
        spec.cpuOptions?.nestedVirtualization === 'enabled',
      'remove it',
    ],
  ]);
}

function refuse(object: string, checks: readonly Check[]): void {
  const found = checks.find(([, used]) => used);
  if (!found) return;
  const [field, , instead] = found;
  throw new PerdureError('InvalidConfiguration', `${object}: ${field} is not supported; ${instead}`, {
    details: { field },
  });
}
