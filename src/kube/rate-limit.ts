/** Waits for a token; rejects with the signal's reason when aborted. */
export type RateLimiter = (signal?: AbortSignal) => Promise<void>;

/** Token bucket: `burst` at once, `qps` per second in the long run, first come first served. */
export function tokenBucket(qps: number, burst: number, now: () => number = Date.now): RateLimiter {
  let tokens = burst;
  let at = now();
  return async (signal) => {
    signal?.throwIfAborted();
    const t = now();
    tokens = Math.min(burst, tokens + ((t - at) / 1_000) * qps) - 1;
    at = t;
    // A negative balance is a place in the queue: each waiter sleeps until its own token is minted.
    if (tokens < 0) {
      try {
        await sleep((-tokens / qps) * 1_000, signal);
      } catch (error) {
        tokens += 1;
        throw error;
      }
    }
  };
}

/** Resolves after `ms`; rejects with the signal's reason when aborted. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason as Error);
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
