import type { Condition, KubeObject } from '../api/types/meta.js';
import { isTrue } from '../domain/conditions.js';
import { readPath } from '../domain/contract.js';
import { ANNOTATION } from '../domain/names.js';
import { clusterOf, gapOf, selectedBy } from './dependencies.js';
import { isDue } from './facts.js';
import { controllerOf, referencesOf } from './references.js';
import { roleOf } from './sources.js';
import { nodeIlls } from './workload/gaps.js';
import type { World } from './world.js';

/** Conditions that are True when there is nothing left to do. */
const CONDITIONS: Readonly<Record<string, readonly string[]>> = {
  Cluster: ['Available'],
  KubeadmControlPlane: ['Available'],
  MachineDeployment: ['Available'],
  MachineSet: ['MachinesReady'],
  Machine: ['Ready', 'Available'],
  MachineHealthCheck: ['RemediationAllowed'],
};

const COUNTERS = ['replicas', 'readyReplicas', 'availableReplicas', 'upToDateReplicas'];

/**
 * Whether the status already says that the lane has nothing to do, so that a bridge which starts, or takes over, need not wake a whole fleet.
 * Any doubt is "no": a needless signal costs a few events, a missing one a stuck cluster. Pure.
 */
export function isConverged(object: KubeObject, world: World, paused: boolean): boolean {
  // its cloud changes it without a word, and its join token expires: the lane itself keeps looking
  if (object.kind === 'MachinePool' && !paused) return false;
  const conditions = readPath(object, 'status.conditions') as Condition[] | undefined;
  const saysPaused = isTrue(conditions, 'Paused');
  if (paused || saysPaused) return paused && saysPaused;
  const { deletionTimestamp, generation, annotations = {} } = object.metadata;
  if (deletionTimestamp !== undefined || annotations[ANNOTATION.lastFailure] !== undefined) return false;
  if (readPath(object, 'status.observedGeneration') !== generation) return false;
  if (!(CONDITIONS[object.kind] ?? ['Ready']).every((type) => isTrue(conditions, type))) return false;
  if (gapOf(object, world) !== undefined || isToRollOut(object, world.now())) return false;
  return surroundingsAgree(object, world) && countersAgree(object, world) && healthAgrees(object, world);
}

/** A rollout that the clock begins: the lane keeps its time. */
function isToRollOut(object: KubeObject, nowMs: number): boolean {
  return object.kind === 'MachineDeployment' && Date.parse(String(readPath(object, 'spec.rollout.after'))) > nowMs;
}

/** What it refers to is there, and not on its way out or changed since it was last acted on. */
function surroundingsAgree(object: KubeObject, world: World): boolean {
  if (object.kind !== 'Cluster') {
    const cluster = clusterOf(object, world);
    if (!cluster || cluster.metadata.deletionTimestamp !== undefined) return false;
  }
  if (object.kind === 'KubeadmControlPlane' && [object, ...secretsOf(object, world)].some((o) => isDue(o, world.now())))
    return false;
  return referencesOf(object).every((ref) => {
    const role = roleOf(ref.kind);
    if (role === undefined) return true;
    const target = world.get(ref);
    if (!target || target.metadata.deletionTimestamp !== undefined) return false;
    const applied = target.metadata.annotations?.[ANNOTATION.appliedGeneration];
    return applied === undefined || applied === String(target.metadata.generation ?? '');
  });
}

/** A health check looks at what has changed since, and goes on waiting for what was about to fail. */
function healthAgrees(object: KubeObject, world: World): boolean {
  if (object.kind !== 'MachineHealthCheck') return true;
  const machines = selectedBy(object, world).filter(({ metadata: { annotations = {} } }) =>
    [ANNOTATION.paused, ANNOTATION.skipRemediation].every((name) => annotations[name] === undefined),
  );
  const names = machines.map((m) => m.metadata.name).sort();
  const healthy = readPath(object, 'status.currentHealthy') === names.length;
  const good = ['HealthCheckSucceeded', 'NodeHealthy'];
  const conditionsOf = (m: KubeObject) => readPath(m, 'status.conditions') as Condition[] | undefined;
  return (
    healthy &&
    JSON.stringify(readPath(object, 'status.targets') ?? []) === JSON.stringify(names) &&
    machines.every((m) => good.every((type) => isTrue(conditionsOf(m), type)) && nodeIlls(m, object, world) === '')
  );
}

function secretsOf(object: KubeObject, world: World): readonly KubeObject[] {
  const cluster = clusterOf(object, world);
  const all = cluster ? world.inCluster(cluster.metadata.namespace ?? '', cluster.metadata.name) : [];
  return all.filter((o) => o.kind === 'Secret');
}

function countersAgree(object: KubeObject, world: World): boolean {
  const desired = readPath(object, 'spec.replicas');
  if (typeof desired !== 'number' || object.kind === 'Cluster' || object.kind === 'Machine') return true;
  if (COUNTERS.some((counter) => (readPath(object, `status.${counter}`) ?? 0) !== desired)) return false;
  const owned = world.ownedBy(object.metadata.uid).filter((o) => controllerOf(o)?.uid === object.metadata.uid);
  if (owned.some((o) => o.metadata.deletionTimestamp !== undefined)) return false;
  if (object.kind === 'MachineDeployment') return owned.some((o) => o.kind === 'MachineSet');
  return owned.filter((o) => o.kind === 'Machine').length === desired;
}
