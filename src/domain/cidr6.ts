import ipaddr from 'ipaddr.js';

const SUBNET_PREFIX = 64;
const WORD = 16;

/**
 * The `index`-th /64 of an IPv6 block, `a:b::/64`; undefined when the block is malformed, longer than /64, or has no such part. AWS gives VPCs a /56 by
 * default and takes /64 for subnets.
 */
export function subnet6(block: string, index: number): string | undefined {
  const parsed = parse(block);
  if (!parsed) return undefined;
  const { value, prefix } = parsed;
  if (prefix > SUBNET_PREFIX || index < 0 || index >= 2 ** (SUBNET_PREFIX - prefix)) return undefined;
  const size = 1n << BigInt(128 - SUBNET_PREFIX);
  const base = value & ~((1n << BigInt(128 - prefix)) - 1n);
  return `${format(base + BigInt(index) * size)}/${SUBNET_PREFIX}`;
}

/** Equal for two ways of writing one block; undefined when malformed. */
export function canonical6(block: string): string | undefined {
  const parsed = parse(block);
  return parsed && `${format(parsed.value)}/${parsed.prefix}`;
}

function parse(block: string): { readonly value: bigint; readonly prefix: number } | undefined {
  if (!ipaddr.IPv6.isValidCIDR(block)) return undefined;
  const [address, prefix] = ipaddr.IPv6.parseCIDR(block);
  const value = address.parts.reduce((sum, part) => (sum << BigInt(WORD)) + BigInt(part), 0n);
  return { value, prefix };
}

function format(value: bigint): string {
  const parts = Array.from({ length: 8 }, (_, i) => Number((value >> BigInt(WORD * (7 - i))) & 0xffffn));
  return new ipaddr.IPv6(parts).toRFC5952String();
}
