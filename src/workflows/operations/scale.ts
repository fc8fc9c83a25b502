import { CancellationScope } from '@temporalio/workflow';
import type { ObjectKey } from '../../api/types/meta.js';
import type { SetFacts } from '../../domain/facts.js';
import { kube, wait } from '../lib/activities.js';
import { failWithCause } from '../lib/failures.js';
import { ProgressBoard } from '../lib/progress.js';
import type { OperationInput } from '../types.js';

/**
 * Creates or deletes worker Machines in one batch and waits for the result. A newer spec cancels the wait: the operation then ends as cancelled and
 * the lane plans again from what is there.
 */
export async function ScaleWorkers(input: OperationInput): Promise<SetFacts> {
  const board = new ProgressBoard('ScaleWorkers', ['Plan']);
  const { key } = input;
  return failWithCause('ScaleWorkers', async () => {
    let facts = await board.step('Plan', undefined, () =>
      kube.assessMachineSet.executeWithOptions({ summary: 'Count machines' }, [{ key }]),
    );
    const { create, remove } = facts.step;
    const leaving = [...remove, ...facts.leaving].sort();
    await CancellationScope.nonCancellable(() => change(board, key, create, remove));
    if (create.length > 0) {
      facts = await board.step('Machines available', namesOf(create), () =>
        wait.awaitMachines.executeWithOptions({ summary: 'Wait until available' }, [
          { key, names: create, until: 'available' },
        ]),
      );
    }
    if (leaving.length > 0) {
      facts = await board.step('Machines gone', namesOf(leaving), () =>
        wait.awaitMachines.executeWithOptions({ summary: 'Wait until gone' }, [{ key, names: leaving, until: 'gone' }]),
      );
    }
    return facts;
  });
}

/**
 * Deletes unhealthy Machines that a health check wants replaced, each marked before. What makes up for them is scaling: the lane goes on with that.
 */
export async function RemediateWorkers({ key }: OperationInput): Promise<SetFacts> {
  const board = new ProgressBoard('RemediateWorkers', ['Plan']);
  const look = (summary: string) => kube.assessMachineSet.executeWithOptions({ summary }, [{ key }]);
  return failWithCause('RemediateWorkers', async () => {
    const facts = await board.step('Plan', undefined, () => look('Find machines to be replaced'));
    const names = facts.step.remediate ?? [];
    if (names.length === 0) return facts;
    await board.step(`Delete ${names.length} unhealthy machines`, namesOf(names), () =>
      kube.remediateMachines.executeWithOptions({ summary: `Replace ${names.join(', ')}`.slice(0, 180) }, [
        { key, names },
      ]),
    );
    return look('Count machines');
  });
}

const namesOf = (machines: readonly string[]): string =>
  `machines ${machines.slice(0, 10).join(', ')}${machines.length > 10 ? ` and ${machines.length - 10} more` : ''}`;

async function change(
  board: ProgressBoard,
  key: ObjectKey,
  create: readonly string[],
  remove: readonly string[],
): Promise<void> {
  if (create.length > 0) {
    await board.step(`Create ${create.length} machines`, undefined, () =>
      kube.createWorkerMachines.executeWithOptions({ summary: `Create ${create.join(', ')}`.slice(0, 180) }, [
        { key, names: create },
      ]),
    );
  }
  if (remove.length > 0) {
    await board.step(`Delete ${remove.length} machines`, undefined, () =>
      kube.deleteMachines.executeWithOptions({ summary: `Delete ${remove.join(', ')}`.slice(0, 180) }, [
        { key, names: remove },
      ]),
    );
  }
}
