import type { Environment } from '../../config/environment.js';

export type { Environment };

/** What building and installing needs from the caller. */
export interface ToolContext {
  /** Cache shared by all checkouts and processes of this user; `cacheDir` of src/config. */
  readonly cacheDir: string;
  /** Environment for child processes; PATH and Go's own settings are read from it. */
  readonly env: Environment;
  /** Called with one line for a person before and during long steps. */
  readonly progress?: (line: string) => void;
  /** Ends child processes and waits. */
  readonly signal?: AbortSignal;
}

/** "1m05s" for 65,000 ms. */
export function elapsed(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds}s`;
  return `${Math.floor(seconds / 60)}m${String(seconds % 60).padStart(2, '0')}s`;
}

const REMINDER_MS = 30_000;

/**
 * Runs `work` between two progress lines, "what…" and "what: done (1m05s)", with a reminder every half minute so that a person knows that it
 * still goes on.
 */
export async function withProgress<T>(ctx: ToolContext, what: string, work: () => Promise<T>): Promise<T> {
  const started = performance.now();
  const since = () => elapsed(performance.now() - started);
  ctx.progress?.(`${what}…`);
  const reminder = setInterval(() => ctx.progress?.(`${what}… still at it after ${since()}`), REMINDER_MS);
  try {
    const result = await work();
    ctx.progress?.(`${what}: done (${since()})`);
    return result;
  } finally {
    clearInterval(reminder);
  }
}
