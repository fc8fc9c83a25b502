import { describe, expect, test } from '@jest/globals';
import {
  type ActivityWorld,
  activityWorld,
  keyOf,
  killedAfterEachWrite,
  NOW,
  snapshot,
  writesOf,
} from '../../../test/helpers/activity-world.js';
import { aCluster, aMachine } from '../../../test/helpers/fake-objects.js';
import { aMachineSet, theTemplates } from '../../../test/helpers/fake-owners.js';
import { verdicts } from '../../../test/helpers/status-checks.js';
import type { Machine, MachineSet } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import type { KubeObject } from '../../api/types/meta.js';
import { ownerReference } from '../../domain/contract.js';
import { FINALIZER } from '../../domain/names.js';
import { assessMachineSet } from './assess-machine-set.js';
import { ownTemplate } from './owned.js';

const cluster = aCluster();
const owner = ownerReference(cluster, { controller: false });
const templates = theTemplates(cluster);
const condition = (type: string, status: 'True' | 'False' | 'Unknown' = 'True') =>
  ({ type, status, reason: 'R', message: '', lastTransitionTime: NOW }) as const;

function worker(
  name: string,
  of?: KubeObject,
  metadata: Partial<Machine['metadata']> = {},
  ...types: string[]
): Machine {
  const machine = aMachine(cluster, { name, status: { conditions: types.map((t) => condition(t)) } });
  return {
    ...machine,
    metadata: {
      ...machine.metadata,
      labels: { ...machine.metadata.labels, pool: 'blue' },
      ...(of ? { ownerReferences: [ownerReference(of, { controller: true })] } : {}),
      ...metadata,
    },
  };
}

describe('a look at a machine set', () => {
  const set = aMachineSet(cluster, { replicas: 3 });
  const key = keyOf(set);
  const stored = (world: ActivityWorld) => world.kube.peek<MachineSet>(KINDS.MachineSet, set.metadata) as MachineSet;
  const whole = () =>
    activityWorld({ objects: [cluster, set, ...templates, worker('a', set, {}, 'Ready', 'Available'), worker('b')] });

  test('that is absent changes nothing', async () => {
    const world = activityWorld();
    await expect(assessMachineSet(world.deps, key)).resolves.toMatchObject({ exists: false, machines: [] });
    expect(world.kube.writes()).toEqual([]);
  });

  test('adopts the machines that match and that nobody controls, before it counts', async () => {
    const world = whole();
    const facts = await assessMachineSet(world.deps, key);
    expect(facts).toMatchObject({ exists: true, desired: 3, base: 'workers', uid: key.uid, deleteOrder: 'Random' });
    expect(facts.machines.map((m) => [m.name, m.ready])).toEqual([
      ['a', true],
      ['b', false],
    ]);
    expect(stored(world).metadata).toMatchObject({ finalizers: [FINALIZER.MachineSet], ownerReferences: [owner] });
    expect(stored(world).status).toMatchObject({ replicas: 2, selector: 'pool=blue' });
  });

  test.each<[string, Partial<Machine['metadata']>, Partial<Machine['spec']>]>([
    ['goes', { deletionTimestamp: NOW, finalizers: ['x'] }, {}],
    ['has other labels', { labels: { pool: 'red' } }, {}],
    ['has another controller', { ownerReferences: [{ ...owner, kind: 'Pool', controller: true }] }, {}],
    ['belongs to another cluster', {}, { clusterName: 'other' }],
  ])('leaves alone a machine that %s', async (_, metadata, spec) => {
    const plain = worker('b', undefined, metadata);
    const machine: Machine = { ...plain, spec: { ...plain.spec, ...spec } };
    const world = activityWorld({ objects: [cluster, set, machine] });
    const before = world.kube.peek(KINDS.Machine, machine.metadata);
    await expect(assessMachineSet(world.deps, key)).resolves.toMatchObject({ machines: [] });
    expect(world.kube.peek(KINDS.Machine, machine.metadata)).toEqual(before);
  });

  test('still counts a machine whose labels were edited away', async () => {
    const world = activityWorld({ objects: [cluster, set, worker('a', set, { labels: {} })] });
    await expect(assessMachineSet(world.deps, key)).resolves.toMatchObject({ machines: [{ name: 'a' }] });
  });

  test('takes a node that cannot be asked for healthy, one that is known to be ill for unhealthy', async () => {
    const told = (name: string, status: 'False' | 'Unknown'): Machine => ({
      ...worker(name, set),
      status: { nodeRef: { name }, conditions: [condition('NodeHealthy', status)] },
    });
    const world = activityWorld({ objects: [cluster, set, told('a', 'False'), told('b', 'Unknown')] });
    const { machines } = await assessMachineSet(world.deps, key);
    expect(machines.map((m) => m.healthy)).toEqual([false, true]);
  });

  test('begins a new attempt when a missing template appears', async () => {
    const world = activityWorld({ objects: [cluster, set] });
    const { attempt } = await assessMachineSet(world.deps, key);
    for (const template of templates) world.kube.put(template);
    await expect(assessMachineSet(world.deps, key)).resolves.not.toMatchObject({ attempt });
  });

  test('writes nothing when nothing changed', async () => {
    const world = whole();
    await assessMachineSet(world.deps, key);
    world.now = '2026-02-02T00:00:00Z';
    expect(await writesOf(world.kube, () => assessMachineSet(world.deps, key))).toBe(0);
  });

  test('killed after any write and run again comes to the same', async () => {
    const writes = await killedAfterEachWrite(
      whole,
      ({ deps }) => assessMachineSet(deps, key),
      (after, undisturbed, n) => expect({ n, after }).toEqual({ n, after: undisturbed }),
    );
    expect(writes).toBeGreaterThanOrEqual(4);
  });

  test('that is paused gives it its Paused condition and nothing else', async () => {
    const paused = { ...cluster, spec: { ...cluster.spec, paused: true } };
    const world = activityWorld({ objects: [paused, set, ...templates, worker('b')] });
    const before = snapshot(world.kube);
    await expect(assessMachineSet(world.deps, key)).resolves.toMatchObject({ paused: true, machines: [] });
    expect(verdicts(stored(world).status)).toEqual({ Paused: 'True Paused' });
    const of = 'MachineSet/default/workers';
    expect({ ...snapshot(world.kube), [of]: 0 }).toEqual({ ...before, [of]: 0 });
  });

  test('that is deleting gives it no finalizer and adopts nothing', async () => {
    const going = { ...set, metadata: { ...set.metadata, deletionTimestamp: NOW, finalizers: ['theirs'] } };
    const world = activityWorld({ objects: [cluster, going, worker('b')] });
    await expect(assessMachineSet(world.deps, key)).resolves.toMatchObject({ deleting: true, machines: [] });
    expect(stored(world).metadata.finalizers).toEqual(['theirs']);
  });
});

describe('a template', () => {
  test('that two clusters share is owned by both, and neither takes it from the other again and again', async () => {
    const other = aCluster({ name: 'other' });
    const world = activityWorld({ objects: templates });
    const own = (of: typeof cluster) =>
      ownTemplate(world.deps, of, 'default', {
        apiGroup: 'infrastructure.cluster.x-k8s.io',
        kind: 'AWSMachineTemplate',
        name: 'workers',
      });
    await own(cluster);
    await own(other);
    expect(await writesOf(world.kube, async () => [await own(cluster), await own(other)])).toBe(0);
    expect((await own(cluster))?.metadata.ownerReferences).toEqual([
      owner,
      ownerReference(other, { controller: false }),
    ]);
  });
});
