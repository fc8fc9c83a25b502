import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { childNames, fnv1a, laneId, namingOf, safeSuffix, suffixed } from './names.js';

const DNS_1123 = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const dnsName = fc
  .array(fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?$/), { minLength: 1, maxLength: 8 })
  .map((labels) => labels.join('.').slice(0, 253))
  .filter((name) => DNS_1123.test(name));

describe('names of children', () => {
  test('are unique, valid, at most 63 long, and none that is taken', () => {
    fc.assert(
      fc.property(dnsName, fc.uuid(), fc.nat(20), fc.nat(20), (base, uid, taken, count) => {
        const before = new Set(childNames(base, uid, new Set(), taken));
        const names = childNames(base, uid, before, count);
        expect(new Set(names).size).toBe(count);
        for (const name of names) {
          expect(name).toMatch(DNS_1123);
          expect(name.length).toBeLessThanOrEqual(63);
          expect(before.has(name)).toBe(false);
        }
      }),
    );
  });

  test('are the same on every run and continue where a smaller run ended', () => {
    fc.assert(
      fc.property(dnsName, fc.uuid(), fc.nat(10), fc.nat(10), (base, uid, a, b) => {
        const all = childNames(base, uid, new Set(), a + b);
        const first = childNames(base, uid, new Set(), a);
        expect([...first, ...childNames(base, uid, new Set(first), b)]).toEqual(all);
      }),
    );
  });

  test('of another owner with the same base are others', () => {
    expect(childNames('md', 'one', new Set(), 3)).not.toEqual(childNames('md', 'two', new Set(), 3));
  });

  test('never have a dot or dash where a long base was cut', () => {
    expect(suffixed(`${'a'.repeat(56)}.b`, 'xxxxx')).toBe(`${'a'.repeat(56)}-xxxxx`);
    expect(suffixed(`${'a'.repeat(55)}-.b`, 'xxxxx')).toBe(`${'a'.repeat(55)}-xxxxx`);
    expect(suffixed('a-b', 'xxxxx')).toBe('a-b-xxxxx');
  });
});

test('suffixes are five characters without vowels', () => {
  fc.assert(fc.property(fc.string(), (seed) => expect(safeSuffix(seed)).toMatch(/^[bcdfghjklmnpqrstvwxz2-9]{5}$/)));
});

test('the hash is FNV-1a', () => {
  expect([fnv1a(''), fnv1a('a'), fnv1a('foobar')]).toEqual([0x811c9dc5, 0xe40c292c, 0xbf9cf968]);
});

test('a lane is named by kind, place and uid', () => {
  expect(laneId({ kind: 'MachineSet', namespace: 'ns', name: 'n', uid: 'u' })).toBe('machineset/ns/n/u');
});

describe('names by template', () => {
  const variables = { '.cluster.name': 'demo', '.machineSet.name': 'md-0-abcde' };

  test('are filled in and stay unique and repeatable', () => {
    const naming = namingOf('{{ .cluster.name }}-node-{{ .random }}', variables);
    const names = childNames('base', 'uid', new Set(), 3, naming);
    expect(names.every((n) => /^demo-node-[a-z0-9]{5}$/.test(n))).toBe(true);
    expect(new Set(names).size).toBe(3);
    expect(childNames('base', 'uid', new Set(names.slice(0, 1)), 2, naming)).toEqual(names.slice(1));
  });

  test('that are too long are cut, and end in what makes them unique', () => {
    const naming = namingOf(`{{ .random }}-{{.machineSet.name}}-${'x'.repeat(60)}`, variables);
    const [name = '', other] = childNames('base', 'uid', new Set(), 2, naming);
    expect(name).toMatch(/^([a-z0-9]{5})-md-0-abcde-x+\1$/);
    expect(name).toHaveLength(63);
    expect(other).not.toBe(name);
  });

  test('are the usual ones without a template', () => {
    expect(namingOf(undefined, variables)).toBeUndefined();
  });
});
