import { describe, expect, test } from '@jest/globals';
import { type DrainLeft, drainDelays, drainMessage, isDrained } from './message.js';

const NOTHING: DrainLeft = { terminating: [], failed: new Map(), waiting: [], evictLater: [], waitLater: [] };
const lines = (left: Partial<DrainLeft>): string[] =>
  drainMessage({ ...NOTHING, ...left }, 'T')
    .split('\n')
    .slice(1);
const many = (n: number): string[] => Array.from({ length: n }, (_, i) => `a/p${i}`);

describe('the message of a drain', () => {
  test('begins with when it started', () => {
    expect(drainMessage(NOTHING, 'T')).toBe('Drain not completed yet (started at T):');
  });

  test.each<[string, Partial<DrainLeft>, string[]]>([
    [
      'names Pods that do not go',
      { terminating: ['a/b'] },
      ['* Pod a/b: deletionTimestamp set, but still not removed from the Node'],
    ],
    [
      'names at most three, and how many more',
      { terminating: many(5) },
      ['* Pods a/p0, a/p1, a/p2, ... (2 more): deletionTimestamp set, but still not removed from the Node'],
    ],
    [
      'says which budget is in the way, in the words that tools look for',
      {
        failed: new Map([
          [
            "Cannot evict pod as it would violate the pod's disruption budget. The disruption budget web needs 2 healthy pods and has 2 currently",
            ['a/b'],
          ],
        ]),
      },
      [
        "* Pod a/b: cannot evict pod as it would violate the pod's disruption budget. The disruption budget web needs 2 healthy pods and has 2 currently",
      ],
    ],
    [
      'tells other reasons apart, sorted',
      {
        failed: new Map([
          ['second', ['a/c']],
          ['first', ['a/b', 'a/d']],
        ]),
      },
      ['* Pods a/b, a/d: failed to evict Pod, first', '* Pod a/c: failed to evict Pod, second'],
    ],
    ['says who has to finish', { waiting: ['a/job'] }, ['* Pod a/job: waiting for completion']],
    [
      'says what comes after',
      { evictLater: many(4), waitLater: ['a/x'] },
      [
        'After above Pods have been removed from the Node, the following Pods will be evicted: a/p0, a/p1, a/p2, ... (1 more)',
        'After above Pods have been removed from the Node, waiting for the following Pods to complete without eviction: a/x',
      ],
    ],
  ])('%s', (_, left, expected) => {
    expect(lines(left)).toEqual(expected);
  });

  test('counts what goes beyond five reasons', () => {
    const failed = new Map(many(7).map((p, i) => [`reason ${i}`, [p, `${p}x`]]));
    expect(lines({ failed })).toHaveLength(6);
    expect(lines({ failed }).at(-1)).toBe('* 4 Pods with other issues');
  });

  test('tells what may hold a drain up', () => {
    const message = drainMessage({ ...NOTHING, waiting: ['a/b'], failed: new Map([['x', ['a/c']]]) }, 'T');
    expect(drainDelays(message)).toEqual(['Pod eviction errors', 'Pods not completed yet']);
  });
});

test('a drain is over when nothing is left of any kind', () => {
  expect(isDrained(NOTHING)).toBe(true);
  const one = ['a/b'];
  for (const left of [{ terminating: one }, { waiting: one }, { evictLater: one }, { waitLater: one }])
    expect(isDrained({ ...NOTHING, ...left })).toBe(false);
  expect(isDrained({ ...NOTHING, failed: new Map([['x', one]]) })).toBe(false);
});
