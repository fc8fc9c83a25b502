import { mkdirSync, rmSync } from 'node:fs';
import { totalmem } from 'node:os';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PerdureError } from '../../domain/errors.js';
import { checkHost } from './check-host.js';
import { Consoles } from './consoles.js';
import { createFeed, type HealthEntry } from './feed.js';
import { endOfFile, isRecord, readJson, writeJson } from './files.js';
import { writeHosts } from './hosts.js';
import { sandboxId } from './ids.js';
import { balancerKey, type InventoryInstance, type InventoryLoadBalancer } from './inventory.js';
import { takeLock } from './lock.js';
import { type HostLog, messageOf } from './log.js';
import { Machines } from './machines.js';
import { assignBalancers, type BalancerAddresses } from './network/addresses.js';
import { Networks } from './network/networks.js';
import { hostPaths, machinePaths } from './paths.js';
import type { MachineCaps } from './plan.js';
import { identityOf } from './processes.js';
import { type MachineHostStatus, readMachineStatus } from './status.js';
import { raiseInotifyLimit } from './sysctl.js';
import { removeEverything } from './teardown.js';

const RETRY_MS = 1_000;
const CONSOLES_EVERY_MS = 5_000;
/** As much as EC2 keeps. */
const CONSOLE_BYTES = 64 * 1_024;

export interface MachineHostOptions {
  /** Directory of the machine host alone; made if absent. */
  readonly stateDir: string;
  /** The shared root tree, never written to. */
  readonly tree: string;
  readonly moto: { readonly endpoint: string };
  readonly caps?: Partial<MachineCaps>;
  readonly log: HostLog;
}

export interface MachineHostHandle {
  /** Resolves once the emulator has answered and everything it wants is under way; rejects when stopped before. */
  readonly ready: Promise<void>;
  status(): MachineHostStatus & { readonly networks: ReturnType<Networks['status']> };
  /** Ends every machine and removes everything the host has made. */
  stop(): Promise<void>;
}

/**
 * Gives every running instance of the emulated EC2 a machine and every load balancer a proxy, until stopped. Machines of an earlier host on the
 * same directory that still run are taken over, the rest is cleaned up. Rejects with InvalidConfiguration, having done nothing, where machines
 * cannot run, and with Conflict where another host holds the directory.
 */
export async function startMachineHost(options: MachineHostOptions): Promise<MachineHostHandle> {
  const stateDir = resolve(options.stateDir);
  const problems = checkHost(stateDir, options.tree);
  if (problems.length > 0) {
    const text = problems.map(({ problem, remedy }) => `${problem} (${remedy})`).join('; ');
    throw new PerdureError('InvalidConfiguration', `machines cannot run here: ${text}`);
  }
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  const release = takeLock(stateDir);
  try {
    const host = new MachineHost({ ...options, stateDir, tree: resolve(options.tree) }, release);
    await host.start();
    return host;
  } catch (error) {
    release();
    throw error;
  }
}

class MachineHost implements MachineHostHandle {
  readonly ready: Promise<void>;
  #becomeReady: () => void = () => undefined;
  readonly #options: MachineHostOptions;
  readonly #release: () => void;
  readonly #feed: ReturnType<typeof createFeed>;
  readonly #networks: Networks;
  readonly #machines: Machines;
  readonly #consoles: Consoles;
  readonly #stopped = new AbortController();
  readonly #health = new Map<string, HealthEntry>();
  #unsent = new Map<string, HealthEntry>();
  /** Undefined until the emulator has answered once: nothing is removed before. */
  #instances: InventoryInstance[] | undefined;
  #balancers: InventoryLoadBalancer[] | undefined;
  #addresses: Map<string, BalancerAddresses>;
  #dirty = false;
  #announced = false;
  #loop: Promise<void> | undefined;
  #retry: NodeJS.Timeout | undefined;
  #watches: Promise<void>[] = [];
  #stopping: Promise<void> | undefined;

  constructor(options: MachineHostOptions, release: () => void) {
    this.#options = options;
    this.#release = release;
    const { stateDir, tree, log } = options;
    const endpoint = new URL(options.moto.endpoint);
    const sandbox = sandboxId(stateDir);
    this.#feed = createFeed(options.moto.endpoint, (error) => {
      if (error) log.warn('emulator does not answer', { reason: error.message });
      else {
        log.info('emulator answers again');
        this.#unsent = new Map(this.#health);
        void this.#sendHealth();
      }
    });
    this.#networks = new Networks({
      sandbox,
      emulator: { host: endpoint.hostname, port: Number(endpoint.port || 80) },
      agentLog: hostPaths(stateDir).agentLog,
      events: {
        health: (entries) => this.#takeHealth(entries),
        trouble: (message) => log.warn('trouble in a machine network', { reason: message }),
      },
    });
    this.#machines = new Machines({
      stateDir,
      sandbox,
      tree,
      caps: withDefaults(options.caps),
      log,
      network: (vpcId) => this.#networks.ensure(vpcId),
      report: (id, event, message) =>
        this.#feed.reportMachine(id, event, message, endOfFile(machinePaths(stateDir, id).console, CONSOLE_BYTES)),
      changed: () => this.#wake(),
    });
    this.#consoles = new Consoles({
      path: (id) => machinePaths(stateDir, id).console,
      tell: (id, text) => this.#feed.reportConsole(id, text),
      everyMs: CONSOLES_EVERY_MS,
    });
    this.#addresses = readAddresses(stateDir);
    this.ready = new Promise((resolve, reject) => {
      this.#becomeReady = resolve;
      this.#stopped.signal.addEventListener('abort', () =>
        reject(new PerdureError('NotYet', 'the machine host was stopped')),
      );
    });
    this.ready.catch(() => undefined); // a caller that does not wait for it need not handle it
  }

  async start(): Promise<void> {
    const { stateDir, log } = this.#options;
    rmSync(hostPaths(stateDir).ready, { force: true });
    const before = raiseInotifyLimit();
    if (before !== undefined)
      log.info('raised fs.inotify.max_user_instances to 1024 until the sandbox is stopped', { before });
    await this.#machines.recover();
    const { signal } = this.#stopped;
    this.#watches = [
      this.#feed.watchInstances((instances) => {
        this.#instances = instances;
        this.#wake();
      }, signal),
      this.#feed.watchLoadBalancers((balancers) => {
        this.#balancers = balancers;
        this.#wake();
      }, signal),
      this.#watchConsoles(signal),
    ];
  }

  status(): ReturnType<MachineHostHandle['status']> {
    return { ...readMachineStatus(this.#options.stateDir), networks: this.#networks.status() };
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    this.#stopped.abort();
    clearTimeout(this.#retry);
    await Promise.all([...this.#watches, this.#loop]);
    await this.#machines.close();
    await this.#networks.close();
    try {
      await removeEverything(this.#options.stateDir);
    } finally {
      this.#release();
    }
  }

  /** Asks for another look at the world; many asks during one look make one more. */
  #wake(): void {
    this.#dirty = true;
    if (this.#loop || this.#stopped.signal.aborted) return;
    this.#loop = this.#run().finally(() => {
      this.#loop = undefined;
      if (this.#dirty && !this.#retry) this.#wake();
    });
  }

  async #run(): Promise<void> {
    while (this.#dirty && !this.#stopped.signal.aborted) {
      this.#dirty = false;
      try {
        await this.#reconcile();
      } catch (error) {
        this.#options.log.warn('machine host will try again', { reason: messageOf(error) });
        clearTimeout(this.#retry);
        this.#retry = setTimeout(() => {
          this.#retry = undefined;
          this.#wake();
        }, RETRY_MS);
        return;
      }
    }
  }

  async #reconcile(): Promise<void> {
    const instances = this.#instances;
    const balancers = this.#balancers;
    if (!instances || !balancers) return;
    this.#publish(balancers);
    this.#machines.reconcile(instances);
    const vpcs = new Set([
      ...instances.filter((i) => i.state === 'running').map((i) => i.vpcId),
      ...this.#machines.vpcIds(),
    ]);
    for (const vpcId of vpcs) if (vpcId !== '') await this.#networks.ensure(vpcId);
    await this.#networks.serve(instances, balancers, this.#addresses);
    await this.#networks.prune(vpcs);
    this.#announce();
  }

  #announce(): void {
    if (this.#announced) return;
    this.#announced = true;
    const { stateDir, tree, moto } = this.#options;
    writeJson(hostPaths(stateDir).ready, { process: identityOf(process.pid), tree, endpoint: moto.endpoint });
    this.#becomeReady();
  }

  /** Gives load balancers their addresses and writes them where clients on the host look. */
  #publish(balancers: readonly InventoryLoadBalancer[]): void {
    const { stateDir } = this.#options;
    const before = JSON.stringify([...this.#addresses]);
    this.#addresses = assignBalancers(balancers.map(balancerKey), this.#addresses);
    if (JSON.stringify([...this.#addresses]) !== before)
      writeJson(hostPaths(stateDir).addresses, Object.fromEntries(this.#addresses));
    const hosts = balancers.flatMap((lb): [string, string][] => {
      const at = this.#addresses.get(balancerKey(lb));
      return at ? [[lb.dnsName.toLowerCase(), at.loopback]] : [];
    });
    writeHosts(stateDir, Object.fromEntries(hosts));
  }

  #takeHealth(entries: readonly HealthEntry[]): void {
    for (const entry of entries) {
      const key = `${entry.target}:${entry.port}`;
      if (entry.healthy === null) this.#health.delete(key);
      else this.#health.set(key, entry);
      this.#unsent.set(key, entry);
    }
    void this.#sendHealth();
  }

  async #watchConsoles(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const running = (this.#instances ?? []).filter((i) => i.state === 'running').map((i) => i.id);
      // an emulator that is away was reported already
      await this.#consoles.look(running).catch(() => undefined);
      await sleep(CONSOLES_EVERY_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  /** What cannot be sent now is sent with the next report, or when the emulator is back. */
  async #sendHealth(): Promise<void> {
    const entries = this.#unsent;
    if (entries.size === 0) return;
    this.#unsent = new Map();
    try {
      await this.#feed.reportHealth([...entries.values()]);
    } catch (error) {
      this.#unsent = new Map([...entries, ...this.#unsent]);
      this.#options.log.warn('cannot report target health', { reason: messageOf(error) });
    }
  }
}

function withDefaults(caps: Partial<MachineCaps> = {}): MachineCaps {
  return {
    maxMachines: caps.maxMachines ?? 16,
    memoryMiB: caps.memoryMiB ?? Math.floor((totalmem() / 2 ** 20) * 0.8),
    perMachineMiB: caps.perMachineMiB ?? 700,
  };
}

function readAddresses(stateDir: string): Map<string, BalancerAddresses> {
  const value = readJson(hostPaths(stateDir).addresses);
  const addresses = new Map<string, BalancerAddresses>();
  for (const [key, at] of Object.entries(isRecord(value) ? value : {})) {
    if (isRecord(at) && typeof at['vip'] === 'string' && typeof at['loopback'] === 'string') {
      addresses.set(key, { vip: at['vip'], loopback: at['loopback'] });
    }
  }
  return addresses;
}
