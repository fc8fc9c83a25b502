import { isWavelength } from '../../../src/domain/aws/subnets.js';
import type { Expectation } from './expectation.js';
import type { Loose } from './templates.js';

type Fields = Readonly<Record<string, unknown>>;
const fields = (value: unknown): Fields => (typeof value === 'object' && value !== null ? (value as Fields) : {});
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const at = (value: unknown, ...path: readonly string[]): unknown =>
  path.reduce<unknown>((inner, key) => fields(inner)[key], value);

/** Zones of a region that the emulated account has for ordinary subnets. */
const ZONES = 6;

/**
 * What a template is to make where nothing is declared for it, counted from its own documents by the rules of upstream's documentation. Pure; checked against
 * the declarations of all flavours.
 */
export function derivedExpectation(documents: readonly Loose[]): Expectation {
  const of = (...kinds: readonly string[]): Loose[] => documents.filter(({ kind }) => kinds.includes(kind));
  const spec = fields(of('AWSCluster')[0]?.['spec']);
  const because = unable(documents, spec);
  const pools = of('MachinePool').length;
  const bastion = at(spec, 'bastion', 'enabled') === true;
  const machines = [...of('KubeadmControlPlane'), ...of('MachineDeployment', 'MachinePool')].map((object) =>
    Number(at(object, 'spec', 'replicas') ?? 1),
  );
  const count = machines.reduce((sum, replicas) => sum + replicas, 0) + Number(bastion);
  const hosts = hostsOf(documents);
  return {
    converges: because ? 'infrastructure' : 'available',
    ...(because ? { because } : {}),
    inventory: {
      ...network(spec),
      ...balancers(spec),
      'ec2/security-group': at(spec, 'network', 'securityGroupOverrides') ? 0 : 4 + Number(bastion),
      ...(pools > 0 ? { 'autoscaling/group': pools, 'ec2/launch-template': pools } : {}),
    },
    machines: {
      'ec2/instance': count,
      'ec2/volume': count,
      'ec2/network-interface': count,
      ...(hosts > 0 ? { 'ec2/dedicated-host': hosts } : {}),
    },
  };
}

/** Why machines of the sandbox cannot show it. */
function unable(documents: readonly Loose[], spec: Fields): string | undefined {
  if (at(spec, 'network', 'vpc', 'ipv6')) return 'machines of the sandbox have IPv4 alone';
  if (at(spec, 'controlPlaneLoadBalancer', 'loadBalancerType') === 'disabled')
    return 'the endpoint is the user’s, and leads nowhere here';
  const text = JSON.stringify(documents.filter(({ kind }) => kind.startsWith('Kubeadm')));
  const inTree = /"cloud-provider":"aws"|"name":"cloud-provider","value":"aws"/.test(text);
  return inTree ? 'Kubernetes 1.27 and later have no cloud provider of AWS in them' : undefined;
}

function network(spec: Fields): Record<string, number> {
  const vpc = fields(at(spec, 'network', 'vpc'));
  const own = !vpc['id'];
  const subnets = listOf(at(spec, 'network', 'subnets')).map(fields);
  const wavelength = subnets.some((one) => isWavelength({ availabilityZone: String(one['availabilityZone']) }));
  const bucket = spec['s3Bucket'] !== undefined;
  const balanced = at(spec, 'controlPlaneLoadBalancer', 'loadBalancerType') === 'nlb';
  const inside = at(spec, 'controlPlaneLoadBalancer', 'scheme') === 'internal';
  const { total, gateways, zones } = own ? sizes(subnets, vpc) : { total: 0, gateways: 0, zones: 0 };
  const pooled = own && vpc['elasticIpPool'] && balanced && !inside ? zones : 0;
  return {
    'ec2/vpc': Number(own),
    'ec2/internet-gateway': Number(own),
    'ec2/subnet': total,
    'ec2/route-table': total,
    'ec2/natgateway': gateways,
    'ec2/elastic-ip': gateways + pooled,
    ...(own && vpc['ipv6'] ? { 'ec2/egress-only-internet-gateway': 1 } : {}),
    ...(own && wavelength ? { 'ec2/carrier-gateway': 1 } : {}),
    ...(bucket ? { 's3/bucket': 1 } : {}),
    ...(bucket && own ? { 'ec2/vpc-endpoint': 1 } : {}),
  };
}

/** A zone has a public and a private subnet, unless the template lists them; and a NAT gateway where it has both. */
function sizes(subnets: readonly Fields[], vpc: Fields): { total: number; gateways: number; zones: number } {
  if (subnets.length === 0) {
    const zones = Math.min(Number(vpc['availabilityZoneUsageLimit'] ?? 3), ZONES);
    return { total: 2 * zones, gateways: zones, zones };
  }
  const zone = (one: Fields): string => String(one['availabilityZone']);
  const isOpen = (one: Fields): boolean => one['isPublic'] === true;
  const ordinary = subnets.filter((one) => /-\d[a-z]$/.test(zone(one)) && zone(one).split('-').length === 3);
  const open = new Set(ordinary.filter(isOpen).map(zone));
  const closed = new Set(ordinary.filter((one) => !isOpen(one)).map(zone));
  return { total: subnets.length, gateways: [...closed].filter((one) => open.has(one)).length, zones: open.size };
}

function balancers(spec: Fields): Record<string, number> {
  const wishes = [
    fields(spec['controlPlaneLoadBalancer']),
    ...(spec['secondaryControlPlaneLoadBalancer']
      ? [{ loadBalancerType: 'nlb', ...fields(spec['secondaryControlPlaneLoadBalancer']) }]
      : []),
  ];
  const types = wishes.map((wish) => wish['loadBalancerType'] ?? 'classic');
  const network = wishes.filter((_, i) => types[i] === 'nlb');
  const listeners = network.reduce((sum, wish) => sum + 1 + listOf(wish['additionalListeners']).length, 0);
  return {
    'elb/loadbalancer': types.filter((type) => type === 'classic').length,
    'elbv2/loadbalancer': network.length,
    'elbv2/listener': listeners,
    'elbv2/targetgroup': listeners,
  };
}

/** Machines that have a host of their own. */
function hostsOf(documents: readonly Loose[]): number {
  const wishing = new Set(
    documents
      .filter(
        (one) => one.kind === 'AWSMachineTemplate' && at(one, 'spec', 'template', 'spec', 'dynamicHostAllocation'),
      )
      .map(({ metadata }) => metadata.name),
  );
  return documents
    .filter((one) => wishing.has(String(at(one, 'spec', 'template', 'spec', 'infrastructureRef', 'name'))))
    .reduce((sum, one) => sum + Number(at(one, 'spec', 'replicas') ?? 1), 0);
}
