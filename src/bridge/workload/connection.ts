import { KINDS } from '../../api/types/kinds.js';
import type { KubeObject, ResourceKind } from '../../api/types/meta.js';
import { CONDITIONS_GRACE_SECONDS, PROBE_GRACE_SECONDS } from '../../domain/status/connection.js';
import type { KubeClient } from '../../kube/client.js';
import { statusCode } from '../../kube/errors.js';
import { Reflector, type StoreEvent } from '../../kube/reflector.js';
import type { Log } from '../../telemetry/log.js';
import type { NodeStore } from './store.js';
import { strippedNode, strippedPod } from './stripped.js';

/** The part of a client that a connection uses. */
export type WorkloadClient = Pick<KubeClient, 'listAll' | 'watch' | 'raw' | 'close'>;

/**
 * `unknown`: not answered yet, and not tried often enough to say so. `up`. `unsure`: no connection, but answered less than 50 s ago. `lost`: for
 * longer. `dark`: for more than 5 minutes, so that what was last seen counts no more.
 */
export type Link = 'unknown' | 'up' | 'unsure' | 'lost' | 'dark';

export interface ConnectionTiming {
  /** Between two probes. Default 10 s. */
  readonly probeEveryMs?: number;
  /** Default 5 s. */
  readonly probeTimeoutMs?: number;
  /** So many probes in a row that failed end the connection. Default 5. */
  readonly failures?: number;
  /** Before a lost connection is tried again. Default 30 s. */
  readonly retryMs?: number;
}

export interface ConnectionOptions {
  /** `namespace/name` of the cluster, for logs. */
  readonly name: string;
  /** The kubeconfig as it is now; rejects when there is none. Holds a secret. */
  readonly kubeconfig: (signal: AbortSignal) => Promise<string>;
  readonly connect: (kubeconfig: string) => WorkloadClient;
  /** Lets only so many connect at once. */
  readonly gate: <T>(work: () => Promise<T>) => Promise<T>;
  readonly store: NodeStore;
  /** `link` changed, or all Nodes were listed anew. */
  readonly onChange: () => void;
  readonly onProbeFailed: () => void;
  readonly log: Log;
  readonly timing?: ConnectionTiming;
}

const PROBE_EVERY_MS = 10_000;
const PROBE_TIMEOUT_MS = 5_000;
const FAILURES = 5;
const RETRY_MS = 30_000;
/** The probe that is due when the grace period ends may still be answered. */
const LAST_PROBE_MS = 1_000;
const STATIC_PODS = { namespace: 'kube-system', labelSelector: 'tier=control-plane' };

/**
 * The one connection to a workload cluster: probes it, and follows its Nodes and static pods into the store. Broken by five failed probes, by a 401
 * and by a kubeconfig that changed; the last two connect again at once. Source: capi controllers/clustercache/cluster_accessor.go.
 */
export class WorkloadConnection {
  readonly #options: ConnectionOptions;
  readonly #begun = Date.now();
  #answered: number | undefined;
  #connected = false;
  #failures = 0;
  #told: Link = 'unknown';
  #refreshed = false;
  #wake: (() => void) | undefined;
  #threshold: NodeJS.Timeout | undefined;

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  link(): Link {
    const { failures = FAILURES } = this.#options.timing ?? {};
    if (this.#answered === undefined && this.#failures < failures) return 'unknown';
    const silentMs = Date.now() - (this.#answered ?? this.#begun);
    if (silentMs >= CONDITIONS_GRACE_SECONDS * 1_000) return 'dark';
    const graceMs = PROBE_GRACE_SECONDS * 1_000 + (this.#connected ? LAST_PROBE_MS : 0);
    if (silentMs >= graceMs || this.#answered === undefined) return 'lost';
    return this.#connected ? 'up' : 'unsure';
  }

  get connected(): boolean {
    return this.#connected;
  }

  /** The kubeconfig may have changed: it is read, and if it did, the connection made anew. */
  refresh(): void {
    this.#refreshed = true;
    this.#wake?.();
  }

  /** Connects, and again whenever the connection is lost, until `signal` aborts. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { retryMs = RETRY_MS } = this.#options.timing ?? {};
    while (!signal.aborted) {
      const again = await this.#session(signal);
      this.#tell();
      if (!again && !signal.aborted) await this.#pause(retryMs, signal);
      this.#refreshed = false;
    }
    clearTimeout(this.#threshold);
  }

  /** One connection from beginning to end. Answers whether to connect again at once. */
  async #session(signal: AbortSignal): Promise<boolean> {
    const { kubeconfig, connect, gate, log, name } = this.#options;
    const over = new AbortController();
    const stop = AbortSignal.any([signal, over.signal]);
    const following: Promise<void>[] = [];
    let client: WorkloadClient | undefined;
    try {
      const text = await kubeconfig(stop);
      const opened = connect(text);
      client = opened;
      await gate(() => this.#probe(opened, stop));
      log.debug('connected to workload cluster', { cluster: name });
      this.#connected = true;
      this.#succeeded();
      following.push(this.#followNodes(opened, stop), this.#followPods(opened, stop));
      return await this.#supervise(opened, text, stop);
    } catch (error) {
      if (!signal.aborted) this.#lost(error);
      return false;
    } finally {
      this.#connected = false;
      over.abort();
      await client?.close().catch(() => undefined);
      await Promise.all(following);
    }
  }

  /** Probes until the connection is to be given up (throws) or made anew (answers true). */
  async #supervise(client: WorkloadClient, kubeconfig: string, signal: AbortSignal): Promise<boolean> {
    const { probeEveryMs = PROBE_EVERY_MS, failures = FAILURES } = this.#options.timing ?? {};
    for (;;) {
      if (!this.#refreshed) await this.#pause(probeEveryMs, signal);
      signal.throwIfAborted();
      if (this.#refreshed) {
        this.#refreshed = false;
        if ((await this.#options.kubeconfig(signal)) !== kubeconfig) return true;
      }
      try {
        await this.#probe(client, signal);
        this.#succeeded();
      } catch (error) {
        signal.throwIfAborted();
        // credentials were rotated: those in the Secret are newer
        if (statusCode(error) === 401) return true;
        if (this.#failures >= failures) throw error;
      }
    }
  }

  /** One GET that needs valid credentials; an answer that only refuses it shows a server as alive as any. */
  async #probe(client: WorkloadClient, signal: AbortSignal): Promise<void> {
    const { probeTimeoutMs = PROBE_TIMEOUT_MS } = this.#options.timing ?? {};
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(new Error(`no answer within ${probeTimeoutMs} ms`)), probeTimeoutMs);
    try {
      await client.raw('GET', '/', undefined, AbortSignal.any([signal, late.signal]));
    } catch (error) {
      if (statusCode(error) === 403) return;
      this.#failures += 1;
      if (!signal.aborted) this.#options.onProbeFailed();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  #succeeded(): void {
    this.#failures = 0;
    this.#answered = Date.now();
    this.#tell();
  }

  #lost(error: unknown): void {
    // one line per outage; while it lasts, it is seen in the metrics and in the Cluster's condition
    if (this.#told === 'up') {
      this.#options.log.warn('lost the connection to a workload cluster', { cluster: this.#options.name, error });
    } else this.#options.log.debug('no connection to a workload cluster', { cluster: this.#options.name, error });
  }

  #tell(): void {
    clearTimeout(this.#threshold);
    const since = this.#answered ?? this.#begun;
    const graceMs = PROBE_GRACE_SECONDS * 1_000;
    const next = [graceMs, graceMs + LAST_PROBE_MS, CONDITIONS_GRACE_SECONDS * 1_000]
      .map((ms) => since + ms - Date.now())
      .find((ms) => ms > 0);
    if (next !== undefined) {
      this.#threshold = setTimeout(() => this.#tell(), next);
      this.#threshold.unref();
    }
    const link = this.link();
    if (link === this.#told) return;
    if (link === 'up' && this.#told !== 'unknown') {
      this.#options.log.info('workload cluster answers again', { cluster: this.#options.name });
    }
    this.#told = link;
    this.#options.onChange();
  }

  async #followNodes(client: WorkloadClient, signal: AbortSignal): Promise<void> {
    const { store, onChange } = this.#options;
    await this.#follow(
      client,
      KINDS.Node,
      {},
      strippedNode,
      (event) => store.node(event),
      signal,
      (names) => {
        store.retainNodes(names);
        onChange();
      },
    );
  }

  async #followPods(client: WorkloadClient, signal: AbortSignal): Promise<void> {
    const { store } = this.#options;
    await this.#follow(
      client,
      KINDS.Pod,
      STATIC_PODS,
      strippedPod,
      (event) => store.pod(event),
      signal,
      (names) => store.retainPods(names),
    );
  }

  async #follow(
    client: WorkloadClient,
    kind: ResourceKind,
    scope: { readonly namespace?: string; readonly labelSelector?: string },
    strip: (object: KubeObject) => KubeObject,
    onEvent: (event: StoreEvent<KubeObject>) => void,
    signal: AbortSignal,
    onListed: (names: ReadonlySet<string>) => void,
  ): Promise<void> {
    const reflector = new Reflector({ client, kind, ...scope, transform: strip, log: this.#options.log, onEvent });
    void reflector.whenSynced.then(() => {
      if (!signal.aborted) onListed(new Set([...reflector.values()].map((o) => o.metadata.name)));
    });
    await reflector.run(signal);
  }

  /** Until the time is over, `refresh` is called, or `signal` aborts. */
  #pause(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        this.#wake = undefined;
        resolve();
      };
      const timer = setTimeout(done, ms);
      this.#wake = done;
      signal.addEventListener('abort', done, { once: true });
      if (signal.aborted || this.#refreshed) done();
    });
  }
}
