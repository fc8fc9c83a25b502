import { workflowInfo } from '@temporalio/workflow';
import { wait } from '../lib/activities.js';
import { failWithCause } from '../lib/failures.js';
import { ProgressBoard } from '../lib/progress.js';
import type { OperationInput } from '../types.js';
import { collect, planCollection } from './collect.js';
import { removeInfrastructure } from './infrastructure.js';

const ASK = "Have the cluster's controllers clean up";
const SWEEP = 'Collect external resources';

/**
 * What controllers in the cluster made, then workers, then the control plane, then the infrastructure, then the finalizer; each gate is full absence. Source: capi cluster
 * delete order; what the cluster made is asked for first and searched for when nothing can make more.
 */
export async function DeleteCluster(input: OperationInput): Promise<void> {
  const board = new ProgressBoard('DeleteCluster', ['Delete workers', 'Delete control plane']);
  const { key } = input;
  const attempt = workflowInfo().workflowId.split('/').at(-1) ?? '';
  await failWithCause('DeleteCluster', async () => {
    const { ask, claims, sweep } = await planCollection(input);
    if (ask) {
      await board.step(ASK, "the cluster's own controllers to remove what they made", () =>
        collect(input, attempt, 'ask', claims),
      );
    }
    await board.step('Delete workers', 'worker machines to be gone', () =>
      wait.deleteWorkers.executeWithOptions({ summary: 'Delete workers, wait until gone' }, [{ key }]),
    );
    await board.step('Delete control plane', 'control plane machines to be gone', () =>
      wait.deleteControlPlane.executeWithOptions({ summary: 'Delete control plane, wait until gone' }, [{ key }]),
    );
    if (sweep) {
      const { summary } = await board.step(SWEEP, 'what the cluster made in its cloud to be gone', () =>
        collect(input, attempt, 'sweep'),
      );
      board.rename(SWEEP, `${SWEEP}: ${summary}`.slice(0, 300));
    }
    await removeInfrastructure(input, board);
    await board.step('Remove the finalizer', undefined, () =>
      wait.clusterFinalize.executeWithOptions({ summary: 'Delete the infra object, drop the finalizer' }, [{ key }]),
    );
  });
}
