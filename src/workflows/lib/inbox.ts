import { CancellationScope, condition, isCancellation, setHandler, workflowInfo } from '@temporalio/workflow';
import { changed, retryNow } from '../messages.js';
import type { Change } from '../types.js';

/** The operation a lane runs, as far as signals may interrupt it. */
export interface Running {
  readonly generation: number;
  /** A newer spec may interrupt it without harm; it is planned again from what is there. */
  readonly supersedable: boolean;
  /** Nothing but a pause interrupts it. */
  readonly deletion: boolean;
}

/** What arrives for a lane: signals, and cancellation by a person. Create it first thing, so that it sees the very first signal. */
export class Inbox {
  /** Something arrived after the last look. */
  pending = false;
  /** A person asks for another attempt of what failed. */
  retry: boolean;
  /** A person cancelled the lane: what runs stops, nothing new begins. */
  stopped = false;
  /** The object is, or is about to be, on its way out. */
  deleting = false;
  #running: (Running & { readonly scope: CancellationScope; interrupted: boolean }) | undefined;

  constructor(retry: boolean) {
    this.retry = retry;
    setHandler(changed, (change) => this.#take(change), {
      description: 'The bridge: the object or something it depends on changed',
    });
    setHandler(
      retryNow,
      () => {
        this.pending = true;
        this.retry = true;
      },
      { description: 'A person asks for another attempt of what failed' },
    );
    CancellationScope.current().cancelRequested.catch(() => {
      this.stopped = true;
      if (this.#running && !this.#running.deletion) this.#running.scope.cancel();
    });
  }

  #take(change: Change): void {
    this.pending = true;
    const deleted = change.deleting && !this.deleting;
    if (deleted) this.deleting = true;
    const running = this.#running;
    if (!running || (running.deletion && !change.paused)) return;
    const superseded = running.supersedable && change.generation > running.generation;
    // A history that is about to reach the server's limit is left in time: what was interrupted goes on in the next run.
    if (deleted || change.paused || superseded || workflowInfo().continueAsNewSuggested) {
      running.interrupted = true;
      running.scope.cancel();
    }
  }

  /**
   * Runs an operation. `interrupted`: something that arrived made it stop, look again. Rejects when it failed, and with a cancellation when a person
   * cancelled it or the lane.
   */
  async run(operation: Running, work: () => Promise<void>): Promise<'done' | 'interrupted'> {
    const scope = new CancellationScope();
    const running = { ...operation, scope, interrupted: false };
    this.#running = running;
    try {
      await scope.run(work);
      return 'done';
    } catch (error) {
      if (isCancellation(error) && running.interrupted) return 'interrupted';
      throw error;
    } finally {
      this.#running = undefined;
    }
  }

  /** Waits for anything to arrive, at most `ms`. Answers whether it did. */
  waitMs(ms: number): Promise<boolean> {
    return condition(() => this.pending || this.stopped, ms);
  }

  /** Rests after a failure. Changes do not end it, or a failing lane would spin on the traces it leaves; people and a deletion do. */
  async restMs(ms: number): Promise<void> {
    const { deleting } = this;
    await condition(() => this.retry || this.stopped || this.deleting !== deleting, ms);
  }
}
