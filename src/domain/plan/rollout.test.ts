import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { planRollout, type RolloutSet, type RolloutState, resolveStrategy } from './rollout.js';

/** `wanted/present/available`, or one number for all three. */
function set(name: string, text: string, change: Partial<RolloutSet> = {}): RolloutSet {
  const [replicas = 0, present = replicas, available = present] = text.split('/').map(Number);
  return { name, createdAt: `2026-01-0${name.length}T00:00:00Z`, replicas, present, available, ...change };
}
type Rolling = RolloutState & { readonly current: RolloutSet };
const NAMES = ['a', 'aa', 'aaa'];
const rolling = (surge: number, unavailable: number): RolloutState['strategy'] => ({
  type: 'RollingUpdate',
  surge,
  unavailable,
});
const stateOf = (
  desired: number,
  strategy: RolloutState['strategy'],
  current: string,
  old: readonly string[],
  paused = false,
): Rolling => ({
  desired,
  strategy,
  paused,
  current: set('new', current),
  old: old.map((text, i) => set(NAMES[i] ?? '', text)),
});
/** `new|old,old` sizes of a plan. */
const shown = (state: RolloutState): string => {
  const { sizes } = planRollout(state);
  return `${sizes.get('new')}|${state.old.map((s) => sizes.get(s.name)).join(',')}`;
};

/** Sizes turn by turn when everything wanted comes and is available before the next look. */
function trace(state: RolloutState): string {
  const seen: string[] = [];
  let world = state;
  for (let i = 0; i < 60; i++) {
    const { sizes } = planRollout(world);
    const next = (s: RolloutSet): RolloutSet => {
      const replicas = sizes.get(s.name) ?? s.replicas;
      return { ...s, replicas, present: replicas, available: replicas };
    };
    const text = shown(world);
    if (seen.at(-1) === text) return seen.join(' ');
    seen.push(text);
    world = { ...world, current: world.current && next(world.current), old: world.old.map(next) };
  }
  throw new Error(`it goes on: ${seen.slice(0, 8).join(' ')} ...`);
}

describe('a rollout that meets no trouble', () => {
  test.each<[desired: number, surge: number, unavailable: number, current: string, old: string[], expected: string]>([
    // one more at a time
    [1, 1, 0, '0', ['1'], '1|1 1|0'],
    [2, 1, 0, '0', ['2'], '1|2 1|1 2|1 2|0'],
    [3, 1, 0, '0', ['3'], '1|3 1|2 2|2 2|1 3|1 3|0'],
    [5, 1, 0, '0', ['5'], '1|5 1|4 2|4 2|3 3|3 3|2 4|2 4|1 5|1 5|0'],
    // one less at a time
    [1, 0, 1, '0', ['1'], '0|0 1|0'],
    [2, 0, 1, '0', ['2'], '0|1 1|1 1|0 2|0'],
    [3, 0, 1, '0', ['3'], '0|2 1|2 1|1 2|1 2|0 3|0'],
    [5, 0, 2, '0', ['5'], '0|3 2|3 2|1 4|1 4|0 5|0'],
    // both ways
    [3, 1, 1, '0', ['3'], '1|2 2|1 3|0'],
    [6, 3, 1, '0', ['6'], '3|5 4|2 6|1 6|0'],
    [12, 3, 1, '0', ['12'], '3|11 4|8 7|7 8|4 11|3 12|0'],
    [12, 1, 3, '0', ['12'], '1|9 4|8 5|5 8|4 9|1 12|0'],
    [10, 10, 0, '0', ['10'], '10|10 10|0'],
    [10, 0, 10, '0', ['10'], '0|0 10|0'],
    [4, 4, 4, '0', ['4'], '4|0'],
    // several generations: the oldest goes first
    [3, 1, 0, '0', ['1', '2'], '1|1,2 1|0,2 2|0,2 2|0,1 3|0,1 3|0,0'],
    [6, 3, 1, '0', ['3', '3'], '3|2,3 4|0,2 6|0,1 6|0,0'],
    [3, 1, 0, '1', ['1', '1'], '2|1,1 2|0,1 3|0,1 3|0,0'],
    // back to a template that old machines have
    [3, 1, 0, '1', ['2'], '2|2 2|1 3|1 3|0'],
    // another number of replicas on the way
    [6, 1, 0, '2', ['1'], '6|1 6|0'],
    [6, 3, 0, '0', ['3'], '6|3 6|0'],
    [12, 3, 1, '3', ['4'], '11|4 11|0 12|0'],
    [2, 1, 0, '2', ['2'], '2|0'],
    [1, 1, 0, '3', ['1'], '1|0'],
    [0, 1, 0, '1', ['3'], '0|0'],
    [3, 1, 0, '5', [], '3|'],
    // only the number changes
    [0, 1, 0, '3', [], '0|'],
    [7, 1, 0, '3', [], '7|'],
    [3, 1, 0, '3', ['0'], '3|0'],
  ])('%d machines, surge %d, unavailable %d: %s new, %j old', (desired, surge, unavailable, current, old, expected) => {
    expect(trace(stateOf(desired, rolling(surge, unavailable), current, old))).toBe(expected);
  });
});

describe('one look at a rollout', () => {
  test.each<[why: string, RolloutState, expected: string]>([
    ['waits for the new machine', stateOf(3, rolling(1, 0), '1/1/0', ['3']), '1|3'],
    ['waits for the new machine to exist', stateOf(3, rolling(1, 0), '1/0/0', ['3']), '1|3'],
    ['waits while an old machine goes', stateOf(3, rolling(1, 0), '1', ['2/3/3']), '1|2'],
    ['counts machines that go as there', stateOf(3, rolling(0, 1), '0', ['2/3/3']), '0|2'],
    ['goes on when it has gone', stateOf(3, rolling(0, 1), '0', ['2']), '1|2'],
    ['takes old machines that are ill first', stateOf(6, rolling(3, 1), '3', ['3', '3/3/1']), '3|2,0'],
    ['gives ill old machines up while enough are available', stateOf(3, rolling(1, 1), '2', ['2/2/0']), '2|0'],
    ['never takes an available one below the least', stateOf(3, rolling(1, 0), '1/1/0', ['3/3/2']), '1|3'],
    ['counts what was cut before as gone, available ones first', stateOf(3, rolling(1, 0), '2', ['3/4/2']), '2|3'],
    ['in whichever set that was', stateOf(3, rolling(1, 0), '1', ['1/2/2', '3/3/1']), '1|1,3'],
    [
      'takes no more of a set that may have lost all it had',
      stateOf(3, rolling(1, 0), '1', ['2/3/1', '2/2/0']),
      '1|2,1',
    ],
    [
      'does not take what was asked to go for available',
      { ...stateOf(3, rolling(1, 0), '2', []), old: [set('a', '3/4/2', { deleting: 1 })] },
      '2|2',
    ],
    ['cuts what does not exist yet at once', stateOf(3, rolling(1, 0), '1', ['3/2/2']), '1|2'],
    ['breaks a deadlock of old and ill machines', stateOf(3, rolling(1, 0), '1', ['3/3/1']), '1|2'],
    ['but not while anything moves', stateOf(3, rolling(1, 0), '1/0/0', ['3/3/1']), '1|3'],
    ['nor while a new machine is not available', stateOf(3, rolling(1, 0), '1/1/0', ['3/3/1']), '1|3'],
    ['slows down for new machines that are not available', stateOf(4, rolling(1, 0), '1/1/0', ['1/1/0', '3']), '1|1,3'],
    ['shrinks both at once, each machine counted once', stateOf(2, rolling(1, 0), '3', ['2']), '2|0'],
    ['to nothing in one go', stateOf(0, rolling(1, 0), '1', ['3']), '0|0'],
    ['shrinks the new set to what is desired', stateOf(2, rolling(1, 0), '4/4/1', ['1']), '2|1'],
  ])('%s', (_, state, expected) => {
    expect(shown(state)).toBe(expected);
  });
});

describe('deletion by hand', () => {
  const onDelete: RolloutState['strategy'] = { type: 'OnDelete', surge: 0, unavailable: 0 };
  test.each<[why: string, RolloutState, expected: string]>([
    ['nothing happens by itself', stateOf(3, onDelete, '0', ['3']), '0|3'],
    ['what was deleted comes back new', stateOf(3, onDelete, '0', ['3/2/2']), '1|2'],
    ['one by one, as they go', stateOf(3, onDelete, '1', ['2/1/1']), '2|1'],
    ['more replicas are new ones', stateOf(5, onDelete, '0', ['3']), '2|3'],
    ['fewer replicas go from the oldest', stateOf(3, onDelete, '1', ['2', '2']), '1|0,2'],
    ['all of it', stateOf(0, onDelete, '1', ['2', '2']), '0|0,0'],
  ])('%s', (_, state, expected) => {
    expect(shown(state)).toBe(expected);
  });
});

describe('while paused', () => {
  const paused = (desired: number, current: string, old: string[], surge = 1): Rolling =>
    stateOf(desired, rolling(surge, 0), current, old, true);
  test.each<[why: string, RolloutState, expected: string]>([
    ['nothing is rolled out', paused(3, '0', ['3']), '0|3'],
    ['the one set that has machines follows the size', paused(5, '0', ['3']), '0|5'],
    ['so does the current one when none has', paused(5, '0', ['0']), '5|0'],
    ['a finished rollout is cleaned up', paused(3, '3', ['1']), '3|0'],
    ['growth is shared out, and what rounding leaves goes to the biggest', paused(10, '2', ['4']), '4|7'],
    ['growth of equal parts favours the younger', paused(8, '3', ['3'], 0), '4|4'],
    ['shrinking is shared out', paused(4, '2', ['6'], 0), '1|3'],
    ['to nothing too', paused(0, '2', ['2']), '0|0'],
  ])('%s', (_, state, expected) => {
    expect(shown(state)).toBe(expected);
  });

  test('without a set of its template only the others follow the size', () => {
    const { sizes } = planRollout({ ...paused(6, '0', ['2', '2'], 0), current: undefined });
    expect([...sizes]).toEqual([
      ['a', 3],
      ['aa', 3],
    ]);
    expect(planRollout({ ...paused(6, '0', []), current: undefined })).toMatchObject({ remove: [], complete: false });
  });

  test('parts are of what there could be when the sets were sized', () => {
    const state = paused(20, '5', ['5']);
    const sized = {
      ...state,
      current: { ...state.current, maxReplicas: 11 },
      old: [set('a', '5', { maxReplicas: 11 })],
    };
    expect(shown(sized)).toBe('11|10');
  });
});

describe('a strategy in numbers', () => {
  test.each<[Parameters<typeof resolveStrategy>[0], desired: number, surge: number, unavailable: number]>([
    [{}, 3, 1, 0],
    [{ rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } }, 10, 3, 2],
    [{ rollingUpdate: { maxSurge: '10%', maxUnavailable: '0%' } }, 1, 1, 0],
    [{ rollingUpdate: { maxSurge: 0, maxUnavailable: '10%' } }, 3, 0, 1],
    [{ rollingUpdate: { maxSurge: '0%', maxUnavailable: 0 } }, 3, 0, 1],
    [{ rollingUpdate: { maxSurge: 2, maxUnavailable: 9 } }, 3, 2, 3],
    [{ rollingUpdate: { maxSurge: 1, maxUnavailable: 1 } }, 0, 1, 0],
    [{ type: 'OnDelete', rollingUpdate: { maxSurge: 5 } }, 3, 0, 0],
  ])('%j of %d: %d more, %d less', (strategy, desired, surge, unavailable) => {
    expect(resolveStrategy(strategy, desired)).toMatchObject({ surge, unavailable });
  });
});

/** A world that obeys sizes late and in any order, whose machines fall ill, recover and vanish. */
describe('whatever happens', () => {
  const sets = fc.record({ replicas: fc.nat(6), present: fc.nat(7), available: fc.nat(7) });
  const world = fc
    .record({
      desired: fc.nat(8),
      surge: fc.nat(4),
      unavailable: fc.nat(4),
      current: sets,
      old: fc.array(sets, { maxLength: 3 }),
      rolls: fc.array(fc.nat(5), { maxLength: 60 }),
    })
    .map((w) => {
      const strategy = resolveStrategy(
        { rollingUpdate: { maxSurge: w.surge, maxUnavailable: w.unavailable } },
        w.desired,
      );
      const real = (s: typeof w.current, name: string): RolloutSet => ({
        name,
        createdAt: name,
        replicas: s.replicas,
        present: s.present,
        available: Math.min(s.available, s.present),
      });
      const old = w.old.map((s, i) => real(s, `old${i}`));
      const state: Rolling = { desired: w.desired, strategy, paused: false, current: real(w.current, 'new'), old };
      return { state, rolls: w.rolls };
    });

  const apply = (state: Rolling): Rolling => {
    const { sizes } = planRollout(state);
    const sized = (s: RolloutSet): RolloutSet => ({ ...s, replicas: sizes.get(s.name) ?? s.replicas });
    return { ...state, current: sized(state.current), old: state.old.map(sized) };
  };
  const all = (s: Rolling): RolloutSet[] => [s.current, ...s.old];
  const change = (s: Rolling, at: number, f: (set: RolloutSet) => RolloutSet): Rolling => {
    const i = at % all(s).length;
    return i === 0 ? { ...s, current: f(s.current) } : { ...s, old: s.old.map((x, j) => (j === i - 1 ? f(x) : x)) };
  };
  /** One thing that the world does: a set makes or takes a machine, a machine gets well or ill. */
  const happens = (s: Rolling, roll: number, at: number): Rolling =>
    change(s, at, (x) => {
      if (roll === 0 && x.present < x.replicas) return { ...x, present: x.present + 1 };
      // an ill machine goes first, as sets choose
      if (roll === 1 && x.present > x.replicas) {
        return { ...x, present: x.present - 1, available: Math.min(x.available, x.present - 1) };
      }
      if (roll === 2 && x.available < x.present) return { ...x, available: x.available + 1 };
      if (roll === 3 && x.available > 0) return { ...x, available: x.available - 1 };
      return x;
    });

  test('a plan is carried out once, however often it is asked for', () => {
    fc.assert(
      fc.property(world, ({ state }) => {
        const once = apply(state);
        const twice = apply({ ...once, current: { ...once.current }, old: [...once.old] });
        expect(all(apply(state)).map((s) => s.replicas)).toEqual(all(once).map((s) => s.replicas));
        // with nothing new to see only sets that already shrink may be cut further, never grow back
        for (const [i, s] of all(twice).entries()) {
          expect(s.replicas).toBeGreaterThanOrEqual(0);
          if (i > 0) expect(s.replicas).toBeLessThanOrEqual(all(once)[i]?.replicas ?? 0);
        }
      }),
    );
  });

  test('nothing new is wanted above desired and surge, and what is available is kept', () => {
    fc.assert(
      fc.property(world, ({ state, rolls }) => {
        let now = state;
        for (const [i, roll] of rolls.entries()) {
          const next = apply(now);
          const most = next.desired + next.strategy.surge;
          const grew = next.current.replicas > now.current.replicas;
          const there = all(next).reduce((n, s) => n + Math.max(s.replicas, s.present), 0);
          if (grew) expect(there).toBeLessThanOrEqual(most);
          // what is sure to be available once every set has acted, the worst case: it takes available machines
          const sure = (sets: RolloutSet[]): number =>
            sets.reduce((n, s) => n + Math.max(0, s.available - Math.max(0, s.present - s.replicas)), 0);
          const least = now.desired - now.strategy.unavailable;
          const stuck =
            all(now).every((s) => s.present === s.replicas) && now.current.available === now.current.replicas;
          // a deployment that is made smaller takes from the current set what that has too much
          if (!stuck) expect(sure(all(next))).toBeGreaterThanOrEqual(Math.min(least, sure([next.current, ...now.old])));
          now = happens(next, roll, i);
        }
      }),
      { numRuns: 500 },
    );
  });

  test('it ends with what is desired, all of it new, once the faults end', () => {
    fc.assert(
      fc.property(world, ({ state, rolls }) => {
        let now = rolls.reduce((s, roll, i) => happens(apply(s), roll, i), state);
        for (let turn = 0; turn < 400 && !planRollout(now).complete; turn++) {
          now = apply(now);
          // old machines that are ill stay so: the rollout must get past them
          for (const [i] of all(now).entries()) {
            now = happens(happens(now, 0, i), 1, i);
            if (i === 0) now = happens(now, 2, i);
          }
        }
        const plan = planRollout(now);
        expect(plan.complete).toBe(true);
        expect(now.current).toMatchObject({ replicas: now.desired, present: now.desired, available: now.desired });
        expect(plan.remove).toEqual(now.old.map((s) => s.name));
      }),
      { numRuns: 500 },
    );
  });
});
