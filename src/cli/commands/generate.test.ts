import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parseAllDocuments } from 'yaml';
import { run } from '../../../test/helpers/run-cli.js';

const golden = readFileSync(new URL('../../../test/golden/default-cluster.yaml', import.meta.url), 'utf8');
const SETS = [
  '--set',
  'AWS_REGION=eu-west-1',
  '--set',
  'AWS_SSH_KEY_NAME=mine',
  '--set',
  'AWS_NODE_MACHINE_TYPE=m5.large',
];
const FULL = [
  ...SETS,
  '--kubernetes-version',
  'v1.34.4',
  '--control-plane-machine-count',
  '3',
  '--worker-machine-count',
  '0',
  '-n',
  'team-a',
];

describe('generate cluster', () => {
  test('prints the default flavour with all variables set', async () => {
    const { code, stdout } = await run('generate', 'cluster', 'demo', ...FULL);
    expect(code).toBe(0);
    expect(stdout).toBe(golden);
    const objects = parseAllDocuments(stdout).map((doc) => doc.toJS() as { kind: string; metadata: object });
    expect(objects).toHaveLength(7);
    for (const { metadata } of objects) expect(metadata).toMatchObject({ namespace: 'team-a' });
  });

  test('prefers --set to the flag, and the flag to the environment', async () => {
    const { stdout } = await run('generate', 'cluster', 'demo', ...FULL, '--set', 'KUBERNETES_VERSION=v1.35.0');
    expect(stdout).toContain('version: "v1.35.0"');
    expect(stdout).not.toContain('v1.34.4');
  });

  test('takes a version with or without its v, and refuses what is none', async () => {
    const bare = await run('generate', 'cluster', 'demo', ...SETS, '--kubernetes-version', '1.33.13');
    expect(bare.stdout).toContain('version: "v1.33.13"');
    const { code, stderr } = await run('generate', 'cluster', 'demo', ...SETS, '--kubernetes-version', 'v1.33');
    expect(code).toBe(2);
    expect(stderr).toContain("'v1.33' is no version such as v1.34.4");
  });

  test('names all variables that are missing, at once', async () => {
    const { code, stdout, stderr } = await run('generate', 'cluster', 'demo');
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain('[AWS_REGION, AWS_SSH_KEY_NAME, KUBERNETES_VERSION]');
    expect(stderr).toContain('--set NAME=value');
  });

  test('lists the variables with their defaults', async () => {
    const { stdout } = await run('generate', 'cluster', 'demo', '--list-variables');
    expect(stdout).toMatch(/^AWS_REGION +\(required\)$/m);
    expect(stdout).toMatch(/^WORKER_MACHINE_COUNT +1$/m);
    const json = JSON.parse(
      (await run('generate', 'cluster', 'demo', '--list-variables', '-o', 'json')).stdout,
    ) as object;
    expect(json).toContainEqual({ name: 'AWS_REGION' });
    expect(json).toContainEqual({ name: 'NAMESPACE', default: 'default' });
  });

  test('takes a template of your own', async () => {
    const dir = await mkdtemp(path.join(tmpdir(), 'perdure-template-'));
    const file = path.join(dir, 'template.yaml');
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the syntax of the template
    await writeFile(file, 'name: ${CLUSTER_NAME}-${COLOUR:-${SHADE:-grey}}\nliteral: $${NOT_ME}\n');
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the syntax of the template
    expect((await run('generate', 'cluster', 'a', '--from', file)).stdout).toBe('name: a-grey\nliteral: ${NOT_ME}\n');
    expect((await run('generate', 'cluster', 'a', '--from', file, '--set', 'SHADE=b=c')).stdout).toContain('a-b=c');
    await rm(dir, { recursive: true });
    const { code, stderr } = await run('generate', 'cluster', 'a', '--from', file);
    expect(code).toBe(1);
    expect(stderr).toContain(`cannot read template ${file}`);
  });
});
