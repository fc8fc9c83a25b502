import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parse } from 'yaml';
import { toYaml } from './yaml.js';

describe('toYaml', () => {
  test.each([
    ['kubeadm', 'plain'],
    ['/etc/kubernetes/pki/ca.crt', 'plain'],
    ['on', 'quoted'],
    ['NO', 'quoted'],
    ['0640', 'quoted'],
    ['12:30:00', 'quoted'],
    ['1e3', 'quoted'],
    ['~', 'quoted'],
    ['', 'quoted'],
    ['a: b', 'quoted'],
    ['a #b', 'quoted'],
  ])('%j is %s', (value, style) => {
    const text = toYaml({ key: value });
    expect(text).toBe(style === 'plain' ? `key: ${value}\n` : `key: "${value}"\n`);
  });

  test.each([
    ['{{ ds.meta_data["x"] }}', `v: '{{ ds.meta_data["x"] }}'\n`],
    ["{{ ds['x'] }}", `v: "{{ ds['x'] }}"\n`],
    [`{{ ds["x"]['y'] }}`, `v: |-\n  {{ ds["x"]['y'] }}\n`],
    ['a {{ x }}\nb "c"\n', 'v: |\n  a {{ x }}\n  b "c"\n'],
  ])('Jinja in %j stays without escapes', (value, text) => {
    expect(toYaml({ v: value })).toBe(text);
  });

  test('does not fold long lines', () => {
    const line = Array.from({ length: 200 }, (_, i) => `word${i}`).join(' ');
    expect(toYaml([line, `"${line}"`, `${line}\n${line}`]).split('\n')).toHaveLength(6);
  });

  test('line breaks that only some parsers see are escaped', () => {
    expect(toYaml({ a: '\u2028b\u0085', c: '\u007f' })).toBe('a: "\\u2028b\\u0085"\nc: "\\u007f"\n');
  });

  test('keys are sorted on request only', () => {
    expect(toYaml({ b: 1, a: { d: 1, c: 2 } })).toBe('b: 1\na:\n  d: 1\n  c: 2\n');
    expect(toYaml({ b: 1, a: { d: 1, c: 2 } }, { sortKeys: true })).toBe('a:\n  c: 2\n  d: 1\nb: 1\n');
  });

  test('any JSON comes back', () => {
    const text = fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.string({
        unit: fc.constantFrom('a', ' ', '\n', '\t', '"', "'", '\\', '{{ x }}', ':', '#', '-', '|', '\u2028', '\u0085'),
      }),
    );
    const json = fc.letrec((tie) => ({
      node: fc.oneof(
        { depthSize: 'small' },
        text,
        fc.integer(),
        fc.boolean(),
        fc.constant(null),
        tie('list'),
        tie('map'),
      ),
      list: fc.array(tie('node'), { maxLength: 4 }),
      map: fc.dictionary(
        text.filter((key) => key !== '__proto__'),
        tie('node'),
        { maxKeys: 4 },
      ),
    })).node;
    fc.assert(
      fc.property(json, (value) => {
        expect(parse(toYaml({ value }))).toEqual({ value });
      }),
    );
  });
});
