import type { SetFacts } from '../../domain/facts.js';
import { planMachineSet } from '../../domain/plan/replicas.js';
import { kube, wait } from '../lib/activities.js';
import { type LaneHooks, runLane } from '../lib/lane.js';
import { runOperation } from '../lib/operation.js';
import type { LaneInput, LaneResult } from '../types.js';

/** The one writer for a MachineSet and the Machine objects it makes. */
export async function machineSetLane(input: LaneInput): Promise<LaneResult> {
  const hooks: LaneHooks<SetFacts> = {
    assess: () =>
      kube.assessMachineSet.executeWithOptions({ summary: 'Read the machine set, write its status' }, [
        { key: input.key },
      ]),
    decide: (facts) => planMachineSet(facts),
    operate: async (operation, facts) => {
      if (operation === 'DeleteMachineSet') {
        await wait.teardownOwner.executeWithOptions({ summary: 'Delete machines, then the finalizer' }, [
          { key: input.key },
        ]);
        return undefined;
      }
      if (operation === 'RemediateWorkers') {
        const count = facts.step.remediate?.length ?? 0;
        return runOperation<SetFacts>(operation, input, facts, `replace ${count} unhealthy workers`);
      }
      return runOperation<SetFacts | undefined>(
        'ScaleWorkers',
        input,
        facts,
        `scale workers ${facts.live}→${facts.desired}`,
      );
    },
    supersedable: new Set(['ScaleWorkers']),
  };
  return runLane(input, hooks);
}
