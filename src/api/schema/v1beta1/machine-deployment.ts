import {
  clusterName,
  DELETION_ORDERS,
  labelSelector,
  scaleSelector,
  statusVersions,
  v1beta1Conditions,
} from '../common.js';
import { DEPLOYMENT_PHASES, maxInFlight, maxSurge, maxUnavailable, rolloutAfter } from '../core/machine-deployment.js';
import { flag, immutable, int32, obj, oneOf } from '../lib.js';
import { machineNamingStrategy, observedGeneration, v1beta2Counters, v1beta2Status } from './common.js';
import { machineTemplate } from './machine-set.js';

/** MachineDeployment, cluster.x-k8s.io/v1beta1. Source: cluster-api api/core/v1beta1/machinedeployment_types.go. */

export function deploymentStrategy() {
  return obj(
    'How Machines are replaced.',
    {},
    {
      remediation: obj('How unhealthy Machines are replaced.', {}, { maxInFlight: maxInFlight() }),
      rollingUpdate: obj(
        'Limits of a rolling update.',
        {},
        {
          deletePolicy: oneOf('Which Machines go first on scale down; default Random.', DELETION_ORDERS),
          maxSurge: maxSurge(),
          maxUnavailable: maxUnavailable(),
        },
      ),
      type: oneOf('RollingUpdate replaces step by step, OnDelete when a Machine is deleted; default RollingUpdate.', [
        'RollingUpdate',
        'OnDelete',
      ]),
    },
  );
}

export const machineDeploymentSpecSchema = obj(
  'Desired state of the MachineDeployment.',
  {
    clusterName: immutable(clusterName(), 'spec.clusterName'),
    selector: labelSelector('Which Machines belong to the deployment; has to match the labels of the template.'),
    template: machineTemplate(),
  },
  {
    machineNamingStrategy: machineNamingStrategy('{{ .cluster.name }} and {{ .machineSet.name }}'),
    minReadySeconds: int32('How long a Node has to be Ready before its Machine counts as available; default 0.'),
    paused: flag('Stops reconciliation while true.'),
    progressDeadlineSeconds: int32('No longer used.'),
    replicas: int32('Number of Machines wanted; default 1.'),
    revisionHistoryLimit: int32('No longer used.'),
    rolloutAfter: rolloutAfter(),
    strategy: deploymentStrategy(),
  },
);

export const machineDeploymentStatusSchema = obj(
  'Observed state of the MachineDeployment.',
  {},
  {
    availableReplicas: int32('Machines whose Node is Ready for minReadySeconds.'),
    conditions: v1beta1Conditions(),
    observedGeneration: observedGeneration(),
    phase: oneOf('Stage of the life of the MachineDeployment.', DEPLOYMENT_PHASES),
    readyReplicas: int32('Machines whose Node is Ready.'),
    replicas: int32('Machines that exist.'),
    selector: scaleSelector(),
    unavailableReplicas: int32('Machines that are missing for full capacity.'),
    updatedReplicas: int32('Machines made from the present template.'),
    v1beta2: v1beta2Status(v1beta2Counters()),
    versions: statusVersions(),
  },
);
