import type { EtcdMember } from './bootstrap/etcd-quorum.js';
import type { DeletionOutlook } from './drain/outlook.js';
import type { FailureType } from './errors.js';

/**
 * What a lane is told about the world each cycle: small, free of secrets, read live by one `assess` activity which also wrote the status. Lanes
 * decide on facts only, through the pure planners of `domain/plan`.
 */
export interface CommonFacts {
  readonly exists: boolean;
  readonly paused: boolean;
  readonly deleting: boolean;
  readonly generation: number;
  /** `namespace/name` of the cluster, for search attributes and summaries. */
  readonly cluster: string;
  /** The recorded failure of the last operation, while it still applies to what the object says now. */
  readonly failure?: RecordedFailure;
  /** Changes when a person may have removed the cause of a failure: generations involved and the retry annotation. */
  readonly attempt: string;
}

export interface RecordedFailure {
  readonly operation: string;
  readonly type: FailureType;
  readonly message: string;
  readonly attempt: string;
}

export interface ClusterFacts extends CommonFacts {
  readonly hasInfrastructure: boolean;
  /** A provider of ours serves the infra kind; else the public contract is followed. */
  readonly provider?: string;
  readonly cloudQueue: string;
  readonly infrastructureProvisioned: boolean;
  /** Infra spec changed since the tasks last ran to the end. */
  readonly infrastructureStale: boolean;
  readonly infrastructureDeleting: boolean;
  /** What a sweep found to differ between the cloud and the spec. */
  readonly drift?: string;
  readonly controlPlaneInitialized: boolean;
  readonly available: boolean;
  /** Available with every wanted machine available. */
  readonly complete: boolean;
  readonly everAvailable: boolean;
  /** The last probe of the workload cluster failed; in so many seconds that is told, unless it answers again. */
  readonly probeAgainInSeconds?: number;
  readonly desired: { readonly controlPlane: number; readonly workers: number };
}

export interface MachineFacts extends CommonFacts {
  readonly provider?: string;
  readonly cloudQueue: string;
  readonly controlPlane: boolean;
  readonly clusterDeleting: boolean;
  readonly infrastructureReady: boolean;
  readonly controlPlaneInitialized: boolean;
  readonly bootstrapReady: boolean;
  readonly provisioned: boolean;
  readonly hasNode: boolean;
  readonly nodeReady: boolean;
  /** The Machine's own Ready condition: all of it, gates included. */
  readonly ready: boolean;
  readonly available: boolean;
  /** What a sweep found to differ between the instance and the spec. */
  readonly drift?: string;
  /** Seconds until minReadySeconds makes it available; 0 when nothing is pending. */
  readonly availableInSeconds: number;
  /** The workload cluster does not answer, and what was last seen of the Node stands for so long. */
  readonly holdsForSeconds?: number;
  /** While it is being deleted: what has to be waited for before its instance goes. */
  readonly deletion?: DeletionOutlook;
}

export interface ReplicaFacts extends CommonFacts {
  readonly desired: number;
  readonly machines: readonly OwnedMachine[];
  readonly base: string;
  /** How machines are named, if not `<base>-<5 chars>`. */
  readonly naming?: string;
  readonly uid: string;
  readonly deleteOrder: 'Random' | 'Newest' | 'Oldest';
  /** Unhealthy machines that are to be replaced now. */
  readonly remediate?: readonly string[];
  readonly blocked?: CreationBlock;
}

/** Why a set makes no machines now. */
export interface CreationBlock {
  /** In words; never empty. */
  readonly reasons: readonly string[];
  /** Nobody tells when that is over. */
  readonly again: boolean;
}

/** What a lane is told of a MachineSet: its machines in numbers and the next step, however many there are. */
export interface SetFacts extends CommonFacts {
  readonly desired: number;
  readonly live: number;
  readonly available: number;
  /** Machines on their way out, by name; not all when there are very many. */
  readonly leaving: readonly string[];
  readonly step: ScaleStep;
  readonly blocked?: CreationBlock;
}

/** What to create and delete to reach the desired count. */
export interface ScaleStep {
  readonly create: readonly string[];
  readonly remove: readonly string[];
  /** Unhealthy ones to be replaced: deleted first, and created anew in a later step. */
  readonly remediate?: readonly string[];
}

export interface OwnedMachine {
  readonly name: string;
  readonly deleting: boolean;
  readonly ready: boolean;
  readonly hasNode: boolean;
  readonly available: boolean;
  readonly healthy: boolean;
  readonly upToDate: boolean;
  readonly deleteFirst: boolean;
  readonly createdAt: string;
  readonly failureDomain?: string;
}

/** An etcd member that no Machine stands behind; the name is empty when it never started. */
export interface StrayMember {
  readonly id: string;
  readonly name: string;
}

/** One replacement of an unhealthy control plane machine, as upstream's annotations carry it. */
export interface RemediationRecord {
  /** The machine that is, or was, replaced. */
  readonly machine: string;
  /** RFC 3339: when the replacement began. */
  readonly timestamp: string;
  /** Replacements before this one that did not help. */
  readonly retryCount: number;
}

/** One machine of a control plane, with all that decides its fate. */
export interface ControlPlaneMachine extends OwnedMachine {
  /** Name of its Node, which is that of its etcd member. */
  readonly node?: string;
  /** Why it is not up-to-date, as sentences; empty when it is. */
  readonly outdated: readonly string[];
  /** Preflight predicates that it fails, as sentences; empty when all its components work. */
  readonly problems: readonly Problem[];
  readonly etcdHealthy: boolean;
  /** A health check found it unhealthy. */
  readonly sick: boolean;
  /** The health check wants it replaced by its control plane; the highest is replaced first. */
  readonly urgency?: number;
  /** The replacement that it was made for. */
  readonly remediationFor?: RemediationRecord;
}

/** A predicate of the preflight checks that a machine fails. */
export interface Problem {
  readonly about: 'components' | 'etcd';
  readonly message: string;
}

/** How often and how soon unhealthy machines are replaced. */
export interface RemediationPolicy {
  /** Absent: without end. */
  readonly maxRetry?: number;
  readonly retryPeriodSeconds: number;
  readonly minHealthyPeriodSeconds: number;
}

/** All that a control plane's planner decides on. It stays in the activity: the lane is told a `ControlPlaneBrief`. */
export interface ControlPlaneFacts extends ReplicaFacts {
  readonly machines: readonly ControlPlaneMachine[];
  /** Known only while every machine has its node. */
  readonly strays?: readonly StrayMember[];
  readonly infrastructureProvisioned: boolean;
  readonly endpoint: boolean;
  readonly initialized: boolean;
  readonly certificatesAvailable: boolean;
  readonly failureDomains: readonly string[];
  readonly workersExist: boolean;
  readonly clusterDeleting: boolean;
  readonly cloudQueue: string;
  /** Machines above the desired number during a rollout. */
  readonly maxSurge: 0 | 1;
  readonly managedEtcd: boolean;
  /** Members as etcd lists them; absent when they could not be read, and with an external etcd. */
  readonly etcd?: { readonly members: readonly EtcdMember[]; readonly alarmed: readonly string[] };
  /** The replacement that was begun and has not got its new machine yet. */
  readonly remediating?: RemediationRecord;
  readonly policy: RemediationPolicy;
  /** What inside the workload cluster is not as the machines are; known while nothing else is to be done. */
  readonly upkeep?: readonly string[];
  /** When the clock alone makes a machine outdated, milliseconds since the epoch. */
  readonly outdatedAtMs?: number;
  /** Control plane machines of the cluster that others control. */
  readonly foreign?: readonly string[];
  /** The infra machine template that machines are to be made from and that does not exist. */
  readonly missingTemplate?: string;
}

/** The next step of a control plane; `await` changes nothing. */
export type ControlPlaneStep =
  | {
      readonly kind: 'create';
      readonly name: string;
      readonly failureDomain?: string;
      /** It takes the place of a machine that was unhealthy. */
      readonly replaces?: RemediationRecord;
      /** It differs from machines that are there: what it reads in the workload cluster when it joins is brought up to date first. */
      readonly prepare?: true;
    }
  | { readonly kind: 'remove'; readonly name: string; readonly why: string }
  | { readonly kind: 'remediate'; readonly record: RemediationRecord }
  /** Forgets a replacement that was begun and needs no new machine any more. */
  | { readonly kind: 'forget'; readonly record: RemediationRecord }
  | { readonly kind: 'evict'; readonly member: StrayMember }
  /** Brings what kubeadm installed once to the version of the machines, when all of them have it. */
  | { readonly kind: 'maintain'; readonly parts: readonly string[] }
  | {
      readonly kind: 'await';
      readonly name: string;
      readonly until: 'healthy' | 'gone' | 'quorum' | 'there';
      /** The predicates that fail, as sentences. */
      readonly reason: string;
      /** What would let it go on. */
      readonly unblock: string;
      /** What the conditions of the control plane say of it. */
      readonly about: readonly ('deleting' | 'components' | 'etcd')[];
    }
  | { readonly kind: 'done' };

/** What a person would call the work that is due. */
export type ControlPlaneOperation =
  | 'ScaleControlPlane'
  | 'UpgradeControlPlane'
  | 'RemediateControlPlane'
  | 'MaintainControlPlane';

/** What a lane is told of a control plane: the next step, and the way there in words. */
export interface ControlPlaneBrief extends CommonFacts {
  readonly desired: number;
  readonly live: number;
  readonly infrastructureProvisioned: boolean;
  readonly endpoint: boolean;
  readonly initialized: boolean;
  readonly certificatesAvailable: boolean;
  readonly clusterDeleting: boolean;
  readonly cloudQueue: string;
  readonly foreign?: readonly string[];
  readonly step: ControlPlaneStep;
  readonly operation: ControlPlaneOperation;
  /** A machine is missing, surplus, outdated, going, or to be replaced. */
  readonly pending: boolean;
  /** Why the operation is due, for people. */
  readonly why: string;
  /** The steps ahead if each succeeds, for people. */
  readonly forecast: readonly string[];
  /** Seconds until the clock makes a machine outdated, when that is soon. */
  readonly outdatedInSeconds?: number;
  /** Seconds until a replacement that has to wait may be tried. */
  readonly retryInSeconds?: number;
}

/** What the lane of a MachinePool is told. */
export interface PoolFacts extends CommonFacts {
  readonly provider?: string;
  readonly cloudQueue: string;
  readonly clusterDeleting: boolean;
  readonly infrastructureReady: boolean;
  readonly controlPlaneInitialized: boolean;
  readonly bootstrapReady: boolean;
  /** Its infrastructure is provisioned, once and for all. */
  readonly provisioned: boolean;
  readonly desired: number;
  readonly replicas: number;
  readonly ready: number;
  readonly upToDate: number;
  /** Somebody else decides how many instances there are. */
  readonly external: boolean;
  /** What the infrastructure has to be changed by, in words; known after a look at the cloud only. */
  readonly changes: readonly string[];
  /** What is under way in the cloud, in words. */
  readonly waitingFor?: string;
  /** The infrastructure has to be looked at, or a join token to be kept alive, within so many seconds. */
  readonly lookAgainSeconds?: number;
}

export interface HealthFacts extends CommonFacts {
  /** Why nothing could be concluded; nothing was written then. `again`: nobody tells when that is over. */
  readonly blocked?: { readonly reason: string; readonly again: boolean };
  readonly expected: number;
  readonly healthy: number;
  readonly unhealthy: number;
  /** Machines that are about to fail. */
  readonly pending: number;
  /** Remediation is allowed. */
  readonly allowed: boolean;
  /** Seconds until some Machine may have become unhealthy; 0 when none is about to. */
  readonly nextCheckSeconds: number;
  /** A remediation that somebody else was to be asked for could not be. */
  readonly trouble?: string;
}

/** A rollout of a MachineDeployment, for its operation and for people. */
export interface RolloutFacts {
  /** Machines of other templates are to be replaced, and that is under way. */
  readonly rolling: boolean;
  /** Machines of other templates, wanted or there. */
  readonly left: number;
  /** Available machines of the current template. */
  readonly done: number;
  /** How the old machines differ. */
  readonly why: readonly string[];
  /** Changes of sizes that this look made. */
  readonly changes: readonly string[];
  /** What has to happen before the next change, in words. */
  readonly waitingFor: string;
  /** The changes ahead if every machine becomes available, in words. */
  readonly forecast: readonly string[];
  readonly complete: boolean;
}

export interface DeploymentFacts extends CommonFacts {
  readonly rollout: RolloutFacts;
  /** Seconds until spec.rollout.after; absent when that is not set or has passed. */
  readonly rolloutInSeconds?: number;
  readonly desired: number;
  readonly replicas: number;
  readonly ready: number;
}
