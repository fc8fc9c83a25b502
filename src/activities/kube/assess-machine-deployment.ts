import type { Machine, MachineDeployment } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import type { Condition, ObjectKey } from '../../api/types/meta.js';
import { type ConditionInput, mergeConditions } from '../../domain/conditions.js';
import { controllerOf, isDeleting, isPaused, ownerReference } from '../../domain/contract.js';
import { PerdureError, TERMINAL_FAILURES } from '../../domain/errors.js';
import type { DeploymentFacts } from '../../domain/facts.js';
import { attemptOf } from '../../domain/failure.js';
import { ANNOTATION, FINALIZER, LABEL, laneId } from '../../domain/names.js';
import { machineDeploymentStatus } from '../../domain/status/replicas.js';
import { sameTemplate, selectorText } from '../../domain/template.js';
import type { ActivityDeps } from '../deps.js';
import { ABSENT, currentFailure } from './assess-cluster.js';
import { adoptSets, setsOf, sizeSetsOf } from './machine-sets.js';
import { ownTemplate } from './owned.js';
import { clusterNamed, readKey } from './world.js';
import { applyPaused, applyStatus, ensureMetadata } from './write.js';

const MANAGER = 'perdure-machinedeployment';

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
    await adoptSets(deps, deployment);
  }
  const attempt = attemptOf(deployment, []);
  let failure = currentFailure(deployment, attempt);
  let sets = await setsOf(deps, deployment);
  if (active) {
    try {
      sets = await sizeSetsOf(deps, deployment, sets);
    } catch (error) {
      if (!(error instanceof PerdureError) || !TERMINAL_FAILURES.has(error.type)) throw error;
      failure = { operation: 'ScaleMachineSets', type: error.type, message: error.message, attempt };
      deps.event(deployment, 'Warning', 'ScaleMachineSetsFailed', error.message);
    }
  }
  const uids = new Set(sets.map((s) => s.metadata.uid));
  const inNamespace = await kube.list<Machine>(KINDS.Machine, { namespace: key.namespace }, signal);
  let machines = inNamespace.filter((m) => uids.has(controllerOf(m)?.uid));
  const template = deployment.spec.template;
  const currentUids = new Set(
    sets.filter((s) => sameTemplate(s.spec.template as typeof template, template)).map((s) => s.metadata.uid),
  );
  if (active) machines = await writeUpToDate(deps, machines, (m) => currentUids.has(controllerOf(m)?.uid));
  const status = machineDeploymentStatus({
    deployment,
    sets,
    machines,
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
  };
}

const UP_TO_DATE: ConditionInput = { type: 'UpToDate', status: 'True', reason: 'UpToDate' };
const OUTDATED: ConditionInput = {
  type: 'UpToDate',
  status: 'False',
  reason: 'NotUpToDate',
  message: "* the owner's template changed after this machine was made",
};

/** The owner of machines writes UpToDate on each of them, as its own field manager. Answers the machines with what it wrote. */
async function writeUpToDate(
  deps: ActivityDeps,
  machines: readonly Machine[],
  isCurrent: (m: Machine) => boolean,
): Promise<Machine[]> {
  const told: Machine[] = [];
  for (const machine of machines) {
    if (isDeleting(machine)) {
      told.push(machine);
      continue;
    }
    const before = (machine.status?.conditions ?? []) as Condition[];
    const wish = isCurrent(machine) ? UP_TO_DATE : OUTDATED;
    const written = mergeConditions(before, [wish], machine.metadata.generation ?? 1, deps.now());
    await applyStatus(deps.kube, KINDS.Machine, machine, { conditions: written }, MANAGER, deps.scope().signal);
    const conditions = [...before.filter((c) => c.type !== wish.type), ...written];
    told.push({ ...machine, status: { ...machine.status, conditions } });
  }
  return told;
}
