import { describe, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import pc from 'picocolors';
import { PerdureError } from '../../domain/errors.js';
import { age, bar, command, errorText, show, table } from './output.js';

const NOW = Date.parse('2025-01-10T00:00:00Z');
const ago = (seconds: number): string => new Date(NOW - seconds * 1_000).toISOString();

describe('table', () => {
  test('aligns columns by what is seen, not by colour codes', () => {
    const green = `\u001b[32mok\u001b[39m`;
    const [header, ...rows] = table(
      ['A', 'LONG'],
      [
        [green, 'x'],
        ['four', green],
      ],
    ).split('\n');
    expect(header).toBe(pc.dim('A     LONG'));
    expect(rows).toEqual([`${green}    x`, `four  ${green}`]);
  });

  test('has no trailing blanks, and one line a row', () => {
    const cells = fc.array(fc.tuple(fc.stringMatching(/^[a-z]{0,8}$/), fc.stringMatching(/^[a-z]{0,8}$/)));
    fc.assert(
      fc.property(cells, (rows) => {
        const lines = table(['ONE', 'TWO'], rows).split('\n');
        expect(lines).toHaveLength(rows.length + 1);
        for (const line of lines) expect(line).toBe(line.trimEnd());
      }),
    );
  });
});

describe('age', () => {
  test.each([
    [0, '0s'],
    [119, '119s'],
    [120, '2m'],
    [320, '5m20s'],
    [7_199, '119m59s'],
    [7_200, '2h0m'],
    [172_799, '47h59m'],
    [172_800, '2d0h'],
    [273_600, '3d4h'],
    [-5, '0s'],
  ])('%d seconds is %s', (seconds, text) => {
    expect(age(ago(seconds), NOW)).toBe(text);
  });

  test('of nothing is nothing', () => {
    expect(age(undefined, NOW)).toBe('');
  });
});

test.each([
  [0, 4, '[....] 0/4'],
  [1, 4, '[#...] 1/4'],
  [4, 4, '[####] 4/4'],
  [0, 0, '[####] 0/0'],
])('%d of %d as a bar', (done, total, text) => {
  expect(bar(done, total, 4)).toBe(text);
});

describe('errors', () => {
  test('ours say all there is to say', () => {
    const error = new PerdureError('NotFound', 'Cluster a/b does not exist', { cause: new Error('404') });
    expect(errorText(error)).toBe('Cluster a/b does not exist');
  });

  test('others tell their causes, none twice', () => {
    const cause = new Error('connect ECONNREFUSED 127.0.0.1:1');
    expect(errorText(new TypeError('fetch failed', { cause }))).toBe('fetch failed: connect ECONNREFUSED 127.0.0.1:1');
    expect(errorText(new Error('a: b', { cause: new Error('b') }))).toBe('a: b');
    expect(errorText('plain')).toBe('plain');
  });

  test.each([
    [new PerdureError('Conflict', 'no'), /^error: no\n$/],
    [new Error('no'), /^error: no\n$/],
    [new TypeError('x is not a function'), /^error: x is not a function\nTypeError: [\s\S]*output\.test/],
  ])('%s is printed and sets exit code 1', async (error, text) => {
    const before = process.exitCode;
    const spy = jest.spyOn(process.stderr, 'write').mockReturnValue(true);
    await command(() => Promise.reject(error));
    const printed = spy.mock.calls.map(([line]) => String(line)).join('');
    spy.mockRestore();
    expect(process.exitCode).toBe(1);
    process.exitCode = before;
    expect(printed).toMatch(text);
  });
});

test.each([
  [undefined, 'for people\n'],
  ['text', 'for people\n'],
  ['json', '{\n  "a": 1\n}\n'],
])('an answer with --output %s', (output, text) => {
  const spy = jest.spyOn(process.stdout, 'write').mockReturnValue(true);
  show(output, { a: 1 }, () => 'for people');
  const printed = spy.mock.calls.map(([line]) => String(line)).join('');
  spy.mockRestore();
  expect(printed).toBe(text);
});
