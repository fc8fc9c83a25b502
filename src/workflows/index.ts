// The only file whose exports become workflow types.
export { clusterLane } from './lanes/cluster.js';
export { controlPlaneLane } from './lanes/control-plane.js';
export { machineLane } from './lanes/machine.js';
export { machineDeploymentLane } from './lanes/machine-deployment.js';
export { machineHealthCheckLane } from './lanes/machine-health-check.js';
export { machinePoolLane } from './lanes/machine-pool.js';
export { machineSetLane } from './lanes/machine-set.js';
export { CollectExternalResources } from './operations/collect.js';
export {
  MaintainControlPlane,
  RemediateControlPlane,
  ScaleControlPlane,
  UpgradeControlPlane,
} from './operations/control-plane.js';
export { CreateCluster, RepairInfrastructure } from './operations/create-cluster.js';
export { DeleteCluster } from './operations/delete-cluster.js';
export { DriftSweep } from './operations/drift-sweep.js';
export { DeleteMachine, ProvisionMachine, RepairMachine } from './operations/machine.js';
export { DeleteMachinePool, ProvisionMachinePool, UpdateMachinePool } from './operations/machine-pool.js';
export { RollingUpgrade } from './operations/rolling-upgrade.js';
export { RemediateWorkers, ScaleWorkers } from './operations/scale.js';
