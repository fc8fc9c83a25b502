import type { KubeObject } from '../api/types/meta.js';
import { clusterNameOf, type Ref, referencesOf, refKey, refOf } from './references.js';

/** Read side of the bridge's copy of the management cluster. */
export interface World {
  /** Milliseconds since the epoch. */
  now(): number;
  get(ref: Ref): KubeObject | undefined;
  /** Objects with an owner reference to that uid. */
  ownedBy(uid: string | undefined): readonly KubeObject[];
  /** Objects that say they belong to a cluster. */
  inCluster(namespace: string, cluster: string): readonly KubeObject[];
  /** Objects whose spec refers to this one. */
  referrers(ref: Ref): readonly KubeObject[];
}

/** The copy with its indexes. Replaces are whole: an object's old entries go before the new ones come. */
export class WorldIndex implements World {
  readonly now: () => number;
  readonly #objects = new Map<string, KubeObject>();
  readonly #byOwner = new Map<string, Map<string, KubeObject>>();
  readonly #byCluster = new Map<string, Map<string, KubeObject>>();
  readonly #byReference = new Map<string, Map<string, KubeObject>>();

  constructor(now: () => number = Date.now) {
    this.now = now;
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

  #index(object: KubeObject, visit: (index: Map<string, Map<string, KubeObject>>, at: string) => void): void {
    for (const owner of object.metadata.ownerReferences ?? []) visit(this.#byOwner, owner.uid);
    const cluster = clusterNameOf(object);
    if (cluster !== undefined) visit(this.#byCluster, `${object.metadata.namespace ?? ''}/${cluster}`);
    for (const ref of referencesOf(object)) visit(this.#byReference, refKey(ref));
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
