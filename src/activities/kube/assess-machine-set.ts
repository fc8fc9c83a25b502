import type { Cluster, Machine, MachineSet, MachineSetStatus } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import type { KubeObject, ObjectKey } from '../../api/types/meta.js';
import { controllerOf, isDeleting, isPaused, ownerReference } from '../../domain/contract.js';
import type { CreationBlock, ReplicaFacts } from '../../domain/facts.js';
import { attemptOf } from '../../domain/failure.js';
import { ANNOTATION, FINALIZER, LABEL, laneId, namingOf } from '../../domain/names.js';
import { ownedMachine } from '../../domain/owned-machine.js';
import type { SetRemediation } from '../../domain/plan/set-remediation.js';
import { machineSetStatus } from '../../domain/status/replicas.js';
import { selectorText } from '../../domain/template.js';
import type { ActivityDeps } from '../deps.js';
import { ABSENT, currentFailure } from './assess-cluster.js';
import { isRemediated } from './control-plane-machines.js';
import { ownTemplate } from './owned.js';
import { lookAtRemediation, writeRemediation } from './set-remediation.js';
import { runPreflight, syncSetMachines } from './set-sync.js';
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
  const active = !paused && !isDeleting(set);
  let machines = await machinesControlledBy(
    kube,
    { namespace: key.namespace, uid: key.uid, kind: 'MachineSet' },
    set.spec.clusterName,
    signal,
  );
  let work: Work = {};
  if (active) {
    machines = await syncSetMachines(deps, set, machines);
    work = await workOf(deps, set, cluster, machines, templates[0]);
    if (work.remediation) machines = await writeRemediation(deps, machines, work.remediation);
  }
  const attempt = attemptOf(set, templates);
  const failure = currentFailure(set, attempt);
  const status = machineSetStatus({
    set,
    machines,
    selector: selectorText(set.spec.selector),
    paused,
    failure,
    blocked: work.blocked?.reasons ?? [],
    preflight: work.preflight ?? [],
    missing: active ? missingTemplates(set, templates) : [],
    now: deps.now(),
  });
  if (isNewlyHeld(set, status)) deps.event(set, 'Warning', HELD, (work.preflight ?? []).join('; ').slice(0, 1_000));
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
    ...(work.remediation ? { remediate: work.remediation.remediate } : {}),
    ...(work.blocked ? { blocked: work.blocked } : {}),
    deleteOrder: (set.spec.deletion?.order as ReplicaFacts['deleteOrder'] | undefined) ?? 'Random',
    machines: machines.map(ownedMachine),
  };
}

/** What is to be done about machines that are missing or unhealthy, and what is in the way. */
interface Work {
  readonly remediation?: SetRemediation;
  readonly preflight?: readonly string[];
  readonly blocked?: CreationBlock;
}

/** The control plane is looked at only when machines are missing, or unhealthy. */
async function workOf(
  deps: ActivityDeps,
  set: MachineSet,
  cluster: Cluster | undefined,
  machines: readonly Machine[],
  bootstrapTemplate: KubeObject | undefined,
): Promise<Work> {
  const isShort = machines.length < (set.spec.replicas ?? 1);
  const isSick = machines.some(isRemediated);
  if (!isShort && !isSick) return {};
  const { failed, again } = await runPreflight(deps, set, cluster, bootstrapTemplate);
  const disabled = set.metadata.annotations?.[ANNOTATION.disableMachineCreate] === 'true';
  const stopped = disabled
    ? [`annotation ${ANNOTATION.disableMachineCreate} stops the creation of machines; set it to false, or remove it`]
    : [];
  const remediation = isSick ? await lookAtRemediation(deps, set, machines, failed) : undefined;
  const isHeld = failed.length > 0 || (isShort && disabled);
  return {
    preflight: failed,
    ...(remediation ? { remediation } : {}),
    ...(isHeld ? { blocked: { reasons: [...stopped, ...failed], again: failed.length > 0 && again } } : {}),
  };
}

const HELD = 'PreflightCheckFailed';

/** Whether machines are kept from being made for something else than before, or for the first time. */
function isNewlyHeld(set: MachineSet, status: MachineSetStatus): boolean {
  const messageOf = (of: MachineSetStatus | undefined): string | undefined => {
    const created = of?.deprecated?.v1beta1?.conditions?.find((c) => c.type === 'MachinesCreated');
    return created?.reason === HELD ? created.message : undefined;
  };
  const now = messageOf(status);
  return now !== undefined && now !== messageOf(set.status);
}

/** Kinds of templates that a set names and that do not exist. */
function missingTemplates(set: MachineSet, [bootstrap, infrastructure]: readonly (KubeObject | undefined)[]): string[] {
  const { spec } = set.spec.template;
  return [
    ...(spec.bootstrap.configRef && !bootstrap ? [spec.bootstrap.configRef.kind] : []),
    ...(infrastructure ? [] : [spec.infrastructureRef.kind]),
  ];
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
