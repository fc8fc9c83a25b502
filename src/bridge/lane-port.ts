import type { Change, LaneInput } from '../workflows/types.js';

/** Everything Temporal is told when a lane is signalled, and started if it is not open. */
export interface LaneSignal {
  readonly workflowType: string;
  readonly workflowId: string;
  readonly input: LaneInput;
  readonly change: Change;
  readonly summary: string;
  readonly details: string;
  readonly memo: Readonly<Record<string, string>>;
  /** Search attributes by name; all are keywords. */
  readonly attributes: Readonly<Record<string, string>>;
  /** 1 is served first. */
  readonly priority: number;
  readonly fairnessKey: string;
}

/**
 * How a signal failed. `unavailable`: nothing works now, wait. `throttled`: this call was too much, try it later. `rejected`: the server will
 * not take this one, a person must look.
 */
export type SignalFailure = 'unavailable' | 'throttled' | 'rejected';

export class SignalError extends Error {
  readonly failure: SignalFailure;

  constructor(failure: SignalFailure, message: string, cause: unknown) {
    super(message, { cause });
    this.name = 'SignalError';
    this.failure = failure;
  }
}

/** The bridge's whole view of Temporal. Failures are SignalErrors. */
export interface LanePort {
  /** Repeating it is harmless: a lane that is open gets one more signal. */
  signalWithStart(signal: LaneSignal): Promise<void>;
  /** Signals only a lane that is open; no open lane is success. */
  signalIfOpen(workflowId: string, change: Change): Promise<void>;
  /** Resolves when the server answers for our namespace, with the namespace's id: another id than before knows nothing of what was told. */
  probe(): Promise<string>;
  close(): Promise<void>;
}
