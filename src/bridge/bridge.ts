import { Registry } from 'prom-client';
import type { KubeObject } from '../api/types/meta.js';
import type { Config } from '../config/config.js';
import { type KubeClient, kubeFromKubeconfigText } from '../kube/client.js';
import { hostsResolver } from '../kube/hosts.js';
import { LeaderElector } from '../kube/leader-election.js';
import { managementKube } from '../kube/management.js';
import { type Log, silentLog } from '../telemetry/log.js';
import type { Readiness } from '../telemetry/server.js';
import type { LanePort } from './lane-port.js';
import { bridgeMetrics } from './metrics.js';
import { SOURCES, type Source } from './sources.js';
import { temporalPort } from './temporal-port.js';
import { Term, type TermOptions } from './term.js';

export type BridgeConfig = Pick<
  Config,
  'temporal' | 'kube' | 'watch' | 'leaderElection' | 'features' | 'identity' | 'hostsFile'
> &
  Partial<Pick<Config, 'alsoSynced'>>;

/** Parts that a caller brings along: the sandbox its log, tests their doubles. What is brought is not closed. */
export interface BridgeParts {
  readonly kube?: KubeClient;
  readonly port?: LanePort;
  readonly log?: Log;
  readonly registry?: Registry;
  readonly sources?: readonly Source[];
  /** Connects to a workload cluster by its kubeconfig. */
  readonly connect?: TermOptions['connect'];
  readonly tuning?: Pick<
    TermOptions,
    'concurrency' | 'probeEveryMs' | 'minIntervalMs' | 'childIntervalMs' | 'queue' | 'connectionTiming'
  > & {
    readonly leaseDurationMs?: number;
    readonly renewDeadlineMs?: number;
    readonly retryPeriodMs?: number;
  };
}

export interface Bridge {
  /** Ready: standing by, or leading with everything listed. Trouble that heals by itself shows in `details.degraded`. */
  ready(): Readiness;
  /** Gives the lease back and ends all connections. Idempotent. */
  stop(): Promise<void>;
  /** Settles when the bridge has ended; rejects when it ended by a bug. */
  readonly ended: Promise<void>;
}

/** Upstream: --clustercache-client-qps and -burst. */
const WORKLOAD_LIMIT = { qps: 20, burst: 30 };
const WORKLOAD_TIMEOUT_MS = 10_000;
const WATCH_FILTER_LABEL = 'cluster.x-k8s.io/watch-filter';

/**
 * Starts the bridge and returns at once: it competes for the lease, and while it leads it watches the management cluster and signals lanes.
 * Neither Temporal nor the API server need be up.
 */
export async function startBridge(config: BridgeConfig, parts: BridgeParts = {}): Promise<Bridge> {
  const log = parts.log ?? silentLog;
  const kube = parts.kube ?? managementKube(config.kube);
  const port = parts.port ?? temporalPort(config.temporal, `perdure-bridge@${config.identity}`);
  let term: Term | undefined;
  const metrics = bridgeMetrics(
    parts.registry ?? new Registry(),
    () => term?.status().queue ?? { depth: 0, delayed: 0 },
    () => term?.status().workloads ?? { connected: 0, disconnected: 0, nodes: 0 },
  );
  const resolve = hostsResolver(config.hostsFile);
  metrics.leader.set(0);
  const stop = new AbortController();
  const elector = config.leaderElection.enabled ? electorOf(config, kube, log, parts.tuning) : undefined;

  const lead = async (leading: AbortSignal): Promise<void> => {
    metrics.leader.set(1);
    metrics.sourceObjects.reset();
    term = new Term({
      kube,
      port,
      connect:
        parts.connect ??
        ((text) =>
          kubeFromKubeconfigText(text, {
            limit: WORKLOAD_LIMIT,
            requestTimeoutMs: WORKLOAD_TIMEOUT_MS,
            userAgent: 'perdure-bridge',
            ...(resolve ? { resolve } : {}),
          })),
      sources: parts.sources ?? SOURCES,
      namespaces: config.watch.namespaces,
      selects: selectorOf(config.watch.filter),
      signalConverged: config.features.SignalConvergedAtStart,
      ...(config.alsoSynced ? { alsoSynced: config.alsoSynced } : {}),
      metrics,
      log,
      ...parts.tuning,
    });
    await term.run(leading);
    term = undefined;
    metrics.leader.set(0);
  };
  const ended = (elector ? elector.run(stop.signal, lead) : lead(stop.signal)).finally(async () => {
    if (!parts.port) await port.close();
    if (!parts.kube) await kube.close();
  });
  // Whoever awaits `ended` sees the failure; without anybody it must not end the process as an unhandled rejection.
  ended.catch((error: unknown) => log.error('bridge ended by a failure', { error }));

  return {
    ended,
    ready: () => readiness(config, elector, term),
    async stop() {
      stop.abort(new Error('bridge stopped'));
      await ended.catch(() => undefined);
    },
  };
}

function electorOf(
  config: BridgeConfig,
  kube: KubeClient,
  log: Log,
  tuning: BridgeParts['tuning'] = {},
): LeaderElector {
  const { namespace, name } = config.leaderElection;
  return new LeaderElector({
    kube,
    namespace,
    name,
    identity: config.identity,
    log,
    ...(tuning.leaseDurationMs === undefined ? {} : { leaseDurationMs: tuning.leaseDurationMs }),
    ...(tuning.renewDeadlineMs === undefined ? {} : { renewDeadlineMs: tuning.renewDeadlineMs }),
    ...(tuning.retryPeriodMs === undefined ? {} : { retryPeriodMs: tuning.retryPeriodMs }),
  });
}

function selectorOf(filter: string | undefined): (object: KubeObject) => boolean {
  return filter === undefined ? () => true : (object) => object.metadata.labels?.[WATCH_FILTER_LABEL] === filter;
}

function readiness(config: BridgeConfig, elector: LeaderElector | undefined, term: Term | undefined): Readiness {
  if (!term) {
    const details = { role: 'standby', leader: elector?.holder ?? 'unknown', lease: config.leaderElection.name };
    return { ready: elector?.holder !== undefined, details };
  }
  const status = term.status();
  return { ready: status.started, details: { role: 'leader', degraded: term.degraded(), ...status } };
}
