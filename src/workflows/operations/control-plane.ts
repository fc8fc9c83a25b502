import type { ControlPlaneBrief, ControlPlaneOperation, ControlPlaneStep } from '../../domain/facts.js';
import { mayTake } from '../../domain/plan/control-plane.js';
import { kube, wait } from '../lib/activities.js';
import { failWithCause } from '../lib/failures.js';
import { ProgressBoard } from '../lib/progress.js';
import type { OperationInput } from '../types.js';

const MAX_STEPS = 60;
const MAINTENANCE_ATTEMPTS = 4;

type Await = Pick<Extract<ControlPlaneStep, { kind: 'await' }>, 'name' | 'until'> & { readonly why: string };

/** One machine at a time, each healthy before the next: initialize, join, or remove with its etcd member. */
export function ScaleControlPlane(input: OperationInput): Promise<ControlPlaneBrief> {
  return followPlan('ScaleControlPlane', input);
}

/**
 * Replaces the machines of a control plane that are not up to date, one by one: a new version, another configuration, another template, certificates
 * that expire. Nothing is taken away unless all the others are healthy and etcd keeps its quorum.
 */
export function UpgradeControlPlane(input: OperationInput): Promise<ControlPlaneBrief> {
  return followPlan('UpgradeControlPlane', input);
}

/** Replaces an unhealthy machine: it is written down, deleted, and a new one takes its place. */
export function RemediateControlPlane(input: OperationInput): Promise<ControlPlaneBrief> {
  return followPlan('RemediateControlPlane', input);
}

/**
 * Brings kube-proxy and CoreDNS to the control plane's version and notes when certificates expire, once all machines are up to date. It gives up after a few
 * attempts, so that machines that fall ill meanwhile are not kept waiting; the lane tries again.
 */
export function MaintainControlPlane(input: OperationInput): Promise<ControlPlaneBrief> {
  return followPlan('MaintainControlPlane', input);
}

/** Step by step until the plan is done or becomes another operation's. The plan is made anew after each step, from what is there. */
async function followPlan(operation: ControlPlaneOperation, { key }: OperationInput): Promise<ControlPlaneBrief> {
  const board = new ProgressBoard(operation, []);
  const look = { summary: 'Read the control plane' };
  return failWithCause(operation, async () => {
    let brief = await kube.assessControlPlane.executeWithOptions(look, [{ key }]);
    let taken = '';
    for (let i = 0; i < MAX_STEPS; i++) {
      const { step } = brief;
      board.expect(brief.forecast);
      if (!brief.exists || brief.paused || brief.deleting || brief.clusterDeleting) return brief;
      if (step.kind === 'done' || !mayTake(operation, brief)) return brief;
      // what changed nothing is left to the lane, which tries later each time
      if (JSON.stringify(step) === taken) return brief;
      if (step.kind !== 'await') taken = JSON.stringify(step);
      const next =
        step.kind === 'await'
          ? { name: step.name, until: step.until, why: `${step.unblock}: ${step.reason}` }
          : await take(board, key, step);
      brief = next
        ? await board.step(`${next.name} ${next.until}`, next.why, () =>
            wait.awaitControlPlane.executeWithOptions({ summary: `Wait until ${next.name} is ${next.until}` }, [
              { key, name: next.name, until: next.until },
            ]),
          )
        : await kube.assessControlPlane.executeWithOptions(look, [{ key }]);
    }
    return brief;
  });
}

/** Does the step; answers what has to be waited for afterwards, if anything. */
async function take(
  board: ProgressBoard,
  key: OperationInput['key'],
  step: Exclude<ControlPlaneStep, { kind: 'await' | 'done' }>,
): Promise<Await | undefined> {
  switch (step.kind) {
    case 'create': {
      const { kind: _, prepare, ...machine } = step;
      if (prepare) {
        await board.step('Prepare the workload cluster', 'kubeadm-config and permissions', () =>
          wait.prepareControlPlaneUpgrade.executeWithOptions({ summary: 'Permissions and kubeadm-config' }, [{ key }]),
        );
      }
      await board.step(`Create ${step.name}`, undefined, () =>
        kube.createControlPlaneMachine.executeWithOptions({ summary: `Create ${step.name}` }, [{ key, ...machine }]),
      );
      return { name: step.name, until: 'healthy', why: `machine ${step.name} to be a healthy member` };
    }
    case 'remove':
      await board.step(`Remove ${step.name}`, 'etcd leadership to move away', () =>
        wait.removeControlPlaneMachine.executeWithOptions(
          { summary: `Remove ${step.name}: ${step.why}`.slice(0, 180) },
          [{ key, name: step.name }],
        ),
      );
      return { name: step.name, until: 'gone', why: `machine ${step.name} to be gone` };
    case 'remediate': {
      const { record } = step;
      await board.step(`Replace ${record.machine}`, 'etcd leadership to move away', () =>
        wait.remediateControlPlaneMachine.executeWithOptions({ summary: `Delete ${record.machine}, unhealthy` }, [
          { key, record },
        ]),
      );
      return { name: record.machine, until: 'gone', why: `machine ${record.machine} to be gone` };
    }
    case 'forget':
      await board.step(`End the replacement of ${step.record.machine}`, undefined, () =>
        kube.endRemediation.executeWithOptions({ summary: `${step.record.machine} needs no replacement` }, [
          { key, record: step.record },
        ]),
      );
      return undefined;
    case 'maintain': {
      const parts = step.parts.join(', ');
      await board.step(`Bring up to date: ${parts}`, 'the workload cluster', () =>
        wait.finishControlPlaneUpgrade.executeWithOptions(
          { summary: `Bring up to date: ${parts}`, retry: { maximumAttempts: MAINTENANCE_ATTEMPTS } },
          [{ key }],
        ),
      );
      return undefined;
    }
    case 'evict': {
      const { member } = step;
      const what = `etcd member ${member.name || member.id}`;
      await board.step(`Remove ${what}`, 'etcd to let the member go', () =>
        wait.evictMember.executeWithOptions({ summary: `Remove ${what}, which has no machine` }, [{ key, member }]),
      );
      return undefined;
    }
  }
}
