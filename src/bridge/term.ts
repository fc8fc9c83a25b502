import type { KubeObject } from '../api/types/meta.js';
import type { AlsoSynced } from '../domain/bootstrap/node-sync.js';
import { isPaused } from '../domain/contract.js';
import type { KubeClient } from '../kube/client.js';
import { sleep } from '../kube/rate-limit.js';
import { Reflector, type ReflectorStatus, type StoreEvent } from '../kube/reflector.js';
import type { Log } from '../telemetry/log.js';
import { Availability, type AvailabilityStatus } from './availability.js';
import { isConverged } from './converged.js';
import { clusterOf, lanesOf, lanesOfConnection, lanesOfNode, lanesOfRevision } from './dependencies.js';
import { type LanePort, SignalError } from './lane-port.js';
import { hasLost } from './lost.js';
import type { BridgeMetrics } from './metrics.js';
import { type QueueOptions, WorkQueue } from './queue.js';
import { clusterNameOf, parseRefKey, type Ref, reference, refKey, refOf } from './references.js';
import { priorityOf } from './signal.js';
import { Signaller } from './signaller.js';
import { roleOf, type Source } from './sources.js';
import type { ConnectionTiming, WorkloadClient } from './workload/connection.js';
import { kubeconfigSecretOf, WorkloadConnections } from './workload/connections.js';
import { WorldIndex } from './world.js';

/**
 * Counters may lag where operations keep them current themselves while they run; that something is available or complete is told at once.
 */
const CHILD_INTERVAL_MS: Readonly<Record<string, number>> = {
  Cluster: 15_000,
  KubeadmControlPlane: 15_000,
  MachineSet: 15_000,
  Machine: 15_000,
  MachineDeployment: 10_000,
  MachineHealthCheck: 10_000,
};

export interface TermOptions {
  readonly kube: Pick<KubeClient, 'listAll' | 'watch' | 'get'>;
  /** Connects to a workload cluster by the text of its kubeconfig. */
  readonly connect: (kubeconfig: string) => WorkloadClient;
  readonly connectionTiming?: ConnectionTiming;
  readonly port: LanePort;
  readonly sources: readonly Source[];
  /** Empty: all. */
  readonly namespaces: readonly string[];
  readonly selects: (object: KubeObject) => boolean;
  readonly signalConverged: boolean;
  readonly alsoSynced?: AlsoSynced;
  readonly metrics: BridgeMetrics;
  readonly log: Log;
  /** Signals in flight at once. Default 8. */
  readonly concurrency?: number;
  /** Default 500 ms. */
  readonly minIntervalMs?: number;
  /** By kind of the lane; default `CHILD_INTERVAL_MS`. */
  readonly childIntervalMs?: Readonly<Record<string, number>>;
  readonly queue?: QueueOptions;
  /** How often all is looked at again in memory; default 1 hour. */
  readonly resyncEveryMs?: number;
  /** Between two looks at Temporal while nothing is to be told. Default 10 s. */
  readonly probeEveryMs?: number;
}

export interface TermStatus {
  readonly started: boolean;
  readonly temporal: AvailabilityStatus;
  readonly sources: Readonly<Record<string, ReflectorStatus>>;
  readonly queue: { readonly depth: number; readonly delayed: number };
  /** Connections to workload clusters. */
  readonly workloads: { readonly connected: number; readonly disconnected: number; readonly nodes: number };
}

interface Watched {
  readonly name: string;
  readonly source: Source;
  readonly reflector: Reflector;
}

/** One period of leading: its own copy of the world, its own memory of what was told. Nothing of it outlives the leadership. */
export class Term {
  readonly #options: TermOptions;
  readonly #world: WorldIndex;
  readonly #workloads: WorkloadConnections;
  readonly #queue: WorkQueue;
  readonly #temporal: Availability;
  readonly #signaller: Signaller;
  readonly #watched: readonly Watched[];
  readonly #abort = new AbortController();
  #namespaceId: string | undefined;
  #started = false;
  #troubled = false;

  constructor(options: TermOptions) {
    this.#options = options;
    const { port, metrics, log } = options;
    const viewed = (namespace: string, name: string) => this.#workloads.view(namespace, name);
    this.#world = new WorldIndex(Date.now, viewed, options.alsoSynced);
    this.#queue = new WorkQueue(options.queue);
    metrics.temporalUp.set(1);
    this.#temporal = new Availability({
      name: 'Temporal',
      probe: async () => {
        this.#namespaceId = await port.probe();
      },
      log,
      onChange: (up) => {
        metrics.temporalUp.set(up ? 1 : 0);
        if (up) this.#tellAgain('Temporal was away');
      },
    });
    this.#signaller = new Signaller({
      world: this.#world,
      queue: this.#queue,
      port,
      temporal: this.#temporal,
      metrics,
      log,
      selects: options.selects,
      signalConverged: options.signalConverged,
      minIntervalMs: options.minIntervalMs ?? 500,
      childIntervalMs: options.childIntervalMs ?? CHILD_INTERVAL_MS,
    });
    this.#workloads = new WorkloadConnections({
      kube: options.kube,
      connect: options.connect,
      onNode: (namespace, cluster, node) => this.#onNode(namespace, cluster, node),
      onPod: (namespace, name) => this.#onPod({ kind: 'Cluster', namespace, name }),
      onChange: (namespace, name) => this.#onConnection({ kind: 'Cluster', namespace, name }),
      onProbeFailed: () => metrics.workloadProbeFailures.inc(),
      log,
      ...(options.connectionTiming ? { timing: options.connectionTiming } : {}),
    });
    this.#watched = options.sources.flatMap((source) => this.#reflectorsOf(source));
  }

  status(): TermStatus {
    return {
      started: this.#started,
      temporal: this.#temporal.status(),
      sources: Object.fromEntries(this.#watched.map(({ name, reflector }) => [name, reflector.status()])),
      queue: { depth: this.#queue.depth, delayed: this.#queue.delayed },
      workloads: this.#workloads.counts(),
    };
  }

  /** What does not work at the moment and heals by itself, for people. */
  degraded(): string[] {
    const temporal = this.#temporal.status();
    const rejected = this.#signaller.rejection;
    const { names, error } = this.#failing();
    return [
      ...(temporal.up ? [] : [`Temporal is unavailable: ${temporal.reason ?? ''}`]),
      ...(rejected === undefined ? [] : [`Temporal refused a signal: ${rejected}`]),
      ...(names.length === 0
        ? []
        : [`watches are failing: ${names.join(', ')}${error === undefined ? '' : `: ${error}`}`]),
    ];
  }

  /** Lists, then signals what is not converged, then follows changes, until `signal` aborts. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const stop = AbortSignal.any([signal, this.#abort.signal]);
    const stopped = new Promise<void>((resolve) => {
      if (stop.aborted) resolve();
      else stop.addEventListener('abort', () => resolve(), { once: true });
    });
    const running: Promise<unknown>[] = this.#watched.map(({ reflector }) => reflector.run(stop));
    await Promise.race([stopped, this.#listed()]);
    if (!stop.aborted) {
      this.#started = true;
      this.#lookAtAll();
      this.#followAll();
      for (let i = 0; i < (this.#options.concurrency ?? 8); i++) running.push(this.#signaller.work(stop));
      running.push(this.#watchTemporal(stop), this.#resync(stop));
    }
    await stopped;
    this.#queue.close();
    await Promise.all([...running, this.#workloads.close()]);
  }

  /** A Temporal that was restored, or came back empty, has lost lanes that were told: nothing else would wake their objects again. */
  async #watchTemporal(stop: AbortSignal): Promise<void> {
    while (!stop.aborted) {
      await this.#temporal.wait();
      const before = this.#namespaceId;
      try {
        this.#namespaceId = await this.#options.port.probe();
        if (before !== undefined && before !== this.#namespaceId)
          this.#tellAgain("Temporal's namespace is another one");
      } catch (error) {
        if (error instanceof SignalError && error.failure === 'unavailable') this.#temporal.down(error.message, stop);
      }
      await sleep(this.#options.probeEveryMs ?? 10_000, stop).catch(() => undefined);
    }
  }

  /** Some things change by time alone, such as what is due for renewal. Only lanes for which something did are signalled. */
  async #resync(stop: AbortSignal): Promise<void> {
    for (;;) {
      await sleep(this.#options.resyncEveryMs ?? 3_600_000, stop).catch(() => undefined);
      if (stop.aborted) return;
      this.#lookAtAll();
    }
  }

  #tellAgain(why: string): void {
    if (!this.#started) return;
    this.#options.log.info('telling all lanes again that are not converged', { why });
    this.#signaller.forget();
    this.#lookAtAll();
  }

  async #listed(): Promise<void> {
    await Promise.all(
      this.#watched.map(({ source, reflector }) => (source.required ? reflector.whenSynced : reflector.whenSettled)),
    );
  }

  /** What is not converged comes first; the rest is only remembered as told. */
  #lookAtAll(): void {
    let pending = 0;
    let total = 0;
    for (const { source, reflector } of this.#watched) {
      if (source.role !== 'lane') continue;
      for (const object of reflector.values()) {
        const paused = isPaused(object, clusterOf(object, this.#world));
        const converged = isConverged(object, this.#world, paused);
        this.#queue.add(refKey(refOf(object)), converged ? 5 : priorityOf(object));
        total += 1;
        if (!converged) pending += 1;
      }
    }
    this.#options.log.info('listed all sources', { objects: total, notConverged: pending });
  }

  #reflectorsOf(source: Source): Watched[] {
    const { namespaces } = this.#options;
    const scopes = source.kind.namespaced && namespaces.length > 0 ? namespaces : [undefined];
    return scopes.map((namespace) => {
      const name = namespace === undefined ? source.kind.kind : `${source.kind.kind} in ${namespace}`;
      return { name, source, reflector: this.#reflector(name, source, namespace) };
    });
  }

  #reflector(name: string, source: Source, namespace: string | undefined): Reflector {
    const { kube, log } = this.#options;
    return new Reflector({
      client: kube,
      kind: source.kind,
      log,
      onEvent: (event) => this.#apply(event),
      onState: (status) => this.#report(name, status),
      ...(namespace === undefined ? {} : { namespace }),
      ...(source.labelSelector === undefined ? {} : { labelSelector: source.labelSelector }),
      ...(source.metadataOnly === undefined ? {} : { metadataOnly: source.metadataOnly }),
    });
  }

  #apply(event: StoreEvent<KubeObject>): void {
    const { object, previous } = event;
    const lanes = new Set<string>();
    const mark = (of: KubeObject): void => {
      if (this.#started) for (const ref of lanesOf(of, this.#world)) lanes.add(refKey(ref));
    };
    if (event.type === 'deleted') {
      // Before it goes: who depended on it must be found through it.
      mark(object);
      this.#world.remove(object);
      if (this.#started && roleOf(object.kind) === 'lane') void this.#signaller.removed(object, this.#abort.signal);
    } else {
      if (previous && mayHaveMoved(previous, object)) mark(previous);
      this.#world.put(object);
      mark(object);
      if (previous && this.#started)
        for (const ref of lanesOfRevision(previous, object, this.#world)) lanes.add(refKey(ref));
    }
    this.#options.metrics.sourceObjects[event.type === 'deleted' ? 'dec' : 'inc'](
      { kind: object.kind },
      event.type === 'updated' ? 0 : 1,
    );
    if (previous && event.type !== 'deleted' && hasLost(previous, object)) {
      mark(previous);
      for (const key of lanes) this.#signaller.force(key);
    }
    for (const key of lanes) this.#look(key);
    if (this.#started) this.#followBy(object);
  }

  #followBy(object: KubeObject): void {
    const ref = refOf(object);
    const name = object.kind === 'Cluster' ? object.metadata.name : clusterNameOf(object);
    if (name === undefined) return;
    if (object.kind === 'Cluster' || (object.kind === 'Secret' && ref.name === kubeconfigSecretOf(name))) {
      this.#follow({ ...ref, kind: 'Cluster', name });
    }
  }

  #look(key: string): void {
    const object = this.#world.get(parseRefKey(key));
    if (object) this.#queue.add(key, priorityOf(object));
  }

  #followAll(): void {
    for (const { source, reflector } of this.#watched) {
      if (source.kind.kind !== 'Cluster') continue;
      for (const cluster of reflector.values()) this.#follow(refOf(cluster));
    }
  }

  /** Connects to a cluster, or ends its connection, as Cluster and kubeconfig are now. */
  #follow(ref: Ref): void {
    const found = this.#world.get(ref);
    const cluster = found && this.#options.selects(found) ? found : undefined;
    const secret = this.#world.get({ ...ref, kind: 'Secret', name: kubeconfigSecretOf(ref.name) });
    this.#workloads.follow(ref.namespace, ref.name, cluster, secret);
  }

  /** Only those who may have something to do: a Node renews itself every few minutes, and a cluster has thousands. */
  #onNode(namespace: string, cluster: string, node: KubeObject): void {
    for (const machine of this.#world.machinesOn(namespace, cluster, node)) {
      for (const ref of lanesOfNode(machine, this.#world)) this.#look(refKey(ref));
    }
  }

  #onPod(cluster: Ref): void {
    const object = this.#world.get(cluster);
    const controlPlane = object && reference(object, 'spec.controlPlaneRef');
    if (controlPlane && roleOf(controlPlane.kind) === 'lane') this.#look(refKey(controlPlane));
  }

  #onConnection(cluster: Ref): void {
    const object = this.#world.get(cluster);
    if (!object) return;
    // its Machines may be thousands: they let others go first
    for (const ref of lanesOfConnection(object, this.#world)) {
      this.#queue.add(refKey(ref), ref.kind === 'Machine' ? 5 : priorityOf(object));
    }
  }

  #failing(): { readonly names: string[]; readonly error: string | undefined } {
    const failing = this.#watched.filter(({ reflector }) => {
      const { state } = reflector.status();
      return state === 'failing' || (state === 'watching' && !reflector.healthy());
    });
    return { names: failing.map(({ name }) => name), error: failing[0]?.reflector.status().error };
  }

  /** All watches fail together when the API server goes: one line when trouble begins, one when it is over. */
  #report(name: string, status: ReflectorStatus): void {
    const { log, metrics } = this.#options;
    metrics.sourceUp.set({ kind: name }, status.state === 'watching' ? 1 : 0);
    log.debug('watch changed its state', { source: name, state: status.state });
    const failing = this.#failing().names.length > 0;
    if (failing === this.#troubled) return;
    this.#troubled = failing;
    if (failing) log.warn('watches are failing, waiting for the API server', { source: name, error: status.error });
    else log.info('watches work again', { source: name });
  }
}

/** Whether an update may have changed who depends on the object. */
function mayHaveMoved(before: KubeObject, after: KubeObject): boolean {
  const where = (o: KubeObject): string =>
    JSON.stringify([
      o.metadata.generation,
      o.metadata.labels,
      o.metadata.ownerReferences?.map((r) => [r.uid, r.controller]),
    ]);
  return where(before) !== where(after);
}
