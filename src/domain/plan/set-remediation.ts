import type { Machine, MachineDeployment, MachineSet } from '../../api/types/index.js';
import type { Condition } from '../../api/types/meta.js';
import { type ConditionInput, findCondition } from '../conditions.js';
import { isDeleting } from '../contract.js';
import { ANNOTATION } from '../names.js';
import { sameTemplate } from '../template.js';

const OWNER_REMEDIATED = 'OwnerRemediated';
const DELETING = 'MachineDeleting';

/** What a MachineSet's remediation goes by. */
export interface SetRemediationInput {
  readonly machines: readonly Machine[];
  /** False: the set is on its way out, and the rollout takes its machines. */
  readonly isCurrent: boolean;
  /** Remediations at the same time; absent: without limit. */
  readonly maxInFlight?: { readonly limit: number; readonly given: string };
  /** Preflight checks that fail, as sentences. */
  readonly preflight: readonly string[];
}

export interface SetRemediation {
  /** Machines to be deleted now, most urgent first. */
  readonly remediate: readonly string[];
  /** What is said of the machines that have to wait, by their names. */
  readonly deferred: ReadonlyMap<string, ConditionInput>;
}

/** A health check found the machine unhealthy and asked its owner to replace it. */
export function isToBeRemediated(machine: Machine): boolean {
  const conditions = machine.status?.conditions as Condition[] | undefined;
  return ['HealthCheckSucceeded', OWNER_REMEDIATED].every(
    (type) => findCondition(conditions, type)?.status === 'False',
  );
}

/** What is written on a machine before it is deleted for its health: a deletion that does not follow is made up for. */
export const remediationBegun: ConditionInput = {
  type: OWNER_REMEDIATED,
  status: 'False',
  reason: DELETING,
  message: 'Machine is deleting',
};

/**
 * Whether a set is the one of its deployment: the rollout takes the machines of all others. One without a deployment is. A set gets its revision before the
 * deployment does.
 */
export function isCurrentSet(set: MachineSet, deployment: MachineDeployment | undefined): boolean {
  if (!deployment) return true;
  const revisionOf = (o: MachineSet | MachineDeployment): number =>
    Number(o.metadata.annotations?.[ANNOTATION.revision]);
  if (revisionOf(set) < revisionOf(deployment)) return false;
  return sameTemplate(set.spec.template as MachineDeployment['spec']['template'], deployment.spec.template);
}

/** spec.remediation.maxInFlight in machines, percentages rounded up; undefined: no limit. Source: capi intstr.GetScaledValueFromIntOrPercent. */
export function maxInFlightOf({ spec }: MachineDeployment): SetRemediationInput['maxInFlight'] {
  const given = spec.remediation?.maxInFlight;
  if (given === undefined) return undefined;
  const replicas = spec.replicas ?? 1;
  const limit = typeof given === 'number' ? given : Math.ceil((Number.parseInt(given, 10) * replicas) / 100);
  return { limit, given: String(given) };
}

/**
 * Which unhealthy machines of a set are deleted now, and why the others wait. One that is being deleted for its health counts as in flight until it is
 * gone. Pure. Source: capi machineset_controller.go reconcileUnhealthyMachines.
 */
export function planSetRemediation(input: SetRemediationInput): SetRemediation {
  const due = input.machines.filter((m) => isToBeRemediated(m) && !isDeleting(m)).sort(byUrgency);
  const none = { remediate: [], deferred: new Map<string, ConditionInput>() };
  if (due.length === 0) return none;
  if (!input.isCurrent) {
    const message = "Machine won't be remediated because it is pending removal due to rollout";
    return { ...none, deferred: said(due, 'CannotBeRemediated', message) };
  }
  const { maxInFlight } = input;
  const budget = maxInFlight === undefined ? due.length : Math.max(0, maxInFlight.limit - inFlight(input.machines));
  const now = due.slice(0, budget);
  const tooMany = `Waiting because there are already too many remediations in progress (spec.remediation.maxInFlight is ${maxInFlight?.given})`;
  const deferred = said(due.slice(budget), 'RemediationDeferred', tooMany);
  if (input.preflight.length === 0) return { remediate: now.map((m) => m.metadata.name), deferred };
  const failed = input.preflight.map((check) => `* ${check}`).join('\n');
  return { remediate: [], deferred: new Map([...deferred, ...said(now, 'RemediationDeferred', failed)]) };
}

function inFlight(machines: readonly Machine[]): number {
  return machines.filter((m) => isDeleting(m) && wordOf(m) === DELETING).length;
}

/** What is said of a machine's replacement, in short. */
function wordOf(machine: Machine): string | undefined {
  const word = findCondition(machine.status?.conditions as Condition[] | undefined, OWNER_REMEDIATED);
  return word?.status === 'False' ? word.reason : undefined;
}

function said(machines: readonly Machine[], reason: string, message: string): Map<string, ConditionInput> {
  return new Map(machines.map((m) => [m.metadata.name, { type: OWNER_REMEDIATED, status: 'False', reason, message }]));
}

/** Those that were begun with, then those that a person wants replaced, then the youngest: they are the least likely to carry work. */
function byUrgency(a: Machine, b: Machine): number {
  const begun = (m: Machine): number => (wordOf(m) === DELETING ? 0 : 1);
  const asked = (m: Machine): number => (m.metadata.annotations?.[ANNOTATION.remediateMachine] === undefined ? 1 : 0);
  const born = (m: Machine): string => m.metadata.creationTimestamp ?? '';
  return (
    begun(a) - begun(b) ||
    asked(a) - asked(b) ||
    born(b).localeCompare(born(a)) ||
    (a.metadata.name < b.metadata.name ? -1 : 1)
  );
}
