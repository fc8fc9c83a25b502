/**
 * What controllers inside a workload cluster made in the cloud: load balancers of Services, their security groups, volumes. Nobody wrote it down, so who
 * deletes the cluster has to find it, and to prove whose it is. The same shapes for every cloud; a provider gives kinds and finds resources.
 */
export interface ExternalResource {
  /** Name of an `ExternalKind`. */
  readonly kind: string;
  /** The cloud's own id or ARN: what it is removed by. */
  readonly id: string;
  readonly name: string;
  /** Other names that objects in the workload cluster know it by: a host name, a volume handle. */
  readonly aliases?: readonly string[];
  /** The network it lies in, if it lies in one. */
  readonly network?: string;
  /** `perdure.dev/id` on it. */
  readonly clusterId?: string;
  /** What its tags say of this cluster, by name: `owned` is a claim, `shared` is none. */
  readonly claim: 'owned' | 'shared';
  /** The tag that says so, for people. */
  readonly evidence: string;
  /** Names of other clusters that its tags name. */
  readonly others?: readonly string[];
  /** RFC 3339; absent where the cloud does not tell. */
  readonly createdAt?: string;
  /** What uses it and stays, in words: then it stays as well. */
  readonly usedBy?: string;
  /** Why it may be somebody else's in spite of what it bears, in words: then it is not touched. */
  readonly doubt?: string;
}

/** A kind of external resource that a provider collects. */
export interface ExternalKind {
  /** As the switches name it, e.g. `load-balancer`. */
  readonly name: string;
  /** Kinds of a wave are removed together; a wave begins when the one before is observed gone. */
  readonly wave: number;
  /** It holds what cannot be made again: kept unless asked for by name. */
  readonly data?: true;
  /** Volume claims in the cluster stand for it: they are deleted where it is asked for. */
  readonly claims?: true;
}

/** What the owner of the cluster wants collected. */
export interface CollectWish {
  readonly enabled: boolean;
  /** The kinds asked for by name; absent: all that hold no data. */
  readonly kinds?: readonly string[];
  /** Why nothing is collected, where it was turned off by something else than the owner's switch. */
  readonly because?: string;
  /** What of the wish cannot be understood and is left aside, in words. */
  readonly problems: readonly string[];
}

/** An object in the workload cluster that stands for a resource in the cloud. */
export interface InventoryItem {
  /** `Service default/web`. */
  readonly source: string;
  /** Ids or aliases of the resource. */
  readonly ids: readonly string[];
  /** Names in the DNS that the object asks for. */
  readonly dnsNames?: readonly string[];
  /** The object says that the resource outlives it. */
  readonly retain?: true;
}

/** What the workload cluster said while it still answered. */
export interface ExternalInventory {
  /** RFC 3339; absent: it was never asked, or did not answer. */
  readonly takenAt?: string;
  /** Why there is none. */
  readonly missing?: string;
  readonly items: readonly InventoryItem[];
}

export const NO_INVENTORY: ExternalInventory = { items: [] };

/** Who collects, and what is known to be its own. */
export interface Claimant {
  readonly name: string;
  /** `perdure.dev/id` of the Cluster. */
  readonly id: string;
  /** RFC 3339: nothing older can be of it. */
  readonly createdAt: string;
  /** The cloud's id of its network. */
  readonly network?: string;
  /** The network was made for this cluster alone, and goes with it. */
  readonly ownNetwork: boolean;
  /** Another cluster of the same name that the same tags could mean, in words. */
  readonly namesake?: string;
}

/** What becomes of a resource. `refused`: its tags name this cluster, but it may be somebody else's. */
export type Fate = 'delete' | 'keep' | 'refused';

export interface FatedResource extends ExternalResource {
  readonly fate: Fate;
  /** Why, for people. */
  readonly reason: string;
}
