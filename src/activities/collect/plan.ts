import type { ObjectKey } from '../../api/types/meta.js';
import { readPath } from '../../domain/contract.js';
import { PerdureError } from '../../domain/errors.js';
import { ANNOTATION } from '../../domain/names.js';
import type { ActivityDeps } from '../deps.js';
import { clusterContext } from '../infra/context.js';
import type { DeletionPlan } from '../interfaces.js';
import { PATIENCE_MS } from './ask.js';
import { bornAt } from './claimant.js';
import { readRecord, writeRecord } from './record.js';

const NOTHING: DeletionPlan = { ask: false, claims: false, sweep: false };

/**
 * How the external resources of a Cluster that is being deleted are collected, and when the cluster came to be, written down while that can be told. A Cluster that is
 * protected is not taken down, however its deletion came to be requested. Idempotent.
 */
export async function planDeletion(deps: ActivityDeps, key: ObjectKey): Promise<DeletionPlan> {
  const { signal } = deps.scope();
  const found = await clusterContext(deps, key);
  if (!found) return NOTHING;
  const { provider, ctx } = found;
  const { cluster, infraCluster } = ctx;
  if (cluster.metadata.annotations?.[ANNOTATION.deletionProtection] === 'true') {
    throw new PerdureError(
      'InvalidConfiguration',
      `Cluster ${key.namespace}/${key.name} is protected by annotation ${ANNOTATION.deletionProtection}: remove it to have the cluster deleted`,
    );
  }
  if (!provider.external) return NOTHING;
  const wish = provider.external.wish(infraCluster);
  for (const problem of wish.problems) deps.event(infraCluster, 'Warning', 'ExternalResourcesNotCollected', problem);
  if (!wish.enabled) return { ...NOTHING, ...(wish.because ? { because: wish.because } : {}) };
  const record = await readRecord(deps.kube, cluster, signal);
  if (record.bornAt === undefined) {
    const born = await bornAt(deps.kube, cluster, infraCluster, signal);
    await writeRecord(deps.kube, cluster, { ...record, bornAt: born }, signal);
  }
  const { inventory, askedAt } = record;
  const timeIsUp = askedAt !== undefined && Date.parse(deps.now()) >= Date.parse(askedAt) + PATIENCE_MS;
  const initialized = readPath(cluster, 'status.initialization.controlPlaneInitialized') === true;
  return {
    ask: initialized && !timeIsUp && inventory.missing === undefined,
    claims: provider.external.kinds.some((kind) => kind.data && kind.claims && wish.kinds?.includes(kind.name)),
    sweep: true,
  };
}
