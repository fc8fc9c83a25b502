import { wait } from '../lib/activities.js';
import { failWithCause } from '../lib/failures.js';
import { ProgressBoard } from '../lib/progress.js';
import type { OperationInput } from '../types.js';
import { removeInfrastructure } from './infrastructure.js';

/** Workers, then the control plane, then the infrastructure, then the finalizer; each gate is full absence. Source: capi cluster delete order. */
export async function DeleteCluster(input: OperationInput): Promise<void> {
  const board = new ProgressBoard('DeleteCluster', ['Delete workers', 'Delete control plane']);
  const { key } = input;
  await failWithCause('DeleteCluster', async () => {
    await board.step('Delete workers', 'worker machines to be gone', () =>
      wait.deleteWorkers.executeWithOptions({ summary: 'Delete workers, wait until gone' }, [{ key }]),
    );
    await board.step('Delete control plane', 'control plane machines to be gone', () =>
      wait.deleteControlPlane.executeWithOptions({ summary: 'Delete control plane, wait until gone' }, [{ key }]),
    );
    await removeInfrastructure(input, board);
    await board.step('Remove the finalizer', undefined, () =>
      wait.clusterFinalize.executeWithOptions({ summary: 'Delete the infra object, drop the finalizer' }, [{ key }]),
    );
  });
}
