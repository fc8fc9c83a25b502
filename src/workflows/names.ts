import type { ObjectKey } from '../api/types/meta.js';
import { laneId } from '../domain/names.js';

export { laneId };

/** Workflow type of the lane for each kind whose changes are acted on; merged kinds go to their owner's lane. */
export const LANES: Readonly<Record<string, string>> = {
  Cluster: 'clusterLane',
  KubeadmControlPlane: 'controlPlaneLane',
  MachineDeployment: 'machineDeploymentLane',
  MachineSet: 'machineSetLane',
  Machine: 'machineLane',
  MachinePool: 'machinePoolLane',
  MachineHealthCheck: 'machineHealthCheckLane',
};

/** Operations as people name them. */
export const OPERATIONS = [
  'CreateCluster',
  'DeleteCluster',
  'ScaleControlPlane',
  'UpgradeControlPlane',
  'RemediateControlPlane',
  'MaintainControlPlane',
  'ScaleWorkers',
  'RollingUpgrade',
  'RemediateWorkers',
  'ProvisionMachine',
  'DeleteMachine',
  'RepairMachine',
  'ProvisionMachinePool',
  'UpdateMachinePool',
  'DeleteMachinePool',
  'RepairInfrastructure',
  'CollectExternalResources',
  'DriftSweep',
] as const;
export type OperationName = (typeof OPERATIONS)[number];

/** Task queues. Cloud calls go to one queue per provider account (`InfraProvider.taskQueue`). */
export const WORKFLOW_QUEUE = 'perdure';
export const KUBE_QUEUE = 'perdure-kube';
export const WAIT_QUEUE = 'perdure-wait';

/** Operation ids are deterministic per generation, so a lane that is replayed or reset re-attaches instead of starting a twin. */
export function operationId(key: ObjectKey, operation: OperationName, discriminator: string | number): string {
  return `${laneId(key)}/${operation}/${discriminator}`;
}

/** Search attribute names and their index types; created at deployment and by the sandbox. */
export const SEARCH_ATTRIBUTES = {
  PerdureCluster: 'Keyword',
  PerdureKind: 'Keyword',
  PerdureObject: 'Keyword',
  PerdureProvider: 'Keyword',
  PerdureOperation: 'Keyword',
  PerdurePhase: 'Keyword',
  PerdureReason: 'Keyword',
} as const;
