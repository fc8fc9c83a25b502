import type { Server } from 'node:net';
import { createServer } from 'node:net';
import { Balancer } from './balancer.js';
import { createZone, type DnsZone } from './dns-codec.js';
import { type DnsServer, startDnsServer } from './dns-server.js';
import { HealthWatch } from './health-check.js';
import { MetadataServer } from './metadata-server.js';
import type { AgentConfig, BalancerConfig, FromAgent, TargetConfig } from './protocol.js';

const DNS_PORT = 53;
const HTTP_PORT = 80;

interface Listener {
  bound: boolean;
  readonly balancer: Balancer;
  readonly watch: HealthWatch;
}

/** Serves DNS, metadata, load balancers and the way to the emulator inside one namespace, as the last configuration says. */
export class Agent {
  readonly #send: (message: FromAgent, handle?: Server) => void;
  readonly #listeners = new Map<string, Listener>();
  readonly #dns = new Map<string, DnsServer>();
  #config: AgentConfig | undefined;
  #zone: DnsZone = createZone([]);
  #metadata: MetadataServer | undefined;
  #forwarding = false;
  #failed = false;

  constructor(send: (message: FromAgent, handle?: Server) => void) {
    this.#send = send;
  }

  /**
   * Puts a configuration in place. What cannot be bound is reported, and false answered: apply it again then. That happens when the agent of a
   * killed host has not ended yet.
   */
  async apply(config: AgentConfig): Promise<boolean> {
    this.#failed = false;
    this.#config = config;
    this.#zone = createZone(Object.entries(config.names));
    for (const address of config.dnsAddresses) {
      if (!this.#dns.has(address)) {
        await this.#attempt(`resolver on ${address}`, async () => {
          this.#dns.set(address, await startDnsServer(address, DNS_PORT, () => this.#zone));
        });
      }
    }
    await this.#startMetadata(config.metadataAddress);
    await this.#startForward(config.emulatorAddress);
    const wanted = new Map(config.balancers.map((balancer) => [balancer.key, balancer]));
    for (const key of [...this.#listeners.keys()]) if (!wanted.has(key)) await this.#remove(key);
    for (const balancer of wanted.values()) await this.#ensure(balancer);
    return !this.#failed;
  }

  /** Takes a socket that listens on the host for the load balancer `key`. */
  adoptListener(key: string, server: Server): void {
    const listener = this.#listeners.get(key);
    if (listener) listener.balancer.adopt(server);
    else server.close();
  }

  async #ensure(config: BalancerConfig): Promise<void> {
    const alive = new Set(this.#config?.metadata.map((instance) => instance.ip));
    const listener = this.#listeners.get(config.key) ?? this.#create(config);
    if (!listener.bound) {
      await this.#attempt(`load balancer on ${config.vip}:${config.port}`, async () => {
        await listener.balancer.listen(config.vip, config.port);
        listener.bound = true;
      });
    }
    listener.balancer.setTargets(config.targets, alive);
    const gone = listener.watch.update(config.targets, config.check);
    if (gone.length > 0) this.#withdraw(gone);
  }

  #create(config: BalancerConfig): Listener {
    const watch = new HealthWatch(config.check, (target, healthy) => this.#report(target, healthy));
    const listener: Listener = { watch, bound: false, balancer: new Balancer((target) => watch.healthy(target)) };
    this.#listeners.set(config.key, listener);
    return listener;
  }

  async #remove(key: string): Promise<void> {
    const listener = this.#listeners.get(key);
    this.#listeners.delete(key);
    listener?.watch.close();
    await listener?.balancer.close();
  }

  async #startMetadata(address: string): Promise<void> {
    if (this.#metadata) return;
    const byIp = (ip: string) => this.#config?.metadata.find((instance) => instance.ip === ip);
    const server = new MetadataServer(byIp);
    await this.#attempt('metadata service', async () => {
      await server.listen(address, HTTP_PORT);
      this.#metadata = server;
    });
  }

  /** The emulator listens on the host, where this process cannot reach it: the host accepts connections on a socket made here. */
  async #startForward(address: string): Promise<void> {
    if (this.#forwarding) return;
    await this.#attempt('way to the emulator', async () => {
      const server = createServer();
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(HTTP_PORT, address, resolve);
      });
      this.#forwarding = true;
      this.#send({ type: 'emulator' }, server);
    });
  }

  #report(target: TargetConfig, healthy: boolean): void {
    this.#send({ type: 'health', entries: [{ target: target.id, port: target.port, healthy }] });
  }

  #withdraw(keys: readonly string[]): void {
    const entries = keys.map((key) => {
      const [id = '', address = ''] = key.split('|');
      return { target: id, port: Number(address.split(':')[1]), healthy: null };
    });
    this.#send({ type: 'health', entries });
  }

  async #attempt(what: string, action: () => Promise<unknown>): Promise<void> {
    try {
      await action();
    } catch (error) {
      this.#failed = true;
      const message = error instanceof Error ? error.message : String(error);
      this.#send({ type: 'trouble', message: `cannot start ${what}: ${message}` });
    }
  }
}
