import { wait } from '../lib/activities.js';
import { failWithCause } from '../lib/failures.js';
import { ProgressBoard } from '../lib/progress.js';
import type { OperationInput } from '../types.js';
import { ensureInfrastructure } from './infrastructure.js';

/** Makes the infrastructure of a new cluster and stays until the cluster is available: the operation a person watches. */
export async function CreateCluster(input: OperationInput): Promise<void> {
  const board = new ProgressBoard('CreateCluster', []);
  await failWithCause('CreateCluster', async () => {
    await ensureInfrastructure(input, board);
    await board.step('Cluster available', 'the control plane and the workers to be available', () =>
      wait.awaitClusterAvailable.executeWithOptions({ summary: 'Wait until Available' }, [{ key: input.key }]),
    );
  });
}

/** Brings the cloud back to what the spec says: after drift or a change of the infra spec. */
export async function RepairInfrastructure(input: OperationInput): Promise<void> {
  const board = new ProgressBoard('RepairInfrastructure', []);
  await failWithCause('RepairInfrastructure', () => ensureInfrastructure(input, board));
}
