import {
  CONDITION_TYPE,
  clusterName,
  conditions,
  deprecatedStatus,
  labelSelector,
  observedGeneration,
  templateRef,
} from '../common.js';
import { atomicList, block, bounded, immutable, int32, intOrString, obj, oneOf, seconds, text } from '../lib.js';

/** MachineHealthCheck, cluster.x-k8s.io/v1beta2. Source: cluster-api api/core/v1beta2/machinehealthcheck_types.go. */

/** Conditions that remediation itself depends on, so that they cannot trigger it. */
const RESERVED_MACHINE_CONDITIONS = [
  'Ready',
  'Available',
  'HealthCheckSucceeded',
  'OwnerRemediated',
  'ExternallyRemediated',
] as const;

function timeout() {
  return seconds('How long the condition may have this status before the Machine counts as unhealthy.');
}

function unhealthyNodeConditions() {
  const item = obj('A condition of the Node that makes its Machine unhealthy.', {
    type: text('Type of the condition.', { minLength: 1 }),
    status: text('Status that is unhealthy.', { minLength: 1 }),
    timeoutSeconds: timeout(),
  });
  return atomicList('Conditions of the Node of which any makes its Machine unhealthy.', item, {
    minItems: 1,
    maxItems: 100,
  });
}

/** Type of a Machine's condition that a health check may look at. */
export function unhealthyMachineConditionType() {
  const quoted = RESERVED_MACHINE_CONDITIONS.map((type) => `'${type}'`).join(',');
  return bounded('Type of the condition.', 316, {
    pattern: CONDITION_TYPE,
    rules: [
      {
        message: `type must not be one of: ${RESERVED_MACHINE_CONDITIONS.join(', ')}`,
        rule: `!(self in [${quoted}])`,
      },
    ],
  });
}

function unhealthyMachineConditions() {
  const item = obj('A condition of the Machine that makes it unhealthy.', {
    type: unhealthyMachineConditionType(),
    status: oneOf('Status that is unhealthy.', ['True', 'False', 'Unknown']),
    timeoutSeconds: timeout(),
  });
  return atomicList('Conditions of the Machine of which any makes it unhealthy.', item, { minItems: 1, maxItems: 100 });
}

/** `[min-max]` of unhealthy Machines. */
export function unhealthyRange() {
  return bounded('Remediates only while the number of unhealthy Machines is in this range, e.g. [3-5].', 32, {
    pattern: '^\\[[0-9]+-[0-9]+\\]$',
  });
}

/** The most unhealthy Machines, as a number or a percentage. */
export function unhealthyLimit() {
  return intOrString('Remediates only while at most this many Machines are unhealthy, as a number or a percentage.');
}

/** `checks` of a health check, here and in the topology of a Cluster. */
export function healthChecks() {
  return block('What makes a Machine unhealthy.', {
    nodeStartupTimeoutSeconds: seconds(
      'How long a Machine may take to get a Node; 0 turns the check off, else at least 30.',
    ),
    unhealthyMachineConditions: unhealthyMachineConditions(),
    unhealthyNodeConditions: unhealthyNodeConditions(),
  });
}

/** Fields of `remediation` of a health check, here and in the topology of a Cluster. */
export function remediationFields() {
  return {
    templateRef: templateRef('the template of an external remediation'),
    triggerIf: block('When remediation is allowed.', {
      unhealthyInRange: unhealthyRange(),
      unhealthyLessThanOrEqualTo: unhealthyLimit(),
    }),
  };
}

/** Names of Machines. */
export function targetNames() {
  return bounded('Name of a Machine.', 253);
}

export const machineHealthCheckSpecSchema = obj(
  'What makes Machines unhealthy, and what is done about it.',
  {
    clusterName: immutable(clusterName(), 'spec.clusterName'),
    selector: labelSelector('Which Machines of the Cluster are checked; may not be empty.'),
  },
  {
    checks: healthChecks(),
    remediation: block('How unhealthy Machines are replaced.', remediationFields()),
  },
);

export const machineHealthCheckStatusSchema = block('Observed state of the MachineHealthCheck.', {
  conditions: conditions(),
  currentHealthy: int32('Machines that are healthy.', { minimum: 0 }),
  deprecated: deprecatedStatus({}),
  expectedMachines: int32('Machines that are checked.', { minimum: 0 }),
  observedGeneration: observedGeneration(),
  remediationsAllowed: int32('Further Machines that may become unhealthy before remediation stops.', { minimum: 0 }),
  targets: atomicList('Names of the Machines that are checked.', targetNames(), { maxItems: 10_000 }),
});
