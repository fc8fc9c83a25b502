import type { KubeadmControlPlane } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import type { ObjectKey } from '../../api/types/meta.js';
import type { ControlPlaneBrief } from '../../domain/facts.js';
import { controlPlaneBrief } from '../../domain/plan/control-plane.js';
import type { ActivityDeps } from '../deps.js';
import { assessControlPlane } from '../kube/assess-control-plane.js';
import { readKey } from '../kube/world.js';
import { ownerEar } from './ears.js';
import { Pace } from './pause.js';

/** What is waited for: a machine or etcd member, and what is to become of it. */
export interface Awaited {
  readonly name: string;
  readonly until: 'healthy' | 'gone' | 'quorum' | 'there';
}

/** Looks at a control plane, writes its status, and says what is to be done next. */
export async function lookAtControlPlane(deps: ActivityDeps, key: ObjectKey): Promise<ControlPlaneBrief> {
  return controlPlaneBrief(await assessControlPlane(deps, key), Date.parse(deps.now()));
}

/**
 * Waits as long as the plan of a control plane is to wait for just that; keeps the status current meanwhile and answers the last look. A change of the
 * spec, a machine that fails or is deleted, a replacement that becomes due: all end it, since the plan is another one then.
 */
export async function awaitControlPlane(
  deps: ActivityDeps,
  key: ObjectKey,
  awaited: Awaited,
): Promise<ControlPlaneBrief> {
  const pace = new Pace(deps.pollMs, deps.scope().signal, ownerEar(deps, key));
  let told = false;
  for (;;) {
    const brief = await lookAtControlPlane(deps, key);
    const { step } = brief;
    const same = step.kind === 'await' && step.name === awaited.name && step.until === awaited.until;
    if (!same || !brief.exists || brief.paused || brief.deleting || brief.clusterDeleting) return brief;
    deps.scope().heartbeat(`${step.reason}; waiting for ${step.unblock}`);
    if (!told && step.about.some((about) => about !== 'deleting') && brief.pending) {
      told = true;
      await tell(deps, key, step.reason);
    }
    // what only counts down is no change
    const { retryInSeconds: _r, outdatedInSeconds: _o, ...state } = brief;
    await pace.rest(state);
  }
}

async function tell(deps: ActivityDeps, key: ObjectKey, reason: string): Promise<void> {
  const kind = KINDS.KubeadmControlPlane;
  const controlPlane = await readKey<KubeadmControlPlane>(deps.kube, kind, key, deps.scope().signal);
  const message = `Waiting for control plane to pass preflight checks to continue reconciliation: ${reason}`;
  if (controlPlane) deps.event(controlPlane, 'Warning', 'ControlPlaneUnhealthy', message);
}
