import { setTimeout as sleep } from 'node:timers/promises';

const WINDOW_MS = 200;
const BATCH = 200;

/** Fetches many things at once; a missing id is simply absent from the answer. */
export type FetchMany<T> = (ids: readonly string[], signal: AbortSignal) => Promise<ReadonlyMap<string, T>>;

/** Coalesces reads of single things by concurrent activities into few calls. It keeps nothing: every answer is newer than its question. */
export interface Reads {
  /**
   * The thing `id`, or undefined when absent. Questions under the same `key` that come within 200 ms are asked with one call, at most 200 ids
   * each. `signal` ends this caller's wait, not the shared call.
   */
  one<T>(key: string, id: string, fetch: FetchMany<T>, signal: AbortSignal): Promise<T | undefined>;
}

export function createReads(windowMs = WINDOW_MS): Reads {
  interface Batch {
    readonly ids: Set<string>;
    readonly result: Promise<ReadonlyMap<string, unknown>>;
  }
  const open = new Map<string, Batch>();

  const join = <T>(key: string, id: string, fetch: FetchMany<T>): Batch => {
    const current = open.get(key);
    if (current && (current.ids.size < BATCH || current.ids.has(id))) {
      current.ids.add(id);
      return current;
    }
    const ids = new Set([id]);
    const run = async (): Promise<ReadonlyMap<string, unknown>> => {
      await sleep(windowMs);
      if (open.get(key) === batch) open.delete(key);
      return await fetch([...ids].sort(), AbortSignal.timeout(30_000));
    };
    const batch: Batch = { ids, result: Promise.resolve().then(run) };
    open.set(key, batch);
    return batch;
  };

  return {
    async one<T>(key: string, id: string, fetch: FetchMany<T>, signal: AbortSignal): Promise<T | undefined> {
      signal.throwIfAborted();
      const { result } = join(key, id, fetch);
      return (await raceAbort(result, signal)).get(id) as T | undefined;
    },
  };
}

async function raceAbort<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  let stop: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    if (stop) signal.removeEventListener('abort', stop);
  }
}
