import { ApplicationFailure, CancelledFailure, CompleteAsyncError, Context } from '@temporalio/activity';
import { ApplicationFailureCategory } from '@temporalio/common';
import type { ActivityExecuteInput, ActivityInboundCallsInterceptor, Next } from '@temporalio/worker';
import type { ObjectKey } from '../../api/types/meta.js';
import { PerdureError, TERMINAL_FAILURES } from '../../domain/errors.js';

/** Shows a failing attempt on the object it acts for, and takes it away again. Never throws. */
export interface AttemptReporter {
  failing(key: ObjectKey, activity: string, attempt: number, error: PerdureError): Promise<void>;
  recovered(key: ObjectKey): Promise<void>;
}

const REPORT_FROM_ATTEMPT = 3;
const KEEP_ALIVE_MS = 2_000;

const keyOf = (input: ActivityExecuteInput): ObjectKey | undefined =>
  (input.args[0] as { key?: ObjectKey } | undefined)?.key;

/**
 * Turns Perdure's errors into Temporal's typed failures by the one table: terminal types are not retried, NotYet is benign with its own
 * delay, throttling carries the cloud's delay. From the third attempt on the reason is on the object, at no cost of history.
 */
export function createFailureInterceptor(reporter: AttemptReporter): ActivityInboundCallsInterceptor {
  return {
    async execute(
      input: ActivityExecuteInput,
      next: Next<ActivityInboundCallsInterceptor, 'execute'>,
    ): Promise<unknown> {
      const { attempt, activityType } = Context.current().info;
      const key = keyOf(input);
      const alive = keepAlive();
      try {
        const result = await next(input);
        if (attempt >= REPORT_FROM_ATTEMPT && key) await reporter.recovered(key);
        return result;
      } catch (error) {
        const known = isPassThrough(error) ? undefined : asPerdureError(error);
        if (attempt >= REPORT_FROM_ATTEMPT && key) {
          // nothing is retried any more after a terminal failure, which its operation reports, or a cancellation
          if (!known || TERMINAL_FAILURES.has(known.type)) await reporter.recovered(key);
          else if (known.type !== 'NotYet') await reporter.failing(key, activityType, attempt, known);
        }
        throw known ? toFailure(known) : error;
      } finally {
        clearInterval(alive);
      }
    },
  };
}

/**
 * A sign of life while one slow call is under way, so that cancellation arrives within seconds and the death of this process is noticed; the
 * activity's own heartbeats carry the details. startToCloseTimeout bounds a call that hangs.
 */
function keepAlive(): NodeJS.Timeout {
  const context = Context.current();
  const beat = context.heartbeat;
  let last: unknown;
  const remembering = (details?: unknown): void => {
    last = details;
    beat(details);
  };
  // a beat without details would wipe from the UI what the activity said last
  Object.assign(context, { heartbeat: remembering });
  return setInterval(() => beat(last), KEEP_ALIVE_MS);
}

function isPassThrough(error: unknown): boolean {
  if (error instanceof CancelledFailure || error instanceof CompleteAsyncError || error instanceof ApplicationFailure)
    return true;
  return Context.current().cancellationSignal.aborted;
}

/** Anything that is not ours is a bug: retried for ever, since a fixed worker will pass. */
export function asPerdureError(error: unknown): PerdureError {
  if (error instanceof PerdureError) return error;
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return new PerdureError('Bug', text, { cause: error });
}

/** Temporal's form of an error: terminal types are not retried, `NotYet` is benign, `retryAfterMs` becomes the next delay. */
export function toFailure(error: PerdureError): ApplicationFailure {
  return ApplicationFailure.create({
    message: error.message.slice(0, 2_000),
    type: error.type,
    nonRetryable: TERMINAL_FAILURES.has(error.type),
    details: [error.details],
    ...(error.retryAfterMs !== undefined ? { nextRetryDelay: error.retryAfterMs } : {}),
    ...(error.type === 'NotYet' ? { category: ApplicationFailureCategory.BENIGN } : {}),
  });
}
