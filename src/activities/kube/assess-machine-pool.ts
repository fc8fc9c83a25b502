import type { Cluster, KubeadmConfig, Machine, MachinePool } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import type { Condition, KubeObject, ObjectKey } from '../../api/types/meta.js';
import { isTrue } from '../../domain/conditions.js';
import {
  isDataSecretCreated,
  isDeleting,
  isPaused,
  isProvisioned,
  ownerReference,
  readPath,
} from '../../domain/contract.js';
import type { PoolFacts } from '../../domain/facts.js';
import { attemptOf } from '../../domain/failure.js';
import { ANNOTATION, FINALIZER, LABEL, laneId } from '../../domain/names.js';
import {
  infraMachineKind,
  infraReplicas,
  isSizedElsewhere,
  machinePoolStatus,
  providerIdsOf,
} from '../../domain/status/machine-pool.js';
import { keepBootstrapToken } from '../bootstrap/index.js';
import type { ActivityDeps } from '../deps.js';
import { listPoolMachines, syncPoolMachines } from '../pool/machines.js';
import { removeRetiredNodes, syncPoolNodes, workloadOf } from '../pool/nodes.js';
import { memberOf } from '../pool/subject.js';
import { ABSENT, currentFailure, newId, refusalOf } from './assess-cluster.js';
import { type ContractRef, readRef, resolveKind } from './refs.js';
import { clusterNamed, readKey } from './world.js';
import { applyPaused, applyStatus, ensureMetadata, unlessGone } from './write.js';

/** A third of a join token's life, within which a pool is looked at again. */
const LOOK_AGAIN_SECONDS = 5 * 60;

/** A MachinePool and what belongs to it, read now. */
export interface PoolView {
  readonly pool: MachinePool;
  readonly cluster: Cluster | undefined;
  readonly bootstrap: KubeObject | undefined;
  readonly infrastructure: KubeObject | undefined;
  /** Why a child was refused; it then counts as absent. */
  readonly refused: { readonly bootstrap?: string; readonly infrastructure?: string };
}

const EMPTY: PoolFacts = {
  ...ABSENT,
  cloudQueue: '',
  clusterDeleting: false,
  infrastructureReady: false,
  controlPlaneInitialized: false,
  bootstrapReady: false,
  provisioned: false,
  desired: 0,
  replicas: 0,
  ready: 0,
  upToDate: 0,
  external: false,
  changes: [],
};

/**
 * Reads a MachinePool with its cluster, bootstrap config and infra pool; links owners, identity, finalizers unless paused or deleting. What its references
 * name but another object owns is refused: neither linked nor read.
 */
export async function viewPool(deps: ActivityDeps, key: ObjectKey): Promise<PoolView | undefined> {
  const { kube } = deps;
  const { signal } = deps.scope();
  let pool = await readKey<MachinePool>(kube, KINDS.MachinePool, key, signal);
  if (!pool) return undefined;
  const cluster = await clusterNamed(kube, key.namespace, pool.spec.clusterName, signal);
  const active = !isPaused(pool, cluster) && !isDeleting(pool) && cluster !== undefined;
  if (active) {
    pool = await ensureMetadata(
      kube,
      KINDS.MachinePool,
      pool,
      {
        finalizer: FINALIZER.MachinePool,
        labels: { [LABEL.clusterName]: pool.spec.clusterName },
        annotations: { [ANNOTATION.lane]: laneId(key) },
        owner: ownerReference(cluster, { controller: false }),
      },
      signal,
    );
  }
  const { bootstrap: given, infrastructureRef } = pool.spec.template.spec;
  const [bootstrap, infrastructure] = await Promise.all([
    readRef<KubeObject>(kube, given.configRef, key.namespace, signal),
    readRef<KubeObject>(kube, infrastructureRef, key.namespace, signal),
  ]);
  const refused = {
    ...refusalOf('bootstrap', bootstrap, pool),
    ...refusalOf('infrastructure', infrastructure, pool),
  };
  const own = {
    bootstrap: refused.bootstrap === undefined ? bootstrap : undefined,
    infrastructure: refused.infrastructure === undefined ? infrastructure : undefined,
  };
  return {
    pool,
    cluster,
    bootstrap: active ? await linkChild(deps, pool, given.configRef, own.bootstrap) : own.bootstrap,
    infrastructure: active ? await linkChild(deps, pool, infrastructureRef, own.infrastructure) : own.infrastructure,
    refused,
  };
}

async function linkChild(
  deps: ActivityDeps,
  pool: MachinePool,
  ref: ContractRef | undefined,
  child: KubeObject | undefined,
): Promise<KubeObject | undefined> {
  if (!ref || !child || isDeleting(child)) return child;
  const { signal } = deps.scope();
  const finalizer = deps.providers.forPool(ref) ? (FINALIZER as Record<string, string>)[ref.kind] : undefined;
  return ensureMetadata(
    deps.kube,
    await resolveKind(deps.kube, ref, signal),
    child,
    {
      owner: ownerReference(pool, { controller: true }),
      labels: { [LABEL.clusterName]: pool.spec.clusterName },
      ...(finalizer ? { finalizer, annotationsOnce: { [ANNOTATION.id]: newId } } : {}),
    },
    signal,
  );
}

/**
 * Reads the world around a MachinePool, copies what the contract says, keeps Nodes and the join token, writes status, answers facts. Idempotent. What the
 * cloud would have to change is not known here.
 */
export async function assessMachinePool(deps: ActivityDeps, key: ObjectKey, deletion?: string): Promise<PoolFacts> {
  const { signal } = deps.scope();
  const view = await viewPool(deps, key);
  if (!view) return EMPTY;
  const { cluster, bootstrap, infrastructure } = view;
  const paused = isPaused(view.pool, cluster);
  const going = isDeleting(view.pool);
  // before the infra machines they stand for
  const listed = infraMachineKind(infrastructure) ? await listPoolMachines(deps, view.pool) : undefined;
  const pool = paused || going ? view.pool : await copyFromChildren(deps, view);
  const attempt = attemptOf(pool, [bootstrap, infrastructure]);
  const failure = currentFailure(pool, attempt, view.refused);
  const nodes = await nodesOf(deps, { ...view, pool }, paused || going, listed);
  const machines =
    infrastructure && listed && !paused && !going
      ? await syncPoolMachines(deps, { pool, infrastructure, machines: listed, nodes })
      : listed;
  const status = machinePoolStatus({
    pool,
    infrastructure,
    bootstrap,
    nodes,
    ...(machines ? { machines } : {}),
    failure,
    refused: view.refused,
    paused,
    now: deps.now(),
    ...(deletion === undefined ? {} : { deletion }),
  });
  if (paused) await applyPaused(deps.kube, KINDS.MachinePool, pool, deps.now(), signal);
  else await applyStatus(deps.kube, KINDS.MachinePool, pool, status, 'perdure-machinepool', signal);
  const infraCluster = await readRef<KubeObject>(deps.kube, cluster?.spec.infrastructureRef, key.namespace, signal);
  const known = deps.providers.forPool(pool.spec.template.spec.infrastructureRef);
  // without its infra cluster a pool has no account to be deleted from
  const provider = infraCluster || !going ? known : undefined;
  const keeps = provider !== undefined || pool.spec.template.spec.bootstrap.configRef !== undefined;
  return {
    exists: true,
    paused,
    deleting: going,
    generation: pool.metadata.generation ?? 0,
    cluster: `${key.namespace}/${pool.spec.clusterName}`,
    attempt,
    ...(failure ? { failure } : {}),
    ...(provider ? { provider: provider.name } : {}),
    cloudQueue: provider ? (infraCluster ? provider.taskQueue(infraCluster) : provider.name) : '',
    clusterDeleting: cluster === undefined || isDeleting(cluster),
    infrastructureReady: cluster?.status?.initialization?.infrastructureProvisioned === true,
    controlPlaneInitialized: isTrue(cluster?.status?.conditions as Condition[] | undefined, 'ControlPlaneInitialized'),
    bootstrapReady: hasBootstrapData(pool, bootstrap),
    provisioned: infrastructure !== undefined && isProvisioned(infrastructure),
    desired: pool.spec.replicas ?? 1,
    replicas: status.replicas ?? 0,
    ready: status.readyReplicas ?? 0,
    upToDate: status.upToDateReplicas ?? 0,
    external: isSizedElsewhere(pool),
    changes: [],
    ...(keeps ? { lookAgainSeconds: LOOK_AGAIN_SECONDS } : {}),
  };
}

/** The data that the pool names is that of its config of today; without one, whoever named it answers for it. */
function hasBootstrapData(pool: MachinePool, bootstrap: KubeObject | undefined): boolean {
  const { configRef, dataSecretName } = pool.spec.template.spec.bootstrap;
  if (dataSecretName === undefined) return false;
  if (!configRef || !bootstrap) return true;
  return isDataSecretCreated(bootstrap) && readPath(bootstrap, 'status.dataSecretName') === dataSecretName;
}

/** providerIDs and the name of the bootstrap data flow up; who sizes the infrastructure itself decides on spec.replicas. */
async function copyFromChildren(
  deps: ActivityDeps,
  { pool, bootstrap, infrastructure }: PoolView,
): Promise<MachinePool> {
  const spec: Record<string, unknown> = {};
  if (infrastructure && isProvisioned(infrastructure)) {
    const ids = providerIdsOf(infrastructure);
    if (JSON.stringify(ids) !== JSON.stringify(pool.spec.providerIDList ?? [])) spec['providerIDList'] = ids;
    // with a provider of ours the number that the cloud is told counts, which only a look at the cloud shows
    const own = deps.providers.forPool(pool.spec.template.spec.infrastructureRef);
    const replicas = infraReplicas(infrastructure);
    if (isSizedElsewhere(pool) && !own && pool.spec.replicas !== replicas) spec['replicas'] = replicas;
  }
  const secret = isDataSecretCreated(bootstrap) ? readPath(bootstrap, 'status.dataSecretName') : undefined;
  if (typeof secret === 'string' && pool.spec.template.spec.bootstrap.dataSecretName !== secret)
    spec['template'] = { spec: { bootstrap: { dataSecretName: secret } } };
  return patchPool(deps, pool, spec);
}

/** Writes fields of the spec that are the controller's to fill in; answers the pool as stored. */
export async function patchPool(
  deps: ActivityDeps,
  pool: MachinePool,
  spec: Readonly<Record<string, unknown>>,
): Promise<MachinePool> {
  if (Object.keys(spec).length === 0) return pool;
  const { namespace = '', name, uid } = pool.metadata;
  const patch = { metadata: { uid }, spec };
  const options = { signal: deps.scope().signal };
  const stored = await unlessGone(
    deps.kube.mergePatch<MachinePool>(KINDS.MachinePool, { namespace, name }, patch, options),
  );
  return stored ?? pool;
}

/** The pool's Nodes, or undefined when the workload cluster cannot be asked. Unless `still`, they and the join token are kept too. */
async function nodesOf(
  deps: ActivityDeps,
  { pool, cluster, bootstrap, infrastructure }: PoolView,
  still: boolean,
  machines: readonly Machine[] | undefined,
): Promise<KubeObject[] | undefined> {
  const { signal } = deps.scope();
  const initialized = isTrue(cluster?.status?.conditions as Condition[] | undefined, 'ControlPlaneInitialized');
  if (!cluster || isDeleting(cluster) || !initialized) return isProvisioned(infrastructure) ? undefined : [];
  const found = await workloadOf(deps, cluster);
  if (!('workload' in found)) return undefined;
  const { workload } = found;
  try {
    const ids = pool.spec.providerIDList ?? [];
    if (still) {
      const listed = new Set(ids);
      const all = await workload.list<KubeObject>(KINDS.Node, {}, signal);
      return all.filter((n) => listed.has(String(readPath(n, 'spec.providerID') ?? '')));
    }
    if (bootstrap?.kind === 'KubeadmConfig' && !isDeleting(bootstrap))
      await keepBootstrapToken(deps, { cluster, machine: memberOf(pool), config: bootstrap as KubeadmConfig });
    const members = ids.map((providerID) => ({ providerID }));
    const nodes = await syncPoolNodes(workload, pool, members, false, signal, machines, deps.alsoSynced);
    if (infrastructure && isProvisioned(infrastructure) && !isDeleting(infrastructure))
      await removeRetiredNodes(workload, pool, ids, signal, machines);
    return nodes;
  } catch (error) {
    signal.throwIfAborted();
    deps.log.warn('could not look at the Nodes of a pool', {
      pool: pool.metadata.name,
      reason: error instanceof Error ? error.message : String(error),
    });
    return undefined;
  }
}
