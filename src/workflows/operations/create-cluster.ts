import type { ClusterFacts } from '../../domain/facts.js';
import { infrastructureDiffers } from '../../domain/plan/cluster.js';
import { wait } from '../lib/activities.js';
import { failWithCause } from '../lib/failures.js';
import { ProgressBoard } from '../lib/progress.js';
import type { OperationInput } from '../types.js';
import { ensureInfrastructure } from './infrastructure.js';

/**
 * Makes the infrastructure of a new cluster and stays until the cluster is available with all its machines: the operation a person watches. What changes or drifts meanwhile
 * is brought to the cloud at once: it may be just what the machines wait for.
 */
export async function CreateCluster(input: OperationInput): Promise<ClusterFacts> {
  const board = new ProgressBoard('CreateCluster', []);
  return failWithCause('CreateCluster', async () => {
    for (;;) {
      await ensureInfrastructure(input, board);
      const facts = await board.step('Cluster available', 'the control plane and the workers to be available', () =>
        wait.awaitClusterAvailable.executeWithOptions({ summary: 'Wait until Available' }, [{ key: input.key }]),
      );
      if (!facts.exists || facts.complete || !infrastructureDiffers(facts)) return facts;
    }
  });
}

/** Brings the cloud back to what the spec says: after drift or a change of the infra spec. */
export async function RepairInfrastructure(input: OperationInput): Promise<void> {
  const board = new ProgressBoard('RepairInfrastructure', []);
  await failWithCause('RepairInfrastructure', () => ensureInfrastructure(input, board));
}
