import type { Machine } from '../../api/types/index.js';
import type { Condition } from '../../api/types/meta.js';
import { aggregate, type ConditionInput, findCondition } from '../conditions.js';

const conditionsOf = (m: Machine): Condition[] | undefined => m.status?.conditions as Condition[] | undefined;

/**
 * Condition Remediating of an owner: its machines that are replaced for their health, or cannot be. `by` is the kind that would replace them, where it
 * is the owner itself. Source: capi setRemediatingCondition of MachineSet, MachineDeployment and KubeadmControlPlane.
 */
export function remediatingCondition(machines: readonly Machine[], by?: string): ConditionInput {
  const type = 'Remediating';
  const sick = machines.filter((m) => findCondition(conditionsOf(m), 'HealthCheckSucceeded')?.status === 'False');
  const flagged = sick.filter((m) => findCondition(conditionsOf(m), 'OwnerRemediated')?.status === 'False');
  if (flagged.length > 0) {
    const view = flagged.map((m) => ({ name: m.metadata.name, conditions: conditionsOf(m) }));
    const { message } = aggregate(type, view, {
      source: 'OwnerRemediated',
      trueReason: 'Remediating',
      falseReason: 'Remediating',
      unknownReason: 'Remediating',
      emptyReason: 'NotRemediating',
      noun: 'Machine',
    });
    return { type, status: 'True', reason: 'Remediating', ...(message ? { message } : {}) };
  }
  const none: ConditionInput = { type, status: 'False', reason: 'NotRemediating' };
  if (sick.length === 0) return none;
  const message = `${namedMachines(sick)} not healthy (not to be remediated${by === undefined ? '' : ` by ${by}`})`;
  return { ...none, message };
}

/** `Machine a is`, `Machines a, b are`: at most three names. */
export function namedMachines(machines: readonly Machine[]): string {
  const names = machines.map((m) => m.metadata.name).sort();
  const shown = names.slice(0, 3).join(', ') + (names.length > 3 ? `, … (${names.length - 3} more)` : '');
  return names.length === 1 ? `Machine ${shown} is` : `Machines ${shown} are`;
}
