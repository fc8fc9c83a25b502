import type { SubnetSpec } from '../../api/types/aws.js';
import { formatCidr, parseCidr, splitCidr } from '../cidr.js';
import { canonical6, subnet6 } from '../cidr6.js';

/** True for an id that AWS gave to a subnet; anything else is a name of the spec's. */
export const isSubnetId = (text: string): boolean => /^subnet-[0-9a-f]{8}([0-9a-f]{9})?$/.test(text);

export interface SubnetPlan {
  readonly clusterName: string;
  readonly vpcCidr: string;
  /** Availability zones in the order wished for. */
  readonly zones: readonly string[];
  readonly schema: 'PreferPrivate' | 'PreferPublic';
  /** The VPC's IPv6 block; absent for a VPC without IPv6. */
  readonly ipv6Cidr?: string | undefined;
}

/**
 * The subnets of a VPC of ours when the spec lists none: one public and one private per zone. The block is cut into zones + 1 slots; the
 * preferred kind gets a whole slot each, the other kind shares the first one. With IPv6 each gets a /64, private ones first; the block's first /64 stays
 * free, as upstream leaves it. Undefined when a block is malformed or too small.
 * Source: capa pkg/cloud/services/network/subnets.go (getDefaultSubnets).
 */
export function defaultSubnets({
  clusterName,
  vpcCidr,
  zones,
  schema,
  ipv6Cidr,
}: SubnetPlan): SubnetSpec[] | undefined {
  const vpc = parseCidr(vpcCidr);
  if (!vpc || zones.length === 0) return undefined;
  const slots = splitCidr(vpc, zones.length + 1);
  const residual = slots?.[0] && splitCidr(slots[0], zones.length);
  if (!slots || !residual) return undefined;
  if (ipv6Cidr !== undefined && subnet6(ipv6Cidr, 2 * zones.length) === undefined) return undefined;
  const ipv6 = (number: number): Pick<SubnetSpec, 'isIpv6' | 'ipv6CidrBlock'> => {
    const block = ipv6Cidr === undefined ? undefined : subnet6(ipv6Cidr, number);
    return block ? { isIpv6: true, ipv6CidrBlock: block } : {};
  };
  return zones.flatMap((zone, index) => {
    const large = slots[index + 1];
    const small = residual[index];
    if (!large || !small) return [];
    const [publicBlock, privateBlock] = schema === 'PreferPublic' ? [large, small] : [small, large];
    return [
      {
        id: `${clusterName}-subnet-public-${zone}`,
        cidrBlock: formatCidr(publicBlock),
        availabilityZone: zone,
        isPublic: true,
        ...ipv6(1 + zones.length + index),
      },
      {
        id: `${clusterName}-subnet-private-${zone}`,
        cidrBlock: formatCidr(privateBlock),
        availabilityZone: zone,
        isPublic: false,
        ...ipv6(1 + index),
      },
    ];
  });
}

/**
 * Listed subnets that want IPv6 but name no block, which nobody can know before AWS has given the VPC its own, get the first free /64 of it. Those that
 * name one, and all without IPv6, stay as they are. Undefined when the block has not enough room.
 */
export function withIpv6Blocks(subnets: readonly SubnetSpec[], ipv6Cidr: string): SubnetSpec[] | undefined {
  const taken = new Set(subnets.flatMap(({ ipv6CidrBlock }) => (ipv6CidrBlock ? canonical6(ipv6CidrBlock) : [])));
  let next = 1;
  const free = (): string | undefined => {
    for (;;) {
      const block = subnet6(ipv6Cidr, next++);
      if (block === undefined || !taken.has(block)) return block;
    }
  };
  const found: SubnetSpec[] = [];
  for (const subnet of subnets) {
    if (!subnet.isIpv6 || subnet.ipv6CidrBlock) {
      found.push(subnet);
      continue;
    }
    const ipv6CidrBlock = free();
    if (!ipv6CidrBlock) return undefined;
    found.push({ ...subnet, ipv6CidrBlock });
  }
  return found;
}

/** By its kind, or before that is recorded by the zone's name, such as `us-east-1-wl1-bos-wlz-1`. */
export function isWavelength({
  zoneType,
  availabilityZone,
}: Pick<SubnetSpec, 'zoneType' | 'availabilityZone'>): boolean {
  return zoneType === 'wavelength-zone' || (!zoneType && /-wl\d/.test(availabilityZone ?? ''));
}

/** A local or wavelength zone: no NAT gateways, no load balancers, and out through its parent zone. */
export function isEdge({ zoneType }: Pick<SubnetSpec, 'zoneType'>): boolean {
  return zoneType === 'local-zone' || zoneType === 'wavelength-zone';
}

/**
 * At most `limit` of the given zones: the first by name, or for `Random` an order drawn from `seed`, so that a second attempt draws the same.
 */
export function pickZones(
  available: readonly string[],
  limit: number,
  selection: 'Ordered' | 'Random',
  seed: string,
): string[] {
  const sorted = [...available].sort();
  if (selection === 'Random') {
    const weight = new Map(sorted.map((zone) => [zone, hash(`${seed}/${zone}`)]));
    sorted.sort((a, b) => (weight.get(a) ?? 0) - (weight.get(b) ?? 0));
  }
  return sorted.slice(0, limit);
}

/** FNV-1a with a final mix: zone names differ in the last letter only. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193) >>> 0;
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b) >>> 0;
  return (value ^ (value >>> 13)) >>> 0;
}
