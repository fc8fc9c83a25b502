import type { Machine, MachinePool, MachinePoolPhase, MachinePoolStatus } from '../../api/types/index.js';
import type { Condition, KubeObject, V1Beta1Condition } from '../../api/types/meta.js';
import {
  type ConditionInput,
  invalidCondition,
  isTrue,
  mergeConditions,
  mergeV1Beta1Conditions,
  refusal,
  type V1Beta1Input,
} from '../conditions.js';
import { isDataSecretCreated, isDeleting, isProvisioned, readPath, readyConditionOf } from '../contract.js';
import type { RecordedFailure } from '../facts.js';
import { ANNOTATION } from '../names.js';
import { remediatingCondition } from './remediating.js';
import { deletingCondition, pausedCondition, scalingConditions } from './replicas.js';

/** Everything a MachinePool's status is made of. */
export interface MachinePoolStatusInput {
  readonly pool: MachinePool;
  readonly infrastructure: KubeObject | undefined;
  readonly bootstrap: KubeObject | undefined;
  /** Nodes whose providerID the pool lists; undefined: the workload cluster could not be asked, what was known stands. */
  readonly nodes: readonly KubeObject[] | undefined;
  /** Where each instance has a Machine: those of the pool. They are counted then. */
  readonly machines?: readonly Machine[];
  readonly failure: RecordedFailure | undefined;
  /** Why a child was not taken: it belongs to somebody else. It then counts as absent. */
  readonly refused?: { readonly bootstrap?: string; readonly infrastructure?: string };
  readonly paused: boolean;
  /** What a deletion waits for. */
  readonly deletion?: string;
  readonly now: string;
}

/** Whether an autoscaler, or whoever the annotation names, sizes the pool. */
export const isSizedElsewhere = (pool: KubeObject): boolean =>
  pool.metadata.annotations?.[ANNOTATION.replicasManagedBy] !== undefined;

/** Instances that the infrastructure counts; 0 while it says nothing. */
export function infraReplicas(infrastructure: KubeObject | undefined): number {
  const told = readPath(infrastructure, 'status.replicas');
  return typeof told === 'number' ? told : 0;
}

/** spec.providerIDList of the infrastructure, sorted. */
export function providerIdsOf(infrastructure: KubeObject | undefined): string[] {
  const told = readPath(infrastructure, 'spec.providerIDList');
  return Array.isArray(told) ? told.filter((id): id is string => typeof id === 'string').sort() : [];
}

/** Kind of the objects that stand for single instances; undefined where the infrastructure has none. */
export function infraMachineKind(infrastructure: KubeObject | undefined): string | undefined {
  const kind = readPath(infrastructure, 'status.infrastructureMachineKind');
  return typeof kind === 'string' && kind !== '' ? kind : undefined;
}

const outdatedInstances = (infrastructure: KubeObject | undefined): string[] =>
  (infrastructure?.metadata.annotations?.[ANNOTATION.outdatedInstances] ?? '').split(',');
const instanceOf = (providerID: unknown): string =>
  String(providerID ?? '')
    .split('/')
    .at(-1) ?? '';

/** Condition UpToDate of a pool's Machine; undefined while nobody knows its version. */
export function poolMachineUpToDate(
  pool: MachinePool,
  { spec }: Machine,
  infrastructure: KubeObject | undefined,
): ConditionInput | undefined {
  const wanted = pool.spec.template.spec.version;
  if (spec.version === undefined || spec.providerID === undefined) return undefined;
  const reasons = [
    ...(wanted !== undefined && spec.version !== wanted ? [`Version ${spec.version}, ${wanted} required`] : []),
    ...(outdatedInstances(infrastructure).includes(instanceOf(spec.providerID))
      ? ['its instance is made from an earlier template']
      : []),
  ];
  if (reasons.length === 0) return { type: 'UpToDate', status: 'True', reason: 'UpToDate' };
  return { type: 'UpToDate', status: 'False', reason: 'NotUpToDate', message: reasons.map((r) => `* ${r}`).join('\n') };
}

const conditionsOf = (node: KubeObject): Condition[] => (readPath(node, 'status.conditions') ?? []) as Condition[];
const readySince = (node: KubeObject): number | undefined => {
  const ready = conditionsOf(node).find((c) => c.type === 'Ready' && c.status === 'True');
  return ready ? Date.parse(ready.lastTransitionTime ?? '') || 0 : undefined;
};

interface Counts {
  replicas: number;
  readyReplicas: number;
  availableReplicas: number;
  upToDateReplicas: number;
}

/** Source: capi machinepool_controller_status.go setReplicas. */
function machineCounts(machines: readonly Machine[], replicas: number): Counts {
  const count = (type: string): number =>
    machines.filter((m) => isTrue(m.status?.conditions as Condition[] | undefined, type)).length;
  return {
    replicas,
    readyReplicas: count('Ready'),
    availableReplicas: count('Available'),
    upToDateReplicas: count('UpToDate'),
  };
}

/** A Node counts as available when it is ready for minReadySeconds, as up-to-date when its instance is and its kubelet has the wanted version. */
function countsOf(input: MachinePoolStatusInput): Counts {
  const { pool, infrastructure, nodes, now } = input;
  const replicas = infrastructure ? infraReplicas(infrastructure) : 0;
  if (input.machines) return machineCounts(input.machines, replicas);
  const old = pool.status;
  if (nodes === undefined) {
    const kept = (n: number | undefined): number => Math.min(n ?? 0, replicas);
    return {
      replicas,
      readyReplicas: kept(old?.readyReplicas),
      availableReplicas: kept(old?.availableReplicas),
      upToDateReplicas: kept(old?.upToDateReplicas),
    };
  }
  const { version, minReadySeconds = 0 } = pool.spec.template.spec;
  const outdated = outdatedInstances(infrastructure);
  const ready = nodes.filter((n) => readySince(n) !== undefined);
  const available = ready.filter((n) => Date.parse(now) - (readySince(n) ?? 0) >= minReadySeconds * 1000);
  const upToDate = nodes.filter((n) => {
    const kubelet = readPath(n, 'status.nodeInfo.kubeletVersion');
    const isCurrent = version === undefined || kubelet === undefined || kubelet === version;
    return isCurrent && !outdated.includes(instanceOf(readPath(n, 'spec.providerID')));
  });
  return {
    replicas,
    readyReplicas: ready.length,
    availableReplicas: available.length,
    upToDateReplicas: upToDate.length,
  };
}

/** The whole status of a MachinePool. Source: capi core/reconcilers/machinepool. */
export function machinePoolStatus(input: MachinePoolStatusInput): MachinePoolStatus {
  const { pool, infrastructure, bootstrap, nodes, now } = input;
  const old = pool.status;
  const generation = pool.metadata.generation ?? 1;
  const { configRef, dataSecretName } = pool.spec.template.spec.bootstrap;
  const bootstrapDone =
    old?.initialization?.bootstrapDataSecretCreated === true ||
    (configRef ? isDataSecretCreated(bootstrap) : dataSecretName !== undefined);
  const provisioned = old?.initialization?.infrastructureProvisioned === true || isProvisioned(infrastructure);
  const desired = pool.spec.replicas ?? 1;
  const counts = countsOf(input);
  const blocked = input.failure ? `${input.failure.type}: ${input.failure.message}` : undefined;
  const own: ConditionInput[] = [
    refusal('BootstrapConfigReady', input.refused?.bootstrap) ?? bootstrapCondition(input, bootstrapDone),
    refusal('InfrastructureReady', input.refused?.infrastructure) ?? infrastructureCondition(input, provisioned),
    availableCondition(counts, desired, provisioned),
    counted('MachinesReady', 'Ready', counts.readyReplicas, counts.replicas, 'instances are ready Nodes'),
    counted('MachinesUpToDate', 'UpToDate', counts.upToDateReplicas, counts.replicas, 'instances are up-to-date'),
    ...scalingConditions(desired, counts.replicas, isDeleting(pool), blocked),
    ...(input.machines ? [remediatingCondition(input.machines, 'MachinePool')] : []),
    deletingCondition(pool, [...(blocked ? [blocked] : []), input.deletion ?? 'Deletion started'].join('\n')),
    pausedCondition(input.paused),
  ];
  const kubelets = input.machines?.map((m) => m.spec.version) ?? nodes?.map(kubeletOf);
  const versions = kubelets ? versionsOf(kubelets) : (old?.versions ?? []);
  const nodeRefs = nodes ? nodes.map(nodeRef) : (old?.nodeRefs ?? []);
  return {
    conditions: mergeConditions(old?.conditions as Condition[] | undefined, own, generation, now),
    initialization: {
      ...(bootstrapDone ? { bootstrapDataSecretCreated: true } : {}),
      ...(provisioned ? { infrastructureProvisioned: true } : {}),
    },
    ...counts,
    ...(versions.length > 0 ? { versions } : {}),
    ...(nodeRefs.length > 0 ? { nodeRefs } : {}),
    phase: phaseOf(pool, { bootstrapDone, provisioned, hasNodes: nodeRefs.length > 0, ready: counts.readyReplicas }),
    observedGeneration: generation,
    deprecated: {
      v1beta1: {
        conditions: mergeV1Beta1Conditions(
          readPath(pool, 'status.deprecated.v1beta1.conditions') as V1Beta1Condition[] | undefined,
          legacy(own, counts, desired),
          now,
        ),
        readyReplicas: counts.readyReplicas,
        availableReplicas: counts.availableReplicas,
        unavailableReplicas: Math.max(0, desired - counts.availableReplicas),
        ...failureOf(infrastructure),
      },
    },
  } as MachinePoolStatus;
}

const nodeRef = ({ metadata }: KubeObject) => ({
  kind: 'Node',
  apiVersion: 'v1',
  name: metadata.name,
  ...(metadata.uid ? { uid: metadata.uid } : {}),
});

const kubeletOf = (node: KubeObject): unknown => readPath(node, 'status.nodeInfo.kubeletVersion');

function versionsOf(versions: readonly unknown[]): { version: string; replicas: number }[] {
  const found = new Map<string, number>();
  for (const version of versions) {
    if (typeof version === 'string') found.set(version, (found.get(version) ?? 0) + 1);
  }
  return [...found]
    .sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }))
    .map(([version, replicas]) => ({ version, replicas }));
}

/** What the infrastructure says of a failure: copied, without further effect. */
function failureOf(infrastructure: KubeObject | undefined): { failureReason?: string; failureMessage?: string } {
  const [failureReason, failureMessage] = ['failureReason', 'failureMessage'].map((f) =>
    readPath(infrastructure, `status.${f}`),
  );
  return {
    ...(typeof failureReason === 'string' ? { failureReason } : {}),
    ...(typeof failureMessage === 'string' ? { failureMessage } : {}),
  };
}

interface Progress {
  readonly bootstrapDone: boolean;
  readonly provisioned: boolean;
  readonly hasNodes: boolean;
  readonly ready: number;
}

/** Source: capi machinepool_controller_phases.go reconcilePhase. */
function phaseOf(pool: MachinePool, { bootstrapDone, provisioned, hasNodes, ready }: Progress): MachinePoolPhase {
  if (isDeleting(pool)) return 'Deleting';
  const desired = pool.spec.replicas ?? 1;
  if (!provisioned) return bootstrapDone ? 'Provisioning' : 'Pending';
  if (ready === desired) return 'Running';
  if (!hasNodes) return 'Provisioned';
  if (isSizedElsewhere(pool)) return 'Scaling';
  return ready < desired ? 'ScalingUp' : 'ScalingDown';
}

function bootstrapCondition(input: MachinePoolStatusInput, done: boolean): ConditionInput {
  const type = 'BootstrapConfigReady';
  const { pool, bootstrap, failure } = input;
  const { configRef, dataSecretName } = pool.spec.template.spec.bootstrap;
  if (!configRef)
    return dataSecretName !== undefined
      ? { type, status: 'True', reason: 'DataSecretProvided' }
      : { type, status: 'False', reason: 'NotReady', message: 'bootstrap.dataSecretName is not set' };
  if (!bootstrap)
    return {
      type,
      status: 'False',
      reason: done ? 'ObjectDeleted' : 'ObjectDoesNotExist',
      message: `${configRef.kind} ${configRef.name} does not exist`,
    };
  if (isDataSecretCreated(bootstrap)) return { type, status: 'True', reason: 'Ready' };
  const ready = readyConditionOf(bootstrap);
  const unread = !failure && ready && invalidCondition(type, bootstrap, ready);
  if (unread) return unread;
  const said = failure?.message ?? ready?.message;
  return { type, status: 'False', reason: 'NotReady', message: said || `${bootstrap.kind} has no bootstrap data yet` };
}

function infrastructureCondition(input: MachinePoolStatusInput, provisioned: boolean): ConditionInput {
  const type = 'InfrastructureReady';
  const { pool, infrastructure, failure } = input;
  const ref = pool.spec.template.spec.infrastructureRef;
  const not = (message: string): ConditionInput => ({ type, status: 'False', reason: 'NotReady', message });
  if (!infrastructure)
    return {
      type,
      status: 'False',
      reason: provisioned ? 'ObjectDeleted' : 'ObjectDoesNotExist',
      message: `${ref.kind} ${ref.name} does not exist`,
    };
  if (failure) return not(`${failure.type}: ${failure.message}`);
  const ready = readyConditionOf(infrastructure);
  const unread = ready && invalidCondition(type, infrastructure, ready);
  if (unread) return unread;
  if (ready && ready.status !== 'True') return not(ready.message || ready.reason || `${ref.kind} is not ready`);
  return isProvisioned(infrastructure)
    ? { type, status: 'True', reason: 'Ready' }
    : not(`${ref.kind} is not provisioned yet`);
}

function availableCondition(counts: Counts, desired: number, provisioned: boolean): ConditionInput {
  const type = 'Available';
  if (provisioned && counts.availableReplicas >= desired) return { type, status: 'True', reason: 'Available' };
  const message = `${counts.availableReplicas} available replicas, at least ${desired} required`;
  return { type, status: 'False', reason: 'NotAvailable', message };
}

function counted(type: string, good: string, count: number, of: number, what: string): ConditionInput {
  if (of === 0) return { type, status: 'True', reason: 'NoReplicas' };
  return count >= of
    ? { type, status: 'True', reason: good }
    : { type, status: 'False', reason: `Not${good}`, message: `${count} of ${of} ${what}` };
}

function legacy(own: readonly ConditionInput[], counts: Counts, desired: number): V1Beta1Input[] {
  const map = (source: string, type: string): V1Beta1Input => {
    const c = own.find((x) => x.type === source);
    return c?.status === 'True'
      ? { type, status: 'True' }
      : { type, status: 'False', severity: 'Info', reason: c?.reason ?? 'Unknown', message: c?.message ?? '' };
  };
  const replicas: V1Beta1Input =
    counts.readyReplicas === desired
      ? { type: 'ReplicasReady', status: 'True' }
      : { type: 'ReplicasReady', status: 'False', severity: 'Info', reason: 'WaitingForReplicasReady' };
  const list = [
    map('BootstrapConfigReady', 'BootstrapReady'),
    map('InfrastructureReady', 'InfrastructureReady'),
    replicas,
  ];
  const bad = list.find((c) => c.status !== 'True');
  return [...list, bad ? { ...bad, type: 'Ready' } : { type: 'Ready', status: 'True' }];
}
