import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { cacheKey, hostTarget, MODULES_DIR } from './cache-key.js';
import { KUBERNETES_VERSIONS, linkerFlags, TOOL_NAMES, TOOLS, type ToolSpec, toolSpec } from './catalog.js';

const LINUX = { goos: 'linux', goarch: 'amd64' };
const PAUSE: ToolSpec = toolSpec('pause');
let modules: string;

beforeEach(async () => {
  modules = await mkdtemp(join(tmpdir(), 'perdure-key-'));
  await mkdir(join(modules, 'pause'));
  await put('go.mod', 'module pause\n');
  await put('main.go', 'package main\n');
});
afterEach(async () => await rm(modules, { recursive: true }));

async function put(name: string, content: string): Promise<void> {
  await writeFile(join(modules, 'pause', name), content);
}

const key = (spec = PAUSE, target = LINUX) => cacheKey(spec, target, modules);

test('the key names family and version and ends in a digest', async () => {
  expect(await key()).toMatch(/^pause-3\.10\.1-[0-9a-f]{12}$/);
});

test('files that do not end up in the program leave the key alone', async () => {
  const before = await key();
  await put('main_test.go', 'package main\n');
  await put('README.md', 'words\n');
  expect(await key()).toBe(before);
});

test.each([
  ['a source file', 'main.go', 'package main // changed\n'],
  ['a new source file', 'more.go', 'package main\n'],
  ['the module file', 'go.mod', 'module pause\n\ngo 1.26\n'],
  ['the sums', 'go.sum', 'x v1 h1:abc\n'],
])('%s changes the key', async (_, name, content) => {
  const before = await key();
  await put(name, content);
  expect(await key()).not.toBe(before);
});

test('moving bytes from one file to the next changes the key', async () => {
  await put('a.go', 'ab');
  await put('b.go', 'c');
  const before = await key();
  await put('a.go', 'a');
  await put('b.go', 'bc');
  expect(await key()).not.toBe(before);
});

test('version, operating system and processor change the key', async () => {
  const keys = await Promise.all([
    key(),
    key({ ...PAUSE, version: '3.10.2' }),
    key(PAUSE, { ...LINUX, goos: 'darwin' }),
    key(PAUSE, { ...LINUX, goarch: 'arm64' }),
  ]);
  expect(new Set(keys).size).toBe(4);
});

test('node and Go names of a platform are translated', () => {
  expect(hostTarget('linux', 'x64')).toEqual(LINUX);
  expect(hostTarget('darwin', 'arm64')).toEqual({ goos: 'darwin', goarch: 'arm64' });
});

test('every tool of the catalog has a module here, and all of a family share one key', async () => {
  const keys = new Map<string, Set<string>>();
  for (const name of TOOL_NAMES) {
    const own = keys.get(TOOLS[name].family) ?? new Set();
    keys.set(TOOLS[name].family, own.add(await cacheKey(toolSpec(name), LINUX)));
  }
  for (const [family, own] of keys) expect([family, own.size]).toEqual([family, 1]);
});

test.each(KUBERNETES_VERSIONS)(
  'the programs of Kubernetes %s come from a module of that version, with a key of their own',
  async (version) => {
    const spec = toolSpec('kubelet', version);
    const module = await readFile(join(MODULES_DIR, spec.family, 'go.mod'), 'utf8');
    expect(module).toMatch(new RegExp(`^require k8s.io/kubernetes ${version}$`, 'm'));
    expect(linkerFlags(spec)).toContain(`-X k8s.io/component-base/version.gitVersion=${version}`);
    expect(await cacheKey(spec, LINUX)).toMatch(new RegExp(`^${spec.family}-${version}-`));
  },
);

test('other tools do not depend on the Kubernetes version', () => {
  for (const version of KUBERNETES_VERSIONS) expect(toolSpec('etcd', version)).toBe(toolSpec('etcd'));
});
