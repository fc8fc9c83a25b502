import type { IPv6Spec, NetworkSpec, SubnetSpec, VPCSpec } from '../types/aws.js';
import { checkCidr, checkCidrs, checkElasticIpPool, checkIngressRules } from './aws-fields.js';
import { type Cidr, contains, overlaps, parseCidr } from './cidr.js';
import { type FieldError, forbidden, invalid, required } from './field-errors.js';

const DEFAULT_VPC_CIDR = '10.0.0.0/16';
const OWNED_TAG_PREFIX = 'sigs.k8s.io/cluster-api-provider-aws/cluster/';

interface Block {
  readonly cidr: Cidr;
  readonly text: string;
  readonly path: string;
}

/** Everything under `spec.network`. Source: capa webhooks/awscluster_webhook.go; the checks of blocks against each other are ours. */
export function checkNetwork(network: NetworkSpec | undefined, path: string): FieldError[] {
  const vpc = network?.vpc ?? {};
  return [
    ...checkVpc(vpc, `${path}.vpc`),
    ...(network?.subnets ?? []).flatMap((subnet, i) => checkSubnet(subnet, `${path}.subnets[${i}]`)),
    ...checkSubnetBlocks(vpc, network?.subnets ?? [], `${path}.subnets`),
    ...checkIngressRules(network?.additionalControlPlaneIngressRules, `${path}.additionalControlPlaneIngressRules`),
    ...checkIngressRules(network?.additionalNodeIngressRules, `${path}.additionalNodeIngressRules`),
    ...checkCidrs(network?.nodePortIngressRuleCidrBlocks, `${path}.nodePortIngressRuleCidrBlocks`),
  ];
}

/** A block that AWS is asked for: it would clear host bits, and the spec would never equal what exists. */
function checkBlock(text: string, path: string, family: 4 | 6): FieldError[] {
  const errors = checkCidr(text, path, family);
  const remedy = 'has bits set behind the prefix: write the first address of the block';
  return errors.length === 0 && parseCidr(text)?.hostBits ? [invalid(path, text, remedy)] : errors;
}

function checkVpc(vpc: VPCSpec, path: string): FieldError[] {
  const errors: FieldError[] = [];
  if (vpc.cidrBlock) errors.push(...checkBlock(vpc.cidrBlock, `${path}.cidrBlock`, 4));
  // Once there is a VPC, its blocks are recorded beside the pool they came from.
  if (vpc.cidrBlock && vpc.ipamPool && !vpc.id) {
    errors.push(
      invalid(`${path}.cidrBlock`, vpc.cidrBlock, 'cidrBlock and ipamPool exclude each other: remove one of them'),
    );
  }
  if (vpc.ipamPool && !vpc.ipamPool.id && !vpc.ipamPool.name) {
    errors.push(required(`${path}.ipamPool`, 'give the id or the name of the pool'));
  }
  errors.push(...checkIPv6(vpc.ipv6, `${path}.ipv6`, Boolean(vpc.id)));
  errors.push(...checkElasticIpPool(vpc.elasticIpPool, `${path}.elasticIpPool`));
  errors.push(...checkSecondaryBlocks(vpc, path));
  return errors;
}

function checkIPv6(ipv6: IPv6Spec | undefined, path: string, recorded: boolean): FieldError[] {
  if (!ipv6) return [];
  const errors: FieldError[] = [];
  if (ipv6.cidrBlock) errors.push(...checkBlock(ipv6.cidrBlock, `${path}.cidrBlock`, 6));
  if (ipv6.cidrBlock && !ipv6.poolId && !ipv6.ipamPool) {
    errors.push(required(`${path}.poolId`, 'a block of your own needs the id of the pool that holds it'));
  }
  if (ipv6.ipamPool && (ipv6.poolId || ipv6.cidrBlock) && !recorded) {
    errors.push(forbidden(`${path}.ipamPool`, 'ipamPool excludes cidrBlock and poolId: remove one side'));
  }
  if (ipv6.ipamPool && !ipv6.ipamPool.id && !ipv6.ipamPool.name) {
    errors.push(required(`${path}.ipamPool`, 'give the id or the name of the pool'));
  }
  return errors;
}

function checkSecondaryBlocks(vpc: VPCSpec, path: string): FieldError[] {
  const blocks = vpc.secondaryCidrBlocks ?? [];
  const errors = blocks.flatMap((block, i) =>
    checkBlock(block.ipv4CidrBlock, `${path}.secondaryCidrBlocks[${i}].ipv4CidrBlock`, 4),
  );
  if (blocks.length > 0 && vpc.ipamPool) {
    errors.push(
      forbidden(
        `${path}.secondaryCidrBlocks`,
        'secondaryCidrBlocks and ipamPool exclude each other: remove one of them',
      ),
    );
  }
  const all = [
    ...readBlocks([[vpc.cidrBlock, `${path}.cidrBlock`]]),
    ...readBlocks(
      blocks.map((block, i) => [block.ipv4CidrBlock, `${path}.secondaryCidrBlocks[${i}].ipv4CidrBlock`] as const),
    ),
  ];
  return [...errors, ...checkOverlaps(all)];
}

function checkSubnet(subnet: SubnetSpec, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const edge = subnet.zoneType === 'local-zone' || subnet.zoneType === 'wavelength-zone';
  if (edge && subnet.parentZoneName === undefined) {
    errors.push(required(`${path}.parentZoneName`, `name the zone that the ${subnet.zoneType} hangs on`));
  }
  if (subnet.cidrBlock) errors.push(...checkBlock(subnet.cidrBlock, `${path}.cidrBlock`, 4));
  if (subnet.ipv6CidrBlock) errors.push(...checkBlock(subnet.ipv6CidrBlock, `${path}.ipv6CidrBlock`, 6));
  return errors;
}

function readBlocks(texts: readonly (readonly [string | undefined, string])[]): Block[] {
  return texts.flatMap(([text, path]) => {
    const cidr = text ? parseCidr(text) : undefined;
    return text && cidr ? [{ cidr, text, path }] : [];
  });
}

function checkOverlaps(blocks: readonly Block[]): FieldError[] {
  return blocks.flatMap((block, i) =>
    blocks
      .slice(0, i)
      .filter((other) => overlaps(block.cidr, other.cidr))
      .map((other) =>
        invalid(block.path, block.text, `overlaps ${other.text} of ${other.path}: choose a block that is free`),
      ),
  );
}

/** A VPC we make, or made: then all of its blocks are in the spec. */
function isManaged(vpc: VPCSpec): boolean {
  const owned = Object.entries(vpc.tags ?? {}).some(
    ([key, value]) => key.startsWith(OWNED_TAG_PREFIX) && value === 'owned',
  );
  return !vpc.id || owned;
}

function vpcBlocks(vpc: VPCSpec, family: 4 | 6): Block[] {
  if (!isManaged(vpc)) return [];
  if (family === 6) return readBlocks([[vpc.ipv6?.cidrBlock, '']]);
  const secondary = (vpc.secondaryCidrBlocks ?? []).map((block) => [block.ipv4CidrBlock, ''] as const);
  const primary = vpc.cidrBlock || (vpc.ipamPool || vpc.id ? undefined : DEFAULT_VPC_CIDR);
  return primary ? readBlocks([[primary, ''], ...secondary]) : [];
}

function checkSubnetBlocks(vpc: VPCSpec, subnets: readonly SubnetSpec[], path: string): FieldError[] {
  const blocks = {
    4: readBlocks(subnets.map((subnet, i) => [subnet.cidrBlock, `${path}[${i}].cidrBlock`] as const)),
    6: readBlocks(subnets.map((subnet, i) => [subnet.ipv6CidrBlock, `${path}[${i}].ipv6CidrBlock`] as const)),
  };
  return ([4, 6] as const).flatMap((family) => {
    const outer = vpcBlocks(vpc, family);
    const names = outer.map((block) => block.text).join(', ');
    const outside = blocks[family]
      .filter((block) => outer.length > 0 && !outer.some((whole) => contains(whole.cidr, block.cidr)))
      .map((block) => invalid(block.path, block.text, `is not inside the VPC (${names}): choose a block inside it`));
    return [...outside, ...checkOverlaps(blocks[family])];
  });
}
