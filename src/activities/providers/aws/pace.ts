import { setTimeout as sleep } from 'node:timers/promises';
import { PerdureError } from '../../../domain/errors.js';

const FIRST_MS = 500;
const LONGEST_MS = 60_000;
/** Waits up to this are made here; longer ones give the slot back and go on with the next attempt. */
const WAIT_MS = 3_000;
/** After so long without a refusal the account is as if it had never been refused. */
const FORGIVEN_MS = 2 * 60_000;

/** How an account that AWS throttles is slowed: all who call it wait, not only the one that was refused. */
export interface Pace {
  /** Waits until the account may be called. Throws `Throttled` with the time to come back at when that is long. */
  pass(signal: AbortSignal): Promise<void>;
  /** AWS refused a call because there were too many. */
  refused(): void;
}

/**
 * The pace of one account and region in this process: each refusal that comes after the last pause doubles the pause, up to a minute, spread by half so that
 * all do not come back at once; two minutes without any forgive. Refusals during a pause are answers to calls from before it, and count once.
 */
export function createPace(account: string, now: () => number = Date.now, random: () => number = Math.random): Pace {
  let pause = 0;
  let until = 0;
  return {
    async pass(signal) {
      const left = until - now();
      if (left <= 0) return;
      if (left > WAIT_MS) {
        throw new PerdureError('Throttled', `AWS throttles ${account}; all calls to it wait`, { retryAfterMs: left });
      }
      await sleep(left, undefined, { signal });
    },
    refused() {
      const time = now();
      if (time < until) return;
      pause = time - until > FORGIVEN_MS ? FIRST_MS : Math.min(Math.max(pause * 2, FIRST_MS), LONGEST_MS);
      until = time + pause * (0.5 + random() / 2);
    },
  };
}
