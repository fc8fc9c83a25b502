import {
  CONDITION_TYPE,
  DNS_LABEL,
  DNS_SUBDOMAIN,
  deletionOrder,
  deletionTimeoutFields,
  deletionTimeouts,
  gates,
  machineTaints,
  objectName,
  templateMetadata,
  templateRef,
} from '../common.js';
import {
  atomicList,
  block,
  bounded,
  flag,
  freeJson,
  int32,
  intOrString,
  listMap,
  obj,
  oneOf,
  seconds,
  text,
} from '../lib.js';
import { deploymentStrategy, maxInFlight, rolloutAfter } from './machine-deployment.js';

/** `Cluster.spec.topology`, v1beta2. Source: cluster-api api/core/v1beta2/cluster_types.go. */

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

export function unhealthyNodeConditions() {
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

export function unhealthyMachineConditions() {
  const item = obj('A condition of the Machine that makes it unhealthy.', {
    type: unhealthyMachineConditionType(),
    status: oneOf('Status that is unhealthy.', ['True', 'False', 'Unknown']),
    timeoutSeconds: timeout(),
  });
  return atomicList('Conditions of the Machine of which any makes it unhealthy.', item, { minItems: 1, maxItems: 100 });
}

export function unhealthyRange() {
  return bounded('Remediates only while the number of unhealthy Machines is in this range, e.g. [3-5].', 32, {
    pattern: '^\\[[0-9]+-[0-9]+\\]$',
  });
}

export function unhealthyLimit() {
  return intOrString('Remediates only while at most this many Machines are unhealthy, as a number or a percentage.');
}

function healthCheckParts() {
  return {
    enabled: flag('Turns the health check on or off, whatever the class says.'),
    checks: block('What makes a Machine unhealthy.', {
      nodeStartupTimeoutSeconds: seconds(
        'How long a Machine may take to get a Node; 0 turns the check off, else at least 30.',
      ),
      unhealthyMachineConditions: unhealthyMachineConditions(),
      unhealthyNodeConditions: unhealthyNodeConditions(),
    }),
  };
}

function remediationFields() {
  return {
    templateRef: templateRef('the template of an external remediation'),
    triggerIf: block('When remediation is allowed.', {
      unhealthyInRange: unhealthyRange(),
      unhealthyLessThanOrEqualTo: unhealthyLimit(),
    }),
  };
}

function variableList(description: string) {
  const variable = obj('Value of a variable.', {
    name: bounded('Name of the variable.', 256),
    value: freeJson('Value, of the type that the class declares.'),
  });
  return listMap(description, variable, ['name'], { minItems: 1, maxItems: 1000 });
}

function overrides() {
  return block('Variables of this part.', { overrides: variableList('Values that win over those of the Cluster.') });
}

function controlPlane() {
  return block('The control plane.', {
    deletion: deletionTimeouts(),
    healthCheck: block('Health check of the control plane machines.', {
      ...healthCheckParts(),
      remediation: block('How unhealthy machines are replaced.', remediationFields()),
    }),
    metadata: templateMetadata(),
    readinessGates: gates('the Ready condition of the Machine'),
    replicas: int32('Number of control plane machines.'),
    rollout: block('How a change is rolled out.', { after: rolloutAfter() }),
    taints: machineTaints(),
    variables: overrides(),
  });
}

function poolNames() {
  return {
    class: bounded('Name of the class, as the ClusterClass lists it.', 256),
    name: bounded('Name of this group of machines, unique in the Cluster.', 63, { pattern: DNS_SUBDOMAIN }),
  };
}

function machineDeployments() {
  const item = obj('One MachineDeployment of the Cluster.', poolNames(), {
    deletion: block('How Machines are deleted.', { ...deletionTimeoutFields(), order: deletionOrder() }),
    failureDomain: bounded('Failure domain of the machines.', 256),
    healthCheck: block('Health check of the machines.', {
      ...healthCheckParts(),
      remediation: block('How unhealthy machines are replaced.', {
        ...remediationFields(),
        maxInFlight: maxInFlight(),
      }),
    }),
    metadata: templateMetadata(),
    minReadySeconds: seconds('How long a Machine has to be Ready before it counts as Available.'),
    readinessGates: gates('the Ready condition of the Machine'),
    replicas: int32('Number of machines; absent when an autoscaler decides.'),
    rollout: block('How a change is rolled out.', { after: rolloutAfter(), strategy: deploymentStrategy() }),
    taints: machineTaints(),
    variables: overrides(),
  });
  return listMap('MachineDeployments of the Cluster.', item, ['name'], { minItems: 1, maxItems: 2000 });
}

function machinePools() {
  const item = obj('One MachinePool of the Cluster.', poolNames(), {
    deletion: deletionTimeouts(),
    failureDomains: atomicList('Failure domains of the machines.', bounded('Name of a failure domain.', 256), {
      minItems: 1,
      maxItems: 100,
    }),
    metadata: templateMetadata(),
    minReadySeconds: seconds('How long a Machine has to be Ready before it counts as Available.'),
    replicas: int32('Number of machines; absent when an autoscaler decides.'),
    taints: machineTaints(),
    variables: overrides(),
  });
  return listMap('MachinePools of the Cluster.', item, ['name'], { minItems: 1, maxItems: 2000 });
}

/** The topology block of a Cluster. */
export function topology() {
  return obj(
    'The Cluster as its ClusterClass shapes it; cannot be removed.',
    {
      classRef: obj(
        'The ClusterClass.',
        { name: objectName('Name of the ClusterClass.') },
        {
          namespace: bounded('Namespace of the ClusterClass; default that of the Cluster.', 63, { pattern: DNS_LABEL }),
        },
      ),
      version: bounded('Kubernetes version of the Cluster.', 256),
    },
    {
      controlPlane: controlPlane(),
      variables: variableList('Values of the variables that the class declares.'),
      workers: block('The workers.', { machineDeployments: machineDeployments(), machinePools: machinePools() }),
    },
  );
}
