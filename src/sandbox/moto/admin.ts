import type {
  EmulatedInstance,
  EmulatedLoadBalancer,
  FaultRule,
  HealthReport,
  InventoryItem,
  JournalCall,
  JournalFilter,
  JournalSummary,
  MotoDelays,
  StoredFault,
  Watched,
  WatchOptions,
} from './types.js';

type Query = Readonly<Record<string, string | number | boolean | undefined>>;

/** Who answers on the admin endpoint. */
export interface MotoIdentity {
  readonly name: string;
  readonly pid: number;
  readonly delays: MotoDelays;
}

/**
 * Client of the emulated AWS's admin endpoint: scripted faults, journal of calls, inventory, and the feed of the machine host.
 * Every method throws an Error naming route and answer when the emulator refuses; reads are safe to repeat.
 */
export class MotoAdmin {
  readonly #base: string;

  /** `endpoint` is the AWS endpoint, for instance `http://127.0.0.1:5000`. */
  constructor(endpoint: string) {
    this.#base = `${endpoint.replace(/\/+$/, '')}/_perdure`;
  }

  /** Answers once the emulator serves; used as the readiness check and to verify whose process it is. */
  async ready(signal?: AbortSignal): Promise<MotoIdentity> {
    return this.#call('GET', '/ready', {}, undefined, signal);
  }

  /** Empties every account, forgets faults, journal, tokens and health reports, and restores the delays of the start. */
  async reset(): Promise<void> {
    await this.#call('POST', '/reset');
  }

  /** Changes the given delays from now on; states already passing keep their time. Returns all delays. */
  async setDelays(delays: MotoDelays): Promise<MotoDelays> {
    return this.#call('PUT', '/delays', {}, delays);
  }

  /** Adds a fault rule (or replaces the one of the same id) and returns it with its counters. */
  async addFault(rule: FaultRule): Promise<StoredFault> {
    return this.#call('POST', '/faults', {}, rule);
  }

  /** All fault rules with how often they matched and fired. */
  async faults(): Promise<readonly StoredFault[]> {
    return (await this.#call<{ faults: StoredFault[] }>('GET', '/faults')).faults;
  }

  /** Removes one fault rule; a missing one is an error. */
  async removeFault(id: string): Promise<void> {
    await this.#call('DELETE', `/faults/${encodeURIComponent(id)}`);
  }

  /** Removes all fault rules. */
  async clearFaults(): Promise<void> {
    await this.#call('DELETE', '/faults');
  }

  /** AWS calls that match, oldest first. The emulator keeps the last 50,000. */
  async journal(filter: JournalFilter = {}): Promise<readonly JournalCall[]> {
    return (await this.#call<{ calls: JournalCall[] }>('GET', '/journal', { ...filter })).calls;
  }

  /** Counts of calls since the last clear. */
  async journalSummary(): Promise<JournalSummary> {
    return this.#call('GET', '/journal/summary');
  }

  /** Forgets recorded calls and counts. */
  async clearJournal(): Promise<void> {
    await this.#call('DELETE', '/journal');
  }

  /** Every resource users have left behind, sorted; default VPC furniture is not in it. Optional filters narrow it. */
  async inventory(
    filter: { account?: string; region?: string; service?: string; type?: string } = {},
  ): Promise<readonly InventoryItem[]> {
    return (await this.#call<{ resources: InventoryItem[] }>('GET', '/inventory', filter)).resources;
  }

  /** Instances of all accounts, terminated ones as long as AWS would show them. */
  async instances(options: WatchOptions = {}): Promise<Watched<EmulatedInstance>> {
    const { signal, ...query } = options;
    const reply = await this.#call<{ version: string; instances: EmulatedInstance[] }>(
      'GET',
      '/instances',
      query,
      undefined,
      signal,
    );
    return { version: reply.version, items: reply.instances };
  }

  /** Load balancers of all accounts with listeners and resolved targets. */
  async loadBalancers(options: WatchOptions = {}): Promise<Watched<EmulatedLoadBalancer>> {
    const { signal, ...query } = options;
    const reply = await this.#call<{ version: string; loadBalancers: EmulatedLoadBalancer[] }>(
      'GET',
      '/load-balancers',
      query,
      undefined,
      signal,
    );
    return { version: reply.version, items: reply.loadBalancers };
  }

  /** Reports health of machines as load balancers would see it; target health follows from it. */
  async setHealth(reports: readonly HealthReport[]): Promise<void> {
    await this.#call('POST', '/health', {}, reports);
  }

  /**
   * Tells that a machine powered itself off (`shutdown`), was lost (`died`), runs (`running`) or only printed (`console`), and what it printed last.
   * Repeating is harmless.
   */
  async reportMachine(
    instanceId: string,
    event: 'shutdown' | 'died' | 'running' | 'console',
    console = '',
  ): Promise<void> {
    await this.#call('POST', `/machines/${encodeURIComponent(instanceId)}`, {}, { event, console });
  }

  async #call<T>(method: string, path: string, query: Query = {}, body?: unknown, signal?: AbortSignal): Promise<T> {
    const parameters = new URLSearchParams();
    for (const [key, value] of Object.entries(query)) if (value !== undefined) parameters.set(key, String(value));
    const suffix = parameters.size > 0 ? `?${parameters.toString()}` : '';
    const response = await fetch(`${this.#base}${path}${suffix}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
      ...(signal === undefined ? {} : { signal }),
    });
    const text = await response.text();
    if (!response.ok)
      throw new Error(`emulated AWS refused ${method} /_perdure${path}: ${response.status} ${text.slice(0, 500)}`);
    return JSON.parse(text) as T;
  }
}
