import type { Cluster, Machine, MachineHealthCheck, MachineHealthCheckSpec } from '../../src/api/types/index.js';
import type { Condition, KubeObject } from '../../src/api/types/meta.js';
import { LABEL } from '../../src/domain/names.js';
import { aCluster, aMachine } from './fake-objects.js';

/** When everything below happened, an hour before `NOW` of the activity world. */
export const LONG_AGO = '2025-12-31T23:00:00Z';

export const aCondition = (type: string, status: Condition['status'], since = LONG_AGO): Condition => ({
  type,
  status,
  reason: 'R',
  message: '',
  lastTransitionTime: since,
});

/** A Cluster whose Machines are judged. */
export const aRunningCluster = (): Cluster =>
  aCluster({
    status: { conditions: [aCondition('ControlPlaneInitialized', 'True'), aCondition('InfrastructureReady', 'True')] },
  });

/** A MachineHealthCheck of the Machines labelled `pool: blue`: five minutes of a Node that is not Ready, ten without one. */
export function aHealthCheck(cluster: Cluster, spec: Partial<MachineHealthCheckSpec> = {}): MachineHealthCheck {
  return {
    apiVersion: 'cluster.x-k8s.io/v1beta2',
    kind: 'MachineHealthCheck',
    metadata: {
      name: 'workers',
      namespace: cluster.metadata.namespace ?? 'default',
      uid: 'uid-mhc',
      generation: 1,
      labels: { [LABEL.clusterName]: cluster.metadata.name },
    },
    spec: {
      clusterName: cluster.metadata.name,
      selector: { matchLabels: { pool: 'blue' } },
      checks: {
        nodeStartupTimeoutSeconds: 600,
        unhealthyNodeConditions: [
          { type: 'Ready', status: 'False', timeoutSeconds: 300 },
          { type: 'Ready', status: 'Unknown', timeoutSeconds: 300 },
        ],
      },
      ...spec,
    },
  };
}

/** A Machine that `aHealthCheck` selects, with a Node of its name unless `conditions` or `nodeName` say otherwise. */
export function aTarget(
  cluster: Cluster,
  name: string,
  change: {
    readonly annotations?: Record<string, string>;
    readonly conditions?: Condition[];
    readonly nodeName?: string | null;
  } = {},
): Machine {
  const { annotations, conditions = [], nodeName = name } = change;
  const machine = aMachine(cluster, {
    name,
    status: { conditions, ...(nodeName === null ? {} : { nodeRef: { name: nodeName } }) },
  });
  return {
    ...machine,
    metadata: {
      ...machine.metadata,
      creationTimestamp: LONG_AGO,
      labels: { ...machine.metadata.labels, pool: 'blue' },
      ...(annotations ? { annotations } : {}),
    },
  };
}

/** A Node whose Ready condition has been so since then. */
export const aNode = (name: string, ready: Condition['status'] = 'True', since = LONG_AGO): KubeObject => {
  const status = { conditions: [{ type: 'Ready', status: ready, lastTransitionTime: since }] };
  const node = { apiVersion: 'v1', kind: 'Node', metadata: { name, uid: `uid-node-${name}` }, status };
  return node;
};
