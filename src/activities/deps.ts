import type { Cluster } from '../api/types/index.js';
import type { KubeObject, ObjectKey } from '../api/types/meta.js';
import type { AlsoSynced } from '../domain/bootstrap/node-sync.js';
import type { Changes } from '../kube/changes.js';
import type { KubeClient } from '../kube/client.js';
import type { Kube } from '../kube/kube.js';
import type { ProviderRegistry } from './providers/registry.js';
import type { NodeChanges } from './workload/node-changes.js';

/** Where an activity runs: its cancellation and its sign of life. Outside Temporal (tests, CLI) a plain object does. */
export interface CallScope {
  readonly signal: AbortSignal;
  heartbeat(details: string): void;
}

/** Everything the activities need from outside; injected once per worker process. */
export interface ActivityDeps {
  readonly kube: Kube;
  readonly providers: ProviderRegistry;
  /** Client of a workload cluster, cached; throws a PerdureError `Transient` when it cannot be reached. */
  workload(cluster: Cluster, signal: AbortSignal): Promise<KubeClient>;
  /** When that cluster last answered this process, milliseconds since the epoch; undefined: not since it started. */
  workloadAnswered?(cluster: Cluster): number | undefined;
  /** RFC 3339 with seconds. */
  now(): string;
  /** The scope of the running activity. */
  scope(): CallScope;
  /** Emits a Kubernetes Event on an object; never throws. */
  event(object: KubeObject, type: 'Normal' | 'Warning', reason: string, message: string): void;
  readonly log: {
    info(message: string, fields?: Record<string, unknown>): void;
    warn(message: string, fields?: Record<string, unknown>): void;
  };
  /** Changes of the management cluster's objects, which end pauses of waits; absent: waits only look now and then. */
  readonly changes?: Changes;
  /** The same for Nodes of workload clusters. */
  readonly nodeChanges?: NodeChanges;
  /** Interval of the waits' loops, milliseconds. */
  readonly pollMs: number;
  /** Perdure itself gives Nodes their providerID: no cloud controller manager runs in the workload clusters. */
  readonly initializeNodes: boolean;
  /** How long to listen to clouds between two sweeps, milliseconds; absent: not at all. */
  readonly listenMs?: number;
  /** What else of Machines goes to their Nodes; absent: nothing. */
  readonly alsoSynced?: AlsoSynced;
}

/** The namespaced name inside a key. */
export const refOf = (key: ObjectKey): { namespace: string; name: string } => ({
  namespace: key.namespace,
  name: key.name,
});
