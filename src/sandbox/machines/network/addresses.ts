import { createHash } from 'node:crypto';
import { PerdureError } from '../../../domain/errors.js';

/** An IPv4 block. */
export interface Cidr {
  readonly base: number;
  readonly prefix: number;
}

/** Address of the instance metadata service. */
export const METADATA_ADDRESS = '169.254.169.254';
/** Where machines find the emulated AWS API: plain HTTP on port 80, name `aws.perdure.internal`. */
export const EMULATOR_ADDRESS = '198.18.0.1';
export const EMULATOR_NAME = 'aws.perdure.internal';
/** Load balancers' addresses inside a VPC: from the range for benchmarks, which no VPC uses. */
const VIP_RANGE: Cidr = parseCidr('198.18.0.0/15');
/** Load balancers' addresses on the host. 127.0.0.0/16 is left alone: other things listen there. */
const LOOPBACK_RANGE: Cidr = parseCidr('127.64.0.0/10');
/** Pods of machines whose cluster names no pod range. */
export const DEFAULT_POD_RANGE = '10.244.0.0/16';
const POD_PREFIX = 24;

export function parseAddress(text: string): number {
  const parts = text.split('.').map((part) => (/^\d{1,3}$/.test(part) ? Number(part) : 256));
  if (parts.length !== 4 || parts.some((part) => part > 255)) {
    throw new PerdureError('InvalidConfiguration', `'${text}' is not an IPv4 address`);
  }
  return parts.reduce((sum, part) => sum * 256 + part, 0);
}

export function formatAddress(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');
}

/** Reads `10.0.0.0/16`; host bits are dropped. */
export function parseCidr(text: string): Cidr {
  const [address = '', length = ''] = text.split('/');
  const prefix = /^\d{1,2}$/.test(length) ? Number(length) : 33;
  if (prefix > 32) throw new PerdureError('InvalidConfiguration', `'${text}' is not an IPv4 CIDR block`);
  const size = 2 ** (32 - prefix);
  return { base: Math.floor(parseAddress(address) / size) * size, prefix };
}

export function formatCidr(cidr: Cidr): string {
  return `${formatAddress(cidr.base)}/${cidr.prefix}`;
}

export function contains(cidr: Cidr, address: string): boolean {
  const offset = parseAddress(address) - cidr.base;
  return offset >= 0 && offset < 2 ** (32 - cidr.prefix);
}

/** How a machine is put on its VPC's network. */
export interface Attachment {
  /** The machine's address with the length of what is on its link. */
  readonly address: string;
  readonly gateway: string;
  /** The gateway's address with its length, for the bridge. */
  readonly gatewayAddress: string;
  readonly nameserver: string;
}

/**
 * The whole VPC is one link, so machines of different subnets reach each other directly. Gateway and resolver are the second and third address
 * of the VPC, which AWS reserves too. An instance in a secondary block of the VPC has its own subnet as link and goes through the gateway.
 */
export function attach(instance: { privateIp: string; vpcCidr: string; subnetCidr: string }): Attachment {
  const vpc = parseCidr(instance.vpcCidr || instance.subnetCidr);
  const link = contains(vpc, instance.privateIp) ? vpc : parseCidr(instance.subnetCidr);
  const gateway = formatAddress(link.base + 1);
  return {
    address: `${instance.privateIp}/${link.prefix}`,
    gateway,
    gatewayAddress: `${gateway}/${link.prefix}`,
    nameserver: vpcNameserver(instance.vpcCidr || instance.subnetCidr),
  };
}

/** Address of a VPC's resolver. */
export function vpcNameserver(vpcCidr: string): string {
  return formatAddress(parseCidr(vpcCidr).base + 2);
}

/** Addresses of one load balancer. */
export interface BalancerAddresses {
  readonly vip: string;
  readonly loopback: string;
}

/**
 * Gives each key its two addresses: known ones keep theirs, new ones get what their name hashes to, or the next free ones. So the same load
 * balancers get the same addresses in every run, and unknown keys drop out.
 */
export function assignBalancers(
  keys: readonly string[],
  known: ReadonlyMap<string, BalancerAddresses>,
): Map<string, BalancerAddresses> {
  const assigned = new Map<string, BalancerAddresses>();
  for (const key of keys) {
    const before = known.get(key);
    if (before) assigned.set(key, before);
  }
  const vips = new Set([...assigned.values()].map((a) => a.vip).concat(EMULATOR_ADDRESS));
  const loopbacks = new Set([...assigned.values()].map((a) => a.loopback));
  for (const key of [...keys].sort()) {
    if (!assigned.has(key))
      assigned.set(key, { vip: pick(VIP_RANGE, key, vips), loopback: pick(LOOPBACK_RANGE, key, loopbacks) });
  }
  return assigned;
}

function pick(range: Cidr, key: string, taken: Set<string>): string {
  const size = 2 ** (32 - range.prefix);
  let offset = createHash('sha256').update(key).digest().readUInt32BE(0) % size;
  for (let tries = 0; tries < size; tries++, offset = (offset + 1) % size) {
    const address = formatAddress(range.base + offset);
    const last = offset % 256;
    if (last === 0 || last === 255 || taken.has(address)) continue;
    taken.add(address);
    return address;
  }
  throw new PerdureError('QuotaExceeded', `no free address left in ${formatCidr(range)}`);
}

/** The lowest /24 of `range` that no other machine of the VPC has; `range` itself may be smaller than a /24, then it is given whole. */
export function assignPodCidr(range: string, taken: ReadonlySet<string>): string {
  const block = parseCidr(range);
  const prefix = Math.max(block.prefix, POD_PREFIX);
  const size = 2 ** (32 - prefix);
  for (let n = 0; n < 2 ** (prefix - block.prefix); n++) {
    const candidate = formatCidr({ base: block.base + n * size, prefix });
    if (!taken.has(candidate)) return candidate;
  }
  throw new PerdureError('QuotaExceeded', `no free /${prefix} for another machine's pods left in ${range}`);
}
