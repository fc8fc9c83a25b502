import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { ToolContext } from './context.js';
import { ensureTool, ensureTools } from './ensure.js';

let dir: string;
let ctx: ToolContext;
let lines: string[];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'perdure-ensure-'));
  for (const family of ['pause', 'etcd']) {
    await mkdir(join(dir, 'modules', family), { recursive: true });
    await writeFile(join(dir, 'modules', family, 'go.mod'), `module ${family}\n`);
  }
  await mkdir(join(dir, 'bin'));
  lines = [];
  ctx = {
    cacheDir: join(dir, 'cache'),
    env: { PATH: `${join(dir, 'bin')}:/usr/bin:/bin`, BUILDS: join(dir, 'builds') },
    progress: (line) => lines.push(line),
  };
});
afterEach(async () => await rm(dir, { recursive: true }));

const options = () => ({ modulesDir: join(dir, 'modules') });

async function program(name: string, script: string): Promise<string> {
  const path = join(dir, 'bin', name);
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
  return path;
}

/** A compiler that writes down each call and makes a program of the name after -o. */
const FAKE_GO = `
[ "$1" = build ] || exit 0
echo "$@" >> "$BUILDS"
while [ "$1" != -o ]; do shift; done
printf '#!/bin/sh\\n' > "$2"; chmod +x "$2"`;

async function builds(): Promise<string[]> {
  const text = await readFile(join(dir, 'builds'), 'utf8').catch(() => '');
  return text.split('\n').filter((line) => line !== '');
}

test('builds once, says so, and answers from the cache afterwards', async () => {
  await program('go', FAKE_GO);
  const path = await ensureTool('pause', ctx, options());
  expect(await ensureTool('pause', ctx, options())).toBe(path);
  expect((await stat(path)).mode & 0o111).not.toBe(0);
  expect(await builds()).toHaveLength(1);
  expect(lines[0]).toMatch(/^building pause 3\.10\.1 \(about 1 min/);
  expect(lines.at(-1)).toMatch(/: done \(\d+s\)$/);
});

test('two callers at once share one build', async () => {
  await program('go', FAKE_GO);
  const [one, two] = await Promise.all([ensureTool('pause', ctx, options()), ensureTool('pause', ctx, options())]);
  expect(one).toBe(two);
  expect(await builds()).toHaveLength(1);
});

test('tools of one family lie side by side', async () => {
  await program('go', FAKE_GO);
  const paths = await ensureTools(['etcd', 'etcdctl'], ctx, options());
  expect(paths.etcdctl).toBe(paths.etcd.replace(/etcd$/, 'etcdctl'));
  expect(await builds()).toHaveLength(2);
});

test('what a killed build left is removed and never taken for a program', async () => {
  await program('go', FAKE_GO);
  const path = await ensureTool('pause', ctx, options());
  await rm(path);
  await writeFile(join(path, '..', '.building-pause-1'), 'half');
  expect(await ensureTool('pause', ctx, options())).toBe(path);
  expect(await readdir(join(path, '..'))).toEqual(['pause']);
});

test('a failed build passes on what the compiler said and leaves no program', async () => {
  await program('go', '[ "$1" = build ] || exit 0; echo "main.go:1: no such thing" >&2; exit 1');
  await expect(ensureTool('pause', ctx, options())).rejects.toMatchObject({
    type: 'Transient',
    message: expect.stringContaining('no such thing'),
  });
  await program('go', FAKE_GO);
  await expect(ensureTool('pause', ctx, options())).resolves.toMatch(/pause$/);
});

test('without Go it says how to get it', async () => {
  const bare = { ...ctx, env: { PATH: join(dir, 'bin') } };
  await expect(ensureTool('pause', bare, options())).rejects.toMatchObject({
    type: 'InvalidConfiguration',
    message: expect.stringContaining('https://go.dev/dl/'),
  });
});

test('a Go that cannot serve the module is reported with its own words', async () => {
  await program('go', 'echo "go: toolchain go1.26 not available" >&2; exit 1');
  await expect(ensureTool('pause', ctx, options())).rejects.toThrow(/toolchain go1\.26 not available.*go\.dev/s);
});

test('a program of the right version on PATH is used as it is', async () => {
  const path = await program('etcd', 'echo "etcd Version: 3.6.16"; echo "Git SHA: x"');
  expect(await ensureTool('etcd', ctx, options())).toBe(path);
});

test.each([
  ['another version', 'echo "etcd Version: 3.6.1"'],
  ['a version that only starts alike', 'echo "etcd Version: 3.6.16-rc.1"'],
  ['a program that fails', 'exit 3'],
])('%s on PATH is passed over', async (_, script) => {
  await program('go', FAKE_GO);
  await program('etcd', script);
  expect(await ensureTool('etcd', ctx, options())).toContain(join(dir, 'cache'));
});

test('programs on PATH can be ruled out', async () => {
  await program('go', FAKE_GO);
  await program('etcd', 'echo "etcd Version: 3.6.16"');
  expect(await ensureTool('etcd', ctx, { ...options(), allowPath: false })).toContain(join(dir, 'cache'));
});

test('an abort ends a build that is under way', async () => {
  const stop = new AbortController();
  await program('go', '[ "$1" = build ] || exit 0; exec sleep 60');
  const building = ensureTool(
    'pause',
    { ...ctx, signal: stop.signal, progress: () => setImmediate(() => stop.abort()) },
    options(),
  );
  await expect(building).rejects.toMatchObject({ name: 'AbortError' });
});
