import { connect, createServer, type Server, type Socket } from 'node:net';
import type { TargetConfig } from './protocol.js';

const CONNECT_TIMEOUT_MS = 3_000;

/** Key of a target within a listener. */
export function targetKey(target: TargetConfig): string {
  return `${target.ip}:${target.port}`;
}

/**
 * Order in which a connection tries the targets: healthy ones, rotated by `turn`. When none is healthy all are tried, as AWS does, so that the
 * first API server is reachable before its first check.
 */
export function orderTargets(
  targets: readonly TargetConfig[],
  isHealthy: (target: TargetConfig) => boolean,
  turn: number,
): TargetConfig[] {
  const healthy = targets.filter(isHealthy);
  const usable = healthy.length > 0 ? healthy : [...targets];
  if (usable.length === 0) return [];
  const first = turn % usable.length;
  return [...usable.slice(first), ...usable.slice(0, first)];
}

/** TCP load balancer over a changing set of targets, with any number of listening sockets. */
export class Balancer {
  #targets: readonly TargetConfig[] = [];
  #turn = 0;
  readonly #isHealthy: (target: TargetConfig) => boolean;
  readonly #servers = new Set<Server>();
  readonly #connections = new Map<Socket, Socket | undefined>();

  constructor(isHealthy: (target: TargetConfig) => boolean) {
    this.#isHealthy = isHealthy;
  }

  /**
   * New set of targets. Connections to a target that was only deregistered live on, as on AWS; those to an address that is no target and not
   * in `alive` are cut, because a vanished machine sends no FIN.
   */
  setTargets(targets: readonly TargetConfig[], alive: ReadonlySet<string>): void {
    const addresses = new Set([...targets.map((t) => t.ip), ...alive]);
    for (const [client, upstream] of this.#connections) {
      if (upstream?.remoteAddress !== undefined && !addresses.has(upstream.remoteAddress)) client.destroy();
    }
    this.#targets = targets;
  }

  /** Listens on an address of this network namespace. */
  async listen(address: string, port: number): Promise<number> {
    const server = createServer({ allowHalfOpen: true });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, address, resolve);
    });
    this.adopt(server);
    const bound = server.address();
    return typeof bound === 'object' && bound ? bound.port : port;
  }

  /** Takes over a socket that listens already, e.g. one of another network namespace. */
  adopt(server: Server): void {
    this.#servers.add(server);
    server.on('error', () => undefined); // accept() out of descriptors: the client tries again
    server.on('connection', (client: Socket) => this.#serve(client));
  }

  /** Stops to listen and cuts every connection. */
  async close(): Promise<void> {
    const closed = [...this.#servers].map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
    this.#servers.clear();
    for (const client of this.#connections.keys()) client.destroy();
    await Promise.all(closed);
  }

  #serve(client: Socket): void {
    this.#connections.set(client, undefined);
    client.setNoDelay(true);
    client.on('error', () => client.destroy());
    client.on('close', () => {
      this.#connections.get(client)?.destroy();
      this.#connections.delete(client);
    });
    this.#dial(client, orderTargets(this.#targets, this.#isHealthy, this.#turn++));
  }

  #dial(client: Socket, candidates: readonly TargetConfig[]): void {
    const [target, ...others] = candidates;
    if (client.destroyed) return;
    if (!target) {
      client.resetAndDestroy();
      return;
    }
    const upstream = connect({ host: target.ip, port: target.port, allowHalfOpen: true, noDelay: true });
    this.#connections.set(client, upstream);
    upstream.setTimeout(CONNECT_TIMEOUT_MS, () => upstream.destroy(new Error('connect timeout')));
    let connected = false;
    upstream.on('connect', () => {
      connected = true;
      upstream.setTimeout(0);
      upstream.setKeepAlive(true, 15_000);
      client.pipe(upstream);
      upstream.pipe(client);
    });
    upstream.on('error', () => {
      if (connected) client.resetAndDestroy();
      else this.#dial(client, others);
    });
    upstream.on('close', () => {
      if (connected && !client.writableFinished) client.destroy();
    });
  }
}
