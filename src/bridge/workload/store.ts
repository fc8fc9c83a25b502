import type { KubeObject } from '../../api/types/meta.js';
import { readPath } from '../../domain/contract.js';
import type { StoreEvent } from '../../kube/reflector.js';
import { saysTheSame } from './stripped.js';

export interface NodeStoreOptions {
  /** A Node came, changed in what it says, or went. Not called before the first whole list. */
  readonly onNode: (node: KubeObject) => void;
  /** A static pod did. */
  readonly onPod: (pod: KubeObject) => void;
}

/** Nodes and static pods of one workload cluster, across reconnections: after each the copy is brought in line with the list. */
export class NodeStore {
  readonly #options: NodeStoreOptions;
  readonly #nodes = new Map<string, KubeObject>();
  readonly #byProvider = new Map<string, string>();
  readonly #pods = new Map<string, KubeObject>();
  #listed = false;

  constructor(options: NodeStoreOptions) {
    this.#options = options;
  }

  /** All Nodes were listed once. */
  get listed(): boolean {
    return this.#listed;
  }

  get size(): number {
    return this.#nodes.size;
  }

  /**
   * The Node of a Machine: the one with its providerID. One by the recorded name stands in while it has no providerID yet, but never one of another
   * instance.
   */
  nodeOf(machine: KubeObject): KubeObject | undefined {
    const providerID = readPath(machine, 'spec.providerID');
    const named = this.#nodes.get(String(readPath(machine, 'status.nodeRef.name') ?? ''));
    const own = named && readPath(named, 'spec.providerID');
    if (named && (own === undefined || own === '' || own === providerID)) return named;
    return typeof providerID === 'string' ? this.#nodes.get(this.#byProvider.get(providerID) ?? '') : undefined;
  }

  pods(): readonly KubeObject[] {
    return [...this.#pods.values()];
  }

  node(event: StoreEvent<KubeObject>): void {
    const { object } = event;
    const { name } = object.metadata;
    const previous = this.#nodes.get(name);
    if (event.type === 'deleted') {
      if (previous) this.#drop(previous);
    } else {
      this.#forget(previous);
      this.#nodes.set(name, object);
      const providerID = readPath(object, 'spec.providerID');
      if (typeof providerID === 'string') this.#byProvider.set(providerID, name);
      if (this.#listed && !(previous && saysTheSame(previous, object))) this.#options.onNode(object);
    }
  }

  pod(event: StoreEvent<KubeObject>): void {
    const { object } = event;
    const { name } = object.metadata;
    const previous = this.#pods.get(name);
    if (event.type === 'deleted') this.#pods.delete(name);
    else this.#pods.set(name, object);
    const same = event.type !== 'deleted' && previous !== undefined && saysTheSame(previous, object);
    if (!same) this.#options.onPod(object);
  }

  /** A whole list has arrived: what is not in it went while nobody looked. */
  retainNodes(names: ReadonlySet<string>): void {
    for (const [name, node] of this.#nodes) if (!names.has(name)) this.#drop(node);
    this.#listed = true;
  }

  retainPods(names: ReadonlySet<string>): void {
    for (const name of this.#pods.keys()) if (!names.has(name)) this.#pods.delete(name);
  }

  #drop(node: KubeObject): void {
    this.#nodes.delete(node.metadata.name);
    this.#forget(node);
    if (this.#listed) this.#options.onNode(node);
  }

  #forget(node: KubeObject | undefined): void {
    const providerID = node && readPath(node, 'spec.providerID');
    if (typeof providerID === 'string' && this.#byProvider.get(providerID) === node?.metadata.name) {
      this.#byProvider.delete(providerID);
    }
  }
}
