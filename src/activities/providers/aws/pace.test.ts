import { describe, expect, test } from '@jest/globals';
import { createPace } from './pace.js';

const { signal } = new AbortController();

/** A pace with a clock of its own, which spreads nothing. */
function paced(): { pace: ReturnType<typeof createPace>; go: (ms: number) => void; left: () => Promise<number> } {
  let time = 1_000_000;
  const pace = createPace(
    'account',
    () => time,
    () => 1,
  );
  return {
    pace,
    go: (ms) => {
      time += ms;
    },
    left: async () =>
      await pace.pass(signal).then(
        () => 0,
        (error: { type?: string; retryAfterMs?: number }) =>
          error.type === 'Throttled' ? (error.retryAfterMs ?? 0) : -1,
      ),
  };
}

describe('an account that AWS throttles', () => {
  test('is called at once while it is not', async () => {
    expect(await paced().left()).toBe(0);
  });

  test('is left alone ever longer, up to a minute; refusals from before a pause count once', async () => {
    const { pace, go, left } = paced();
    const pauses: number[] = [];
    for (let i = 0; i < 10; i++) {
      pace.refused();
      pace.refused();
      const pause = await left();
      pauses.push(pause);
      // short ones are waited for here, by the real clock
      go(pause || 2_000);
    }
    expect(pauses).toEqual([0, 0, 0, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000]);
  });

  test('is forgiven after two quiet minutes', async () => {
    const { pace, go, left } = paced();
    for (let i = 0; i < 6; i++) {
      pace.refused();
      go(60_001);
    }
    pace.refused();
    expect(await left()).toBeGreaterThan(30_000);
    go(4 * 60_000);
    pace.refused();
    expect(await left()).toBe(0);
  });

  test('a wait ends with its activity', async () => {
    const ended = new AbortController();
    const pace = createPace('account');
    pace.refused();
    const waiting = pace.pass(ended.signal);
    ended.abort();
    await expect(waiting).rejects.toThrow();
  });
});
