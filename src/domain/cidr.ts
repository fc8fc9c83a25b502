/** An IPv4 block: first address as an unsigned 32-bit number, and prefix length. */
export interface Cidr {
  readonly base: number;
  readonly prefix: number;
}

const PATTERN = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/;

const sizeOf = (prefix: number): number => 2 ** (32 - prefix);

/** Parses `a.b.c.d/n`; undefined when malformed or when host bits are set. */
export function parseCidr(text: string): Cidr | undefined {
  const match = PATTERN.exec(text);
  if (!match) return undefined;
  const numbers = match.slice(1).map(Number);
  const prefix = numbers[4] ?? 33;
  if (prefix > 32 || numbers.slice(0, 4).some((octet) => octet > 255)) return undefined;
  const base = numbers.slice(0, 4).reduce((sum, octet) => sum * 256 + octet, 0);
  return base % sizeOf(prefix) === 0 ? { base, prefix } : undefined;
}

/** `a.b.c.d/n`. */
export function formatCidr({ base, prefix }: Cidr): string {
  const octets = [24, 16, 8, 0].map((shift) => Math.floor(base / 2 ** shift) % 256);
  return `${octets.join('.')}/${prefix}`;
}

/**
 * The first `count` blocks of `block` split into the next power of two parts; undefined when a part would be smaller than /28, the smallest
 * subnet AWS takes. Source: capa pkg/cloud/services/network (SplitIntoSubnetsIPv4).
 */
export function splitCidr(block: Cidr, count: number): Cidr[] | undefined {
  const bits = Math.ceil(Math.log2(Math.max(1, count)));
  const prefix = block.prefix + bits;
  if (prefix > 28) return undefined;
  return Array.from({ length: count }, (_, index) => ({ base: block.base + index * sizeOf(prefix), prefix }));
}

/** True when every address of `inner` is in `outer`. */
export function containsCidr(outer: Cidr, inner: Cidr): boolean {
  return inner.prefix >= outer.prefix && inner.base >= outer.base && inner.base < outer.base + sizeOf(outer.prefix);
}

/** True when the blocks share an address. */
export function overlapsCidr(a: Cidr, b: Cidr): boolean {
  return containsCidr(a, b) || containsCidr(b, a);
}
