import { createHash } from 'node:crypto';

const LIMIT = 32;

function digest(seed: string): Buffer {
  return createHash('sha256').update(seed).digest();
}

/** Lower-case base 36 of a hash of `seed`, `length` (at most 40) characters. */
export function base36(seed: string, length: number): string {
  return BigInt(`0x${digest(seed).toString('hex')}`)
    .toString(36)
    .padStart(40, '0')
    .slice(-length);
}

/** ClientToken for one purpose of one owner; the same arguments give the same token for ever. 64 characters is EC2's limit. */
export function clientToken(ownerId: string, purpose: string, ...generation: readonly string[]): string {
  const hex = createHash('sha256')
    .update([ownerId, purpose, ...generation].join('\n'))
    .digest('hex');
  return `perdure-${hex.slice(0, 48)}`;
}

/** A UUID derived from `seed`, for the places where AWS or upstream want one. */
export function seededUuid(seed: string): string {
  const hex = digest(seed).toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** `<c>-<noun>`: the names upstream gives; people find things by them, code never does. Source: capa pkg/cloud/services. */
export const resourceName = {
  vpc: (cluster: string): string => `${cluster}-vpc`,
  internetGateway: (cluster: string): string => `${cluster}-igw`,
  /** Upstream gives a carrier gateway the name of the internet gateway. */
  carrierGateway: (cluster: string): string => `${cluster}-igw`,
  egressOnlyInternetGateway: (cluster: string): string => `${cluster}-eigw`,
  vpcEndpoint: (cluster: string): string => `${cluster}-vpce`,
  bastion: (cluster: string): string => `${cluster}-bastion`,
  natGateway: (cluster: string): string => `${cluster}-nat`,
  address: (cluster: string, role: string): string => `${cluster}-eip-${role}`,
  routeTable: (cluster: string, isPublic: boolean, zone: string): string =>
    `${cluster}-rt-${isPublic ? 'public' : 'private'}-${zone}`,
  subnet: (cluster: string, isPublic: boolean, zone: string): string =>
    `${cluster}-subnet-${isPublic ? 'public' : 'private'}-${zone}`,
  /** Names that begin with `sg-` are taken for ids by EC2. */
  securityGroup: (cluster: string, role: string): string => `${cluster.startsWith('sg-') ? '@' : ''}${cluster}-${role}`,
} as const;

/** A second choice for a security-group name that another owner has in the same VPC. */
export function rivalGroupName(name: string, clusterId: string): string {
  return `${name}-${base36(clusterId, 6)}`;
}

function loadBalancerName(base: string): string {
  const name = `${base.replaceAll('.', '-')}-apiserver`;
  return name.length <= LIMIT ? name : hashedName(base);
}

function hashedName(seed: string): string {
  return `${base36(seed, 28)}-k8s`;
}

export interface LoadBalancerNaming {
  readonly namespace: string;
  readonly cluster: string;
  readonly classic: boolean;
}

/** Upstream's name: of the cluster for a classic balancer, of namespace and cluster for the others; at most 32 characters. */
export function defaultLoadBalancerName({ namespace, cluster, classic }: LoadBalancerNaming): string {
  return loadBalancerName(classic ? cluster : `${namespace}-${cluster}`);
}

/** The second choice when another owner has the default name: names are unique per account and region. */
export function rivalLoadBalancerName(naming: LoadBalancerNaming, clusterId: string): string {
  return hashedName(`${defaultLoadBalancerName(naming)}/${clusterId}`);
}

/**
 * The name inside a load balancer's DNS name, which finds the balancer of a cluster whose status was lost in a move.
 * `internal-<name>-<n>.<region>.elb.amazonaws.com` (classic) or `<name>-<hex>.elb.<region>.amazonaws.com`.
 */
export function loadBalancerNameFromHost(host: string): string | undefined {
  const match = /^(?:internal-)?([A-Za-z0-9-]+)-[0-9a-f]+\.(?:[a-z0-9-]+\.elb|elb\.[a-z0-9-]+)\.amazonaws\.com/.exec(
    host,
  );
  return match?.[1];
}

/** Target groups are named by what they serve, so that one created before a crash is found again. */
export function targetGroupName(clusterId: string, balancer: string, port: number, main: boolean): string {
  return `${main ? 'apiserver-target' : 'additional-target'}-${base36(`${clusterId}/${balancer}/${port}`, 14)}`;
}

/** `us-east-1` of `us-east-1a`; also of local and wavelength zones such as `us-east-1-bos-1a`. */
export function regionOfZone(zone: string): string | undefined {
  return /^[a-z]{2,3}(?:-[a-z]+)+-\d+/.exec(zone)?.[0];
}
