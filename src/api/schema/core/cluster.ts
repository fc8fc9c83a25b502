import {
  conditions,
  contractRef,
  deprecatedStatus,
  failureFields,
  gates,
  observedGeneration,
  paused,
  replicaCounters,
  statusVersion,
} from '../common.js';
import { atomicList, block, bounded, flag, int32, listMap, obj, oneOf, stringMap } from '../lib.js';
import { topology } from './topology.js';

/** Cluster, cluster.x-k8s.io/v1beta2. Source: cluster-api api/core/v1beta2/cluster_types.go. */

export const CLUSTER_PHASES = ['Pending', 'Provisioning', 'Provisioned', 'Deleting', 'Failed', 'Unknown'] as const;

function networkRanges(what: string) {
  return obj(`Addresses of ${what}.`, {
    cidrBlocks: atomicList(`CIDR blocks of ${what}.`, bounded('IPv4 or IPv6 CIDR block.', 43), {
      minItems: 1,
      maxItems: 100,
    }),
  });
}

export const clusterSpecSchema = block('Desired state of the Cluster.', {
  availabilityGates: gates('the Available condition of the Cluster'),
  clusterNetwork: block('Network of the Cluster.', {
    apiServerPort: int32('Port of the API servers; default 6443.', { minimum: 1, maximum: 65_535 }),
    pods: networkRanges('Pods'),
    serviceDomain: bounded('Domain of Services; default cluster.local.', 253),
    services: networkRanges('Services'),
  }),
  controlPlaneEndpoint: block('Where the Kubernetes API answers. Filled in by the controller; fixed once set.', {
    host: bounded('Name or address.', 512),
    port: int32('Port.', { minimum: 1, maximum: 65_535 }),
  }),
  controlPlaneRef: contractRef('the control plane'),
  infrastructureRef: contractRef('the infrastructure cluster'),
  paused: paused(),
  topology: topology(),
});

export function machineCounters(what: string) {
  const step = obj('A step of the upgrade.', { version: bounded('Kubernetes version.', 256) });
  return obj(
    `Counters of ${what}.`,
    {},
    {
      ...replicaCounters(),
      desiredReplicas: int32('Machines wanted.'),
      upgradePlan: atomicList('Versions still to be gone through.', step, { minItems: 1, maxItems: 32 }),
      versions: atomicList('Kubernetes versions the Machines run.', statusVersion(), { minItems: 1, maxItems: 32 }),
    },
  );
}

function failureDomains() {
  const domain = obj(
    'A failure domain.',
    { name: bounded('Name of the failure domain.', 256) },
    {
      attributes: stringMap('What the provider says about the failure domain.'),
      controlPlane: flag('Whether control plane machines may run here.'),
    },
  );
  return listMap('Failure domains that machines can be spread over.', domain, ['name'], { minItems: 1, maxItems: 100 });
}

export const clusterStatusSchema = block('Observed state of the Cluster.', {
  conditions: conditions(),
  controlPlane: machineCounters('the control plane machines'),
  deprecated: deprecatedStatus(failureFields()),
  failureDomains: failureDomains(),
  initialization: block('Progress of the first provisioning; true never goes back.', {
    controlPlaneInitialized: flag('The control plane can take requests.'),
    infrastructureProvisioned: flag('The infrastructure is provisioned.'),
  }),
  observedGeneration: observedGeneration(),
  phase: oneOf('Stage of the life of the Cluster.', CLUSTER_PHASES),
  workers: machineCounters('the worker machines'),
});
