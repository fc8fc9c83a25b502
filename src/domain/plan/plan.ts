import { SLOW_REQUEUE_FAILURES } from '../errors.js';
import type { CommonFacts } from '../facts.js';

/** What a lane does next. Exactly one thing per cycle; afterwards it looks again. */
export type Decision =
  | {
      readonly do: 'end';
      readonly outcome: 'Absent' | 'Paused' | 'Converged' | 'Waiting' | 'Failed';
      readonly reason: string;
      readonly requeueSeconds?: number;
      /** Each time in a row after twice the time, up to this. */
      readonly atMostSeconds?: number;
    }
  | { readonly do: 'operate'; readonly operation: string; readonly reason: string };

const SLOW_REQUEUE_SECONDS = 120;
const SLOWEST_REQUEUE_SECONDS = 1800;

/**
 * The gates every kind shares, in upstream's order: absent, paused (blocks deletion too), deletion, recorded failure. Undefined: go on. A deletion is
 * tried again whatever it failed by, unless a person stopped it.
 */
export function commonGates(facts: CommonFacts, deleteOperation: string): Decision | undefined {
  if (!facts.exists) return { do: 'end', outcome: 'Absent', reason: 'object no longer exists' };
  if (facts.paused) return { do: 'end', outcome: 'Paused', reason: 'the object or its Cluster is paused' };
  const failure = facts.failure?.attempt === facts.attempt ? facts.failure : undefined;
  const stopped = failure?.type === 'Cancelled' && failure.operation === deleteOperation;
  if (facts.deleting && !stopped) return { do: 'operate', operation: deleteOperation, reason: 'deletion requested' };
  if (failure) {
    const slow = SLOW_REQUEUE_FAILURES.has(failure.type);
    return {
      do: 'end',
      outcome: 'Failed',
      reason: `${failure.operation} failed: ${failure.type}: ${failure.message}`.slice(0, 300),
      ...(slow ? { requeueSeconds: SLOW_REQUEUE_SECONDS, atMostSeconds: SLOWEST_REQUEUE_SECONDS } : {}),
    };
  }
  return undefined;
}
