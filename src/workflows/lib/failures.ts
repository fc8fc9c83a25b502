import {
  ActivityFailure,
  ApplicationFailure,
  ChildWorkflowFailure,
  isCancellation,
  TerminatedFailure,
  TimeoutFailure,
} from '@temporalio/workflow';
import { FAILURE_TYPES, type FailureType } from '../../domain/errors.js';

export interface Cause {
  readonly type: FailureType;
  readonly message: string;
}

/** The typed failure at the root of an activity's or child's failure. Anything untyped is a `Bug`. */
export function causeOf(error: unknown): Cause {
  let current: unknown = error;
  while ((current instanceof ActivityFailure || current instanceof ChildWorkflowFailure) && current.cause)
    current = current.cause;
  if (current instanceof ApplicationFailure) {
    const type = FAILURE_TYPES.find((t) => t === (current as ApplicationFailure).type);
    return { type: type ?? 'Bug', message: current.message };
  }
  if (current instanceof TerminatedFailure) return { type: 'Cancelled', message: 'terminated by a person' };
  if (current instanceof TimeoutFailure) return { type: 'Transient', message: `timed out: ${current.message}` };
  return { type: 'Bug', message: current instanceof Error ? current.message : String(current) };
}

/**
 * Ends an operation red with its root cause as type and message, so that the UI's list shows why. Cancellation passes through.
 */
export async function failWithCause<T>(operation: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (isCancellation(error)) throw error;
    const cause = causeOf(error);
    throw ApplicationFailure.create({
      message: cause.message,
      type: cause.type,
      nonRetryable: true,
      details: [{ operation }],
      ...(error instanceof Error ? { cause: error } : {}),
    });
  }
}
