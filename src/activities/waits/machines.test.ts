import { describe, expect, test } from '@jest/globals';
import {
  type ActivityWorld,
  activityWorld,
  keyOf,
  killedAfterEachWrite,
  NOW,
} from '../../../test/helpers/activity-world.js';
import { aCluster, aControlPlane, aMachine, aRunningPlane } from '../../../test/helpers/fake-objects.js';
import { aMachineDeployment, aMachineSet, theTemplates } from '../../../test/helpers/fake-owners.js';
import type { Machine } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import type { KubeObject } from '../../api/types/meta.js';
import { ownerReference } from '../../domain/contract.js';
import { FINALIZER } from '../../domain/names.js';
import { awaitMachines, teardownOwner } from './machines.js';

const cluster = aCluster();
const set = aMachineSet(cluster);
const key = keyOf(set);
const available = { type: 'Available', status: 'True', reason: 'A', message: '', lastTransitionTime: NOW } as const;
const machine = (name: string, of: KubeObject = set, finalizers: string[] = []): Machine => {
  const made = aMachine(cluster, { name });
  return {
    ...made,
    metadata: { ...made.metadata, finalizers, ownerReferences: [ownerReference(of, { controller: true })] },
  };
};
const names = (w: ActivityWorld, kind: { kind: string } = KINDS.Machine): string[] =>
  w.kube
    .all()
    .filter((o) => o.kind === kind.kind)
    .map((o) => o.metadata.name);

describe('waiting for machines', () => {
  const world = (...machines: Machine[]) =>
    activityWorld({ objects: [cluster, set, ...theTemplates(cluster), ...machines] });
  const make = (w: ActivityWorld, name: string): void => {
    const stored = w.kube.peek<Machine>(KINDS.Machine, { namespace: 'default', name }) as Machine;
    w.kube.put({ ...stored, status: { conditions: [available] } });
  };

  test('ends when all are available, and answers what it saw last', async () => {
    const w = world(machine('a'), machine('b'));
    const turns = ['a', 'b'];
    w.onBeat = () => make(w, turns.shift() ?? '');
    const facts = await awaitMachines(w.deps, key, ['a', 'b'], 'available');
    expect(facts.machines.map((m) => m.available)).toEqual([true, true]);
    expect(w.beats).toEqual(['waiting for a, b to be available', 'waiting for b to be available']);
  });

  test('does not wait for one that is deleted meanwhile', async () => {
    const w = world(machine('a', set, ['x']), machine('b'));
    w.onBeat = () => {
      if (w.beats.length === 1) void w.kube.delete(KINDS.Machine, { namespace: 'default', name: 'a' });
      make(w, 'b');
    };
    await awaitMachines(w.deps, key, ['a', 'b', 'unheard'], 'available');
    expect(w.beats.length).toBeGreaterThan(0);
  });

  test('ends when all are gone', async () => {
    const w = world(machine('a'));
    w.onBeat = () => w.kube.remove(KINDS.Machine, { namespace: 'default', name: 'a' });
    await awaitMachines(w.deps, key, ['a'], 'gone');
    expect(w.beats).toEqual(['waiting for a to be gone']);
  });

  test('ends when another machine is to be replaced, or made while one takes its time to go', async () => {
    const two = { ...set, spec: { ...set.spec, replicas: 2 } };
    const alone = (...machines: Machine[]) =>
      activityWorld({ objects: [cluster, aRunningPlane(cluster), two, ...theTemplates(cluster), ...machines] });
    const going = machine('a', set, ['x']);
    going.metadata.deletionTimestamp = NOW;
    const drained = alone(going, machine('b'));
    drained.onBeat = () => {
      if (drained.beats.length > 1) drained.kube.remove(KINDS.Machine, { namespace: 'default', name: 'b' });
    };
    const missing = await awaitMachines(drained.deps, key, ['a'], 'gone');
    expect(missing.machines.map((m) => m.name)).toEqual(['a']);
    expect(drained.beats).toEqual(['waiting for a to be gone', 'waiting for a to be gone']);
    const slow = alone(machine('a'), machine('b'));
    slow.onBeat = () => slow.kube.remove(KINDS.Machine, { namespace: 'default', name: 'b' });
    await awaitMachines(slow.deps, key, ['a'], 'available');
    expect(slow.beats).toEqual(['waiting for a to be available']);
    const w = alone(machine('a'), machine('b'));
    w.onBeat = () => {
      const flagged = ['HealthCheckSucceeded', 'OwnerRemediated'].map((type) => ({
        ...available,
        type,
        status: 'False' as const,
      }));
      const stored = w.kube.peek<Machine>(KINDS.Machine, { namespace: 'default', name: 'b' }) as Machine;
      w.kube.put({ ...stored, status: { conditions: flagged } });
    };
    await expect(awaitMachines(w.deps, key, ['a'], 'available')).resolves.toMatchObject({ remediate: ['b'] });
    expect(w.beats).toEqual(['waiting for a to be available']);
  });

  test('ends with their owner, and when it is cancelled', async () => {
    await expect(awaitMachines(activityWorld().deps, key, ['a'], 'available')).resolves.toMatchObject({
      exists: false,
    });
    const w = world(...['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((n) => machine(n)));
    w.onBeat = w.cancel;
    const many = awaitMachines(w.deps, key, ['a', 'b', 'c', 'd', 'e', 'f', 'g'], 'available');
    await expect(many).rejects.toMatchObject({ name: 'AbortError' });
    expect(w.beats).toEqual(['waiting for a, b, c, d, e and 2 more to be available']);
  });
});

describe('tearing an owner down', () => {
  const deleted = <T extends KubeObject>(object: T, finalizer: string): T => ({
    ...object,
    metadata: { ...object.metadata, deletionTimestamp: NOW, finalizers: [finalizer] },
  });
  const goingSet = deleted(set, FINALIZER.MachineSet);
  const deployment = aMachineDeployment(cluster);
  const goingDeployment = deleted(deployment, FINALIZER.MachineDeployment);
  const controlPlane = aControlPlane(cluster);
  const goingPlane = deleted(controlPlane, FINALIZER.KubeadmControlPlane);

  test('deletes its machines, waits for them, and drops the finalizer last', async () => {
    const w = activityWorld({
      objects: [cluster, goingSet, machine('a'), machine('b', set, ['x']), machine('c', deployment)],
    });
    let kept: string[] | undefined;
    w.onBeat = () => {
      kept ??= w.kube.peek(KINDS.MachineSet, set.metadata)?.metadata.finalizers;
      w.kube.remove(KINDS.Machine, { namespace: 'default', name: 'b' });
    };
    await teardownOwner(w.deps, key);
    expect(kept).toEqual([FINALIZER.MachineSet]);
    expect(names(w)).toEqual(['c']);
    expect(names(w, KINDS.MachineSet)).toEqual([]);
  });

  test('of a deployment deletes its sets and no machine', async () => {
    const owned = {
      ...set,
      metadata: { ...set.metadata, ownerReferences: [ownerReference(deployment, { controller: true })] },
    };
    const w = activityWorld({
      objects: [cluster, goingDeployment, owned, aMachineSet(cluster, {}, 'other'), machine('a')],
    });
    await teardownOwner(w.deps, keyOf(deployment));
    expect(names(w, KINDS.MachineSet)).toEqual(['other']);
    expect(names(w)).toEqual(['a']);
    expect(names(w, KINDS.MachineDeployment)).toEqual([]);
  });

  test('of a control plane waits until no worker is left, whatever its labels', async () => {
    const worker = aMachine(cluster, { name: 'w' });
    const unlabelled = { ...worker, metadata: { ...worker.metadata, labels: {} } };
    const w = activityWorld({ objects: [cluster, goingPlane, unlabelled, machine('cp', controlPlane)] });
    w.onBeat = (details) => {
      if (details !== 'worker machines still exist') return;
      expect(names(w)).toContain('cp');
      if (w.beats.length > 1) w.kube.remove(KINDS.Machine, worker.metadata);
    };
    const cp = {
      ...machine('cp', controlPlane),
      metadata: {
        ...machine('cp', controlPlane).metadata,
        labels: aMachine(cluster, { name: 'cp', controlPlane }).metadata.labels ?? {},
      },
    };
    w.kube.put(cp);
    await teardownOwner(w.deps, keyOf(controlPlane));
    expect(names(w)).toEqual([]);
    expect(w.beats).toEqual(['worker machines still exist', 'worker machines still exist', '1 children left']);
  });

  const cp = aMachine(cluster, { name: 'cp', controlPlane });
  const metadata = { ...goingPlane.metadata, labels: {} };
  test.each<[string, KubeObject, Machine[]]>([
    ['its label', goingPlane, []],
    [
      'its owner',
      { ...goingPlane, metadata: { ...metadata, ownerReferences: [ownerReference(cluster, { controller: true })] } },
      [],
    ],
    ['its machines', { ...goingPlane, metadata }, [cp]],
    ['its machines without labels', { ...goingPlane, metadata }, [machine('cp', controlPlane)]],
  ])('of a control plane finds the workers of the cluster that %s names', async (_, plane, machines) => {
    const theirs = aMachine(aCluster({ name: 'other' }), { name: 'theirs' });
    const worker = aMachine(cluster, { name: 'w' });
    const w = activityWorld({ objects: [cluster, plane, worker, theirs, ...machines] });
    w.onBeat = (details) => {
      if (details !== 'worker machines still exist') return;
      expect(names(w)).toEqual(expect.arrayContaining(machines.map((m) => m.metadata.name)));
      w.kube.remove(KINDS.Machine, worker.metadata);
    };
    await teardownOwner(w.deps, keyOf(controlPlane));
    expect(w.beats[0]).toBe('worker machines still exist');
    expect(names(w)).toEqual(['theirs']);
  });

  test.each<[string, () => ActivityWorld, KubeObject]>([
    ['set', () => activityWorld({ objects: [cluster, goingSet, machine('a'), machine('b')] }), set],
    ['deployment', () => activityWorld({ objects: [cluster, goingDeployment] }), deployment],
    [
      'control plane',
      () => activityWorld({ objects: [cluster, goingPlane, machine('cp', controlPlane)] }),
      controlPlane,
    ],
  ])('of a %s, killed after any write and run again, leaves nothing of it', async (_, make, owner) => {
    const labels = aMachine(cluster, { name: 'cp', controlPlane }).metadata.labels ?? {};
    const prepared = (): ActivityWorld => {
      const w = make();
      for (const m of w.kube.all<Machine>(KINDS.Machine).filter((o) => o.metadata.name === 'cp'))
        w.kube.put({ ...m, metadata: { ...m.metadata, labels } });
      return w;
    };
    const writes = await killedAfterEachWrite(
      prepared,
      ({ deps }) => teardownOwner(deps, keyOf(owner)),
      (after) => expect(Object.keys(after)).toEqual(['Cluster/default/demo']),
    );
    expect(writes).toBeGreaterThan(0);
  });

  test('is nothing to do for an owner that is gone or younger', async () => {
    const w = activityWorld({
      objects: [{ ...goingSet, metadata: { ...goingSet.metadata, uid: 'younger' } }, machine('a')],
    });
    await teardownOwner(w.deps, key);
    await teardownOwner(activityWorld().deps, key);
    expect(w.kube.writes()).toEqual([]);
  });
});
