import type { KubeObject } from '../api/types/meta.js';
import { controllerOf, readPath } from '../domain/contract.js';
import { ANNOTATION, FINALIZER } from '../domain/names.js';
import { clusterOf, gateIsOpen } from './dependencies.js';
import type { World } from './world.js';

/**
 * Whether all that the lane of a new Machine could do is wait: its set has made and assessed it, and its Cluster cannot take it yet. The gate's opening
 * wakes it. A cluster comes up with its workers asked for at once, so this spares each of them a run. Any doubt is "no". Pure.
 */
export function isWaiting(object: KubeObject, world: World, paused: boolean): boolean {
  if (object.kind !== 'Machine' || paused) return false;
  const { deletionTimestamp, annotations = {}, finalizers = [] } = object.metadata;
  if (deletionTimestamp !== undefined || !finalizers.includes(FINALIZER.Machine)) return false;
  if (annotations[ANNOTATION.lastFailure] !== undefined || annotations[ANNOTATION.retry] !== undefined) return false;
  const set = controllerOf(object);
  const made = set?.kind === 'MachineSet' && readPath(object, 'spec.providerID') === undefined;
  const cluster = clusterOf(object, world);
  return (
    made && cluster !== undefined && cluster.metadata.deletionTimestamp === undefined && !gateIsOpen(object, cluster)
  );
}

/** While a cluster is being created its operation looks at everything itself: what is only summed up may wait this long, milliseconds. */
const CREATING_MS = 60_000;

/** How long a lane may lag behind the objects below it, milliseconds. */
export function childIntervalOf(object: KubeObject, byKind: Readonly<Record<string, number>>): number {
  const usual = byKind[object.kind] ?? 0;
  if (object.kind !== 'Cluster' || usual === 0) return usual;
  const { annotations = {}, deletionTimestamp } = object.metadata;
  const creating =
    annotations[ANNOTATION.created] === undefined &&
    annotations[ANNOTATION.lastFailure] === undefined &&
    deletionTimestamp === undefined;
  return creating ? Math.max(usual, CREATING_MS) : usual;
}
