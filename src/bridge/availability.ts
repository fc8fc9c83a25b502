import { type BackoffOptions, backoff } from '../kube/backoff.js';
import { sleep } from '../kube/rate-limit.js';
import type { Log } from '../telemetry/log.js';

export interface AvailabilityOptions {
  /** What it is, for logs: `Temporal`. */
  readonly name: string;
  /** Resolves when the service answers again. */
  readonly probe: (signal: AbortSignal) => Promise<unknown>;
  readonly log: Log;
  readonly onChange?: (up: boolean) => void;
  /** Between probes. Default 0.5 s doubling to 10 s. */
  readonly backoff?: BackoffOptions;
}

export interface AvailabilityStatus {
  readonly up: boolean;
  readonly reason?: string;
}

/**
 * A gate before a service that may be gone for hours: the first failure closes it, one prober opens it again, everybody else waits instead of
 * failing. One log line per change.
 */
export class Availability {
  readonly #options: AvailabilityOptions;
  #reason: string | undefined;
  #recovered: Promise<void> | undefined;

  constructor(options: AvailabilityOptions) {
    this.#options = options;
  }

  status(): AvailabilityStatus {
    return this.#reason === undefined ? { up: true } : { up: false, reason: this.#reason };
  }

  /** Resolves at once while the service is up, else when it is again, or when `signal` aborts. */
  async wait(): Promise<void> {
    await this.#recovered;
  }

  /** Closes the gate and starts probing until the service answers or `signal` aborts. */
  down(reason: string, signal: AbortSignal): void {
    const first = this.#reason === undefined;
    this.#reason = reason;
    if (!first) return;
    this.#options.log.warn(`${this.#options.name} is unavailable, waiting`, { reason });
    this.#options.onChange?.(false);
    this.#recovered = this.#probe(signal);
  }

  async #probe(signal: AbortSignal): Promise<void> {
    const delays = backoff(this.#options.backoff ?? { baseMs: 500, capMs: 10_000 });
    const started = Date.now();
    while (!signal.aborted) {
      await sleep(delays.next(), signal).catch(() => undefined);
      if (signal.aborted) break;
      try {
        await this.#options.probe(signal);
        this.#options.log.info(`${this.#options.name} is available again`, {
          afterSeconds: Math.round((Date.now() - started) / 1_000),
        });
        break;
      } catch (error) {
        this.#reason = error instanceof Error ? error.message : String(error);
      }
    }
    this.#reason = undefined;
    this.#recovered = undefined;
    if (!signal.aborted) this.#options.onChange?.(true);
  }
}
