import { proxyActivities } from '@temporalio/workflow';
import type { CloudActivities } from '../../activities/interfaces.js';

/**
 * One sweep over a cloud account and region: a few batched reads for all its clusters; only lanes of what drifted are woken. Where the cloud tells of changes by itself
 * it is listened to until shortly before the next sweep.
 */
export async function DriftSweep(input: {
  readonly provider: string;
  readonly queue: string;
}): Promise<{ checked: number; drifted: number }> {
  const { driftSweep, listenForChanges } = proxyActivities<Pick<CloudActivities, 'driftSweep' | 'listenForChanges'>>({
    taskQueue: input.queue,
    startToCloseTimeout: '30 minutes',
    heartbeatTimeout: '30s',
    cancellationType: 'WAIT_CANCELLATION_COMPLETED',
    retry: { maximumAttempts: 3 },
  });
  const result = await driftSweep.executeWithOptions({ summary: 'Compare the account with its clusters' }, [input]);
  if (result.listens)
    await listenForChanges.executeWithOptions({ summary: 'Listen to what the cloud says of changes' }, [input]);
  return { checked: result.checked, drifted: result.drifted.length };
}
