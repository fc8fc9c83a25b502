import type { Cluster, Machine, MachineHealthCheck } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import type { Condition, KubeObject, ObjectKey } from '../../api/types/meta.js';
import { type ConditionInput, isTrue, mergeConditions } from '../../domain/conditions.js';
import { isControlPlaneMachine, isDeleting, isPaused, ownerReference, readPath } from '../../domain/contract.js';
import type { HealthFacts } from '../../domain/facts.js';
import { attemptOf } from '../../domain/failure.js';
import {
  EXTERNALLY_REMEDIATED,
  type HealthCheckPlan,
  type MachineVerdict,
  planHealthCheck,
} from '../../domain/health/plan.js';
import type { HealthTarget, NodeCondition } from '../../domain/health/target.js';
import { ANNOTATION, LABEL, laneId } from '../../domain/names.js';
import { healthCheckStatus } from '../../domain/status/health-check.js';
import { selectorText } from '../../domain/template.js';
import type { ActivityDeps } from '../deps.js';
import { ABSENT, currentFailure } from './assess-cluster.js';
import { inParallel } from './parallel.js';
import { endRemediation, type RemediationTrouble, requestRemediation } from './remediation-requests.js';
import { clusterNamed, ofCluster, readKey } from './world.js';
import { applyPaused, applyStatus, ensureMetadata } from './write.js';

/** Writes the status of health checks, and their conditions on Machines. */
const MANAGER = 'perdure-machinehealthcheck';
/** Machines that are written to at a time. */
const WIDTH = 8;
const NOTHING = { expected: 0, healthy: 0, unhealthy: 0, pending: 0, allowed: true, nextCheckSeconds: 0 } as const;

/**
 * One look of a health check: reads the Machines it selects and their Nodes, marks the unhealthy ones, asks for external remediation, writes its status.
 * While the workload cluster cannot be asked nothing is concluded and nothing written. Idempotent.
 */
export async function assessMachineHealthCheck(deps: ActivityDeps, key: ObjectKey): Promise<HealthFacts> {
  const { kube } = deps;
  const { signal } = deps.scope();
  let check = await readKey<MachineHealthCheck>(kube, KINDS.MachineHealthCheck, key, signal);
  if (!check) return { ...ABSENT, ...NOTHING };
  const cluster = await clusterNamed(kube, key.namespace, check.spec.clusterName, signal);
  const paused = isPaused(check, cluster);
  if (!paused && !isDeleting(check)) check = await link(deps, key, check, cluster);
  const attempt = attemptOf(check, []);
  const failure = currentFailure(check, attempt);
  const common = {
    exists: true,
    paused,
    deleting: isDeleting(check),
    generation: check.metadata.generation ?? 0,
    cluster: `${key.namespace}/${check.spec.clusterName}`,
    attempt,
    ...(failure ? { failure } : {}),
    ...NOTHING,
  };
  if (paused) await applyPaused(kube, KINDS.MachineHealthCheck, check, deps.now(), signal);
  if (paused || isDeleting(check)) return common;
  if (!cluster || isDeleting(cluster)) {
    const reason = `cluster ${check.spec.clusterName} ${cluster ? 'is being deleted' : 'does not exist'}`;
    return { ...common, blocked: { reason, again: false } };
  }
  const machines = await selected(deps, key.namespace, check);
  const nodes = await nodesOf(deps, cluster, machines);
  if ('unreachable' in nodes) return { ...common, blocked: { reason: nodes.unreachable, again: true } };
  const nowMs = Date.parse(deps.now());
  const plan = planHealthCheck({
    spec: check.spec,
    targets: machines.map((machine) => toTarget(machine, nodes.byName)),
    cluster: (cluster.status?.conditions ?? []) as Condition[],
    nowMs,
  });
  const trouble = await mark(deps, check, machines, plan);
  await report(deps, check, plan, trouble);
  return {
    ...common,
    expected: plan.targets.length,
    healthy: plan.healthy,
    unhealthy: plan.unhealthy,
    pending: plan.pending,
    allowed: plan.allowed.status === 'True',
    nextCheckSeconds: plan.nextCheckMs === undefined ? 0 : Math.max(1, Math.ceil((plan.nextCheckMs - nowMs) / 1_000)),
    ...(trouble ? { trouble: trouble.message } : {}),
  };
}

async function link(
  deps: ActivityDeps,
  key: ObjectKey,
  check: MachineHealthCheck,
  cluster: Cluster | undefined,
): Promise<MachineHealthCheck> {
  const wish = {
    labels: { [LABEL.clusterName]: check.spec.clusterName },
    annotations: { [ANNOTATION.lane]: laneId(key) },
    ...(cluster ? { owner: ownerReference(cluster, { controller: false }) } : {}),
  };
  return ensureMetadata(deps.kube, KINDS.MachineHealthCheck, check, wish, deps.scope().signal);
}

/** The Machines the check is for: what is paused, or annotated to be skipped, is not counted at all. */
async function selected(deps: ActivityDeps, namespace: string, check: MachineHealthCheck): Promise<Machine[]> {
  const wanted = [selectorText(check.spec.selector), ofCluster(check.spec.clusterName)];
  const labelSelector = wanted.filter((text) => text !== '').join(',');
  const machines = await deps.kube.list<Machine>(KINDS.Machine, { namespace, labelSelector }, deps.scope().signal);
  const skipped = [ANNOTATION.paused, ANNOTATION.skipRemediation];
  return machines
    .filter(({ metadata }) => skipped.every((name) => metadata.annotations?.[name] === undefined))
    .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
}

/** Conditions of the cluster's Nodes by name; undefined before it has a control plane, when it is not asked. */
type Nodes = { readonly byName: ReadonlyMap<string, readonly NodeCondition[]> | undefined };

async function nodesOf(
  deps: ActivityDeps,
  cluster: Cluster,
  machines: readonly Machine[],
): Promise<Nodes | { readonly unreachable: string }> {
  const { signal } = deps.scope();
  if (!isTrue(cluster.status?.conditions, 'ControlPlaneInitialized')) return { byName: undefined };
  if (machines.length === 0) return { byName: new Map() };
  try {
    const workload = await deps.workload(cluster, signal);
    const nodes = await workload.list<KubeObject>(KINDS.Node, {}, signal);
    const conditionsOf = (node: KubeObject) => (readPath(node, 'status.conditions') ?? []) as readonly NodeCondition[];
    return { byName: new Map(nodes.map((node) => [node.metadata.name, conditionsOf(node)])) };
  } catch (error) {
    signal.throwIfAborted();
    const reason = error instanceof Error ? error.message : String(error);
    return { unreachable: `the Nodes of cluster ${cluster.metadata.name} cannot be read: ${reason}`.slice(0, 300) };
  }
}

function toTarget(machine: Machine, nodes: Nodes['byName']): HealthTarget {
  const nodeName = machine.status?.nodeRef?.name;
  const node = nodes && nodeName !== undefined ? (nodes.get(nodeName) ?? 'missing') : undefined;
  return {
    name: machine.metadata.name,
    controlPlane: isControlPlaneMachine(machine),
    deleting: isDeleting(machine),
    remediate: machine.metadata.annotations?.[ANNOTATION.remediateMachine] !== undefined,
    createdAt: machine.metadata.creationTimestamp ?? '',
    conditions: (machine.status?.conditions ?? []) as Condition[],
    ...(nodeName === undefined ? {} : { nodeName }),
    ...(node === undefined ? {} : { node }),
  };
}

/** Writes the verdicts on the Machines. Answers the first trouble with external remediation: the others are marked all the same. */
async function mark(
  deps: ActivityDeps,
  check: MachineHealthCheck,
  machines: readonly Machine[],
  plan: HealthCheckPlan,
): Promise<RemediationTrouble | undefined> {
  const byName = new Map(machines.map((machine) => [machine.metadata.name, machine]));
  const troubles = new Map<string, RemediationTrouble>();
  await inParallel(plan.machines, WIDTH, async (verdict) => {
    const machine = byName.get(verdict.name);
    if (!machine || !verdict.conditions) return;
    const met = await markOne(deps, check, machine, verdict, verdict.conditions);
    if (met) troubles.set(verdict.name, met);
    if (verdict.marked && verdict.assessment.health === 'unhealthy') {
      const text = `Machine ${verdict.name} has been marked as unhealthy by MachineHealthCheck ${check.metadata.name}: ${verdict.assessment.message}`;
      deps.event(machine, 'Normal', 'MachineMarkedUnhealthy', text.slice(0, 1_000));
    }
  });
  const first = plan.targets.find((name) => troubles.has(name));
  return first === undefined ? undefined : troubles.get(first);
}

async function markOne(
  deps: ActivityDeps,
  check: MachineHealthCheck,
  machine: Machine,
  verdict: MachineVerdict,
  conditions: readonly ConditionInput[],
): Promise<RemediationTrouble | undefined> {
  const templateRef = check.spec.remediation?.templateRef;
  const releases = templateRef ? [] : [EXTERNALLY_REMEDIATED];
  const write = (wanted: readonly ConditionInput[]): Promise<void> => writeConditions(deps, machine, wanted, releases);
  if (templateRef && verdict.external === 'request')
    return requestRemediation(deps, { machine, templateRef, conditions, write });
  if (templateRef && verdict.external === 'recovered') await endRemediation(deps, machine, templateRef);
  await write(conditions);
  return undefined;
}

/** The whole set of a health check's conditions on a Machine; what it leaves out goes, unless somebody else says it too. */
async function writeConditions(
  deps: ActivityDeps,
  machine: Machine,
  wanted: readonly ConditionInput[],
  releases: readonly string[],
): Promise<void> {
  const before = machine.status?.conditions as Condition[] | undefined;
  const conditions = mergeConditions(before, wanted, machine.metadata.generation ?? 1, deps.now());
  await applyStatus(deps.kube, KINDS.Machine, machine, { conditions }, MANAGER, deps.scope().signal, releases);
}

async function report(
  deps: ActivityDeps,
  check: MachineHealthCheck,
  plan: HealthCheckPlan,
  trouble: RemediationTrouble | undefined,
): Promise<void> {
  const status = healthCheckStatus({ check, plan, now: deps.now(), ...(trouble ? { trouble } : {}) });
  const restricted = plan.allowed.status === 'False' && plan.unhealthy > 0;
  const said = (check.status?.conditions ?? []).find((c) => c.type === plan.allowed.type)?.message;
  await applyStatus(deps.kube, KINDS.MachineHealthCheck, check, status, MANAGER, deps.scope().signal);
  // once for each state of affairs, not at each look
  if (restricted && said !== plan.allowed.message)
    deps.event(check, 'Warning', 'RemediationRestricted', plan.allowed.message ?? '');
}
