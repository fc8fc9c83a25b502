import type { Machine, MachineStatus } from '../../api/types/index.js';
import type { Condition, KubeObject, V1Beta1Condition } from '../../api/types/meta.js';
import {
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
  isControlPlaneMachine,
  isDataSecretCreated,
  isDeleting,
  isProvisioned,
  readPath,
  readyConditionOf,
} from '../contract.js';
import { deletionSummary, legacyDeletion } from '../drain/summary.js';
import type { RecordedFailure } from '../facts.js';
import { certificatesExpiryOf } from '../upkeep/certificates.js';
import { legacyHealth } from './legacy-health.js';
import { bothNodeConditions, keptNodeConditions, type NodeView, nodeConditions } from './node.js';

/** Everything a Machine's status is made of. */
export interface MachineStatusInput {
  readonly machine: Machine;
  readonly infrastructure: KubeObject | undefined;
  readonly bootstrap: KubeObject | undefined;
  readonly node: NodeView | undefined;
  /** Why the workload cluster could not be asked; a node that was seen before is then Unknown, never absent. */
  readonly connectionError?: string;
  /** The connection broke only just now: what was last seen of the Node stands. */
  readonly held?: boolean;
  readonly failure: RecordedFailure | undefined;
  /** Why a child was not taken: it belongs to somebody else. It then counts as absent. */
  readonly refused?: { readonly bootstrap?: string; readonly infrastructure?: string };
  readonly paused: boolean;
  /** Why there is no Node yet, as far as the instance tells. */
  readonly nodeHint?: string;
  /** What a deletion waits for, when deleting. */
  readonly deletion?: { readonly reason: string; readonly message: string };
  readonly now: string;
}

/** Machine.status.phase; Failed is never set, as upstream. */
export type MachinePhase = 'Pending' | 'Provisioning' | 'Provisioned' | 'Running' | 'Deleting' | 'Failed';

/**
 * The whole status of a Machine that its lane owns, from what was read. Conditions owned by others (UpToDate, control-plane component
 * health) are not in it; server-side apply keeps them. Source: capi core/reconcilers/machine/machine_controller_status.go.
 */
export function machineStatus(input: MachineStatusInput): MachineStatus {
  const { machine, infrastructure, bootstrap, node, now } = input;
  const old = machine.status;
  const generation = machine.metadata.generation ?? 1;
  const bootstrapDone = machine.spec.bootstrap.dataSecretName !== undefined;
  const provisioned =
    old?.initialization?.infrastructureProvisioned === true ||
    (isProvisioned(infrastructure) && machine.spec.providerID !== undefined);
  const nodeName = node?.name ?? old?.nodeRef?.name;
  const own: ConditionInput[] = [
    refusal('BootstrapConfigReady', input.refused?.bootstrap) ?? bootstrapCondition(machine, bootstrap, input.failure),
    refusal('InfrastructureReady', input.refused?.infrastructure) ??
      infrastructureCondition(infrastructure, provisioned, input.failure),
    ...ofNode(input, nodeName),
    deletingCondition(machine, input.deletion, input.failure),
    { type: 'Updating', status: 'False', reason: 'NotUpdating' },
    input.paused
      ? { type: 'Paused', status: 'True', reason: 'Paused' }
      : { type: 'Paused', status: 'False', reason: 'NotPaused' },
  ];
  const others = ((old?.conditions ?? []) as Condition[]).filter((c) => !own.some((o) => o.type === c.type));
  const gates = (machine.spec.readinessGates ?? []).map((g) => g.conditionType);
  const summed = own.map((c) => (c.type === 'Deleting' ? { ...c, message: deletionSummary(machine, c, now) } : c));
  const ready = summarize('Ready', [...summed, ...others], {
    positive: ['BootstrapConfigReady', 'InfrastructureReady', 'NodeHealthy', 'HealthCheckSucceeded', ...gates],
    negative: ['Deleting', 'Updating'],
    ignoreIfMissing: ['HealthCheckSucceeded'],
    trueReason: 'Ready',
    falseReason: 'NotReady',
    unknownReason: 'ReadyUnknown',
  });
  own.push(ready);
  const withReady = mergeConditions(old?.conditions as Condition[] | undefined, own, generation, now);
  own.push(availableCondition(machine, findCondition(withReady, 'Ready'), now));
  const conditions = mergeConditions(old?.conditions as Condition[] | undefined, own, generation, now);
  const addresses = readPath(infrastructure, 'status.addresses') as MachineStatus['addresses'] | undefined;
  const phase = machinePhase(machine, bootstrapDone, provisioned, nodeName);
  const failureDomain = (readPath(infrastructure, 'status.failureDomain') ??
    readPath(infrastructure, 'spec.failureDomain') ??
    old?.failureDomain) as string | undefined;
  const certificatesExpiryDate = isControlPlaneMachine(machine) ? certificatesExpiryOf(machine, bootstrap) : undefined;
  return {
    conditions,
    initialization: {
      ...(bootstrapDone || isDataSecretCreated(bootstrap) ? { bootstrapDataSecretCreated: true } : {}),
      ...(provisioned ? { infrastructureProvisioned: true } : {}),
    },
    ...(nodeName ? { nodeRef: { name: nodeName } } : {}),
    ...(node?.nodeInfo ? { nodeInfo: node.nodeInfo } : old?.nodeInfo ? { nodeInfo: old.nodeInfo } : {}),
    ...(addresses && addresses.length > 0 ? { addresses } : old?.addresses ? { addresses: old.addresses } : {}),
    ...(failureDomain ? { failureDomain } : {}),
    ...(certificatesExpiryDate ? { certificatesExpiryDate } : {}),
    phase,
    lastUpdated: old?.phase === phase && old?.lastUpdated ? old.lastUpdated : now,
    observedGeneration: generation,
    deprecated: { v1beta1: { conditions: legacyConditions(machine, own, ready, others, now) } },
  } as MachineStatus;
}

function machinePhase(
  machine: Machine,
  bootstrapDone: boolean,
  provisioned: boolean,
  node: string | undefined,
): MachinePhase {
  if (isDeleting(machine)) return 'Deleting';
  if (node && provisioned) return 'Running';
  if (provisioned) return 'Provisioned';
  return bootstrapDone ? 'Provisioning' : 'Pending';
}

function failed(failure: RecordedFailure | undefined): ConditionInput | undefined {
  return failure ? { type: '', status: 'False', reason: failure.type, message: failure.message } : undefined;
}

function bootstrapCondition(
  machine: Machine,
  config: KubeObject | undefined,
  failure: RecordedFailure | undefined,
): ConditionInput {
  const type = 'BootstrapConfigReady';
  if (!machine.spec.bootstrap.configRef) {
    return machine.spec.bootstrap.dataSecretName !== undefined
      ? { type, status: 'True', reason: 'DataSecretProvided' }
      : { type, status: 'False', reason: 'NotReady', message: 'spec.bootstrap.dataSecretName is not set' };
  }
  if (machine.spec.bootstrap.dataSecretName !== undefined) return { type, status: 'True', reason: 'Ready' };
  if (!config)
    return {
      type,
      status: 'False',
      reason: isDeleting(machine) ? 'ObjectDeleted' : 'ObjectDoesNotExist',
      message: `${machine.spec.bootstrap.configRef.kind} ${machine.spec.bootstrap.configRef.name} does not exist`,
    };
  const problem = failed(failure);
  if (problem) return { ...problem, type };
  const ready = readyConditionOf(config);
  const unread = ready && invalidCondition(type, config, ready);
  if (unread) return unread;
  return {
    type,
    status: 'False',
    reason: 'NotReady',
    message: ready?.message || `${config.kind} has no bootstrap data yet`,
  };
}

function infrastructureCondition(
  infra: KubeObject | undefined,
  provisioned: boolean,
  failure: RecordedFailure | undefined,
): ConditionInput {
  const type = 'InfrastructureReady';
  if (!infra)
    return {
      type,
      status: 'False',
      reason: provisioned ? 'ObjectDeleted' : 'ObjectDoesNotExist',
      message: 'the infrastructure machine does not exist',
    };
  const problem = failed(failure);
  if (problem) return { ...problem, type };
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
  return provisioned || isProvisioned(infra)
    ? { type, status: 'True', reason: 'Ready' }
    : {
        type,
        status: 'False',
        reason: 'NotReady',
        message: `${infra.kind} status.initialization.provisioned is false`,
      };
}

function ofNode(input: MachineStatusInput, nodeName: string | undefined): readonly ConditionInput[] {
  const { machine, node, nodeHint } = input;
  if (input.connectionError && nodeName) {
    const kept = input.held ? keptNodeConditions(machine.status?.conditions as Condition[] | undefined) : undefined;
    return kept ?? bothNodeConditions('Unknown', 'ConnectionDown', input.connectionError);
  }
  if (node) return nodeConditions(node);
  if (nodeName) {
    const gone = `Node ${nodeName} has been deleted`;
    const message = isDeleting(machine) ? gone : `${gone} while the Machine still exists`;
    return bothNodeConditions('False', 'NodeDeleted', message);
  }
  if (isDeleting(machine)) return bothNodeConditions('Unknown', 'NodeDoesNotExist', 'Node does not exist');
  const message = machine.spec.providerID
    ? `Waiting for a Node with spec.providerID ${machine.spec.providerID} to exist`
    : `Waiting for ${machine.spec.infrastructureRef.kind} to report spec.providerID`;
  return bothNodeConditions('Unknown', 'InspectionFailed', nodeHint ? `${message}: ${nodeHint}` : message);
}

function deletingCondition(
  machine: Machine,
  deletion: MachineStatusInput['deletion'],
  failure: RecordedFailure | undefined,
): ConditionInput {
  const type = 'Deleting';
  if (!isDeleting(machine)) return { type, status: 'False', reason: 'NotDeleting' };
  if (deletion) return { type, status: 'True', ...deletion };
  // a look in between two stages, or of another run, knows no better than the last one
  const known = findCondition(machine.status?.conditions as Condition[] | undefined, type);
  const old = known?.status === 'True' ? known : undefined;
  if (failure) {
    const reason = failure.type === 'Bug' ? 'InternalError' : (old?.reason ?? 'Deleting');
    return { type, status: 'True', reason, message: `${failure.type}: ${failure.message}` };
  }
  return { type, status: 'True', reason: old?.reason ?? 'Deleting', message: old?.message ?? 'Deletion started' };
}

/** Seconds until minReadySeconds have passed since Ready turned True; 0 when available or not ready. */
export function availableInSeconds(machine: Machine, ready: Condition | undefined, now: string): number {
  if (ready?.status !== 'True') return 0;
  const min = machine.spec.minReadySeconds ?? 0;
  const since = (Date.parse(now) - Date.parse(ready.lastTransitionTime)) / 1000;
  return Math.max(0, Math.ceil(min - since));
}

function availableCondition(machine: Machine, ready: Condition | undefined, now: string): ConditionInput {
  if (ready?.status !== 'True') return { type: 'Available', status: 'False', reason: 'NotReady' };
  return availableInSeconds(machine, ready, now) > 0
    ? { type: 'Available', status: 'False', reason: 'WaitingForMinReadySeconds' }
    : { type: 'Available', status: 'True', reason: 'Available' };
}

function legacyConditions(
  machine: Machine,
  own: readonly ConditionInput[],
  ready: ConditionInput,
  others: readonly Condition[],
  now: string,
): V1Beta1Condition[] {
  const of = (type: string): ConditionInput | undefined => own.find((c) => c.type === type);
  const map = (source: string, type: string): V1Beta1Input => {
    const c = of(source);
    if (c?.status === 'True') return { type, status: 'True' };
    return {
      type,
      status: c?.status ?? 'Unknown',
      severity: c?.reason === 'NotReady' || c?.reason === 'ObjectDoesNotExist' ? 'Info' : 'Error',
      reason: c?.reason ?? 'Unknown',
      message: c?.message ?? '',
    };
  };
  const wanted: V1Beta1Input[] = [
    map('BootstrapConfigReady', 'BootstrapReady'),
    map('InfrastructureReady', 'InfrastructureReady'),
    map('NodeHealthy', 'NodeHealthy'),
    ...legacyHealth(others),
    ...legacyDeletion(machine, of('Deleting')),
  ];
  wanted.push(
    ready.status === 'True'
      ? { type: 'Ready', status: 'True' }
      : {
          type: 'Ready',
          status: 'False',
          severity: 'Info',
          reason: ready.reason,
          ...(ready.message ? { message: ready.message } : {}),
        },
  );
  const previous = readPath(machine, 'status.deprecated.v1beta1.conditions') as V1Beta1Condition[] | undefined;
  return mergeV1Beta1Conditions(previous, wanted, now);
}
