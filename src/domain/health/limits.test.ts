import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { judgeLimits, parseUnhealthyRange, scaledLimit } from './limits.js';

describe('the limits of remediation', () => {
  test.each<[string, number | string | undefined, number, number, boolean, number]>([
    ['no limit allows everything', undefined, 3, 0, true, 0],
    ['no limit counts what is left', undefined, 3, 2, true, 2],
    ['nothing to check is allowed', undefined, 0, 0, true, 0],
    ['a number that is reached', 1, 3, 2, true, 0],
    ['a number that is exceeded', 1, 3, 1, false, 0],
    ['zero forbids all', 0, 3, 2, false, 0],
    ['zero allows when all are healthy', 0, 3, 3, true, 0],
    ['a percentage is rounded down', '49%', 3, 2, true, 0],
    ['a percentage that rounds to none', '33%', 3, 2, false, 0],
    ['forty percent of five', '40%', 5, 3, true, 0],
    ['nonsense forbids all', 'many', 3, 3, false, 0],
  ])('%s', (_, limit, expected, healthy, allowed, left) => {
    const triggerIf = limit === undefined ? undefined : { unhealthyLessThanOrEqualTo: limit };
    expect(judgeLimits(triggerIf, expected, healthy)).toMatchObject({ allowed, remediationsAllowed: left });
  });

  test.each<[string, string, number, boolean, number]>([
    ['below it', '[2-3]', 4, false, 0],
    ['its least', '[2-3]', 3, true, 1],
    ['its most', '[2-3]', 2, true, 0],
    ['above it', '[2-3]', 1, false, 0],
    ['a range of nothing', '[3-2]', 2, false, 0],
  ])('a range: %s', (_, unhealthyInRange, healthy, allowed, left) => {
    const verdict = judgeLimits({ unhealthyInRange, unhealthyLessThanOrEqualTo: 0 }, 5, healthy);
    expect(verdict).toMatchObject({ allowed, remediationsAllowed: left });
  });

  test('the refusal names the numbers', () => {
    expect(judgeLimits({ unhealthyLessThanOrEqualTo: '40%' }, 3, 1).message).toBe(
      'Remediation is not allowed, the number of not started or unhealthy machines exceeds maxUnhealthy (total: 3, unhealthy: 2, maxUnhealthy: 40%)',
    );
    expect(judgeLimits({ unhealthyInRange: '[3-5]' }, 3, 1).message).toBe(
      'Remediation is not allowed, the number of not started or unhealthy machines does not fall within the range (total: 3, unhealthy: 2, unhealthyRange: [3-5])',
    );
  });

  test('never allow more unhealthy machines than they say, nor a negative number more', () => {
    const limit = fc.oneof(
      fc.integer({ min: 0, max: 20 }),
      fc.integer({ min: 0, max: 120 }).map((n) => `${n}%`),
    );
    fc.assert(
      fc.property(limit, fc.nat(20), fc.nat(20), (unhealthyLessThanOrEqualTo, a, b) => {
        const [healthy, expected] = [Math.min(a, b), Math.max(a, b)];
        const verdict = judgeLimits({ unhealthyLessThanOrEqualTo }, expected, healthy);
        const max = scaledLimit(unhealthyLessThanOrEqualTo, expected) ?? 0;
        expect(verdict.allowed).toBe(expected - healthy <= max);
        expect(verdict.remediationsAllowed).toBe(verdict.allowed ? max - (expected - healthy) : 0);
        expect(verdict.message === '').toBe(verdict.allowed);
      }),
    );
  });

  test.each(['', '3-5', '[a-b]', '[5-3]', '[1-2] '])('%j is no range', (text) => {
    expect(parseUnhealthyRange(text)).toBeUndefined();
  });
});
