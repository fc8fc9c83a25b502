import type { Machine } from '../../api/types/index.js';
import type { ConditionInput, V1Beta1Input } from '../conditions.js';
import { drainDelays } from './message.js';

const LONG_MS = 15 * 60_000;
const LONG_DRAIN_MS = 5 * 60_000;

/**
 * What the Ready condition of a Machine says about its deletion: only the stage, so that summaries of many machines stay short; after a quarter of an hour
 * also that, and what is likely to hold a drain up. Source: capi machine calculateDeletingConditionForSummary.
 */
export function deletionSummary(machine: Machine, deleting: ConditionInput, now: string): string {
  if (deleting.status !== 'True') return deleting.message ?? '';
  const since = (time: string | undefined): number => (time === undefined ? 0 : Date.parse(now) - Date.parse(time));
  if (since(machine.metadata.deletionTimestamp) <= LONG_MS)
    return `Machine deletion in progress, stage: ${deleting.reason}`;
  const text = `Machine deletion in progress since more than 15m, stage: ${deleting.reason}`;
  const slowDrain =
    deleting.reason === 'DrainingNode' && since(machine.status?.deletion?.nodeDrainStartTime) > LONG_DRAIN_MS;
  const delays = slowDrain ? drainDelays(deleting.message ?? '') : [];
  return delays.length > 0 ? `${text}, delay likely due to ${delays.join(', ')}` : text;
}

/** Stages of a deletion with a condition of v1beta1, in their order. */
const STAGES = [
  {
    type: 'PreDrainDeleteHookSucceeded',
    reason: 'WaitingForPreDrainHook',
    legacy: 'WaitingExternalHook',
    time: 'waitForPreDrainHookStartTime',
  },
  { type: 'DrainingSucceeded', reason: 'DrainingNode', legacy: 'Draining', time: 'nodeDrainStartTime' },
  {
    type: 'VolumeDetachSucceeded',
    reason: 'WaitingForVolumeDetach',
    legacy: 'WaitingForVolumeDetach',
    time: 'waitForNodeVolumeDetachStartTime',
  },
  {
    type: 'PreTerminateDeleteHookSucceeded',
    reason: 'WaitingForPreTerminateHook',
    legacy: 'WaitingExternalHook',
    time: 'waitForPreTerminateHookStartTime',
  },
] as const;

/** The conditions of v1beta1 about the stages that a deletion has reached: False where it is, True where it was. */
export function legacyDeletion(machine: Machine, deleting: ConditionInput | undefined): V1Beta1Input[] {
  if (deleting?.status !== 'True') return [];
  const at = STAGES.findIndex((s) => s.reason === deleting.reason);
  const reached = STAGES.filter((s, i) => i === at || machine.status?.deletion?.[s.time] !== undefined);
  return reached.map((s) =>
    s.reason === deleting.reason
      ? { type: s.type, status: 'False', severity: 'Info', reason: s.legacy, message: deleting.message ?? '' }
      : { type: s.type, status: 'True' },
  );
}
