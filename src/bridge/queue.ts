/** 1 is served first. Within a priority: first come, first served. */
export type Priority = 1 | 2 | 3 | 4 | 5;

export interface QueueOptions {
  /** Back-off of a key that fails: `baseMs`, doubled each time, at most `capMs`. Default 5 ms to 1,000 s, as client-go. */
  readonly baseMs?: number;
  readonly capMs?: number;
}

export interface QueueItem {
  readonly key: string;
  readonly priority: Priority;
}

interface Delayed {
  readonly at: number;
  readonly priority: Priority;
  readonly timer: NodeJS.Timeout;
}

const PRIORITIES: readonly Priority[] = [1, 2, 3, 4, 5];

/**
 * A work queue with client-go's semantics: a key waits at most once, is worked on by one worker at a time, and when it is added while being
 * worked on it is worked on again afterwards. So no change is lost and none is handled twice at once. Source: client-go util/workqueue.
 */
export class WorkQueue {
  readonly #baseMs: number;
  readonly #capMs: number;
  readonly #waiting = new Map<Priority, Set<string>>(PRIORITIES.map((p) => [p, new Set()]));
  readonly #priorityOf = new Map<string, Priority>();
  readonly #processing = new Set<string>();
  readonly #dirty = new Map<string, Priority>();
  readonly #delayed = new Map<string, Delayed>();
  readonly #failures = new Map<string, number>();
  readonly #takers: ((item: QueueItem | undefined) => void)[] = [];
  #closed = false;

  constructor(options: QueueOptions = {}) {
    this.#baseMs = options.baseMs ?? 5;
    this.#capMs = options.capMs ?? 1_000_000;
  }

  /** Keys that wait for a worker, those being worked on again included; not the delayed ones. */
  get depth(): number {
    return this.#priorityOf.size + this.#dirty.size;
  }

  /** Keys that wait for their time. */
  get delayed(): number {
    return this.#delayed.size;
  }

  /** Adds a key, or raises the priority of one that waits. */
  add(key: string, priority: Priority = 3): void {
    if (this.#closed) return;
    if (this.#processing.has(key)) {
      this.#dirty.set(key, higher(this.#dirty.get(key), priority));
      return;
    }
    const present = this.#priorityOf.get(key);
    if (present !== undefined && present <= priority) return;
    if (present !== undefined) this.#waiting.get(present)?.delete(key);
    const taker = present === undefined ? this.#takers.shift() : undefined;
    if (taker) {
      this.#processing.add(key);
      taker({ key, priority });
      return;
    }
    this.#priorityOf.set(key, priority);
    this.#waiting.get(priority)?.add(key);
  }

  /** Adds a key after `ms`; of several times the earliest counts. */
  addAfter(key: string, ms: number, priority: Priority = 3): void {
    if (this.#closed) return;
    if (ms <= 0) {
      this.add(key, priority);
      return;
    }
    const at = Date.now() + ms;
    const known = this.#delayed.get(key);
    if (known) {
      clearTimeout(known.timer);
      this.#delayed.delete(key);
    }
    const due = known ? Math.min(known.at, at) : at;
    const urgent = higher(known?.priority, priority);
    const timer = setTimeout(
      () => {
        this.#delayed.delete(key);
        this.add(key, urgent);
      },
      Math.max(0, due - Date.now()),
    );
    this.#delayed.set(key, { at: due, priority: urgent, timer });
  }

  /** Adds a key after its back-off, which grows until `forget`. */
  addRateLimited(key: string, priority: Priority = 3): void {
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    this.addAfter(key, Math.min(this.#capMs, this.#baseMs * 2 ** failures), priority);
  }

  /** Ends the back-off of a key. */
  forget(key: string): void {
    this.#failures.delete(key);
  }

  failures(key: string): number {
    return this.#failures.get(key) ?? 0;
  }

  /** The next key, as soon as there is one; undefined when the queue is closed. Call `done` when it is worked off, whatever came of it. */
  take(): Promise<QueueItem | undefined> {
    if (this.#closed) return Promise.resolve(undefined);
    for (const priority of PRIORITIES) {
      const next = this.#waiting.get(priority)?.keys().next();
      if (!next || next.done) continue;
      const key = next.value;
      this.#waiting.get(priority)?.delete(key);
      this.#priorityOf.delete(key);
      this.#processing.add(key);
      return Promise.resolve({ key, priority });
    }
    return new Promise((resolve) => this.#takers.push(resolve));
  }

  done(key: string): void {
    this.#processing.delete(key);
    const again = this.#dirty.get(key);
    this.#dirty.delete(key);
    if (again !== undefined) this.add(key, again);
  }

  /** Drops everything that waits and lets takers go. */
  close(): void {
    this.#closed = true;
    for (const { timer } of this.#delayed.values()) clearTimeout(timer);
    this.#delayed.clear();
    this.#dirty.clear();
    this.#priorityOf.clear();
    for (const set of this.#waiting.values()) set.clear();
    for (const taker of this.#takers.splice(0)) taker(undefined);
  }
}

function higher(a: Priority | undefined, b: Priority): Priority {
  return a !== undefined && a < b ? a : b;
}
