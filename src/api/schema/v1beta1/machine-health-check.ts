import { clusterName, labelSelector, v1beta1Conditions } from '../common.js';
import {
  targetNames,
  unhealthyLimit,
  unhealthyMachineConditionType,
  unhealthyRange,
} from '../core/machine-health-check.js';
import { atomicList, duration, immutable, int32, list, obj, oneOf, text } from '../lib.js';
import { objectRef, observedGeneration, v1beta2Status } from './common.js';

/** MachineHealthCheck, cluster.x-k8s.io/v1beta1. Source: cluster-api api/core/v1beta1/machinehealthcheck_types.go. */

function timeout() {
  return duration('How long the condition may have this status before the Machine counts as unhealthy.');
}

function unhealthyConditions() {
  const item = obj('A condition of the Node that makes its Machine unhealthy.', {
    status: text('Status that is unhealthy.', { minLength: 1 }),
    timeout: timeout(),
    type: text('Type of the condition.', { minLength: 1 }),
  });
  return list('Conditions of the Node of which any makes its Machine unhealthy.', item, { maxItems: 100 });
}

function unhealthyMachineConditions() {
  const item = obj('A condition of the Machine that makes it unhealthy.', {
    status: oneOf('Status that is unhealthy.', ['True', 'False', 'Unknown']),
    timeout: timeout(),
    type: unhealthyMachineConditionType(),
  });
  return atomicList('Conditions of the Machine of which any makes it unhealthy.', item, { minItems: 1, maxItems: 100 });
}

/** Fields of a health check, here and in the topology of a Cluster. */
export function healthCheckFields() {
  return {
    maxUnhealthy: unhealthyLimit(),
    nodeStartupTimeout: duration('How long a Machine may take to get a Node; 0 turns the check off.'),
    remediationTemplate: objectRef('the template of an external remediation'),
    unhealthyConditions: unhealthyConditions(),
    unhealthyMachineConditions: unhealthyMachineConditions(),
    unhealthyRange: unhealthyRange(),
  };
}

export const machineHealthCheckSpecSchema = obj(
  'What makes Machines unhealthy, and what is done about it.',
  {
    clusterName: immutable(clusterName(), 'spec.clusterName'),
    selector: labelSelector('Which Machines of the Cluster are checked; may not be empty.'),
  },
  healthCheckFields(),
);

export const machineHealthCheckStatusSchema = obj(
  'Observed state of the MachineHealthCheck.',
  {},
  {
    conditions: v1beta1Conditions(),
    currentHealthy: int32('Machines that are healthy.', { minimum: 0 }),
    expectedMachines: int32('Machines that are checked.', { minimum: 0 }),
    observedGeneration: observedGeneration(),
    remediationsAllowed: int32('Further Machines that may become unhealthy before remediation stops.', { minimum: 0 }),
    targets: list('Names of the Machines that are checked.', targetNames(), { maxItems: 10_000 }),
    v1beta2: v1beta2Status({}),
  },
);
