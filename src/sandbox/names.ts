import { mkdirSync } from 'node:fs';
import type { Layout } from './layout.js';
import { writeHosts } from './machines/hosts.js';
import { MotoAdmin } from './moto/index.js';

/** A loopback address at which nothing listens. */
const NOWHERE = '127.255.255.254';
const PAUSE_MS = 1_000;

/**
 * Keeps the map of load balancers' names where no machine host does: in a sandbox without machines every name resolves, to an address that
 * refuses connections, so that infrastructure gets ready as it does on AWS. Stops when `signal` aborts.
 */
export async function followNames(layout: Layout, aws: string, signal: AbortSignal): Promise<void> {
  mkdirSync(layout.machines, { recursive: true });
  const admin = new MotoAdmin(aws);
  let version: string | undefined;
  while (!signal.aborted) {
    try {
      const seen = await admin.loadBalancers({ signal, ...(version === undefined ? {} : { version, waitMs: 30_000 }) });
      version = seen.version;
      writeHosts(layout.machines, Object.fromEntries(seen.items.map((b) => [b.dnsName.toLowerCase(), NOWHERE])));
    } catch {
      // The emulator restarts, or we are told to stop: the next look settles which.
      if (!signal.aborted) await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }
}
