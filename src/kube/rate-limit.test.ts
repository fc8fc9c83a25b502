import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { backoff } from './backoff.js';
import { retryAfterMs } from './errors.js';
import { sleep, tokenBucket } from './rate-limit.js';

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

test('lets a burst through at once and then the steady rate, in order', async () => {
  const limit = tokenBucket(10, 2);
  const done: number[] = [];
  for (let i = 0; i < 5; i++) void limit().then(() => done.push(i));
  await jest.advanceTimersByTimeAsync(0);
  expect(done).toEqual([0, 1]);
  await jest.advanceTimersByTimeAsync(100);
  expect(done).toEqual([0, 1, 2]);
  await jest.advanceTimersByTimeAsync(200);
  expect(done).toEqual([0, 1, 2, 3, 4]);
});

test('gives the place of an aborted waiter back', async () => {
  const limit = tokenBucket(10, 1);
  await limit();
  const abort = new AbortController();
  const waiting = expect(limit(abort.signal)).rejects.toThrow('cancelled');
  abort.abort(new Error('cancelled'));
  await waiting;
  let through = false;
  void limit().then(() => {
    through = true;
  });
  await jest.advanceTimersByTimeAsync(100);
  expect(through).toBe(true);
});

test('sleeps until aborted', async () => {
  await expect(sleep(10, AbortSignal.abort(new Error('before')))).rejects.toThrow('before');
  const slept = sleep(10);
  await jest.advanceTimersByTimeAsync(10);
  await slept;
});

test('backs off with jitter between half and the whole step, honours a floor, and starts over after success', () => {
  const low = backoff({ baseMs: 100, capMs: 400, random: () => 0 });
  expect([low.next(), low.next(), low.next(), low.next()]).toEqual([50, 100, 200, 200]);
  expect(low.next(5_000)).toBe(5_000);
  low.reset();
  expect(low.next()).toBe(50);
  const high = backoff({ baseMs: 100, capMs: 400, random: () => 1 });
  expect([high.next(), high.next(), high.next(), high.next()]).toEqual([100, 200, 400, 400]);
});

test.each([
  ['3', undefined, 3_000],
  [undefined, { details: { retryAfterSeconds: 2 } }, 2_000],
  ['Thu, 01 Jan 1970 00:00:10 GMT', undefined, 9_000],
  [undefined, undefined, undefined],
  ['nonsense', undefined, undefined],
])('reads Retry-After %s', (header, status, expected) => {
  expect(retryAfterMs(header, status, 1_000)).toBe(expected);
});
