import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from '@jest/globals';

const WRAPPER = fileURLToPath(new URL('../machine-tree/rootfs/usr/bin/kubeadm', import.meta.url));
const IGNORED = /--ignore-preflight-errors=SystemVerification,Swap,/;
let dir: string;
let wrapper: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'perdure-kubeadm-'));
  wrapper = join(dir, 'kubeadm');
  await writeFile(join(dir, 'real'), '#!/bin/sh\nfor a in "$@"; do echo "$a"; done\n', { mode: 0o755 });
  const text = await readFile(WRAPPER, 'utf8');
  await writeFile(
    wrapper,
    text.replace('/usr/libexec/kubeadm', join(dir, 'real')).replaceAll('/run/kubeadm-machine', join(dir, 'run')),
  );
});
afterEach(async () => await rm(dir, { recursive: true }));

/** Arguments that the real kubeadm gets. */
function passedOn(...args: string[]): string[] {
  return execFileSync('sh', [wrapper, ...args], { encoding: 'utf8' })
    .split('\n')
    .slice(0, -1);
}

async function config(text: string): Promise<string> {
  const path = join(dir, 'kubeadm.yaml');
  await writeFile(path, text);
  return path;
}

test.each([
  [['version', '-o', 'short']],
  [['init', 'phase', 'certs', 'all']],
  [['join', 'phase', 'preflight']],
  [['upgrade', 'plan']],
  [[]],
])('%j goes through unchanged', (args) => {
  expect(passedOn(...args)).toEqual(args);
});

test.each([[['join', '--config', 'a file']], [['upgrade', 'node']], [['init']], [['init', '-v', '5']]])(
  '%j gets the checks that a shared kernel cannot pass ignored',
  (args) => {
    const passed = passedOn(...args);
    expect(passed.slice(0, -1)).toEqual(args);
    expect(passed.at(-1)).toMatch(IGNORED);
  },
);

test.each([
  ['apart', (file: string) => ['--config', file]],
  ['joined', (file: string) => [`--config=${file}`]],
])('init gets a kube-proxy configuration that fits (%s)', async (_, flag) => {
  const file = await config('kind: ClusterConfiguration');
  const passed = passedOn('init', ...flag(file), '-v', '5');
  expect(passed).toEqual(
    ['init', `--config=${join(dir, 'run', 'kubeadm.yaml')}`, '-v', '5', expect.stringMatching(IGNORED)].sort(
      byInput(passed),
    ),
  );
  const text = await readFile(join(dir, 'run', 'kubeadm.yaml'), 'utf8');
  expect(text.split(/^---$/m)).toEqual([
    'kind: ClusterConfiguration\n',
    expect.stringMatching(/KubeProxyConfiguration.*maxPerCore: 0/s),
  ]);
  expect(await readFile(file, 'utf8')).toBe('kind: ClusterConfiguration');
});

test('a kube-proxy configuration of the user stays as it is', async () => {
  const file = await config('kind: ClusterConfiguration\n---\nkind: KubeProxyConfiguration\nmode: nftables\n');
  expect(passedOn('init', '--config', file)).toEqual(['init', '--config', file, expect.stringMatching(IGNORED)]);
});

/** The order of arguments does not matter to kubeadm. */
function byInput(order: readonly string[]): (a: unknown, b: unknown) => number {
  const at = (value: unknown) => (typeof value === 'string' ? order.indexOf(value) : order.length);
  return (a, b) => at(a) - at(b);
}
