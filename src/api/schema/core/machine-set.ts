import {
  clusterName,
  conditions,
  deletionOrder,
  deprecatedStatus,
  failureFields,
  labelSelector,
  machineNaming,
  observedGeneration,
  replicaCounters,
  scaleSelector,
  statusVersions,
  templateMetadata,
} from '../common.js';
import { block, immutable, int32, obj } from '../lib.js';
import { machineSpec } from './machine.js';

/** MachineSet, cluster.x-k8s.io/v1beta2. Source: cluster-api api/core/v1beta2/machineset_types.go. */

export function machineTemplate() {
  return obj(
    'Template of the Machines.',
    { spec: machineSpec({ fixedCluster: false }) },
    { metadata: templateMetadata() },
  );
}

export const machineSetSpecSchema = obj(
  'Desired state of the MachineSet.',
  {
    clusterName: immutable(clusterName(), 'spec.clusterName'),
    selector: labelSelector('Which Machines belong to the set; has to match the labels of the template.'),
    template: machineTemplate(),
  },
  {
    deletion: block('How Machines are deleted.', { order: deletionOrder() }),
    machineNaming: machineNaming('{{ .cluster.name }} and {{ .machineSet.name }}'),
    replicas: int32('Number of Machines wanted; default 1, or what the autoscaler annotations allow.'),
  },
);

export const machineSetStatusSchema = block('Observed state of the MachineSet.', {
  ...replicaCounters(),
  conditions: conditions(),
  deprecated: deprecatedStatus({
    ...failureFields(),
    availableReplicas: int32('Machines whose Node is Ready for minReadySeconds.'),
    fullyLabeledReplicas: int32('Machines with all labels of the template.'),
    readyReplicas: int32('Machines whose Node is Ready.'),
  }),
  observedGeneration: observedGeneration(),
  selector: scaleSelector(),
  versions: statusVersions(),
});
