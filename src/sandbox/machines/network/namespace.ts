import { existsSync } from 'node:fs';
import { isRecord } from '../files.js';
import { run } from '../processes.js';

/** The bridge inside each namespace. */
export const BRIDGE = 'br0';
/** A fixed address: left to itself a bridge takes its lowest port's, and changes it as machines come and go. */
const BRIDGE_MAC = '02:70:72:64:00:01';

/** Path to hand to `nsenter --net=`. */
export function netnsPath(name: string): string {
  return `/run/netns/${name}`;
}

/** Makes the namespace, its bridge and its forwarding. Safe to repeat, also over a half-made one. */
export async function ensureNamespace(name: string): Promise<void> {
  if (!existsSync(netnsPath(name))) await run('ip', ['netns', 'add', name]);
  await inNamespace(name, [
    'sh',
    '-c',
    'echo 1 >/proc/sys/net/ipv4/ip_forward; for f in /proc/sys/net/ipv4/conf/all/send_redirects /proc/sys/net/ipv4/conf/default/send_redirects; do echo 0 >$f; done',
  ]);
  await run('ip', ['-n', name, 'link', 'set', 'lo', 'up']);
  const links = await ipJson(name, ['link', 'show']);
  if (!links.some((link) => link['ifname'] === BRIDGE)) {
    await run('ip', ['-n', name, 'link', 'add', BRIDGE, 'address', BRIDGE_MAC, 'type', 'bridge', 'forward_delay', '0']);
  }
  await run('ip', ['-n', name, 'link', 'set', BRIDGE, 'up']);
}

/** Gives the bridge a gateway's address, e.g. `10.0.0.1/16`. Safe to repeat. */
export async function ensureGateway(name: string, address: string): Promise<void> {
  await run('ip', ['-n', name, 'address', 'replace', address, 'dev', BRIDGE]);
}

/** Makes the loopback interface hold exactly these service addresses (besides 127.0.0.1). */
export async function ensureServiceAddresses(name: string, wanted: readonly string[]): Promise<void> {
  const present = (await ipJson(name, ['-4', 'address', 'show', 'dev', 'lo']))
    .flatMap((link) => (Array.isArray(link['addr_info']) ? link['addr_info'] : []))
    .flatMap((info: unknown) => (isRecord(info) && typeof info['local'] === 'string' ? [info['local']] : []))
    .filter((address) => !address.startsWith('127.'));
  for (const address of wanted) {
    if (!present.includes(address)) await run('ip', ['-n', name, 'address', 'replace', `${address}/32`, 'dev', 'lo']);
  }
  for (const address of present) {
    if (!wanted.includes(address)) await run('ip', ['-n', name, 'address', 'del', `${address}/32`, 'dev', 'lo']);
  }
}

/** Sends the traffic for a machine's pods to the machine. */
export async function ensurePodRoute(name: string, podCidr: string, machine: string): Promise<void> {
  await run('ip', ['-n', name, 'route', 'replace', podCidr, 'via', machine, 'dev', BRIDGE]);
}

/** An absent route or namespace is fine. */
export async function removePodRoute(name: string, podCidr: string): Promise<void> {
  if (!existsSync(netnsPath(name))) return;
  await run('ip', ['-n', name, 'route', 'flush', podCidr]);
}

/** Removes the namespace and all in it. An absent one is fine. Its machines and its agent must have ended: they would keep it alive unseen. */
export async function removeNamespace(name: string): Promise<void> {
  if (existsSync(netnsPath(name))) await run('ip', ['netns', 'delete', name]);
}

/** Runs a program inside the namespace. */
export async function inNamespace(name: string, command: readonly string[]): Promise<string> {
  return await run('nsenter', [`--net=${netnsPath(name)}`, ...command]);
}

async function ipJson(name: string, args: readonly string[]): Promise<Record<string, unknown>[]> {
  const value: unknown = JSON.parse((await run('ip', ['-n', name, '-json', ...args])) || '[]');
  return Array.isArray(value) ? value.filter(isRecord) : [];
}
