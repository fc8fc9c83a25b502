import { KINDS } from '../../api/types/kinds.js';
import type { KubeObject, ObjectKey } from '../../api/types/meta.js';
import { PerdureError } from '../../domain/errors.js';
import type { ActivityDeps } from '../deps.js';
import { classifiedFor } from '../infra/about.js';
import { viewPool } from '../kube/assess-machine-pool.js';
import { ensureIdentity } from '../kube/machines.js';
import { readRef } from '../kube/refs.js';
import type { InfraPools, InfraProvider, PoolContext } from '../providers/port.js';

/** A pool's provider and what its calls get. */
export interface FoundPool {
  readonly provider: InfraProvider & { readonly pools: InfraPools };
  readonly ctx: PoolContext;
}

/** The provider and context of a pool's infra object, read now; undefined when the pool or its infra object is absent, or that is somebody else's. */
export async function poolContext(deps: ActivityDeps, key: ObjectKey): Promise<FoundPool | undefined> {
  const view = await viewPool(deps, key);
  const infraPool = view?.infrastructure;
  if (!view || !infraPool) return undefined;
  const { pool, cluster } = view;
  const { signal } = deps.scope();
  const ref = pool.spec.template.spec.infrastructureRef;
  const provider = deps.providers.forPool(ref);
  const label = `MachinePool ${key.namespace}/${key.name}`;
  if (!provider)
    throw new PerdureError(
      'InvalidConfiguration',
      `${label}: kind ${ref.kind} is served by no provider of this worker`,
    );
  if (!cluster)
    throw new PerdureError(
      'NotFound',
      `${label}: Cluster ${key.namespace}/${pool.spec.clusterName} does not exist, so its group cannot be found; restore the Cluster`,
    );
  return {
    provider,
    ctx: {
      kube: deps.kube,
      signal,
      log: deps.log,
      heartbeat: (details) => deps.scope().heartbeat(details),
      cluster,
      infraCluster: await readRef<KubeObject>(deps.kube, cluster.spec.infrastructureRef, key.namespace, signal),
      clusterId: await ensureIdentity(deps, KINDS.Cluster, cluster),
      pool,
      infraPool,
      poolId: await ensureIdentity(deps, provider.pools.kind, infraPool),
    },
  };
}

/** The same where the infra object is needed: throws `NotFound` or `OwnershipConflict`. */
export async function requirePool(deps: ActivityDeps, key: ObjectKey): Promise<FoundPool> {
  const found = await poolContext(deps, key);
  if (found) return found;
  const view = await viewPool(deps, key);
  const label = `MachinePool ${key.namespace}/${key.name}`;
  const refused = view?.refused.infrastructure;
  if (refused !== undefined) throw new PerdureError('OwnershipConflict', `${label}: ${refused}`);
  const ref = view?.pool.spec.template.spec.infrastructureRef;
  throw new PerdureError(
    'NotFound',
    `${label}: ${ref?.kind ?? 'the infrastructure object'} ${ref?.name ?? ''} does not exist; create it or correct spec.template.spec.infrastructureRef`,
  );
}

/** Runs a provider's call with its errors classified. */
export async function poolCall<T>({ provider, ctx }: FoundPool, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw ctx.signal.aborted ? error : classifiedFor(provider, ctx.infraPool, error);
  }
}
