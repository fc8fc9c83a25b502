import { defineQuery, defineSignal } from '@temporalio/workflow';
import type { Change, LaneStatus, Progress } from './types.js';

/** "Look again": the object or something it depends on changed. Carries no state to act on. */
export const changed = defineSignal<[Change]>('changed');
/** A person asks for another attempt now. */
export const retryNow = defineSignal<[{ by: string }]>('retryNow');
export const laneStatus = defineQuery<LaneStatus>('status');
/** Steps done, the current wait and why. */
export const progress = defineQuery<Progress>('progress');
/** What the next cycle would do. */
export const plan = defineQuery<readonly string[]>('plan');
