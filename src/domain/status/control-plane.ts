import type { KubeadmControlPlane, KubeadmControlPlaneStatus, Machine } from '../../api/types/index.js';
import type { Condition, V1Beta1Condition } from '../../api/types/meta.js';
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
import type { ControlPlaneStep, RecordedFailure, RemediationRecord } from '../facts.js';
import { remediatingCondition } from './remediating.js';
import { counters, machineConditions, pausedCondition, scalingConditions, versionsOf } from './replicas.js';

/** Conditions of one control-plane Machine that say its components work; the control plane's lane writes them. */
export const COMPONENT_CONDITIONS = [
  'APIServerPodHealthy',
  'ControllerManagerPodHealthy',
  'SchedulerPodHealthy',
] as const;
export const ETCD_CONDITIONS = ['EtcdPodHealthy', 'EtcdMemberHealthy'] as const;

export interface ControlPlaneStatusInput {
  readonly controlPlane: KubeadmControlPlane;
  readonly machines: readonly Machine[];
  readonly selector: string;
  readonly managedEtcd: boolean;
  /** Voting members read from etcd; undefined when it could not be read. */
  readonly etcdMembers?: readonly { readonly name: string; readonly healthy: boolean }[];
  /** Nodes and etcd members without a Machine, as sentences. */
  readonly mismatches?: { readonly nodes: readonly string[]; readonly members: readonly string[] };
  readonly initialized: boolean;
  readonly certificates: ConditionInput;
  readonly connectionError?: string;
  /** The connection broke only just now: what was said of etcd, components and availability stands. */
  readonly held?: boolean;
  readonly workersExist: boolean;
  readonly failure: RecordedFailure | undefined;
  readonly paused: boolean;
  readonly now: string;
  /** What is to be done next; a step that waits says why in the conditions. */
  readonly step: ControlPlaneStep;
  readonly lastRemediation?: RemediationRecord;
  /** The infra template, when it does not exist. */
  readonly missingTemplate?: { readonly kind: string; readonly name: string };
}

const has = (machine: Machine, type: string): boolean =>
  isTrue(machine.status?.conditions as Condition[] | undefined, type);

/** True when every component condition of this machine is True. */
export function isControlPlaneMachineHealthy(machine: Machine, managedEtcd: boolean): boolean {
  return [...COMPONENT_CONDITIONS, ...(managedEtcd ? ETCD_CONDITIONS : [])].every((type) => has(machine, type));
}

/** Source: capi controlplane/kubeadm/reconcilers/kubeadmcontrolplane_status.go. */
export function controlPlaneStatus(input: ControlPlaneStatusInput): KubeadmControlPlaneStatus {
  const { controlPlane, machines, now } = input;
  const desired = controlPlane.spec.replicas ?? 1;
  const generation = controlPlane.metadata.generation ?? 1;
  const count = counters(machines);
  const versions = versionsOf(machines);
  const etcd = kept(input, 'EtcdClusterHealthy') ?? etcdCondition(input);
  const components = kept(input, 'ControlPlaneComponentsHealthy') ?? componentsCondition(input);
  const own: ConditionInput[] = [
    input.initialized
      ? { type: 'Initialized', status: 'True', reason: 'Initialized' }
      : { type: 'Initialized', status: 'False', reason: 'NotInitialized' },
    input.certificates,
    // an external etcd is its owner's business, who may report on it here
    ...(input.managedEtcd ? [etcd] : []),
    components,
    kept(input, 'Available') ?? availability(input, etcd),
    ...machineConditions(machines),
    rollingOut(machines),
    ...scaling(input, desired),
    remediatingCondition(machines, 'KubeadmControlPlane'),
    deleting(input),
    pausedCondition(input.paused),
  ];
  const nodesReady = machines.filter((m) => has(m, 'NodeReady')).length;
  return {
    conditions: mergeConditions(controlPlane.status?.conditions as Condition[] | undefined, own, generation, now),
    ...(input.initialized ? { initialization: { controlPlaneInitialized: true } } : {}),
    selector: input.selector,
    ...count,
    ...(versions.length > 0 ? { versions, version: versions[0]?.version } : {}),
    ...lastRemediationOf(input),
    observedGeneration: generation,
    deprecated: {
      v1beta1: {
        conditions: legacy(input, own, desired, nodesReady),
        updatedReplicas: count.upToDateReplicas,
        readyReplicas: nodesReady,
        unavailableReplicas: Math.max(0, desired - nodesReady),
      },
    },
  } as KubeadmControlPlaneStatus;
}

/** The stored condition, while what was last seen stands. */
function kept(input: ControlPlaneStatusInput, type: string): ConditionInput | undefined {
  return input.held ? findCondition(input.controlPlane.status?.conditions as Condition[] | undefined, type) : undefined;
}

function lastRemediationOf({ lastRemediation: last }: ControlPlaneStatusInput) {
  if (!last) return {};
  return { lastRemediation: { machine: last.machine, time: last.timestamp, retryCount: last.retryCount } };
}

/** Which machines are replaced and why, a change of the version first. Source: capi kubeadmcontrolplane_status.go setRollingOutCondition. */
function rollingOut(machines: readonly Machine[]): ConditionInput {
  const outdated = machines
    .map((m) => findCondition(m.status?.conditions as Condition[] | undefined, 'UpToDate'))
    .filter((c) => c?.status === 'False');
  if (outdated.length === 0) return { type: 'RollingOut', status: 'False', reason: 'NotRollingOut' };
  const lines = outdated.flatMap((c) => (c?.message ?? '').split('\n')).filter((line) => line !== '');
  const rank = (line: string): string => `${line.startsWith('* Version') ? 0 : 1}${line}`;
  const reasons = [...new Set(lines)].sort((a, b) => (rank(a) < rank(b) ? -1 : 1));
  const message = [`Rolling out ${outdated.length} not up-to-date replicas`, ...reasons].join('\n');
  return { type: 'RollingOut', status: 'True', reason: 'RollingOut', message };
}

const WAITS = {
  deleting: 'waiting for a control plane Machine to complete deletion',
  components: 'waiting for control plane components to become healthy',
  etcd: 'waiting for etcd cluster to become healthy',
} as const;

/** ScalingUp and ScalingDown, with the preflight checks that hold them up. */
function scaling(input: ControlPlaneStatusInput, desired: number): ConditionInput[] {
  const { controlPlane, machines, step, missingTemplate, failure } = input;
  const absent =
    missingTemplate &&
    `${missingTemplate.kind} ${missingTemplate.name} does not exist; create it, or correct spec.machineTemplate.spec.infrastructureRef`;
  const waits = step.kind === 'await' ? step.about.map((about) => WAITS[about]) : [];
  const failed = failure ? [`${failure.type}: ${failure.message}`] : [];
  const blocked = [...waits, ...failed].join('\n* ');
  const conditions = scalingConditions(desired, machines.length, isDeleting(controlPlane), blocked || undefined);
  return conditions.map((c) => {
    if (c.type !== 'ScalingUp' || !absent) return c;
    if (c.status === 'True') return { ...c, message: `${c.message ?? ''}\n* ${absent}` };
    return { ...c, message: `Scaling up would be blocked because ${absent}` };
  });
}

function machineView(machines: readonly Machine[]): { name: string; conditions: Condition[] | undefined }[] {
  return machines.map((m) => ({ name: m.metadata.name, conditions: m.status?.conditions as Condition[] | undefined }));
}

function combine(
  type: string,
  input: ControlPlaneStatusInput,
  sources: readonly string[],
  mismatches: readonly string[] = [],
): ConditionInput {
  if (!input.initialized)
    return {
      type,
      status: 'Unknown',
      reason: 'InspectionFailed',
      message: 'Waiting for the control plane to be initialized',
    };
  if (input.connectionError)
    return { type, status: 'Unknown', reason: 'ConnectionDown', message: input.connectionError };
  if (input.machines.length === 0)
    return { type, status: 'Unknown', reason: 'HealthUnknown', message: 'there are no Machines' };
  const parts = sources.map((source) =>
    aggregate(type, machineView(input.machines), {
      source,
      trueReason: 'Healthy',
      falseReason: 'NotHealthy',
      unknownReason: 'HealthUnknown',
      emptyReason: 'HealthUnknown',
      noun: 'Machine',
    }),
  );
  const bad = parts.filter((p) => p.status !== 'True');
  if (bad.length + mismatches.length === 0) return { type, status: 'True', reason: 'Healthy' };
  const isFalse = mismatches.length > 0 || bad.some((p) => p.status === 'False');
  return {
    type,
    status: isFalse ? 'False' : 'Unknown',
    reason: isFalse ? 'NotHealthy' : 'HealthUnknown',
    message: [...bad.map((p) => p.message ?? ''), ...mismatches.map((m) => `* ${m}`)].join('\n'),
  };
}

const componentsCondition = (input: ControlPlaneStatusInput): ConditionInput =>
  combine(
    'ControlPlaneComponentsHealthy',
    input,
    [...COMPONENT_CONDITIONS, ...(input.managedEtcd ? ['EtcdPodHealthy'] : [])],
    input.mismatches?.nodes,
  );

function etcdCondition(input: ControlPlaneStatusInput): ConditionInput {
  return combine('EtcdClusterHealthy', input, ['EtcdMemberHealthy'], input.mismatches?.members);
}

function availability(input: ControlPlaneStatusInput, etcd: ConditionInput): ConditionInput {
  const type = 'Available';
  const no = (message: string): ConditionInput => ({ type, status: 'False', reason: 'NotAvailable', message });
  if (!input.initialized) return no('Control plane not yet initialized');
  if (isDeleting(input.controlPlane)) return no('* Control plane metadata.deletionTimestamp is set');
  if (input.connectionError)
    return { type, status: 'Unknown', reason: 'InspectionFailed', message: input.connectionError };
  if (input.certificates.status !== 'True') return no('* Control plane certificates are not available');
  if (!input.machines.some((m) => isControlPlaneMachineHealthy(m, input.managedEtcd)))
    return no('* There are no Machines with all control plane components healthy');
  if (input.managedEtcd) {
    if (!input.etcdMembers)
      return {
        type,
        status: 'Unknown',
        reason: 'InspectionFailed',
        message: 'the list of etcd members could not be read',
      };
    const voters = input.etcdMembers.length;
    const healthy = input.etcdMembers.filter((m) => m.healthy).length;
    if (healthy < Math.floor(voters / 2) + 1)
      return no(
        `* ${healthy} of ${voters} etcd members are healthy, quorum needs ${Math.floor(voters / 2) + 1}\n${etcd.message ?? ''}`,
      );
  }
  return { type, status: 'True', reason: 'Available' };
}

function deleting(input: ControlPlaneStatusInput): ConditionInput {
  if (!isDeleting(input.controlPlane)) return { type: 'Deleting', status: 'False', reason: 'NotDeleting' };
  const because = (reason: string, message: string): ConditionInput => ({
    type: 'Deleting',
    status: 'True',
    reason,
    message,
  });
  if (input.workersExist) return because('WaitingForWorkersDeletion', 'worker Machines still exist');
  const left = input.machines.length;
  return left > 0
    ? because('WaitingForMachineDeletion', `${left} control plane Machines still exist`)
    : because('DeletionCompleted', 'Deletion completed');
}

function legacy(
  input: ControlPlaneStatusInput,
  own: readonly ConditionInput[],
  desired: number,
  nodesReady: number,
): V1Beta1Condition[] {
  const map = (source: string, type: string): V1Beta1Input => {
    const c = own.find((x) => x.type === source);
    return c?.status === 'True'
      ? { type, status: 'True' }
      : {
          type,
          status: c?.status ?? 'Unknown',
          severity: 'Warning',
          reason: c?.reason ?? 'Unknown',
          message: c?.message ?? '',
        };
  };
  const resized = input.machines.length === desired;
  const wanted: V1Beta1Input[] = [
    map('CertificatesAvailable', 'CertificatesAvailable'),
    input.initialized
      ? { type: 'Available', status: 'True' }
      : { type: 'Available', status: 'False', severity: 'Info', reason: 'WaitingForKubeadmInit' },
    { type: 'MachinesCreated', status: 'True' },
    map('MachinesUpToDate', 'MachinesSpecUpToDate'),
    map('MachinesReady', 'MachinesReady'),
    resized
      ? { type: 'Resized', status: 'True' }
      : {
          type: 'Resized',
          status: 'False',
          severity: 'Warning',
          reason: input.machines.length < desired ? 'ScalingUp' : 'ScalingDown',
          message: `${input.machines.length} of ${desired} machines`,
        },
    map('ControlPlaneComponentsHealthy', 'ControlPlaneComponentsHealthy'),
    input.managedEtcd
      ? map('EtcdClusterHealthy', 'EtcdClusterHealthy')
      : { type: 'EtcdClusterHealthy', status: 'True' },
    resized && nodesReady >= desired && input.initialized
      ? { type: 'Ready', status: 'True' }
      : {
          type: 'Ready',
          status: 'False',
          severity: 'Warning',
          reason: 'ScalingUp',
          message: `${nodesReady} of ${desired} nodes ready`,
        },
  ];
  return mergeV1Beta1Conditions(
    readPath(input.controlPlane, 'status.deprecated.v1beta1.conditions') as V1Beta1Condition[] | undefined,
    wanted,
    input.now,
  );
}
