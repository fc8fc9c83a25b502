import type { ControlPlaneBrief } from '../../domain/facts.js';
import { planControlPlane } from '../../domain/plan/control-plane.js';
import { kube, wait } from '../lib/activities.js';
import { type LaneHooks, runLane } from '../lib/lane.js';
import { runOperation } from '../lib/operation.js';
import type { LaneInput, LaneResult } from '../types.js';

/** The one writer for a KubeadmControlPlane, its certificates and its Machine objects. */
export async function controlPlaneLane(input: LaneInput): Promise<LaneResult> {
  const hooks: LaneHooks<ControlPlaneBrief> = {
    assess: () =>
      kube.assessControlPlane.executeWithOptions({ summary: 'Read the control plane, write its status' }, [
        { key: input.key },
      ]),
    decide: (facts) => planControlPlane(facts),
    operate: async (operation, facts) => {
      if (operation === 'DeleteControlPlane') {
        await wait.teardownOwner.executeWithOptions({ summary: 'Delete machines, then the finalizer' }, [
          { key: input.key },
        ]);
        return undefined;
      }
      return runOperation<ControlPlaneBrief | undefined>(facts.operation, input, facts, facts.why);
    },
    // their waits end by themselves when a change of the spec changes the plan
    supersedable: new Set(),
  };
  return runLane(input, hooks);
}
