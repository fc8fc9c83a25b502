import { describe, expect, test } from '@jest/globals';
import { aCluster, aMachine } from '../../../test/helpers/fake-objects.js';
import type { Machine } from '../../api/types/index.js';
import { ANNOTATION } from '../names.js';
import { type InPlaceMetadata, rememberTemplate, withInPlace, withMetadata } from './in-place.js';

const wish = (labels: Record<string, string>, annotations = {}): InPlaceMetadata => ({
  labels,
  annotations,
  system: { own: 'yes' },
});
const bare = aMachine(aCluster(), { name: 'm' });
const machine = (change: Partial<Machine['metadata']>, spec: Partial<Machine['spec']> = {}): Machine => ({
  ...bare,
  metadata: { ...bare.metadata, labels: { own: 'yes' }, ...change },
  spec: { ...bare.spec, ...spec },
});

describe('what is changed without a rollout', () => {
  test('labels and annotations come, change, and go with the template; those of others stay', () => {
    const first = withMetadata(
      machine({ labels: { theirs: '1' }, annotations: { note: 'n' } }),
      wish({ a: '1', b: '2' }),
    );
    expect(first?.metadata.labels).toEqual({ theirs: '1', a: '1', b: '2', own: 'yes' });
    expect(first?.metadata.annotations).toEqual({
      note: 'n',
      [ANNOTATION.fromTemplate]: rememberTemplate(wish({ a: '1', b: '2' })),
    });
    const second = first && withMetadata(first, wish({ b: '3' }, { x: 'y' }));
    expect(second?.metadata.labels).toEqual({ theirs: '1', b: '3', own: 'yes' });
    const third = second && withMetadata(second, wish({}));
    expect(third?.metadata.labels).toEqual({ theirs: '1', own: 'yes' });
    expect(third?.metadata.annotations).toEqual({ note: 'n' });
  });

  test('nothing is written when all is as wished, in whatever order', () => {
    const made = machine({
      labels: { b: '2', own: 'yes', a: '1' },
      annotations: { [ANNOTATION.fromTemplate]: '{"labels":["a","b"],"annotations":[]}' },
    });
    expect(withMetadata(made, wish({ a: '1', b: '2' }))).toBeUndefined();
    expect(withMetadata(machine({}), wish({}))).toBeUndefined();
    expect(withInPlace(machine({}), wish({}), {})).toBeUndefined();
  });

  test('a memory that somebody broke takes nothing away', () => {
    const made = machine({ labels: { own: 'yes', a: '1' }, annotations: { [ANNOTATION.fromTemplate]: 'x' } });
    expect(withMetadata(made, wish({}))?.metadata.labels).toEqual({ own: 'yes', a: '1' });
  });

  const gates = [{ conditionType: 'G' }];
  const taints = [{ key: 'k', effect: 'NoSchedule', propagation: 'Always' }] as never;

  test('gates, taints and time-outs follow, and go again', () => {
    const spec = { readinessGates: gates, taints, deletion: { nodeDrainTimeoutSeconds: 5 } };
    const synced = withInPlace(machine({}), wish({}), spec);
    expect(synced?.spec).toMatchObject(spec);
    expect(synced && withInPlace(synced, wish({}), spec)).toBeUndefined();
    const back = synced && withInPlace(synced, wish({}), {});
    expect(back?.spec).toEqual(bare.spec);
  });

  test('the time-out that admission fills in stays until somebody wishes another', () => {
    const filled = machine({}, { deletion: { nodeDeletionTimeoutSeconds: 10 } });
    expect(withInPlace(filled, wish({}), {})).toBeUndefined();
    const other = { deletion: { nodeDeletionTimeoutSeconds: 30 } };
    expect(withInPlace(filled, wish({}), other)?.spec.deletion).toEqual(other.deletion);
  });

  test('a machine on its way out gets time-outs only', () => {
    const going = machine({ deletionTimestamp: '2026-01-01T00:00:00Z' }, { readinessGates: gates });
    const synced = withInPlace(going, wish({ a: '1' }), { deletion: { nodeDrainTimeoutSeconds: 5 }, taints });
    expect(synced?.metadata.labels).toEqual({ own: 'yes' });
    expect(synced?.spec).toMatchObject({ readinessGates: gates, deletion: { nodeDrainTimeoutSeconds: 5 } });
    expect(synced?.spec).not.toHaveProperty('taints');
  });

  test.each<[string, boolean, readonly string[]]>([
    ['a set', true, ['H']],
    ['a control plane', false, ['G']],
  ])('a machine of %s on its way out gets time-outs and what says that it is ready', (_, gatesUntilGone, expected) => {
    const deletionTimestamp = '2026-01-01T00:00:00Z';
    const going = machine({ deletionTimestamp }, { readinessGates: gates, taints, minReadySeconds: 1 });
    const deletion = {
      nodeDrainTimeoutSeconds: 5,
      nodeVolumeDetachTimeoutSeconds: 6,
      nodeDeletionTimeoutSeconds: 7,
    };
    const spec = { deletion, readinessGates: [{ conditionType: 'H' }], taints: [] as never };
    const synced = withInPlace(going, wish({ a: '1' }), spec, { gatesUntilGone });
    expect(synced?.spec).toMatchObject({ deletion, taints, minReadySeconds: 1 });
    expect(synced?.spec.readinessGates?.map((g) => g.conditionType)).toEqual(expected);
    expect(synced?.metadata).toEqual(going.metadata);
    expect(synced && withInPlace(synced, wish({ a: '1' }), spec, { gatesUntilGone })).toBeUndefined();
  });

  test('minReadySeconds follows an owner that has such a field, and is left alone by others', () => {
    const synced = withInPlace(machine({}), wish({}), { minReadySeconds: 30 });
    expect(synced?.spec).toMatchObject({ minReadySeconds: 30 });
    const machine30 = machine({}, { minReadySeconds: 30 });
    expect(withInPlace(machine30, wish({}), { minReadySeconds: 30 })).toBeUndefined();
    expect(withInPlace(machine30, wish({}), {})).toBeUndefined();
    expect(withInPlace(machine30, wish({}), { minReadySeconds: undefined })?.spec).not.toHaveProperty(
      'minReadySeconds',
    );
  });
});
