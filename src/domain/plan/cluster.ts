import type { ClusterFacts } from '../facts.js';
import { commonGates, type Decision } from './plan.js';

/** Decides the next move of a Cluster's lane. Pure. Source: capi core/reconcilers/cluster (order of phases). */
export function planCluster(facts: ClusterFacts): Decision {
  const gate = commonGates(facts, 'DeleteCluster');
  if (gate) return gate;
  if (!facts.everAvailable && !(facts.available && facts.infrastructureProvisioned)) {
    return { do: 'operate', operation: 'CreateCluster', reason: 'the cluster has not been available yet' };
  }
  if (infrastructureDiffers(facts)) {
    return {
      do: 'operate',
      operation: 'RepairInfrastructure',
      reason: facts.drift ?? 'the infrastructure spec changed',
    };
  }
  if (facts.probeAgainInSeconds !== undefined) {
    return {
      do: 'end',
      outcome: 'Waiting',
      reason: 'the workload cluster did not answer just now',
      requeueSeconds: facts.probeAgainInSeconds,
    };
  }
  return facts.available
    ? { do: 'end', outcome: 'Converged', reason: 'available' }
    : { do: 'end', outcome: 'Waiting', reason: 'waiting for the control plane or workers to be available' };
}

/** The cloud is known to differ from what the infra object says: its spec changed, or a sweep found something. */
export function infrastructureDiffers(facts: ClusterFacts): boolean {
  return facts.provider !== undefined && (facts.infrastructureStale || facts.drift !== undefined);
}
