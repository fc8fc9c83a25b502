import type { Cluster, Machine, MachineDeployment } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import type { Condition, ObjectKey } from '../../api/types/meta.js';
import { mergeConditions } from '../../domain/conditions.js';
import { controllerOf, isDeleting, isPaused, ownerReference } from '../../domain/contract.js';
import { PerdureError, TERMINAL_FAILURES } from '../../domain/errors.js';
import type { DeploymentFacts, RecordedFailure, RolloutFacts } from '../../domain/facts.js';
import { attemptOf } from '../../domain/failure.js';
import { ANNOTATION, FINALIZER, LABEL, laneId } from '../../domain/names.js';
import { machineDeploymentStatus } from '../../domain/status/replicas.js';
import { rolloutFacts, rolloutState, workerUpToDate } from '../../domain/status/rollout.js';
import { currentSet, selectorText } from '../../domain/template.js';
import type { ActivityDeps } from '../deps.js';
import { ABSENT, currentFailure } from './assess-cluster.js';
import { adoptSets, type RolledOut, rollOutStep, setsOf } from './machine-sets.js';
import { ownTemplate } from './owned.js';
import { inParallel } from './parallel.js';
import { clusterNamed, readKey } from './world.js';
import { applyPaused, applyStatus, ensureMetadata } from './write.js';

const MANAGER = 'perdure-machinedeployment';
const WRITES_AT_ONCE = 10;

/**
 * The whole of a deployment's work: one step of its rollout, in place changes, status. Decided from what is there each time; while nothing changes it
 * writes nothing. While an operation RollingUpgrade counts as failed or cancelled, sizes follow and nothing is rolled out.
 */
export async function assessMachineDeployment(deps: ActivityDeps, key: ObjectKey): Promise<DeploymentFacts> {
  const { kube } = deps;
  const { signal } = deps.scope();
  const found = await readKey<MachineDeployment>(kube, KINDS.MachineDeployment, key, signal);
  if (!found) return { ...ABSENT, desired: 0, replicas: 0, ready: 0, rollout: NO_ROLLOUT };
  const cluster = await clusterNamed(kube, key.namespace, found.spec.clusterName, signal);
  const paused = isPaused(found, cluster);
  const active = !paused && !isDeleting(found);
  const { deployment, missing } = active ? await takeIn(deps, found, cluster, key) : { deployment: found, missing: [] };
  const attempt = attemptOf(deployment, []);
  const previous = currentFailure(deployment, attempt);
  const look = await step(deps, deployment, active ? { previous, missing } : undefined);
  const failure = look.failure ?? previous;
  const { machines, sets, current, state } = look;
  const told = active ? await writeUpToDate(deps, deployment, look) : machines;
  const status = machineDeploymentStatus({
    deployment,
    sets,
    machines: told,
    selector: selectorText(deployment.spec.selector),
    paused,
    failure,
    now: deps.now(),
  });
  if (paused) await applyPaused(kube, KINDS.MachineDeployment, deployment, deps.now(), signal);
  else await applyStatus(kube, KINDS.MachineDeployment, deployment, status, MANAGER, signal);
  return {
    exists: true,
    paused,
    deleting: isDeleting(deployment),
    generation: deployment.metadata.generation ?? 0,
    cluster: `${key.namespace}/${deployment.spec.clusterName}`,
    attempt,
    ...(failure ? { failure } : {}),
    desired: deployment.spec.replicas ?? 1,
    replicas: status.replicas ?? 0,
    ready: status.readyReplicas ?? 0,
    rollout: rolloutFacts({ state, machines: told, current, changes: look.changes }),
    ...untilRollout(deployment, Date.parse(deps.now())),
  };
}

const NO_ROLLOUT: RolloutFacts = {
  rolling: false,
  left: 0,
  done: 0,
  why: [],
  changes: [],
  waitingFor: '',
  forecast: [],
  complete: false,
};

/** Finalizer, owners and labels of a deployment, its templates and its sets. `missing`: templates that do not exist. */
async function takeIn(
  deps: ActivityDeps,
  found: MachineDeployment,
  cluster: Cluster | undefined,
  key: ObjectKey,
): Promise<{ deployment: MachineDeployment; missing: readonly string[] }> {
  const deployment = await ensureMetadata(
    deps.kube,
    KINDS.MachineDeployment,
    found,
    {
      finalizer: FINALIZER.MachineDeployment,
      labels: { [LABEL.clusterName]: found.spec.clusterName },
      annotations: { [ANNOTATION.lane]: laneId(key) },
      ...(cluster ? { owner: ownerReference(cluster, { controller: false }) } : {}),
    },
    deps.scope().signal,
  );
  const { bootstrap, infrastructureRef } = deployment.spec.template.spec;
  const missing: string[] = [];
  for (const ref of [bootstrap.configRef, infrastructureRef]) {
    const template = await ownTemplate(deps, cluster, key.namespace, ref);
    if (ref && !template) missing.push(`${ref.kind} ${ref.name}`);
  }
  await adoptSets(deps, deployment);
  return { deployment, missing };
}

interface Look extends RolledOut {
  readonly machines: readonly Machine[];
  readonly failure?: RecordedFailure;
}

async function step(
  deps: ActivityDeps,
  deployment: MachineDeployment,
  going: { readonly previous: RecordedFailure | undefined; readonly missing: readonly string[] } | undefined,
): Promise<Look> {
  const sets = await setsOf(deps, deployment);
  const uids = new Set(sets.map((s) => s.metadata.uid));
  const namespace = deployment.metadata.namespace ?? '';
  const all = await deps.kube.list<Machine>(KINDS.Machine, { namespace }, deps.scope().signal);
  const machines = all.filter((m) => uids.has(controllerOf(m)?.uid));
  const nowMs = Date.parse(deps.now());
  // a set of a new template would take machines from the old ones and could make none
  const missing = currentSet(
    deployment,
    sets.filter((s) => !isDeleting(s)),
    nowMs,
  )
    ? []
    : (going?.missing ?? []);
  const held = deployment.spec.paused === true || going?.previous?.operation === 'RollingUpgrade' || missing.length > 0;
  const asItIs = (): RolledOut => {
    const current = currentSet(deployment, sets, nowMs);
    return { sets, current, changes: [], state: rolloutState(deployment, sets, current, machines, held) };
  };
  if (!going) return { machines, ...asItIs() };
  try {
    const done = await rollOutStep(deps, sets, { deployment, machines, held });
    await passRevision(deps, deployment, done);
    return { machines, ...done, ...(missing.length > 0 ? { failure: withoutTemplates(deployment, missing) } : {}) };
  } catch (error) {
    if (!(error instanceof PerdureError) || !TERMINAL_FAILURES.has(error.type)) throw error;
    deps.event(deployment, 'Warning', 'ScaleMachineSetsFailed', error.message);
    const failure = {
      operation: 'ScaleMachineSets',
      type: error.type,
      message: error.message,
      attempt: attemptOf(deployment, []),
    };
    return { machines, ...asItIs(), failure };
  }
}

/** The lane ends with it: the bridge wakes it when a template that it names appears. */
function withoutTemplates(deployment: MachineDeployment, missing: readonly string[]): RecordedFailure {
  const which = missing.join(' and ');
  return {
    operation: 'ScaleMachineSets',
    type: 'InvalidConfiguration',
    message: `no MachineSet is made of spec.template: ${which} does not exist; create it, or correct the reference`,
    attempt: attemptOf(deployment, []),
  };
}

/** The current set's revision is the deployment's. */
async function passRevision(deps: ActivityDeps, deployment: MachineDeployment, { current }: RolledOut): Promise<void> {
  const revision = current?.metadata.annotations?.[ANNOTATION.revision];
  if (revision === undefined) return;
  const wish = { annotations: { [ANNOTATION.revision]: revision } };
  await ensureMetadata(deps.kube, KINDS.MachineDeployment, deployment, wish, deps.scope().signal);
}

/** Seconds until spec.rollout.after, if that is still to come. */
function untilRollout({ spec }: MachineDeployment, nowMs: number): { rolloutInSeconds?: number } {
  const ms = Date.parse(spec.rollout?.after ?? '') - nowMs;
  return ms > 0 ? { rolloutInSeconds: Math.ceil(ms / 1000) } : {};
}

/** The owner of machines writes UpToDate on each of them, as its own field manager. Answers the machines with what it wrote. */
async function writeUpToDate(
  deps: ActivityDeps,
  deployment: MachineDeployment,
  { machines, sets, current }: Look,
): Promise<Machine[]> {
  const byUid = new Map(sets.map((s) => [s.metadata.uid, s]));
  const told = new Map<Machine, Machine>();
  await inParallel(machines, WRITES_AT_ONCE, async (machine) => {
    if (isDeleting(machine)) return;
    const set = byUid.get(controllerOf(machine)?.uid ?? '');
    const before = (machine.status?.conditions ?? []) as Condition[];
    const wish = workerUpToDate(deployment, set, set === current, Date.parse(deps.now()));
    const written = mergeConditions(before, [wish], machine.metadata.generation ?? 1, deps.now());
    await applyStatus(deps.kube, KINDS.Machine, machine, { conditions: written }, MANAGER, deps.scope().signal);
    const conditions = [...before.filter((c) => c.type !== wish.type), ...written];
    told.set(machine, { ...machine, status: { ...machine.status, conditions } });
  });
  return machines.map((m) => told.get(m) ?? m);
}
