import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { readJson, tail, writeAtomic } from './files.js';

let dir = '';
beforeEach(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'perdure-files-'));
});
afterEach(() => rm(dir, { recursive: true }));

describe('a file', () => {
  test('is written whole, for its owner only, where its directory may be missing', async () => {
    const file = path.join(dir, 'a', 'b.json');
    await writeAtomic(file, 'one');
    await writeAtomic(file, 'two');
    expect(await readFile(file, 'utf8')).toBe('two');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await readdir(path.dirname(file))).toEqual(['b.json']);
  });

  test('may be written by many at once: one of them wins', async () => {
    const file = path.join(dir, 'x');
    await Promise.all(Array.from({ length: 20 }, (_, i) => writeAtomic(file, String(i).repeat(1_000))));
    expect((await readFile(file, 'utf8')).length % 1_000).toBe(0);
    expect(await readdir(dir)).toEqual(['x']);
  });

  test('that is absent or torn reads as never written', async () => {
    const file = path.join(dir, 'x.json');
    await expect(readJson(file)).resolves.toBeUndefined();
    await writeFile(file, '{"a":');
    await expect(readJson(file)).resolves.toBeUndefined();
    await writeFile(file, '{"a":1}');
    await expect(readJson(file)).resolves.toEqual({ a: 1 });
  });
});

test('the tail of a log is its end, or nothing where there is none', async () => {
  const file = path.join(dir, 'log');
  await writeAtomic(file, `${'x'.repeat(50)}end`);
  expect(await tail(file, 5)).toBe('xxend');
  expect(await tail(path.join(dir, 'missing'))).toBe('');
});
