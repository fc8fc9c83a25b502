import { describe, expect, test } from '@jest/globals';
import type { MachineDeployment, MachineDeploymentSpec, MachineSet, MachineSetSpec } from '../types/index.js';
import { DEFAULT_GATES } from './context.js';
import { DefaultingError } from './json.js';
import { defaultMachineDeployment, validateMachineDeployment } from './machine-deployment.js';
import { defaultMachineSet, validateMachineSet } from './machine-set.js';

const ctx = { dryRun: false, gates: DEFAULT_GATES };
const apiVersion = 'cluster.x-k8s.io/v1beta2';
const MIN = 'cluster.x-k8s.io/cluster-api-autoscaler-node-group-min-size';
const MAX = 'cluster.x-k8s.io/cluster-api-autoscaler-node-group-max-size';
const CLUSTER = 'cluster.x-k8s.io/cluster-name';
const SET = 'cluster.x-k8s.io/set-name';
const DEPLOYMENT = 'cluster.x-k8s.io/deployment-name';
const template: MachineSetSpec['template'] = {
  spec: {
    clusterName: 'c',
    bootstrap: { dataSecretName: 's' },
    infrastructureRef: { apiGroup: 'infrastructure.cluster.x-k8s.io', kind: 'AWSMachineTemplate', name: 't' },
  },
};

function set(spec: Partial<MachineSetSpec> = {}, metadata: Partial<MachineSet['metadata']> = {}): MachineSet {
  return {
    apiVersion,
    kind: 'MachineSet',
    metadata: { name: 's', namespace: 'ns', ...metadata },
    spec: { clusterName: 'c', selector: {}, template, ...spec },
  };
}

function deployment(
  spec: Partial<MachineDeploymentSpec> = {},
  metadata: Partial<MachineDeployment['metadata']> = {},
): MachineDeployment {
  return {
    apiVersion,
    kind: 'MachineDeployment',
    metadata: { name: 'd', namespace: 'ns', ...metadata },
    spec: { clusterName: 'c', selector: {}, template, ...spec },
  };
}

const between = (min: string, max: string) => ({ annotations: { [MIN]: min, [MAX]: max } });

describe('replicas by default', () => {
  test.each<[string, Partial<MachineSet['metadata']>, number | undefined, number | undefined, number]>([
    ['an explicit number', between('2', '5'), 7, 3, 7],
    ['an explicit zero', {}, 0, 3, 0],
    ['one', {}, undefined, 3, 1],
    ['one with a single annotation', { annotations: { [MIN]: '2' } }, undefined, 3, 1],
    ['the least when new', between('2', '5'), undefined, undefined, 2],
    ['the least when there were fewer', between('2', '5'), undefined, 1, 2],
    ['the most when there were more', between('2', '5'), undefined, 9, 5],
    ['what there was', between('2', '5'), undefined, 4, 4],
  ])('are %s', (_, metadata, given, stored, expected) => {
    const replicas = (n: number | undefined): Partial<MachineSetSpec> => (n === undefined ? {} : { replicas: n });
    const old = stored === undefined ? undefined : set(replicas(stored));
    expect(defaultMachineSet(set(replicas(given), metadata), old).spec.replicas).toBe(expected);
    const oldDeployment = stored === undefined ? undefined : deployment(replicas(stored));
    expect(defaultMachineDeployment(deployment(replicas(given), metadata), oldDeployment).spec.replicas).toBe(expected);
  });

  test.each(['two', '', '2.5', '99999999999'])('refuse the annotation value %j', (text) => {
    const attempt = () => defaultMachineSet(set({}, between(text, '5')), undefined);
    expect(attempt).toThrow(DefaultingError);
    expect(attempt).toThrow(MIN);
  });
});

describe('defaults of MachineSet', () => {
  test('select by name when there is no selector', () => {
    const out = defaultMachineSet(set(), undefined);
    expect(out.metadata.labels).toEqual({ [CLUSTER]: 'c' });
    expect(out.spec.selector).toEqual({ matchLabels: { [SET]: 's' } });
    expect(out.spec.template.metadata?.labels).toEqual({ [SET]: 's' });
  });

  test('select by a hash when the name is too long for a label', () => {
    const out = defaultMachineSet(set({}, { name: 'machineSetName'.repeat(12) }), undefined);
    expect(out.spec.selector.matchLabels?.[SET]).toBe('hash_FR_ghQ_z');
  });

  test('leave a given selector, and put the v before the version', () => {
    const selector = { matchExpressions: [{ key: 'a', operator: 'Exists' }] };
    const out = defaultMachineSet(
      set({ selector, template: { spec: { ...template.spec, version: '1.34.0' } } }),
      undefined,
    );
    expect(out.spec.selector).toEqual(selector);
    expect(out.spec.template).toEqual({ spec: { ...template.spec, version: 'v1.34.0' } });
  });

  test('cannot make a selector for a name that is still to be generated', () => {
    const { name: _, ...metadata } = set().metadata;
    const unnamed = { ...set(), metadata } as MachineSet;
    expect(() => defaultMachineSet(unnamed, undefined)).toThrow(DefaultingError);
  });
});

describe('defaults of MachineDeployment', () => {
  test('select by cluster and name, and replace one by one', () => {
    const out = defaultMachineDeployment(deployment(), undefined);
    const labels = { [DEPLOYMENT]: 'd', [CLUSTER]: 'c' };
    expect(out.metadata.labels).toEqual({ [CLUSTER]: 'c' });
    expect(out.spec.selector.matchLabels).toEqual(labels);
    expect(out.spec.template.metadata?.labels).toEqual(labels);
    expect(out.spec.rollout).toEqual({
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
    });
  });

  test('add the cluster to a given selector', () => {
    const out = defaultMachineDeployment(deployment({ selector: { matchLabels: { a: 'b' } } }), undefined);
    expect(out.spec.selector.matchLabels).toEqual({ a: 'b', [CLUSTER]: 'c' });
  });

  test('give OnDelete no limits', () => {
    const out = defaultMachineDeployment(deployment({ rollout: { strategy: { type: 'OnDelete' } } }), undefined);
    expect(out.spec.rollout).toEqual({ strategy: { type: 'OnDelete' } });
  });
});

const SKIP = 'machineset.cluster.x-k8s.io/skip-preflight-checks';
const labelled = (labels: Record<string, string>): MachineSetSpec['template'] => ({
  ...template,
  metadata: { labels },
});
const naming = (text: string): Partial<MachineSetSpec> => ({ machineNaming: { template: text } });

const SHARED: [string, Partial<MachineSetSpec>, Partial<MachineSet['metadata']>, string[]][] = [
  ['the least', {}, {}, []],
  ['a selector that matches', { selector: { matchLabels: { a: 'b' } }, template: labelled({ a: 'b' }) }, {}, []],
  [
    'a selector that does not match',
    { selector: { matchLabels: { a: 'b' } }, template: labelled({ a: 'c' }) },
    {},
    ['spec.template.metadata.labels'],
  ],
  [
    'a selector that is none',
    { selector: { matchExpressions: [{ key: 'a', operator: 'Is' }] } },
    {},
    ['spec.selector'],
  ],
  ['two clusters', { clusterName: 'x' }, {}, ['spec.clusterName']],
  ['no bootstrap', { template: { spec: { ...template.spec, bootstrap: {} } } }, {}, ['spec.template.spec.bootstrap']],
  [
    'half a version',
    { template: { spec: { ...template.spec, version: 'v1.34' } } },
    {},
    ['spec.template.spec.version'],
  ],
  [
    'taints without the gate',
    { template: { spec: { ...template.spec, taints: [{ key: 'a', effect: 'NoExecute', propagation: 'Always' }] } } },
    {},
    ['spec.template.spec.taints'],
  ],
  [
    'a bad label',
    { template: labelled({ 'a/b/c': 'd', e: 'f g' }) },
    {},
    ['spec.template.metadata.labels', 'spec.template.metadata.labels'],
  ],
  [
    'a bad annotation',
    { template: { ...template, metadata: { annotations: { '/a': '' } } } },
    {},
    ['spec.template.metadata.annotations'],
  ],
  ['names', naming('{{ .cluster.name }}-{{ .machineSet.name }}-{{ .random }}'), {}, []],
  ['names that are not unique', naming('{{ .cluster.name }}'), {}, ['spec.machineNaming.template']],
  ['names of something unknown', naming('{{ .foo }}-{{ .random }}'), {}, ['spec.machineNaming.template']],
  ['names in capitals', naming('A-{{ .random }}'), {}, ['spec.machineNaming.template']],
  ['names that are torn', naming('a-{{ .random }}-{{'), {}, ['spec.machineNaming.template']],
  ['skipped checks', {}, { annotations: { [SKIP]: 'All, KubeadmVersionSkew' } }, []],
  ['unknown skipped checks', {}, { annotations: { [SKIP]: 'All,None' } }, [`metadata.annotations[${SKIP}]`]],
];

describe('admission of MachineSet and MachineDeployment', () => {
  test.each(SHARED)('judges %s', (_, spec, metadata, paths) => {
    const made = defaultMachineSet(set(spec, metadata), undefined);
    expect(validateMachineSet(made, undefined, ctx).errors.map((e) => e.path)).toEqual(paths);
    expect(validateMachineDeployment(deployment(spec, metadata), undefined, ctx).errors.map((e) => e.path)).toEqual(
      paths,
    );
  });

  test('their cluster cannot change', () => {
    const other = { clusterName: 'x', template: { spec: { ...template.spec, clusterName: 'x' } } };
    expect(validateMachineSet(set(other), set(), ctx).errors.map((e) => e.path)).toEqual(['spec.clusterName']);
    expect(validateMachineDeployment(deployment(other), deployment(), ctx).errors.map((e) => e.path)).toEqual([
      'spec.clusterName',
    ]);
  });
});

const limits = (maxSurge: number | string, maxUnavailable: number | string): Partial<MachineDeploymentSpec> => ({
  rollout: { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge, maxUnavailable } } },
});
const LIMITS = 'spec.rollout.strategy.rollingUpdate';

describe('admission of MachineDeployment', () => {
  test.each<[string, Partial<MachineDeploymentSpec>, Partial<MachineDeployment['metadata']>, string[]]>([
    ['numbers', limits(1, 0), {}, []],
    ['percentages', limits('25%', '0%'), {}, []],
    ['no room at all', limits(0, 0), {}, [LIMITS]],
    ['words', limits('some', '1'), {}, [`${LIMITS}.maxSurge`, `${LIMITS}.maxUnavailable`]],
    ['remediation in words', { remediation: { maxInFlight: 'all' } }, {}, ['spec.remediation.maxInFlight']],
    ['a long name', {}, { name: 'd'.repeat(64) }, ['metadata.name']],
  ])('judges %s', (_, spec, metadata, paths) => {
    expect(validateMachineDeployment(deployment(spec, metadata), undefined, ctx).errors.map((e) => e.path)).toEqual(
      paths,
    );
  });
});
