import { expect, jest, test } from '@jest/globals';
import { pause } from './pause.js';

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
