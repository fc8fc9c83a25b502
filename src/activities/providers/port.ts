import type { Cluster, Machine, MachinePool } from '../../api/types/index.js';
import type { KubeObject, ResourceKind } from '../../api/types/meta.js';
import type {
  Claimant,
  CollectWish,
  ExternalInventory,
  ExternalKind,
  ExternalResource,
} from '../../domain/collect/external.js';
import type { PerdureError } from '../../domain/errors.js';
import type { Kube } from '../../kube/kube.js';

/** Structured logger handed to providers; never give it a secret. */
export interface ProviderLog {
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
}

/** What every provider call gets. `signal` is the activity's cancellation: pass it to each SDK call. */
export interface CallContext {
  readonly kube: Kube;
  readonly signal: AbortSignal;
  readonly log: ProviderLog;
  /** Tells Temporal the call is alive and what it is doing; call it at least every 5 s while waiting. */
  heartbeat(details: string): void;
}

/** A cluster and its infra object as read at the start of this call. */
export interface ClusterContext<C extends KubeObject = KubeObject> extends CallContext {
  readonly cluster: Cluster;
  readonly infraCluster: C;
  /** Random id written once as annotation `perdure.dev/id` on the Cluster; moved with it; the identity in tags and tokens. */
  readonly clusterId: string;
}

/** A machine, its infra object, and the cluster around it. `infraCluster` may be gone while deleting. */
export interface MachineContext<C extends KubeObject = KubeObject, M extends KubeObject = KubeObject>
  extends CallContext {
  readonly cluster: Cluster;
  readonly infraCluster: C | undefined;
  readonly clusterId: string;
  readonly machine: Machine;
  readonly infraMachine: M;
  /** `perdure.dev/id` of the infra machine; seed of its idempotency token. */
  readonly machineId: string;
}

/** A pool of machines, its infra object, and the cluster around it. `infraCluster` may be gone while deleting. */
export interface PoolContext<C extends KubeObject = KubeObject, P extends KubeObject = KubeObject> extends CallContext {
  readonly cluster: Cluster;
  readonly infraCluster: C | undefined;
  readonly clusterId: string;
  readonly pool: MachinePool;
  readonly infraPool: P;
  /** `perdure.dev/id` of the infra pool; in its tags. */
  readonly poolId: string;
}

/** One difference between desired and observed; what `perdure plan` and the `plan` query print. */
export interface Change {
  readonly action: 'create' | 'update' | 'delete' | 'replace';
  /** Provider noun, e.g. `subnet`. */
  readonly resource: string;
  readonly name: string;
  readonly detail: string;
}

/**
 * One node in the graph that makes an infra cluster. `observe` reads, `plan` is pure, `apply` makes the changes and records ids on the infra
 * object before anything depends on them. Everything may be run again after a kill at any line.
 */
export interface EnsureTask<C extends KubeObject = KubeObject, O = unknown> {
  readonly id: string;
  /** Shown to people: "Ensure subnets". */
  readonly title: string;
  readonly dependsOn: readonly string[];
  observe(ctx: ClusterContext<C>): Promise<O>;
  plan(ctx: ClusterContext<C>, observed: O): readonly Change[];
  /** Converges and waits (heartbeating) until usable by dependents. */
  apply(ctx: ClusterContext<C>, observed: O, changes: readonly Change[]): Promise<void>;
  /** Removes what carries our identity and resolves when it is observed absent; absent at the start is success. */
  remove(ctx: ClusterContext<C>): Promise<void>;
}

export type InstanceState = 'pending' | 'running' | 'stopping' | 'stopped' | 'terminating' | 'terminated' | 'absent';

export interface InstanceObservation {
  readonly state: InstanceState;
  readonly providerID?: string;
  readonly addresses: readonly { readonly type: string; readonly address: string }[];
  readonly failureDomain?: string;
  /** Last lines of the instance's console, when the cloud has them; at most 2 kB. */
  readonly console?: string;
}

export interface OwnedResource {
  readonly type: string;
  readonly id: string;
  readonly name: string;
  readonly clusterId: string | undefined;
  readonly clusterName: string | undefined;
}

/** A difference found by a sweep: which object's lane should look again. */
export interface Drift {
  readonly namespace: string;
  readonly kind: string;
  readonly name: string;
  readonly detail: string;
}

/** An instance of a pool. */
export interface PoolInstance {
  readonly providerID: string;
  readonly addresses: readonly { readonly type: string; readonly address: string }[];
  /** Its Node is marked: the cloud may take it away. */
  readonly interruptible?: boolean;
}

export interface PoolObservation {
  readonly state: 'absent' | 'present' | 'deleting';
  /** How many instances the cloud is told to keep. */
  readonly desired: number;
  readonly instances: readonly PoolInstance[];
  /** What `ensure` would change, in words. */
  readonly changes: readonly string[];
  /** What the cloud is doing about the last change, in words. */
  readonly waitingFor?: string;
}

/** Pools of machines, where a cloud has them: a group that keeps a number of equal instances by itself. All are idempotent. */
export interface InfraPools<C extends KubeObject = KubeObject, P extends KubeObject = KubeObject> {
  readonly kind: ResourceKind;
  /** Reads the group and its instances and writes the infra pool's status. Changes nothing in the cloud. */
  observe(ctx: PoolContext<C, P>): Promise<PoolObservation>;
  /** Makes or changes the group as the infra pool wishes and writes its status; never waits for instances. */
  ensure(ctx: PoolContext<C, P>): Promise<PoolObservation>;
  /** Requests the removal of the group, then of what it was made from. May be called until the state is `absent`. */
  remove(ctx: PoolContext<C, P>): Promise<PoolObservation>;
}

/** The external resources of a cluster as the cloud shows them, and what it shows of whose they can be. */
export interface ExternalFound {
  readonly resources: readonly ExternalResource[];
  readonly claimant: Pick<Claimant, 'network' | 'ownNetwork' | 'namesake'>;
}

/** What became of the request to remove a resource; `blocked`: the cloud refuses for now, and why, naming what is in the way. */
export interface ExternalRemoval {
  readonly kind: string;
  readonly id: string;
  readonly blocked?: string;
}

/** What controllers inside workload clusters make in a cloud: how it is found and removed. What goes is decided elsewhere, for all clouds alike. */
export interface ExternalResources<C extends KubeObject = KubeObject> {
  /** What is collected, in order of removal. */
  readonly kinds: readonly ExternalKind[];
  /** The owner's switches, read from the infra object and the gates. */
  wish(infraCluster: C): CollectWish;
  /** Everything of `kinds` whose tags name this cluster, whoever it belongs to; not what Perdure itself made. Changes nothing. */
  find(ctx: ClusterContext<C>, kinds: readonly string[], inventory: ExternalInventory): Promise<ExternalFound>;
  /** Requests the removal of resources that were just found; absent is success, and none keeps the others from being tried. */
  remove(ctx: ClusterContext<C>, resources: readonly ExternalResource[]): Promise<readonly ExternalRemoval[]>;
}

/**
 * All that a cloud must give (at most ten methods). None blocks longer than it says, all are idempotent and take the context's signal.
 */
export interface InfraProvider<C extends KubeObject = KubeObject, M extends KubeObject = KubeObject> {
  readonly name: string;
  readonly clusterKind: ResourceKind;
  readonly machineKind: ResourceKind;
  /** Task queue of the account this cluster's calls are budgeted on; stable for a spec, no cloud call if avoidable. */
  taskQueue(cluster: C): string;
  /** The graph for this cluster; bring-your-own parts have tasks that only observe and tag. */
  clusterTasks(cluster: C): readonly EnsureTask<C>[];
  /** After all tasks: writes endpoint, failure domains, conditions, ready flags of both contracts. Returns true when usable. */
  finishCluster(ctx: ClusterContext<C>): Promise<boolean>;
  /** Requests the instance and records its id on the infra machine; idempotent by token; never waits for "running". */
  createInstance(ctx: MachineContext<C, M>): Promise<InstanceObservation>;
  /**
   * Reads the instance, repairs what belongs to it (tags, groups, load balancer registration) and writes the infra machine's status. The console
   * of an instance that ended before its node joined is always read; that of one that runs only when `explain`: somebody waits for its node too long.
   */
  observeInstance(ctx: MachineContext<C, M>, explain?: boolean): Promise<InstanceObservation>;
  /** Deregisters, requests termination, removes bootstrap secrets; absent is success. State tells whether it is gone. */
  deleteInstance(ctx: MachineContext<C, M>): Promise<InstanceObservation>;
  /** One sweep over an account and region: what drifted, for all given clusters, with batched reads only. */
  sweep(ctx: CallContext, clusters: readonly { cluster: Cluster; infraCluster: C }[]): Promise<readonly Drift[]>;
  /**
   * Listens until `until` (milliseconds since the epoch) to what the cloud says of changes, and tells of objects whose lanes should look again before the next
   * sweep. Absent: the cloud says nothing, or nobody wants to hear it.
   */
  listen?(
    ctx: CallContext,
    clusters: readonly { cluster: Cluster; infraCluster: C }[],
    until: number,
    tell: (drift: Drift) => Promise<void>,
  ): Promise<void>;
  /** Everything that carries a Perdure or upstream ownership tag of this cluster. */
  listOwned(ctx: ClusterContext<C>): Promise<readonly OwnedResource[]>;
  /** Cloud error → typed failure, by the provider's one table. */
  classify(error: unknown): PerdureError;
  readonly pools?: InfraPools;
  /** Absent: nothing inside its clusters makes anything outside. */
  readonly external?: ExternalResources<C>;
}
