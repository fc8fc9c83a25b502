import type { ControlPlaneFacts } from '../../domain/facts.js';
import { planControlPlaneStep } from '../../domain/plan/control-plane.js';
import { kube, wait } from '../lib/activities.js';
import { failWithCause } from '../lib/failures.js';
import { ProgressBoard } from '../lib/progress.js';
import type { OperationInput } from '../types.js';

const MAX_STEPS = 60;

/** One machine at a time, each healthy before the next: initialize, join, or remove with its etcd member. */
export async function ScaleControlPlane(input: OperationInput): Promise<ControlPlaneFacts> {
  const board = new ProgressBoard('ScaleControlPlane', []);
  const { key } = input;
  return failWithCause('ScaleControlPlane', async () => {
    let facts = await kube.assessControlPlane.executeWithOptions({ summary: 'Read the control plane' }, [{ key }]);
    for (let i = 0; i < MAX_STEPS; i++) {
      if (facts.deleting || facts.clusterDeleting || facts.paused || !facts.exists) return facts;
      const step = planControlPlaneStep(facts);
      if (step.kind === 'done') return facts;
      if (step.kind === 'create') {
        await board.step(`Create ${step.name}`, undefined, () =>
          kube.createControlPlaneMachine.executeWithOptions({ summary: `Create ${step.name}` }, [
            { key, name: step.name, ...(step.failureDomain ? { failureDomain: step.failureDomain } : {}) },
          ]),
        );
        facts = await awaitMachine(board, input, step.name, 'healthy', `machine ${step.name} to be a healthy member`);
      } else if (step.kind === 'remove') {
        await board.step(`Remove ${step.name}`, 'etcd to let the member go', () =>
          wait.removeControlPlaneMachine.executeWithOptions({ summary: `Remove ${step.name} from etcd, delete it` }, [
            { key, name: step.name },
          ]),
        );
        facts = await awaitMachine(board, input, step.name, 'gone', `machine ${step.name} to be gone`);
      } else if (step.kind === 'evict') {
        const { member } = step;
        const what = `etcd member ${member.name || member.id}`;
        await board.step(`Remove ${what}`, 'etcd to let the member go', () =>
          wait.evictMember.executeWithOptions({ summary: `Remove ${what}, which has no machine` }, [{ key, member }]),
        );
        facts = await kube.assessControlPlane.executeWithOptions({ summary: 'Read the control plane' }, [{ key }]);
      } else {
        facts = await awaitMachine(board, input, step.name, step.until, step.reason);
      }
    }
    return facts;
  });
}

function awaitMachine(
  board: ProgressBoard,
  input: OperationInput,
  name: string,
  until: 'healthy' | 'gone',
  why: string,
): Promise<ControlPlaneFacts> {
  return board.step(`${name} ${until}`, why, () =>
    wait.awaitControlPlaneMachine.executeWithOptions({ summary: `Wait until ${name} is ${until}` }, [
      { key: input.key, name, until },
    ]),
  );
}
