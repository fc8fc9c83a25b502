import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { ToolContext } from './context.js';
import { ensureHostPackages, type HostPackage, installCommand } from './host-packages.js';

const WANTED: readonly HostPackage[] = [
  { program: 'perdure-test-b', package: 'pkg-b', why: 'does b' },
  { program: 'perdure-test-a', package: 'pkg-a', why: 'does a' },
  { program: 'perdure-test-c', package: 'pkg-a', why: 'does c' },
];
const ROOT_ON_DEBIAN = { isRoot: true, isDebian: true };
let dir: string;
let ctx: ToolContext;
let lines: string[];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'perdure-host-'));
  lines = [];
  ctx = {
    cacheDir: dir,
    env: { PATH: `${dir}:/usr/bin:/bin`, CALLS: join(dir, 'calls') },
    progress: (line) => lines.push(line),
  };
});
afterEach(async () => await rm(dir, { recursive: true }));

async function program(name: string, script = ''): Promise<void> {
  await writeFile(join(dir, name), `#!/bin/sh\n${script}\n`);
  await chmod(join(dir, name), 0o755);
}

const calls = async () => (await readFile(join(dir, 'calls'), 'utf8').catch(() => '')).trim().split('\n');

test('does and says nothing when every program is there', async () => {
  for (const { program: name } of WANTED) await program(name);
  await ensureHostPackages(ctx, WANTED, ROOT_ON_DEBIAN);
  expect(lines).toEqual([]);
});

test('says what it installs and why before it does so', async () => {
  await program('apt-get', 'echo "$@" >> "$CALLS"');
  await program('perdure-test-b');
  await ensureHostPackages(ctx, WANTED, ROOT_ON_DEBIAN);
  expect(lines[0]).toBe('installing system packages: pkg-a (does a), pkg-a (does c)');
  expect(await calls()).toEqual(['install -y -q --no-install-recommends pkg-a']);
});

test('reads the package lists anew when the first attempt fails', async () => {
  await program('apt-get', 'echo "$1" >> "$CALLS"; [ "$1" = update ] || [ "$(wc -l < "$CALLS")" -gt 1 ]');
  await ensureHostPackages(ctx, WANTED, ROOT_ON_DEBIAN);
  expect(await calls()).toEqual(['install', 'update', 'install']);
});

test('an ordinary user gets the command to run', async () => {
  await expect(ensureHostPackages(ctx, WANTED, { isRoot: false, isDebian: true })).rejects.toMatchObject({
    type: 'InvalidConfiguration',
    message: expect.stringContaining(installCommand(WANTED)),
  });
  expect(installCommand(WANTED)).toBe('apt-get install -y --no-install-recommends pkg-a pkg-b');
});

test('other systems get the list of packages', async () => {
  await expect(ensureHostPackages(ctx, WANTED, { isRoot: true, isDebian: false })).rejects.toThrow(
    /pkg-b \(does b\).*package manager/,
  );
});
