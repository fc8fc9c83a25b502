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
/** How much longer than at first a pause gets. */
const MOST = 8;

/**
 * Pauses between two looks: the longer nothing changes the longer they get, up to eight times the first; after a change they start anew. What happens
 * soon is seen soon, and a hundred machines that boot for minutes do not keep the API server busy.
 */
export class Pace {
  readonly #first: number;
  readonly #signal: AbortSignal;
  #next: number;
  #state: string | undefined;

  constructor(firstMs: number, signal: AbortSignal) {
    this.#first = firstMs;
    this.#next = firstMs;
    this.#signal = signal;
  }

  /** How long the next pause is, having seen `state`, milliseconds. */
  nextMs(state: unknown): number {
    const text = JSON.stringify(state);
    if (text !== this.#state) this.#next = this.#first;
    this.#state = text;
    const ms = this.#next;
    this.#next = Math.min(ms * GROWTH, this.#first * MOST);
    return ms;
  }

  rest(state: unknown): Promise<void> {
    return pause(this.nextMs(state), this.#signal);
  }
}
