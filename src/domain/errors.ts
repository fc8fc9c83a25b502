/**
 * Every failure type that may cross an activity border. The strings are API: they show in the Temporal UI, in condition reasons and in
 * `nonRetryableErrorTypes`, so they are never renamed.
 */
export const FAILURE_TYPES = [
  'NotYet',
  'Throttled',
  'Transient',
  'Conflict',
  'QuotaExceeded',
  'InsufficientCapacity',
  'InvalidConfiguration',
  'Unauthorized',
  'NotFound',
  'ExternallyModified',
  'OwnershipConflict',
  'BootstrapFailed',
  'Cancelled',
  'Bug',
] as const;
export type FailureType = (typeof FAILURE_TYPES)[number];

/** Failures that end an operation: retrying the same call without a change of spec, credentials or quota cannot help. */
export const TERMINAL_FAILURES: ReadonlySet<FailureType> = new Set<FailureType>([
  'QuotaExceeded',
  'InsufficientCapacity',
  'InvalidConfiguration',
  'Unauthorized',
  'NotFound',
  'ExternallyModified',
  'OwnershipConflict',
  'BootstrapFailed',
  'Cancelled',
]);

/** Terminal failures that the lane tries again by itself after a while, because the world may change without a change of spec. */
export const SLOW_REQUEUE_FAILURES: ReadonlySet<FailureType> = new Set<FailureType>([
  'QuotaExceeded',
  'InsufficientCapacity',
  'Unauthorized',
  'NotFound',
]);

export interface PerdureErrorOptions {
  readonly cause?: unknown;
  /** Small, secret-free facts for a person: object, field, value, remedy, cloud request id. */
  readonly details?: Readonly<Record<string, string | number | boolean>>;
  /** Earliest useful next attempt, milliseconds. */
  readonly retryAfterMs?: number;
}

/** The one error class of Perdure's own code. `message` starts in lower case and names object, field, value and remedy; never a secret. */
export class PerdureError extends Error {
  readonly type: FailureType;
  readonly details: Readonly<Record<string, string | number | boolean>>;
  readonly retryAfterMs: number | undefined;

  constructor(type: FailureType, message: string, options: PerdureErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'PerdureError';
    this.type = type;
    this.details = options.details ?? {};
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** True for a PerdureError of `type` (structural, so that two copies of this module agree). */
export function isFailure(error: unknown, type: FailureType): error is PerdureError {
  return error instanceof Error && error.name === 'PerdureError' && (error as PerdureError).type === type;
}

/** A wait that is not a failure: the world is not there yet. Reported with `retryAfterMs`, kept out of error logs. */
export function notYet(
  message: string,
  retryAfterMs = 2_000,
  details: PerdureErrorOptions['details'] = {},
): PerdureError {
  return new PerdureError('NotYet', message, { retryAfterMs, ...(details ? { details } : {}) });
}
