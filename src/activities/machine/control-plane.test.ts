import { beforeEach, describe, expect, jest, test } from '@jest/globals';
import { type ActivityWorld, activityWorld, keyOf, NOW } from '../../../test/helpers/activity-world.js';
import { aCluster, aControlPlane, aMachine } from '../../../test/helpers/fake-objects.js';
import type { Machine } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import { PerdureError } from '../../domain/errors.js';
import type { EtcdClient } from '../workload/etcd.js';

interface Member {
  readonly id: string;
  readonly name: string;
  readonly learner: boolean;
}
let members: Member[] = [];
let leaderId = '';
let calls: string[] = [];
let dark: string[] = [];
let onRemove = (): void => undefined;
jest.unstable_mockModule('../workload/etcd.js', () => ({
  openEtcd: async (_workload: unknown, node: string): Promise<Partial<EtcdClient>> => {
    if (dark.includes(node))
      throw new PerdureError('Transient', `etcd member ${node} cannot be reached: no route to host`);
    return {
      node,
      view: async () => ({ members, leaderId, alarms: [], alarmed: [] }),
      moveLeader: async (to) => {
        calls.push(`${node} hands leadership to ${to}`);
        leaderId = to;
      },
      removeMember: async (id) => {
        onRemove();
        calls.push(`${node} removes ${id}`);
        members = members.filter((m) => m.id !== id);
      },
      close: async () => void calls.push(`close ${node}`),
    };
  },
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
      conditions: [
        { type: 'EtcdMemberHealthy', status: etcd, reason: 'R', message: '', lastTransitionTime: NOW },
        ...['APIServer', 'ControllerManager', 'Scheduler'].map((pod) => ({
          ...{ type: `${pod}PodHealthy`, status: 'True' as const, reason: 'R', message: '', lastTransitionTime: NOW },
        })),
      ],
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
  dark = [];
  onRemove = () => undefined;
});

describe('taking a machine out of a control plane', () => {
  test('deletes it and leaves its etcd member where it is: its node has still to be drained', async () => {
    const w = world(machine('a'), machine('b'), machine('c'));
    await removeControlPlaneMachine(w.deps, key, 'a');
    expect(calls).toEqual(['close node-b']);
    expect(names(w)).toEqual(['b', 'c']);
    expect(w.events).toEqual([`SuccessfulDelete KubeadmControlPlane/${controlPlane.metadata.name}`]);
    await removeControlPlaneMachine(w.deps, key, 'a');
    expect(calls).toHaveLength(1);
  });

  test('moves the leadership away first', async () => {
    const w = world(machine('a'), machine('b'), machine('c'));
    await removeControlPlaneMachine(w.deps, key, 'b');
    expect(calls).toEqual(['node-b hands leadership to id-a', 'close node-b', 'close node-a']);
    expect(names(w)).toEqual(['a', 'c']);
  });

  test('does not hand over a leadership that nobody can ask for: etcd elects another when the member goes', async () => {
    dark = ['node-b'];
    const w = world(machine('a'), machine('b'), machine('c'));
    await removeControlPlaneMachine(w.deps, key, 'b');
    expect(calls).toEqual(['close node-a']);
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

  test('leaves through whichever member answers, one whose pod is known to run first', async () => {
    const seen = (m: Machine, pod: 'True' | 'Unknown'): Machine => {
      const conditions = m.status?.conditions ?? [];
      const more = { ...conditions[0], type: 'EtcdPodHealthy', status: pod } as (typeof conditions)[number];
      return { ...m, status: { ...m.status, conditions: [...conditions, more] } };
    };
    await leaveControlPlane(world(a, seen(machine('b'), 'Unknown'), seen(machine('c'), 'True')).deps, keyOf(a));
    expect(calls).toEqual(['node-c removes id-a', 'close node-c']);
    members = ['a', 'b', 'c'].map((n) => ({ id: `id-${n}`, name: `node-${n}`, learner: false }));
    dark = ['node-b'];
    calls = [];
    await leaveControlPlane(world(a, machine('b'), machine('c')).deps, keyOf(a));
    expect(calls).toEqual(['node-c removes id-a', 'close node-c']);
  });

  test('says of every member why it cannot be asked', async () => {
    dark = ['node-b', 'node-c'];
    const message =
      'etcd member node-b cannot be reached: no route to host; etcd member node-c cannot be reached: no route to host';
    await expect(leaveControlPlane(world(a, machine('b'), machine('c')).deps, keyOf(a))).rejects.toMatchObject({
      type: 'Transient',
      message,
    });
    expect(calls).toEqual([]);
  });

  test('records that it leaves before its member goes, and drops its hook afterwards', async () => {
    const hook = 'pre-terminate.delete.hook.machine.cluster.x-k8s.io/kcp-cleanup';
    const hooked = { ...a, metadata: { ...a.metadata, annotations: { [hook]: '', other: 'stays' } } };
    const w = world(hooked, machine('b'), machine('c'));
    const stored = (): Machine | undefined => w.kube.peek<Machine>(KINDS.Machine, a.metadata);
    let seen: string | undefined;
    onRemove = () => {
      seen = stored()?.status?.deletion?.waitForPreTerminateHookStartTime;
      expect(stored()?.metadata.annotations).toHaveProperty([hook]);
    };
    await leaveControlPlane(w.deps, keyOf(a));
    expect(seen).toBe(NOW);
    expect(stored()?.metadata.annotations).toEqual({ other: 'stays' });
  });

  test('leaves after one that was deleted before and is leaving, but not after one that is still drained', async () => {
    const hook = { 'pre-terminate.delete.hook.machine.cluster.x-k8s.io/kcp-cleanup': '' };
    const earlier = going(machine('b'));
    const sooner = (deletion: object): Machine => ({
      ...earlier,
      metadata: { ...earlier.metadata, deletionTimestamp: '2025-12-31T00:00:00Z', annotations: hook },
      status: { ...earlier.status, deletion },
    });
    const w = world(a, sooner({ waitForPreTerminateHookStartTime: NOW }), machine('c'));
    await expect(leaveControlPlane(w.deps, keyOf(a))).rejects.toMatchObject({
      type: 'NotYet',
      message: 'Machine b leaves the control plane first',
    });
    expect(calls).toEqual([]);
    await leaveControlPlane(world(a, sooner({ nodeDrainStartTime: NOW }), machine('c')).deps, keyOf(a));
    expect(calls).toContain('node-c removes id-a');
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
  ])('%s asks no etcd', async (_, objects) => {
    const w = activityWorld({ objects: [authority, a, ...(objects.flat() as Machine[])] });
    await leaveControlPlane(w.deps, keyOf(a));
    expect(calls).toEqual([]);
  });

  test('is kept while no other one could take over', async () => {
    const ill = machine('b');
    const conditions = (ill.status?.conditions ?? []).map((c) =>
      c.type === 'APIServerPodHealthy' ? { ...c, status: 'False' as const } : c,
    );
    for (const other of [
      { ...machine('b'), status: {} },
      { ...ill, status: { ...ill.status, conditions } },
    ]) {
      await expect(leaveControlPlane(world(a, other).deps, keyOf(a))).rejects.toMatchObject({
        type: 'NotYet',
        message: expect.stringContaining(
          'no other control plane machine (b) has a Node with healthy APIServerPodHealthy',
        ),
      });
    }
    expect(calls).toEqual([]);
  });

  test('goes after one that has left etcd and is not gone yet, with an etcd elsewhere too', async () => {
    const external = { endpoints: ['https://e'], caFile: 'a', certFile: 'b', keyFile: 'c' };
    const clusterConfiguration = { etcd: { external } };
    const other = { ...controlPlane, spec: { ...controlPlane.spec, kubeadmConfigSpec: { clusterConfiguration } } };
    for (const plane of [controlPlane, other]) {
      const w = activityWorld({ objects: [cluster, plane, authority, a, going(machine('b')), machine('c')] });
      await expect(leaveControlPlane(w.deps, keyOf(a))).rejects.toMatchObject({
        type: 'NotYet',
        message: 'Machine b leaves the control plane first',
      });
    }
    const w = activityWorld({ objects: [cluster, other, a, { ...machine('c'), status: {} }] });
    await expect(leaveControlPlane(w.deps, keyOf(a))).rejects.toMatchObject({ type: 'NotYet' });
    await leaveControlPlane(activityWorld({ objects: [cluster, other, a, machine('c')] }).deps, keyOf(a));
    expect(calls).toEqual([]);
  });

  test('leaves to others that are deleted too, as long as they have not left', async () => {
    const hook = { 'pre-terminate.delete.hook.machine.cluster.x-k8s.io/kcp-cleanup': '' };
    const later = (name: string): Machine => {
      const m = going(machine(name));
      return { ...m, metadata: { ...m.metadata, deletionTimestamp: '2026-12-31T00:00:00Z', annotations: hook } };
    };
    await leaveControlPlane(world(a, later('b'), later('c')).deps, keyOf(a));
    expect(calls).toEqual(['node-b removes id-a', 'close node-b']);
  });

  test('is kept while members that no machine hosts are still counted: they count as dead', async () => {
    await expect(leaveControlPlane(world(a, machine('b')).deps, keyOf(a))).rejects.toMatchObject({
      type: 'NotYet',
      message: expect.stringContaining('unhealthy: node-c'),
    });
  });

  test('that is leader hands over to the newest of the template of today', async () => {
    leaderId = 'id-a';
    const with_ = (name: string, creationTimestamp: string, upToDate: 'True' | 'False'): Machine => {
      const m = machine(name);
      const conditions = m.status?.conditions ?? [];
      const more = { ...conditions[0], type: 'UpToDate', status: upToDate } as (typeof conditions)[number];
      const metadata = { ...m.metadata, creationTimestamp };
      return { ...m, metadata, status: { ...m.status, conditions: [...conditions, more] } };
    };
    members.push({ id: 'id-d', name: 'node-d', learner: false });
    const old = with_('b', '2026-01-03T00:00:00Z', 'False');
    const w = world(a, old, with_('c', '2026-01-01T00:00:00Z', 'True'), with_('d', '2026-01-02T00:00:00Z', 'True'));
    await leaveControlPlane(w.deps, keyOf(a));
    expect(calls).toContain('node-a hands leadership to id-d');
  });

  describe('without a Node', () => {
    const never = going({ ...machine('a'), status: {} });

    test('goes when etcd has no member that could be its own', async () => {
      members = members.filter((m) => m.name !== 'node-a');
      await leaveControlPlane(world(never, machine('b'), machine('c')).deps, keyOf(never));
      expect(calls.filter((c) => c.includes('removes'))).toEqual([]);
    });

    test('takes a member along that only it can have', async () => {
      members = members.filter((m) => m.name !== 'node-c');
      await leaveControlPlane(world(never, machine('b')).deps, keyOf(never));
      expect(calls).toContain('node-b removes id-a');
    });

    test('waits while nobody can tell whose a member is and the rest would be no quorum', async () => {
      members = members.filter((m) => m.name !== 'node-c');
      const joining = { ...machine('c'), status: {} };
      await expect(leaveControlPlane(world(never, machine('b'), joining).deps, keyOf(never))).rejects.toMatchObject({
        type: 'NotYet',
        message: expect.stringContaining('may be of this machine'),
      });
      expect(calls.filter((c) => c.includes('removes'))).toEqual([]);
    });

    test('waits while no member answers', async () => {
      dark = ['node-b'];
      await expect(leaveControlPlane(world(never, machine('b')).deps, keyOf(never))).rejects.toMatchObject({
        type: 'Transient',
      });
    });
  });

  test('that is a worker, or gone, asks no etcd', async () => {
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

  test('stays when it is of a control plane machine of somebody else', async () => {
    const other = { ...controlPlane, metadata: { ...controlPlane.metadata, uid: 'other' } };
    await evictMember(world(machine('a'), machine('b'), machine('c', 'True', other)).deps, key, stray);
    expect(calls).toEqual([]);
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
