import { describe, expect, test } from '@jest/globals';
import { FakeKube } from '../../../test/helpers/fake-kube.js';
import { aCluster, aMachine } from '../../../test/helpers/fake-objects.js';
import { KINDS } from '../../api/types/kinds.js';
import type { KubeObject } from '../../api/types/meta.js';
import { PerdureError } from '../../domain/errors.js';
import { clusterInitialized, syncNode } from './nodes.js';

const signal = new AbortController().signal;
const PROVIDER = 'aws:///a/i-1';
const machine = aMachine(aCluster(), {
  name: 'w-1',
  spec: { providerID: PROVIDER },
  status: { addresses: [{ type: 'InternalIP', address: '10.0.0.5' }] },
});

interface Node extends KubeObject {
  spec: { providerID?: string; taints?: { key: string; effect: string }[] };
  status: { addresses: { type: string; address: string }[] };
}
const aNode = (name: string, spec: Node['spec'], address = '10.0.0.5'): Node => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name },
  spec,
  status: { addresses: [{ type: 'InternalIP', address }] },
});
const uninitialized = [{ key: 'node.cluster.x-k8s.io/uninitialized', effect: 'NoSchedule' }];

describe('syncNode', () => {
  test('answers nothing while there is no Node, and writes nothing', async () => {
    const workload = new FakeKube({ objects: [aNode('other', { providerID: 'aws:///a/i-2' })] });
    expect(await syncNode(workload, machine, true, signal)).toBeUndefined();
    expect(workload.writes()).toHaveLength(0);
  });

  test('labels, untaints and identifies in one write, then writes no more', async () => {
    const workload = new FakeKube({ objects: [aNode('n', { taints: uninitialized })] });
    const node = await syncNode(workload, machine, true, signal);
    expect(node).toMatchObject({
      spec: { providerID: PROVIDER, taints: [] },
      metadata: { annotations: { 'cluster.x-k8s.io/machine': 'w-1' } },
    });
    await syncNode(workload, machine, true, signal);
    expect(workload.writes()).toHaveLength(1);
  });

  test.each([
    [true, ['Hostname n', 'InternalIP 10.0.0.5']],
    [false, ['Hostname n']],
  ])(
    'gives a Node without addresses those of its machine, where Perdure initializes nodes: %s',
    async (own, wanted) => {
      const bare = {
        ...aNode('n', { providerID: PROVIDER }),
        status: { addresses: [{ type: 'Hostname', address: 'n' }] },
      };
      const workload = new FakeKube({ objects: [bare] });
      await syncNode(workload, machine, own, signal);
      const { status } = workload.peek<Node>(KINDS.Node, { name: 'n' }) as Node;
      expect(status.addresses.map((a) => `${a.type} ${a.address}`)).toEqual(wanted);
      const writes = workload.writes().length;
      await syncNode(workload, machine, own, signal);
      expect(workload.writes()).toHaveLength(writes);
    },
  );

  test('a write of the kubelet in between is no harm', async () => {
    const workload = new FakeKube({ objects: [aNode('n', { providerID: PROVIDER, taints: uninitialized })] });
    let beaten = false;
    workload.before(({ verb }) => {
      if (verb !== 'mergePatch' || beaten) return;
      beaten = true;
      const node = workload.peek<Node>(KINDS.Node, { name: 'n' }) as Node;
      workload.put({
        ...node,
        spec: { ...node.spec, taints: [...uninitialized, { key: 'mine', effect: 'NoExecute' }] },
      });
    });
    expect(await syncNode(workload, machine, false, signal)).toMatchObject({
      spec: { taints: [{ key: 'mine', effect: 'NoExecute' }] },
    });
  });

  test('the Node known by name is read alone', async () => {
    const workload = new FakeKube({ objects: [aNode('n', { providerID: PROVIDER })] });
    await syncNode(workload, { ...machine, status: { nodeRef: { name: 'n' } } }, false, signal);
    expect(workload.calls.map((c) => c.verb)).not.toContain('list');
  });

  test('several Nodes of one instance are told by name', async () => {
    const workload = new FakeKube({
      objects: [aNode('a', { providerID: PROVIDER }), aNode('b', { providerID: PROVIDER })],
    });
    await expect(syncNode(workload, machine, false, signal)).rejects.toMatchObject({
      type: 'InvalidConfiguration',
      message: expect.stringMatching(/several Nodes match machine default\/w-1 .*: a, b; delete/),
    });
  });

  test('an API server that fails is an error, not an absent Node', async () => {
    const workload = new FakeKube();
    workload.failNext({ verb: 'list', kind: 'Node' }, new PerdureError('Transient', '503'));
    await expect(syncNode(workload, machine, false, signal)).rejects.toMatchObject({ type: 'Transient' });
  });
});

test('clusterInitialized looks for the ConfigMap of kubeadm', async () => {
  const workload = new FakeKube();
  expect(await clusterInitialized(workload, signal)).toBe(false);
  workload.put({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'kubeadm-config', namespace: 'kube-system' } });
  expect(await clusterInitialized(workload, signal)).toBe(true);
});
