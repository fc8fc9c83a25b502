import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { type ActivityInboundCallsInterceptor, NativeConnection, Worker, type WorkerOptions } from '@temporalio/worker';
import type { ActivityDeps } from '../activities/deps.js';
import { createCloudActivities, createKubeActivities, createWaitActivities } from '../activities/index.js';
import { createFailureInterceptor } from '../activities/interceptors/failures.js';
import { createReporter } from '../activities/kube/report.js';
import type { TemporalConfig } from '../config/config.js';
import { temporalConnection } from '../config/temporal.js';
import { KUBE_QUEUE, WAIT_QUEUE, WORKFLOW_QUEUE } from '../workflows/names.js';
import { type CloudQueues, createCloudQueues, type QueueWorker } from './cloud-queues.js';

export interface WorkersOptions {
  readonly temporal: TemporalConfig;
  readonly deps: ActivityDeps;
  /** Cloud activities started per second and account, enforced by the server over all workers. */
  readonly cloudActivitiesPerSecond: number;
  /** Absent: accounts are not compared with their clusters. */
  readonly sweepEvery?: string;
  readonly identity: string;
  /** Outermost first, before the product's own. */
  readonly activityInterceptors?: readonly ActivityInboundCallsInterceptor[];
}

export interface RunningWorkers {
  readonly queues: CloudQueues;
  readonly client: Client;
  /** Resolves when all workers have stopped; rejects when one fails. */
  readonly done: Promise<void>;
  stop(): Promise<void>;
}

/** The bundle made at build time; same SDK version makes and loads it. */
export const bundlePath = (): string => fileURLToPath(new URL('../workflow-bundle.js', import.meta.url));

/** Starts this process's workers: workflows, management-cluster calls, waits, and one per cloud account as clusters appear. */
export async function startWorkers(options: WorkersOptions): Promise<RunningWorkers> {
  const { deps, temporal } = options;
  const connection = await NativeConnection.connect(temporalConnection(temporal));
  const clientConnection = await Connection.connect(temporalConnection(temporal));
  const client = new Client({ connection: clientConnection, namespace: temporal.namespace });
  const interceptor = createFailureInterceptor(createReporter(deps.kube, deps.now, deps.log));
  const common: Omit<WorkerOptions, 'taskQueue'> = {
    connection,
    namespace: temporal.namespace,
    identity: options.identity,
    shutdownGraceTime: '10s',
    shutdownForceTime: '20s',
    // Heartbeats carry cancellation: throttled to 2 s, a deletion pre-empts what runs within that time.
    maxHeartbeatThrottleInterval: '2s',
    defaultHeartbeatThrottleInterval: '2s',
    interceptors: {
      activity: [...(options.activityInterceptors ?? []), interceptor].map((inbound) => () => ({ inbound })),
    },
  };
  const runs: Promise<void>[] = [];
  const workers: Worker[] = [];
  const launch = async (extra: Omit<WorkerOptions, 'connection'>): Promise<Worker> => {
    const worker = await Worker.create({ ...common, ...extra });
    workers.push(worker);
    runs.push(worker.run());
    return worker;
  };
  await launch({
    taskQueue: WORKFLOW_QUEUE,
    workflowBundle: { codePath: bundlePath() },
    maxConcurrentWorkflowTaskExecutions: 40,
    maxCachedWorkflows: 500,
  });
  await launch({
    taskQueue: KUBE_QUEUE,
    activities: createKubeActivities(deps),
    maxConcurrentActivityTaskExecutions: 60,
  });
  await launch({
    taskQueue: WAIT_QUEUE,
    activities: createWaitActivities(deps),
    maxConcurrentActivityTaskExecutions: 500,
  });
  const cloudActivities = createCloudActivities(deps);
  const queues = createCloudQueues({
    providers: deps.providers.all,
    client,
    ...(options.sweepEvery ? { sweepEvery: options.sweepEvery } : {}),
    log: deps.log,
    start: async (queue): Promise<QueueWorker> => {
      const worker = await launch({
        taskQueue: queue,
        activities: cloudActivities,
        maxConcurrentActivityTaskExecutions: 200,
        maxTaskQueueActivitiesPerSecond: options.cloudActivitiesPerSecond,
      });
      return { stop: async () => stopWorker(worker) };
    },
  });
  let failed: (error: unknown) => void = () => undefined;
  const done = new Promise<void>((resolve, reject) => {
    failed = reject;
    Promise.all(runs).then(() => resolve(), reject);
  });
  return {
    queues,
    client,
    done,
    async stop() {
      for (const worker of workers) stopWorker(worker);
      await Promise.allSettled(runs);
      await clientConnection.close();
      await connection.close();
      failed(undefined);
    },
  };
}

function stopWorker(worker: Worker): void {
  if (worker.getState() === 'RUNNING') worker.shutdown();
}
