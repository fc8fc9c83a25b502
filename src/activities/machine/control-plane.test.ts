import { beforeEach, describe, expect, jest, test } from '@jest/globals';
import { type ActivityWorld, activityWorld, keyOf, NOW } from '../../../test/helpers/activity-world.js';
import { aCluster, aControlPlane, aMachine } from '../../../test/helpers/fake-objects.js';
import type { Machine } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import type { EtcdClient } from '../workload/etcd.js';

interface Member {
  readonly id: string;
  readonly name: string;
  readonly learner: boolean;
}
let members: Member[] = [];
let leaderId = '';
let calls: string[] = [];
jest.unstable_mockModule('../workload/etcd.js', () => ({
  openEtcd: async (_workload: unknown, node: string): Promise<Partial<EtcdClient>> => ({
    node,
    view: async () => ({ members, leaderId, alarms: [], alarmed: [] }),
    moveLeader: async (to) => {
      calls.push(`${node} hands leadership to ${to}`);
      leaderId = to;
    },
    removeMember: async (id) => {
      calls.push(`${node} removes ${id}`);
      members = members.filter((m) => m.id !== id);
    },
    close: async () => void calls.push(`close ${node}`),
  }),
}));
const { evictMember, leaveControlPlane, removeControlPlaneMachine } = await import('./control-plane.js');

const cluster = aCluster();
const controlPlane = aControlPlane(cluster, { replicas: 3 });
const key = keyOf(controlPlane);
const machine = (name: string, etcd: 'True' | 'False' = 'True', of = controlPlane): Machine =>
  aMachine(cluster, {
    name,
    controlPlane: of,
    status: {
      nodeRef: { name: `node-${name}` },
      conditions: [{ type: 'EtcdMemberHealthy', status: etcd, reason: 'R', message: '', lastTransitionTime: NOW }],
    },
  });
const authority = {
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'demo-etcd', namespace: 'default' },
  data: { 'tls.crt': 'eA==', 'tls.key': 'eA==' },
};
const world = (...machines: Machine[]): ActivityWorld =>
  activityWorld({ objects: [cluster, controlPlane, authority, ...machines] });
const names = (w: ActivityWorld): string[] => w.kube.all(KINDS.Machine).map((m) => m.metadata.name);

beforeEach(() => {
  members = ['a', 'b', 'c'].map((n) => ({ id: `id-${n}`, name: `node-${n}`, learner: false }));
  leaderId = 'id-b';
  calls = [];
});

describe('taking a machine out of a control plane', () => {
  test('removes its etcd member through another one, then deletes it', async () => {
    const w = world(machine('a'), machine('b'), machine('c'));
    await removeControlPlaneMachine(w.deps, key, 'a');
    expect(calls).toEqual(['node-b removes id-a', 'close node-b']);
    expect(names(w)).toEqual(['b', 'c']);
    expect(w.events).toEqual([`SuccessfulDelete KubeadmControlPlane/${controlPlane.metadata.name}`]);
    await removeControlPlaneMachine(w.deps, key, 'a');
    expect(calls).toHaveLength(2);
  });

  test('moves the leadership away first', async () => {
    const w = world(machine('a'), machine('b'), machine('c'));
    await removeControlPlaneMachine(w.deps, key, 'b');
    expect(calls).toEqual(['node-b hands leadership to id-a', 'close node-b', 'node-a removes id-b', 'close node-a']);
    expect(names(w)).toEqual(['a', 'c']);
  });

  test('goes on where a killed run ended: the member is gone, the Machine is not', async () => {
    members = members.filter((m) => m.name !== 'node-a');
    const w = world(machine('a'), machine('b'), machine('c'));
    await removeControlPlaneMachine(w.deps, key, 'a');
    expect(calls).toEqual(['close node-b']);
    expect(names(w)).toEqual(['b', 'c']);
  });

  test('waits while the rest would have no quorum, and changes nothing', async () => {
    const w = world(machine('a'), machine('b'), machine('c', 'False'));
    await expect(removeControlPlaneMachine(w.deps, key, 'a')).rejects.toMatchObject({
      type: 'NotYet',
      message: expect.stringContaining('cannot remove etcd member node-a'),
    });
    expect(calls).toEqual(['close node-b']);
    expect(names(w)).toEqual(['a', 'b', 'c']);
  });

  test('refuses to take the last one', async () => {
    const w = world(machine('a'));
    await expect(removeControlPlaneMachine(w.deps, key, 'a')).rejects.toMatchObject({ type: 'InvalidConfiguration' });
    expect(names(w)).toEqual(['a']);
  });

  test('asks no etcd for a machine that never joined, nor where etcd is external', async () => {
    const never = { ...machine('a'), status: {} };
    const w = world(never, machine('b'));
    await removeControlPlaneMachine(w.deps, key, 'a');
    const external = { endpoints: ['https://e'], caFile: 'a', certFile: 'b', keyFile: 'c' };
    const other = {
      ...controlPlane,
      spec: { ...controlPlane.spec, kubeadmConfigSpec: { clusterConfiguration: { etcd: { external } } } },
    };
    const w2 = activityWorld({ objects: [cluster, other, machine('a'), machine('b')] });
    await removeControlPlaneMachine(w2.deps, key, 'a');
    expect([names(w), names(w2), calls]).toEqual([['b'], ['b'], []]);
  });

  test('is nothing to do for a machine that is gone, goes, or is not of this control plane', async () => {
    const going = {
      ...machine('a'),
      metadata: { ...machine('a').metadata, deletionTimestamp: NOW, finalizers: ['x'] },
    };
    const foreign = machine('f', 'True', { ...controlPlane, metadata: { ...controlPlane.metadata, uid: 'other' } });
    const w = world(going, foreign);
    for (const name of ['a', 'f', 'gone']) await removeControlPlaneMachine(w.deps, key, name);
    await removeControlPlaneMachine(activityWorld().deps, key, 'a');
    expect(names(w)).toEqual(['a', 'f']);
    expect(w.kube.writes()).toEqual([]);
  });
});

describe('a control plane machine that somebody deletes', () => {
  const going = (m: Machine): Machine => ({
    ...m,
    metadata: { ...m.metadata, deletionTimestamp: NOW, finalizers: ['x'] },
  });
  const a = going(machine('a'));

  test('leaves etcd before its instance is terminated, and once', async () => {
    const w = world(a, machine('b'), machine('c'));
    await leaveControlPlane(w.deps, keyOf(a));
    expect(calls).toEqual(['node-b removes id-a', 'close node-b']);
    expect(names(w)).toEqual(['a', 'b', 'c']);
    await leaveControlPlane(w.deps, keyOf(a));
    expect(calls.filter((c) => c.includes('removes'))).toHaveLength(1);
  });

  test('says on the Machine why it has to wait', async () => {
    const w = world(a, machine('b'), machine('c', 'False'));
    await expect(leaveControlPlane(w.deps, keyOf(a))).rejects.toMatchObject({ type: 'NotYet' });
    const deleting = w.kube
      .peek<Machine>(KINDS.Machine, a.metadata)
      ?.status?.conditions?.find((c) => c.type === 'Deleting');
    expect(deleting).toMatchObject({ status: 'True', reason: 'WaitingForPreTerminateHook' });
    expect(deleting?.message).toContain('quorum');
  });

  test.each<[string, (readonly unknown[])[]]>([
    ['whose cluster goes', [[going(cluster as never)], [controlPlane], [machine('b')]]],
    ['whose control plane goes', [[cluster], [going(controlPlane as never)], [machine('b')]]],
    ['that is the last', [[cluster], [controlPlane]]],
    [
      'that is not alone, but beside one without a node',
      [[cluster], [controlPlane], [{ ...machine('b'), status: {} }]],
    ],
  ])('%s asks no etcd', async (_, objects) => {
    const w = activityWorld({ objects: [authority, a, ...(objects.flat() as Machine[])] });
    await leaveControlPlane(w.deps, keyOf(a));
    expect(calls).toEqual([]);
  });

  test('that never joined, or is a worker, asks no etcd', async () => {
    const never = going({ ...machine('a'), status: {} });
    await leaveControlPlane(world(never, machine('b')).deps, keyOf(never));
    const worker = going(aMachine(cluster, { name: 'w' }));
    await leaveControlPlane(world(worker, machine('b')).deps, keyOf(worker));
    await leaveControlPlane(world().deps, keyOf(a));
    expect(calls).toEqual([]);
  });
});

describe('an etcd member without a machine', () => {
  const stray = { id: 'id-c', name: 'node-c' };

  test('is taken out', async () => {
    const w = world(machine('a'), machine('b'));
    await evictMember(w.deps, key, stray);
    expect(calls).toEqual(['node-a removes id-c', 'close node-a']);
    expect(w.events).toEqual([`EtcdMemberRemoved KubeadmControlPlane/${controlPlane.metadata.name}`]);
  });

  test('that never started is taken out too, whatever the quorum', async () => {
    members = [...members.slice(0, 2), { id: 'id-x', name: '', learner: true }];
    await evictMember(world(machine('a'), machine('b', 'False')).deps, key, { id: 'id-x', name: '' });
    expect(calls).toEqual(['node-a removes id-x', 'close node-a']);
  });

  test('stays while the rest would have no quorum', async () => {
    const w = world(machine('a'), machine('b', 'False'));
    await expect(evictMember(w.deps, key, stray)).rejects.toMatchObject({ type: 'NotYet' });
  });

  test.each([
    ['a machine that has no node yet', [machine('a'), { ...machine('b'), status: {} }]],
    ['its machine', [machine('a'), machine('c')]],
    ['no machine at all', []],
  ])('is left alone when there is %s', async (_, machines) => {
    await evictMember(world(...(machines as Machine[])).deps, key, stray);
    expect(calls).toEqual([]);
  });
});
