import type { KubeObject, ObjectKey } from '../../api/types/meta.js';
import { PerdureError } from '../../domain/errors.js';
import type { ActivityDeps } from '../deps.js';
import { viewCluster } from '../kube/assess-cluster.js';
import { viewMachine } from '../kube/assess-machine.js';
import { identityOf } from '../kube/machines.js';
import { readRef } from '../kube/refs.js';
import type { ClusterContext, InfraProvider, MachineContext } from '../providers/port.js';

const base = (deps: ActivityDeps) => ({
  kube: deps.kube,
  signal: deps.scope().signal,
  log: deps.log,
  heartbeat: (details: string) => deps.scope().heartbeat(details),
});

/** The provider and context of a cluster's infra object, read now; undefined when either object is absent. */
export async function clusterContext(
  deps: ActivityDeps,
  key: ObjectKey,
): Promise<{ provider: InfraProvider; ctx: ClusterContext } | undefined> {
  const view = await viewCluster(deps, key);
  if (!view?.infrastructure) return undefined;
  const provider = deps.providers.forCluster(view.cluster.spec.infrastructureRef);
  if (!provider)
    throw new PerdureError(
      'InvalidConfiguration',
      `Cluster ${key.namespace}/${key.name} spec.infrastructureRef.kind ${view.cluster.spec.infrastructureRef?.kind ?? ''} is served by no provider of this worker`,
    );
  return {
    provider,
    ctx: {
      ...base(deps),
      cluster: view.cluster,
      infraCluster: view.infrastructure,
      clusterId: identityOf(view.cluster),
    },
  };
}

/** The same for a machine. The infra cluster may be gone already while deleting; the infra machine's absence means there is nothing to do. */
export async function machineContext(
  deps: ActivityDeps,
  key: ObjectKey,
): Promise<{ provider: InfraProvider; ctx: MachineContext } | undefined> {
  const view = await viewMachine(deps, key);
  if (!view?.infrastructure || !view.cluster) return undefined;
  const provider = deps.providers.forMachine(view.machine.spec.infrastructureRef);
  if (!provider)
    throw new PerdureError(
      'InvalidConfiguration',
      `Machine ${key.namespace}/${key.name} spec.infrastructureRef.kind ${view.machine.spec.infrastructureRef.kind} is served by no provider of this worker`,
    );
  const infraCluster = await readRef<KubeObject>(
    deps.kube,
    view.cluster.spec.infrastructureRef,
    key.namespace,
    deps.scope().signal,
  );
  return {
    provider,
    ctx: {
      ...base(deps),
      cluster: view.cluster,
      infraCluster,
      clusterId: identityOf(view.cluster),
      machine: view.machine,
      infraMachine: view.infrastructure,
      machineId: identityOf(view.infrastructure),
    },
  };
}
