import type { MachineFacts } from '../../domain/facts.js';
import { cloud, kube, wait } from '../lib/activities.js';
import { failWithCause } from '../lib/failures.js';
import { ProgressBoard } from '../lib/progress.js';
import type { OperationInput } from '../types.js';

/** Bootstrap data → instance → node. Every step looks for its own earlier result first, so a new run continues where the last ended. */
export async function ProvisionMachine(input: OperationInput): Promise<MachineFacts> {
  const board = new ProgressBoard('ProvisionMachine', [
    'Bootstrap data',
    'Create instance',
    'Instance running',
    'Node ready',
  ]);
  const { key } = input;
  return failWithCause('ProvisionMachine', async () => {
    await board.step('Bootstrap data', 'its turn to initialize or join the control plane', () =>
      kube.machineBootstrap.executeWithOptions({ summary: 'Render bootstrap data' }, [{ key }]),
    );
    if (input.provider) {
      const account = cloud(input.cloudQueue);
      await board.step('Create instance', undefined, () =>
        account.machineCreateInstance.executeWithOptions({ summary: 'Create the instance' }, [{ key }]),
      );
      await board.step('Instance running', 'the cloud to start the instance', () =>
        account.machineAwaitInstance.executeWithOptions({ summary: 'Wait until running' }, [{ key }]),
      );
    } else {
      await board.step('Instance running', "the infrastructure provider's object to be provisioned", () =>
        wait.awaitContract.executeWithOptions({ summary: 'Wait for the infra machine' }, [
          { key, what: 'infraMachine' },
        ]),
      );
    }
    return board.step('Node ready', 'kubeadm to finish and the node to become Ready', () =>
      (input.provider ? cloud(input.cloudQueue) : wait).awaitMachineNode.executeWithOptions(
        { summary: 'Wait for the node' },
        [{ key }],
      ),
    );
  });
}

/** Brings a drifted instance back: registration, groups and tags are repaired by looking at it. */
export async function RepairMachine(input: OperationInput): Promise<void> {
  const board = new ProgressBoard('RepairMachine', ['Repair instance']);
  await failWithCause('RepairMachine', () =>
    board.step('Repair instance', undefined, async () => {
      await cloud(input.cloudQueue).machineAwaitInstance.executeWithOptions(
        { summary: 'Look at the instance, repair it' },
        [{ key: input.key }],
      );
    }),
  );
}

/** A control plane member leaves etcd first; then the instance, verified gone; then objects, Node and finalizer. */
export async function DeleteMachine(input: OperationInput): Promise<void> {
  const board = new ProgressBoard('DeleteMachine', ['Terminate instance', 'Remove objects']);
  const { key } = input;
  await failWithCause('DeleteMachine', async () => {
    if (input.controlPlane) {
      await board.step('Leave the control plane', 'etcd to let the member go', () =>
        wait.leaveControlPlane.executeWithOptions({ summary: 'Leave etcd' }, [{ key }]),
      );
    }
    if (input.provider) {
      await board.step('Terminate instance', 'the cloud to terminate the instance', () =>
        cloud(input.cloudQueue).machineDeleteInstance.executeWithOptions({ summary: 'Terminate, wait until gone' }, [
          { key },
        ]),
      );
    }
    await board.step('Remove objects', 'infra and bootstrap objects to be gone', () =>
      wait.machineRemoveObjects.executeWithOptions({ summary: 'Remove objects, Node, finalizer' }, [{ key }]),
    );
  });
}
