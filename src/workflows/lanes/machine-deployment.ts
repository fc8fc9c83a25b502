import type { DeploymentFacts } from '../../domain/facts.js';
import { commonGates } from '../../domain/plan/plan.js';
import { kube, wait } from '../lib/activities.js';
import { type LaneHooks, runLane } from '../lib/lane.js';
import type { LaneInput, LaneResult } from '../types.js';

/** The one writer for a MachineDeployment; the machines are its MachineSets' business. */
export async function machineDeploymentLane(input: LaneInput): Promise<LaneResult> {
  const hooks: LaneHooks<DeploymentFacts> = {
    assess: () =>
      kube.assessMachineDeployment.executeWithOptions({ summary: 'Size the machine set, write the status' }, [
        { key: input.key },
      ]),
    decide: (facts) =>
      commonGates(facts, 'DeleteMachineDeployment') ??
      (facts.ready >= facts.desired && facts.replicas === facts.desired
        ? { do: 'end', outcome: 'Converged', reason: 'all replicas ready' }
        : { do: 'end', outcome: 'Waiting', reason: `${facts.ready} of ${facts.desired} replicas ready` }),
    operate: async () => {
      await wait.teardownOwner.executeWithOptions({ summary: 'Delete machine sets, then the finalizer' }, [
        { key: input.key },
      ]);
    },
    supersedable: new Set(),
  };
  return runLane(input, hooks);
}
