import {
  clusterName,
  conditions,
  deprecatedStatus,
  failureFields,
  observedGeneration,
  replicaCounters,
  statusVersions,
} from '../common.js';
import { atomicList, block, bounded, flag, immutable, int32, obj, oneOf } from '../lib.js';
import { objectRef } from '../v1beta1/common.js';
import { machineTemplate } from './machine-set.js';

/** MachinePool, cluster.x-k8s.io/v1beta2. Source: cluster-api api/core/v1beta2/machinepool_types.go. */

export const POOL_PHASES = [
  'Pending',
  'Provisioning',
  'Provisioned',
  'Running',
  'ScalingUp',
  'ScalingDown',
  'Scaling',
  'Deleting',
  'Failed',
  'Unknown',
] as const;

const LISTED = 10_000;

export function providerIDs() {
  return bounded('Identity of an instance, the same as the providerID of its Node.', 512);
}

export function poolFailureDomains() {
  return bounded('A failure domain of the Cluster.', 256);
}

export function poolCounters() {
  return {
    availableReplicas: int32('Instances whose Node is Ready for minReadySeconds.'),
    readyReplicas: int32('Instances whose Node is Ready.'),
    unavailableReplicas: int32('Instances that are missing for full capacity.'),
  };
}

export const machinePoolSpecSchema = obj(
  'Desired state of the MachinePool.',
  {
    clusterName: immutable(clusterName(), 'spec.clusterName'),
    template: machineTemplate(),
  },
  {
    failureDomains: atomicList('Failure domains to place the machines in.', poolFailureDomains(), { maxItems: 100 }),
    providerIDList: atomicList('Identities of the instances. Filled in by the controller.', providerIDs(), {
      maxItems: LISTED,
    }),
    replicas: int32('Number of machines wanted; default 1, or what the autoscaler annotations allow.'),
  },
);

export const machinePoolStatusSchema = block('Observed state of the MachinePool.', {
  ...replicaCounters(),
  conditions: conditions(),
  deprecated: deprecatedStatus({ ...failureFields(), ...poolCounters() }),
  initialization: block('Progress of the first provisioning; true never goes back.', {
    bootstrapDataSecretCreated: flag('The Secret with the bootstrap data exists.'),
    infrastructureProvisioned: flag('The infrastructure is provisioned.'),
  }),
  nodeRefs: atomicList('The Nodes of the pool.', objectRef('a Node'), { maxItems: LISTED }),
  observedGeneration: observedGeneration(),
  phase: oneOf('Stage of the life of the MachinePool.', POOL_PHASES),
  versions: statusVersions(),
});
