import { setTimeout as sleep } from 'node:timers/promises';
import { notYet } from '../../../domain/errors.js';
import { isNotVisibleYet } from './errors.js';

const FIRST_MS = 1_000;
const LONGEST_MS = 5_000;
const DEADLINE_MS = 10 * 60_000;

export interface Waiting {
  readonly signal: AbortSignal;
  heartbeat(details: string): void;
}

/**
 * Asks until `probe` gives something, after 1 s, then ever later up to 5 s, telling Temporal each time. After ten minutes it throws `NotYet`, so that
 * the slot is given back and the wait goes on with the next attempt.
 */
export async function pollUntil<T>(ctx: Waiting, what: string, probe: () => Promise<T | undefined>): Promise<T> {
  const started = performance.now();
  for (let delay = FIRST_MS; ; delay = Math.min(delay * 1.5, LONGEST_MS)) {
    ctx.signal.throwIfAborted();
    ctx.heartbeat(`waiting: ${what}`);
    const found = await probe();
    if (found !== undefined) return found;
    if (performance.now() - started > DEADLINE_MS) throw notYet(`still waiting: ${what}`, 15_000);
    await sleep(delay, undefined, { signal: ctx.signal });
  }
}

/** Runs `call` again, at most 5 times within about 8 s, while AWS does not know a thing that it has just made. */
export async function whenVisible<T>(ctx: Waiting, call: () => Promise<T>): Promise<T> {
  for (let attempt = 1, delay = 500; ; attempt++, delay *= 2) {
    try {
      return await call();
    } catch (error) {
      if (attempt === 5 || !isNotVisibleYet(error)) throw error;
      ctx.heartbeat('waiting: a new resource to become visible');
      await sleep(delay, undefined, { signal: ctx.signal });
    }
  }
}

/** Maps with at most `width` running at once, in order. The first failure is thrown after all that had begun are done. */
export async function mapLimited<T, R>(items: readonly T[], width: number, run: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = new Array(items.length);
  let next = 0;
  let failure: unknown;
  let failed = false;
  const worker = async (): Promise<void> => {
    while (next < items.length && !failed) {
      const index = next++;
      try {
        results[index] = await run(items[index] as T);
      } catch (error) {
        failed = true;
        failure ??= error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, worker));
  if (failed) throw failure;
  return results;
}
