import type { V1Beta1Input } from '../../../domain/conditions.js';
import type { FailureType } from '../../../domain/errors.js';
import { classify } from './errors.js';

/** What passes by itself within a few attempts is no news of the object: `OperationRetrying` tells when it does not. */
const PASSING: ReadonlySet<FailureType> = new Set<FailureType>([
  'NotYet',
  'Throttled',
  'Transient',
  'Conflict',
  'Cancelled',
]);

/** The condition that says why a part of the cloud could not be made or removed; undefined for what passes by itself and after a cancellation. */
export function failureOf(error: unknown, signal: AbortSignal, type: string, reason: string): V1Beta1Input | undefined {
  if (signal.aborted) return undefined;
  const known = classify(error);
  if (PASSING.has(known.type)) return undefined;
  return { type, status: 'False', severity: 'Error', reason, message: known.message };
}

/** Waits for a write that only tells of a failure: the failure itself matters more than that it could not be told. */
export async function quietly(write: Promise<void>): Promise<void> {
  await write.catch(() => undefined);
}
