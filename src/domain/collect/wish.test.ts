import { describe, expect, test } from '@jest/globals';
import { collectWish, parseTasks } from './wish.js';

const KINDS = [
  { name: 'load-balancer', wave: 1 },
  { name: 'ebs-volume', wave: 2, data: true as const },
];
const wish = (enabled?: string, tasks?: string, on = true) =>
  collectWish(
    {
      enabled: { annotation: 'gc', value: enabled },
      tasks: { annotation: 'gc-tasks', value: tasks },
      gate: { name: 'Gate', on },
    },
    KINDS,
  );

describe("the owner's wish", () => {
  test.each([[undefined], ['true'], ['1'], ['T']])('is all without data when the switch says %s', (value) => {
    expect(wish(value)).toEqual({ enabled: true, problems: [] });
    expect(wish(value, '')).toEqual({ enabled: true, problems: [] });
  });

  test.each([['false'], ['0'], ['F']])('is nothing when the switch says %s', (value) => {
    expect(wish(value)).toEqual({ enabled: false, because: `annotation gc is ${value}`, problems: [] });
  });

  test('is nothing, and told, when the switch says neither', () => {
    expect(wish('maybe')).toMatchObject({
      enabled: false,
      problems: [expect.stringMatching(/gc says "maybe".*set it/)],
    });
  });

  test('is nothing when the gate is off', () => {
    expect(wish('true', undefined, false)).toMatchObject({ enabled: false, because: 'feature gate Gate is off' });
  });

  test('is the kinds named; what is no kind is left aside and told', () => {
    expect(wish(undefined, 'ebs-volume, load-balancer,ebs-volume')).toEqual({
      enabled: true,
      kinds: ['ebs-volume', 'load-balancer'],
      problems: [],
    });
    const odd = wish(undefined, 'disk');
    expect(odd).toMatchObject({ enabled: true, kinds: [] });
    expect(odd.problems).toEqual([expect.stringMatching(/names disk.*use load-balancer, ebs-volume/)]);
  });

  test('reads lists with blanks and empty parts', () => {
    expect(parseTasks(' load-balancer,, x ', KINDS)).toEqual({ known: ['load-balancer'], unknown: ['x'] });
  });
});
