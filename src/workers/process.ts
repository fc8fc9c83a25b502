import { type ActivityInboundCallsInterceptor, DefaultLogger, Runtime } from '@temporalio/worker';
import type { ActivityDeps } from '../activities/deps.js';
import { createAwsProvider } from '../activities/providers/aws/index.js';
import { createRegistry } from '../activities/providers/registry.js';
import { createWorkloadClients } from '../activities/workload/client.js';
import { createNodeChanges } from '../activities/workload/node-changes.js';
import { readConfig } from '../config/config.js';
import { readWorkerConfig } from '../config/workers.js';
import { parseGoDuration } from '../domain/go-duration.js';
import { createChanges } from '../kube/changes.js';
import { eventRecorder } from '../kube/events.js';
import { hostsResolver } from '../kube/hosts.js';
import { managementKube } from '../kube/management.js';
import { createLogger } from '../telemetry/logger.js';
import { addProcessMetrics, createRegistry as createMetrics } from '../telemetry/metrics.js';
import { startTelemetryServer } from '../telemetry/server.js';
import { rfc3339, temporalScope } from './deps.js';
import { watchInfraClusters } from './infra-watch.js';
import { startWorkers } from './workers.js';

/** What a caller adds to the process; tests put faults in this way. */
export interface WorkerProcessParts {
  /** Outermost first, before the product's own. */
  readonly activityInterceptors?: readonly ActivityInboundCallsInterceptor[];
}

/** A sweep that listens ends before its schedule's next, and before its schedule gives it up. */
const LONGEST_LISTENING_MS = 25 * 60_000;
const listenMsOf = (every: string): number =>
  Math.min(0.95 * 1_000 * (parseGoDuration(every) ?? 0), LONGEST_LISTENING_MS);

/** The worker process: reads its settings, serves until SIGTERM or SIGINT, and resolves when all workers have stopped. */
export async function runWorkerProcess(parts: WorkerProcessParts = {}): Promise<void> {
  const config = readConfig();
  const settings = readWorkerConfig();
  const log = createLogger({ level: config.log.level, fields: { process: 'workers' } });
  Runtime.install({ logger: new DefaultLogger('WARN'), shutdownSignals: [] });
  const kube = managementKube(config.kube);
  const resolve = hostsResolver(config.hostsFile);
  const clients = createWorkloadClients(kube, resolve);
  const ending = new AbortController();
  const changes = createChanges(kube, log, ending.signal);
  const nodeChanges = createNodeChanges(changes, log);
  const recorder = eventRecorder({ kube, component: 'perdure', log });
  const aws = createAwsProvider({
    serviceEndpoints: settings.awsServiceEndpoints,
    now: () => new Date(),
    managerNamespace: settings.managerNamespace,
    controllerIdentityAutoCreate: true,
    externalResourceGC: config.features.ExternalResourceGC,
    instanceEvents: config.features.EventBridgeInstanceState,
    ...(resolve ? { resolves: async (host: string) => (await resolve(host)) !== undefined } : {}),
  });
  const deps: ActivityDeps = {
    kube,
    providers: createRegistry([aws]),
    workload: (cluster, signal) => clients.get(cluster, signal),
    workloadAnswered: (cluster) => clients.answered(cluster),
    now: rfc3339,
    scope: temporalScope,
    event: (object, type, reason, message) => {
      void recorder.record(object, type, reason, message);
    },
    log,
    changes,
    nodeChanges,
    pollMs: settings.pollMs,
    initializeNodes: settings.nodeInitialization === 'perdure',
    alsoSynced: settings.alsoSynced,
    ...(config.features.DriftSweep ? { listenMs: listenMsOf(settings.sweepEvery) } : {}),
  };
  const workers = await startWorkers({
    temporal: config.temporal,
    deps,
    cloudActivitiesPerSecond: settings.cloudActivitiesPerSecond,
    ...(config.features.DriftSweep ? { sweepEvery: settings.sweepEvery } : {}),
    identity: config.identity,
    ...(parts.activityInterceptors ? { activityInterceptors: parts.activityInterceptors } : {}),
  });
  const watching = watchInfraClusters(kube, deps.providers.all, workers.queues, log);
  const registry = createMetrics({ process: 'workers' });
  addProcessMetrics(registry);
  const health = await startTelemetryServer({
    ...config.health,
    registry,
    ready: () => ({ ready: watching.synced(), details: { infraClustersWatched: watching.synced() } }),
  });
  log.info('workers ready', { temporal: config.temporal.address });
  const stop = async (): Promise<void> => {
    watching.stop();
    await workers.stop();
    nodeChanges.close();
    ending.abort();
    await health.stop();
    await clients.close();
    await kube.close();
  };
  let stopping: Promise<void> | undefined;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      stopping ??= stop().then(() => process.exit(0));
    });
  }
  await workers.done;
  await (stopping ?? stop());
}
