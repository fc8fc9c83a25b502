import {
  DNS_LABEL,
  DNS_SUBDOMAIN,
  deletionOrder,
  deletionTimeoutFields,
  deletionTimeouts,
  gates,
  machineTaints,
  objectName,
  templateMetadata,
} from '../common.js';
import { atomicList, block, bounded, flag, freeJson, int32, listMap, obj, seconds } from '../lib.js';
import { deploymentStrategy, maxInFlight, rolloutAfter } from './machine-deployment.js';
import { healthChecks, remediationFields } from './machine-health-check.js';

/** `Cluster.spec.topology`, v1beta2. Source: cluster-api api/core/v1beta2/cluster_types.go. */

function healthCheckParts() {
  return {
    enabled: flag('Turns the health check on or off, whatever the class says.'),
    checks: healthChecks(),
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
