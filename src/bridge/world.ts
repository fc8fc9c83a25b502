import type { KubeObject } from '../api/types/meta.js';
import type { AlsoSynced } from '../domain/bootstrap/node-sync.js';
import { readPath } from '../domain/contract.js';
import { clusterNameOf, type Ref, referencesOf, refKey, refOf } from './references.js';
import type { Link } from './workload/connection.js';

/** Written on each Node by the sync of its Machine. */
const MACHINE_OF_NODE = 'cluster.x-k8s.io/machine';

/** What is known of a cluster from its own API server. */
export interface Workload {
  readonly link: Link;
  /** All of it was read once. */
  readonly listed: boolean;
  nodeOf(machine: KubeObject): KubeObject | undefined;
  /** Static pods of its control plane. */
  pods(): readonly KubeObject[];
}

/** Read side of the bridge's copy of the management cluster. */
export interface World {
  /** Milliseconds since the epoch. */
  now(): number;
  /** What else of Machines goes to their Nodes. */
  readonly alsoSynced: AlsoSynced | undefined;
  get(ref: Ref): KubeObject | undefined;
  /** Objects with an owner reference to that uid. */
  ownedBy(uid: string | undefined): readonly KubeObject[];
  /** Objects that say they belong to a cluster. */
  inCluster(namespace: string, cluster: string): readonly KubeObject[];
  /** Objects whose spec refers to this one. */
  referrers(ref: Ref): readonly KubeObject[];
  /** Undefined while nobody connects to the cluster. */
  workload(namespace: string, cluster: string): Workload | undefined;
  /** Machines of a cluster that a Node may belong to: by recorded name, by providerID, by its own annotation. */
  machinesOn(namespace: string, cluster: string, node: KubeObject): readonly KubeObject[];
}

/** Finds the connection to a cluster. */
export type Workloads = (namespace: string, cluster: string) => Workload | undefined;

/** The copy with its indexes. Replaces are whole: an object's old entries go before the new ones come. */
export class WorldIndex implements World {
  readonly now: () => number;
  readonly alsoSynced: AlsoSynced | undefined;
  readonly #objects = new Map<string, KubeObject>();
  readonly #byOwner = new Map<string, Map<string, KubeObject>>();
  readonly #byCluster = new Map<string, Map<string, KubeObject>>();
  readonly #byReference = new Map<string, Map<string, KubeObject>>();
  readonly #byNode = new Map<string, Map<string, KubeObject>>();
  readonly #workloads: Workloads;

  constructor(now: () => number = Date.now, workloads: Workloads = () => undefined, alsoSynced?: AlsoSynced) {
    this.now = now;
    this.alsoSynced = alsoSynced;
    this.#workloads = workloads;
  }

  put(object: KubeObject): void {
    const key = refKey(refOf(object));
    const previous = this.#objects.get(key);
    if (previous) this.#index(previous, (index, at) => drop(index, at, key));
    this.#objects.set(key, object);
    this.#index(object, (index, at) => enter(index, at, key, object));
  }

  remove(object: KubeObject): void {
    const key = refKey(refOf(object));
    const stored = this.#objects.get(key);
    // A late deletion must not take the successor of the same name with it.
    if (!stored || stored.metadata.uid !== object.metadata.uid) return;
    this.#objects.delete(key);
    this.#index(stored, (index, at) => drop(index, at, key));
  }

  get(ref: Ref): KubeObject | undefined {
    return this.#objects.get(refKey(ref));
  }

  ownedBy(uid: string | undefined): readonly KubeObject[] {
    return uid === undefined ? [] : values(this.#byOwner.get(uid));
  }

  inCluster(namespace: string, cluster: string): readonly KubeObject[] {
    return values(this.#byCluster.get(`${namespace}/${cluster}`));
  }

  referrers(ref: Ref): readonly KubeObject[] {
    return values(this.#byReference.get(refKey(ref)));
  }

  workload(namespace: string, cluster: string): Workload | undefined {
    return this.#workloads(namespace, cluster);
  }

  machinesOn(namespace: string, cluster: string, node: KubeObject): readonly KubeObject[] {
    const own = node.metadata.annotations?.[MACHINE_OF_NODE];
    const named = own === undefined ? undefined : this.get({ kind: 'Machine', namespace, name: own });
    const found = new Set(named && clusterNameOf(named) === cluster ? [named] : []);
    for (const key of [`name/${node.metadata.name}`, `id/${String(readPath(node, 'spec.providerID') ?? '')}`]) {
      for (const machine of values(this.#byNode.get(`${namespace}/${cluster}/${key}`))) found.add(machine);
    }
    return [...found];
  }

  #index(object: KubeObject, visit: (index: Map<string, Map<string, KubeObject>>, at: string) => void): void {
    for (const owner of object.metadata.ownerReferences ?? []) visit(this.#byOwner, owner.uid);
    const cluster = clusterNameOf(object);
    if (cluster !== undefined) visit(this.#byCluster, `${object.metadata.namespace ?? ''}/${cluster}`);
    for (const ref of referencesOf(object)) visit(this.#byReference, refKey(ref));
    if (object.kind !== 'Machine') return;
    const within = `${object.metadata.namespace ?? ''}/${cluster ?? ''}`;
    const node = readPath(object, 'status.nodeRef.name');
    const providerID = readPath(object, 'spec.providerID');
    if (typeof node === 'string') visit(this.#byNode, `${within}/name/${node}`);
    if (typeof providerID === 'string') visit(this.#byNode, `${within}/id/${providerID}`);
  }
}

function enter(index: Map<string, Map<string, KubeObject>>, at: string, key: string, object: KubeObject): void {
  const set = index.get(at) ?? new Map<string, KubeObject>();
  set.set(key, object);
  index.set(at, set);
}

function drop(index: Map<string, Map<string, KubeObject>>, at: string, key: string): void {
  const set = index.get(at);
  set?.delete(key);
  if (set?.size === 0) index.delete(at);
}

function values(set: Map<string, KubeObject> | undefined): readonly KubeObject[] {
  return set ? [...set.values()] : [];
}
