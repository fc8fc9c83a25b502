import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { freePorts, readJson, writeAtomic } from './files.js';

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

test('ports are free and all different', async () => {
  const ports = await freePorts(20);
  expect(new Set(ports).size).toBe(20);
  const server = net.createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(ports[0], '127.0.0.1', resolve);
  });
  await new Promise((resolve) => server.close(resolve));
});
