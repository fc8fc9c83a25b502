import { describe, expect, test } from '@jest/globals';
import type { KubeObject } from '../../api/types/meta.js';
import { gapOf, lanesOfConnection, lanesOfNode } from '../dependencies.js';
import { refKey } from '../references.js';
import { WorldIndex } from '../world.js';
import type { Link } from './connection.js';
import { nodeIlls } from './gaps.js';
import { NodeStore } from './store.js';
import { strippedNode, strippedPod } from './stripped.js';

type Loose = KubeObject & { spec?: Record<string, unknown>; status?: Record<string, unknown> };
const said = (type: string, status: string, reason: string, message = '') => ({ type, status, reason, message });
const well = [said('NodeReady', 'True', 'NodeReady'), said('NodeHealthy', 'True', 'NodeHealthy')];

const OLD = { key: 'node.cluster.x-k8s.io/outdated-revision', effect: 'PreferNoSchedule' };

/** A cluster with one control plane machine whose Node `n` is well, as its status says. */
function demo() {
  const labels = { 'cluster.x-k8s.io/control-plane': '', 'cluster.x-k8s.io/cluster-name': 'demo' };
  const cluster: Loose = {
    apiVersion: 'x/v1',
    kind: 'Cluster',
    metadata: { namespace: 'default', name: 'demo', uid: 'c' },
    spec: { controlPlaneRef: { kind: 'KubeadmControlPlane', name: 'cp' } },
    status: { conditions: [said('RemoteConnectionProbe', 'True', 'ProbeSucceeded')] },
  };
  const controlPlane: Loose = {
    apiVersion: 'x/v1',
    kind: 'KubeadmControlPlane',
    metadata: { namespace: 'default', name: 'cp', uid: 'cp', labels },
    status: { conditions: [said('ControlPlaneComponentsHealthy', 'True', 'Healthy')] },
  };
  const ownerReferences = [
    { apiVersion: 'x/v1', kind: 'KubeadmControlPlane', name: 'cp', uid: 'cp', controller: true },
  ];
  const machine: Loose = {
    apiVersion: 'x/v1',
    kind: 'Machine',
    metadata: { namespace: 'default', name: 'm', uid: 'm', labels, ownerReferences },
    spec: { clusterName: 'demo', providerID: 'p' },
    status: {
      nodeRef: { name: 'n' },
      nodeInfo: { kubeletVersion: 'v1.34.4' },
      conditions: [...well, said('SchedulerPodHealthy', 'True', 'Running')],
    },
  };
  const node: Loose = {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name: 'n',
      uid: 'n1',
      labels: { 'node-role.kubernetes.io/control-plane': '' },
      annotations: {
        'cluster.x-k8s.io/cluster-name': 'demo',
        'cluster.x-k8s.io/cluster-namespace': 'default',
        'cluster.x-k8s.io/machine': 'm',
        'cluster.x-k8s.io/owner-kind': 'KubeadmControlPlane',
        'cluster.x-k8s.io/owner-name': 'cp',
        'cluster.x-k8s.io/labels-from-machine': '',
        'cluster.x-k8s.io/annotations-from-machine': '',
      },
    },
    spec: { providerID: 'p' },
    status: {
      nodeInfo: { kubeletVersion: 'v1.34.4' },
      conditions: [{ type: 'Ready', status: 'True', lastHeartbeatTime: '1', message: 'posting ready' }],
    },
  };
  const pod: Loose = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace: 'kube-system', name: 'kube-scheduler-n', uid: 'pod' },
    status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
  };
  return { cluster, controlPlane, machine, node, pod };
}
type Demo = ReturnType<typeof demo>;

function worldOf(d: Demo, link: Link = 'up', nodes = [d.node], pods = [d.pod], listed = true, label?: RegExp) {
  const store = new NodeStore({ onNode: () => undefined, onPod: () => undefined });
  for (const node of nodes) store.node({ type: 'added', object: strippedNode(node) });
  for (const pod of pods) store.pod({ type: 'added', object: strippedPod(pod) });
  if (listed) store.retainNodes(new Set(nodes.map((n) => n.metadata.name)));
  const view = {
    link,
    listed: store.listed,
    nodeOf: (m: KubeObject) => store.nodeOf(m),
    pods: () => store.pods(),
  };
  const world = new WorldIndex(Date.now, (_, cluster) => (cluster === 'demo' ? view : undefined), {
    labels: label ? [label] : [],
    annotations: [],
  });
  for (const object of [d.cluster, d.controlPlane, d.machine]) world.put(object);
  return world;
}

/** `urgent: text` or `settling: text` of the gap, or `none`. */
function gap(d: Demo, of: 'cluster' | 'controlPlane' | 'machine', world = worldOf(d)): string {
  const found = gapOf(d[of], world);
  return found ? `${found.urgent ? 'urgent' : 'settling'}: ${found.text}` : 'none';
}

const condition = (type: string, status: string, more = {}) => ({ type, status, reason: 'R', ...more });
const nodeSays =
  (...conditions: unknown[]) =>
  (d: Demo): void => {
    d.node.status = { ...d.node.status, conditions };
  };
const machineSays =
  (...conditions: unknown[]) =>
  (d: Demo): void => {
    d.machine.status = { ...d.machine.status, conditions };
  };
const both =
  (...changes: ((d: Demo) => void)[]) =>
  (d: Demo): void => {
    for (const change of changes) change(d);
  };
const ill = machineSays(
  said('NodeReady', 'False', 'NodeNotReady'),
  said('NodeHealthy', 'False', 'NodeNotHealthy', '* Node.Ready: x'),
);

describe('a Machine and its Node', () => {
  test.each<[string, (d: Demo) => void, string]>([
    ['agree', () => undefined, 'none'],
    [
      'agree after a heartbeat',
      nodeSays(condition('Ready', 'True', { lastHeartbeatTime: '2', message: 'new' })),
      'none',
    ],
    [
      'differ when it is not ready',
      nodeSays(condition('Ready', 'False')),
      'urgent: NodeReady False/NodeNotReady; NodeHealthy False/NodeNotHealthy/Ready',
    ],
    [
      'differ when it fell silent',
      nodeSays(condition('Ready', 'Unknown')),
      'urgent: NodeReady Unknown/NodeReadyUnknown; NodeHealthy Unknown/NodeHealthyUnknown',
    ],
    [
      'differ when it is under pressure',
      nodeSays(condition('Ready', 'True'), condition('DiskPressure', 'True')),
      'urgent: NodeHealthy False/NodeNotHealthy/DiskPressure',
    ],
    ['agree once that is said', both(nodeSays(condition('Ready', 'False')), ill), 'none'],
    [
      'agree whatever counts seconds in its message',
      both(nodeSays(condition('Ready', 'False', { message: '3m1s' })), ill),
      'none',
    ],
    [
      'differ, less urgently, when it recovered',
      ill,
      'settling: NodeReady True/NodeReady; NodeHealthy True/NodeHealthy',
    ],
    [
      'agree on conditions that only health checks know',
      nodeSays(condition('Ready', 'True'), condition('KernelDeadlock', 'True')),
      'none',
    ],
    [
      'differ when its kubelet was replaced',
      (d) => (d.node.status = { ...d.node.status, nodeInfo: { kubeletVersion: 'v1.34.5' } }),
      'settling: nodeInfo {"kubeletVersion":"v1.34.5"}',
    ],
    [
      'differ when somebody took its mark',
      (d) => delete d.node.metadata.annotations?.['cluster.x-k8s.io/machine'],
      'settling: marks [{},{"cluster.x-k8s.io/machine":"m"},{}]',
    ],
    [
      'agree on labels of others',
      (d) => (d.node.metadata.labels = { ...d.node.metadata.labels, 'their/label': 'x' }),
      'none',
    ],
    [
      'agree before it had a Node: its operation waits for that',
      both(nodeSays(condition('Ready', 'False')), (d) => (d.machine.status = {})),
      'none',
    ],
    [
      'are not compared while it is deleted',
      both(nodeSays(condition('Ready', 'False')), (d) => (d.machine.metadata.deletionTimestamp = 't')),
      'none',
    ],
    [
      'differ when another instance has its name',
      (d) => (d.node.spec = { providerID: 'other' }),
      'urgent: NodeDeleted',
    ],
  ])('%s', (_, change, expected) => {
    const d = demo();
    change(d);
    expect(gap(d, 'machine')).toBe(expected);
  });

  test.each<[string, string, string, boolean, string]>([
    ['of the current revision', '2', '2', false, 'none'],
    ['of an old one without the taint', '1', '2', false, `settling: marks [{},{},{"taints":[${JSON.stringify(OLD)}]}]`],
    ['of an old one with the taint', '1', '2', true, 'none'],
    ['of one that became current again', '3', '2', true, 'settling: marks [{},{},{"taints":[]}]'],
  ])('a Machine %s', (_, ofSet, ofDeployment, tainted, expected) => {
    const d = demo();
    const owned = (kind: string, name: string, revision: string, owner?: Loose): Loose => ({
      apiVersion: 'x/v1',
      kind,
      metadata: {
        namespace: 'default',
        name,
        uid: name,
        annotations: { 'machinedeployment.clusters.x-k8s.io/revision': revision },
        ownerReferences: owner ? [controlledBy(owner)] : [],
      },
    });
    const controlledBy = ({ apiVersion, kind, metadata: { name, uid = '' } }: Loose) => ({
      ...{ apiVersion, kind, name, uid },
      controller: true,
    });
    const deployment = owned('MachineDeployment', 'md', ofDeployment);
    const set = owned('MachineSet', 'ms', ofSet, deployment);
    d.machine.metadata.ownerReferences = [controlledBy(set)];
    d.machine.metadata.labels = { 'cluster.x-k8s.io/deployment-name': 'md' };
    Object.assign(d.node.metadata.annotations ?? {}, {
      'cluster.x-k8s.io/owner-kind': 'MachineSet',
      'cluster.x-k8s.io/owner-name': 'ms',
    });
    d.node.spec = { ...d.node.spec, taints: tainted ? [OLD] : [] };
    const world = worldOf(d);
    for (const object of [deployment, set]) world.put(object);
    expect(gap(d, 'machine', world)).toBe(expected);
    world.remove(deployment);
    expect(gap(d, 'machine', world)).toBe('none');
  });

  test('agree on labels that patterns name, once the lane brought them', () => {
    const d = demo();
    d.machine.metadata.labels = { ...d.machine.metadata.labels, team: 'x' };
    const also = (): string => gap(d, 'machine', worldOf(d, 'up', [d.node], [d.pod], true, /^team$/u));
    expect(gap(d, 'machine')).toBe('none');
    expect(also()).toContain('settling: marks [{"team":"x"}');
    d.node.metadata.labels = { ...d.node.metadata.labels, team: 'x' };
    Object.assign(d.node.metadata.annotations ?? {}, { 'cluster.x-k8s.io/labels-from-machine': 'team' });
    expect(also()).toBe('none');
    expect(gap(d, 'machine')).toContain('settling: marks [{"team":null}');
  });

  test('differ when it was deleted, until that is said; nothing is concluded from a list that is not there yet', () => {
    const d = demo();
    expect(gap(d, 'machine', worldOf(d, 'up', []))).toBe('urgent: NodeDeleted');
    expect(gap(d, 'machine', worldOf(d, 'up', [], [], false))).toBe('none');
    machineSays(said('NodeReady', 'False', 'NodeDeleted'), said('NodeHealthy', 'False', 'NodeDeleted'))(d);
    expect(gap(d, 'machine', worldOf(d, 'up', []))).toBe('none');
  });

  test('stand as last seen while the cluster does not answer, and are unknown after five minutes', () => {
    const d = demo();
    nodeSays(condition('Ready', 'False'))(d);
    for (const link of ['unknown', 'unsure', 'lost'] as const) expect(gap(d, 'machine', worldOf(d, link))).toBe('none');
    expect(gap(d, 'machine', worldOf(d, 'dark'))).toBe('urgent: ConnectionDown');
    machineSays(said('NodeReady', 'Unknown', 'ConnectionDown'), said('NodeHealthy', 'Unknown', 'ConnectionDown'))(d);
    expect(gap(d, 'machine', worldOf(d, 'dark'))).toBe('none');
    expect(gap(d, 'machine')).toContain('settling: NodeReady False/NodeNotReady');
  });

  test('wake the Machine, its control plane and nobody else', () => {
    const d = demo();
    const world = worldOf(d);
    expect(world.machinesOn('default', 'demo', d.node)).toEqual([d.machine]);
    expect(lanesOfNode(d.machine, world).map(refKey)).toEqual(['Machine/default/m', 'KubeadmControlPlane/default/cp']);
    expect(lanesOfConnection(d.cluster, world).map(refKey).sort()).toEqual([
      'Cluster/default/demo',
      'KubeadmControlPlane/default/cp',
      'Machine/default/m',
    ]);
  });

  test.each(['name', 'providerID', 'annotation'])('find each other by %s', (by) => {
    const d = demo();
    const other: Loose = structuredClone(d.node);
    if (by !== 'name') other.metadata.name = 'other';
    if (by !== 'providerID') other.spec = {};
    if (by !== 'annotation') other.metadata.annotations = {};
    expect(worldOf(d).machinesOn('default', 'demo', other)).toEqual([d.machine]);
    expect(worldOf(d).machinesOn('default', 'another', other)).toEqual([]);
  });
});

describe('a control plane and its static pods', () => {
  const crash = (d: Demo): void => {
    d.pod.status = { phase: 'Running', conditions: [{ type: 'Ready', status: 'False' }] };
  };
  test('agree, and differ when one fails or is gone', () => {
    const d = demo();
    expect(gap(d, 'controlPlane')).toBe('none');
    expect(gap(d, 'controlPlane', worldOf(d, 'up', [d.node], []))).toBe('settling: m SchedulerPodHealthy False');
    crash(d);
    expect(gap(d, 'controlPlane')).toBe('settling: m SchedulerPodHealthy False');
  });

  test('are unknown after five minutes without an answer, and asked again when it is back', () => {
    const d = demo();
    expect(gap(d, 'controlPlane', worldOf(d, 'lost'))).toBe('none');
    expect(gap(d, 'controlPlane', worldOf(d, 'dark'))).toBe('urgent: ConnectionDown');
    d.controlPlane.status = { conditions: [said('ControlPlaneComponentsHealthy', 'Unknown', 'ConnectionDown')] };
    expect(gap(d, 'controlPlane', worldOf(d, 'dark'))).toBe('none');
    expect(gap(d, 'controlPlane')).toBe('settling: connected');
  });
});

test.each<[Link, string, string]>([
  ['up', 'True', 'none'],
  ['up', 'False', 'settling: up'],
  ['unsure', 'True', 'none'],
  ['unknown', 'True', 'none'],
  ['lost', 'True', 'urgent: lost'],
  ['dark', 'True', 'urgent: lost'],
  ['lost', 'False', 'none'],
])('a connection that is %s beside a condition that is %s', (link, status, expected) => {
  const d = demo();
  d.cluster.status = { conditions: [said('RemoteConnectionProbe', status, 'R')] };
  expect(gap(d, 'cluster', worldOf(d, link))).toBe(expected);
  d.cluster.metadata.deletionTimestamp = 't';
  expect(gap(d, 'cluster', worldOf(d, link))).toBe('none');
});

test('health checks see when a condition they watch turns ill, and that the Node is gone, but nothing else', () => {
  const d = demo();
  const unhealthyNodeConditions = [{ type: 'KernelDeadlock', status: 'True', timeoutSeconds: 60 }];
  const check = { spec: { checks: { unhealthyNodeConditions } } } as unknown as KubeObject;
  const ills = (world = worldOf(d)) => nodeIlls(d.machine, check, world);
  expect(ills()).toBe('');
  nodeSays(condition('Ready', 'False'), condition('KernelDeadlock', 'False'))(d);
  expect(ills()).toBe('');
  nodeSays(condition('KernelDeadlock', 'True', { lastTransitionTime: 't', lastHeartbeatTime: '1' }))(d);
  expect(ills()).toBe('KernelDeadlock=True since t');
  expect(ills(worldOf(d, 'up', []))).toBe('deleted');
  expect(ills(worldOf(d, 'up', [], [], false))).toBe('');
  d.machine.status = {};
  expect(ills(worldOf(d, 'up', []))).toBe('');
});
