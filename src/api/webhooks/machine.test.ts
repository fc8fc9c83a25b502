import { describe, expect, test } from '@jest/globals';
import type { Machine, MachineSpec, MachineTaint } from '../types/index.js';
import { DEFAULT_GATES } from './context.js';
import { defaultMachine, validateMachine } from './machine.js';

const ctx = { dryRun: false, gates: DEFAULT_GATES };
const taintsOn = { dryRun: false, gates: { ...DEFAULT_GATES, MachineTaintPropagation: true } };
const infrastructureRef = { apiGroup: 'infrastructure.cluster.x-k8s.io', kind: 'AWSMachine', name: 'm' };

function machine(spec: Partial<MachineSpec> = {}, metadata: Partial<Machine['metadata']> = {}): Machine {
  return {
    apiVersion: 'cluster.x-k8s.io/v1beta2',
    kind: 'Machine',
    metadata: { name: 'm', namespace: 'ns', ...metadata },
    spec: { clusterName: 'c', bootstrap: { dataSecretName: 's' }, infrastructureRef, ...spec },
  };
}

function taint(key: string): MachineTaint {
  return { key, effect: 'NoSchedule', propagation: 'Always' };
}

const paths = (object: Machine, old?: Machine, context = ctx): string[] =>
  validateMachine(object, old, context).errors.map((e) => e.path);

describe('defaults of Machine', () => {
  test('are the cluster label, the v of the version and ten seconds for the deletion of the Node', () => {
    const out = defaultMachine(machine({ version: '1.34.0' }));
    expect(out.metadata.labels).toEqual({ 'cluster.x-k8s.io/cluster-name': 'c' });
    expect(out.spec.version).toBe('v1.34.0');
    expect(out.spec.deletion).toEqual({ nodeDeletionTimeoutSeconds: 10 });
  });

  test('leave zero, which waits for ever, and other timeouts', () => {
    const deletion = { nodeDeletionTimeoutSeconds: 0, nodeDrainTimeoutSeconds: 5 };
    expect(defaultMachine(machine({ deletion })).spec.deletion).toEqual(deletion);
  });
});

describe('admission of a Machine', () => {
  const configRef = { apiGroup: 'bootstrap.cluster.x-k8s.io', kind: 'KubeadmConfig', name: 'm' };

  test.each<[string, Machine, string[]]>([
    ['a secret', machine(), []],
    ['an empty secret name', machine({ bootstrap: { dataSecretName: '' } }), []],
    ['a config', machine({ bootstrap: { configRef } }), []],
    ['no bootstrap', machine({ bootstrap: {} }), ['spec.bootstrap']],
    ['no bootstrap in a pool', machine({ bootstrap: {} }, { labels: { 'cluster.x-k8s.io/pool-name': 'p' } }), []],
    [
      'no bootstrap with a pool as owner',
      machine({ bootstrap: {} }, { ownerReferences: [{ apiVersion: 'v', kind: 'MachinePool', name: 'p', uid: 'u' }] }),
      [],
    ],
    ['a version', machine({ version: 'v1.34.0-rc.1+build' }), []],
    ['a version without v', machine({ version: '1.34.0' }), ['spec.version']],
    ['half a version', machine({ version: 'v1.34' }), ['spec.version']],
    ['a version with two v', machine({ version: 'vv1.34.0' }), ['spec.version']],
    ['a version with zeros in front', machine({ version: 'v1.034.0' }), ['spec.version']],
    ['a version in blanks', machine({ version: 'v 1.34.0' }), ['spec.version']],
  ])('judges %s', (_, object, expected) => {
    expect(paths(object)).toEqual(expected);
  });

  test('its cluster cannot change', () => {
    expect(paths(machine({ clusterName: 'd' }), machine())).toEqual(['spec.clusterName']);
  });

  test('taints are refused as a whole while the gate is off', () => {
    expect(paths(machine({ taints: [taint('a')] }))).toEqual(['spec.taints']);
    expect(paths(machine({ taints: [taint('a')] }), undefined, taintsOn)).toEqual([]);
  });

  test.each([
    'node.cluster.x-k8s.io/uninitialized',
    'node.cluster.x-k8s.io/outdated-revision',
    'node.kubernetes.io/not-ready',
    'node.cloudprovider.kubernetes.io/shutdown',
    'node-role.kubernetes.io/master',
    'node-role.kubernetes.io/control-plane',
    'a/b/c',
    '-a',
  ])('a worker cannot have taint %s', (key) => {
    expect(paths(machine({ taints: [taint('ok'), taint(key)] }), undefined, taintsOn)).toEqual(['spec.taints[1].key']);
  });

  test.each(['node.kubernetes.io/out-of-service', 'example.com/gpu'])('a worker can have taint %s', (key) => {
    expect(paths(machine({ taints: [taint(key)] }), undefined, taintsOn)).toEqual([]);
  });

  test('a control plane machine can have the control plane taint', () => {
    const labels = { 'cluster.x-k8s.io/control-plane': '' };
    const taints = [taint('node-role.kubernetes.io/control-plane')];
    expect(paths(machine({ taints }, { labels }), undefined, taintsOn)).toEqual([]);
  });
});
