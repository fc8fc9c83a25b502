import { stripVTControlCharacters } from 'node:util';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import pc from 'picocolors';
import { PerdureError } from '../../domain/errors.js';
import { age, bar, command, EXIT, show, table } from './output.js';

let out = '';
let err = '';
beforeEach(() => {
  out = '';
  err = '';
  jest.spyOn(process.stdout, 'write').mockImplementation((text) => {
    out += String(text);
    return true;
  });
  jest.spyOn(process.stderr, 'write').mockImplementation((text) => {
    err += String(text);
    return true;
  });
});
afterEach(() => {
  jest.restoreAllMocks();
  process.exitCode = undefined;
});

test('a table has aligned columns whatever the colours', () => {
  const rows = [
    ['a', pc.green('ready'), 'x'],
    ['longer', '\u001b[32mok\u001b[39m', 'y'],
  ];
  const lines = stripVTControlCharacters(table(['NAME', 'STATE', 'Z'], rows)).split('\n');
  expect(lines).toEqual(['NAME    STATE  Z', 'a       ready  x', 'longer  ok     y']);
});

test.each([
  [0, 4, '[....] 0/4'],
  [2, 4, '[##..] 2/4'],
  [5, 4, '[####] 5/4'],
  [0, 0, '[####] 0/0'],
])('a bar of %i in %i', (done, total, text) => {
  expect(bar(done, total, 4)).toBe(text);
});

const NOW = Date.parse('2026-01-10T00:00:00Z');
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
])('an age of %i seconds is %s', (seconds, text) => {
  expect(age(new Date(NOW - seconds * 1_000), NOW)).toBe(text);
  expect(age(undefined, NOW)).toBe('');
});

describe('a command', () => {
  test('that works sets no exit code', async () => {
    await command(async () => undefined);
    expect([process.exitCode, err]).toEqual([undefined, '']);
  });

  test('that fails in a known way prints one line', async () => {
    await command(async () => {
      throw new PerdureError('NotFound', 'no such cluster');
    });
    expect(process.exitCode).toBe(EXIT.failed);
    expect(err).toMatch(/error.*: no such cluster\n$/);
    expect(err.split('\n')).toHaveLength(2);
  });

  test('that fails in an unknown way shows where', async () => {
    await command(async () => {
      throw new TypeError('x is not a function');
    });
    expect(err).toContain('output.test.ts');
    await command(() => Promise.reject('text'));
    expect(err).toContain('text\n');
  });
});

describe('an answer', () => {
  test('is text or JSON', () => {
    show(undefined, { a: 1 }, () => 'for people');
    show('json', { a: 1 }, () => 'for people');
    expect(out).toBe('for people\n{\n  "a": 1\n}\n');
  });

  test('in another form is refused by name', () => {
    expect(() => show('yaml', {}, () => '')).toThrow('--output yaml is not known');
  });
});
