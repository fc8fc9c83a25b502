import type { Cluster } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import type { ObjectKey } from '../../api/types/meta.js';
import { inventoryItems, isLoadBalancer, mergeItems } from '../../domain/collect/inventory.js';
import type { KubeClient } from '../../kube/client.js';
import type { Kube } from '../../kube/kube.js';
import type { ActivityDeps } from '../deps.js';
import type { InventoryResult } from '../interfaces.js';
import { readKey } from '../kube/world.js';
import { Pace, pause } from '../waits/pause.js';
import { freeze } from './freeze.js';
import { WORKLOAD } from './kinds.js';
import { listed, workloadObjects } from './objects.js';
import { readRecord, writeRecord } from './record.js';

/** How long a workload cluster may be silent before it counts as dead, and how long its controllers get. */
const SILENCE_MS = 60_000;
export const PATIENCE_MS = 10 * 60_000;
const LOOKS_MS = 1_000;

/**
 * While the cluster still answers: writes down what its objects stand for in the cloud and has it refuse more of that. A cluster that is silent for a minute is not
 * waited for. Idempotent: what was written down before stays.
 */
export async function takeInventory(deps: ActivityDeps, key: ObjectKey): Promise<InventoryResult> {
  const { signal } = deps.scope();
  const cluster = await readKey<Cluster>(deps.kube, KINDS.Cluster, key, signal);
  if (!cluster) return { found: 0, frozen: false, missing: 'the Cluster does not exist any more' };
  const reached = await reach(deps, cluster);
  const record = await readRecord(deps.kube, cluster, signal);
  if ('missing' in reached) {
    const inventory = { ...record.inventory, missing: reached.missing };
    if (!record.inventory.takenAt) await writeRecord(deps.kube, cluster, { ...record, inventory }, signal);
    return { found: record.inventory.items.length, frozen: false, missing: reached.missing };
  }
  const { workload } = reached;
  const frozen = await freeze(workload, signal, deps.pollMs);
  // after the freeze, so that nothing is made that is not on the list
  const now = inventoryItems(await workloadObjects(workload, signal));
  const items = mergeItems(record.inventory.items, now);
  const inventory = { takenAt: record.inventory.takenAt ?? deps.now(), items };
  await writeRecord(deps.kube, cluster, { ...record, inventory }, signal);
  return { found: inventory.items.length, frozen };
}

/**
 * Deletes what the cluster's controllers made something for and waits, ten minutes at most in all attempts together, until they have cleaned up. `claims`: volume claims
 * are deleted too. Answers what was still there when time was up.
 */
export async function askControllers(
  deps: ActivityDeps,
  key: ObjectKey,
  claims: boolean,
): Promise<{ readonly left: readonly string[] }> {
  const { signal } = deps.scope();
  const cluster = await readKey<Cluster>(deps.kube, KINDS.Cluster, key, signal);
  if (!cluster) return { left: [] };
  const record = await readRecord(deps.kube, cluster, signal);
  const askedAt = record.askedAt ?? deps.now();
  if (record.askedAt === undefined) await writeRecord(deps.kube, cluster, { ...record, askedAt }, signal);
  const reached = await reach(deps, cluster);
  if ('missing' in reached) return { left: [] };
  const deadline = Date.parse(askedAt) + PATIENCE_MS;
  return { left: await cleanUp(deps, reached.workload, claims, () => Date.parse(deps.now()) >= deadline) };
}

async function reach(
  deps: ActivityDeps,
  cluster: Cluster,
): Promise<{ readonly workload: KubeClient } | { readonly missing: string }> {
  const { signal } = deps.scope();
  const until = Date.parse(deps.now()) + SILENCE_MS;
  for (;;) {
    try {
      return { workload: await deps.workload(cluster, signal) };
    } catch (error) {
      signal.throwIfAborted();
      const missing = error instanceof Error ? error.message : String(error);
      if (Date.parse(deps.now()) >= until) return { missing };
      deps.scope().heartbeat(missing.slice(0, 500));
      await pause(Math.min(LOOKS_MS, deps.pollMs), signal);
    }
  }
}

/** Deletes what controllers make things for and waits until it is gone or time is up; answers what is left. */
async function cleanUp(
  deps: ActivityDeps,
  workload: Kube,
  claims: boolean,
  timeIsUp: () => boolean,
): Promise<readonly string[]> {
  const { signal } = deps.scope();
  const pace = new Pace(Math.min(LOOKS_MS, deps.pollMs), signal);
  let left: string[] = [];
  for (;;) {
    try {
      left = await deleteMakers(workload, claims, signal);
    } catch (error) {
      signal.throwIfAborted();
      // the cluster may die meanwhile: its deletion was requested, and time runs out for it as for any other
      deps.log.warn('a cluster that is asked to clean up does not answer', { error: String(error) });
    }
    if (left.length === 0 || timeIsUp()) return left;
    deps.scope().heartbeat(`waiting for the cluster's controllers to clean up ${left.slice(0, 5).join(', ')}`);
    await pace.rest(left);
  }
}

async function deleteMakers(workload: Kube, claims: boolean, signal: AbortSignal): Promise<string[]> {
  const left: string[] = [];
  const kinds = [
    WORKLOAD.Ingress,
    WORKLOAD.Gateway,
    WORKLOAD.Service,
    ...(claims ? [WORKLOAD.PersistentVolumeClaim] : []),
  ];
  for (const kind of kinds) {
    const objects = await listed(workload, kind, signal);
    for (const object of kind === WORKLOAD.Service ? objects.filter(isLoadBalancer) : objects) {
      const { name, namespace = '', uid, deletionTimestamp } = object.metadata;
      left.push(`${kind.kind} ${namespace}/${name}`);
      if (deletionTimestamp) continue;
      await workload.delete(kind, { namespace, name }, { ...(uid ? { uid } : {}), signal });
    }
  }
  return left;
}
