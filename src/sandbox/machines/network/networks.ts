import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type AgentEvents, AgentLink, type HostListener } from '../agent-link.js';
import { netnsName, netnsPrefix } from '../ids.js';
import { balancerKey, type InventoryInstance, type InventoryLoadBalancer } from '../inventory.js';
import { run } from '../processes.js';
import type { BalancerAddresses } from './addresses.js';
import { agentConfig, serviceAddresses } from './agent-config.js';
import { ensureNamespace, ensureServiceAddresses, removeNamespace } from './namespace.js';

const AGENT_EXIT_MS = 5_000;

export interface NetworksOptions {
  readonly sandbox: string;
  readonly emulator: { readonly host: string; readonly port: number };
  readonly agentLog: string;
  readonly events: AgentEvents;
}

interface Network {
  readonly netns: string;
  readonly link: AgentLink;
  /** Configuration the agent was last told, as text, to tell it only news. */
  told: string;
}

/** The namespaces of a sandbox, one for each VPC that has machines, with the agent in each. */
export class Networks {
  readonly #options: NetworksOptions;
  readonly #networks = new Map<string, Network>();
  readonly #starting = new Map<string, Promise<string>>();

  constructor(options: NetworksOptions) {
    this.#options = options;
  }

  /** Makes the VPC's network if there is none and returns the namespace's name. Any number of callers at once get the same one. */
  async ensure(vpcId: string): Promise<string> {
    const present = this.#networks.get(vpcId);
    if (present) return present.netns;
    const starting = this.#starting.get(vpcId) ?? this.#create(vpcId).finally(() => this.#starting.delete(vpcId));
    this.#starting.set(vpcId, starting);
    return await starting;
  }

  async #create(vpcId: string): Promise<string> {
    const { sandbox, emulator, agentLog, events } = this.#options;
    const netns = netnsName(sandbox, vpcId);
    await ensureNamespace(netns);
    this.#networks.set(vpcId, { netns, link: new AgentLink({ netns, emulator, logFile: agentLog, events }), told: '' });
    return netns;
  }

  /** Brings each VPC's agent up to date; resolves when all have the news in place. */
  async serve(
    instances: readonly InventoryInstance[],
    balancers: readonly InventoryLoadBalancer[],
    addresses: ReadonlyMap<string, BalancerAddresses>,
  ): Promise<void> {
    const vpcs = [...this.#networks.entries()];
    await Promise.all(
      vpcs.map(async ([vpcId, network]) => {
        const own = balancers.filter((lb) => lb.vpcId === vpcId);
        const config = agentConfig(
          instances.filter((i) => i.vpcId === vpcId && i.state === 'running'),
          own,
          addresses,
        );
        const text = JSON.stringify(config);
        if (network.told === text) return;
        await ensureServiceAddresses(network.netns, serviceAddresses(config));
        await network.link.configure(config, hostListeners(own, addresses));
        network.told = text;
      }),
    );
  }

  /** Removes the networks of all other VPCs, also those an earlier host left. */
  async prune(vpcIds: ReadonlySet<string>): Promise<void> {
    for (const [vpcId, network] of [...this.#networks]) {
      if (vpcIds.has(vpcId)) continue;
      this.#networks.delete(vpcId);
      await network.link.close();
    }
    const kept = new Set([...vpcIds].map((vpcId) => netnsName(this.#options.sandbox, vpcId)));
    for (const name of existingNamespaces(this.#options.sandbox)) if (!kept.has(name)) await removeNamespace(name);
  }

  /** Ends the agents; the namespaces stay. */
  async close(): Promise<void> {
    await Promise.all([...this.#networks.values()].map(({ link }) => link.close()));
    this.#networks.clear();
  }

  status(): { vpcId: string; netns: string; agentPid: number | undefined; ready: boolean }[] {
    return [...this.#networks].map(([vpcId, { netns, link }]) => ({
      vpcId,
      netns,
      agentPid: link.pid,
      ready: link.ready,
    }));
  }
}

/** Listening addresses on the host for these load balancers, one for each port. */
export function hostListeners(
  balancers: readonly InventoryLoadBalancer[],
  addresses: ReadonlyMap<string, BalancerAddresses>,
): HostListener[] {
  return balancers.flatMap((lb) => {
    const at = addresses.get(balancerKey(lb));
    const ports = new Set(lb.listeners.map((listener) => listener.port));
    return at ? [...ports].map((port) => ({ key: `${balancerKey(lb)}:${port}`, address: at.loopback, port })) : [];
  });
}

/** Names of all namespaces of a sandbox that exist on this host. */
export function existingNamespaces(sandbox: string): string[] {
  return allNamespaces().filter((name) => name.startsWith(netnsPrefix(sandbox)));
}

/** Whether another sandbox's namespaces exist on this host. */
export function otherSandboxesExist(sandbox: string): boolean {
  return allNamespaces().some((name) => /^prd-[0-9a-f]{8}-/.test(name) && !name.startsWith(netnsPrefix(sandbox)));
}

/** Removes all namespaces of a sandbox whose machines have ended; its agents end by themselves once their host is gone. */
export async function removeNamespaces(sandbox: string): Promise<void> {
  for (const name of existingNamespaces(sandbox)) {
    const deadline = Date.now() + AGENT_EXIT_MS;
    while ((await run('ip', ['netns', 'pids', name])).trim() !== '' && Date.now() < deadline) await sleep(50);
    await removeNamespace(name);
  }
}

function allNamespaces(): string[] {
  try {
    return readdirSync('/run/netns').sort();
  } catch {
    return []; // no namespace was ever made on this host
  }
}
