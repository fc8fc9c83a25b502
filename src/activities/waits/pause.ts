/** Resolves after `ms`, or rejects with the abort reason as soon as `signal` fires. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason);
      return;
    }
    const done = (): void => {
      signal.removeEventListener('abort', stop);
      resolve();
    };
    const timer = setTimeout(done, ms);
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    signal.addEventListener('abort', stop, { once: true });
  });
}

const GROWTH = 1.25;
/** How much longer than at first a pause gets, unless told otherwise. */
const MOST = 8;
/** The same for who is told of changes: then looking by oneself is only for what nobody told. */
const MOST_WHEN_TOLD = 60;
/** A look that takes long is not taken more often than lets it have this part of the time. */
const LOOK_SHARE = 5;

/** Hears of changes of what a wait is about. */
export interface Ear {
  /** A point in time to wait from. */
  mark(): number;
  /** Whether everything is heard of just now. */
  hears(): boolean;
  /** Resolves when something changed after `since`; rejects with the signal's reason. */
  next(since: number, signal: AbortSignal): Promise<void>;
}

/**
 * Pauses between two looks: the longer nothing changes the longer they get, up to eight times the first; after a change they start anew. What happens
 * soon is seen soon, and a hundred machines that boot for minutes do not keep the API server busy. With an ear that hears, a pause ends when something
 * changed, and else is long.
 */
export class Pace {
  readonly #first: number;
  readonly #signal: AbortSignal;
  readonly #ear: Ear | undefined;
  readonly #most: number;
  #next: number;
  #state: string | undefined;
  /** What happened after this was not looked at yet. */
  #mark: number;
  #lookedAt = performance.now();

  /** `most`: how many times the first the longest pause is. */
  constructor(firstMs: number, signal: AbortSignal, ear?: Ear, most: number = MOST) {
    this.#first = firstMs;
    this.#most = most;
    this.#next = firstMs;
    this.#signal = signal;
    this.#ear = ear;
    this.#mark = ear?.mark() ?? 0;
  }

  /** How long the next pause is, having seen `state`, milliseconds. */
  nextMs(state: unknown): number {
    const text = JSON.stringify(state);
    if (text !== this.#state) this.#next = this.#first;
    this.#state = text;
    const ms = this.#next;
    this.#next = Math.min(ms * GROWTH, this.#first * this.#most);
    return ms;
  }

  async rest(state: unknown): Promise<void> {
    const ms = this.nextMs(state);
    const lookMs = performance.now() - this.#lookedAt;
    if (this.#ear?.hears()) {
      // changes come in flocks, and the look itself may have made one
      await pause(Math.max(this.#first, LOOK_SHARE * lookMs), this.#signal);
      await this.#listen(this.#ear, this.#first * MOST_WHEN_TOLD);
    } else await pause(ms, this.#signal);
    this.#mark = this.#ear?.mark() ?? 0;
    this.#lookedAt = performance.now();
  }

  async #listen(ear: Ear, ms: number): Promise<void> {
    const enough = new AbortController();
    const signal = AbortSignal.any([this.#signal, enough.signal]);
    const told = ear.next(this.#mark, signal).catch(() => undefined);
    try {
      await Promise.race([told, pause(ms, signal).catch(() => undefined)]);
    } finally {
      enough.abort();
    }
    this.#signal.throwIfAborted();
  }
}
