import type { KubeObject, OwnerReference } from '../api/types/meta.js';
import { FINALIZER, LABEL } from '../domain/names.js';

const FINALIZERS: readonly string[] = Object.values(FINALIZER);

/**
 * Whether an update took away what Perdure had put on an object: an owner with none in its place, a finalizer, the cluster's label. Nobody waits for
 * these, so they are in no token; the lanes restore them when they look. Source: capi e2e ValidateOwnerReferencesResilience.
 */
export function hasLost(before: KubeObject, after: KubeObject): boolean {
  if (after.metadata.deletionTimestamp !== undefined || before.metadata.uid !== after.metadata.uid) return false;
  const lostFinalizer = (before.metadata.finalizers ?? []).some(
    (f) => FINALIZERS.includes(f) && !after.metadata.finalizers?.includes(f),
  );
  const cluster = before.metadata.labels?.[LABEL.clusterName];
  const lostLabel = cluster !== undefined && after.metadata.labels?.[LABEL.clusterName] !== cluster;
  return lostFinalizer || lostLabel || hasLostOwner(before.metadata.ownerReferences, after.metadata.ownerReferences);
}

/** A controller in the place of the owners before is a takeover, not a loss. */
function hasLostOwner(before: readonly OwnerReference[] = [], after: readonly OwnerReference[] = []): boolean {
  const kept = (owner: OwnerReference): boolean =>
    after.some((o) => o.uid === owner.uid && (o.controller ?? false) === (owner.controller ?? false));
  return !after.some((o) => o.controller === true) && before.some((owner) => !kept(owner));
}
