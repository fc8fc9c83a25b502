import type { Condition } from '../../api/types/meta.js';
import { findCondition, type V1Beta1Input } from '../conditions.js';

/** Reasons of v1beta1 that were named otherwise. Source: capi api/core/v1beta1 condition_consts.go. */
const REASONS: Readonly<Record<string, string>> = {
  UnhealthyNode: 'UnhealthyNodeCondition',
  UnhealthyMachine: 'UnhealthyMachineCondition',
  NodeDeleted: 'NodeNotFound',
  HasRemediateAnnotation: 'HasRemediateMachineAnnotation',
};
const PREFIX = 'Health check failed: ';

/**
 * What health checks and owners say of a Machine, in the conditions of v1beta1. They write the conditions of v1beta2 only: the list of the others has
 * one writer. Pure.
 */
export function legacyHealth(conditions: readonly Condition[]): V1Beta1Input[] {
  return ['HealthCheckSucceeded', 'OwnerRemediated'].flatMap((type): V1Beta1Input[] => {
    const found = findCondition(conditions, type);
    if (!found || found.status === 'Unknown') return [];
    if (found.status === 'True') return [{ type, status: 'True' }];
    const message = found.message.startsWith(PREFIX) ? found.message.slice(PREFIX.length) : found.message;
    const reason = REASONS[found.reason] ?? found.reason;
    return [{ type, status: 'False', severity: 'Warning', reason, ...(message ? { message } : {}) }];
  });
}
