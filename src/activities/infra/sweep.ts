import type { Cluster } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import type { KubeObject, ObjectKey } from '../../api/types/meta.js';
import { isDeleting, isPaused, readPath } from '../../domain/contract.js';
import { ANNOTATION } from '../../domain/names.js';
import type { ActivityDeps } from '../deps.js';

export interface DriftedObject {
  readonly key: ObjectKey;
  readonly detail: string;
}

/**
 * Compares all settled clusters of one account queue with the cloud in a few batched reads and marks the objects that differ (annotation
 * `perdure.dev/drift`), which wakes their lanes. Clusters still being made are left to their operations. Changes nothing in the cloud.
 */
export async function driftSweep(
  deps: ActivityDeps,
  providerName: string,
  queue: string,
): Promise<{ checked: number; drifted: readonly DriftedObject[] }> {
  const { kube } = deps;
  const { signal } = deps.scope();
  const provider = deps.providers.named(providerName);
  const [clusters, infras] = await Promise.all([
    kube.list<Cluster>(KINDS.Cluster, {}, signal),
    kube.list<KubeObject>(provider.clusterKind, {}, signal),
  ]);
  const pairs = clusters.flatMap((cluster) => {
    if (isDeleting(cluster) || isPaused(cluster, cluster)) return [];
    const infraCluster = infras.find(
      (i) =>
        i.metadata.namespace === cluster.metadata.namespace && i.metadata.name === cluster.spec.infrastructureRef?.name,
    );
    const settled = infraCluster?.metadata.annotations?.[ANNOTATION.appliedGeneration] !== undefined;
    return infraCluster && settled && provider.taskQueue(infraCluster) === queue ? [{ cluster, infraCluster }] : [];
  });
  if (pairs.length === 0) return { checked: 0, drifted: [] };
  const ctx = { kube, signal, log: deps.log, heartbeat: (d: string) => deps.scope().heartbeat(d) };
  const found = await provider.sweep(ctx, pairs).catch((error: unknown) => {
    throw signal.aborted ? error : provider.classify(error);
  });
  const drifted: DriftedObject[] = [];
  for (const drift of found) {
    const kind = KINDS[drift.kind as 'Cluster' | 'Machine'];
    const object = await kube.get<KubeObject>(kind, { namespace: drift.namespace, name: drift.name }, signal);
    if (!object || isDeleting(object) || typeof readPath(object, 'metadata.uid') !== 'string') continue;
    await kube.mergePatch(
      kind,
      { namespace: drift.namespace, name: drift.name },
      { metadata: { annotations: { [ANNOTATION.drift]: drift.detail.slice(0, 500) } } },
      { signal },
    );
    drifted.push({
      key: { kind: drift.kind, namespace: drift.namespace, name: drift.name, uid: object.metadata.uid ?? '' },
      detail: drift.detail,
    });
  }
  return { checked: pairs.length, drifted };
}
