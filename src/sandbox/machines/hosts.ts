import { statSync } from 'node:fs';
import { isRecord, readJson, writeJson } from './files.js';
import { hostPaths } from './paths.js';

/** Load balancers' names and the loopback addresses their proxies listen on. The ports are the load balancers' own. */
export type Hosts = Readonly<Record<string, string>>;

/** Writes the map; unchanged content is not written again. */
export function writeHosts(stateDir: string, hosts: Hosts): void {
  const sorted = Object.fromEntries(Object.entries(hosts).sort(([a], [b]) => (a < b ? -1 : 1)));
  if (JSON.stringify(readHosts(stateDir)) !== JSON.stringify(sorted)) writeJson(hostPaths(stateDir).hosts, sorted);
}

/** The map as it is now; empty when the machine host has written none. Names are in lower case. */
export function readHosts(stateDir: string): Hosts {
  const value = readJson(hostPaths(stateDir).hosts);
  if (!isRecord(value)) return {};
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}

/**
 * Resolver for clients on the host: the loopback address of a load balancer's name, or undefined for any other name. Reads the file again only
 * when it has changed.
 */
export function createHostResolver(stateDir: string): (name: string) => string | undefined {
  const path = hostPaths(stateDir).hosts;
  let hosts: Hosts = {};
  let seen = '';
  return (name) => {
    const stat = statSync(path, { throwIfNoEntry: false, bigint: true });
    const version = stat ? `${stat.ino}/${stat.mtimeNs}` : '';
    if (version !== seen) {
      hosts = readHosts(stateDir);
      seen = version;
    }
    return hosts[name.toLowerCase().replace(/\.$/, '')];
  };
}

/**
 * A server URL that works on the host for one that names a load balancer: the loopback address, and the name to check the certificate against
 * (`tls-server-name` of a kubeconfig). undefined when the URL's host is none of the sandbox's.
 */
export function localServer(server: string, hosts: Hosts): { server: string; tlsServerName: string } | undefined {
  const url = new URL(server);
  const name = url.hostname.toLowerCase();
  const address = hosts[name];
  if (address === undefined) return undefined;
  url.hostname = address;
  return { server: url.href.replace(/\/$/, ''), tlsServerName: name };
}
