import type { Cluster, Machine } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import type { Condition, KubeObject, ObjectKey } from '../../api/types/meta.js';
import { findCondition, isTrue } from '../../domain/conditions.js';
import {
  controllerOf,
  isControlPlaneMachine,
  isDataSecretCreated,
  isDeleting,
  isPaused,
  isProvisioned,
  ownerReference,
  readPath,
} from '../../domain/contract.js';
import type { MachineFacts } from '../../domain/facts.js';
import { attemptOf } from '../../domain/failure.js';
import { ANNOTATION, FINALIZER, LABEL, laneId } from '../../domain/names.js';
import { type Hold, holdOf } from '../../domain/status/connection.js';
import { availableInSeconds, machineStatus } from '../../domain/status/machine.js';
import { type NodeView, toNodeView } from '../../domain/status/node.js';
import type { ActivityDeps } from '../deps.js';
import { syncNode } from '../workload/nodes.js';
import { ABSENT, currentFailure, newId, refusalOf } from './assess-cluster.js';
import { readRef, resolveKind } from './refs.js';
import { revisionOf } from './revision.js';
import { clusterNamed, readKey } from './world.js';
import { applyPaused, applyStatus, ensureMetadata, unlessGone } from './write.js';

/** A Machine and what belongs to it, read now. */
export interface MachineView {
  readonly machine: Machine;
  readonly cluster: Cluster | undefined;
  readonly bootstrap: KubeObject | undefined;
  readonly infrastructure: KubeObject | undefined;
  /** Why a child was refused; it then counts as absent. */
  readonly refused: { readonly bootstrap?: string; readonly infrastructure?: string };
}

/**
 * Reads a Machine with its cluster, bootstrap config and infra machine; links owners, identity, finalizers unless paused or deleting. What its
 * references name but another object owns is refused: neither linked nor read.
 */
export async function viewMachine(deps: ActivityDeps, key: ObjectKey): Promise<MachineView | undefined> {
  const { kube } = deps;
  const { signal } = deps.scope();
  let machine = await readKey<Machine>(kube, KINDS.Machine, key, signal);
  if (!machine) return undefined;
  const cluster = await clusterNamed(kube, key.namespace, machine.spec.clusterName, signal);
  const active = !isPaused(machine, cluster) && !isDeleting(machine) && cluster !== undefined;
  if (active) {
    const standalone =
      !controllerOf(machine) &&
      machine.metadata.labels?.[LABEL.setName] === undefined &&
      machine.metadata.labels?.[LABEL.poolName] === undefined &&
      machine.metadata.labels?.[LABEL.controlPlaneName] === undefined;
    machine = await ensureMetadata(
      kube,
      KINDS.Machine,
      machine,
      {
        finalizer: FINALIZER.Machine,
        labels: { [LABEL.clusterName]: machine.spec.clusterName },
        annotations: { [ANNOTATION.lane]: laneId(key) },
        ...(standalone ? { owner: ownerReference(cluster, { controller: false }) } : {}),
      },
      signal,
    );
  }
  const { configRef } = machine.spec.bootstrap;
  const { infrastructureRef } = machine.spec;
  const [bootstrap, infrastructure] = await Promise.all([
    readRef<KubeObject>(kube, configRef, key.namespace, signal),
    readRef<KubeObject>(kube, infrastructureRef, key.namespace, signal),
  ]);
  const refused = {
    ...refusalOf('bootstrap', bootstrap, machine),
    ...refusalOf('infrastructure', infrastructure, machine),
  };
  const ownBootstrap = refused.bootstrap === undefined ? bootstrap : undefined;
  const ownInfra = refused.infrastructure === undefined ? infrastructure : undefined;
  return {
    machine,
    cluster,
    bootstrap: active ? await linkChild(deps, machine, configRef, ownBootstrap) : ownBootstrap,
    infrastructure: active ? await linkChild(deps, machine, infrastructureRef, ownInfra) : ownInfra,
    refused,
  };
}

async function linkChild(
  deps: ActivityDeps,
  machine: Machine,
  ref: { apiGroup: string; kind: string; name: string } | undefined,
  child: KubeObject | undefined,
): Promise<KubeObject | undefined> {
  if (!ref || !child || isDeleting(child)) return child;
  const { signal } = deps.scope();
  const kind = await resolveKind(deps.kube, ref, signal);
  const finalizer = deps.providers.forMachine(ref) ? (FINALIZER as Record<string, string>)[ref.kind] : undefined;
  const controlPlane = isControlPlaneMachine(machine) ? { [LABEL.controlPlane]: '' } : {};
  return ensureMetadata(
    deps.kube,
    kind,
    child,
    {
      owner: ownerReference(machine, { controller: true }),
      // the MachineSet or control plane held it only until its Machine existed
      dropOwners: (o) => o.kind === 'MachineSet' || o.kind === 'KubeadmControlPlane',
      labels: { [LABEL.clusterName]: machine.spec.clusterName, ...controlPlane },
      ...(finalizer ? { finalizer, annotationsOnce: { [ANNOTATION.id]: newId } } : {}),
    },
    signal,
  );
}

/** Reads the world around a Machine, copies what the contract says, writes status, answers facts. Idempotent. */
export async function assessMachine(
  deps: ActivityDeps,
  key: ObjectKey,
  deletion?: { reason: string; message: string },
  nodeHint = '',
): Promise<MachineFacts> {
  const { signal } = deps.scope();
  const view = await viewMachine(deps, key);
  if (!view) {
    return {
      ...ABSENT,
      cloudQueue: '',
      controlPlane: false,
      clusterDeleting: false,
      infrastructureReady: false,
      controlPlaneInitialized: false,
      bootstrapReady: false,
      provisioned: false,
      hasNode: false,
      nodeReady: false,
      ready: false,
      available: false,
      availableInSeconds: 0,
    };
  }
  const { cluster, bootstrap, infrastructure } = view;
  const paused = isPaused(view.machine, cluster);
  const machine = paused || isDeleting(view.machine) ? view.machine : await copyFromChildren(deps, view);
  const attempt = attemptOf(machine, [bootstrap, infrastructure]);
  const failure = currentFailure(machine, attempt, view.refused);
  const { node, connectionError, hold } = await readNode(deps, machine, cluster, infrastructure);
  const now = deps.now();
  const status = machineStatus({
    machine,
    infrastructure,
    bootstrap,
    node,
    failure,
    refused: view.refused,
    paused,
    now,
    ...(connectionError ? { connectionError } : {}),
    ...(hold?.holds ? { held: true } : {}),
    ...(deletion ? { deletion } : {}),
    ...(nodeHint === '' ? {} : { nodeHint }),
  });
  if (paused) await applyPaused(deps.kube, KINDS.Machine, machine, now, signal);
  else await applyStatus(deps.kube, KINDS.Machine, machine, status, 'perdure-machine', signal);
  const conditions = status.conditions as Condition[];
  const infraCluster = await readRef<KubeObject>(deps.kube, cluster?.spec.infrastructureRef, key.namespace, signal);
  // without its infra cluster a machine has no account to be deleted from: then only objects are removed, which checks what may be left
  const provider =
    infraCluster || !isDeleting(machine) ? deps.providers.forMachine(machine.spec.infrastructureRef) : undefined;
  return {
    exists: true,
    paused,
    deleting: isDeleting(machine),
    generation: machine.metadata.generation ?? 0,
    cluster: `${key.namespace}/${machine.spec.clusterName}`,
    attempt,
    ...(failure ? { failure } : {}),
    ...(provider ? { provider: provider.name } : {}),
    cloudQueue: provider ? (infraCluster ? provider.taskQueue(infraCluster) : provider.name) : '',
    controlPlane: isControlPlaneMachine(machine),
    clusterDeleting: cluster === undefined || isDeleting(cluster),
    infrastructureReady: cluster?.status?.initialization?.infrastructureProvisioned === true,
    controlPlaneInitialized:
      cluster !== undefined && isTrue(cluster.status?.conditions as Condition[] | undefined, 'ControlPlaneInitialized'),
    bootstrapReady: machine.spec.bootstrap.dataSecretName !== undefined,
    provisioned: status.initialization?.infrastructureProvisioned === true,
    hasNode: status.nodeRef !== undefined,
    nodeReady: isTrue(conditions, 'NodeReady'),
    ready: isTrue(conditions, 'Ready'),
    available: isTrue(conditions, 'Available'),
    ...(machine.metadata.annotations?.[ANNOTATION.drift]
      ? { drift: machine.metadata.annotations[ANNOTATION.drift] }
      : {}),
    availableInSeconds: availableInSeconds(machine, findCondition(conditions, 'Ready'), now),
    ...(hold?.forSeconds === undefined ? {} : { holdsForSeconds: hold.forSeconds }),
  };
}

/** providerID, failure domain and data secret name flow up from the infra machine and the bootstrap config. */
async function copyFromChildren(deps: ActivityDeps, view: MachineView): Promise<Machine> {
  const { machine, bootstrap, infrastructure } = view;
  const spec: Record<string, unknown> = {};
  const providerID = readPath(infrastructure, 'spec.providerID');
  if (isProvisioned(infrastructure) && typeof providerID === 'string' && machine.spec.providerID !== providerID)
    spec['providerID'] = providerID;
  const domain = readPath(infrastructure, 'spec.failureDomain');
  if (typeof domain === 'string' && domain !== '' && machine.spec.failureDomain === undefined)
    spec['failureDomain'] = domain;
  const secret = readPath(bootstrap, 'status.dataSecretName');
  if (
    machine.spec.bootstrap.dataSecretName === undefined &&
    isDataSecretCreated(bootstrap) &&
    typeof secret === 'string'
  ) {
    spec['bootstrap'] = { dataSecretName: secret };
  }
  if (Object.keys(spec).length === 0) return machine;
  const patched = await unlessGone(
    deps.kube.mergePatch<Machine>(
      KINDS.Machine,
      { namespace: machine.metadata.namespace ?? '', name: machine.metadata.name },
      { metadata: { uid: machine.metadata.uid }, spec },
      { signal: deps.scope().signal },
    ),
  );
  return patched ?? machine;
}

/**
 * The Node of a machine by providerID, or by the name recorded before; one that is recorded is kept in step with the Machine's labels, annotations and
 * taints. "Cannot ask" and "absent" are kept apart.
 */
async function readNode(
  deps: ActivityDeps,
  machine: Machine,
  cluster: Cluster | undefined,
  infrastructure: KubeObject | undefined,
): Promise<{ node?: NodeView; connectionError?: string; hold?: Hold }> {
  const { signal } = deps.scope();
  const { providerID } = machine.spec;
  const known = machine.status?.nodeRef?.name;
  if (!cluster || isDeleting(cluster)) {
    return known ? { connectionError: 'the cluster is being deleted; its Nodes are not asked any more' } : {};
  }
  const initialized =
    isTrue(cluster.status?.conditions as Condition[] | undefined, 'ControlPlaneInitialized') ||
    // of a control plane made by hand, the first node is what initializes it
    (!cluster.spec.controlPlaneRef && isControlPlaneMachine(machine));
  if (!known && !(providerID && initialized)) return {};
  try {
    const workload = await deps.workload(cluster, signal);
    const active = !isPaused(machine, cluster) && !isDeleting(machine);
    const interruptible = readPath(infrastructure, 'status.interruptible') === true;
    const node = known
      ? active
        ? await syncNode(workload, machine, deps.initializeNodes, signal, {
            interruptible,
            syncTaints: true,
            ...(deps.alsoSynced ? { alsoSynced: deps.alsoSynced } : {}),
            ...(await revisionOf(deps, machine)),
          })
        : await workload.get<KubeObject>(KINDS.Node, { name: known }, signal)
      : (await workload.list<KubeObject>(KINDS.Node, {}, signal)).find(
          (n) => readPath(n, 'spec.providerID') === providerID,
        );
    return node ? { node: toNodeView(node) } : {};
  } catch (error) {
    signal.throwIfAborted();
    const connectionError = error instanceof Error ? error.message : String(error);
    return { connectionError, hold: holdOf(cluster, deps.workloadAnswered?.(cluster), Date.parse(deps.now())) };
  }
}
