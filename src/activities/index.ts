import type { ObjectKey } from '../api/types/meta.js';
import { setFacts } from '../domain/plan/replicas.js';
import { askControllers, takeInventory } from './collect/ask.js';
import { planDeletion } from './collect/plan.js';
import { collectExternal, findExternal, previewExternal, reportExternal } from './collect/sweep.js';
import type { ActivityDeps } from './deps.js';
import { infraEnsure, infraFinish, infraGraph, infraRemove } from './infra/cluster.js';
import { machineAwaitInstance, machineCreateInstance, machineDeleteInstance } from './infra/machine.js';
import { driftSweep, listenForChanges } from './infra/sweep.js';
import type { CloudActivities, KubeActivities, WaitActivities } from './interfaces.js';
import { assessCluster } from './kube/assess-cluster.js';
import { assessMachine } from './kube/assess-machine.js';
import { assessMachineDeployment } from './kube/assess-machine-deployment.js';
import { assessMachineHealthCheck } from './kube/assess-machine-health-check.js';
import { assessMachinePool } from './kube/assess-machine-pool.js';
import { assessMachineSet } from './kube/assess-machine-set.js';
import { remediateControlPlaneMachine } from './kube/control-plane-remediation.js';
import { createControlPlaneMachine, createWorkerMachines, deleteMachines } from './kube/machines.js';
import { endRemediation } from './kube/remediation-record.js';
import { clearFailure, lookAfresh, recordFailure } from './kube/report.js';
import { remediateMachines } from './kube/set-replacement.js';
import { evictMember, leaveControlPlane, removeControlPlaneMachine } from './machine/control-plane.js';
import { viewDeletion } from './machine/deletion.js';
import { awaitMachineNode } from './machine/node.js';
import { keepBootstrapConfig, machineBootstrap, machineRemoveObjects } from './machine/objects.js';
import { awaitDeletionStage } from './machine/stages.js';
import { poolAwait, poolBootstrap, poolDelete, poolEnsure, poolLook } from './pool/group.js';
import { poolRemoveObjects } from './pool/objects.js';
import {
  awaitClusterAvailable,
  awaitContract,
  clusterFinalize,
  deleteControlPlane,
  deleteWorkers,
} from './waits/cluster.js';
import { awaitControlPlane, lookAtControlPlane } from './waits/control-plane.js';
import { awaitMachines, teardownOwner } from './waits/machines.js';
import { rollOut } from './waits/rollout.js';
import { finishControlPlaneUpgrade, prepareControlPlaneUpgrade } from './workload/upkeep/index.js';

type On = { readonly key: ObjectKey };

/** The activities of queue `perdure-kube`. */
export function createKubeActivities(deps: ActivityDeps): KubeActivities {
  return {
    assessCluster: ({ key }: On) => lookAfresh(deps, key, () => assessCluster(deps, key)),
    assessMachine: ({ key }: On) =>
      lookAfresh(deps, key, async () => {
        await keepBootstrapConfig(deps, key);
        const facts = await assessMachine(deps, key);
        const going = facts.deleting && !facts.paused ? await viewDeletion(deps, key) : undefined;
        return going ? { ...facts, deletion: going.outlook } : facts;
      }),
    assessMachineSet: async ({ key }: On) =>
      setFacts(await lookAfresh(deps, key, () => assessMachineSet(deps, key)), Date.now()),
    assessMachinePool: ({ key }: On) => lookAfresh(deps, key, () => assessMachinePool(deps, key)),
    assessControlPlane: ({ key }: On) => lookAfresh(deps, key, () => lookAtControlPlane(deps, key)),
    assessMachineDeployment: ({ key }: On) => lookAfresh(deps, key, () => assessMachineDeployment(deps, key)),
    assessMachineHealthCheck: ({ key }: On) => lookAfresh(deps, key, () => assessMachineHealthCheck(deps, key)),
    recordFailure: ({ key, failure }) => recordFailure(deps, key, failure),
    clearFailure: ({ key }: On) => clearFailure(deps, key),
    infraGraph: ({ key }: On) => infraGraph(deps, key),
    planDeletion: ({ key }: On) => planDeletion(deps, key),
    reportExternal: ({ key }: On) => reportExternal(deps, key),
    createWorkerMachines: ({ key, names }) => createWorkerMachines(deps, key, names),
    deleteMachines: ({ key, names }) => deleteMachines(deps, key, names),
    remediateMachines: ({ key, names }) => remediateMachines(deps, key, names),
    createControlPlaneMachine: ({ key, ...machine }) => createControlPlaneMachine(deps, key, machine),
    endRemediation: ({ key, record }) => endRemediation(deps, key, record),
    machineBootstrap: ({ key }: On) => machineBootstrap(deps, key),
    poolBootstrap: ({ key }: On) => poolBootstrap(deps, key),
  };
}

/** The activities of queue `perdure-wait`. */
export function createWaitActivities(deps: ActivityDeps): WaitActivities {
  return {
    awaitClusterAvailable: ({ key }: On) => awaitClusterAvailable(deps, key),
    awaitMachineNode: ({ key }: On) => awaitMachineNode(deps, key),
    awaitContract: ({ key, what }) => awaitContract(deps, key, what),
    rollOut: ({ key, ...part }) => rollOut(deps, key, part),
    awaitMachines: async ({ key, names, until }) => setFacts(await awaitMachines(deps, key, names, until), Date.now()),
    awaitControlPlane: ({ key, name, until }) => awaitControlPlane(deps, key, { name, until }),
    remediateControlPlaneMachine: ({ key, record }) => remediateControlPlaneMachine(deps, key, record),
    awaitDeletionStage: (input) => awaitDeletionStage(deps, input),
    leaveControlPlane: ({ key }: On) => leaveControlPlane(deps, key),
    prepareControlPlaneUpgrade: ({ key }: On) => prepareControlPlaneUpgrade(deps, key),
    finishControlPlaneUpgrade: ({ key }: On) => finishControlPlaneUpgrade(deps, key),
    evictMember: ({ key, member }) => evictMember(deps, key, member),
    removeControlPlaneMachine: ({ key, name }) => removeControlPlaneMachine(deps, key, name),
    takeInventory: ({ key }: On) => takeInventory(deps, key),
    askControllers: ({ key, claims }) => askControllers(deps, key, claims),
    deleteWorkers: ({ key }: On) => deleteWorkers(deps, key),
    deleteControlPlane: ({ key }: On) => deleteControlPlane(deps, key),
    machineRemoveObjects: ({ key }: On) => machineRemoveObjects(deps, key),
    poolRemoveObjects: ({ key }: On) => poolRemoveObjects(deps, key),
    clusterFinalize: ({ key }: On) => clusterFinalize(deps, key),
    teardownOwner: ({ key }: On) => teardownOwner(deps, key),
  };
}

/** The activities of every cloud account's queue. */
export function createCloudActivities(deps: ActivityDeps): CloudActivities {
  return {
    infraEnsure: ({ key, task }) => infraEnsure(deps, key, task),
    infraFinish: ({ key, wish }) => infraFinish(deps, key, wish),
    infraRemove: ({ key, task }) => infraRemove(deps, key, task),
    previewExternal: ({ key }: On) => previewExternal(deps, key),
    findExternal: ({ key }: On) => findExternal(deps, key),
    collectExternal: ({ key, kinds }) => collectExternal(deps, key, kinds),
    machineCreateInstance: ({ key }: On) => machineCreateInstance(deps, key),
    machineAwaitInstance: ({ key }: On) => machineAwaitInstance(deps, key),
    machineDeleteInstance: ({ key }: On) => machineDeleteInstance(deps, key),
    poolLook: ({ key }: On) => poolLook(deps, key),
    poolEnsure: ({ key }: On) => poolEnsure(deps, key),
    poolAwait: ({ key }: On) => poolAwait(deps, key),
    poolDelete: ({ key }: On) => poolDelete(deps, key),
    awaitMachineNode: ({ key }: On) => awaitMachineNode(deps, key),
    driftSweep: ({ provider, queue }) => driftSweep(deps, provider, queue),
    listenForChanges: ({ provider, queue }) => listenForChanges(deps, provider, queue),
  };
}
