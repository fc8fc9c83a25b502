import { DNS_LABEL, machineTaints } from '../common.js';
import { rolloutAfter } from '../core/machine-deployment.js';
import { block, bounded, flag, int32, list, listMap, obj, time } from '../lib.js';
import { nodeTimeouts, readinessGates, templateMetadata, variables } from './common.js';
import { deploymentStrategy } from './machine-deployment.js';
import { healthCheckFields } from './machine-health-check.js';

/** `Cluster.spec.topology`, v1beta1. Source: cluster-api api/core/v1beta1/cluster_types.go. */

function machineHealthCheck() {
  return obj(
    'Health check of the machines.',
    {},
    { enable: flag('Turns the health check on or off, whatever the class says.'), ...healthCheckFields() },
  );
}

function overrides() {
  return obj('Variables of this part.', {}, { overrides: variables('Values that win over those of the Cluster.') });
}

function controlPlane() {
  return obj(
    'The control plane.',
    {},
    {
      ...nodeTimeouts(),
      machineHealthCheck: machineHealthCheck(),
      metadata: templateMetadata(),
      readinessGates: readinessGates('the Ready condition of the Machine'),
      replicas: int32('Number of control plane machines.'),
      rollout: block('How a change is rolled out.', { after: rolloutAfter() }),
      taints: machineTaints(),
      variables: overrides(),
    },
  );
}

function poolNames() {
  return {
    class: bounded('Name of the class, as the ClusterClass lists it.', 256),
    name: bounded('Name of this group of machines, unique in the Cluster.', 63),
  };
}

function machineDeployments() {
  const item = obj('One MachineDeployment of the Cluster.', poolNames(), {
    ...nodeTimeouts(),
    failureDomain: bounded('Failure domain of the machines.', 256),
    machineHealthCheck: machineHealthCheck(),
    metadata: templateMetadata(),
    minReadySeconds: int32('How long a Node has to be Ready before its Machine counts as available.'),
    readinessGates: readinessGates('the Ready condition of the Machine'),
    replicas: int32('Number of machines; absent when an autoscaler decides.'),
    rollout: block('How a change is rolled out.', { after: rolloutAfter() }),
    strategy: deploymentStrategy(),
    taints: machineTaints(),
    variables: overrides(),
  });
  return listMap('MachineDeployments of the Cluster.', item, ['name'], { maxItems: 2000 });
}

function machinePools() {
  const item = obj('One MachinePool of the Cluster.', poolNames(), {
    ...nodeTimeouts(),
    failureDomains: list('Failure domains of the machines.', bounded('Name of a failure domain.', 256), {
      maxItems: 100,
    }),
    metadata: templateMetadata(),
    minReadySeconds: int32('How long a Node has to be Ready before its Machine counts as available.'),
    replicas: int32('Number of machines; absent when an autoscaler decides.'),
    taints: machineTaints(),
    variables: overrides(),
  });
  return listMap('MachinePools of the Cluster.', item, ['name'], { maxItems: 2000 });
}

export function topology() {
  return obj(
    'The Cluster as its ClusterClass shapes it; cannot be removed.',
    {
      class: bounded('Name of the ClusterClass.', 253),
      version: bounded('Kubernetes version of the Cluster.', 256),
    },
    {
      classNamespace: bounded('Namespace of the ClusterClass; default that of the Cluster.', 63, {
        pattern: DNS_LABEL,
      }),
      controlPlane: controlPlane(),
      rolloutAfter: time('No longer used.'),
      variables: variables('Values of the variables that the class declares.'),
      workers: obj('The workers.', {}, { machineDeployments: machineDeployments(), machinePools: machinePools() }),
    },
  );
}
