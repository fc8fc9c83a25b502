import type { MachineFacts } from '../facts.js';
import { commonGates, type Decision } from './plan.js';

/** Decides the next move of a Machine's lane. Pure. Waits end the lane: what unblocks them signals it again. */
export function planMachine(facts: MachineFacts): Decision {
  const gate = commonGates(facts, 'DeleteMachine');
  if (gate) return gate;
  if (facts.clusterDeleting) return { do: 'end', outcome: 'Waiting', reason: 'the cluster is being deleted' };
  if (!facts.infrastructureReady) {
    return { do: 'end', outcome: 'Waiting', reason: "waiting for the cluster's infrastructure" };
  }
  if (!facts.controlPlane && !facts.controlPlaneInitialized && !facts.bootstrapReady) {
    return { do: 'end', outcome: 'Waiting', reason: 'waiting for the control plane to be initialized' };
  }
  if (!facts.bootstrapReady || !facts.provisioned || !facts.hasNode) {
    return { do: 'operate', operation: 'ProvisionMachine', reason: 'the machine is not a node yet' };
  }
  if (facts.provider && facts.drift !== undefined) {
    return { do: 'operate', operation: 'RepairMachine', reason: facts.drift };
  }
  // It has been a node: nothing that made it one would make it ready again. The watch of its Node wakes the lane, health checks replace it.
  if (!facts.nodeReady || facts.holdsForSeconds !== undefined) {
    const { holdsForSeconds } = facts;
    return {
      do: 'end',
      outcome: 'Waiting',
      reason: holdsForSeconds === undefined ? 'waiting for the node to be ready' : 'waiting for the cluster to answer',
      ...(holdsForSeconds === undefined ? {} : { requeueSeconds: holdsForSeconds }),
    };
  }
  if (!facts.available && facts.availableInSeconds > 0) {
    return {
      do: 'end',
      outcome: 'Waiting',
      reason: 'waiting for minReadySeconds',
      requeueSeconds: facts.availableInSeconds,
    };
  }
  return { do: 'end', outcome: 'Converged', reason: 'running' };
}
