import type { SubnetSpec } from '../../api/types/aws.js';
import { formatCidr, parseCidr, splitCidr } from '../cidr.js';

export interface SubnetPlan {
  readonly clusterName: string;
  readonly vpcCidr: string;
  /** Availability zones in the order wished for. */
  readonly zones: readonly string[];
  readonly schema: 'PreferPrivate' | 'PreferPublic';
}

/**
 * The subnets of a VPC of ours when the spec lists none: one public and one private per zone. The block is cut into zones + 1 slots; the
 * preferred kind gets a whole slot each, the other kind shares the first one. Undefined when the block is malformed or too small.
 * Source: capa pkg/cloud/services/network/subnets.go (getDefaultSubnets).
 */
export function defaultSubnets({ clusterName, vpcCidr, zones, schema }: SubnetPlan): SubnetSpec[] | undefined {
  const vpc = parseCidr(vpcCidr);
  if (!vpc || zones.length === 0) return undefined;
  const slots = splitCidr(vpc, zones.length + 1);
  const residual = slots?.[0] && splitCidr(slots[0], zones.length);
  if (!slots || !residual) return undefined;
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
      },
      {
        id: `${clusterName}-subnet-private-${zone}`,
        cidrBlock: formatCidr(privateBlock),
        availabilityZone: zone,
        isPublic: false,
      },
    ];
  });
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
