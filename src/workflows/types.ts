import type { ObjectKey } from '../api/types/meta.js';
import type { DeletionOutlook } from '../domain/drain/outlook.js';

/** Payload of the `changed` signal; under 1 kB, no secrets. */
export interface Change {
  readonly generation: number;
  readonly deleting: boolean;
  /** The object or its Cluster is paused: what runs stops where it is. */
  readonly paused?: boolean;
  readonly reason: string;
}

export interface LaneInput {
  readonly key: ObjectKey;
  /** What a run whose history grew too long hands to the next. */
  readonly carry?: {
    /** Another attempt was asked for and not begun. */
    readonly retry: boolean;
    /** Failures in a row, which make rests longer. */
    readonly troubles: number;
    readonly retries: number;
  };
}

export interface LaneStatus {
  readonly phase: string;
  readonly cycles: number;
  readonly deleting: boolean;
}

export type StepState = 'pending' | 'running' | 'done' | 'failed';

export interface Step {
  readonly name: string;
  readonly state: StepState;
  readonly detail?: string;
}

export interface Progress {
  readonly operation: string;
  readonly steps: readonly Step[];
  /** What it waits for now and why; empty when it is acting. */
  readonly waitingFor?: string;
}

export interface LaneResult {
  readonly outcome: 'Converged' | 'Waiting' | 'Paused' | 'Deleted' | 'Absent' | 'Failed' | 'Cancelled';
  readonly reason: string;
  readonly cycles: number;
}

export interface OperationInput {
  readonly key: ObjectKey;
  readonly cluster: string;
  readonly generation: number;
  /** Task queue of the cloud account. */
  readonly cloudQueue: string;
  /** Name of our provider for the infra kind; absent for third-party kinds, which are followed by contract. */
  readonly provider?: string;
  /** Of a Machine that is being deleted: what has to be waited for before its instance goes. */
  readonly deletion?: DeletionOutlook;
}
