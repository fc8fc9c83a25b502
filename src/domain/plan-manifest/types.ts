import type {
  Cluster,
  KubeadmConfig,
  KubeadmControlPlane,
  Machine,
  MachineDeployment,
  MachinePool,
  MachineSet,
} from '../../api/types/index.js';
import type { KubeObject } from '../../api/types/meta.js';
import type { EtcdForecast } from '../plan/control-plane-forecast.js';

/** What names an object within a management cluster. */
export interface ObjectRef {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/** One document of a manifest, at the version that is stored. */
export interface ManifestDocument {
  readonly ref: ObjectRef;
  /** As it is; undefined when it would be created. */
  readonly live?: KubeObject;
  /** As it would be, with defaults; of a refused document as far as that can be known without the server. */
  readonly wanted: KubeObject;
  /** Why the API server would not take it. */
  readonly refusal?: string;
}

/** A manifest, and everything live that its consequences depend on. */
export interface ManifestWorld {
  /** RFC 3339. */
  readonly now: string;
  readonly documents: readonly ManifestDocument[];
  readonly clusters: readonly Cluster[];
  readonly controlPlanes: readonly KubeadmControlPlane[];
  readonly deployments: readonly MachineDeployment[];
  readonly sets: readonly MachineSet[];
  readonly pools: readonly MachinePool[];
  /** What pools refer to. */
  readonly infraPools: readonly KubeObject[];
  readonly machines: readonly Machine[];
  readonly configs: readonly KubeadmConfig[];
  /** What machines refer to: an infra machine each. */
  readonly infrastructure: readonly KubeObject[];
  /** Templates that the documents and the live objects refer to. */
  readonly templates: readonly KubeObject[];
}

/** What a changed field does. */
export type Effect =
  | 'replaces machines'
  | 'scales'
  | 'changes machines in place'
  | 'counts for new machines'
  | 'replaces older machines once it has passed'
  | 'replaces machines whose certificates expire so soon'
  | 'counts for rollouts'
  | 'counts for replacements of unhealthy machines'
  | 'changes what instances are made from'
  | 'changes the workload cluster'
  | 'changes the cloud'
  | 'pauses'
  | 'is applied';

/** A field that changes. Values are JSON, cut to a length; those that may be secret are `***`. */
export interface FieldChange {
  readonly field: string;
  readonly from?: string;
  readonly to?: string;
  readonly effect: Effect;
}

/** What becomes of one object of the manifest. */
export interface PlannedObject extends ObjectRef {
  readonly action: 'none' | 'create' | 'change' | 'refused';
  readonly changes: readonly FieldChange[];
}

/** One step of what happens, in order. Steps of one phase but of different groups happen side by side. */
export interface PlanStep {
  readonly phase: number;
  /** What it is done to. */
  readonly kind: 'Machine' | 'Pool' | 'Etcd' | 'Workload';
  /** `wait`: nothing goes on until what the reason names is over. `maintain`: what runs inside the workload cluster follows. Pools: `change`, and `refresh`: the cloud replaces instances. */
  readonly action: 'create' | 'delete' | 'change' | 'refresh' | 'wait' | 'evict' | 'maintain';
  readonly group: ObjectRef;
  readonly cluster: string;
  /** Name of the machine, where it is known before it happens: always of one that is deleted. */
  readonly machine?: string;
  readonly failureDomain?: string;
  readonly reason: string;
  /** Fields of the kubeadm configuration that make the difference. */
  readonly fields?: readonly string[];
  /** Machines of the group when it is done, and those sure to be available while it is done. */
  readonly machines?: { readonly total: number; readonly available: number };
  readonly etcd?: EtcdForecast;
  /** What this does in the cloud. */
  readonly cloud?: readonly string[];
  /** Preflight checks that hold it back until the control plane is where it is to be. */
  readonly waitsFor?: readonly string[];
}

/** How much of a group may be missing, and how much more there may be, while machines are replaced. */
export interface DisruptionBudget {
  readonly group: ObjectRef;
  readonly desired: number;
  readonly strategy: string;
  readonly maxSurge: number;
  readonly maxUnavailable: number;
  /** Most machines at any time of this plan, and fewest available. */
  readonly mostMachines: number;
  readonly leastAvailable: number;
}

/** What changes in the cloud, summed up. */
export interface CloudChange {
  readonly action: 'create' | 'delete' | 'change';
  readonly resource: string;
  readonly count: number;
  readonly of: ObjectRef;
}

/** A rule that the manifest breaks. */
export interface Refusal {
  readonly object: ObjectRef;
  readonly rule: string;
  /** `admission`: the API server refuses it. `preflight`: it would wait for ever. `kubernetes`: it would go ahead, and is not supported. */
  readonly by: 'admission' | 'preflight' | 'kubernetes';
  readonly message: string;
  readonly remedy?: string;
}

/** What applying a manifest would do. */
export interface ManifestPlan {
  readonly summary: {
    readonly changed: boolean;
    readonly refused: boolean;
    readonly machinesCreated: number;
    readonly machinesDeleted: number;
  };
  readonly objects: readonly PlannedObject[];
  readonly steps: readonly PlanStep[];
  readonly budgets: readonly DisruptionBudget[];
  readonly cloud: readonly CloudChange[];
  readonly refusals: readonly Refusal[];
  readonly notes: readonly string[];
}
