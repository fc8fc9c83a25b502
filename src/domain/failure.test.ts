import { describe, expect, test } from '@jest/globals';
import type { KubeObject } from '../api/types/meta.js';
import { isFailure, notYet, PerdureError, SLOW_REQUEUE_FAILURES, TERMINAL_FAILURES } from './errors.js';
import type { RecordedFailure } from './facts.js';
import { attemptOf, failureText, readFailure } from './failure.js';
import { ANNOTATION } from './names.js';

const object = (annotations: Record<string, string> = {}, generation = 1): KubeObject => ({
  apiVersion: 'v1',
  kind: 'MachineSet',
  metadata: { name: 'm', uid: 'u', generation, annotations },
});
const failure: RecordedFailure = { operation: 'DeleteMachine', type: 'Unauthorized', message: 'no', attempt: 'x' };

describe('a recorded failure', () => {
  test('is read back as it was written', () => {
    expect(readFailure(object({ [ANNOTATION.lastFailure]: failureText(failure) }))).toEqual(failure);
  });

  test('is cut to what an annotation should hold', () => {
    expect(failureText({ ...failure, message: 'x'.repeat(9_000) }).length).toBeLessThan(1_700);
  });

  test.each(['', 'no JSON', '{}', '{"type":"Odd","operation":"o","attempt":"a"}', '[]', 'null'])(
    'that a person broke (%j) does not wedge the lane',
    (text) => {
      expect(readFailure(object({ [ANNOTATION.lastFailure]: text }))).toBeUndefined();
    },
  );
});

describe('an attempt', () => {
  const related = object({}, 5);

  test('stays the same while nothing that could matter changed', () => {
    expect(attemptOf(object(), [related, undefined])).toBe(attemptOf(object({ other: 'x' }), [related, undefined]));
  });

  test.each<[string, KubeObject, (KubeObject | undefined)[]]>([
    ['its spec', object({}, 2), [related]],
    ['a person asked', object({ [ANNOTATION.retry]: '1' }), [related]],
    ['the spec of what it refers to', object(), [object({}, 6)]],
    ['what it refers to was removed', object(), [undefined]],
    ['what it refers to was made anew', object(), [{ ...related, metadata: { ...related.metadata, uid: 'v' } }]],
  ])('is another one once %s', (_, changed, others) => {
    expect(attemptOf(changed, others)).not.toBe(attemptOf(object(), [related]));
  });
});

describe('errors', () => {
  test('carry type, details and delay', () => {
    const error = new PerdureError('Throttled', 'slow down', { details: { code: 'X' }, retryAfterMs: 5, cause: 'c' });
    expect(error).toMatchObject({ name: 'PerdureError', type: 'Throttled', details: { code: 'X' }, retryAfterMs: 5 });
    expect(error.cause).toBe('c');
    expect(isFailure(error, 'Throttled')).toBe(true);
    expect([isFailure(error, 'Bug'), isFailure(new Error('x'), 'Bug'), isFailure('x', 'Bug')]).toEqual([
      false,
      false,
      false,
    ]);
  });

  test('that only wait say for how long', () => {
    expect(notYet('soon')).toMatchObject({ type: 'NotYet', retryAfterMs: 2_000, details: {} });
  });

  test('that the lane tries again by itself are terminal ones', () => {
    expect([...SLOW_REQUEUE_FAILURES].filter((t) => !TERMINAL_FAILURES.has(t))).toEqual([]);
    for (const type of ['NotYet', 'Throttled', 'Transient', 'Conflict', 'Bug'] as const) {
      expect(TERMINAL_FAILURES.has(type)).toBe(false);
    }
  });
});
