import type { MachineHealthCheckSpec } from '../../api/types/index.js';
import type { Condition } from '../../api/types/meta.js';
import { findCondition, isTrue } from '../conditions.js';
import { formatSeconds } from '../go-duration.js';

/** A condition of a Node as far as a health check looks at it. */
export interface NodeCondition {
  readonly type: string;
  readonly status: string;
  /** RFC 3339. */
  readonly lastTransitionTime?: string;
}

/** A Machine as a health check sees it. */
export interface HealthTarget {
  readonly name: string;
  readonly controlPlane: boolean;
  readonly deleting: boolean;
  /** Annotated `cluster.x-k8s.io/remediate-machine`. */
  readonly remediate: boolean;
  /** RFC 3339. */
  readonly createdAt: string;
  readonly conditions: readonly Condition[];
  /** Name of the Node it had or has, by status.nodeRef. */
  readonly nodeName?: string;
  /** What the workload cluster says of that Node; `missing` when it is gone. Undefined: none yet, or the cluster has not been asked. */
  readonly node?: readonly NodeCondition[] | 'missing';
}

/** What is checked of a target, and the conditions of its Cluster. */
export interface TargetRules {
  readonly checks: MachineHealthCheckSpec['checks'];
  readonly cluster: readonly Condition[];
}

export type UnhealthyReason =
  | 'HasRemediateAnnotation'
  | 'UnhealthyMachine'
  | 'UnhealthyNode'
  | 'NodeDeleted'
  | 'NodeStartupTimeout';

/**
 * `pending`: about to fail, at the earliest at `nextCheckMs` (milliseconds since the epoch). `unknown`: nothing to say yet; a change of the Machine
 * or its Cluster will tell. Both count as not healthy.
 */
export type Assessment =
  | { readonly health: 'healthy' }
  | { readonly health: 'unhealthy'; readonly reason: UnhealthyReason; readonly message: string }
  | { readonly health: 'pending'; readonly nextCheckMs: number }
  | { readonly health: 'unknown' };

const DEFAULT_STARTUP_SECONDS = 600;
/** A timeout has passed when it is over, not when it is reached: times have whole seconds. */
const AFTER_MS = 1_000;
const FAILED = 'Health check failed: ';

interface Findings {
  readonly messages: readonly string[];
  readonly nextChecksMs: readonly number[];
}

/** How healthy one Machine is at `nowMs`. Pure. Source: capi machinehealthcheck needsRemediation, in its order. */
export function assessTarget(target: HealthTarget, rules: TargetRules, nowMs: number): Assessment {
  if (target.remediate)
    return unhealthy('HasRemediateAnnotation', [
      'marked for remediation via cluster.x-k8s.io/remediate-machine annotation',
    ]);
  const initialized = isTrue(rules.cluster, 'ControlPlaneInitialized');
  if (!initialized && !target.controlPlane) return { health: 'unknown' };
  if (!isTrue(rules.cluster, 'InfrastructureReady')) return { health: 'unknown' };

  const machine = inspect('Machine', rules.checks?.unhealthyMachineConditions, target.conditions, nowMs);
  if (target.node === 'missing')
    return failed('NodeDeleted', [`Node ${target.nodeName ?? ''} has been deleted`], machine.messages);
  if (target.node === undefined) return assessStartup(target, rules, machine, nowMs);

  const node = inspect('Node', rules.checks?.unhealthyNodeConditions, target.node, nowMs);
  if (node.messages.length > 0 || machine.messages.length > 0)
    return failed('UnhealthyNode', node.messages, machine.messages);
  const next = [...machine.nextChecksMs, ...node.nextChecksMs];
  if (next.length > 0) return { health: 'pending', nextCheckMs: Math.min(...next) };
  return target.deleting ? { health: 'unknown' } : { health: 'healthy' };
}

/** A Machine without Node: it has until the startup timeout, counted from when nothing was in its way any more. */
function assessStartup(target: HealthTarget, rules: TargetRules, machine: Findings, nowMs: number): Assessment {
  if (machine.messages.length > 0) return unhealthy('UnhealthyMachine', machine.messages);
  const timeout = rules.checks?.nodeStartupTimeoutSeconds ?? DEFAULT_STARTUP_SECONDS;
  const next = [...machine.nextChecksMs];
  if (timeout > 0) {
    const expiresMs = startupBaseMs(target, rules) + timeout * 1_000;
    if (expiresMs < nowMs)
      return unhealthy('NodeStartupTimeout', [`Node failed to report startup in ${formatSeconds(timeout)}`]);
    next.push(expiresMs + AFTER_MS);
  }
  return next.length > 0 ? { health: 'pending', nextCheckMs: Math.min(...next) } : { health: 'unknown' };
}

function startupBaseMs(target: HealthTarget, rules: TargetRules): number {
  const times = [
    trueSinceMs(rules.cluster, 'ControlPlaneInitialized'),
    trueSinceMs(rules.cluster, 'InfrastructureReady'),
    trueSinceMs(target.conditions, 'InfrastructureReady'),
    timeMs(target.createdAt),
  ];
  return Math.max(...times);
}

function trueSinceMs(conditions: readonly Condition[], type: string): number {
  const found = findCondition(conditions, type);
  return found?.status === 'True' ? timeMs(found.lastTransitionTime) : 0;
}

/** What of `conditions` is in an unhealthy state for too long, and when the rest will be. */
function inspect(
  where: 'Machine' | 'Node',
  checks: readonly { type: string; status: string; timeoutSeconds: number }[] | undefined,
  conditions: readonly NodeCondition[],
  nowMs: number,
): Findings {
  const messages: string[] = [];
  const nextChecksMs: number[] = [];
  for (const { type, status, timeoutSeconds } of checks ?? []) {
    const found = findCondition(conditions, type);
    if (found?.status !== status) continue;
    const expiresMs = timeMs(found.lastTransitionTime) + timeoutSeconds * 1_000;
    if (expiresMs < nowMs) {
      messages.push(
        `Condition ${type} on ${where} is reporting status ${status} for more than ${formatSeconds(timeoutSeconds)}`,
      );
    } else nextChecksMs.push(expiresMs + AFTER_MS);
  }
  return { messages, nextChecksMs };
}

/** A time that is not written is long ago. */
function timeMs(time: string | undefined): number {
  const parsed = Date.parse(time ?? '');
  return Number.isNaN(parsed) ? 0 : parsed;
}

/** Conditions of the Machine decide the reason where both speak, as upstream. */
function failed(reason: UnhealthyReason, own: readonly string[], machine: readonly string[]): Assessment {
  return unhealthy(machine.length > 0 ? 'UnhealthyMachine' : reason, [...own, ...machine]);
}

function unhealthy(reason: UnhealthyReason, messages: readonly string[]): Assessment {
  return { health: 'unhealthy', reason, message: `${FAILED}${messages.join('; ')}` };
}
