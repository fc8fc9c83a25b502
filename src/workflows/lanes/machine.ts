import type { MachineFacts } from '../../domain/facts.js';
import { planMachine } from '../../domain/plan/machine.js';
import { kube } from '../lib/activities.js';
import { type LaneHooks, runLane } from '../lib/lane.js';
import { runOperation } from '../lib/operation.js';
import type { OperationName } from '../names.js';
import type { LaneInput, LaneResult } from '../types.js';

const TITLES: Readonly<Record<string, string>> = {
  ProvisionMachine: 'provision machine',
  RepairMachine: 'repair machine',
  DeleteMachine: 'delete machine',
};

/** The one writer for a Machine, its bootstrap config and its infra machine. */
export async function machineLane(input: LaneInput): Promise<LaneResult> {
  const hooks: LaneHooks<MachineFacts> = {
    assess: () =>
      kube.assessMachine.executeWithOptions({ summary: 'Read the machine, write its status' }, [{ key: input.key }]),
    decide: (facts) => planMachine(facts),
    operate: (operation, facts) => {
      const title = TITLES[operation] ?? operation;
      return runOperation<MachineFacts | undefined>(operation as OperationName, input, facts, title);
    },
    supersedable: new Set(),
  };
  return runLane(input, hooks);
}
