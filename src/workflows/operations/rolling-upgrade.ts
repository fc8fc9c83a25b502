import type { DeploymentFacts } from '../../domain/facts.js';
import { wait } from '../lib/activities.js';
import { failWithCause } from '../lib/failures.js';
import { ProgressBoard } from '../lib/progress.js';
import type { OperationInput } from '../types.js';

/** A rollout is shown in about this many parts, however many machines it replaces. */
const PARTS = 20;
/** More than a rollout of any size takes; one whose spec changes all the time is planned anew by the lane. */
const MOST_PARTS = 100;

/**
 * Replaces the machines of a MachineDeployment that are not of its template, within its maxSurge and maxUnavailable. Every step is decided from what is
 * there: killed anywhere it goes on, cancelled it stays where it is.
 */
export async function RollingUpgrade({ key, generation }: OperationInput): Promise<DeploymentFacts> {
  const board = new ProgressBoard('RollingUpgrade', []);
  return failWithCause('RollingUpgrade', async () => {
    let turns = 1;
    let told = '';
    for (let part = 1; ; part++) {
      const facts = await board.step(`Part ${part}`, told || undefined, () =>
        wait.rollOut.executeWithOptions({ summary: `Roll out, part ${part}` }, [{ key, turns, generation, told }]),
      );
      const { rollout, desired } = facts;
      board.rename(
        `Part ${part}`,
        `${rollout.done} of ${desired} machines new and available, ${rollout.left} old ones left`,
      );
      board.expect(rollout.forecast);
      if (!rollout.rolling || facts.generation !== generation || facts.deleting || facts.paused || part >= MOST_PARTS)
        return facts;
      turns = Math.max(1, Math.ceil(desired / PARTS));
      told = rollout.waitingFor;
    }
  });
}
