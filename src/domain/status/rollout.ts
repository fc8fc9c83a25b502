import type { Machine, MachineDeployment, MachineSet } from '../../api/types/index.js';
import type { Condition } from '../../api/types/meta.js';
import { type ConditionInput, findCondition, isTrue } from '../conditions.js';
import { controllerOf, isDeleting } from '../contract.js';
import type { RolloutFacts } from '../facts.js';
import { ANNOTATION } from '../names.js';
import { planRollout, type RolloutSet, type RolloutState, resolveStrategy } from '../plan/rollout.js';
import { forecastRollout } from '../plan/rollout-forecast.js';
import { expiredRollout, templateDifferences } from '../template.js';

const conditionsOf = (machine: Machine): Condition[] | undefined =>
  machine.status?.conditions as Condition[] | undefined;

/** The planner's view of a deployment: its sets in numbers, from the machines themselves rather than from counters that may lag. */
export function rolloutState(
  deployment: MachineDeployment,
  sets: readonly MachineSet[],
  current: MachineSet | undefined,
  machines: readonly Machine[],
  paused: boolean,
): RolloutState {
  const desired = deployment.spec.replicas ?? 1;
  const view = (set: MachineSet): RolloutSet => {
    const mine = machines.filter((m) => controllerOf(m)?.uid === set.metadata.uid);
    const most = Number(set.metadata.annotations?.[ANNOTATION.maxReplicas]);
    return {
      name: set.metadata.name,
      createdAt: set.metadata.creationTimestamp ?? '',
      // a set that somebody deletes wants no machines, but those it still has take up room
      replicas: isDeleting(set) ? 0 : (set.spec.replicas ?? 1),
      present: mine.length,
      deleting: mine.filter(isDeleting).length,
      available: mine.filter((m) => !isDeleting(m) && isTrue(conditionsOf(m), 'Available')).length,
      ...(most > 0 ? { maxReplicas: most } : {}),
    };
  };
  return {
    desired,
    strategy: resolveStrategy(deployment.spec.rollout?.strategy ?? {}, desired),
    paused: paused || deployment.spec.paused === true,
    current: current && view(current),
    old: sets.filter((s) => s !== current).map(view),
  };
}

/** Condition UpToDate of a deployment's machine, by the set that made it. */
export function workerUpToDate(
  deployment: MachineDeployment,
  set: MachineSet | undefined,
  isCurrent: boolean,
  nowMs: number,
): ConditionInput {
  if (isCurrent) return { type: 'UpToDate', status: 'True', reason: 'UpToDate' };
  const differences = set
    ? templateDifferences(set.spec.template as MachineDeployment['spec']['template'], deployment.spec.template)
    : [];
  const reasons =
    differences.length > 0
      ? differences
      : [
          expiredRollout(deployment, nowMs)
            ? 'MachineDeployment spec.rollout.after expired'
            : 'another MachineSet has its template',
        ];
  return { type: 'UpToDate', status: 'False', reason: 'NotUpToDate', message: reasons.map((r) => `* ${r}`).join('\n') };
}

const MOST_NAMES = 3;
const MOST_LINES = 20;

const shortly = (condition: Condition | undefined): string => {
  const text = condition?.message || condition?.reason || '';
  return text === '' ? '' : ` (${text.replaceAll('\n', ' ').slice(0, 160)})`;
};

const several = (lines: readonly string[]): string =>
  lines.slice(0, MOST_NAMES).join('; ') + (lines.length > MOST_NAMES ? `; and ${lines.length - MOST_NAMES} more` : '');

/** A rollout as a look at a deployment left it. */
export interface RolloutView {
  readonly state: RolloutState;
  /** All machines of the deployment, with what they were told of being up to date. */
  readonly machines: readonly Machine[];
  readonly current: MachineSet | undefined;
  readonly changes: readonly string[];
}

const isOf = (set: MachineSet | undefined, machine: Machine): boolean =>
  set !== undefined && controllerOf(machine)?.uid === set.metadata.uid;

/** What a rollout waits for now: machines that go, machines that are to become available, machines to be made; each with what it says itself. */
function waitOf({ state, machines, current }: RolloutView): string {
  const going = machines
    .filter(isDeleting)
    .map((m) => `machine ${m.metadata.name} to be gone${shortly(findCondition(conditionsOf(m), 'Deleting'))}`);
  const coming = machines
    .filter((m) => isOf(current, m) && !isDeleting(m) && !isTrue(conditionsOf(m), 'Available'))
    .map((m) => `machine ${m.metadata.name} to be available${shortly(findCondition(conditionsOf(m), 'Ready'))}`);
  const missing = (state.current?.replicas ?? 0) - (state.current?.present ?? 0);
  const scaling = findCondition(current?.status?.conditions as Condition[] | undefined, 'ScalingUp');
  const toMake = missing > 0 ? [`${missing} more machines of ${state.current?.name}${shortly(scaling)}`] : [];
  return several([...going, ...toMake, ...coming]);
}

/** How machines differ that are not up to date, each difference once. */
function differencesOf(machines: readonly Machine[]): string[] {
  const lines = machines.flatMap((m) => {
    const condition = findCondition(conditionsOf(m), 'UpToDate');
    return condition?.status === 'False' ? (condition.message ?? '').split('\n') : [];
  });
  return [...new Set(lines.map((line) => line.replace(/^\* /, '')))].filter((line) => line !== '').sort();
}

/** How a lane and its operation are told of a rollout. */
export function rolloutFacts(view: RolloutView): RolloutFacts {
  const { state, machines, changes } = view;
  const left = state.old.reduce((n, s) => n + Math.max(s.replicas, s.present), 0);
  const turns = forecastRollout(state).slice(0, MOST_LINES);
  const sign = (by: number): string => (by > 0 ? `+${by}` : String(by));
  return {
    rolling: left > 0 && !state.paused && state.strategy.type === 'RollingUpdate',
    left,
    done: state.current?.available ?? 0,
    why: differencesOf(machines).slice(0, MOST_NAMES),
    changes,
    waitingFor: waitOf(view),
    forecast: turns.map(
      (t) =>
        `${t.changes.map((c) => `${c.set} ${sign(c.by)}`).join(', ')}: ${t.total} machines, at least ${t.available} available`,
    ),
    complete: planRollout(state).complete,
  };
}
