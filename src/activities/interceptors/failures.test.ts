import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { ApplicationFailure, CancelledFailure, Context } from '@temporalio/activity';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import type { ObjectKey } from '../../api/types/meta.js';
import { FAILURE_TYPES, notYet, PerdureError, TERMINAL_FAILURES } from '../../domain/errors.js';
import { asPerdureError, createFailureInterceptor, toFailure } from './failures.js';

const key: ObjectKey = { kind: 'Machine', namespace: 'ns', name: 'm', uid: 'u' };

const environment = (attempt: number): MockActivityEnvironment =>
  new MockActivityEnvironment({ attempt, activityType: 'infraEnsure' }, { logger: new DefaultLogger('ERROR') });

/** Runs `body` as an activity behind the interceptor; answers its outcome and what was reported on the object. */
async function run(attempt: number, body: () => Promise<unknown>, env = environment(attempt)) {
  const reports: string[] = [];
  const interceptor = createFailureInterceptor({
    failing: async (on, activity, n, error) => void reports.push(`${on.name} ${activity} ${n} ${error.type}`),
    recovered: async (on) => void reports.push(`${on.name} recovered`),
  });
  const input = { args: [{ key }], headers: {} };
  const outcome = await env
    .run(() => interceptor.execute?.(input, body) as Promise<unknown>)
    .then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    );
  return { ...outcome, reports };
}
const failing = (error: unknown) => () => Promise.reject(error);

afterEach(() => void jest.useRealTimers());

describe('an activity behind the interceptor', () => {
  test('answers what it answers, and reports nothing at first', async () => {
    await expect(run(1, async () => 'x')).resolves.toEqual({ value: 'x', reports: [] });
    await expect(run(2, failing(new PerdureError('Transient', 'reset')))).resolves.toMatchObject({ reports: [] });
  });

  test('shows its reason on the object from the third attempt on, until it succeeds', async () => {
    const shown = await run(3, failing(new PerdureError('Transient', 'reset')));
    expect(shown.reports).toEqual(['m infraEnsure 3 Transient']);
    await expect(run(4, async () => 1)).resolves.toMatchObject({ reports: ['m recovered'] });
  });

  test('does not report a mere wait', async () => {
    await expect(run(9, failing(notYet('soon')))).resolves.toMatchObject({ reports: [] });
  });

  test('leaves no report behind when nothing is retried any more', async () => {
    const terminal = await run(3, failing(new PerdureError('InvalidConfiguration', 'no')));
    expect(terminal.reports).toEqual(['m recovered']);
    await expect(run(3, failing(new CancelledFailure('stop')))).resolves.toMatchObject({ reports: ['m recovered'] });
  });

  test('passes cancellation on untouched', async () => {
    const cancelled = new CancelledFailure('stop');
    await expect(run(1, failing(cancelled))).resolves.toMatchObject({ error: cancelled });
    const env = environment(1);
    const late = new Error('socket closed');
    const body = async () => {
      env.cancel();
      await Context.current().cancelled.catch(() => undefined);
      throw late;
    };
    await expect(run(1, body, env)).resolves.toMatchObject({ error: late });
  });

  test("keeps a failure that is Temporal's already", async () => {
    const failure = ApplicationFailure.nonRetryable('as it is', 'Mine');
    await expect(run(1, failing(failure))).resolves.toMatchObject({ error: failure });
  });

  test('gives signs of life that keep what it said last', async () => {
    jest.useFakeTimers();
    const env = environment(1);
    const beats: unknown[] = [];
    env.on('heartbeat', (details) => beats.push(details));
    await run(
      1,
      async () => {
        await jest.advanceTimersByTimeAsync(2_000);
        Context.current().heartbeat('instance is pending');
        await jest.advanceTimersByTimeAsync(4_000);
      },
      env,
    );
    expect(beats).toEqual([undefined, 'instance is pending', 'instance is pending', 'instance is pending']);
    expect(jest.getTimerCount()).toBe(0);
  });
});

describe('the table of failures', () => {
  test.each(FAILURE_TYPES)('%s', (type) => {
    const failure = toFailure(new PerdureError(type, 'why', { details: { field: 'f' } }));
    expect(failure).toMatchObject({
      type,
      message: 'why',
      nonRetryable: TERMINAL_FAILURES.has(type),
      details: [{ field: 'f' }],
    });
    expect(failure.category === undefined).toBe(type !== 'NotYet');
  });

  test('carries delays, and no message longer than a history should hold', () => {
    expect(toFailure(new PerdureError('Throttled', 'x'.repeat(9_000), { retryAfterMs: 1_500 }))).toMatchObject({
      nextRetryDelay: 1_500,
      message: 'x'.repeat(2_000),
    });
    expect(toFailure(new PerdureError('Throttled', 'x')).nextRetryDelay).toBeUndefined();
  });

  test('takes what is not ours for a bug, and says what it was', () => {
    expect(asPerdureError(new TypeError('x is not a function'))).toMatchObject({
      type: 'Bug',
      message: 'TypeError: x is not a function',
    });
    expect(asPerdureError('text')).toMatchObject({ type: 'Bug', message: 'text' });
    const known = new PerdureError('NotFound', 'gone');
    expect(asPerdureError(known)).toBe(known);
  });
});
