import type { MachineHealthCheckSpec } from '../../api/types/index.js';
import type { Condition } from '../../api/types/meta.js';
import { type ConditionInput, findCondition } from '../conditions.js';
import { judgeLimits } from './limits.js';
import { type Assessment, assessTarget, type HealthTarget } from './target.js';

/** What is done about one Machine. */
export interface MachineVerdict {
  readonly name: string;
  readonly assessment: Assessment;
  /**
   * The conditions that the health check keeps on the Machine, all of them; undefined: leaves the Machine's conditions as they are. With an external
   * remediation that of its request is missing: it depends on the request.
   */
  readonly conditions?: readonly ConditionInput[];
  /** `request`: an external remediation has to be asked for. `recovered`: a request made before is over. */
  readonly external?: 'request' | 'recovered';
  /** News for people: was not known to be unhealthy before, or its owner is asked (again) to replace it. Of a Machine that goes it is none. */
  readonly marked: boolean;
}

export interface HealthCheckPlan {
  /** Names of the Machines that are checked, sorted. */
  readonly targets: readonly string[];
  readonly healthy: number;
  /** Machines found unhealthy; those about to fail are not among them. */
  readonly unhealthy: number;
  readonly pending: number;
  readonly remediationsAllowed: number;
  readonly allowed: ConditionInput;
  readonly machines: readonly MachineVerdict[];
  /** When some Machine may have become unhealthy at the earliest, milliseconds since the epoch. */
  readonly nextCheckMs?: number;
}

export interface HealthCheckInput {
  readonly spec: Pick<MachineHealthCheckSpec, 'checks' | 'remediation'>;
  /** The selected Machines, without those that are paused or annotated to be skipped. */
  readonly targets: readonly HealthTarget[];
  /** Conditions of the Cluster. */
  readonly cluster: readonly Condition[];
  readonly nowMs: number;
}

export const HEALTH_CHECK_SUCCEEDED = 'HealthCheckSucceeded';
export const OWNER_REMEDIATED = 'OwnerRemediated';
export const EXTERNALLY_REMEDIATED = 'ExternallyRemediated';
const WAITING = 'WaitingForRemediation';

/** What a health check concludes, about itself and about each Machine. Pure. Source: capi machinehealthcheck reconcile. */
export function planHealthCheck({ spec, targets, cluster, nowMs }: HealthCheckInput): HealthCheckPlan {
  const sorted = [...targets].sort((a, b) => (a.name < b.name ? -1 : 1));
  const rules = { checks: spec.checks, cluster };
  const assessed = sorted.map((target) => ({ target, assessment: assessTarget(target, rules, nowMs) }));
  const count = (health: Assessment['health']): number => assessed.filter((a) => a.assessment.health === health).length;
  const limits = judgeLimits(spec.remediation?.triggerIf, sorted.length, count('healthy'));
  const external = spec.remediation?.templateRef !== undefined;
  const nextChecks = assessed.flatMap(({ assessment: a }) => (a.health === 'pending' ? [a.nextCheckMs] : []));
  return {
    targets: sorted.map((t) => t.name),
    healthy: count('healthy'),
    unhealthy: count('unhealthy'),
    pending: count('pending'),
    remediationsAllowed: limits.remediationsAllowed,
    allowed: limits.allowed
      ? { type: 'RemediationAllowed', status: 'True', reason: 'RemediationAllowed' }
      : { type: 'RemediationAllowed', status: 'False', reason: 'TooManyUnhealthy', message: limits.message },
    machines: assessed.map(({ target, assessment }) => verdict(target, assessment, limits.allowed, external)),
    ...(nextChecks.length > 0 ? { nextCheckMs: Math.min(...nextChecks) } : {}),
  };
}

function verdict(target: HealthTarget, assessment: Assessment, allowed: boolean, external: boolean): MachineVerdict {
  const { name } = target;
  if (assessment.health === 'healthy') {
    const good: ConditionInput = { type: HEALTH_CHECK_SUCCEEDED, status: 'True', reason: HEALTH_CHECK_SUCCEEDED };
    return { name, assessment, conditions: [good], marked: false, ...(external ? { external: 'recovered' } : {}) };
  }
  if (assessment.health !== 'unhealthy') return { name, assessment, marked: false };
  const { reason, message } = assessment;
  const known = target.deleting || findCondition(target.conditions, HEALTH_CHECK_SUCCEEDED)?.status === 'False';
  const bad: ConditionInput = { type: HEALTH_CHECK_SUCCEEDED, status: 'False', reason, message };
  const others = kept(target, external);
  if (external) {
    const conditions = [bad, ...others];
    return { name, assessment, conditions, marked: !known, ...(allowed ? { external: 'request' } : {}) };
  }
  const asks = allowed && others.length === 0 && isFree(target);
  const waiting: ConditionInput = { type: OWNER_REMEDIATED, status: 'False', reason: WAITING };
  return {
    name,
    assessment,
    conditions: [bad, ...(asks ? [waiting] : others)],
    marked: !known || (asks && !target.deleting),
  };
}

/** Nobody replaces the Machine yet, or whoever did is done. Else the owner goes on, and its condition is its own. */
function isFree(target: HealthTarget): boolean {
  const owner = findCondition(target.conditions, OWNER_REMEDIATED);
  return owner === undefined || owner.status === 'True';
}

/** What was asked for before stays, whether or not it would be allowed now. */
function kept(target: HealthTarget, external: boolean): ConditionInput[] {
  const type = external ? EXTERNALLY_REMEDIATED : OWNER_REMEDIATED;
  const before = findCondition(target.conditions, type);
  if (before?.status !== 'False' || (!external && before.reason !== WAITING)) return [];
  const { status, reason, message } = before;
  return [{ type, status, reason, ...(message ? { message } : {}) }];
}

/** The condition of a Machine whose remediation somebody else was asked for, or could not be asked for. */
export function externalCondition(problem?: {
  readonly reason: 'RemediationTemplateNotFound' | 'RemediationRequestCreationFailed';
  readonly message: string;
}): ConditionInput {
  return { type: EXTERNALLY_REMEDIATED, status: 'False', ...(problem ?? { reason: WAITING }) };
}
