import {
  clusterName,
  conditions,
  deletionOrder,
  deprecatedStatus,
  labelSelector,
  machineNaming,
  observedGeneration,
  paused,
  replicaCounters,
  scaleSelector,
  statusVersions,
} from '../common.js';
import { block, immutable, int32, intOrString, obj, oneOf, time } from '../lib.js';
import { machineTemplate } from './machine-set.js';

/** MachineDeployment, cluster.x-k8s.io/v1beta2. Source: cluster-api api/core/v1beta2/machinedeployment_types.go. */

export const DEPLOYMENT_PHASES = ['ScalingUp', 'ScalingDown', 'Running', 'Failed', 'Unknown'] as const;

export function maxSurge() {
  return intOrString('Machines above the wanted number during a rollout, as a number or a percentage; default 1.');
}

export function maxUnavailable() {
  return intOrString('Machines below the wanted number during a rollout, as a number or a percentage; default 0.');
}

export function maxInFlight() {
  return intOrString('Machines that may be replaced for their health at the same time, as a number or a percentage.');
}

export function deploymentStrategy() {
  return obj(
    'How Machines are replaced.',
    {
      type: oneOf('RollingUpdate replaces step by step, OnDelete when a Machine is deleted.', [
        'RollingUpdate',
        'OnDelete',
      ]),
    },
    {
      rollingUpdate: block('Limits of a rolling update; only with type RollingUpdate.', {
        maxSurge: maxSurge(),
        maxUnavailable: maxUnavailable(),
      }),
    },
    { minProperties: 1 },
  );
}

export function rolloutAfter() {
  return time('Machines created before this instant are replaced, even without a change of the spec.');
}

export const machineDeploymentSpecSchema = obj(
  'Desired state of the MachineDeployment.',
  {
    clusterName: immutable(clusterName(), 'spec.clusterName'),
    selector: labelSelector('Which Machines belong to the deployment; has to match the labels of the template.'),
    template: machineTemplate(),
  },
  {
    deletion: block('How Machines are deleted.', { order: deletionOrder() }),
    machineNaming: machineNaming('{{ .cluster.name }} and {{ .machineSet.name }}'),
    paused: paused(),
    remediation: block('How unhealthy Machines are replaced.', { maxInFlight: maxInFlight() }),
    replicas: int32('Number of Machines wanted; default 1, or what the autoscaler annotations allow.'),
    rollout: block('How a change is rolled out.', { after: rolloutAfter(), strategy: deploymentStrategy() }),
  },
);

export const machineDeploymentStatusSchema = block('Observed state of the MachineDeployment.', {
  ...replicaCounters(),
  conditions: conditions(),
  deprecated: deprecatedStatus({
    availableReplicas: int32('Machines whose Node is Ready for minReadySeconds.'),
    readyReplicas: int32('Machines whose Node is Ready.'),
    unavailableReplicas: int32('Machines that are missing for full capacity.'),
    updatedReplicas: int32('Machines made from the present template.'),
  }),
  observedGeneration: observedGeneration(),
  phase: oneOf('Stage of the life of the MachineDeployment.', DEPLOYMENT_PHASES),
  selector: scaleSelector(),
  versions: statusVersions(),
});
