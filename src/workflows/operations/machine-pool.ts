import type { PoolFacts } from '../../domain/facts.js';
import { cloud, kube, wait } from '../lib/activities.js';
import { failWithCause } from '../lib/failures.js';
import { ProgressBoard } from '../lib/progress.js';
import type { OperationInput } from '../types.js';

/** Bootstrap data → group → Nodes. Every step looks for its own earlier result first, so a new run continues where the last ended. */
export async function ProvisionMachinePool(input: OperationInput): Promise<PoolFacts> {
  return converge('ProvisionMachinePool', input);
}

/** Brings a group that differs from its spec to it, and stays until its instances are replaced and ready. */
export async function UpdateMachinePool(input: OperationInput): Promise<PoolFacts> {
  return converge('UpdateMachinePool', input);
}

async function converge(operation: string, { key, provider, cloudQueue }: OperationInput): Promise<PoolFacts> {
  const board = new ProgressBoard(operation, ['Bootstrap data', 'Group', 'Nodes ready']);
  return failWithCause(operation, async () => {
    await board.step('Bootstrap data', undefined, () =>
      kube.poolBootstrap.executeWithOptions({ summary: 'Render bootstrap data' }, [{ key }]),
    );
    if (!provider) {
      await board.step('Group', "the infrastructure provider's object to be provisioned", () =>
        wait.awaitContract.executeWithOptions({ summary: 'Wait for the infra pool' }, [{ key, what: 'infraPool' }]),
      );
      return board.step('Nodes ready', undefined, () =>
        kube.assessMachinePool.executeWithOptions({ summary: 'Count Nodes' }, [{ key }]),
      );
    }
    const account = cloud(cloudQueue);
    const { changes } = await board.step('Group', undefined, () =>
      account.poolEnsure.executeWithOptions({ summary: 'Make or change the group' }, [{ key }]),
    );
    if (changes.length > 0) board.rename('Group', `Group: ${changes.join(', ')}`.slice(0, 200));
    return board.step('Nodes ready', 'the instances to become ready nodes', () =>
      account.poolAwait.executeWithOptions({ summary: 'Wait for the nodes' }, [{ key }]),
    );
  });
}

/** The group, verified gone with its instances; then objects, Nodes and finalizer. */
export async function DeleteMachinePool(input: OperationInput): Promise<void> {
  const { key } = input;
  const board = new ProgressBoard('DeleteMachinePool', [...(input.provider ? ['Remove group'] : []), 'Remove objects']);
  await failWithCause('DeleteMachinePool', async () => {
    if (input.provider) {
      await board.step('Remove group', 'the cloud to terminate the instances', () =>
        cloud(input.cloudQueue).poolDelete.executeWithOptions({ summary: 'Remove the group, wait until gone' }, [
          { key },
        ]),
      );
    }
    await board.step('Remove objects', 'infra and bootstrap objects to be gone', () =>
      wait.poolRemoveObjects.executeWithOptions({ summary: 'Remove objects, Nodes, finalizer' }, [{ key }]),
    );
  });
}
