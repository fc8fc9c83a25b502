// biome-ignore-all lint/suspicious/noTemplateCurlyInString: placeholders are what is tested
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { envsubst, type Variables, variablesOf } from './envsubst.js';

const name = fc.stringMatching(/^[A-Z_][A-Z0-9_]{0,8}$/);
const plain = fc.string().map((s) => s.replaceAll('$', '').replaceAll('{', '').replaceAll('}', ''));

describe('substitution', () => {
  test.each<[string, Variables, string]>([
    ['name: ${A}', { A: 'x' }, 'name: x'],
    ['${A}${B}', { A: 'x', B: '${A}' }, 'x${A}'],
    ['${A:-d}', {}, 'd'],
    ['${A:-d}', { A: '' }, 'd'],
    ['${A-d}', { A: '' }, ''],
    ['${A:=d}', {}, 'd'],
    ['${A=d}', {}, 'd'],
    ['${A:=}', {}, ''],
    ['${A:-${B:-c}}', {}, 'c'],
    ['${A:-${B}-x}', { B: 'b' }, 'b-x'],
    ['${A:-${B}}', { A: 'a' }, 'a'],
    ['$${A}', { A: 'x' }, '${A}'],
    ['$${A:-${B}}', { A: 'x', B: 'b' }, '${A:-b}'],
    ['a $A $ {A} ${', { A: 'x' }, 'a $A $ {A} ${'],
    ['${A', { A: 'x' }, '${A'],
    ['${1A} ${}', {}, '${1A} ${}'],
    ['${A^^}', { A: 'x' }, '${A^^}'],
  ])('of %j with %j', (text, variables, expected) => {
    expect(envsubst(text, variables)).toBe(expected);
  });

  test('names every missing variable at once, and only those that are needed', () => {
    expect(() => envsubst('${B} ${A} ${B} ${C:-${D}} ${E:-${F}} ${G:-g}', { E: 'e' })).toThrow(
      'value for variables [A, B, D] is not set',
    );
  });

  test('leaves text without variables alone', () => {
    fc.assert(fc.property(plain, (text) => expect(envsubst(text, {})).toBe(text)));
  });

  test('puts each value in its place and never looks into it', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(plain, name)), fc.dictionary(name, fc.string()), plain, (parts, values, end) => {
        const known = Object.fromEntries(parts.map(([, n]) => [n, values[n] ?? `\${${n}}`]));
        const text = parts.map(([before, n]) => `${before}\${${n}}`).join('') + end;
        const expected = parts.map(([before, n]) => `${before}${known[n] ?? ''}`).join('') + end;
        expect(envsubst(text, known)).toBe(expected);
      }),
    );
  });
});

describe('the variables of a template', () => {
  test('come once each with their default, sorted', () => {
    expect(variablesOf('${Z} ${A:=1} ${A} ${M:-${N:-n}} $${X}')).toEqual([
      { name: 'A', default: '1' },
      { name: 'M', default: 'n' },
      { name: 'N', default: 'n' },
      { name: 'Z' },
    ]);
  });

  test('are all that must be set for the template to be filled in', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(plain, name, fc.option(plain))), (parts) => {
        const text = parts.map(([p, n, d]) => `${p}\${${n}${d === null ? '' : `:-${d}`}}`).join('');
        const needed = variablesOf(text).filter((v) => v.default === undefined || text.includes(`\${${v.name}}`));
        expect(() => envsubst(text, Object.fromEntries(needed.map((v) => [v.name, 'x'])))).not.toThrow();
      }),
    );
  });
});
