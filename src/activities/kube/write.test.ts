import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { activityWorld, NOW, writesOf } from '../../../test/helpers/activity-world.js';
import { aCluster, aMachine } from '../../../test/helpers/fake-objects.js';
import type { Machine } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import type { Condition, OwnerReference } from '../../api/types/meta.js';
import { ownerReference } from '../../domain/contract.js';
import { PerdureError } from '../../domain/errors.js';
import {
  applyPaused,
  applyStatus,
  ensureMetadata,
  isSubset,
  type MetadataWish,
  prune,
  removeFinalizer,
  unlessGone,
} from './write.js';

const { signal } = new AbortController();
const cluster = aCluster();
const machine = aMachine(cluster);
const ref = { namespace: 'default', name: machine.metadata.name };
const condition = (type: string, status: Condition['status'], message = ''): Condition => ({
  type,
  status,
  reason: 'R',
  message,
  lastTransitionTime: NOW,
});
const json = fc.jsonValue({ maxDepth: 3 });
const record = fc.dictionary(fc.constantFrom('a', 'b', 'c'), json);

describe('what is said already', () => {
  test.each<[string, unknown, unknown, boolean]>([
    ['the same', { a: 1 }, { a: 1, b: 2 }, true],
    ['another value', { a: 1 }, { a: 2 }, false],
    ['a missing field', { a: 1 }, {}, false],
    ['an undefined field', { a: undefined }, {}, true],
    ['an empty text, which the API server may leave out', { a: '' }, {}, true],
    ['an empty object, which is not sent', { a: {} }, {}, true],
    ['an empty list', { a: [] }, {}, true],
    ['an emptied list', { a: [] }, { a: [1] }, false],
    ['a list', { a: [1, 2] }, { a: [1, 2] }, true],
    ['a longer list', { a: [1] }, { a: [1, 2] }, false],
    ['a reordered list', { a: [2, 1] }, { a: [1, 2] }, false],
    [
      'conditions among those of others',
      [condition('A', 'True')],
      [condition('B', 'True'), condition('A', 'True')],
      true,
    ],
    ['a condition that turned', [condition('A', 'True')], [condition('A', 'False')], false],
    ['a new condition', [condition('A', 'True')], [condition('B', 'True')], false],
    [
      'addresses, which have types too',
      [{ type: 'InternalIP', address: 'x' }],
      [{ type: 'InternalIP', address: 'x' }],
      true,
    ],
    [
      'fewer addresses',
      [{ type: 'InternalIP', address: 'x' }],
      [
        { type: 'InternalIP', address: 'x' },
        { type: 'ExternalIP', address: 'y' },
      ],
      false,
    ],
    [
      'fewer conditions of v1beta1, a list with one writer',
      { deprecated: { v1beta1: { conditions: [condition('A', 'True')] } } },
      { deprecated: { v1beta1: { conditions: [condition('A', 'True'), condition('B', 'True')] } } },
      false,
    ],
    [
      'the same conditions of v1beta1',
      { deprecated: { v1beta1: { conditions: [condition('A', 'True')] } } },
      { deprecated: { v1beta1: { conditions: [condition('A', 'True')], more: 1 } } },
      true,
    ],
    ['an object where there is nothing', { a: { b: 1 } }, { a: null }, false],
  ])('%s', (_, wanted, current, expected) => {
    expect(isSubset(wanted, current)).toBe(expected);
  });

  test('holds for anything and itself, and whatever is added beside it', () => {
    fc.assert(
      fc.property(record, record, (wanted, more) => {
        expect(isSubset(wanted, wanted)).toBe(true);
        expect(isSubset(wanted, { ...more, ...wanted })).toBe(true);
      }),
    );
  });

  test('does not hold once a value differs', () => {
    fc.assert(fc.property(record, (current) => expect(isSubset({ ...current, new: 'x' }, current)).toBe(false)));
  });
});

describe('pruning', () => {
  test('leaves out what says nothing, however deep', () => {
    expect(prune({ a: { b: { c: undefined } }, d: [], e: '', f: 0, g: [{ h: {} }] })).toEqual({
      d: [],
      e: '',
      f: 0,
      g: [{}],
    });
  });

  test('once is enough, and what is left was there', () => {
    fc.assert(
      fc.property(record, (value) => {
        const pruned = prune(value);
        expect(prune(pruned)).toEqual(pruned);
        expect(isSubset(pruned, value)).toBe(true);
      }),
    );
  });
});

describe('a status', () => {
  const status = { phase: 'Running', conditions: [condition('Ready', 'True')], initialization: {} };

  test('is written once, and no more while it says the same', async () => {
    const { kube } = activityWorld({ objects: [machine] });
    const write = async () => {
      const stored = kube.peek<Machine>(KINDS.Machine, ref) as Machine;
      await applyStatus(kube, KINDS.Machine, stored, status, 'manager', signal);
    };
    expect(await writesOf(kube, write)).toBe(1);
    expect(await writesOf(kube, write)).toBe(0);
    expect(kube.peek<Machine>(KINDS.Machine, ref)?.status).toEqual({
      phase: 'Running',
      conditions: [condition('Ready', 'True')],
    });
  });

  test('lets go of a condition that it may have written and does not want any more, and leaves those of others', async () => {
    const { kube } = activityWorld({ objects: [machine] });
    const stored = async () => (await kube.get<Machine>(KINDS.Machine, ref)) as Machine;
    const types = async () => (await stored()).status?.conditions?.map((c) => c.type).sort();
    const write = async (manager: string, releases: readonly string[], ...wanted: string[]) =>
      applyStatus(
        kube,
        KINDS.Machine,
        await stored(),
        { conditions: wanted.map((type) => condition(type, 'True')) },
        manager,
        signal,
        releases,
      );
    await write('other', [], 'Others');
    await write('manager', [], 'Mine', 'Passing');
    await write('manager', [], 'Mine');
    expect(await types()).toEqual(['Mine', 'Others', 'Passing']);
    await write('manager', ['Passing', 'Absent'], 'Mine');
    expect(await types()).toEqual(['Mine', 'Others']);
    expect(await writesOf(kube, () => write('manager', ['Passing', 'Absent'], 'Mine'))).toBe(0);
  });

  test('of an object that is gone by now is no failure', async () => {
    const { kube } = activityWorld();
    await applyStatus(kube, KINDS.Machine, machine, status, 'manager', signal);
    await expect(unlessGone(Promise.reject(new PerdureError('NotFound', 'gone')))).resolves.toBeUndefined();
    await expect(unlessGone(Promise.reject(new PerdureError('Conflict', 'busy')))).rejects.toThrow('busy');
  });

  test('stays as it is while paused, but for the Paused condition', async () => {
    const { kube } = activityWorld({ objects: [machine] });
    const full = { ...status, conditions: [condition('Paused', 'False'), condition('Ready', 'True')] };
    await applyStatus(kube, KINDS.Machine, machine, full, 'perdure-machine', signal);
    const pause = async () => {
      const stored = kube.peek<Machine>(KINDS.Machine, ref) as Machine;
      await applyPaused(kube, KINDS.Machine, stored, '2026-01-02T00:00:00Z', signal);
    };
    expect(await writesOf(kube, pause)).toBe(1);
    expect(await writesOf(kube, pause)).toBe(0);
    const paused = kube.peek<Machine>(KINDS.Machine, ref);
    expect(paused?.status?.phase).toBe('Running');
    expect(paused?.status?.conditions).toEqual(
      expect.arrayContaining([
        condition('Ready', 'True'),
        expect.objectContaining({ type: 'Paused', status: 'True', lastTransitionTime: '2026-01-02T00:00:00Z' }),
      ]),
    );
    await applyStatus(kube, KINDS.Machine, paused as Machine, full, 'perdure-machine', signal);
    expect(kube.peek<Machine>(KINDS.Machine, ref)?.status?.conditions).toContainEqual(
      expect.objectContaining(condition('Paused', 'False')),
    );
  });
});

describe('metadata', () => {
  const owner = ownerReference({ ...machine, kind: 'MachineSet' }, { controller: true });
  const wish: MetadataWish = {
    finalizer: 'f',
    labels: { l: '1' },
    annotations: { a: '1' },
    annotationsOnce: { id: () => 'first' },
    owner,
  };
  const world = (metadata: Partial<Machine['metadata']> = {}) =>
    activityWorld({ objects: [{ ...machine, metadata: { ...machine.metadata, ...metadata } }] });
  const ensure = async (kube: ReturnType<typeof world>['kube'], wanted = wish) =>
    ensureMetadata(kube, KINDS.Machine, kube.peek<Machine>(KINDS.Machine, ref) as Machine, wanted, signal);

  test('is brought to the wish in one write, and then left alone', async () => {
    const { kube } = world();
    expect(await writesOf(kube, () => ensure(kube))).toBe(1);
    expect(await writesOf(kube, () => ensure(kube, { ...wish, annotationsOnce: { id: () => 'second' } }))).toBe(0);
    expect(kube.peek(KINDS.Machine, ref)?.metadata).toMatchObject({
      finalizers: ['f'],
      labels: { l: '1', 'cluster.x-k8s.io/cluster-name': 'demo' },
      annotations: { a: '1', id: 'first' },
      ownerReferences: [owner],
    });
  });

  test('of a deleting object gets no finalizer', async () => {
    const { kube } = world({ deletionTimestamp: NOW, finalizers: ['other'] });
    await ensure(kube);
    expect(kube.peek(KINDS.Machine, ref)?.metadata.finalizers).toEqual(['other']);
  });

  test('keeps other finalizers and owners, but for those to drop', async () => {
    const reference = (kind: string): OwnerReference => ({ apiVersion: 'x/v1', kind, name: kind, uid: kind });
    const { kube } = world({ finalizers: ['other'], ownerReferences: [reference('Keep'), reference('Drop')] });
    await ensure(kube, { ...wish, dropOwners: (o) => o.kind === 'Drop' });
    const stored = kube.peek(KINDS.Machine, ref)?.metadata;
    expect(stored?.finalizers).toEqual(['other', 'f']);
    expect(stored?.ownerReferences).toEqual([reference('Keep'), owner]);
  });

  test('never gets a second controller', async () => {
    const other = { ...owner, kind: 'KubeadmControlPlane', uid: 'x' };
    const { kube } = world({ ownerReferences: [other] });
    expect(await writesOf(kube, () => ensure(kube))).toBe(0);
    expect(kube.peek(KINDS.Machine, ref)?.metadata.ownerReferences).toEqual([other]);
  });

  test('of a younger object of the same name is not touched, nor taken for the older one', async () => {
    const { kube } = world();
    const old = { ...machine, metadata: { ...machine.metadata, uid: 'before' } };
    expect(await writesOf(kube, () => ensureMetadata(kube, KINDS.Machine, old, wish, signal))).toBe(0);
    expect((await ensureMetadata(kube, KINDS.Machine, old, wish, signal)).metadata.uid).toBe('before');
  });

  test('is merged with what somebody else wrote meanwhile', async () => {
    const { kube } = world();
    const stop = kube.before((call) => {
      if (call.verb !== 'update') return;
      stop();
      const now = kube.peek<Machine>(KINDS.Machine, ref) as Machine;
      kube.put({ ...now, metadata: { ...now.metadata, labels: { ...now.metadata.labels, theirs: 'x' } } });
    });
    await ensure(kube);
    expect(kube.peek(KINDS.Machine, ref)?.metadata.labels).toMatchObject({ theirs: 'x', l: '1' });
  });
});

describe('a finalizer', () => {
  test('is dropped alone; an absent one, or object, is success', async () => {
    const { kube } = activityWorld({
      objects: [{ ...machine, metadata: { ...machine.metadata, finalizers: ['f', 'g'] } }],
    });
    const drop = () => removeFinalizer(kube, KINDS.Machine, machine, 'f', signal);
    expect(await writesOf(kube, drop)).toBe(1);
    expect(kube.peek(KINDS.Machine, ref)?.metadata.finalizers).toEqual(['g']);
    expect(await writesOf(kube, drop)).toBe(0);
    kube.remove(KINDS.Machine, ref);
    await drop();
  });

  test('of a younger object of the same name stays', async () => {
    const { kube } = activityWorld({
      objects: [{ ...machine, metadata: { ...machine.metadata, uid: 'new', finalizers: ['f'] } }],
    });
    await removeFinalizer(kube, KINDS.Machine, machine, 'f', signal);
    expect(kube.peek(KINDS.Machine, ref)?.metadata.finalizers).toEqual(['f']);
  });
});
