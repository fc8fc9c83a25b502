import { failureFields, v1beta1Conditions } from '../common.js';
import { CLUSTER_PHASES, machineCounters } from '../core/cluster.js';
import { bounded, flag, int32, list, mapOf, obj, oneOf, stringMap, text } from '../lib.js';
import { objectRef, observedGeneration, readinessGates, v1beta2Status } from './common.js';
import { topology } from './topology.js';

/** Cluster, cluster.x-k8s.io/v1beta1. Source: cluster-api api/core/v1beta1/cluster_types.go. */

function networkRanges(what: string) {
  return obj(`Addresses of ${what}.`, {
    cidrBlocks: list(`CIDR blocks of ${what}.`, bounded('IPv4 or IPv6 CIDR block.', 43), { maxItems: 100 }),
  });
}

export const clusterSpecSchema = obj(
  'Desired state of the Cluster.',
  {},
  {
    availabilityGates: readinessGates('the Available condition of the Cluster'),
    clusterNetwork: obj(
      'Network of the Cluster.',
      {},
      {
        apiServerPort: int32('Port of the API servers; default 6443.'),
        pods: networkRanges('Pods'),
        serviceDomain: bounded('Domain of Services; default cluster.local.', 253),
        services: networkRanges('Services'),
      },
    ),
    controlPlaneEndpoint: obj(
      'Where the Kubernetes API answers. Filled in by the controller; fixed once set.',
      {},
      {
        host: text('Name or address.', { maxLength: 512 }),
        port: int32('Port.'),
      },
    ),
    controlPlaneRef: objectRef('the control plane'),
    infrastructureRef: objectRef('the infrastructure cluster'),
    paused: flag('Stops reconciliation while true.'),
    topology: topology(),
  },
);

const failureDomain = obj(
  'A failure domain.',
  {},
  {
    attributes: stringMap('What the provider says about the failure domain.'),
    controlPlane: flag('Whether control plane machines may run here.'),
  },
);

export const clusterStatusSchema = obj(
  'Observed state of the Cluster.',
  {},
  {
    ...failureFields(),
    conditions: v1beta1Conditions(),
    controlPlaneReady: flag('The control plane can take requests.'),
    failureDomains: mapOf('Failure domains that machines can be spread over, by name.', failureDomain),
    infrastructureReady: flag('The infrastructure is provisioned.'),
    observedGeneration: observedGeneration(),
    phase: oneOf('Stage of the life of the Cluster.', CLUSTER_PHASES),
    v1beta2: v1beta2Status({
      controlPlane: machineCounters('the control plane machines'),
      workers: machineCounters('the worker machines'),
    }),
  },
);
