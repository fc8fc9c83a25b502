import type { Cluster } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import type { KubeObject, ObjectKey } from '../../api/types/meta.js';
import { isDeleting, isManagedElsewhere, isPaused, keyOf } from '../../domain/contract.js';
import { ANNOTATION } from '../../domain/names.js';
import type { ActivityDeps } from '../deps.js';
import { unlessGone } from '../kube/write.js';
import type { CallContext, Drift, InfraProvider } from '../providers/port.js';

/** An object that differs from its cloud, and how. */
export interface DriftedObject {
  readonly key: ObjectKey;
  readonly detail: string;
}

/** Drifted objects that are named in the result; all are marked. */
const LISTED = 50;

/**
 * Compares all settled clusters of one account queue with the cloud in a few batched reads and marks the objects that differ (annotation
 * `perdure.dev/drift`), which wakes their lanes. Clusters still being made are left to their operations. Changes nothing in the cloud.
 */
export async function driftSweep(
  deps: ActivityDeps,
  providerName: string,
  queue: string,
): Promise<{ checked: number; drifted: readonly DriftedObject[]; listens?: true }> {
  const { signal } = deps.scope();
  const provider = deps.providers.named(providerName);
  const pairs = await settledClusters(deps, provider, queue);
  if (pairs.length === 0) return { checked: 0, drifted: [] };
  const found = await provider.sweep(contextOf(deps), pairs).catch((error: unknown) => {
    throw signal.aborted ? error : provider.classify(error);
  });
  const drifted: DriftedObject[] = [];
  for (const drift of found) {
    const object = await mark(deps, drift);
    if (object) drifted.push({ key: keyOf(object), detail: drift.detail });
  }
  const listens = provider.listen !== undefined && deps.listenMs !== undefined;
  return { checked: pairs.length, drifted: drifted.slice(0, LISTED), ...(listens ? { listens } : {}) };
}

/**
 * Listens to what the cloud says of its clusters until shortly before the next sweep, and marks what changed as a sweep does. May be run again at any time: what was
 * not heard is in the cloud's queue, or is found by the sweep.
 */
export async function listenForChanges(deps: ActivityDeps, providerName: string, queue: string): Promise<number> {
  const { signal } = deps.scope();
  const provider = deps.providers.named(providerName);
  const pairs = await settledClusters(deps, provider, queue);
  const until = Date.parse(deps.now()) + (deps.listenMs ?? 0);
  let heard = 0;
  const tell = async (drift: Drift): Promise<void> => {
    if (await mark(deps, drift)) heard++;
  };
  await provider.listen?.(contextOf(deps), pairs, until, tell).catch((error: unknown) => {
    throw signal.aborted ? error : provider.classify(error);
  });
  return heard;
}

const contextOf = (deps: ActivityDeps): CallContext => ({
  kube: deps.kube,
  signal: deps.scope().signal,
  log: deps.log,
  heartbeat: (details) => deps.scope().heartbeat(details),
});

/** The clusters of an account queue that have been made and are not on their way out. */
async function settledClusters(
  { kube, scope }: ActivityDeps,
  provider: InfraProvider,
  queue: string,
): Promise<{ cluster: Cluster; infraCluster: KubeObject }[]> {
  const { signal } = scope();
  const [clusters, infras] = await Promise.all([
    kube.list<Cluster>(KINDS.Cluster, {}, signal),
    kube.list<KubeObject>(provider.clusterKind, {}, signal),
  ]);
  const { group, kind } = provider.clusterKind;
  return clusters.flatMap((cluster) => {
    const ref = cluster.spec.infrastructureRef;
    if (isDeleting(cluster) || isPaused(cluster, cluster) || ref?.apiGroup !== group || ref.kind !== kind) return [];
    const infraCluster = infras.find(
      (i) => i.metadata.namespace === cluster.metadata.namespace && i.metadata.name === ref.name,
    );
    const settled = infraCluster?.metadata.annotations?.[ANNOTATION.appliedGeneration] !== undefined;
    return infraCluster && settled && !isManagedElsewhere(infraCluster) && provider.taskQueue(infraCluster) === queue
      ? [{ cluster, infraCluster }]
      : [];
  });
}

/** Notes the drift on its object, unless that is gone, on its way out or paused. */
async function mark(deps: ActivityDeps, drift: Drift): Promise<KubeObject | undefined> {
  const { signal } = deps.scope();
  const kind = KINDS[drift.kind as 'Cluster' | 'Machine'];
  const ref = { namespace: drift.namespace, name: drift.name };
  const object = await deps.kube.get<KubeObject>(kind, ref, signal);
  if (!object || isDeleting(object) || isPaused(object, undefined)) return undefined;
  const detail = drift.detail.slice(0, 500);
  if (object.metadata.annotations?.[ANNOTATION.drift] === detail) return object;
  const patch = { metadata: { annotations: { [ANNOTATION.drift]: detail } } };
  return unlessGone(deps.kube.mergePatch<KubeObject>(kind, ref, patch, { signal }));
}
