import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Condition, V1Beta1Condition } from '../api/types/meta.js';
import {
  aggregate,
  type ConditionInput,
  findCondition,
  isTrue,
  mergeConditions,
  mergeV1Beta1Conditions,
  refusal,
  summarize,
  type V1Beta1Input,
} from './conditions.js';

const THEN = '2026-01-01T00:00:00Z';
const NOW = '2026-01-02T00:00:00Z';
const yes = (type: string): ConditionInput => ({ type, status: 'True', reason: 'Fine' });
const no = (type: string, message?: string): ConditionInput => ({
  type,
  status: 'False',
  reason: 'Broken',
  ...(message === undefined ? {} : { message }),
});
const unknown = (type: string): ConditionInput => ({ type, status: 'Unknown', reason: 'Unasked', message: 'why' });

const input: fc.Arbitrary<ConditionInput> = fc.record(
  {
    type: fc.constantFrom('A', 'B', 'C', 'D'),
    status: fc.constantFrom('True', 'False', 'Unknown'),
    reason: fc.constantFrom('R', 'S'),
    message: fc.constantFrom('', 'm', 'n'),
  },
  { requiredKeys: ['type', 'status', 'reason'] },
);
const inputs = fc.uniqueArray(input, { selector: (c) => c.type });

describe('merged conditions', () => {
  test('keep their transition time while the status is the same, whatever else changes', () => {
    const [stored] = mergeConditions(undefined, [no('A', 'one')], 1, THEN);
    expect(stored).toEqual({
      type: 'A',
      status: 'False',
      reason: 'Broken',
      message: 'one',
      lastTransitionTime: THEN,
      observedGeneration: 1,
    });
    const [same] = mergeConditions([stored as Condition], [no('A', 'two')], 2, NOW);
    expect(same).toMatchObject({ message: 'two', lastTransitionTime: THEN, observedGeneration: 2 });
    const [turned] = mergeConditions([stored as Condition], [yes('A')], 2, NOW);
    expect(turned).toMatchObject({ status: 'True', message: '', lastTransitionTime: NOW });
  });

  test('hold no message longer than the API server takes', () => {
    expect(mergeConditions(undefined, [no('A', 'x'.repeat(40_000))], 1, NOW)[0]?.message).toHaveLength(32_768);
  });

  test('are sorted, one for each wish, and merging them again changes nothing', () => {
    fc.assert(
      fc.property(inputs, inputs, fc.nat(5), (before, wanted, generation) => {
        const stored = mergeConditions(undefined, before, 1, THEN);
        const merged = mergeConditions(stored, wanted, generation, NOW);
        expect(merged.map((c) => c.type)).toEqual(wanted.map((c) => c.type).sort());
        expect(mergeConditions(merged, wanted, generation, '2027-01-01T00:00:00Z')).toEqual(merged);
        for (const c of merged) {
          const old = findCondition(stored, c.type);
          expect(c.lastTransitionTime).toBe(old?.status === c.status ? THEN : NOW);
        }
      }),
    );
  });
});

describe('merged v1beta1 conditions', () => {
  const legacy: fc.Arbitrary<V1Beta1Input> = fc.record(
    {
      type: fc.constantFrom('Ready', 'A', 'Z'),
      status: fc.constantFrom('True', 'False', 'Unknown'),
      severity: fc.constantFrom('Error', 'Info'),
      reason: fc.constantFrom('', 'R'),
      message: fc.constantFrom('', 'm', 'x'.repeat(11_000)),
    },
    { requiredKeys: ['type', 'status'] },
  );

  test('put Ready first and carry a severity only when False', () => {
    const merged = mergeV1Beta1Conditions(
      undefined,
      [
        { type: 'A', status: 'True', severity: 'Info' },
        { type: 'Ready', status: 'False', severity: 'Warning', reason: 'R', message: '' },
      ],
      NOW,
    );
    expect(merged).toEqual([
      { type: 'Ready', status: 'False', severity: 'Warning', reason: 'R', lastTransitionTime: NOW },
      { type: 'A', status: 'True', lastTransitionTime: NOW },
    ]);
  });

  test('do not move on every look: empty and overlong texts count as they are stored', () => {
    fc.assert(
      fc.property(fc.uniqueArray(legacy, { selector: (c) => c.type }), (wanted) => {
        const stored = mergeV1Beta1Conditions(undefined, wanted, THEN);
        expect(mergeV1Beta1Conditions(stored, wanted, NOW)).toEqual(stored);
      }),
    );
  });

  test('move when the message or the severity changes, as upstream', () => {
    const stored: V1Beta1Condition[] = [
      { type: 'A', status: 'False', severity: 'Info', reason: 'R', message: 'm', lastTransitionTime: THEN },
    ];
    const at = (change: Partial<V1Beta1Input>) =>
      mergeV1Beta1Conditions(
        stored,
        [{ type: 'A', status: 'False', severity: 'Info', reason: 'R', message: 'm', ...change }],
        NOW,
      )[0]?.lastTransitionTime;
    expect([at({}), at({ message: 'n' }), at({ severity: 'Error' })]).toEqual([THEN, NOW, NOW]);
  });
});

describe('a summary', () => {
  const rules = {
    positive: ['Good', 'Maybe'],
    negative: ['Deleting'],
    ignoreIfMissing: ['Maybe'],
    trueReason: 'Ready',
    falseReason: 'NotReady',
    unknownReason: 'ReadyUnknown',
  };

  test.each<[string, ConditionInput[], ConditionInput]>([
    [
      'is True when all is well and what may be missing is',
      [yes('Good'), no('Deleting')],
      { type: 'S', status: 'True', reason: 'Ready' },
    ],
    [
      'is Unknown for a condition nobody reported',
      [no('Deleting')],
      { type: 'S', status: 'Unknown', reason: 'ReadyUnknown', message: '* Good: condition not yet reported' },
    ],
    [
      'is False for any issue, and lists the unknown ones too',
      [unknown('Good'), yes('Deleting')],
      { type: 'S', status: 'False', reason: 'NotReady', message: '* Deleting: Fine\n* Good: why' },
    ],
    [
      'indents messages of several lines',
      [no('Good', 'a\nb'), no('Deleting')],
      { type: 'S', status: 'False', reason: 'NotReady', message: '* Good: a\n  b' },
    ],
  ])('%s', (_, conditions, expected) => {
    expect(summarize('S', conditions, rules)).toEqual(expected);
  });
});

describe('an aggregate', () => {
  const rules = {
    source: 'Ready',
    trueReason: 'Ready',
    falseReason: 'NotReady',
    unknownReason: 'ReadyUnknown',
    emptyReason: 'NoReplicas',
    noun: 'Machine',
  };
  const of = (name: string, condition?: ConditionInput) => ({ name, conditions: condition && [condition] });

  test('is True when there is nothing to look at or nothing to say', () => {
    expect(aggregate('A', [], rules)).toEqual({ type: 'A', status: 'True', reason: 'NoReplicas' });
    expect(aggregate('A', [of('a', yes('Ready'))], rules)).toEqual({ type: 'A', status: 'True', reason: 'Ready' });
  });

  test('groups equal messages and names at most three of their objects', () => {
    const same = ['a', 'b', 'c', 'd', 'e'].map((n) => of(n, no('Ready', 'slow')));
    const message = '* Machines a, b, c, … (2 more): slow\n* Machine x:\n  one\n  two';
    expect(aggregate('A', [...same, of('x', no('Ready', 'one\ntwo'))], rules)).toEqual({
      type: 'A',
      status: 'False',
      reason: 'NotReady',
      message,
    });
  });

  test('is Unknown when no object is known to be bad', () => {
    expect(aggregate('A', [of('a', yes('Ready')), of('b')], rules)).toEqual({
      type: 'A',
      status: 'Unknown',
      reason: 'ReadyUnknown',
      message: '* Machine b: Condition Ready not yet reported',
    });
  });
});

test('isTrue needs the condition to be there and True', () => {
  expect([isTrue(undefined, 'A'), isTrue([no('A')], 'A'), isTrue([yes('A')], 'A')]).toEqual([false, false, true]);
});

test('a refusal is a condition only when there is something to say', () => {
  expect(refusal('A', undefined)).toBeUndefined();
  expect(refusal('A', 'theirs')).toEqual({
    type: 'A',
    status: 'False',
    reason: 'OwnershipConflict',
    message: 'theirs',
  });
});
