import type { DeploymentFacts } from '../../domain/facts.js';
import { planMachineDeployment, rolloutReason } from '../../domain/plan/machine-deployment.js';
import { kube, wait } from '../lib/activities.js';
import { type LaneHooks, runLane } from '../lib/lane.js';
import { runOperation } from '../lib/operation.js';
import type { LaneInput, LaneResult } from '../types.js';

/** The one writer for a MachineDeployment; the machines are its MachineSets' business. */
export async function machineDeploymentLane(input: LaneInput): Promise<LaneResult> {
  const hooks: LaneHooks<DeploymentFacts> = {
    assess: () =>
      kube.assessMachineDeployment.executeWithOptions({ summary: 'Size the machine sets, write the status' }, [
        { key: input.key },
      ]),
    decide: (facts) => planMachineDeployment(facts),
    operate: async (operation, facts) => {
      if (operation === 'RollingUpgrade')
        return runOperation<DeploymentFacts | undefined>('RollingUpgrade', input, facts, rolloutReason(facts));
      await wait.teardownOwner.executeWithOptions({ summary: 'Delete machine sets, then the finalizer' }, [
        { key: input.key },
      ]);
      return undefined;
    },
    // a rollout plans each step anew and ends by itself when the spec changes
    supersedable: new Set(),
  };
  return runLane(input, hooks);
}
