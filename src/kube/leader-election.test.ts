import { afterEach, expect, test } from '@jest/globals';
import type { KubeObject } from '../api/types/meta.js';
import { PerdureError } from '../domain/errors.js';
import { silentLog } from '../telemetry/log.js';
import type { Kube } from './kube.js';
import { LeaderElector, type Lease } from './leader-election.js';

const stops: AbortController[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop.abort(new Error('test over'));
});

/** One stored lease with optimistic locking, that can be cut off. */
function leaseStore() {
  let stored: Lease | undefined;
  let broken = false;
  const check = (): void => {
    if (broken) throw new PerdureError('Transient', 'down');
  };
  const kube: Pick<Kube, 'create' | 'modify'> = {
    async create<T extends KubeObject>(_kind: unknown, object: T) {
      check();
      if (stored) throw new PerdureError('Conflict', 'exists');
      stored = object as unknown as Lease;
      return object;
    },
    async modify<T extends KubeObject>(_kind: unknown, _ref: unknown, mutate: (current: T) => T | undefined) {
      check();
      if (!stored) return undefined;
      stored = (mutate(structuredClone(stored) as unknown as T) as unknown as Lease | undefined) ?? stored;
      return stored as unknown as T;
    },
  };
  return {
    kube,
    get spec() {
      return stored?.spec;
    },
    break: (value: boolean) => {
      broken = value;
    },
  };
}

function candidate(kube: Pick<Kube, 'create' | 'modify'>, identity: string) {
  const stop = new AbortController();
  stops.push(stop);
  const terms: AbortSignal[] = [];
  const listeners: (() => void)[] = [];
  const elector = new LeaderElector({
    kube,
    namespace: 'perdure',
    name: 'bridge',
    identity,
    log: silentLog,
    leaseDurationMs: 300,
    renewDeadlineMs: 100,
    retryPeriodMs: 5,
  });
  const run = elector.run(stop.signal, async (leading) => {
    terms.push(leading);
    for (const listener of listeners.splice(0)) listener();
    await new Promise<void>((resolve) => leading.addEventListener('abort', () => resolve(), { once: true }));
  });
  const term = (n: number): Promise<AbortSignal> =>
    new Promise((resolve) => {
      const look = (): void => {
        const found = terms[n];
        if (found) resolve(found);
        else listeners.push(look);
      };
      look();
    });
  return { elector, run, stop, terms, term };
}

const aborted = (signal: AbortSignal): Promise<void> =>
  signal.aborted
    ? Promise.resolve()
    : new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));

test('elects one of two and hands over at once when the leader stops', async () => {
  const store = leaseStore();
  const a = candidate(store.kube, 'a');
  await a.term(0);
  const b = candidate(store.kube, 'b');
  expect(store.spec).toMatchObject({ holderIdentity: 'a', leaseDurationSeconds: 1, leaseTransitions: 1 });
  a.stop.abort(new Error('stop'));
  await a.run;
  expect(store.spec?.holderIdentity).not.toBe('a');
  await b.term(0);
  expect(a.elector.leading).toBe(false);
  expect(b.elector.leading).toBe(true);
  expect(store.spec).toMatchObject({ holderIdentity: 'b' });
});

test('writes times with six digits, as MicroTime demands', async () => {
  const store = leaseStore();
  await candidate(store.kube, 'a').term(0);
  expect(store.spec?.renewTime).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
});

test('steps down when it cannot renew, and leads again when it can', async () => {
  const store = leaseStore();
  const a = candidate(store.kube, 'a');
  const first = await a.term(0);
  store.break(true);
  await aborted(first);
  expect(a.terms).toHaveLength(1);
  store.break(false);
  const second = await a.term(1);
  expect(second.aborted).toBe(false);
});

test('takes over from a leader that died, once its lease did not change for its duration', async () => {
  const store = leaseStore();
  await store.kube.create(
    {} as never,
    {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: 'bridge' },
      // A clock far ahead of ours must not keep the lease alive.
      spec: { holderIdentity: 'dead', leaseDurationSeconds: 0.05, renewTime: '2999-01-01T00:00:00.000000Z' },
    } as KubeObject,
  );
  await candidate(store.kube, 'a').term(0);
  expect(store.spec).toMatchObject({ holderIdentity: 'a', leaseTransitions: 1 });
});

test('passes on the failure of the work and gives the lease back', async () => {
  const store = leaseStore();
  const elector = new LeaderElector({
    kube: store.kube,
    namespace: 'n',
    name: 'l',
    identity: 'a',
    log: silentLog,
    retryPeriodMs: 5,
  });
  const failure = new Error('work failed');
  await expect(elector.run(new AbortController().signal, () => Promise.reject(failure))).rejects.toBe(failure);
  expect(store.spec?.holderIdentity).toBe('');
});
