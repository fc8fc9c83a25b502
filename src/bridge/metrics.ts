import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** What the bridge counts. Labels are kinds and outcomes, never object names. */
export interface BridgeMetrics {
  readonly signals: Counter<'kind' | 'outcome'>;
  readonly skipped: Counter<'kind' | 'why'>;
  readonly signalSeconds: Histogram<'kind'>;
  readonly sourceUp: Gauge<'kind'>;
  readonly sourceObjects: Gauge<'kind'>;
  readonly temporalUp: Gauge;
  readonly leader: Gauge;
  readonly workloadProbeFailures: Counter;
}

const NONE = { connected: 0, disconnected: 0, nodes: 0 };

/** Registers all of it; what is given as a function is asked when it is scraped. */
export function bridgeMetrics(
  registry: Registry,
  queue: () => { readonly depth: number; readonly delayed: number },
  workloads: () => { readonly connected: number; readonly disconnected: number; readonly nodes: number } = () => NONE,
): BridgeMetrics {
  const registers = [registry];
  new Gauge({
    name: 'perdure_bridge_workload_clusters',
    help: 'Workload clusters that are connected to, or should be',
    labelNames: ['state'],
    registers,
    collect() {
      this.set({ state: 'connected' }, workloads().connected);
      this.set({ state: 'disconnected' }, workloads().disconnected);
    },
  });
  new Gauge({
    name: 'perdure_bridge_workload_nodes',
    help: 'Nodes of workload clusters in the copy',
    registers,
    collect() {
      this.set(workloads().nodes);
    },
  });
  new Gauge({
    name: 'perdure_bridge_queue_keys',
    help: 'Keys in the work queue: waiting for a worker, or for their time',
    labelNames: ['state'],
    registers,
    collect() {
      this.set({ state: 'waiting' }, queue().depth);
      this.set({ state: 'delayed' }, queue().delayed);
    },
  });
  return {
    signals: new Counter({
      name: 'perdure_bridge_signals_total',
      help: 'Signals sent to lanes',
      labelNames: ['kind', 'outcome'],
      registers,
    }),
    skipped: new Counter({
      name: 'perdure_bridge_skipped_total',
      help: 'Looks at an object that needed no signal',
      labelNames: ['kind', 'why'],
      registers,
    }),
    signalSeconds: new Histogram({
      name: 'perdure_bridge_signal_seconds',
      help: 'Duration of a signal call',
      labelNames: ['kind'],
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers,
    }),
    sourceUp: new Gauge({
      name: 'perdure_bridge_source_up',
      help: '1 while the watch of a kind is healthy',
      labelNames: ['kind'],
      registers,
    }),
    sourceObjects: new Gauge({
      name: 'perdure_bridge_source_objects',
      help: 'Objects of a kind in the copy',
      labelNames: ['kind'],
      registers,
    }),
    temporalUp: new Gauge({ name: 'perdure_bridge_temporal_up', help: '1 while Temporal takes signals', registers }),
    leader: new Gauge({ name: 'perdure_bridge_leader', help: '1 while this process leads', registers }),
    workloadProbeFailures: new Counter({
      name: 'perdure_bridge_workload_probe_failures_total',
      help: 'Probes of workload clusters that failed',
      registers,
    }),
  };
}
