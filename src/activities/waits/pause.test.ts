import { expect, jest, test } from '@jest/globals';
import { Pace, pause } from './pause.js';

test('resolves after its time and leaves nothing on the signal', async () => {
  const { signal } = new AbortController();
  const remove = jest.spyOn(signal, 'removeEventListener');
  await pause(1, signal);
  expect(remove).toHaveBeenCalledTimes(1);
});

test('rejects as soon as the signal fires, with its reason', async () => {
  const abort = new AbortController();
  const paused = pause(3_600_000, abort.signal);
  const reason = new Error('enough');
  abort.abort(reason);
  await expect(paused).rejects.toBe(reason);
  await expect(pause(1, abort.signal)).rejects.toBe(reason);
});

test('a pace slows down while nothing changes, and is quick again when something does', () => {
  const pace = new Pace(100, new AbortController().signal);
  const same = Array.from({ length: 20 }, () => pace.nextMs({ ready: false }));
  expect(same.slice(0, 3)).toEqual([100, 125, 156.25]);
  expect(same.at(-1)).toBe(800);
  expect(pace.nextMs({ ready: true })).toBe(100);
  expect(pace.nextMs({ ready: true })).toBe(125);
});
