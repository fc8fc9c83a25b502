import { KINDS } from '../../api/types/kinds.js';
import type { KubeObject, ObjectKey } from '../../api/types/meta.js';
import { PerdureError } from '../../domain/errors.js';
import type { ActivityDeps } from '../deps.js';
import { type ClusterView, viewCluster } from '../kube/assess-cluster.js';
import { type MachineView, viewMachine } from '../kube/assess-machine.js';
import { ensureIdentity } from '../kube/machines.js';
import { readRef } from '../kube/refs.js';
import type { ClusterContext, InfraProvider, MachineContext } from '../providers/port.js';

/** A cluster's provider and what its calls get. */
export interface FoundCluster {
  readonly provider: InfraProvider;
  readonly ctx: ClusterContext;
}

/** A machine's provider and what its calls get. */
export interface FoundMachine {
  readonly provider: InfraProvider;
  readonly ctx: MachineContext;
}

const base = (deps: ActivityDeps) => ({
  kube: deps.kube,
  signal: deps.scope().signal,
  log: deps.log,
  heartbeat: (details: string) => deps.scope().heartbeat(details),
});

const unserved = (what: string, key: ObjectKey, kind: string): PerdureError =>
  new PerdureError(
    'InvalidConfiguration',
    `${what} ${key.namespace}/${key.name} spec.infrastructureRef.kind ${kind} is served by no provider of this worker`,
  );

/** The error for a child that is needed: it belongs to somebody else, or does not exist. */
function missing(what: string, key: ObjectKey, refused: string | undefined): PerdureError {
  if (refused !== undefined)
    return new PerdureError('OwnershipConflict', `${what} ${key.namespace}/${key.name}: ${refused}`);
  return new PerdureError(
    'NotFound',
    `the infrastructure object of ${what} ${key.namespace}/${key.name} does not exist; create it or correct spec.infrastructureRef`,
  );
}

/** The provider and context of a cluster's infra object, read now; undefined when either is absent or the infra object is somebody else's. */
export async function clusterContext(deps: ActivityDeps, key: ObjectKey): Promise<FoundCluster | undefined> {
  const view = await viewCluster(deps, key);
  return view?.infrastructure && ofCluster(deps, key, view, view.infrastructure);
}

/** The same where the infra object is needed: throws `NotFound` or `OwnershipConflict`. */
export async function requireCluster(deps: ActivityDeps, key: ObjectKey): Promise<FoundCluster> {
  const view = await viewCluster(deps, key);
  if (!view?.infrastructure) throw missing('Cluster', key, view?.refused.infrastructure);
  return ofCluster(deps, key, view, view.infrastructure);
}

async function ofCluster(
  deps: ActivityDeps,
  key: ObjectKey,
  view: ClusterView,
  infra: KubeObject,
): Promise<FoundCluster> {
  const { cluster } = view;
  const provider = deps.providers.forCluster(cluster.spec.infrastructureRef);
  if (!provider) throw unserved('Cluster', key, cluster.spec.infrastructureRef?.kind ?? '');
  const clusterId = await ensureIdentity(deps, KINDS.Cluster, cluster);
  return { provider, ctx: { ...base(deps), cluster, infraCluster: infra, clusterId } };
}

/**
 * The same for a machine. The infra cluster may be gone already while deleting. Undefined means that there is nothing to do: the infra machine is
 * absent or somebody else's.
 */
export async function machineContext(deps: ActivityDeps, key: ObjectKey): Promise<FoundMachine | undefined> {
  const view = await viewMachine(deps, key);
  return view?.infrastructure && ofMachine(deps, key, view, view.infrastructure);
}

/** The same where the infra machine is needed: throws `NotFound` or `OwnershipConflict`. */
export async function requireMachine(deps: ActivityDeps, key: ObjectKey): Promise<FoundMachine> {
  const view = await viewMachine(deps, key);
  if (!view?.infrastructure) throw missing('Machine', key, view?.refused.infrastructure);
  return ofMachine(deps, key, view, view.infrastructure);
}

async function ofMachine(
  deps: ActivityDeps,
  key: ObjectKey,
  view: MachineView,
  infra: KubeObject,
): Promise<FoundMachine> {
  const { machine, cluster } = view;
  const provider = deps.providers.forMachine(machine.spec.infrastructureRef);
  if (!provider) throw unserved('Machine', key, machine.spec.infrastructureRef.kind);
  if (!cluster) {
    throw new PerdureError(
      'NotFound',
      `Cluster ${key.namespace}/${machine.spec.clusterName} of Machine ${key.name} does not exist, so the instance cannot be found; restore the Cluster`,
    );
  }
  const { signal } = deps.scope();
  const infraCluster = await readRef<KubeObject>(deps.kube, cluster.spec.infrastructureRef, key.namespace, signal);
  return {
    provider,
    ctx: {
      ...base(deps),
      cluster,
      infraCluster,
      clusterId: await ensureIdentity(deps, KINDS.Cluster, cluster),
      machine,
      infraMachine: infra,
      machineId: await ensureIdentity(deps, provider.machineKind, infra),
    },
  };
}
