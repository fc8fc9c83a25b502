import { KINDS } from '../api/types/kinds.js';
import type { KubeObject } from '../api/types/meta.js';
import { isFailure } from '../domain/errors.js';
import type { Log } from '../telemetry/log.js';
import type { Kube } from './kube.js';
import { sleep } from './rate-limit.js';

export interface LeaderElectionOptions {
  readonly kube: Pick<Kube, 'create' | 'modify'>;
  readonly namespace: string;
  readonly name: string;
  /** Unique per process, e.g. pod name and a random part. */
  readonly identity: string;
  readonly log: Log;
  /** How long others wait after the last renewal they saw. Default 15 s. */
  readonly leaseDurationMs?: number;
  /** How long the leader keeps trying to renew before it steps down; less than the lease. Default 10 s. */
  readonly renewDeadlineMs?: number;
  /** Between attempts. Default 2 s. */
  readonly retryPeriodMs?: number;
  readonly now?: () => number;
}

/** coordination.k8s.io/v1 Lease as far as elections use it. */
export interface Lease extends KubeObject {
  spec?: {
    holderIdentity?: string;
    leaseDurationSeconds?: number;
    acquireTime?: string;
    renewTime?: string;
    leaseTransitions?: number;
  };
}

/**
 * Elects one leader by a Lease, compatible with client-go's lease lock. Other holders' clocks are never trusted: a lease counts as expired when
 * it did not change for its duration by our own clock.
 */
export class LeaderElector {
  readonly #options: LeaderElectionOptions;
  readonly #now: () => number;
  readonly #leaseMs: number;
  readonly #renewMs: number;
  readonly #retryMs: number;
  #observed: { readonly record: string; readonly at: number } | undefined;
  #leading = false;
  #holder: string | undefined;

  constructor(options: LeaderElectionOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#leaseMs = options.leaseDurationMs ?? 15_000;
    this.#renewMs = options.renewDeadlineMs ?? 10_000;
    this.#retryMs = options.retryPeriodMs ?? 2_000;
  }

  get leading(): boolean {
    return this.#leading;
  }

  /** Who held the lease when it was last read. */
  get holder(): string | undefined {
    return this.#holder;
  }

  /**
   * Runs `lead` whenever this process is the leader, with a signal that aborts when it no longer is; waits for it to end before it competes
   * again. Ends when `signal` aborts, after giving the lease back. Rejects only when `lead` rejects.
   */
  async run(signal: AbortSignal, lead: (leading: AbortSignal) => Promise<void>): Promise<void> {
    while (!signal.aborted) {
      if (await this.#attempt(signal)) await this.#hold(signal, lead);
      else await this.#pause(signal);
    }
  }

  async #hold(signal: AbortSignal, lead: (leading: AbortSignal) => Promise<void>): Promise<void> {
    const { log, identity } = this.#options;
    const term = new AbortController();
    const leading = AbortSignal.any([signal, term.signal]);
    this.#leading = true;
    log.info('became leader', { identity });
    let failure: { readonly error: unknown } | undefined;
    const work = lead(leading).catch((error: unknown) => {
      if (!leading.aborted) failure = { error };
      term.abort(error);
    });
    await this.#renew(leading);
    this.#leading = false;
    if (!signal.aborted && !failure) log.warn('lost leadership', { identity, holder: this.#holder ?? 'unknown' });
    term.abort(new Error('leadership lost'));
    await work;
    if (signal.aborted || failure) await this.#release();
    if (failure) throw failure.error;
  }

  async #renew(leading: AbortSignal): Promise<void> {
    let renewed = this.#now();
    while (!leading.aborted) {
      await this.#pause(leading);
      const started = this.#now();
      const left = renewed + this.#renewMs - started;
      if (leading.aborted || left <= 0) return;
      // Never waits past the deadline: a successor may take over when the lease has run out.
      if (await this.#attempt(leading, left)) renewed = started;
      else if (this.#holder !== this.#options.identity) return;
    }
  }

  /** One try to take or renew the lease; true when it is ours now. Failures are "no". */
  async #attempt(signal: AbortSignal, limitMs = this.#renewMs): Promise<boolean> {
    const { kube, namespace, name, identity, log } = this.#options;
    const timeout = AbortSignal.any([
      signal,
      AbortSignal.timeout(Math.min(limitMs, Math.max(1_000, this.#renewMs / 2))),
    ]);
    try {
      const lease =
        (await kube.modify<Lease>(KINDS.Lease, { namespace, name }, (current) => this.#claim(current), {
          signal: timeout,
        })) ?? (await this.#create(timeout));
      this.#holder = lease?.spec?.holderIdentity;
      return this.#holder === identity;
    } catch (error) {
      if (!signal.aborted && !isFailure(error, 'Conflict')) log.debug('lease attempt failed', { name, error });
      return false;
    }
  }

  #claim(current: Lease): Lease | undefined {
    const { identity } = this.#options;
    const spec = current.spec ?? {};
    const record = JSON.stringify([spec.holderIdentity, spec.renewTime, spec.acquireTime, spec.leaseTransitions]);
    if (this.#observed?.record !== record) this.#observed = { record, at: this.#now() };
    const mine = spec.holderIdentity === identity;
    const validMs = (spec.leaseDurationSeconds ?? this.#leaseMs / 1_000) * 1_000;
    if (spec.holderIdentity && !mine && this.#now() < this.#observed.at + validMs) return undefined;
    const time = microTime(this.#now());
    return {
      ...current,
      spec: {
        ...spec,
        holderIdentity: identity,
        leaseDurationSeconds: Math.ceil(this.#leaseMs / 1_000),
        renewTime: time,
        acquireTime: mine ? (spec.acquireTime ?? time) : time,
        leaseTransitions: (spec.leaseTransitions ?? 0) + (mine ? 0 : 1),
      },
    };
  }

  async #create(signal: AbortSignal): Promise<Lease | undefined> {
    const { kube, namespace, name } = this.#options;
    const lease: Lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { namespace, name } };
    return await kube.create<Lease>(KINDS.Lease, this.#claim(lease) ?? lease, { signal });
  }

  /** Gives the lease back so that a successor need not wait for it to expire. Best effort. */
  async #release(): Promise<void> {
    const { kube, namespace, name, identity, log } = this.#options;
    const give = (current: Lease): Lease | undefined => {
      if (current.spec?.holderIdentity !== identity) return undefined;
      return {
        ...current,
        spec: { ...current.spec, holderIdentity: '', leaseDurationSeconds: 1, renewTime: microTime(this.#now()) },
      };
    };
    await kube
      .modify<Lease>(KINDS.Lease, { namespace, name }, give, { signal: AbortSignal.timeout(2_000) })
      .catch((error: unknown) => log.debug('could not release the lease', { name, error }));
  }

  /** Never rejects; jittered so that candidates do not collide. */
  async #pause(signal: AbortSignal): Promise<void> {
    await sleep(this.#retryMs * (0.9 + Math.random() * 0.3), signal).catch(() => undefined);
  }
}

/** metav1.MicroTime has exactly six digits. */
function microTime(ms: number): string {
  return new Date(ms).toISOString().replace('Z', '000Z');
}
