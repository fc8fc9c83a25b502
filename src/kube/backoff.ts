export interface BackoffOptions {
  readonly baseMs: number;
  readonly capMs: number;
  /** In [0, 1); injected by tests. */
  readonly random?: () => number;
}

/** Exponential delays with jitter between half and the whole step, so that many clients do not come back at once. */
export interface Backoff {
  /** The next delay, at least `floorMs` (a Retry-After). */
  next(floorMs?: number): number;
  reset(): void;
}

export function backoff({ baseMs, capMs, random = Math.random }: BackoffOptions): Backoff {
  let failures = 0;
  return {
    next(floorMs = 0) {
      const step = Math.min(capMs, baseMs * 2 ** failures);
      if (step < capMs) failures += 1;
      return Math.max(floorMs, step * (0.5 + random() / 2));
    },
    reset() {
      failures = 0;
    },
  };
}
