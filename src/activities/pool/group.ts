import type { KubeadmConfig } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import type { ObjectKey } from '../../api/types/meta.js';
import { isDeleting } from '../../domain/contract.js';
import { notYet, PerdureError, TERMINAL_FAILURES } from '../../domain/errors.js';
import type { PoolFacts } from '../../domain/facts.js';
import { FINALIZER } from '../../domain/names.js';
import { isPoolComplete } from '../../domain/plan/machine-pool.js';
import { infraMachineKind, isSizedElsewhere } from '../../domain/status/machine-pool.js';
import { ensureBootstrapData } from '../bootstrap/index.js';
import type { ActivityDeps } from '../deps.js';
import { assessMachinePool, patchPool, viewPool } from '../kube/assess-machine-pool.js';
import type { PoolObservation } from '../providers/port.js';
import { Pace, pause } from '../waits/pause.js';
import { type FoundPool, poolCall, poolContext, requirePool } from './context.js';
import { listPoolMachines } from './machines.js';
import { syncPoolNodes, workloadOf } from './nodes.js';
import { memberOf } from './subject.js';

/** How often a group is looked at at most while it is waited for, milliseconds: its changes take minutes, its account has a budget. */
const SLOWEST_LOOK_MS = 15_000;

/** Bootstrap data of a pool: ours rendered, a third party's waited for; then recorded as the template's dataSecretName. */
export async function poolBootstrap(deps: ActivityDeps, key: ObjectKey): Promise<{ dataSecretName: string }> {
  const view = await viewPool(deps, key);
  const label = `MachinePool ${key.namespace}/${key.name}`;
  if (!view) throw new PerdureError('NotFound', `${label} no longer exists`);
  const { pool, cluster, bootstrap } = view;
  const { configRef: ref, dataSecretName } = pool.spec.template.spec.bootstrap;
  if (!ref && dataSecretName !== undefined) return { dataSecretName };
  if (view.refused.bootstrap) throw new PerdureError('OwnershipConflict', `${label}: ${view.refused.bootstrap}`);
  if (!bootstrap || !cluster)
    throw notYet(`${ref?.kind ?? 'bootstrap config'} ${ref?.name ?? ''} of ${label} does not exist yet`, 1_000);
  if (bootstrap.kind === 'KubeadmConfig' && ref?.apiGroup === KINDS.KubeadmConfig.group)
    await ensureBootstrapData(deps, { cluster, machine: memberOf(pool), config: bootstrap as KubeadmConfig });
  await assessMachinePool(deps, key);
  const after = await viewPool(deps, key);
  const name = after?.pool.spec.template.spec.bootstrap.dataSecretName;
  if (name === undefined) throw notYet(`${bootstrap.kind} ${bootstrap.metadata.name} has no bootstrap data yet`, 1_000);
  return { dataSecretName: name };
}

/** Makes or changes the group as wished; does not wait for its instances. Answers what was changed, for people. */
export async function poolEnsure(deps: ActivityDeps, key: ObjectKey): Promise<{ changes: readonly string[] }> {
  const found = await requirePool(deps, key);
  const seen = await poolCall(found, () => found.provider.pools.ensure(found.ctx));
  await concluded(deps, key, found, seen);
  return { changes: seen.changes };
}

/** Looks at the group and its Nodes, and tells what differs from the wish. Changes nothing in the cloud. */
export async function poolLook(deps: ActivityDeps, key: ObjectKey): Promise<PoolFacts> {
  const found = await poolContext(deps, key);
  if (!found) return assessMachinePool(deps, key);
  try {
    const seen = await poolCall(found, () => found.provider.pools.observe(found.ctx));
    return await concluded(deps, key, found, seen);
  } catch (error) {
    // what a person has to mend is for the operation to fail with: there it is recorded, and keeps the lane from trying the same again
    if (!(error instanceof PerdureError) || !TERMINAL_FAILURES.has(error.type)) throw error;
    return { ...(await assessMachinePool(deps, key)), changes: [error.message] };
  }
}

async function concluded(
  deps: ActivityDeps,
  key: ObjectKey,
  { ctx }: FoundPool,
  seen: PoolObservation,
): Promise<PoolFacts> {
  const { pool, cluster, signal } = ctx;
  if (isSizedElsewhere(pool) && !isDeleting(pool) && seen.state === 'present' && pool.spec.replicas !== seen.desired)
    await patchPool(deps, pool, { replicas: seen.desired });
  if (deps.initializeNodes && !isDeleting(pool) && seen.instances.length > 0) {
    const found = await workloadOf(deps, cluster);
    if ('workload' in found) {
      try {
        const machines = infraMachineKind(ctx.infraPool) ? await listPoolMachines(deps, pool) : [];
        await syncPoolNodes(found.workload, pool, seen.instances, true, signal, machines, deps.alsoSynced);
      } catch (error) {
        signal.throwIfAborted();
        const reason = error instanceof Error ? error.message : String(error);
        deps.log.warn('could not initialize the Nodes of a pool', { pool: key.name, reason });
      }
    }
  }
  const facts = await assessMachinePool(deps, key);
  return {
    ...facts,
    changes: seen.changes,
    ...(seen.waitingFor === undefined ? {} : { waitingFor: seen.waitingFor }),
  };
}

/** Waits until every instance is a ready Node, or something is to be changed first; keeps the status current meanwhile. */
export async function poolAwait(deps: ActivityDeps, key: ObjectKey): Promise<PoolFacts> {
  const most = Math.max(1, Math.round(SLOWEST_LOOK_MS / deps.pollMs));
  const pace = new Pace(deps.pollMs, deps.scope().signal, undefined, most);
  for (;;) {
    const facts = await poolLook(deps, key);
    // A deletion or a pause cancels this call; returning would show the operation as done.
    if (!facts.exists || facts.changes.length > 0 || isPoolComplete(facts)) return facts;
    deps.scope().heartbeat(facts.waitingFor ?? `${facts.ready} of ${facts.desired} instances are ready nodes`);
    await pace.rest(facts);
  }
}

/** Removes the group and what it was made from, and resolves when it is observed gone. The infra pool is marked as going first. */
export async function poolDelete(deps: ActivityDeps, key: ObjectKey): Promise<void> {
  for (let wait = deps.pollMs; ; wait = Math.min(wait * 1.5, 5_000)) {
    const found = await poolContext(deps, key);
    if (!found) return;
    await markDeleted(deps, found);
    const seen = await poolCall(found, () => found.provider.pools.remove(found.ctx));
    if (seen.state === 'absent') return;
    const message = seen.waitingFor ?? `${seen.instances.length} instances left`;
    found.ctx.heartbeat(message);
    await assessMachinePool(deps, key, message);
    await pause(wait, found.ctx.signal);
  }
}

/** Without our finalizer it would be gone at once, and with it the way to the group. */
async function markDeleted(deps: ActivityDeps, { provider, ctx }: FoundPool): Promise<void> {
  const { name, namespace = '', uid, finalizers = [] } = ctx.infraPool.metadata;
  const finalizer = (FINALIZER as Record<string, string>)[ctx.infraPool.kind];
  if (isDeleting(ctx.infraPool) || !finalizer || !finalizers.includes(finalizer)) return;
  await deps.kube.delete(provider.pools.kind, { namespace, name }, { ...(uid ? { uid } : {}), signal: ctx.signal });
}
