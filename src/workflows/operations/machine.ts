import type { DeletionStage } from '../../activities/interfaces.js';
import type { ObjectKey } from '../../api/types/meta.js';
import { type DeletionOutlook, NOTHING_TO_WAIT_FOR } from '../../domain/drain/outlook.js';
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

/** Stages that are waited for: name, what the UI says at first, the part of the outlook it applies by. */
const STAGES = [
  { stage: 'pre-drain', name: 'Pre-drain hooks', waits: 'those who hold pre-drain hooks', by: 'preDrainHooks' },
  { stage: 'drain', name: 'Drain', waits: 'the pods to leave the node', by: 'drain' },
  { stage: 'volumes', name: 'Detach volumes', waits: 'the volumes to be detached from the node', by: 'volumes' },
  {
    stage: 'pre-terminate',
    name: 'Pre-terminate hooks',
    waits: 'those who hold pre-terminate hooks',
    by: 'preTerminateHooks',
  },
] as const;
/** How often a stage may come back to say what is in the way: each time costs history. */
const MOST_REPORTS = 3;
const SEE = '; condition Deleting of the Machine says more';

/**
 * Hooks, drain, volumes, hooks, then a control plane member leaves etcd; then the instance, verified gone; then objects, Node and finalizer. A step that is
 * over is not taken again, and one that does not apply costs nothing: each stage answers which of the next ones do.
 */
export async function DeleteMachine(input: OperationInput): Promise<void> {
  const { key } = input;
  let outlook = input.deletion ?? NOTHING_TO_WAIT_FOR;
  const board = new ProgressBoard('DeleteMachine', [
    ...STAGES.filter((s) => outlook[s.by]).map((s) => s.name),
    ...(outlook.member ? ['Leave the control plane'] : []),
    ...(input.provider ? ['Terminate instance'] : []),
    'Remove objects',
  ]);
  await failWithCause('DeleteMachine', async () => {
    for (const { stage, name, waits, by } of STAGES) {
      if (!outlook[by]) continue;
      outlook = await board.step(name, `${waits}${SEE}`, () => awaitStage(board, key, stage, name));
    }
    if (outlook.member) {
      await board.step('Leave the control plane', `etcd to let the member go${SEE}`, () =>
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

/** Stays in a stage until it is over; what is in the way for long is shown, a few times. */
async function awaitStage(
  board: ProgressBoard,
  key: ObjectKey,
  stage: DeletionStage,
  name: string,
): Promise<DeletionOutlook> {
  let told: string | undefined;
  for (let reports = 0; ; reports++) {
    const end = await wait.awaitDeletionStage.executeWithOptions({ summary: name }, [
      { key, stage, ...(told === undefined ? {} : { told }), ...(reports < MOST_REPORTS ? {} : { quiet: true }) },
    ]);
    if (end.waitingFor === undefined) return end.next;
    told = end.waitingFor;
    board.waits(`${told}${SEE}`);
  }
}
