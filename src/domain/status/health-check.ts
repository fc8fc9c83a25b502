import type { MachineHealthCheck, MachineHealthCheckStatus } from '../../api/types/index.js';
import type { Condition, V1Beta1Condition } from '../../api/types/meta.js';
import { mergeConditions, mergeV1Beta1Conditions, type V1Beta1Input } from '../conditions.js';
import { readPath } from '../contract.js';
import type { HealthCheckPlan } from '../health/plan.js';
import { pausedCondition } from './replicas.js';

export interface HealthCheckStatusInput {
  readonly check: MachineHealthCheck;
  readonly plan: HealthCheckPlan;
  /** Why an external remediation could not be asked for, as the conditions of v1beta1 say it. */
  readonly trouble?: { readonly legacyType: string; readonly legacyReason: string; readonly message: string };
  readonly now: string;
}

const TARGETS_LIMIT = 10_000;
const EXTERNAL = ['ExternalRemediationTemplateAvailable', 'ExternalRemediationRequestAvailable'];

/** The whole status of a MachineHealthCheck. Pure. Source: capi machinehealthcheck reconcile. */
export function healthCheckStatus({ check, plan, trouble, now }: HealthCheckStatusInput): MachineHealthCheckStatus {
  const generation = check.metadata.generation ?? 1;
  const { allowed } = plan;
  const old = readPath(check, 'status.deprecated.v1beta1.conditions') as V1Beta1Condition[] | undefined;
  const legacy: V1Beta1Input[] = [
    allowed.status === 'True' ? { type: allowed.type, status: 'True' } : { ...allowed, severity: 'Warning' },
    ...externalConditions(old ?? [], trouble),
  ];
  const conditions = [allowed, pausedCondition(false)];
  return {
    conditions: mergeConditions(check.status?.conditions as Condition[] | undefined, conditions, generation, now),
    expectedMachines: plan.targets.length,
    currentHealthy: plan.healthy,
    remediationsAllowed: plan.remediationsAllowed,
    targets: plan.targets.slice(0, TARGETS_LIMIT),
    observedGeneration: generation,
    deprecated: { v1beta1: { conditions: mergeV1Beta1Conditions(old, legacy, now) } },
  };
}

/** What was in the way once is said to be fine when it is no longer. */
function externalConditions(
  old: readonly V1Beta1Condition[],
  trouble: HealthCheckStatusInput['trouble'],
): V1Beta1Input[] {
  const over = EXTERNAL.filter((type) => type !== trouble?.legacyType && old.some((c) => c.type === type));
  const fine = over.map((type): V1Beta1Input => ({ type, status: 'True' }));
  if (!trouble) return fine;
  const { legacyType: type, legacyReason: reason, message } = trouble;
  return [...fine, { type, status: 'False', severity: 'Error', reason, message }];
}
