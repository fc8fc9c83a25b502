import type { ControlPlaneFacts } from '../../domain/facts.js';
import { planControlPlane } from '../../domain/plan/control-plane.js';
import { kube, wait } from '../lib/activities.js';
import { type LaneHooks, runLane } from '../lib/lane.js';
import { runOperation } from '../lib/operation.js';
import type { LaneInput, LaneResult } from '../types.js';

/** The one writer for a KubeadmControlPlane, its certificates and its Machine objects. */
export async function controlPlaneLane(input: LaneInput): Promise<LaneResult> {
  const hooks: LaneHooks<ControlPlaneFacts> = {
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
      const live = facts.machines.filter((m) => !m.deleting).length;
      return runOperation<ControlPlaneFacts | undefined>(
        'ScaleControlPlane',
        input,
        facts,
        `scale control plane ${live}→${facts.desired}`,
      );
    },
    supersedable: new Set(),
  };
  return runLane(input, hooks);
}
