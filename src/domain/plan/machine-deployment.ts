import type { DeploymentFacts } from '../facts.js';
import { commonGates, type Decision } from './plan.js';

/**
 * What the lane of a MachineDeployment does. Each look makes a step of the rollout by itself, so a rollout that needs no second one needs no operation. One
 * that was cancelled or failed stays where it is until a retry; the number of machines follows all the same.
 */
export function planMachineDeployment(facts: DeploymentFacts): Decision {
  const gate = commonGates(facts, 'DeleteMachineDeployment');
  if (gate) return gate;
  const { rollout, ready, desired, replicas } = facts;
  if (rollout.rolling) return { do: 'operate', operation: 'RollingUpgrade', reason: rolloutReason(facts) };
  const later = facts.rolloutInSeconds === undefined ? {} : { requeueSeconds: facts.rolloutInSeconds };
  return ready >= desired && replicas === desired
    ? { do: 'end', outcome: 'Converged', reason: 'all replicas ready', ...later }
    : { do: 'end', outcome: 'Waiting', reason: `${ready} of ${desired} replicas ready`, ...later };
}

/** What a rollout is for, for lists of operations. */
export function rolloutReason({ rollout, desired }: DeploymentFacts): string {
  const why = rollout.why.length > 0 ? `: ${rollout.why.join(', ')}` : '';
  return `roll out ${rollout.left} of ${desired} machines${why}`.slice(0, 200);
}
