import type { Cluster, Machine, MachineDeployment, MachineSet } from '../../api/types/index.js';
import { apiVersionOf, KINDS } from '../../api/types/kinds.js';
import type { Condition, KubeObject, ObjectKey } from '../../api/types/meta.js';
import { findCondition, isTrue, mergeConditions } from '../../domain/conditions.js';
import { controllerOf, isDeleting, isPaused, ownerReference } from '../../domain/contract.js';
import type { DeploymentFacts, OwnedMachine, ReplicaFacts } from '../../domain/facts.js';
import { attemptOf } from '../../domain/failure.js';
import { ANNOTATION, FINALIZER, LABEL, laneId } from '../../domain/names.js';
import { machineDeploymentStatus, machineSetStatus } from '../../domain/status/replicas.js';
import { currentSet, sameTemplate, selectorText, setIdentity, sizeSets } from '../../domain/template.js';
import type { ActivityDeps } from '../deps.js';
import { ABSENT, currentFailure } from './assess-cluster.js';
import { createOnce } from './clone.js';
import { readRef, resolveKind } from './refs.js';
import { clusterNamed, machinesControlledBy, readKey } from './world.js';
import { applyPaused, applyStatus, ensureMetadata, unlessGone } from './write.js';

/** How a planner sees one machine. */
export function ownedMachine(machine: Machine, healthy: boolean): OwnedMachine {
  const conditions = machine.status?.conditions as Condition[] | undefined;
  return {
    name: machine.metadata.name,
    deleting: isDeleting(machine),
    ready: isTrue(conditions, 'Ready'),
    hasNode: machine.status?.nodeRef !== undefined,
    available: isTrue(conditions, 'Available'),
    healthy,
    upToDate: isTrue(conditions, 'UpToDate'),
    deleteFirst: machine.metadata.annotations?.[ANNOTATION.deleteMachine] !== undefined,
    createdAt: machine.metadata.creationTimestamp ?? '',
    ...(machine.spec.failureDomain ? { failureDomain: machine.spec.failureDomain } : {}),
  };
}

/** The owner of machines writes UpToDate on each of them, as its own field manager. */
export async function writeUpToDate(
  deps: ActivityDeps,
  machines: readonly Machine[],
  isCurrent: (m: Machine) => boolean,
  manager: string,
): Promise<void> {
  for (const machine of machines) {
    if (isDeleting(machine)) continue;
    const current = isCurrent(machine);
    const [condition] = mergeConditions(
      machine.status?.conditions as Condition[] | undefined,
      [
        current
          ? { type: 'UpToDate', status: 'True', reason: 'UpToDate' }
          : {
              type: 'UpToDate',
              status: 'False',
              reason: 'NotUpToDate',
              message: "* the owner's template changed after this machine was made",
            },
      ],
      machine.metadata.generation ?? 1,
      deps.now(),
    );
    await applyStatus(deps.kube, KINDS.Machine, machine, { conditions: [condition] }, manager, deps.scope().signal);
  }
}

/**
 * Templates are kept by the Cluster so that they move and disappear with it; several clusters may share one. Answers the template, undefined when
 * it does not exist.
 */
export async function ownTemplate(
  deps: ActivityDeps,
  cluster: Cluster | undefined,
  namespace: string,
  ref: { apiGroup: string; kind: string; name: string } | undefined,
): Promise<KubeObject | undefined> {
  const { signal } = deps.scope();
  const template = await readRef<KubeObject>(deps.kube, ref, namespace, signal);
  if (!cluster || !ref || !template || isDeleting(template)) return template;
  const owner = ownerReference(cluster, { controller: false });
  return ensureMetadata(deps.kube, await resolveKind(deps.kube, ref, signal), template, { owner }, signal);
}

const EMPTY_REPLICAS: ReplicaFacts = { ...ABSENT, desired: 0, machines: [], base: '', uid: '', deleteOrder: 'Random' };

/** Reads a MachineSet and its machines, adopts what matches, writes status. Idempotent. */
export async function assessMachineSet(deps: ActivityDeps, key: ObjectKey): Promise<ReplicaFacts> {
  const { kube } = deps;
  const { signal } = deps.scope();
  let set = await readKey<MachineSet>(kube, KINDS.MachineSet, key, signal);
  if (!set) return EMPTY_REPLICAS;
  const cluster = await clusterNamed(kube, key.namespace, set.spec.clusterName, signal);
  const paused = isPaused(set, cluster);
  if (!paused && !isDeleting(set)) {
    const standalone = !controllerOf(set) && cluster !== undefined;
    set = await ensureMetadata(
      kube,
      KINDS.MachineSet,
      set,
      {
        finalizer: FINALIZER.MachineSet,
        labels: { [LABEL.clusterName]: set.spec.clusterName },
        annotations: { [ANNOTATION.lane]: laneId(key) },
        ...(standalone ? { owner: ownerReference(cluster, { controller: false }) } : {}),
      },
      signal,
    );
    await adopt(deps, set);
  }
  const templates = await templatesOf(deps, set, paused || isDeleting(set) ? undefined : cluster);
  const machines = await machinesControlledBy(
    kube,
    { namespace: key.namespace, uid: key.uid, kind: 'MachineSet' },
    set.spec.clusterName,
    signal,
  );
  const attempt = attemptOf(set, templates);
  const failure = currentFailure(set, attempt);
  const status = machineSetStatus({
    set,
    machines,
    selector: selectorText(set.spec.selector),
    paused,
    failure,
    now: deps.now(),
  });
  if (paused) await applyPaused(kube, KINDS.MachineSet, set, deps.now(), signal);
  else await applyStatus(kube, KINDS.MachineSet, set, status, 'perdure-machineset', signal);
  return {
    exists: true,
    paused,
    deleting: isDeleting(set),
    generation: set.metadata.generation ?? 0,
    cluster: `${key.namespace}/${set.spec.clusterName}`,
    attempt,
    ...(failure ? { failure } : {}),
    desired: set.spec.replicas ?? 1,
    base: key.name,
    uid: key.uid,
    deleteOrder: (set.spec.deletion?.order as ReplicaFacts['deleteOrder'] | undefined) ?? 'Random',
    machines: machines.map((m) => ownedMachine(m, !isUnhealthy(m))),
  };
}

/** Known to be unhealthy: a node that cannot be asked is not. */
function isUnhealthy(machine: Machine): boolean {
  const conditions = machine.status?.conditions as Condition[] | undefined;
  return ['NodeHealthy', 'HealthCheckSucceeded'].some((type) => findCondition(conditions, type)?.status === 'False');
}

/** The templates a set makes machines from, owned by `cluster` when given. */
async function templatesOf(
  deps: ActivityDeps,
  set: MachineSet,
  cluster: Cluster | undefined,
): Promise<(KubeObject | undefined)[]> {
  const { spec } = set.spec.template;
  const namespace = set.metadata.namespace ?? '';
  const refs = [spec.bootstrap.configRef, spec.infrastructureRef];
  const templates: (KubeObject | undefined)[] = [];
  for (const ref of refs) templates.push(await ownTemplate(deps, cluster, namespace, ref));
  return templates;
}

/** Takes over machines that match the selector and that nobody controls: the first step after a restore or a move. */
async function adopt(deps: ActivityDeps, set: MachineSet): Promise<void> {
  const { signal } = deps.scope();
  const matching = await deps.kube.list<Machine>(
    KINDS.Machine,
    { namespace: set.metadata.namespace ?? '', labelSelector: selectorText(set.spec.selector) },
    signal,
  );
  for (const machine of matching) {
    if (controllerOf(machine) || isDeleting(machine) || machine.spec.clusterName !== set.spec.clusterName) continue;
    await ensureMetadata(
      deps.kube,
      KINDS.Machine,
      machine,
      { owner: ownerReference(set, { controller: true }) },
      signal,
    );
  }
}

/** Creates and sizes the deployment's set, writes status. The whole of a deployment's work short of a rollout. Idempotent. */
export async function assessMachineDeployment(deps: ActivityDeps, key: ObjectKey): Promise<DeploymentFacts> {
  const { kube } = deps;
  const { signal } = deps.scope();
  let deployment = await readKey<MachineDeployment>(kube, KINDS.MachineDeployment, key, signal);
  if (!deployment) return { ...ABSENT, desired: 0, replicas: 0, ready: 0 };
  const cluster = await clusterNamed(kube, key.namespace, deployment.spec.clusterName, signal);
  const paused = isPaused(deployment, cluster);
  const active = !paused && !isDeleting(deployment);
  if (active) {
    deployment = await ensureMetadata(
      kube,
      KINDS.MachineDeployment,
      deployment,
      {
        finalizer: FINALIZER.MachineDeployment,
        labels: { [LABEL.clusterName]: deployment.spec.clusterName },
        annotations: { [ANNOTATION.lane]: laneId(key) },
        ...(cluster ? { owner: ownerReference(cluster, { controller: false }) } : {}),
      },
      signal,
    );
    await ownTemplate(deps, cluster, key.namespace, deployment.spec.template.spec.bootstrap.configRef);
    await ownTemplate(deps, cluster, key.namespace, deployment.spec.template.spec.infrastructureRef);
  }
  let sets = await setsOf(deps, deployment);
  if (active) sets = await sizeThem(deps, deployment, sets);
  const uids = new Set(sets.map((s) => s.metadata.uid));
  const inNamespace = await kube.list<Machine>(KINDS.Machine, { namespace: key.namespace }, signal);
  const machines = inNamespace.filter((m) => uids.has(controllerOf(m)?.uid));
  const template = deployment.spec.template;
  const currentUids = new Set(
    sets.filter((s) => sameTemplate(s.spec.template as typeof template, template)).map((s) => s.metadata.uid),
  );
  if (active)
    await writeUpToDate(deps, machines, (m) => currentUids.has(controllerOf(m)?.uid), 'perdure-machinedeployment');
  const status = machineDeploymentStatus({
    deployment,
    sets,
    machines,
    selector: selectorText(deployment.spec.selector),
    paused,
    now: deps.now(),
  });
  if (paused) await applyPaused(kube, KINDS.MachineDeployment, deployment, deps.now(), signal);
  else await applyStatus(kube, KINDS.MachineDeployment, deployment, status, 'perdure-machinedeployment', signal);
  return {
    exists: true,
    paused,
    deleting: isDeleting(deployment),
    generation: deployment.metadata.generation ?? 0,
    cluster: `${key.namespace}/${deployment.spec.clusterName}`,
    attempt: attemptOf(deployment, []),
    desired: deployment.spec.replicas ?? 1,
    replicas: status.replicas ?? 0,
    ready: status.readyReplicas ?? 0,
  };
}

async function setsOf(deps: ActivityDeps, deployment: MachineDeployment): Promise<MachineSet[]> {
  const all = await deps.kube.list<MachineSet>(
    KINDS.MachineSet,
    { namespace: deployment.metadata.namespace ?? '' },
    deps.scope().signal,
  );
  return all
    .filter((s) => controllerOf(s)?.uid === deployment.metadata.uid)
    .sort(
      (a, b) =>
        (a.metadata.creationTimestamp ?? '').localeCompare(b.metadata.creationTimestamp ?? '') ||
        a.metadata.name.localeCompare(b.metadata.name),
    );
}

/**
 * Makes the set of the deployment's template where there is none, and sizes all sets. A paused deployment keeps its one set at the desired size
 * but gets no new one.
 */
async function sizeThem(
  deps: ActivityDeps,
  deployment: MachineDeployment,
  found: readonly MachineSet[],
): Promise<MachineSet[]> {
  const desired = deployment.spec.replicas ?? 1;
  const oldOf = (sets: readonly MachineSet[], current: MachineSet | undefined) =>
    sets
      .filter((s) => s !== current && !isDeleting(s))
      .map((s) => ({ name: s.metadata.name, replicas: s.spec.replicas ?? 1 }));
  let sets = [...found];
  let current = currentSet(deployment, sets);
  if (!current && deployment.spec.paused) {
    const live = sets.filter((s) => !isDeleting(s));
    if (live.length !== 1) return sets;
    current = live[0];
  }
  if (!current) {
    const size = sizeSets(desired, oldOf(sets, undefined)).current;
    await createOnce(deps, KINDS.MachineSet, newSet(deployment, size), deployment.metadata.uid ?? '');
    sets = await setsOf(deps, deployment);
    current = currentSet(deployment, sets);
    // its predecessor of the same name is still being deleted, which wakes the lane again
    if (!current) return sets;
  }
  const sizes = sizeSets(desired, oldOf(sets, current));
  const resized: (MachineSet | undefined)[] = [];
  for (const set of sets) {
    const want = set === current ? sizes.current : (sizes.old[set.metadata.name] ?? set.spec.replicas ?? 1);
    resized.push((set.spec.replicas ?? 1) === want || isDeleting(set) ? set : await resize(deps, set, want));
  }
  return resized.filter((s) => s !== undefined);
}

async function resize(deps: ActivityDeps, set: MachineSet, replicas: number): Promise<MachineSet | undefined> {
  return unlessGone(
    deps.kube.mergePatch<MachineSet>(
      KINDS.MachineSet,
      { namespace: set.metadata.namespace ?? '', name: set.metadata.name },
      { metadata: { uid: set.metadata.uid }, spec: { replicas } },
      { fieldManager: 'perdure-machinedeployment', signal: deps.scope().signal },
    ),
  );
}

function newSet(deployment: MachineDeployment, replicas: number): MachineSet {
  const { name, hash } = setIdentity(deployment);
  const labels = {
    ...deployment.spec.template.metadata?.labels,
    [LABEL.clusterName]: deployment.spec.clusterName,
    [LABEL.deploymentName]: deployment.metadata.name,
    [LABEL.templateHash]: hash,
  };
  return {
    apiVersion: apiVersionOf(KINDS.MachineSet),
    kind: 'MachineSet',
    metadata: {
      name,
      namespace: deployment.metadata.namespace ?? '',
      labels,
      annotations: {
        [ANNOTATION.revision]: '1',
        [ANNOTATION.desiredReplicas]: String(deployment.spec.replicas ?? 1),
        [ANNOTATION.maxReplicas]: String((deployment.spec.replicas ?? 1) + 1),
      },
      ownerReferences: [ownerReference(deployment, { controller: true })],
    },
    spec: {
      clusterName: deployment.spec.clusterName,
      replicas,
      selector: {
        ...deployment.spec.selector,
        matchLabels: { ...deployment.spec.selector.matchLabels, [LABEL.templateHash]: hash },
      },
      template: { ...deployment.spec.template, metadata: { ...deployment.spec.template.metadata, labels } },
      ...(deployment.spec.deletion ? { deletion: deployment.spec.deletion } : {}),
      ...(deployment.spec.machineNaming ? { machineNaming: deployment.spec.machineNaming } : {}),
    },
  } as MachineSet;
}
