import { clusterName, failureFields, statusVersions, v1beta1Conditions } from '../common.js';
import { POOL_PHASES, poolCounters, poolFailureDomains, providerIDs } from '../core/machine-pool.js';
import { flag, immutable, int32, list, obj, oneOf } from '../lib.js';
import { objectRef, observedGeneration, v1beta2Counters, v1beta2Status } from './common.js';
import { machineTemplate } from './machine-set.js';

/** MachinePool, cluster.x-k8s.io/v1beta1. Source: cluster-api api/core/v1beta1/machinepool_types.go. */

export const machinePoolSpecSchema = obj(
  'Desired state of the MachinePool.',
  {
    clusterName: immutable(clusterName(), 'spec.clusterName'),
    template: machineTemplate(),
  },
  {
    failureDomains: list('Failure domains to place the machines in.', poolFailureDomains()),
    minReadySeconds: int32('How long a Node has to be Ready before its machine counts as available.'),
    providerIDList: list('Identities of the instances. Filled in by the controller.', providerIDs()),
    replicas: int32('Number of machines wanted; default 1.'),
  },
);

export const machinePoolStatusSchema = obj(
  'Observed state of the MachinePool.',
  {},
  {
    ...failureFields(),
    ...poolCounters(),
    bootstrapReady: flag('The bootstrap data exists.'),
    conditions: v1beta1Conditions(),
    infrastructureReady: flag('The infrastructure is provisioned.'),
    nodeRefs: list('The Nodes of the pool.', objectRef('a Node')),
    observedGeneration: observedGeneration(),
    phase: oneOf('Stage of the life of the MachinePool.', POOL_PHASES),
    replicas: int32('Instances that exist.'),
    v1beta2: v1beta2Status(v1beta2Counters()),
    versions: statusVersions(),
  },
);
