import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { writeAtomic } from '../../sandbox/files.js';
import { connectKube, connectTemporal, defaultDir, layoutFor } from './connect.js';

const NAMES = ['XDG_STATE_HOME', 'KUBECONFIG', 'PERDURE_KUBECONFIG', 'PERDURE_TEMPORAL_ADDRESS'] as const;
let saved: Record<string, string | undefined> = {};
let dir = '';

beforeEach(async () => {
  saved = Object.fromEntries(NAMES.map((name) => [name, process.env[name]]));
  for (const name of NAMES) delete process.env[name];
  dir = await mkdtemp(path.join(tmpdir(), 'perdure-connect-'));
  process.env['XDG_STATE_HOME'] = dir;
});
afterEach(async () => {
  for (const name of NAMES) {
    if (saved[name] === undefined) delete process.env[name];
    else process.env[name] = saved[name];
  }
  await rm(dir, { recursive: true });
});

async function kubeconfig(name: string): Promise<string> {
  const file = path.join(dir, name);
  const cluster = { name: 'c', cluster: { server: `https://${name}.example.test` } };
  const context = { name: 'x', context: { cluster: 'c', user: 'u' } };
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [cluster],
    contexts: [context],
    users: [{ name: 'u', user: {} }],
    'current-context': 'x',
  };
  await writeFile(file, JSON.stringify(config));
  return file;
}

/** Host of the API server a client of these options would talk to. */
async function hostOf(options: Parameters<typeof connectKube>[0]): Promise<string> {
  const kube = connectKube(options);
  await kube.close();
  return new URL(kube.access.server).hostname.replace('.example.test', '');
}

describe('the management cluster', () => {
  test('is the one named, else that of the environment, else the sandbox that is there', async () => {
    const [flag, own, list, second] = await Promise.all(['flag', 'own', 'list', 'second'].map(kubeconfig));
    const sandbox = await kubeconfig('sandbox');
    await writeAtomic(layoutFor({}).kubeconfig, await readFile(sandbox, 'utf8'));
    expect(await hostOf({})).toBe('sandbox');
    process.env['KUBECONFIG'] = `${path.delimiter}${list}${path.delimiter}${second}`;
    expect(await hostOf({})).toBe('list');
    process.env['PERDURE_KUBECONFIG'] = '';
    expect(await hostOf({})).toBe('list');
    process.env['PERDURE_KUBECONFIG'] = own ?? '';
    expect(await hostOf({})).toBe('own');
    expect(await hostOf({ kubeconfig: flag ?? '' })).toBe('flag');
    expect(await hostOf({ dir: defaultDir() })).toBe('sandbox');
  });

  test('that nobody named is asked for', () => {
    expect(() => connectKube({})).toThrow(
      'no management cluster: pass --kubeconfig, set KUBECONFIG, or start a sandbox',
    );
  });
});

describe('Temporal', () => {
  test('that nobody named is asked for', async () => {
    await expect(connectTemporal({})).rejects.toMatchObject({ type: 'InvalidConfiguration' });
    await expect(connectTemporal({ dir })).rejects.toThrow('no Temporal server');
  });
});

test("a sandbox's files lie below the user's state directory", () => {
  expect(defaultDir('demo')).toBe(path.join(dir, 'perdure', 'demo'));
  expect(layoutFor({ dir: '/x' }).root).toBe('/x');
});
