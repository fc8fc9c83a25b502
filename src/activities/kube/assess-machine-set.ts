import type { Cluster, Machine, MachineSet } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import type { Condition, KubeObject, ObjectKey } from '../../api/types/meta.js';
import { findCondition } from '../../domain/conditions.js';
import { controllerOf, isDeleting, isPaused, ownerReference } from '../../domain/contract.js';
import type { ReplicaFacts } from '../../domain/facts.js';
import { attemptOf } from '../../domain/failure.js';
import { ANNOTATION, FINALIZER, LABEL, laneId, namingOf } from '../../domain/names.js';
import { machineSetStatus } from '../../domain/status/replicas.js';
import { selectorText } from '../../domain/template.js';
import type { ActivityDeps } from '../deps.js';
import { ABSENT, currentFailure } from './assess-cluster.js';
import { ownedMachine, ownTemplate } from './owned.js';
import { clusterNamed, machinesControlledBy, readKey } from './world.js';
import { applyPaused, applyStatus, ensureMetadata } from './write.js';

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
    const ofDeployment = controllerOf(set) ?? set.metadata.labels?.[LABEL.deploymentName];
    const standalone = ofDeployment === undefined && cluster !== undefined;
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
  const variables = { '.cluster.name': set.spec.clusterName, '.machineSet.name': key.name };
  const naming = namingOf(set.spec.machineNaming?.template, variables);
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
    ...(naming ? { naming } : {}),
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
