import type { KubeObject } from '../api/types/meta.js';
import { isPaused, keyOf } from '../domain/contract.js';
import type { Log } from '../telemetry/log.js';
import { laneId } from '../workflows/names.js';
import type { Availability } from './availability.js';
import { isConverged } from './converged.js';
import { clusterOf, dependenciesOf } from './dependencies.js';
import { type LanePort, type LaneSignal, SignalError } from './lane-port.js';
import type { BridgeMetrics } from './metrics.js';
import type { QueueItem, WorkQueue } from './queue.js';
import { parseRefKey } from './references.js';
import { signalFor } from './signal.js';
import { hasGap, onlyChildrenChanged, onlySettled, onlySettling, reasonFor, type Token, tokenFor } from './token.js';
import { childIntervalOf, isWaiting } from './waiting.js';
import type { World } from './world.js';

export interface SignallerOptions {
  readonly world: World;
  readonly queue: WorkQueue;
  readonly port: LanePort;
  readonly temporal: Availability;
  readonly metrics: BridgeMetrics;
  readonly log: Log;
  /** Only objects it accepts are acted on. */
  readonly selects: (object: KubeObject) => boolean;
  /** Signals converged objects too when they are seen first. */
  readonly signalConverged: boolean;
  /** Shortest time between two signals to one lane, deletions excepted: makes one signal of a burst. */
  readonly minIntervalMs: number;
  /**
   * The same where nothing but objects below this one changed: their counts are summed up, which may lag, and each signal to a lane that waits costs
   * four events.
   */
  readonly childIntervalMs: Readonly<Record<string, number>>;
}

const COSTLY_LOOK_MS = 2;
const REST_FACTOR = 20;
/** So long something must stand that whoever follows it would tell in a moment. */
const SETTLE_MS = 10_000;
/** A lane that was told, and yet its status still says otherwise than the workload cluster, is told again: later each time. */
const AGAIN_MS = 60_000;
const AGAIN_GROWTH = 4;
const AGAIN_AT_MOST_MS = 6 * 3_600_000;

interface Acknowledged {
  readonly token: Token;
  readonly at: number;
  /** How often in a row this very token was told. */
  readonly times: number;
}

/**
 * Works the queue off: compares what a lane would look at with what it was last told, and tells it when that differs. What was told is
 * remembered only after Temporal took it, so a crash or failure repeats a signal and never loses one.
 */
export class Signaller {
  readonly #options: SignallerOptions;
  readonly #told = new Map<string, Acknowledged>();
  readonly #restUntil = new Map<string, number>();
  /** Since when a token is seen that may settle by itself. */
  readonly #settling = new Map<string, { readonly hash: string; readonly since: number }>();
  /** Keys whose lanes look again although nothing they wait for changed. */
  readonly #forced = new Set<string>();
  #rejected: string | undefined;
  #forgotten = 0;

  constructor(options: SignallerOptions) {
    this.#options = options;
  }

  /** The last refusal of Temporal that only a person can cure; undefined when the last signal was taken. */
  get rejection(): string | undefined {
    return this.#rejected;
  }

  /** Forgets all that was told: lanes may have lost it. What is not converged is told again when it is next looked at. */
  forget(): void {
    this.#told.clear();
    this.#forgotten += 1;
  }

  /** One worker; ends when the queue is closed. */
  async work(signal: AbortSignal): Promise<void> {
    const { queue, temporal } = this.#options;
    for (;;) {
      const item = await queue.take();
      if (!item) return;
      // The key is held meanwhile: changes of it are noted, and what is sent afterwards is the newest state.
      await temporal.wait();
      if (signal.aborted) return;
      try {
        if ((await this.#process(item, signal)) !== 'later') queue.forget(item.key);
      } catch (error) {
        this.#failed(item, error, signal);
      } finally {
        queue.done(item.key);
      }
    }
  }

  /** Has the lane of `key` look again, whatever it was told before; the key is to be queued by the caller. */
  force(key: string): void {
    this.#forced.add(key);
  }

  /** Forgets a deleted object. A lane that does not know of the deletion, because it was forced, is woken if it is open. */
  async removed(object: KubeObject, signal: AbortSignal): Promise<void> {
    const key = keyOf(object);
    this.#told.delete(key.uid);
    this.#restUntil.delete(key.uid);
    this.#settling.delete(key.uid);
    if (object.metadata.deletionTimestamp !== undefined || signal.aborted) return;
    try {
      await this.#options.port.signalIfOpen(laneId(key), {
        generation: object.metadata.generation ?? 0,
        deleting: true,
        reason: 'the object is gone',
      });
    } catch (error) {
      this.#options.log.debug('could not tell a lane that its object is gone', { lane: laneId(key), error });
    }
  }

  async #process(item: QueueItem, signal: AbortSignal): Promise<'later' | undefined> {
    const { world, metrics, queue, minIntervalMs, childIntervalMs, signalConverged } = this.#options;
    const object = world.get(parseRefKey(item.key));
    if (!object) return undefined;
    const skip = (why: string): undefined => {
      metrics.skipped.inc({ kind: object.kind, why });
    };
    if (!this.#options.selects(object)) return skip('filtered');
    const { uid } = keyOf(object);
    const restMs = (this.#restUntil.get(uid) ?? 0) - Date.now();
    if (restMs > 0) {
      queue.addAfter(item.key, restMs, item.priority);
      skip('resting');
      return 'later';
    }
    const paused = isPaused(object, clusterOf(object, world));
    const token = this.#look(object, paused);
    const before = this.#told.get(uid);
    const forced = this.#forced.has(item.key) && !paused;
    const same = before?.token.hash === token.hash && !forced;
    if (same) this.#settling.delete(uid);
    if (same && !hasGap(token)) return skip('nothing new');
    if (same) {
      const againMs = before.at + againAfterMs(before.times) - Date.now();
      if (againMs > 0) {
        queue.addAfter(item.key, againMs, 5);
        return skip('nothing new');
      }
    }
    if (!before && !forced && !signalConverged && isConverged(object, world, paused)) {
      this.#told.set(uid, { token, at: 0, times: 0 });
      return skip('converged');
    }
    if (!before && !forced && !signalConverged && isWaiting(object, world, paused)) {
      this.#told.set(uid, { token, at: 0, times: 0 });
      return skip('waiting');
    }
    if (before && !forced && !same && onlySettled(before.token, token)) {
      this.#told.set(uid, { token, at: before.at, times: 0 });
      this.#settling.delete(uid);
      return skip('settled');
    }
    const settleMs = before && !forced && !same && onlySettling(before.token, token) ? this.#settleMs(uid, token) : 0;
    if (settleMs > 0) {
      queue.addAfter(item.key, settleMs, item.priority);
      skip('may settle');
      return 'later';
    }
    const interval =
      before && onlyChildrenChanged(before.token, token)
        ? Math.max(minIntervalMs, childIntervalOf(object, childIntervalMs))
        : minIntervalMs;
    const dueMs = (before?.at ?? 0) + interval - Date.now();
    if (dueMs > 0 && !isNewDeletion(before?.token, token)) {
      queue.addAfter(item.key, dueMs, item.priority);
      skip('too soon');
      return 'later';
    }
    const forgotten = this.#forgotten;
    const reason =
      reasonFor(before?.token, token) ||
      (forced ? 'an owner, finalizer or label was removed' : 'the workload cluster still says otherwise');
    this.#forced.delete(item.key);
    try {
      await this.#send(signalFor(object, world, reason), object);
    } catch (error) {
      if (forced) this.#forced.add(item.key);
      throw error;
    }
    // What was told before the lanes were lost counts for nothing, even when its answer comes late.
    if (!signal.aborted && forgotten === this.#forgotten)
      this.#told.set(uid, { token, at: Date.now(), times: same ? before.times + 1 : 1 });
    this.#settling.delete(uid);
    if (hasGap(token)) queue.addAfter(item.key, againAfterMs(same ? before.times + 1 : 1), 5);
    return undefined;
  }

  /** How much longer this very token must be seen. */
  #settleMs(uid: string, { hash }: Token): number {
    const known = this.#settling.get(uid);
    if (known?.hash === hash) return known.since + SETTLE_MS - Date.now();
    this.#settling.set(uid, { hash, since: Date.now() });
    return SETTLE_MS;
  }

  /** A Cluster of a thousand machines takes milliseconds to look at and hears from each of them: it gets at most a part of the time. */
  #look(object: KubeObject, paused: boolean): Token {
    const started = performance.now();
    const token = tokenFor(object, dependenciesOf(object, this.#options.world), paused);
    const tookMs = performance.now() - started;
    const { uid } = keyOf(object);
    if (tookMs > COSTLY_LOOK_MS) this.#restUntil.set(uid, Date.now() + REST_FACTOR * tookMs);
    else this.#restUntil.delete(uid);
    return token;
  }

  async #send(lane: LaneSignal, object: KubeObject): Promise<void> {
    const { port, metrics, log } = this.#options;
    const end = metrics.signalSeconds.startTimer({ kind: object.kind });
    try {
      await port.signalWithStart(lane);
      metrics.signals.inc({ kind: object.kind, outcome: 'sent' });
      this.#rejected = undefined;
      log.debug('signalled lane', {
        lane: lane.workflowId,
        reason: lane.change.reason,
        generation: lane.change.generation,
      });
    } catch (error) {
      metrics.signals.inc({ kind: object.kind, outcome: error instanceof SignalError ? error.failure : 'failed' });
      throw error;
    } finally {
      end();
    }
  }

  #failed(item: QueueItem, error: unknown, signal: AbortSignal): void {
    if (signal.aborted) return;
    const { queue, temporal, log } = this.#options;
    if (error instanceof SignalError && error.failure === 'unavailable') {
      // Not the key's fault: it stays next in line, without back-off, and all workers wait at the gate.
      temporal.down(error.message, signal);
      queue.add(item.key, item.priority);
      return;
    }
    const first = queue.failures(item.key) === 0;
    queue.addRateLimited(item.key, item.priority);
    if (error instanceof SignalError && error.failure === 'throttled') return;
    this.#rejected = error instanceof Error ? error.message : String(error);
    if (first) log.error('Temporal refused a signal, retrying with back-off', { object: item.key, error });
  }
}

function againAfterMs(times: number): number {
  return Math.min(AGAIN_MS * AGAIN_GROWTH ** Math.max(0, times - 1), AGAIN_AT_MOST_MS);
}

/** A deletion is told at once; what becomes of a deleted object's children is not. */
function isNewDeletion(before: Token | undefined, after: Token): boolean {
  return (after.parts.get('deleting') ?? '') !== '' && before?.parts.get('deleting') !== after.parts.get('deleting');
}
