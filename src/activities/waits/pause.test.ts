import { describe, expect, jest, test } from '@jest/globals';
import { ChangeHub } from '../../kube/changes.js';
import { type Ear, Pace, pause } from './pause.js';

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

describe('a pace with an ear', () => {
  /** Tells what it is asked and changes when the test says so. */
  const earOf = (hears: boolean) => {
    const hub = new ChangeHub();
    const asked: number[] = [];
    const ear: Ear = {
      mark: () => hub.mark(),
      hears: () => hears,
      next: (since, signal) => {
        asked.push(since);
        return hub.next(['t'], since, signal);
      },
    };
    return { hub, ear, asked };
  };

  test('rests until something changed, and not for what it could see in its last look', async () => {
    const { hub, ear, asked } = earOf(true);
    const pace = new Pace(1, new AbortController().signal, ear);
    // told while it looked
    hub.tell(['t']);
    await pace.rest('a');
    hub.tell(['t']);
    await pace.rest('a');
    expect(asked).toEqual([0, 1]);
  });

  test('looks by itself after a while when nobody tells anything', async () => {
    const { ear, asked } = earOf(true);
    await new Pace(1, new AbortController().signal, ear).rest('a');
    expect(asked).toEqual([0]);
  });

  test('that hears nothing is not asked', async () => {
    const { ear, asked } = earOf(false);
    await new Pace(1, new AbortController().signal, ear).rest('a');
    expect(asked).toEqual([]);
  });

  test('is cancelled while it listens', async () => {
    const { ear } = earOf(true);
    const abort = new AbortController();
    const rest = new Pace(60_000, abort.signal, { ...ear, next: () => new Promise(() => undefined) }).rest('a');
    abort.abort(new Error('enough'));
    await expect(rest).rejects.toThrow('enough');
  });
});
