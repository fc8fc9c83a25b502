import type { ObjectKey } from '../../api/types/meta.js';
import type { DeploymentFacts } from '../../domain/facts.js';
import type { ActivityDeps } from '../deps.js';
import { assessMachineDeployment } from '../kube/assess-machine-deployment.js';
import { ownerEar } from './ears.js';
import { Pace } from './pause.js';

/** A wait that nobody knows of is told once it has lasted this many polls. */
const STANDS = 15;

/** How long a rollout is carried on in one go. */
export interface RolloutPart {
  /** It ends after so many changes of sizes. */
  readonly turns: number;
  /** It ends when the deployment has another one. */
  readonly generation: number;
  /** What the caller knows it waits for. */
  readonly told: string;
}

/**
 * Carries a rollout on until its sets changed size so many times, it is done, the deployment is another one, or it waits for something the caller does not
 * know of; keeps the status current meanwhile and answers the last look. Each look makes the step that is due, so that it may be killed and run again.
 */
export async function rollOut(deps: ActivityDeps, key: ObjectKey, part: RolloutPart): Promise<DeploymentFacts> {
  const pace = new Pace(deps.pollMs, deps.scope().signal, ownerEar(deps, key));
  let left = part.turns;
  let wait = { for: part.told, since: performance.now() };
  for (;;) {
    const facts = await assessMachineDeployment(deps, key);
    const { rollout } = facts;
    if (rollout.changes.length > 0) left--;
    if (!rollout.rolling || facts.generation !== part.generation || left <= 0) return facts;
    const { waitingFor } = rollout;
    if (waitingFor !== wait.for) wait = { for: waitingFor, since: performance.now() };
    if (waitingFor !== part.told && performance.now() - wait.since > STANDS * deps.pollMs) return facts;
    deps.scope().heartbeat(`${rollout.left} old machines left; waiting for ${waitingFor || 'its sets'}`);
    await pace.rest([rollout.left, rollout.done, waitingFor]);
  }
}
