import {
  clusterName,
  DELETION_ORDERS,
  failureFields,
  labelSelector,
  scaleSelector,
  statusVersions,
  v1beta1Conditions,
} from '../common.js';
import { immutable, int32, obj, oneOf } from '../lib.js';
import {
  machineNamingStrategy,
  observedGeneration,
  templateMetadata,
  v1beta2Counters,
  v1beta2Status,
} from './common.js';
import { machineSpec } from './machine.js';

/** MachineSet, cluster.x-k8s.io/v1beta1. Source: cluster-api api/core/v1beta1/machineset_types.go. */

export function machineTemplate() {
  return obj(
    'Template of the Machines.',
    {},
    { metadata: templateMetadata(), spec: machineSpec({ fixedCluster: false }) },
  );
}

export const machineSetSpecSchema = obj(
  'Desired state of the MachineSet.',
  {
    clusterName: immutable(clusterName(), 'spec.clusterName'),
    selector: labelSelector('Which Machines belong to the set; has to match the labels of the template.'),
  },
  {
    deletePolicy: oneOf('Which Machines go first on scale down; default Random.', DELETION_ORDERS),
    machineNamingStrategy: machineNamingStrategy('{{ .cluster.name }} and {{ .machineSet.name }}'),
    minReadySeconds: int32('How long a Node has to be Ready before its Machine counts as available.'),
    replicas: int32('Number of Machines wanted; default 1.'),
    template: machineTemplate(),
  },
);

export const machineSetStatusSchema = obj(
  'Observed state of the MachineSet.',
  {},
  {
    ...failureFields(),
    availableReplicas: int32('Machines whose Node is Ready for minReadySeconds.'),
    conditions: v1beta1Conditions(),
    fullyLabeledReplicas: int32('Machines with all labels of the template.'),
    observedGeneration: observedGeneration(),
    readyReplicas: int32('Machines whose Node is Ready.'),
    replicas: int32('Machines that exist.'),
    selector: scaleSelector(),
    v1beta2: v1beta2Status(v1beta2Counters()),
    versions: statusVersions(),
  },
);
