import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { variablesOf } from '../../../src/domain/envsubst.js';
import { derivedExpectation } from './derived.js';
import { differences, expectationOf } from './expectation.js';
import { templateOf } from './flavour-template.js';
import { expectationFor, FLAVOURS, variable } from './flavours.js';
import { readOptions } from './options.js';
import { documentsOf, type Loose, readTemplates, type Template, verdictOf } from './templates.js';

let dir = '';
beforeEach(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'conformance-'));
});
afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

const object = (apiVersion: string, kind: string, spec: object = {}): Loose => ({
  apiVersion,
  kind,
  metadata: { name: 'x' },
  spec,
});
const cluster = (spec: object = {}): Loose => object('cluster.x-k8s.io/v1beta1', 'Cluster', spec);

describe('a folder of templates', () => {
  test('gives each its name, its variables and what is declared: beside it, or for the flavour of its name', async () => {
    await writeFile(path.join(dir, 'cluster-template.yaml'), `kind: ${variable('KIND')}\n`);
    await writeFile(path.join(dir, 'cluster-template-own.yaml'), 'kind: A\n');
    await writeFile(path.join(dir, 'cluster-template-own.expected.yaml'), 'inventory: { ec2/vpc: 1 }\n');
    await writeFile(path.join(dir, 'unknown.yaml'), 'kind: A\n');
    const templates = await readTemplates(dir, expectationFor);
    expect(templates.map(({ name, variables, expected }) => [name, variables, expected?.inventory['ec2/vpc']])).toEqual(
      [
        ['own', [], 1],
        ['default', ['KIND'], 1],
        ['unknown', [], undefined],
      ],
    );
    expect(templates[0]?.expected).toEqual({ converges: 'available', inventory: { 'ec2/vpc': 1 }, machines: {} });
  });

  test('names the variables without a value', () => {
    const template: Template = {
      name: 'x',
      text: `kind: ${variable('NOPE')}`,
      variables: ['NOPE'],
      expected: undefined,
    };
    expect(() => documentsOf(template, {})).toThrow('NOPE');
    expect(documentsOf(template, { NOPE: 'Cluster' })).toHaveLength(1);
  });
});

describe('what is to become of a template', () => {
  test.each<[string, Loose[], object]>([
    ['a cluster', [cluster()], { leftOut: [] }],
    [
      'one with what is not served',
      [cluster(), object('addons.cluster.x-k8s.io/v1beta1', 'ClusterResourceSet')],
      { leftOut: ['ClusterResourceSet'] },
    ],
    ['a topology', [cluster({ topology: {} })], { refused: 'ClusterClass' }],
    [
      'EKS',
      [cluster(), object('controlplane.cluster.x-k8s.io/v1beta2', 'AWSManagedControlPlane')],
      { skipped: expect.stringContaining('AWSManagedControlPlane') },
    ],
    ['no cluster', [object('v1', 'ConfigMap')], { skipped: 'has no Cluster' }],
  ])('%s', (_, documents, verdict) => {
    expect(verdictOf(documents)).toMatchObject(verdict);
  });
});

describe('a declaration', () => {
  const expected = expectationOf({ inventory: { 'ec2/vpc': 1 }, machines: { 'ec2/instance': 2 } }, 'f');

  test('is compared sort by sort; machines only where they are waited for', () => {
    expect(differences(expected, { 'ec2/vpc': 1, 'ec2/instance': 2, 'secretsmanager/secret': 3 }, true)).toEqual([]);
    expect(differences(expected, { 'ec2/vpc': 2, 's3/bucket': 1 }, true)).toEqual([
      'ec2/instance: declared 2, found 0',
      'ec2/vpc: declared 1, found 2',
      's3/bucket: declared 0, found 1',
    ]);
    expect(differences(expected, { 'ec2/vpc': 1, 'ec2/instance': 1 }, false)).toEqual([]);
  });

  test.each([{ converges: 'soon' }, { inventory: { 'ec2/vpc': -1 } }])('%j is refused, naming the file', (value) => {
    expect(() => expectationOf(value, 'file.yaml')).toThrow(/^file\.yaml: /);
  });
});

describe('our own flavours', () => {
  test.each(Object.keys(FLAVOURS))('%s is a template that asks only for variables', async (name) => {
    const text = await templateOf(name);
    await writeFile(path.join(dir, `cluster-template-${name}.yaml`), text);
    const [template] = await readTemplates(dir, expectationFor);
    const values = Object.fromEntries(
      (template?.variables ?? []).map((key) => [key, key.endsWith('COUNT') ? '1' : 'x']),
    );
    const documents = template ? documentsOf(template, values) : [];
    expect(documents.filter(({ kind }) => kind === 'Cluster')).toHaveLength(1);
    expect(documents.every(({ metadata }) => metadata.namespace === undefined)).toBe(true);
    const sized = documents.filter(({ kind }) => /^(KubeadmControlPlane|MachineDeployment|MachinePool)$/.test(kind));
    for (const { spec } of sized) expect(typeof (spec as { replicas?: unknown }).replicas).toBe('number');
    expect(template?.expected?.inventory['ec2/security-group']).toBeGreaterThan(0);
  });
});

test('options are checked', () => {
  expect(readOptions(['--help'])).toBeUndefined();
  expect(readOptions(['--set', 'A=b=c', '--only', 'x,y'])).toMatchObject({ variables: { A: 'b=c' }, only: ['x', 'y'] });
  expect(() => readOptions(['--machines', 'qemu'])).toThrow('--machines');
  expect(() => readOptions(['--set', 'A'])).toThrow('--set');
});

test.each(Object.keys(FLAVOURS).filter((name) => FLAVOURS[name]?.cluster?.['topology'] === undefined))(
  'what is derived from the documents of %s is what is declared for it',
  async (name) => {
    const text = await templateOf(name);
    const variables = Object.fromEntries(variablesOf(text).map((one) => [one.name, filledIn(one.name)]));
    const documents = documentsOf({ name, text, variables: [], expected: undefined }, variables);
    const without = (counts: Readonly<Record<string, number>>) =>
      Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));
    const [derived, declared] = [derivedExpectation(documents), expectationFor(name)];
    expect(without(derived.inventory)).toEqual(without(declared?.inventory ?? {}));
    expect(without(derived.machines)).toEqual(without(declared?.machines ?? {}));
    expect([derived.converges, derived.because]).toEqual([declared?.converges, declared?.because]);
  },
);

function filledIn(asked: string): string {
  if (asked.endsWith('_COUNT')) return '1';
  return /AVAILABILITY_ZONE_(\d)/.test(asked) ? `us-east-1${asked.endsWith('1') ? 'a' : 'b'}` : 'x';
}
