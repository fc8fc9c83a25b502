import { randomBytes } from 'node:crypto';
import type { Cluster, Machine, MachineDeployment, MachinePool, MachineSet } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import type { KubeObject, ObjectKey } from '../../api/types/meta.js';
import { isTrue } from '../../domain/conditions.js';
import {
  controllerOf,
  endpointOf,
  foreignOwner,
  isControlPlaneInitialized,
  isControlPlaneMachine,
  isDeleting,
  isManagedElsewhere,
  isPaused,
  isProvisioned,
  ownerReference,
  readPath,
} from '../../domain/contract.js';
import type { ClusterFacts, RecordedFailure } from '../../domain/facts.js';
import { attemptOf, readFailure } from '../../domain/failure.js';
import { ANNOTATION, FINALIZER, LABEL, laneId } from '../../domain/names.js';
import { clusterStatus } from '../../domain/status/cluster.js';
import { probeGraceSeconds } from '../../domain/status/connection.js';
import { ensureStandaloneKubeconfig } from '../bootstrap/index.js';
import type { ActivityDeps } from '../deps.js';
import { readRef, resolveKind } from './refs.js';
import { machinesOf, ofCluster, readKey } from './world.js';
import { applyPaused, applyStatus, ensureMetadata } from './write.js';

/** Facts of an object that does not exist. */
export const ABSENT = {
  exists: false,
  paused: false,
  deleting: false,
  generation: 0,
  cluster: '',
  attempt: '',
} as const;

/** A random identity, written once and moved with the object; seeds tags and idempotency tokens. */
export const newId = (): string => randomBytes(8).toString('hex');

/** A Cluster and what belongs to it, read now. */
export interface ClusterView {
  readonly cluster: Cluster;
  readonly infrastructure: KubeObject | undefined;
  readonly controlPlane: KubeObject | undefined;
  readonly deployments: readonly MachineDeployment[];
  readonly pools: readonly MachinePool[];
  /** Those without a deployment. */
  readonly sets: readonly MachineSet[];
  readonly machines: readonly Machine[];
  /** Why a child was refused; it then counts as absent. */
  readonly refused: { readonly infrastructure?: string; readonly controlPlane?: string };
}

/**
 * Reads a Cluster and all that belongs to it; links owners, identity and finalizers unless paused or deleting. What its references name but
 * another object owns is refused: neither linked nor read.
 */
export async function viewCluster(deps: ActivityDeps, key: ObjectKey): Promise<ClusterView | undefined> {
  const { kube } = deps;
  const { signal } = deps.scope();
  let cluster = await readKey<Cluster>(kube, KINDS.Cluster, key, signal);
  if (!cluster) return undefined;
  const paused = isPaused(cluster, cluster);
  const active = !paused && !isDeleting(cluster);
  if (active) {
    cluster = await ensureMetadata(
      kube,
      KINDS.Cluster,
      cluster,
      {
        finalizer: FINALIZER.Cluster,
        annotations: { [ANNOTATION.lane]: laneId(key) },
        annotationsOnce: { [ANNOTATION.id]: newId },
      },
      signal,
    );
  }
  const [infrastructure, controlPlane, deployments, pools, sets, machines] = await Promise.all([
    readRef<KubeObject>(kube, cluster.spec.infrastructureRef, key.namespace, signal),
    readRef<KubeObject>(kube, cluster.spec.controlPlaneRef, key.namespace, signal),
    kube.list<MachineDeployment>(
      KINDS.MachineDeployment,
      { namespace: key.namespace, labelSelector: ofCluster(key.name) },
      signal,
    ),
    kube.list<MachinePool>(KINDS.MachinePool, { namespace: key.namespace, labelSelector: ofCluster(key.name) }, signal),
    kube.list<MachineSet>(
      KINDS.MachineSet,
      { namespace: key.namespace, labelSelector: `${ofCluster(key.name)},!${LABEL.deploymentName}` },
      signal,
    ),
    machinesOf(kube, key.namespace, key.name, signal),
  ]);
  const refused = {
    ...refusalOf('infrastructure', infrastructure, cluster),
    ...refusalOf('controlPlane', controlPlane, cluster),
  };
  const ownInfra = refused.infrastructure === undefined ? infrastructure : undefined;
  const ownControlPlane = refused.controlPlane === undefined ? controlPlane : undefined;
  return {
    cluster,
    infrastructure: active ? await linkChild(deps, cluster, cluster.spec.infrastructureRef, ownInfra) : ownInfra,
    controlPlane: active
      ? await linkChild(deps, cluster, cluster.spec.controlPlaneRef, ownControlPlane)
      : ownControlPlane,
    deployments,
    pools,
    sets: sets.filter((s) => !controllerOf(s)),
    machines,
    refused,
  };
}

/** `{ [role]: message }` for a child that somebody else owns, else `{}`. */
export function refusalOf<R extends string>(
  role: R,
  child: KubeObject | undefined,
  parent: KubeObject,
): { readonly [K in R]?: string } {
  const owner = child && foreignOwner(child, parent);
  if (!owner) return {};
  const message = `${child.kind} ${child.metadata.name} belongs to ${owner.kind} ${owner.name}; let ${parent.kind} ${parent.metadata.name} refer to an object of its own`;
  return { [role]: message } as { readonly [K in R]?: string };
}

/** The failure a lane acts on: the recorded one while it applies, else that a child was refused. */
export function currentFailure(
  object: KubeObject,
  attempt: string,
  refused: Readonly<Record<string, string | undefined>> = {},
): RecordedFailure | undefined {
  const recorded = readFailure(object);
  if (recorded?.attempt === attempt) return recorded;
  const message = Object.values(refused).find((m) => m !== undefined);
  return message === undefined ? undefined : { operation: 'Adoption', type: 'OwnershipConflict', message, attempt };
}

async function linkChild(
  deps: ActivityDeps,
  cluster: Cluster,
  ref: { apiGroup: string; kind: string; name: string } | undefined,
  child: KubeObject | undefined,
): Promise<KubeObject | undefined> {
  if (!ref || !child || isDeleting(child)) return child;
  const { signal } = deps.scope();
  const kind = await resolveKind(deps.kube, ref, signal);
  const own = isManagedElsewhere(child) ? undefined : deps.providers.forCluster(ref);
  const finalizer = own ? (FINALIZER as Record<string, string>)[ref.kind] : undefined;
  return ensureMetadata(
    deps.kube,
    kind,
    child,
    {
      owner: ownerReference(cluster, { controller: false }),
      labels: { [LABEL.clusterName]: cluster.metadata.name },
      ...(finalizer ? { finalizer } : {}),
    },
    signal,
  );
}

/** Reads the world around a Cluster, copies the endpoint, writes status, answers facts. Idempotent. */
export async function assessCluster(deps: ActivityDeps, key: ObjectKey): Promise<ClusterFacts> {
  const { kube } = deps;
  const { signal } = deps.scope();
  const view = await viewCluster(deps, key);
  if (!view) {
    return {
      ...ABSENT,
      hasInfrastructure: false,
      cloudQueue: '',
      infrastructureProvisioned: false,
      infrastructureStale: false,
      infrastructureDeleting: false,
      controlPlaneInitialized: false,
      available: false,
      complete: false,
      everAvailable: false,
      desired: { controlPlane: 0, workers: 0 },
    };
  }
  const { infrastructure, controlPlane, deployments, pools, sets, machines } = view;
  let { cluster } = view;
  const paused = isPaused(cluster, cluster);
  const provider = isManagedElsewhere(infrastructure)
    ? undefined
    : deps.providers.forCluster(cluster.spec.infrastructureRef);
  if (!paused && !isDeleting(cluster)) {
    cluster = await copyEndpoint(deps, cluster, infrastructure, controlPlane);
    if (!cluster.spec.controlPlaneRef && endpointOf(cluster)) await ensureStandaloneKubeconfig(deps, cluster);
  }
  const attempt = attemptOf(cluster, [infrastructure]);
  const failure = currentFailure(cluster, attempt, view.refused);
  const connection = await probe(deps, cluster, controlPlane);
  const status = clusterStatus({
    cluster,
    infrastructure,
    controlPlane,
    deployments,
    pools,
    sets,
    machines,
    failure,
    refused: view.refused,
    paused,
    now: deps.now(),
    ...(connection ? { connection } : {}),
    ...(isDeleting(cluster)
      ? { deletion: deletionStage(machines, deployments, pools, controlPlane, infrastructure) }
      : {}),
  });
  if (paused) await applyPaused(kube, KINDS.Cluster, cluster, deps.now(), signal);
  else await applyStatus(kube, KINDS.Cluster, cluster, status, 'perdure-cluster', signal);
  const available = isTrue(status.conditions, 'Available');
  const everAvailable = cluster.metadata.annotations?.[ANNOTATION.created] !== undefined;
  if (available && !everAvailable && !paused) {
    await ensureMetadata(kube, KINDS.Cluster, cluster, { annotationsOnce: { [ANNOTATION.created]: deps.now } }, signal);
  }
  return {
    exists: true,
    paused,
    deleting: isDeleting(cluster),
    generation: cluster.metadata.generation ?? 0,
    cluster: `${key.namespace}/${key.name}`,
    attempt,
    ...(failure ? { failure } : {}),
    hasInfrastructure: cluster.spec.infrastructureRef !== undefined,
    ...(provider ? { provider: provider.name } : {}),
    cloudQueue: provider && infrastructure ? provider.taskQueue(infrastructure) : provider ? provider.name : '',
    infrastructureProvisioned: status.initialization?.infrastructureProvisioned === true,
    infrastructureStale: isStale(infrastructure),
    infrastructureDeleting: infrastructure !== undefined && isDeleting(infrastructure),
    ...(cluster.metadata.annotations?.[ANNOTATION.drift]
      ? { drift: cluster.metadata.annotations[ANNOTATION.drift] }
      : {}),
    controlPlaneInitialized: status.initialization?.controlPlaneInitialized === true,
    available,
    complete: available && [status.controlPlane, status.workers].every(isComplete),
    everAvailable: everAvailable || available,
    ...(connection?.forSeconds === undefined ? {} : { probeAgainInSeconds: connection.forSeconds }),
    desired: { controlPlane: status.controlPlane?.desiredReplicas ?? 0, workers: status.workers?.desiredReplicas ?? 0 },
  };
}

/** The infra spec changed since its tasks last ran to the end; metadata-only edits do not count. */
function isStale(infrastructure: KubeObject | undefined): boolean {
  if (!infrastructure || isDeleting(infrastructure)) return false;
  const applied = infrastructure.metadata.annotations?.[ANNOTATION.appliedGeneration];
  return applied !== undefined && applied !== String(infrastructure.metadata.generation ?? 0);
}

async function copyEndpoint(
  deps: ActivityDeps,
  cluster: Cluster,
  infra: KubeObject | undefined,
  controlPlane: KubeObject | undefined,
): Promise<Cluster> {
  if (endpointOf(cluster)) return cluster;
  const endpoint = (isProvisioned(infra) ? endpointOf(infra) : undefined) ?? endpointOf(controlPlane);
  if (!endpoint) return cluster;
  return deps.kube.mergePatch<Cluster>(
    KINDS.Cluster,
    { namespace: cluster.metadata.namespace ?? '', name: cluster.metadata.name },
    { metadata: { resourceVersion: cluster.metadata.resourceVersion }, spec: { controlPlaneEndpoint: endpoint } },
    { signal: deps.scope().signal },
  );
}

/**
 * One GET against the workload API; before the control plane answers there is nothing to say. One that fails soon after the last answer counts as
 * answered for `forSeconds` more: the API server may only have been restarted.
 */
async function probe(
  deps: ActivityDeps,
  cluster: Cluster,
  controlPlane: KubeObject | undefined,
): Promise<{ ok: boolean; message: string; forSeconds?: number } | undefined> {
  if (isDeleting(cluster) || !endpointOf(cluster)) return undefined;
  if (controlPlane && !isControlPlaneInitialized(controlPlane)) return undefined;
  const { signal } = deps.scope();
  try {
    const workload = await deps.workload(cluster, signal);
    await workload.raw('GET', '/version', undefined, signal);
    return { ok: true, message: '' };
  } catch (error) {
    signal.throwIfAborted();
    const message = error instanceof Error ? error.message : String(error);
    const forSeconds = probeGraceSeconds(deps.workloadAnswered?.(cluster), Date.parse(deps.now()));
    return forSeconds > 0 ? { ok: true, message, forSeconds } : { ok: false, message };
  }
}

function deletionStage(
  machines: readonly Machine[],
  deployments: readonly MachineDeployment[],
  pools: readonly MachinePool[],
  controlPlane: KubeObject | undefined,
  infrastructure: KubeObject | undefined,
): { reason: string; message: string } {
  const names = (list: readonly KubeObject[]): string =>
    list
      .slice(0, 5)
      .map((o) => o.metadata.name)
      .join(', ') + (list.length > 5 ? `, … (${list.length - 5} more)` : '');
  const workers = machines.filter((m) => !isControlPlaneMachine(m));
  if (deployments.length + pools.length + workers.length > 0) {
    return {
      reason: 'WaitingForWorkersDeletion',
      message: [
        `* MachineDeployments: ${names(deployments) || 'none'}`,
        ...(pools.length > 0 ? [`* MachinePools: ${names(pools)}`] : []),
        `* worker Machines: ${names(workers) || 'none'}`,
      ].join('\n'),
    };
  }
  if (controlPlane)
    return {
      reason: 'WaitingForControlPlaneDeletion',
      message: `* ${controlPlane.kind}: ${controlPlane.metadata.name} (${readPath(controlPlane, 'status.replicas') ?? 0} machines)`,
    };
  return infrastructure
    ? { reason: 'WaitingForInfrastructureDeletion', message: 'the infrastructure is being removed' }
    : { reason: 'DeletionCompleted', message: 'Deletion completed' };
}

function isComplete(
  counts:
    | { readonly desiredReplicas?: number; readonly replicas?: number; readonly availableReplicas?: number }
    | undefined,
): boolean {
  const desired = counts?.desiredReplicas ?? 0;
  return (counts?.availableReplicas ?? 0) >= desired && (counts?.replicas ?? 0) === desired;
}
