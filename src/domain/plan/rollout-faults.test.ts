import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { RolloutTrace } from '../../../test/helpers/rollout-trace.js';
import { planRollout, type RolloutState } from './rollout.js';

/** What happens to a deployment between two looks; `at` and `n` say to which set, and how much. */
const event = fc.record({
  do: fc.constantFrom('nothing', 'lose', 'fail', 'heal', 'scale', 'strategy', 'template', 'never', 'slow', 'quick'),
  at: fc.nat(3),
  n: fc.nat(6),
});
type Event = typeof event extends fc.Arbitrary<infer T> ? T : never;

const bounds = fc
  .tuple(fc.constantFrom(0, 1, 2, '25%', '100%'), fc.constantFrom(0, 1, 2, '25%', '100%'))
  .map(([maxSurge, maxUnavailable]) => ({ rollingUpdate: { maxSurge, maxUnavailable } }));
const rollout = fc.record({
  desired: fc.nat(7),
  strategy: bounds,
  other: bounds,
  current: fc.stringMatching(/^[+-]{0,3}$/),
  old: fc.array(fc.stringMatching(/^[+!-]{0,5}$/), { minLength: 1, maxLength: 3 }),
  events: fc.array(event, { maxLength: 25 }),
});

const setsOf = ({ current, old }: RolloutState) => [...(current ? [current] : []), ...old];
const availableOf = (state: RolloutState): number => setsOf(state).reduce((n, s) => n + s.available, 0);

/** Names of the sets that a deployment may have at all: a template that comes back finds its set. */
const NAMES = ['a', 'n', 'x', 'y'];

function happens(trace: RolloutTrace, { do: what, at, n }: Event, other: RolloutTrace['strategy']): void {
  const sets = setsOf(trace.state()).map((s) => s.name);
  const set = sets[at % sets.length] ?? 'a';
  if (what === 'lose') trace.lose(set, n);
  else if (what === 'fail') trace.fail(set, n);
  else if (what === 'heal') trace.heal(set);
  else if (what === 'scale') trace.desired = n;
  else if (what === 'strategy') trace.strategy = other;
  else if (what === 'template') trace.template(NAMES[at] ?? 'n');
  else if (what === 'never') trace.pace = { ready: Number.POSITIVE_INFINITY };
  else if (what === 'slow') trace.pace = { ready: n % 3, drain: at % 3 };
  else if (what === 'quick') trace.pace = {};
}

/** One look, and whether it kept to the bounds of the deployment as they are now. */
function look(trace: RolloutTrace): void {
  const before = trace.state();
  const { desired, strategy } = before;
  trace.look(planRollout);
  const after = trace.state();
  const now = after.current?.replicas ?? 0;
  // nothing new beyond desired and surge, machines that are on their way out included
  if (now > (before.current?.replicas ?? 0)) {
    const there = setsOf(after).reduce((n, s) => {
      const was = setsOf(before).find((b) => b.name === s.name);
      return n + Math.max(s.replicas, was?.present ?? 0);
    }, 0);
    expect(there).toBeLessThanOrEqual(desired + strategy.surge);
    expect(now).toBeLessThanOrEqual(desired);
  }
  // old sets only ever shrink
  for (const s of after.old)
    expect(s.replicas).toBeLessThanOrEqual(before.old.find((b) => b.name === s.name)?.replicas ?? 0);
  // sets give up ill machines first: nothing that is needed goes, not even to break a deadlock
  const least = desired - strategy.unavailable;
  expect(availableOf(after)).toBeGreaterThanOrEqual(Math.min(least, availableOf(before)));
}

test('faults, deletions and edits at any time break no bound, and once they end the rollout does', () => {
  fc.assert(
    fc.property(rollout, ({ desired, strategy, other, current, old, events }) => {
      const trace = new RolloutTrace(desired, strategy, current, old);
      for (const one of events) {
        happens(trace, one, other);
        look(trace);
      }
      // the template is right now, and health checks replace what never became ready; old machines stay as ill as they are
      trace.pace = {};
      trace.heal(trace.state().current?.name ?? 'n');
      for (let turn = 0; turn < 100 && !planRollout(trace.state()).complete; turn++) look(trace);
      const end = trace.state();
      expect(planRollout(end).complete).toBe(true);
      expect(end.current).toMatchObject({ replicas: end.desired, present: end.desired, available: end.desired });
    }),
    { numRuns: 1000 },
  );
});
