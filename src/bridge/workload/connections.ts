import { KINDS } from '../../api/types/kinds.js';
import type { KubeObject } from '../../api/types/meta.js';
import { readPath } from '../../domain/contract.js';
import { PerdureError } from '../../domain/errors.js';
import type { KubeClient } from '../../kube/client.js';
import type { Log } from '../../telemetry/log.js';
import type { Workload } from '../world.js';
import { type ConnectionTiming, type WorkloadClient, WorkloadConnection } from './connection.js';
import { NodeStore } from './store.js';

export interface ConnectionsOptions {
  /** Reads the kubeconfig Secrets. */
  readonly kube: Pick<KubeClient, 'get'>;
  readonly connect: (kubeconfig: string) => WorkloadClient;
  /** A Node of the cluster changed in what anybody acts on, or went. */
  readonly onNode: (namespace: string, cluster: string, node: KubeObject) => void;
  /** The same of a static pod. */
  readonly onPod: (namespace: string, cluster: string) => void;
  /** Whether the cluster answers changed, or all of it was read anew. */
  readonly onChange: (namespace: string, cluster: string) => void;
  readonly onProbeFailed: () => void;
  readonly log: Log;
  readonly timing?: ConnectionTiming;
}

/** How many clusters are connected to at the same moment, so that a bridge that begins does not open hundreds of connections at once. */
const CONNECTING = 16;

interface Followed {
  readonly uid: string | undefined;
  readonly connection: WorkloadConnection;
  readonly store: NodeStore;
  readonly stop: AbortController;
  readonly ended: Promise<void>;
  secret: string;
}

/** One connection for each cluster that has a kubeconfig and a control plane. */
export class WorkloadConnections {
  readonly #options: ConnectionsOptions;
  readonly #followed = new Map<string, Followed>();
  readonly #gate = atMost(CONNECTING);
  readonly #ending = new Set<Promise<void>>();

  constructor(options: ConnectionsOptions) {
    this.#options = options;
  }

  counts(): { readonly connected: number; readonly disconnected: number; readonly nodes: number } {
    const all = [...this.#followed.values()];
    const connected = all.filter(({ connection }) => connection.connected).length;
    return {
      connected,
      disconnected: all.length - connected,
      nodes: all.reduce((sum, { store }) => sum + store.size, 0),
    };
  }

  view(namespace: string, name: string): Workload | undefined {
    const followed = this.#followed.get(`${namespace}/${name}`);
    if (!followed) return undefined;
    const { connection, store } = followed;
    return {
      link: connection.link(),
      listed: store.listed,
      nodeOf: (machine) => store.nodeOf(machine),
      pods: () => store.pods(),
    };
  }

  /** Brings the connection in line with the Cluster and its kubeconfig Secret, of which nothing but the metadata is looked at. */
  follow(namespace: string, name: string, cluster: KubeObject | undefined, secret: KubeObject | undefined): void {
    const key = `${namespace}/${name}`;
    const followed = this.#followed.get(key);
    const wanted = cluster !== undefined && secret !== undefined && hasControlPlane(cluster);
    if (followed && (!wanted || followed.uid !== cluster.metadata.uid)) this.#end(key, followed);
    if (!wanted) return;
    const version = `${secret.metadata.uid ?? ''}/${secret.metadata.resourceVersion ?? ''}`;
    const current = this.#followed.get(key);
    if (!current) this.#followed.set(key, this.#begin(namespace, name, cluster, version));
    else if (current.secret !== version) {
      current.secret = version;
      current.connection.refresh();
    }
  }

  /** Ends all connections. */
  async close(): Promise<void> {
    for (const [key, followed] of [...this.#followed]) this.#end(key, followed);
    await Promise.all(this.#ending);
  }

  #begin(namespace: string, name: string, cluster: KubeObject, secret: string): Followed {
    const { kube, connect, log, timing, onNode, onPod, onChange, onProbeFailed } = this.#options;
    const store = new NodeStore({
      onNode: (node) => onNode(namespace, name, node),
      onPod: () => onPod(namespace, name),
    });
    const connection = new WorkloadConnection({
      name: `${namespace}/${name}`,
      kubeconfig: (signal) => readKubeconfig(kube, namespace, name, signal),
      connect,
      gate: this.#gate,
      store,
      onChange: () => onChange(namespace, name),
      onProbeFailed,
      log,
      ...(timing ? { timing } : {}),
    });
    const stop = new AbortController();
    return { uid: cluster.metadata.uid, connection, store, stop, ended: connection.run(stop.signal), secret };
  }

  #end(key: string, followed: Followed): void {
    this.#followed.delete(key);
    followed.stop.abort(new Error('the cluster is not followed any more'));
    const ended = followed.ended.finally(() => this.#ending.delete(ended));
    this.#ending.add(ended);
  }
}

/** Name of the Secret that holds a cluster's kubeconfig, under key `value`. */
export const kubeconfigSecretOf = (cluster: string): string => `${cluster}-kubeconfig`;

/** Its API server is there, and it does not go. */
function hasControlPlane(cluster: KubeObject): boolean {
  const conditions = readPath(cluster, 'status.conditions');
  const initialized =
    readPath(cluster, 'status.initialization.controlPlaneInitialized') === true ||
    (Array.isArray(conditions) && conditions.some((c) => c.type === 'ControlPlaneInitialized' && c.status === 'True'));
  return (
    cluster.metadata.deletionTimestamp === undefined &&
    readPath(cluster, 'status.initialization.infrastructureProvisioned') === true &&
    initialized
  );
}

async function readKubeconfig(
  kube: Pick<KubeClient, 'get'>,
  namespace: string,
  cluster: string,
  signal: AbortSignal,
): Promise<string> {
  const name = kubeconfigSecretOf(cluster);
  const secret = await kube.get(KINDS.Secret, { namespace, name }, signal);
  const value = readPath(secret, 'data.value');
  if (typeof value === 'string' && value !== '') return Buffer.from(value, 'base64').toString('utf8');
  throw new PerdureError('Transient', `secret ${namespace}/${name} ${secret ? 'has no key value' : 'does not exist'}`);
}

/** Runs at most `limit` pieces of work at once; the others wait in line. */
function atMost(limit: number): <T>(work: () => Promise<T>) => Promise<T> {
  let free = limit;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else free += 1;
    }
  };
}
