import type {
  Cluster,
  ClusterStatus,
  KubeadmControlPlane,
  Machine,
  MachineDeployment,
  MachinePool,
  MachineSet,
} from '../../api/types/index.js';
import type { Condition, KubeObject, V1Beta1Condition } from '../../api/types/meta.js';
import {
  aggregate,
  type ConditionInput,
  findCondition,
  invalidCondition,
  mergeConditions,
  mergeV1Beta1Conditions,
  refusal,
  summarize,
  type V1Beta1Input,
} from '../conditions.js';
import {
  controllerOf,
  endpointOf,
  failureDomainsOf,
  isControlPlaneInitialized,
  isControlPlaneMachine,
  isDeleting,
  isProvisioned,
  readPath,
  readyConditionOf,
} from '../contract.js';
import type { RecordedFailure } from '../facts.js';
import { remediatingCondition } from './remediating.js';
import { counters, pausedCondition, versionsIn } from './replicas.js';

/** Everything a Cluster's status is made of. */
export interface ClusterStatusInput {
  readonly cluster: Cluster;
  readonly infrastructure: KubeObject | undefined;
  readonly controlPlane: KubeObject | undefined;
  readonly deployments: readonly MachineDeployment[];
  readonly pools?: readonly MachinePool[];
  /** Those without a deployment. */
  readonly sets?: readonly MachineSet[];
  readonly machines: readonly Machine[];
  readonly failure: RecordedFailure | undefined;
  /** Why a child was not taken: it belongs to somebody else. It then counts as absent. */
  readonly refused?: { readonly infrastructure?: string; readonly controlPlane?: string };
  readonly paused: boolean;
  /** What a deletion waits for. */
  readonly deletion?: { readonly reason: string; readonly message: string };
  /** Undefined before the first connection could be tried. */
  readonly connection?: { readonly ok: boolean; readonly message: string };
  readonly now: string;
}

/** The whole status of a Cluster. Source: capi core/reconcilers/cluster/cluster_controller_status.go. */
export function clusterStatus(input: ClusterStatusInput): ClusterStatus {
  const { cluster, infrastructure, controlPlane, machines, deployments, pools = [], sets = [], now } = input;
  const old = cluster.status;
  const generation = cluster.metadata.generation ?? 1;
  const provisioned =
    old?.initialization?.infrastructureProvisioned === true ||
    !cluster.spec.infrastructureRef ||
    isProvisioned(infrastructure);
  const cpMachines = machines.filter(isControlPlaneMachine);
  const initialized =
    old?.initialization?.controlPlaneInitialized === true ||
    isControlPlaneInitialized(controlPlane) ||
    // a control plane of machines made by hand has nobody else to say so
    (!cluster.spec.controlPlaneRef && cpMachines.some((m) => m.status?.nodeRef !== undefined));
  const workers = machines.filter((m) => !isControlPlaneMachine(m));
  const own: ConditionInput[] = [
    refusal('InfrastructureReady', input.refused?.infrastructure) ??
      infrastructureCondition(cluster, infrastructure, provisioned, input.failure),
    controlPlaneInitialized(cluster, controlPlane, initialized),
    refusal('ControlPlaneAvailable', input.refused?.controlPlane) ??
      controlPlaneAvailable(cluster, controlPlane, initialized),
    workersAvailable(deployments, pools, workers),
    ...machineGroup('ControlPlane', cpMachines),
    ...machineGroup('Worker', workers),
    connectionCondition(input),
    rollup('RollingOut', [controlPlane, ...pools], deployments),
    rollup('ScalingUp', [controlPlane], [...deployments, ...pools, ...sets]),
    rollup('ScalingDown', [controlPlane], [...deployments, ...pools, ...sets]),
    remediatingCondition(machines),
    deletingCondition(cluster, input.deletion, input.failure),
    pausedCondition(input.paused),
  ];
  const gates = (cluster.spec.availabilityGates ?? []).map((g) => g.conditionType);
  const foreign = ((old?.conditions ?? []) as Condition[]).filter((c) => !own.some((o) => o.type === c.type));
  own.push(
    summarize('Available', [...own, ...foreign], {
      positive: ['RemoteConnectionProbe', 'InfrastructureReady', 'ControlPlaneAvailable', 'WorkersAvailable', ...gates],
      negative: ['Deleting'],
      trueReason: 'Available',
      falseReason: 'NotAvailable',
      unknownReason: 'AvailableUnknown',
    }),
  );
  const domains = failureDomainsOf(infrastructure);
  return {
    conditions: mergeConditions(old?.conditions as Condition[] | undefined, own, generation, now),
    initialization: {
      ...(provisioned ? { infrastructureProvisioned: true } : {}),
      ...(initialized ? { controlPlaneInitialized: true } : {}),
    },
    controlPlane: {
      desiredReplicas: cluster.spec.controlPlaneRef ? replicasOf(controlPlane) : cpMachines.length,
      ...counters(cpMachines),
      ...versionsIn(cpMachines),
    },
    workers: {
      desiredReplicas: desiredWorkers([...deployments, ...pools, ...sets], workers),
      ...withPools(counters(workers.filter(countsItself)), pools),
      ...versionsIn(workers.filter(countsItself), pools),
    },
    ...(domains.length > 0
      ? { failureDomains: domains }
      : old?.failureDomains
        ? { failureDomains: old.failureDomains }
        : {}),
    phase: phaseOf(cluster, provisioned),
    observedGeneration: generation,
    deprecated: { v1beta1: { conditions: legacy(input, own) } },
  } as ClusterStatus;
}

/** A Machine of a pool is one of the instances that its pool counts. */
const countsItself = (machine: Machine): boolean => controllerOf(machine)?.kind !== 'MachinePool';

/** Counters of Machines with the instances of pools. */
function withPools<C extends ReturnType<typeof counters>>(machines: C, pools: readonly MachinePool[]): C {
  const sum = (field: keyof ReturnType<typeof counters>): number =>
    pools.reduce((n, pool) => n + (pool.status?.[field] ?? 0), machines[field]);
  return {
    ...machines,
    replicas: sum('replicas'),
    readyReplicas: sum('readyReplicas'),
    availableReplicas: sum('availableReplicas'),
    upToDateReplicas: sum('upToDateReplicas'),
  };
}

/** What sets, pools and deployments want, and each machine made by hand. */
function desiredWorkers(
  owners: readonly (MachineDeployment | MachinePool | MachineSet)[],
  workers: readonly Machine[],
): number {
  const wanted = owners.reduce((n, o) => n + (o.spec.replicas ?? 1), 0);
  return wanted + workers.filter((m) => !controllerOf(m)).length;
}

const replicasOf = (controlPlane: KubeObject | undefined): number =>
  (controlPlane as KubeadmControlPlane | undefined)?.spec?.replicas ?? (controlPlane ? 1 : 0);

function phaseOf(cluster: Cluster, provisioned: boolean): 'Pending' | 'Provisioning' | 'Provisioned' | 'Deleting' {
  if (isDeleting(cluster)) return 'Deleting';
  if (provisioned && endpointOf(cluster)) return 'Provisioned';
  return cluster.spec.infrastructureRef || cluster.spec.controlPlaneRef ? 'Provisioning' : 'Pending';
}

function infrastructureCondition(
  cluster: Cluster,
  infra: KubeObject | undefined,
  provisioned: boolean,
  failure: RecordedFailure | undefined,
): ConditionInput {
  const type = 'InfrastructureReady';
  if (!cluster.spec.infrastructureRef)
    return { type, status: 'True', reason: 'Ready', message: 'spec.infrastructureRef is not set' };
  if (!infra)
    return {
      type,
      status: 'False',
      reason: provisioned ? 'ObjectDeleted' : 'ObjectDoesNotExist',
      message: `${cluster.spec.infrastructureRef.kind} ${cluster.spec.infrastructureRef.name} does not exist`,
    };
  if (failure) return { type, status: 'False', reason: failure.type, message: failure.message };
  const ready = readyConditionOf(infra);
  const unread = ready && invalidCondition(type, infra, ready);
  if (unread) return unread;
  if (ready && ready.status !== 'True')
    return {
      type,
      status: 'False',
      reason: 'NotReady',
      message: ready.message || ready.reason || `${infra.kind} is not ready`,
    };
  return isProvisioned(infra)
    ? { type, status: 'True', reason: 'Ready' }
    : { type, status: 'False', reason: 'NotReady', message: `${infra.kind} is not provisioned yet` };
}

const FIRST_MACHINE = 'Waiting for the first control plane machine to have status.nodeRef set';

function controlPlaneInitialized(
  cluster: Cluster,
  controlPlane: KubeObject | undefined,
  initialized: boolean,
): ConditionInput {
  const type = 'ControlPlaneInitialized';
  if (initialized) return { type, status: 'True', reason: 'Initialized' };
  const ref = cluster.spec.controlPlaneRef;
  if (ref && !controlPlane)
    return { type, status: 'Unknown', reason: 'ObjectDoesNotExist', message: `${ref.kind} ${ref.name} does not exist` };
  return {
    type,
    status: 'False',
    reason: 'NotInitialized',
    message: ref ? 'Control plane not yet initialized' : FIRST_MACHINE,
  };
}

function controlPlaneAvailable(
  cluster: Cluster,
  controlPlane: KubeObject | undefined,
  initialized: boolean,
): ConditionInput {
  const type = 'ControlPlaneAvailable';
  const ref = cluster.spec.controlPlaneRef;
  if (!ref && initialized) return { type, status: 'True', reason: 'Available' };
  if (!ref) return { type, status: 'False', reason: 'NotAvailable', message: FIRST_MACHINE };
  if (!controlPlane)
    return {
      type,
      status: 'False',
      reason: initialized ? 'ObjectDeleted' : 'ObjectDoesNotExist',
      message: `${ref.kind} ${ref.name} does not exist`,
    };
  const available = findCondition((readPath(controlPlane, 'status.conditions') ?? []) as Condition[], 'Available');
  const unread = available && invalidCondition(type, controlPlane, available);
  if (unread) return unread;
  if (available)
    return {
      type,
      status: available.status,
      reason: available.status === 'True' ? 'Available' : 'NotAvailable',
      message: available.status === 'True' ? '' : available.message || available.reason,
    };
  return isControlPlaneInitialized(controlPlane)
    ? { type, status: 'True', reason: 'Available' }
    : { type, status: 'False', reason: 'NotAvailable', message: 'Control plane not yet initialized' };
}

function workersAvailable(
  deployments: readonly MachineDeployment[],
  pools: readonly MachinePool[],
  workers: readonly Machine[],
): ConditionInput {
  const type = 'WorkersAvailable';
  if (deployments.length + pools.length === 0)
    return workers.length === 0
      ? { type, status: 'True', reason: 'NoWorkers' }
      : { type, status: 'True', reason: 'Available' };
  const view = [...deployments, ...pools].map((d) => ({
    name: d.metadata.name,
    conditions: d.status?.conditions as Condition[] | undefined,
  }));
  return aggregate(type, view, {
    source: 'Available',
    trueReason: 'Available',
    falseReason: 'NotAvailable',
    unknownReason: 'AvailableUnknown',
    emptyReason: 'NoWorkers',
    noun: pools.length === 0 ? 'MachineDeployment' : deployments.length === 0 ? 'MachinePool' : 'object',
  });
}

function machineGroup(prefix: 'ControlPlane' | 'Worker', machines: readonly Machine[]): ConditionInput[] {
  const view = machines.map((m) => ({
    name: m.metadata.name,
    conditions: m.status?.conditions as Condition[] | undefined,
  }));
  return ['Ready', 'UpToDate'].map((good) =>
    aggregate(`${prefix}Machines${good}`, view, {
      source: good,
      trueReason: good,
      falseReason: `Not${good}`,
      unknownReason: `${good}Unknown`,
      emptyReason: 'NoReplicas',
      noun: 'Machine',
    }),
  );
}

function connectionCondition(input: ClusterStatusInput): ConditionInput {
  const type = 'RemoteConnectionProbe';
  if (!input.connection)
    return { type, status: 'False', reason: 'ProbeFailed', message: 'Remote connection not established yet' };
  return input.connection.ok
    ? { type, status: 'True', reason: 'ProbeSucceeded' }
    : { type, status: 'False', reason: 'ProbeFailed', message: input.connection.message };
}

/** Whether the control plane or any of the workers says so. `optional`: those that need not report it at all, as the control plane by its contract. */
function rollup(
  type: 'RollingOut' | 'ScalingUp' | 'ScalingDown',
  optional: readonly (KubeObject | undefined)[],
  workers: readonly (MachineDeployment | MachinePool | MachineSet)[],
): ConditionInput {
  const said = (o: KubeObject): Condition | undefined =>
    findCondition((readPath(o, 'status.conditions') ?? []) as Condition[], type);
  const reporting = optional.flatMap((o) => (o && said(o) ? [o] : []));
  const lines = (status: 'True' | 'Unknown'): string[] =>
    [...reporting, ...workers].flatMap((o) => {
      const c = said(o);
      if ((c?.status ?? 'Unknown') !== status) return [];
      return [`* ${o.kind} ${o.metadata.name}: ${c ? c.message || c.reason : `Condition ${type} not yet reported`}`];
    });
  const active = lines('True');
  if (active.length > 0) return { type, status: 'True', reason: type, message: active.join('\n') };
  const unknown = lines('Unknown');
  return unknown.length > 0
    ? { type, status: 'Unknown', reason: `${type}Unknown`, message: unknown.join('\n') }
    : { type, status: 'False', reason: `Not${type}` };
}

function deletingCondition(
  cluster: Cluster,
  deletion: ClusterStatusInput['deletion'],
  failure: RecordedFailure | undefined,
): ConditionInput {
  if (!isDeleting(cluster)) return { type: 'Deleting', status: 'False', reason: 'NotDeleting' };
  return {
    type: 'Deleting',
    status: 'True',
    reason: deletion?.reason ?? 'WaitingForWorkersDeletion',
    message: [
      ...(failure ? [`${failure.type}: ${failure.message}`] : []),
      deletion?.message ?? 'Deletion started',
    ].join('\n'),
  };
}

function legacy(input: ClusterStatusInput, own: readonly ConditionInput[]): V1Beta1Condition[] {
  const map = (source: string, type: string): V1Beta1Input => {
    const c = own.find((x) => x.type === source);
    return c?.status === 'True'
      ? { type, status: 'True' }
      : { type, status: 'False', severity: 'Info', reason: c?.reason ?? 'Unknown', message: c?.message ?? '' };
  };
  const infra = map('InfrastructureReady', 'InfrastructureReady');
  const cp = map('ControlPlaneAvailable', 'ControlPlaneReady');
  const ready: V1Beta1Input =
    infra.status === 'True' && cp.status === 'True'
      ? { type: 'Ready', status: 'True' }
      : { ...(infra.status === 'True' ? cp : infra), type: 'Ready' };
  return mergeV1Beta1Conditions(
    readPath(input.cluster, 'status.deprecated.v1beta1.conditions') as V1Beta1Condition[] | undefined,
    [infra, map('ControlPlaneInitialized', 'ControlPlaneInitialized'), cp, ready],
    input.now,
  );
}
