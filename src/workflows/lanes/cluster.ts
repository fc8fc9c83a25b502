import type { ClusterFacts } from '../../domain/facts.js';
import { planCluster } from '../../domain/plan/cluster.js';
import { kube } from '../lib/activities.js';
import { type LaneHooks, runLane } from '../lib/lane.js';
import { runOperation } from '../lib/operation.js';
import type { OperationName } from '../names.js';
import type { LaneInput, LaneResult } from '../types.js';

/** The one writer for a Cluster and its infra cluster. */
export async function clusterLane(input: LaneInput): Promise<LaneResult> {
  const hooks: LaneHooks<ClusterFacts> = {
    assess: () =>
      kube.assessCluster.executeWithOptions({ summary: 'Read the cluster, write its status' }, [{ key: input.key }]),
    decide: (facts) => planCluster(facts),
    operate: (operation, facts) =>
      runOperation<ClusterFacts | undefined>(operation as OperationName, input, facts, describe(operation, facts)),
    supersedable: new Set(),
  };
  return runLane(input, hooks);
}

function describe(operation: string, facts: ClusterFacts): string {
  const size = `${facts.desired.controlPlane} control plane + ${facts.desired.workers} workers`;
  if (operation === 'CreateCluster') return `create cluster (${size})`;
  if (operation === 'DeleteCluster') return `delete cluster (${size})`;
  return 'repair infrastructure';
}
