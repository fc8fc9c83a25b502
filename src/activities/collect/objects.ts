import type { KubeObject, ResourceKind } from '../../api/types/meta.js';
import type { WorkloadObjects } from '../../domain/collect/inventory.js';
import { isFailure } from '../../domain/errors.js';
import type { Kube } from '../../kube/kube.js';
import { WORKLOAD } from './kinds.js';

/** All objects of a kind; none where the cluster does not serve it. */
export async function listed(workload: Kube, kind: ResourceKind, signal: AbortSignal): Promise<KubeObject[]> {
  try {
    const objects = await workload.list<KubeObject>(kind, {}, signal);
    // lists of built-in kinds do not repeat the kind in their items
    return objects.map((object) => ({ ...object, kind: kind.kind }));
  } catch (error) {
    if (isFailure(error, 'NotFound')) return [];
    throw error;
  }
}

/** Everything in a workload cluster that stands for something in its cloud. */
export async function workloadObjects(workload: Kube, signal: AbortSignal): Promise<WorkloadObjects> {
  const of = (kind: ResourceKind): Promise<KubeObject[]> => listed(workload, kind, signal);
  const [services, ingresses, gateways, volumes, snapshots, targetGroupBindings] = await Promise.all([
    of(WORKLOAD.Service),
    of(WORKLOAD.Ingress),
    of(WORKLOAD.Gateway),
    of(WORKLOAD.PersistentVolume),
    of(WORKLOAD.VolumeSnapshotContent),
    of(WORKLOAD.TargetGroupBinding),
  ]);
  return { services, ingresses, gateways, volumes, snapshots, targetGroupBindings };
}
