import { describe, expect, test } from '@jest/globals';
import type { Cluster, ClusterSpec } from '../types/index.js';
import { defaultCluster, validateCluster } from './cluster.js';
import { DEFAULT_GATES } from './context.js';

const ctx = { dryRun: false, gates: DEFAULT_GATES };
const infrastructureRef = { apiGroup: 'infrastructure.cluster.x-k8s.io', kind: 'AWSCluster', name: 'c' };
const controlPlaneRef = { apiGroup: 'controlplane.cluster.x-k8s.io', kind: 'KubeadmControlPlane', name: 'c' };
const topology = { classRef: { name: 'k' }, version: '1.34.0' } as NonNullable<ClusterSpec['topology']>;

function cluster(spec: ClusterSpec, name = 'c'): Cluster {
  return { apiVersion: 'cluster.x-k8s.io/v1beta2', kind: 'Cluster', metadata: { name, namespace: 'ns' }, spec };
}

function network(pods: string[], services: string[]): ClusterSpec {
  return { infrastructureRef, clusterNetwork: { pods: { cidrBlocks: pods }, services: { cidrBlocks: services } } };
}

const PODS = 'spec.clusterNetwork.pods.cidrBlocks';
const SERVICES = 'spec.clusterNetwork.services.cidrBlocks';

const CASES: [string, Cluster, string[]][] = [
  ['infrastructure only', cluster({ infrastructureRef }), []],
  ['a control plane only', cluster({ controlPlaneRef }), []],
  [
    'blocks of both families',
    cluster(network(['192.168.0.0/16', '2001:db8:1::/56'], ['10.96.0.0/12', '2001:db8:2::/112'])),
    [],
  ],
  ['blocks with host bits', cluster(network(['192.168.0.1/16'], ['10.96.0.0/12'])), []],
  ['neither reference', cluster({ paused: true }), ['spec']],
  ['an empty reference', cluster({ infrastructureRef: {} } as unknown as ClusterSpec), ['spec']],
  ['a long name', cluster({ infrastructureRef }, 'c'.repeat(64)), ['metadata.name']],
  ['a pod block that is none', cluster(network(['192.168.0.0'], ['10.96.0.0/12'])), [`${PODS}[0]`]],
  [
    'a service block that is none',
    cluster(network(['192.168.0.0/16'], ['10.96.0.0/12', '10.0.0.0/33'])),
    [`${SERVICES}[1]`],
  ],
  ['services inside pods', cluster(network(['10.0.0.0/8'], ['10.96.0.0/12'])), [`${SERVICES}[0]`]],
  ['pods inside services', cluster(network(['10.100.0.0/16'], ['10.96.0.0/12'])), [`${SERVICES}[0]`]],
  ['IPv6 services inside pods', cluster(network(['2001:db8::/56'], ['2001:db8::/112'])), [`${SERVICES}[0]`]],
  ['a topology', cluster({ topology }), ['spec.topology']],
];

describe('admission of a new Cluster', () => {
  test.each(CASES)('judges %s', (_, object, paths) => {
    expect(validateCluster(object, undefined, ctx).errors.map((e) => e.path)).toEqual(paths);
  });

  test('says that ClusterClass is not supported yet and what to do', () => {
    const [error] = validateCluster(cluster({ topology }), undefined, ctx).errors;
    expect(error?.message).toMatch(/^ClusterClass is not supported yet: remove topology/);
  });
});

const CHANGES: [string, ClusterSpec, ClusterSpec, string[]][] = [
  ['a control plane being added', { infrastructureRef }, { infrastructureRef, controlPlaneRef }, []],
  [
    'infrastructure being removed',
    { infrastructureRef, controlPlaneRef },
    { controlPlaneRef },
    ['spec.infrastructureRef'],
  ],
  [
    'the control plane being removed',
    { infrastructureRef, controlPlaneRef },
    { infrastructureRef },
    ['spec.controlPlaneRef'],
  ],
  ['a topology being added', { infrastructureRef }, { infrastructureRef, topology }, ['spec.topology']],
  ['a topology being removed', { infrastructureRef, topology }, { infrastructureRef }, ['spec.topology']],
  [
    'blocks being made to overlap',
    network(['10.0.0.0/12'], ['10.96.0.0/12']),
    network(['10.0.0.0/8'], ['10.96.0.0/12']),
    [`${SERVICES}[0]`],
  ],
];

describe('change of a Cluster', () => {
  test.each(CHANGES)('judges %s', (_, from, to, paths) => {
    expect(validateCluster(cluster(to), cluster(from), ctx).errors.map((e) => e.path)).toEqual(paths);
  });
});

test('the only default of a Cluster is the v of its topology version', () => {
  expect(defaultCluster(cluster({ topology })).spec.topology?.version).toBe('v1.34.0');
  expect(defaultCluster(cluster({ infrastructureRef }))).toEqual(cluster({ infrastructureRef }));
});
