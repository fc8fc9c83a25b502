import { expect, test } from '@jest/globals';
import { inParallel } from './parallel.js';

test('does all, in order, never more than so many at once', async () => {
  let running = 0;
  let most = 0;
  const begun: number[] = [];
  const items = Array.from({ length: 20 }, (_, i) => i);
  await inParallel(items, 3, async (i) => {
    begun.push(i);
    most = Math.max(most, ++running);
    await new Promise((resolve) => setImmediate(resolve));
    running--;
  });
  expect(begun).toEqual(items);
  expect(most).toBe(3);
});

test('begins nothing more after a failure, and throws it when nothing runs any more', async () => {
  const ended: number[] = [];
  const work = async (i: number): Promise<void> => {
    await new Promise((resolve) => setImmediate(resolve));
    if (i === 1) throw new Error('no');
    ended.push(i);
  };
  await expect(inParallel([0, 1, 2, 3, 4, 5], 2, work)).rejects.toThrow('no');
  // 2 was begun when 0 had ended, before 1 failed
  expect(ended).toEqual([0, 2]);
  await inParallel([], 2, work);
});
