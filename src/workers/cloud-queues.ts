import type { Client } from '@temporalio/client';
import type { InfraProvider } from '../activities/providers/port.js';
import type { KubeObject } from '../api/types/meta.js';
import { WORKFLOW_QUEUE } from '../workflows/names.js';

/** A worker that polls one queue. */
export interface QueueWorker {
  stop(): Promise<void>;
}

/** What `createCloudQueues` works with. */
export interface CloudQueueOptions {
  readonly providers: readonly InfraProvider[];
  /** Starts polling a queue. */
  start(queue: string): Promise<QueueWorker>;
  readonly client: Client;
  /** Interval of the sweep of an account; absent: no sweeps. */
  readonly sweepEvery?: string;
  readonly log: {
    info(message: string, fields?: Record<string, unknown>): void;
    warn(message: string, fields?: Record<string, unknown>): void;
  };
}

/** Told about every infra cluster that exists; makes one budgeted worker and one sweep schedule per cloud account in use. */
export interface CloudQueues {
  seen(object: KubeObject): Promise<void>;
  gone(object: KubeObject): Promise<void>;
  /**
   * Brings the sweeps in step with the clusters told of, which must be all there are: a schedule is lost with Temporal's database, or left
   * behind when the process that should delete it dies.
   */
  tend(): Promise<void>;
  stop(): Promise<void>;
}

const SCHEDULE_PREFIX = 'drift/';
const scheduleId = (queue: string): string => `${SCHEDULE_PREFIX}${queue}`;

/**
 * A queue is polled from the first infra cluster of its account on until this process ends (deletions need it to the end); the sweep exists only
 * while the account has clusters, so an unused account costs nothing.
 */
export function createCloudQueues(options: CloudQueueOptions): CloudQueues {
  const workers = new Map<string, Promise<QueueWorker>>();
  const clusters = new Map<string, Set<string>>();
  const providers = new Map<string, string>();
  const turns = new Map<string, Promise<void>>();
  /** One at a time per queue: a sweep must not be dropped for one cluster while another comes to need it. */
  const inTurn = (queue: string, work: () => Promise<void>): Promise<void> => {
    const run = (turns.get(queue) ?? Promise.resolve()).then(work);
    turns.set(
      queue,
      run.catch(() => undefined),
    );
    return run;
  };
  const idOf = (o: KubeObject): string => `${o.kind}/${o.metadata.namespace}/${o.metadata.name}`;
  const providerOf = (o: KubeObject): InfraProvider | undefined =>
    options.providers.find((p) => p.clusterKind.kind === o.kind && o.apiVersion.startsWith(`${p.clusterKind.group}/`));

  const ensureSchedule = async (provider: string, queue: string, every: string): Promise<void> => {
    try {
      await options.client.schedule.create({
        scheduleId: scheduleId(queue),
        spec: { intervals: [{ every: every as '10m' }], jitter: '30s' },
        policies: { overlap: 'SKIP', catchupWindow: '1 minute' },
        action: {
          type: 'startWorkflow',
          workflowType: 'DriftSweep',
          taskQueue: WORKFLOW_QUEUE,
          args: [{ provider, queue }],
          workflowId: `drift-sweep/${queue}`,
          // Nobody polls the queue of an account whose last cluster went meanwhile.
          workflowExecutionTimeout: '30 minutes',
          staticSummary: `Compare cloud account queue ${queue} with its clusters`,
        },
      });
    } catch (error) {
      if ((error as { name?: string }).name !== 'ScheduleAlreadyRunning') throw error;
    }
  };

  const dropSchedule = async (queue: string): Promise<void> => {
    try {
      await options.client.schedule.getHandle(scheduleId(queue)).delete();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      options.log.warn('could not delete the sweep of an unused account', { queue, error: reason });
    }
  };

  return {
    async seen(object) {
      const provider = providerOf(object);
      if (!provider) return;
      const queue = provider.taskQueue(object);
      if (!workers.has(queue)) {
        options.log.info('polling a cloud account queue', { queue, provider: provider.name });
        const started = options.start(queue);
        workers.set(queue, started);
        started.catch(() => workers.delete(queue));
      }
      await workers.get(queue);
      const set = clusters.get(queue) ?? new Set<string>();
      clusters.set(queue, set);
      providers.set(queue, provider.name);
      await inTurn(queue, async () => {
        if (set.size === 0 && options.sweepEvery) await ensureSchedule(provider.name, queue, options.sweepEvery);
        set.add(idOf(object));
      });
    },
    async gone(object) {
      for (const [queue, set] of clusters) {
        await inTurn(queue, async () => {
          if (set.delete(idOf(object)) && set.size === 0) await dropSchedule(queue);
        });
      }
    },
    async tend() {
      const needed = (queue: string): boolean =>
        options.sweepEvery !== undefined && (clusters.get(queue)?.size ?? 0) > 0;
      for (const [queue, provider] of providers) {
        await inTurn(queue, async () => {
          if (options.sweepEvery && needed(queue)) await ensureSchedule(provider, queue, options.sweepEvery);
        });
      }
      for await (const { scheduleId: id } of options.client.schedule.list()) {
        if (!id.startsWith(SCHEDULE_PREFIX)) continue;
        const queue = id.slice(SCHEDULE_PREFIX.length);
        await inTurn(queue, async () => {
          if (!needed(queue)) await dropSchedule(queue);
        });
      }
    },
    async stop() {
      const all = await Promise.allSettled(workers.values());
      await Promise.all(all.map((w) => (w.status === 'fulfilled' ? w.value.stop() : undefined)));
    },
  };
}
