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
const { removeControlPlaneMachine } = await import('./control-plane.js');

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
