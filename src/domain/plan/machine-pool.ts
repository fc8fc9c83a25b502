import type { PoolFacts } from '../facts.js';
import { commonGates, type Decision } from './plan.js';

/** Between two looks at a pool whose instances are not all ready Nodes: they come and go without a word. */
const UNSETTLED_SECONDS = 30;
const UNSETTLED_MOST_SECONDS = 300;

/** Every instance that is wanted is there, made from the template of today, and a ready Node. */
export function isPoolComplete(facts: PoolFacts): boolean {
  const { desired, replicas, ready, upToDate, changes, waitingFor } = facts;
  return (
    facts.provisioned &&
    changes.length === 0 &&
    waitingFor === undefined &&
    replicas === desired &&
    ready >= desired &&
    upToDate >= replicas
  );
}

/**
 * Decides the next move of a MachinePool's lane. Pure. What the cloud does by itself (it replaces instances, an autoscaler sizes the group) tells nobody, and
 * a new instance needs a join token that has not expired: so a lane whose pool is settled looks again in time.
 */
export function planMachinePool(facts: PoolFacts): Decision {
  const gate = commonGates(facts, 'DeleteMachinePool');
  if (gate) return kept(gate, facts);
  if (facts.clusterDeleting) return waiting('the cluster is being deleted');
  if (!facts.infrastructureReady) return waiting("waiting for the cluster's infrastructure");
  if (!facts.controlPlaneInitialized && !facts.bootstrapReady)
    return waiting('waiting for the control plane to be initialized');
  if (!facts.bootstrapReady || !facts.provisioned)
    return { do: 'operate', operation: 'ProvisionMachinePool', reason: 'the pool is not provisioned yet' };
  if (facts.changes.length > 0)
    return { do: 'operate', operation: 'UpdateMachinePool', reason: facts.changes.join('; ').slice(0, 300) };
  if (!isPoolComplete(facts)) {
    const { ready, desired, waitingFor } = facts;
    return {
      ...waiting(waitingFor ?? `${ready} of ${desired} instances are ready nodes`),
      requeueSeconds: UNSETTLED_SECONDS,
      atMostSeconds: UNSETTLED_MOST_SECONDS,
    };
  }
  const again = facts.lookAgainSeconds === undefined ? {} : { requeueSeconds: facts.lookAgainSeconds };
  return { do: 'end', outcome: 'Converged', reason: 'all instances are ready nodes', ...again };
}

/** However a change failed, the instances that are there go on, and new ones have to be able to join. */
function kept(gate: Decision, { deleting, provisioned, lookAgainSeconds }: PoolFacts): Decision {
  if (gate.do !== 'end' || gate.outcome !== 'Failed' || deleting || !provisioned || lookAgainSeconds === undefined)
    return gate;
  // one that is tried again by itself is so within the life of a token
  if (gate.requeueSeconds !== undefined) return { ...gate, atMostSeconds: 2 * lookAgainSeconds };
  return { ...waiting(gate.reason), requeueSeconds: lookAgainSeconds };
}

const waiting = (reason: string): Extract<Decision, { do: 'end' }> => ({ do: 'end', outcome: 'Waiting', reason });
