import type { Cluster, Machine, MachineDeployment, MachineSet } from '../../api/types/index.js';
import { apiVersionOf, KINDS } from '../../api/types/kinds.js';
import type { Condition, KubeObject, ObjectKey } from '../../api/types/meta.js';
import { isTrue, mergeConditions } from '../../domain/conditions.js';
import { controllerOf, isDeleting, isPaused, ownerReference } from '../../domain/contract.js';
import type { DeploymentFacts, OwnedMachine, ReplicaFacts } from '../../domain/facts.js';
import { attemptOf, readFailure } from '../../domain/failure.js';
import { ANNOTATION, FINALIZER, LABEL, laneId } from '../../domain/names.js';
import { machineDeploymentStatus, machineSetStatus } from '../../domain/status/replicas.js';
import { currentSet, sameTemplate, selectorText, setIdentity, sizeSets } from '../../domain/template.js';
import type { ActivityDeps } from '../deps.js';
import { ABSENT } from './assess-cluster.js';
import { createOnce } from './clone.js';
import { readRef, resolveKind } from './refs.js';
import { clusterNamed, machinesControlledBy, readKey } from './world.js';
import { applyStatus, ensureMetadata } from './write.js';

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

/** Templates are kept by the Cluster so that they move and disappear with it. */
export async function ownTemplate(
  deps: ActivityDeps,
  cluster: Cluster | undefined,
  namespace: string,
  ref: { apiGroup: string; kind: string; name: string } | undefined,
): Promise<void> {
  if (!cluster || !ref) return;
  const { signal } = deps.scope();
  const template = await readRef<KubeObject>(deps.kube, ref, namespace, signal);
  if (!template || isDeleting(template)) return;
  await ensureMetadata(
    deps.kube,
    await resolveKind(deps.kube, ref, signal),
    template,
    { owner: ownerReference(cluster, { controller: false }), labels: { [LABEL.clusterName]: cluster.metadata.name } },
    signal,
  );
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
  const machines = await machinesControlledBy(
    kube,
    { namespace: key.namespace, uid: key.uid, kind: 'MachineSet' },
    set.spec.clusterName,
    signal,
  );
  const attempt = attemptOf(set, []);
  const recorded = readFailure(set);
  const failure = recorded?.attempt === attempt ? recorded : undefined;
  const status = machineSetStatus({
    set,
    machines,
    selector: selectorText(set.spec.selector),
    paused,
    failure,
    now: deps.now(),
  });
  await applyStatus(kube, KINDS.MachineSet, set, status, 'perdure-machineset', signal);
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
    machines: machines.map((m) =>
      ownedMachine(m, isTrue(m.status?.conditions as Condition[] | undefined, 'NodeHealthy')),
    ),
  };
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
  if (active && !deployment.spec.paused) sets = await sizeThem(deps, deployment, sets);
  const uids = new Set(sets.map((s) => s.metadata.uid));
  const machines = (
    await kube.list<Machine>(
      KINDS.Machine,
      { namespace: key.namespace, labelSelector: `${LABEL.clusterName}=${deployment.spec.clusterName}` },
      signal,
    )
  ).filter((m) => uids.has(controllerOf(m)?.uid));
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
  await applyStatus(kube, KINDS.MachineDeployment, deployment, status, 'perdure-machinedeployment', signal);
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

async function sizeThem(
  deps: ActivityDeps,
  deployment: MachineDeployment,
  sets: readonly MachineSet[],
): Promise<MachineSet[]> {
  const { signal } = deps.scope();
  const desired = deployment.spec.replicas ?? 1;
  const current = currentSet(deployment, sets);
  const old = sets.filter((s) => s !== current && !isDeleting(s));
  const sizes = sizeSets(
    desired,
    old.map((s) => ({ name: s.metadata.name, replicas: s.spec.replicas ?? 1 })),
  );
  if (!current) {
    await createOnce(deps, KINDS.MachineSet, newSet(deployment, sizes.current), deployment.metadata.uid ?? '');
    return setsOf(deps, deployment);
  }
  const resized: MachineSet[] = [];
  for (const set of sets) {
    const want = set === current ? sizes.current : (sizes.old[set.metadata.name] ?? set.spec.replicas ?? 1);
    if ((set.spec.replicas ?? 1) === want || isDeleting(set)) {
      resized.push(set);
      continue;
    }
    resized.push(
      await deps.kube.mergePatch<MachineSet>(
        KINDS.MachineSet,
        { namespace: set.metadata.namespace ?? '', name: set.metadata.name },
        { metadata: { uid: set.metadata.uid }, spec: { replicas: want } },
        { fieldManager: 'perdure-machinedeployment', signal },
      ),
    );
  }
  return resized;
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
