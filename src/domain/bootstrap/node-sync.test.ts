import { describe, expect, test } from '@jest/globals';
import { aCluster, aControlPlane, aMachine } from '../../../test/helpers/fake-objects.js';
import type { KubeObject, Machine } from '../../api/types/index.js';
import { matchNode, type NodeSyncOptions, nodePatch, type Taint } from './node-sync.js';

const cluster = aCluster();
const PROVIDER = 'aws:///a/i-1';
const worker = (change: Partial<Machine['spec']> = {}): Machine =>
  aMachine(cluster, { name: 'w-1', spec: { providerID: PROVIDER, ...change } });

interface Node extends KubeObject {
  spec: { providerID?: string; taints?: Taint[] };
  status?: { addresses?: { type: string; address: string }[] };
}
function aNode(
  name = 'node-1',
  change: {
    providerID?: string | null;
    taints?: Taint[];
    addresses?: string[];
    metadata?: Partial<KubeObject['metadata']>;
  } = {},
): Node {
  const { providerID = PROVIDER, taints, addresses = [] } = change;
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, resourceVersion: '7', ...change.metadata },
    spec: { ...(providerID === null ? {} : { providerID }), ...(taints ? { taints } : {}) },
    status: { addresses: addresses.map((address) => ({ type: 'InternalIP', address })) },
  };
}

/** The Node after the patch, as the API server would store it. */
function patched(machine: Machine, node: Node, options: Partial<NodeSyncOptions> = {}): Node {
  const patch = nodePatch(machine, node, { initializeCloud: false, ...options });
  const merge = (current: Record<string, string> = {}, changes: Readonly<Record<string, string | null>> = {}) =>
    Object.fromEntries(Object.entries({ ...current, ...changes }).filter((e): e is [string, string] => e[1] !== null));
  return {
    ...node,
    metadata: {
      ...node.metadata,
      labels: merge(node.metadata.labels, patch?.metadata.labels),
      annotations: merge(node.metadata.annotations, patch?.metadata.annotations),
    },
    spec: { ...node.spec, ...(patch?.spec as Node['spec'] | undefined) },
  };
}

const labelled = (
  machine: Machine,
  labels: Record<string, string>,
  annotations: Record<string, string> = {},
): Machine => ({
  ...machine,
  metadata: { ...machine.metadata, labels: { ...machine.metadata.labels, ...labels }, annotations },
});

describe('nodePatch', () => {
  test('labels of the three domains and annotations of one go to the Node, others stay away', () => {
    const machine = labelled(
      worker(),
      {
        'node-role.kubernetes.io/worker': '',
        'node-restriction.kubernetes.io/a': '1',
        'x.node-restriction.kubernetes.io/b': '2',
        'node.cluster.x-k8s.io/c': '3',
        'y.node.cluster.x-k8s.io/d': '4',
        'xnode.cluster.x-k8s.io/no': '5',
        plain: '6',
      },
      { 'node.cluster.x-k8s.io/note': 'n', other: 'o' },
    );
    const node = patched(machine, aNode());
    expect(node.metadata.labels).toEqual({
      'node-role.kubernetes.io/worker': '',
      'node-restriction.kubernetes.io/a': '1',
      'x.node-restriction.kubernetes.io/b': '2',
      'node.cluster.x-k8s.io/c': '3',
      'y.node.cluster.x-k8s.io/d': '4',
    });
    expect(node.metadata.annotations).toEqual({
      'cluster.x-k8s.io/cluster-name': 'demo',
      'cluster.x-k8s.io/cluster-namespace': 'default',
      'cluster.x-k8s.io/machine': 'w-1',
      'cluster.x-k8s.io/labels-from-machine':
        'node-restriction.kubernetes.io/a,node-role.kubernetes.io/worker,node.cluster.x-k8s.io/c,x.node-restriction.kubernetes.io/b,y.node.cluster.x-k8s.io/d',
      'cluster.x-k8s.io/annotations-from-machine': 'node.cluster.x-k8s.io/note',
      'node.cluster.x-k8s.io/note': 'n',
    });
  });

  test('what patterns name goes to the Node too, and away with them; our own bookkeeping stays', () => {
    const machine = labelled(
      worker(),
      { 'gpu.example.com/kind': 'a', team: 'x', teams: 'y' },
      { 'note.example.com/a': '1', 'perdure.dev/lane': 'l', other: 'o' },
    );
    const alsoSynced = { labels: [/^gpu\./u, /^team$/u], annotations: [/example/u, /perdure/u] };
    const node = patched(machine, aNode(), { alsoSynced });
    expect(node.metadata.labels).toEqual({ 'gpu.example.com/kind': 'a', team: 'x' });
    expect(node.metadata.annotations).toMatchObject({
      'note.example.com/a': '1',
      'cluster.x-k8s.io/labels-from-machine': 'gpu.example.com/kind,team',
      'cluster.x-k8s.io/annotations-from-machine': 'note.example.com/a',
    });
    expect(node.metadata.annotations).not.toHaveProperty(['perdure.dev/lane']);
    expect(nodePatch(machine, node, { initializeCloud: false, alsoSynced })).toBeUndefined();
    const without = patched(machine, node);
    expect(without.metadata.labels).toEqual({});
    expect(without.metadata.annotations).not.toHaveProperty(['note.example.com/a']);
  });

  test('what is in order already needs no patch', () => {
    const node = patched(worker(), aNode());
    expect(nodePatch(worker(), node, { initializeCloud: true, outdated: false })).toBeUndefined();
  });

  test('labels synced before and gone from the Machine go from the Node, foreign ones stay', () => {
    const first = patched(
      labelled(worker(), { 'node.cluster.x-k8s.io/c': '3' }),
      aNode('n', { metadata: { labels: { mine: '1' } } }),
    );
    expect(patched(worker(), first).metadata.labels).toEqual({ mine: '1' });
  });

  test('the owner is named, and forgotten with it', () => {
    const controlPlane = aControlPlane(cluster);
    const machine = aMachine(cluster, { controlPlane, spec: { providerID: PROVIDER } });
    const node = patched(machine, aNode());
    expect(node.metadata.annotations).toMatchObject({
      'cluster.x-k8s.io/owner-kind': 'KubeadmControlPlane',
      'cluster.x-k8s.io/owner-name': 'demo-control-plane',
    });
    expect(node.metadata.labels).toEqual({ 'node-role.kubernetes.io/control-plane': '' });
    const orphan = { ...machine, metadata: { ...machine.metadata, ownerReferences: [] } };
    expect(patched(orphan, node).metadata.annotations).not.toHaveProperty('cluster.x-k8s.io/owner-kind');
  });

  test('the uninitialized taint goes with the first sync, the cloud one only where Perdure initializes', () => {
    const foreign = { key: 'mine', effect: 'NoExecute' };
    const cloud = { key: 'node.cloudprovider.kubernetes.io/uninitialized', value: 'true', effect: 'NoSchedule' };
    const node = aNode('n', {
      taints: [{ key: 'node.cluster.x-k8s.io/uninitialized', effect: 'NoSchedule' }, foreign, cloud],
    });
    expect(patched(worker(), node).spec.taints).toEqual([foreign, cloud]);
    expect(patched(worker(), node, { initializeCloud: true }).spec.taints).toEqual([foreign]);
  });

  test('providerID is set where Perdure initializes, and never changed', () => {
    expect(patched(worker(), aNode('n', { providerID: null }), { initializeCloud: true }).spec.providerID).toBe(
      PROVIDER,
    );
    expect(patched(worker(), aNode('n', { providerID: null })).spec.providerID).toBeUndefined();
    expect(patched(worker(), aNode('n', { providerID: 'other' }), { initializeCloud: true }).spec.providerID).toBe(
      'other',
    );
  });

  test('interruptible instances are labelled, outdated revisions tainted', () => {
    const node = patched(worker(), aNode(), { interruptible: true, outdated: true });
    expect(node.metadata.labels).toEqual({ 'cluster.x-k8s.io/interruptible': '' });
    expect(node.spec.taints).toEqual([{ key: 'node.cluster.x-k8s.io/outdated-revision', effect: 'PreferNoSchedule' }]);
    expect(patched(worker(), node, { outdated: false }).spec.taints).toEqual([]);
    expect(nodePatch(worker(), node, { initializeCloud: false })?.spec).toBeUndefined();
  });

  test('taints of the Machine: Always are kept, OnInitialization are set once', () => {
    const taints = [
      { key: 'a', value: '1', effect: 'NoSchedule', propagation: 'Always' },
      { key: 'b', effect: 'NoExecute', propagation: 'OnInitialization' },
    ] as const;
    const first = patched(worker({ taints: [...taints] }), aNode(), { syncTaints: true });
    expect(first.spec.taints).toEqual([
      { key: 'a', value: '1', effect: 'NoSchedule' },
      { key: 'b', effect: 'NoExecute' },
    ]);
    const cleaned = { ...first, spec: { ...first.spec, taints: [] } };
    expect(patched(worker({ taints: [...taints] }), cleaned, { syncTaints: true }).spec.taints).toEqual([
      { key: 'a', value: '1', effect: 'NoSchedule' },
    ]);
    expect(patched(worker(), first, { syncTaints: true }).spec.taints).toEqual([{ key: 'b', effect: 'NoExecute' }]);
    expect(
      patched(worker({ taints: [{ ...taints[0], value: '2' }] }), first, { syncTaints: true }).spec.taints?.[0],
    ).toEqual({ key: 'a', value: '2', effect: 'NoSchedule' });
  });
});

describe('matchNode', () => {
  const addressed = (machine: Machine): Machine => ({
    ...machine,
    status: {
      addresses: [
        { type: 'InternalIP', address: '10.0.0.5' },
        { type: 'InternalDNS', address: 'ip-10-0-0-5.ec2.internal' },
      ],
    },
  });

  test.each<[string, Node[], boolean, string | undefined]>([
    ['by providerID', [aNode('a', { providerID: 'x' }), aNode('b')], false, 'b'],
    [
      'not by address where a cloud controller runs',
      [aNode('a', { providerID: null, addresses: ['10.0.0.5'] })],
      false,
      undefined,
    ],
    ['by address where Perdure initializes', [aNode('a', { providerID: null, addresses: ['10.0.0.5'] })], true, 'a'],
    [
      'by name where Perdure initializes',
      [aNode('ip-10-0-0-5.ec2.internal', { providerID: null })],
      true,
      'ip-10-0-0-5.ec2.internal',
    ],
    [
      'never one that another instance has',
      [aNode('a', { providerID: 'x', addresses: ['10.0.0.5'] })],
      true,
      undefined,
    ],
    ['providerID before address', [aNode('a', { providerID: null, addresses: ['10.0.0.5'] }), aNode('b')], true, 'b'],
    ['none', [], true, undefined],
  ])('%s', (_what, nodes, initialize, name) => {
    const match = matchNode(nodes, addressed(worker()), initialize);
    expect(match && 'node' in match ? match.node.metadata.name : undefined).toBe(name);
  });

  test('several are told by name', () => {
    expect(matchNode([aNode('b'), aNode('a')], worker(), false)).toEqual({ ambiguous: ['a', 'b'] });
  });

  test('a machine without providerID has no Node', () => {
    expect(matchNode([aNode('a', { providerID: null })], aMachine(cluster), true)).toBeUndefined();
  });
});
