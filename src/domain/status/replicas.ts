import type {
  Machine,
  MachineDeployment,
  MachineDeploymentStatus,
  MachinePool,
  MachineSet,
  MachineSetStatus,
} from '../../api/types/index.js';
import type { Condition, KubeObject, V1Beta1Condition } from '../../api/types/meta.js';
import {
  aggregate,
  type ConditionInput,
  findCondition,
  isTrue,
  mergeConditions,
  mergeV1Beta1Conditions,
  type V1Beta1Input,
} from '../conditions.js';
import { isDeleting, readPath } from '../contract.js';
import type { RecordedFailure } from '../facts.js';
import { readFailure } from '../failure.js';
import { resolveStrategy } from '../plan/rollout.js';
import { deletingMessage, setScaling, staleMachines } from './machine-set.js';
import { remediatingCondition } from './remediating.js';

/** Conditions of a group of machines that MachineSet, MachineDeployment and the control plane share. */
export function machineConditions(machines: readonly Machine[]): ConditionInput[] {
  const view = machines.map((m) => ({
    name: m.metadata.name,
    conditions: m.status?.conditions as Condition[] | undefined,
  }));
  const rules = (source: string, good: string) => ({
    source,
    trueReason: good,
    falseReason: `Not${good}`,
    unknownReason: `${good}Unknown`,
    emptyReason: 'NoReplicas',
    noun: 'Machine',
  });
  return [
    aggregate('MachinesReady', view, rules('Ready', 'Ready')),
    aggregate('MachinesUpToDate', view, rules('UpToDate', 'UpToDate')),
  ];
}

export function scalingConditions(
  desired: number,
  current: number,
  deleting: boolean,
  blocked?: string,
): ConditionInput[] {
  const want = deleting ? 0 : desired;
  const text = (from: number, to: number, up: boolean): string =>
    `Scaling ${up ? 'up' : 'down'} from ${from} to ${to} replicas${blocked ? `\n* ${blocked}` : ''}`;
  return [
    current < want
      ? { type: 'ScalingUp', status: 'True', reason: 'ScalingUp', message: text(current, want, true) }
      : { type: 'ScalingUp', status: 'False', reason: 'NotScalingUp' },
    current > want
      ? { type: 'ScalingDown', status: 'True', reason: 'ScalingDown', message: text(current, want, false) }
      : { type: 'ScalingDown', status: 'False', reason: 'NotScalingDown' },
  ];
}

export const pausedCondition = (paused: boolean): ConditionInput =>
  paused
    ? { type: 'Paused', status: 'True', reason: 'Paused' }
    : { type: 'Paused', status: 'False', reason: 'NotPaused' };

/** Deleting, as every owner of machines reports it. */
export function deletingCondition(object: KubeObject, message: string): ConditionInput {
  return isDeleting(object)
    ? { type: 'Deleting', status: 'True', reason: 'Deleting', message }
    : { type: 'Deleting', status: 'False', reason: 'NotDeleting' };
}

export const REMEDIATING_NONE: ConditionInput = { type: 'Remediating', status: 'False', reason: 'NotRemediating' };

/** Counters that say how many machines have a condition True. */
export function counters(machines: readonly Machine[]): {
  replicas: number;
  readyReplicas: number;
  availableReplicas: number;
  upToDateReplicas: number;
} {
  const count = (type: string): number =>
    machines.filter((m) => isTrue(m.status?.conditions as Condition[] | undefined, type)).length;
  return {
    replicas: machines.length,
    readyReplicas: count('Ready'),
    availableReplicas: count('Available'),
    upToDateReplicas: count('UpToDate'),
  };
}

/** How many machines run each version, lowest first. */
export function versionsOf(
  machines: readonly Machine[],
  pools: readonly MachinePool[] = [],
): { version: string; replicas: number }[] {
  const counts = new Map<string, number>();
  for (const { version, replicas } of pools.flatMap((pool) => pool.status?.versions ?? []))
    counts.set(version, (counts.get(version) ?? 0) + (replicas ?? 0));
  for (const m of machines) {
    const version = (readPath(m, 'status.nodeInfo.kubeletVersion') as string | undefined) ?? m.spec.version;
    if (version) counts.set(version, (counts.get(version) ?? 0) + 1);
  }
  return [...counts]
    .sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }))
    .map(([version, replicas]) => ({ version, replicas }));
}

/** The field `versions`, which may not be empty: left out while no machine tells a version. */
export function versionsIn(
  machines: readonly Machine[],
  pools: readonly MachinePool[] = [],
): { versions?: { version: string; replicas: number }[] } {
  const versions = versionsOf(machines, pools);
  return versions.length > 0 ? { versions } : {};
}

/** v1beta1 counters count Nodes, not Machine conditions; the two are never mapped onto each other. */
function nodeCounters(machines: readonly Machine[]): { readyReplicas: number; availableReplicas: number } {
  const ready = machines.filter((m) => isTrue(m.status?.conditions as Condition[] | undefined, 'NodeReady')).length;
  return { readyReplicas: ready, availableReplicas: ready };
}

export interface MachineSetStatusInput {
  readonly set: MachineSet;
  readonly machines: readonly Machine[];
  readonly selector: string;
  readonly paused: boolean;
  readonly failure: RecordedFailure | undefined;
  /** Why no machine is made, and which of that are preflight checks; kinds of templates that do not exist. */
  readonly blocked?: readonly string[];
  readonly preflight?: readonly string[];
  readonly missing?: readonly string[];
  readonly now: string;
}

/** Source: capi core/reconcilers/machineset/machineset_controller_status.go. */
export function machineSetStatus(input: MachineSetStatusInput): MachineSetStatus {
  const { set, machines, now } = input;
  const desired = set.spec.replicas ?? 1;
  const { failure, blocked = [], preflight = [], missing = [] } = input;
  const own: ConditionInput[] = [
    ...setScaling({
      current: machines.length,
      desired: isDeleting(set) ? 0 : desired,
      blocked: [...(failure ? [`${failure.type}: ${failure.message}`] : []), ...blocked],
      missing,
      stale: staleMachines(machines, now),
    }),
    ...machineConditions(machines),
    remediatingCondition(machines, 'MachineSet'),
    deletingCondition(set, deletingMessage(machines, now)),
    pausedCondition(input.paused),
  ];
  const nodes = nodeCounters(machines);
  const resized = machines.length === desired;
  const legacy: V1Beta1Input[] = [
    preflight.length > 0 && machines.length < desired
      ? {
          type: 'MachinesCreated',
          status: 'False',
          severity: 'Error',
          reason: 'PreflightCheckFailed',
          message: preflight.join('; '),
        }
      : { type: 'MachinesCreated', status: 'True' },
    resized
      ? { type: 'Resized', status: 'True' }
      : {
          type: 'Resized',
          status: 'False',
          severity: 'Warning',
          reason: machines.length < desired ? 'ScalingUp' : 'ScalingDown',
        },
    nodes.readyReplicas >= desired
      ? { type: 'MachinesReady', status: 'True' }
      : { type: 'MachinesReady', status: 'False', severity: 'Info', reason: 'WaitingForMachines' },
    resized && nodes.readyReplicas >= desired
      ? { type: 'Ready', status: 'True' }
      : { type: 'Ready', status: 'False', severity: 'Info', reason: 'WaitingForMachines' },
  ];
  return {
    conditions: mergeConditions(
      set.status?.conditions as Condition[] | undefined,
      own,
      set.metadata.generation ?? 1,
      now,
    ),
    selector: input.selector,
    ...counters(machines),
    ...versionsIn(machines),
    observedGeneration: set.metadata.generation ?? 1,
    deprecated: {
      v1beta1: {
        conditions: mergeV1Beta1Conditions(
          readPath(set, 'status.deprecated.v1beta1.conditions') as V1Beta1Condition[] | undefined,
          legacy,
          now,
        ),
        fullyLabeledReplicas: machines.length,
        ...nodes,
      },
    },
  } as MachineSetStatus;
}

export interface DeploymentStatusInput {
  readonly deployment: MachineDeployment;
  readonly failure?: RecordedFailure | undefined;
  readonly sets: readonly MachineSet[];
  readonly machines: readonly Machine[];
  readonly selector: string;
  readonly paused: boolean;
  readonly now: string;
}

/** Source: capi machinedeployment_status.go setRollingOutCondition. */
function rollingOut(machines: readonly Machine[]): ConditionInput {
  const upToDate = (m: Machine) => findCondition(m.status?.conditions as Condition[] | undefined, 'UpToDate');
  const stale = machines.filter((m) => upToDate(m)?.status === 'False');
  if (stale.length === 0) return { type: 'RollingOut', status: 'False', reason: 'NotRollingOut' };
  const reasons = [...new Set(stale.flatMap((m) => (upToDate(m)?.message ?? '').split('\n')))].filter(Boolean).sort();
  const lines = [`Rolling out ${stale.length} not up-to-date replicas`, ...reasons];
  return { type: 'RollingOut', status: 'True', reason: 'RollingOut', message: lines.join('\n') };
}

/** Source: capi core/reconcilers/machinedeployment/machinedeployment_status.go. */
export function machineDeploymentStatus(input: DeploymentStatusInput): MachineDeploymentStatus {
  const { deployment, machines, now } = input;
  const desired = deployment.spec.replicas ?? 1;
  const count = counters(machines);
  const nodes = nodeCounters(machines);
  const needed = desired - resolveStrategy(deployment.spec.rollout?.strategy ?? {}, desired).unavailable;
  const available: ConditionInput =
    count.availableReplicas >= needed
      ? { type: 'Available', status: 'True', reason: 'Available' }
      : {
          type: 'Available',
          status: 'False',
          reason: 'NotAvailable',
          message: `${count.availableReplicas} available replicas, at least ${needed} required (spec.replicas is ${desired})`,
        };
  const failure = input.failure ?? input.sets.map(readFailure).find((f) => f !== undefined);
  const blocked = failure && `${failure.type}: ${failure.message}`;
  const rolling = rollingOut(machines);
  const own: ConditionInput[] = [
    available,
    rolling,
    ...scalingConditions(desired, machines.length, isDeleting(deployment), blocked),
    ...machineConditions(machines),
    remediatingCondition(machines, 'MachineDeployment/MachineSet'),
    deletingCondition(deployment, `${input.sets.length} MachineSets still exist`),
    pausedCondition(input.paused),
  ];
  const enough = nodes.availableReplicas >= needed;
  const legacy: V1Beta1Input[] = [
    enough
      ? { type: 'Available', status: 'True' }
      : { type: 'Available', status: 'False', severity: 'Warning', reason: 'WaitingForAvailableMachines' },
    enough
      ? { type: 'MachineSetReady', status: 'True' }
      : { type: 'MachineSetReady', status: 'False', severity: 'Info', reason: 'WaitingForMachineSetFallback' },
    enough
      ? { type: 'Ready', status: 'True' }
      : { type: 'Ready', status: 'False', severity: 'Warning', reason: 'WaitingForAvailableMachines' },
  ];
  const scaling = machines.length < desired ? 'ScalingUp' : machines.length > desired ? 'ScalingDown' : 'Running';
  return {
    conditions: mergeConditions(
      deployment.status?.conditions as Condition[] | undefined,
      own,
      deployment.metadata.generation ?? 1,
      now,
    ),
    selector: input.selector,
    ...count,
    ...versionsIn(machines),
    phase: count.availableReplicas < desired && scaling === 'Running' ? 'ScalingUp' : scaling,
    observedGeneration: deployment.metadata.generation ?? 1,
    deprecated: {
      v1beta1: {
        conditions: mergeV1Beta1Conditions(
          readPath(deployment, 'status.deprecated.v1beta1.conditions') as V1Beta1Condition[] | undefined,
          legacy,
          now,
        ),
        updatedReplicas: count.upToDateReplicas,
        ...nodes,
        unavailableReplicas: Math.max(0, desired - nodes.availableReplicas),
      },
    },
  } as MachineDeploymentStatus;
}
