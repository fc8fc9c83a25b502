import type { ObjectKey } from '../api/types/meta.js';
import type { ReportLine } from '../domain/collect/report.js';
import type { DeletionOutlook } from '../domain/drain/outlook.js';
import type {
  ClusterFacts,
  ControlPlaneBrief,
  DeploymentFacts,
  HealthFacts,
  MachineFacts,
  PoolFacts,
  RecordedFailure,
  RemediationRecord,
  SetFacts,
  StrayMember,
} from '../domain/facts.js';

/** Every activity takes the key of the object it acts for first: the interceptor reports a failing attempt on that object. */
export interface OnObject {
  readonly key: ObjectKey;
}

export interface TaskNode {
  readonly id: string;
  readonly title: string;
  readonly dependsOn: readonly string[];
}

/** The graph of an infra cluster, and what was wished of it when it was made. */
export interface InfraGraph {
  readonly tasks: readonly TaskNode[];
  readonly wish?: string;
}

/** The stages of a Machine's deletion that are waited for, in their order. */
export type DeletionStage = 'pre-drain' | 'drain' | 'volumes' | 'pre-terminate';

export interface StageInput {
  readonly stage: DeletionStage;
  /** What was in the way when it was asked last: only something else is worth an answer. */
  readonly told?: string;
  /** Nothing in the way is worth an answer any more. */
  readonly quiet?: boolean;
}

export interface StageEnd {
  /** The stages that apply now. */
  readonly next: DeletionOutlook;
  /** Set: the stage is not over, and this has been in the way for a while. */
  readonly waitingFor?: string;
}

/** How what controllers in a cluster made is collected before the cluster goes. */
export interface DeletionPlan {
  /** The cluster is asked to clean up first, while it still answers. */
  readonly ask: boolean;
  /** Volume claims are deleted too. */
  readonly claims: boolean;
  /** The cloud is searched for what is left. */
  readonly sweep: boolean;
  /** Why nothing is collected. */
  readonly because?: string;
}

/** What a workload cluster says of itself before it goes. */
export interface InventoryResult {
  /** How many objects of the cluster stand for something in the cloud. */
  readonly found: number;
  /** The cluster refuses to make more. */
  readonly frozen: boolean;
  /** Why the cluster could not be asked. */
  readonly missing?: string;
}

/** What there is to collect in the cloud. */
export interface SweepPlan {
  /** Kinds of which something is to go, in the order of their removal. */
  readonly waves: readonly (readonly string[])[];
  /** For people. */
  readonly summary: string;
}

/** What became of each external resource. */
export interface ExternalReport {
  readonly summary: string;
  readonly report: readonly ReportLine[];
}

/** Short calls against the management cluster; queue `perdure-kube`. */
export interface KubeActivities {
  /** Reads the Cluster and all that belongs to it, links owners, writes status, answers facts. */
  assessCluster(input: OnObject): Promise<ClusterFacts>;
  assessMachine(input: OnObject): Promise<MachineFacts>;
  assessMachineSet(input: OnObject): Promise<SetFacts>;
  /** Reads a MachinePool and what belongs to it, keeps its Nodes and join token, writes status; asks no cloud. */
  assessMachinePool(input: OnObject): Promise<PoolFacts>;
  assessControlPlane(input: OnObject): Promise<ControlPlaneBrief>;
  /** Also makes the step of the deployment's rollout that is due: makes, sizes and removes MachineSets. */
  assessMachineDeployment(input: OnObject): Promise<DeploymentFacts>;
  /** Checks the Machines of a MachineHealthCheck and marks the unhealthy ones: all of its work. */
  assessMachineHealthCheck(input: OnObject): Promise<HealthFacts>;
  /** Keeps the failure of an operation on the object, with an Event. */
  recordFailure(input: OnObject & { readonly failure: RecordedFailure }): Promise<void>;
  clearFailure(input: OnObject): Promise<void>;
  infraGraph(input: OnObject): Promise<InfraGraph>;
  /** How a Cluster's external resources are collected. Throws `InvalidConfiguration` while the Cluster is protected from deletion. */
  planDeletion(input: OnObject): Promise<DeletionPlan>;
  /** What became of each external resource; told by an Event as well. */
  reportExternal(input: OnObject): Promise<ExternalReport>;
  createWorkerMachines(input: OnObject & { readonly names: readonly string[] }): Promise<void>;
  deleteMachines(input: OnObject & { readonly names: readonly string[] }): Promise<void>;
  /** Marks unhealthy machines of a set as being replaced and deletes them: those of `names` that may still be by then. */
  remediateMachines(input: OnObject & { readonly names: readonly string[] }): Promise<void>;
  createControlPlaneMachine(
    input: OnObject & { readonly name: string; readonly failureDomain?: string; readonly replaces?: RemediationRecord },
  ): Promise<void>;
  /** Ends the replacement of an unhealthy control plane machine that needs no new machine any more. */
  endRemediation(input: OnObject & { readonly record: RemediationRecord }): Promise<void>;
  /** Writes the bootstrap Secret and sets Machine.spec.bootstrap.dataSecretName; NotYet while the init lock is taken. */
  machineBootstrap(input: OnObject): Promise<{ readonly dataSecretName: string }>;
  /** The same for a MachinePool. */
  poolBootstrap(input: OnObject): Promise<{ readonly dataSecretName: string }>;
}

/** Waits that hold no budget: heartbeating loops over the management or workload API; queue `perdure-wait`. */
export interface WaitActivities {
  /**
   * Keeps the Cluster's status current until it is available, or its infrastructure needs another look first. Every wait of an owner answers the facts
   * it saw last, so that nobody has to look again at once.
   */
  awaitClusterAvailable(input: OnObject): Promise<ClusterFacts>;
  /** Waits for the node, labels it, writes the Machine's status until it is Ready. For machines of third-party providers. */
  awaitMachineNode(input: OnObject): Promise<MachineFacts>;
  /** For infra kinds no provider of ours serves: waits for the public contract's fields. */
  awaitContract(input: OnObject & { readonly what: 'infraCluster' | 'infraMachine' | 'infraPool' }): Promise<void>;
  awaitMachines(
    input: OnObject & { readonly names: readonly string[]; readonly until: 'available' | 'gone' },
  ): Promise<SetFacts>;
  /**
   * Carries the rollout of a MachineDeployment on until its sets changed size `turns` times, it is done, the spec is another one, or it waits for long for
   * something that was not `told` before.
   */
  rollOut(
    input: OnObject & { readonly turns: number; readonly generation: number; readonly told: string },
  ): Promise<DeploymentFacts>;
  /** Waits as long as a control plane's plan is to wait for that machine or member; answers the last look. */
  awaitControlPlane(
    input: OnObject & { readonly name: string; readonly until: 'healthy' | 'gone' | 'quorum' | 'there' },
  ): Promise<ControlPlaneBrief>;
  /** Writes down that an unhealthy control plane machine is replaced, then deletes it. */
  remediateControlPlaneMachine(input: OnObject & { readonly record: RemediationRecord }): Promise<void>;
  /** Checks the quorum without it, forwards etcd leadership, deletes the Machine object. Its member leaves after its drain. */
  removeControlPlaneMachine(input: OnObject & { readonly name: string }): Promise<void>;
  /** Waits out one stage of a Machine's deletion: hooks, drain, volumes. */
  awaitDeletionStage(input: OnObject & StageInput): Promise<StageEnd>;
  /** Takes the member of a control plane machine that is being deleted out of etcd, then its hook off the Machine. */
  leaveControlPlane(input: OnObject): Promise<void>;
  /** Permissions and kubeadm-config in the workload cluster, for machines of the control plane's version; before the first of a rollout. */
  prepareControlPlaneUpgrade(input: OnObject): Promise<void>;
  /** kube-proxy, CoreDNS and certificate expiry dates, once no rollout is pending. */
  finishControlPlaneUpgrade(input: OnObject): Promise<void>;
  /** Takes an etcd member without a Machine out. */
  evictMember(input: OnObject & { readonly member: StrayMember }): Promise<void>;
  /** Writes down what the cluster's objects stand for in the cloud, and stops it from making more. */
  takeInventory(input: OnObject): Promise<InventoryResult>;
  /** Has the cluster's controllers clean up, ten minutes at most; answers what is still there then. */
  askControllers(input: OnObject & { readonly claims: boolean }): Promise<{ readonly left: readonly string[] }>;
  deleteWorkers(input: OnObject): Promise<void>;
  deleteControlPlane(input: OnObject): Promise<void>;
  /** Removes infra and bootstrap objects, then the Node, then the Machine's finalizer; each only after the previous is absent. */
  machineRemoveObjects(input: OnObject): Promise<void>;
  /** Removes a pool's infra and bootstrap objects, then its Nodes, then its finalizer. */
  poolRemoveObjects(input: OnObject): Promise<void>;
  /** Deletes the infra object and drops the Cluster's finalizer. */
  clusterFinalize(input: OnObject): Promise<void>;
  /** Deletes what a MachineDeployment, MachineSet or control plane owns, waits until absent, drops the finalizer. */
  teardownOwner(input: OnObject): Promise<void>;
}

/** Calls against one cloud account; queue given by the provider. */
export interface CloudActivities {
  /** Resolves an instance's or task's plan and applies it; returns the changes made, for people. */
  infraEnsure(input: OnObject & { readonly task: string }): Promise<{ readonly changes: readonly string[] }>;
  infraFinish(input: OnObject & { readonly wish?: string }): Promise<void>;
  infraRemove(input: OnObject & { readonly task: string }): Promise<void>;
  /** Searches the cloud for external resources, decides what becomes of each and writes that down. Removes nothing. */
  findExternal(input: OnObject): Promise<SweepPlan>;
  /** What would become of each external resource if the Cluster were deleted now. Changes nothing, and writes nothing down. */
  previewExternal(input: OnObject): Promise<ExternalReport>;
  /** Removes what is to go of these kinds and waits until it is gone. */
  collectExternal(input: OnObject & { readonly kinds: readonly string[] }): Promise<void>;
  machineCreateInstance(input: OnObject): Promise<{ readonly providerID: string }>;
  machineAwaitInstance(input: OnObject): Promise<{ readonly providerID: string; readonly state: string }>;
  machineDeleteInstance(input: OnObject): Promise<void>;
  /** Looks at a pool's group and Nodes, writes both statuses, tells what differs from the wish. */
  poolLook(input: OnObject): Promise<PoolFacts>;
  /** Makes or changes the group; returns the changes made, for people. */
  poolEnsure(input: OnObject): Promise<{ readonly changes: readonly string[] }>;
  /** Waits until all instances are ready Nodes, or there is something to change first. */
  poolAwait(input: OnObject): Promise<PoolFacts>;
  poolDelete(input: OnObject): Promise<void>;
  /** The same wait for our own machines: an instance that does not join is looked at, which is a cloud call. */
  awaitMachineNode(input: OnObject): Promise<MachineFacts>;
  /** One sweep over an account and region; answers the keys of objects whose lanes should look again. */
  driftSweep(input: { readonly provider: string; readonly queue: string }): Promise<{
    readonly checked: number;
    readonly drifted: readonly { readonly key: ObjectKey; readonly detail: string }[];
    /** The cloud tells of changes by itself, and is listened to until the next sweep. */
    readonly listens?: true;
  }>;
  /** Listens to what the cloud says of an account's clusters; answers how much it heard. */
  listenForChanges(input: { readonly provider: string; readonly queue: string }): Promise<number>;
}
