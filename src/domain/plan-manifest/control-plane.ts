import type { Cluster, KubeadmControlPlane } from '../../api/types/index.js';
import { controllerOf, failureDomainsOf, isDeleting, isPaused } from '../contract.js';
import type { ControlPlaneFacts, ControlPlaneStep } from '../facts.js';
import { planControlPlaneStep } from '../plan/control-plane.js';
import { afterStep, etcdForecast } from '../plan/control-plane-forecast.js';
import { controlPlaneMachine } from '../rollout/control-plane-machine.js';
import { outdatedReasons } from '../rollout/control-plane-outdated.js';
import { remediationOf, sizeOf } from '../rollout/control-plane-wish.js';
import { kubeadmConfigDifferences } from '../rollout/kubeadm-config-diff.js';
import { instanceOf } from './cloud.js';
import { addonChanges, kubeadmConfigChanges } from './control-plane-upkeep.js';
import type { DisruptionBudget, ManifestWorld, ObjectRef, PlanStep } from './types.js';

const CONFIG_REASON = 'KubeadmConfig is not up-to-date';
/** More steps than any control plane has; a plan that goes round ends here. */
const MOST_STEPS = 60;

/** A control plane before and after. */
export interface ControlPlaneChange {
  readonly ref: ObjectRef;
  readonly live?: KubeadmControlPlane;
  readonly wanted: KubeadmControlPlane;
  readonly cluster: Cluster | undefined;
  readonly clusterName: string;
}

interface Made {
  readonly facts: ControlPlaneFacts;
  /** Differing fields of the kubeadm configuration, by machine. */
  readonly fields: ReadonlyMap<string, readonly string[]>;
}

/**
 * The control plane as its lane would see it once the manifest is applied. etcd is taken to have the machines with a Node as members, each as healthy as
 * its Machine says, so that nothing but the management cluster has to be asked.
 */
function factsOf(world: ManifestWorld, { live, wanted, cluster, clusterName }: ControlPlaneChange): Made {
  const nowMs = Date.parse(world.now);
  const managedEtcd = wanted.spec.kubeadmConfigSpec?.clusterConfiguration?.etcd?.external === undefined;
  const mine = live ? world.machines.filter((m) => controllerOf(m)?.uid === live.metadata.uid) : [];
  const fields = new Map<string, readonly string[]>();
  const machines = mine.map((machine) => {
    const { configRef } = machine.spec.bootstrap;
    const infra = machine.spec.infrastructureRef;
    const config = world.configs.find((c) => c.kind === configRef?.kind && c.metadata.name === configRef.name);
    const infrastructure = world.infrastructure.find((i) => i.kind === infra.kind && i.metadata.name === infra.name);
    const reasons = outdatedReasons(wanted, { machine, config, infrastructure }, nowMs);
    if (reasons.includes(CONFIG_REASON) && config)
      fields.set(machine.metadata.name, kubeadmConfigDifferences(config.spec, wanted.spec.kubeadmConfigSpec));
    return controlPlaneMachine(machine, managedEtcd, reasons);
  });
  const members = machines.flatMap((m) => (m.node === undefined ? [] : [{ id: m.name, name: m.node, learner: false }]));
  const facts: ControlPlaneFacts = {
    exists: true,
    paused: isPaused(wanted, cluster),
    deleting: isDeleting(wanted),
    generation: 0,
    cluster: clusterName,
    attempt: '',
    ...sizeOf({ ...wanted, metadata: { ...wanted.metadata, uid: live?.metadata.uid ?? '' } }, clusterName),
    machines,
    infrastructureProvisioned: true,
    endpoint: true,
    initialized: live?.status?.initialization?.controlPlaneInitialized === true,
    certificatesAvailable: true,
    failureDomains: failureDomainsOf(cluster)
      .filter((d) => d.controlPlane)
      .map((d) => d.name),
    workersExist: false,
    clusterDeleting: false,
    cloudQueue: '',
    managedEtcd,
    ...(managedEtcd ? { etcd: { members, alarmed: [] } } : {}),
    ...remediationOf(live ?? wanted),
    policy: remediationOf(wanted).policy,
  };
  return { facts, fields };
}

type Shown = Pick<PlanStep, 'kind' | 'action' | 'reason'> & {
  readonly machine?: string;
  readonly failureDomain?: string;
};

/** A step of the planner as a person sees it; undefined for one that only keeps books. */
function shownStep(facts: ControlPlaneFacts, step: ControlPlaneStep): Shown | undefined {
  switch (step.kind) {
    case 'create': {
      const outdated = facts.machines.filter((m) => !m.upToDate);
      const inPlaceOf = step.replaces ? `in place of ${step.replaces.machine}` : undefined;
      const surplus = outdated.length > 0 ? `makes room to replace ${outdated.length} outdated` : undefined;
      const reason = inPlaceOf ?? surplus ?? `${facts.machines.length + 1} of ${facts.desired}`;
      const named = facts.uid === '' ? {} : { machine: step.name };
      const where = step.failureDomain ? { failureDomain: step.failureDomain } : {};
      return { kind: 'Machine', action: 'create', reason, ...named, ...where };
    }
    case 'remove':
      return { kind: 'Machine', action: 'delete', machine: step.name, reason: step.why };
    case 'remediate':
      return { kind: 'Machine', action: 'delete', machine: step.record.machine, reason: 'it is unhealthy' };
    case 'evict':
      return { kind: 'Etcd', action: 'evict', reason: `etcd member ${step.member.name} has no machine` };
    case 'await':
      return {
        kind: 'Machine',
        action: 'wait',
        machine: step.name,
        reason: `${step.reason}; waits for ${step.unblock}`,
      };
    case 'maintain':
      return { kind: 'Workload', action: 'maintain', reason: `bring up to date: ${step.parts.join(', ')}` };
    default:
      return undefined;
  }
}

/** Everything that a control plane's lane would do, each step with etcd and the number of machines after it. */
export function controlPlaneSteps(world: ManifestWorld, change: ControlPlaneChange): PlanStep[] {
  const { facts, fields } = factsOf(world, change);
  if (facts.paused || facts.deleting) return [];
  const base = { phase: 1, group: change.ref, cluster: change.clusterName };
  const steps: PlanStep[] = [];
  let seen = facts;
  for (let i = 0; i < MOST_STEPS; i++) {
    const nowMs = Date.parse(world.now) + i * 1000;
    const step = planControlPlaneStep(seen, nowMs);
    if (step.kind === 'done') break;
    const after = afterStep(seen, step, nowMs);
    const shown = shownStep(seen, step);
    const etcd = etcdForecast(seen, step, after);
    const before = steps.some((s) => s.kind === 'Workload') ? undefined : preparation(change, step);
    if (before) steps.push({ ...base, ...before });
    const differing = fields.get(shown?.machine ?? '');
    if (shown) {
      const moves = shown.action === 'create' || shown.action === 'delete';
      steps.push({
        ...base,
        ...shown,
        ...(differing && shown.action === 'delete' ? { fields: differing } : {}),
        machines: { total: after.machines.length, available: availableDuring(seen, after) },
        ...(etcd ? { etcd } : {}),
        ...(moves ? { cloud: cloudOf(world, change.wanted, shown.action) } : {}),
      });
    }
    seen = after;
  }
  return [...steps, ...maintenance(change, facts, base)];
}

/** Machines that work while a step is taken: a new one does not yet, one that goes does no more. */
function availableDuring(before: ControlPlaneFacts, after: ControlPlaneFacts): number {
  const left = new Set(after.machines.map((m) => m.name));
  return before.machines.filter((m) => m.healthy && !m.deleting && left.has(m.name)).length;
}

function cloudOf(world: ManifestWorld, wanted: KubeadmControlPlane, action: 'create' | 'delete' | string): string[] {
  const instance = instanceOf(
    world,
    wanted.metadata.namespace ?? '',
    wanted.spec.machineTemplate.spec.infrastructureRef,
  );
  const balancer = "the API server's load balancer";
  return action === 'create'
    ? [`create ${instance}`, `register it with ${balancer}`]
    : [`deregister from ${balancer}`, 'terminate its instance'];
}

/** What machines read when they join is brought up to date before the first of a new kind does; undefined when nothing of it changes. */
function preparation({ wanted, live }: ControlPlaneChange, step: ControlPlaneStep): Shown | undefined {
  if (!live || step.kind !== 'create' || !step.prepare) return undefined;
  const changes = kubeadmConfigChanges(live, wanted);
  if (changes.length === 0) return undefined;
  const reason = `before new machines join, bring up to date in kubeadm-config: ${changes.join(', ')}`;
  return { kind: 'Workload', action: 'maintain', reason };
}

/** What kubeadm installed once follows when all machines are up to date. */
function maintenance(
  { wanted, live }: ControlPlaneChange,
  facts: ControlPlaneFacts,
  base: Pick<PlanStep, 'phase' | 'group' | 'cluster'>,
): PlanStep[] {
  const parts = live && facts.initialized ? addonChanges(live, wanted) : [];
  if (parts.length === 0) return [];
  return [{ ...base, kind: 'Workload', action: 'maintain', reason: `bring up to date: ${parts.join(', ')}` }];
}

/** How far a rollout of a control plane may go at a time. */
export function controlPlaneBudget(
  change: ControlPlaneChange,
  steps: readonly PlanStep[],
): DisruptionBudget | undefined {
  const counts = steps.flatMap((s) => s.machines ?? []);
  if (counts.length === 0) return undefined;
  const { desired, maxSurge } = sizeOf(change.wanted, change.clusterName);
  const surge = desired < 3 ? 1 : maxSurge;
  return {
    group: change.ref,
    desired,
    strategy: 'RollingUpdate',
    maxSurge: surge,
    maxUnavailable: surge === 0 ? 1 : 0,
    mostMachines: Math.max(...counts.map((c) => c.total)),
    leastAvailable: Math.min(...counts.map((c) => c.available)),
  };
}
