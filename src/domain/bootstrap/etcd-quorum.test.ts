import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type EtcdChange, type EtcdMember, type MemberHealth, projectQuorum, strayMembers } from './etcd-quorum.js';

const member = (name: string, learner = false): EtcdMember => ({ id: `id-${name}`, name, learner });
const healthOf = (machines: Record<string, boolean>, alarmed: string[] = []): MemberHealth => ({
  machines: new Map(Object.entries(machines)),
  alarmed: new Set(alarmed),
});

describe('projectQuorum', () => {
  test.each<[string, EtcdMember[], Record<string, boolean>, EtcdChange, boolean]>([
    ['1 → 2', [member('a')], { a: true }, { add: true }, true],
    ['2 → 3', [member('a'), member('b')], { a: true, b: true }, { add: true }, true],
    ['2 → 3 with one sick', [member('a'), member('b')], { a: true, b: false }, { add: true }, false],
    ['3 → 2', [member('a'), member('b'), member('c')], { a: true, b: true, c: true }, { remove: 'a' }, true],
    [
      '3 → 2, removing the sick one',
      [member('a'), member('b'), member('c')],
      { a: false, b: true, c: true },
      { remove: 'a' },
      true,
    ],
    [
      '3 → 2, leaving a sick one',
      [member('a'), member('b'), member('c')],
      { a: true, b: false, c: true },
      { remove: 'a' },
      false,
    ],
    [
      '5 → 4, leaving one sick',
      'abcde'.split('').map((n) => member(n)),
      { a: true, b: false, c: true, d: true, e: true },
      { remove: 'a' },
      true,
    ],
    [
      '5 → 4, leaving two sick',
      'abcde'.split('').map((n) => member(n)),
      { a: true, b: false, c: false, d: true, e: true },
      { remove: 'a' },
      false,
    ],
    ['2 → 1', [member('a'), member('b')], { a: true, b: true }, { remove: 'a' }, true],
    ['1 → 0', [member('a')], { a: true }, { remove: 'a' }, false],
    ['a learner', [member('a'), member('b'), member('c', true)], { a: true, b: true, c: true }, {}, false],
    ['one that has not started', [member('a'), member('b'), member('')], { a: true, b: true }, {}, false],
    [
      'a name that is no member',
      [member('a'), member('b'), member('c')],
      { a: true, b: true, c: true },
      { remove: 'x' },
      true,
    ],
  ])('%s is judged right', (_what, members, machines, change, safe) => {
    expect(projectQuorum(members, healthOf(machines), change)).toMatchObject({ safe });
  });

  test('a member without Machine is judged by its alarms', () => {
    const members = [member('a'), member('b'), member('stray')];
    expect(projectQuorum(members, healthOf({ a: true, b: true }), { remove: 'a' }).safe).toBe(true);
    const sick = projectQuorum(members, healthOf({ a: true, b: true }, ['id-stray']), { remove: 'a' });
    expect(sick).toMatchObject({
      safe: false,
      reason: '1 of 2 voting etcd members would be healthy, and a quorum needs 2 (unhealthy: stray)',
    });
  });

  test('what is called safe always leaves a majority of healthy voters', () => {
    const arbitrary = fc.uniqueArray(fc.constantFrom(...'abcdefg'), { maxLength: 7 });
    fc.assert(
      fc.property(
        arbitrary,
        arbitrary,
        fc.option(fc.constantFrom(...'abcdefg')),
        fc.boolean(),
        (names, sick, remove, add) => {
          const machines = Object.fromEntries(names.map((n) => [n, !sick.includes(n)]));
          const result = projectQuorum(
            names.map((n) => member(n)),
            healthOf(machines),
            { add, ...(remove ? { remove } : {}) },
          );
          const left = names.filter((n) => n !== remove);
          const healthy = left.filter((n) => machines[n]).length + (add && names.length <= 1 ? 1 : 0);
          const voters = left.length + (add ? 1 : 0);
          expect(result.safe).toBe(voters > 0 && healthy > voters / 2);
          expect(result.safe).toBe(result.reason === '');
        },
      ),
    );
  });
});

test('stray members are those that no Node hosts', () => {
  expect(strayMembers([member('a'), member('b')], new Set(['a']))).toEqual([member('b')]);
});
