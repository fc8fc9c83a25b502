import { type ActivityOptions, proxyActivities } from '@temporalio/workflow';
import type { CloudActivities, KubeActivities, WaitActivities } from '../../activities/interfaces.js';
import { KUBE_QUEUE, WAIT_QUEUE } from '../names.js';

// TRY_CANCEL is the SDK's real default (sdk-typescript#2442): without WAIT_CANCELLATION_COMPLETED a deletion would race the call it cancels.
const waitForCancel = { cancellationType: 'WAIT_CANCELLATION_COMPLETED' } as const satisfies ActivityOptions;

/** Management cluster reads and writes: short, retried for ever. */
export const kube = proxyActivities<KubeActivities>({
  ...waitForCancel,
  taskQueue: KUBE_QUEUE,
  startToCloseTimeout: '60s',
  heartbeatTimeout: '15s',
  retry: { initialInterval: '500ms', backoffCoefficient: 2, maximumInterval: '30s' },
});

/** Waits: long, heartbeating, on a queue with many slots. */
export const wait = proxyActivities<WaitActivities>({
  ...waitForCancel,
  taskQueue: WAIT_QUEUE,
  startToCloseTimeout: '24 hours',
  heartbeatTimeout: '20s',
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '30s' },
});

/** Cloud calls of one account; the queue carries the account's budget. */
export function cloud(taskQueue: string) {
  return proxyActivities<CloudActivities>({
    ...waitForCancel,
    taskQueue,
    startToCloseTimeout: '30 minutes',
    heartbeatTimeout: '20s',
    retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '60s' },
  });
}
