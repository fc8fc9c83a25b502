import { describe, expect, test } from '@jest/globals';
import { type ActivityWorld, activityWorld, keyOf, NOW, writesOf } from '../../../test/helpers/activity-world.js';
import { aCluster, aMachine } from '../../../test/helpers/fake-objects.js';
import { anInfraCluster, infraRef } from '../../../test/helpers/fake-owners.js';
import { fakeProvider } from '../../../test/helpers/fake-provider.js';
import type { Cluster } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import type { KubeObject, ObjectMeta } from '../../api/types/meta.js';
import { ANNOTATION } from '../../domain/names.js';
import type { Drift } from '../providers/port.js';
import { driftSweep, listenForChanges } from './sweep.js';

const QUEUE = 'fake-eu-west-1';
const cluster = (name: string, metadata: Partial<ObjectMeta> = {}, spec: Partial<Cluster['spec']> = {}): Cluster => {
  const made = aCluster({ name, spec: { infrastructureRef: infraRef('AWSCluster', name), ...spec } });
  return { ...made, metadata: { ...made.metadata, ...metadata } };
};
const settled = { annotations: { [ANNOTATION.appliedGeneration]: '1' } };
const demo = cluster('demo');
const machine = aMachine(demo);
const both = (c: Cluster, metadata: Partial<ObjectMeta> = settled): KubeObject[] => [
  c,
  anInfraCluster(c, undefined, metadata),
];

function world(drifts: readonly Drift[], objects: readonly KubeObject[]): ActivityWorld & { readonly swept: string[] } {
  const swept: string[] = [];
  const provider = fakeProvider({
    sweep: async (_ctx, clusters) => {
      swept.push(...clusters.map((c) => c.cluster.metadata.name));
      return drifts;
    },
  });
  return Object.assign(activityWorld({ objects, provider }), { swept });
}
const drift = (kind: string, name: string): Drift => ({ namespace: 'default', kind, name, detail: 'is gone' });

describe('a sweep', () => {
  test('looks at settled clusters of its account only', async () => {
    const elsewhere = anInfraCluster(cluster('far'), undefined, settled);
    const w = world(
      [],
      [
        ...both(demo),
        ...both(cluster('young'), {}),
        ...both(cluster('going', { deletionTimestamp: NOW, finalizers: ['x'] })),
        ...both(cluster('paused', {}, { paused: true })),
        cluster('far'),
        { ...elsewhere, spec: { region: 'us-east-1' } } as KubeObject,
        // a third party's object may have the name of one of ours
        ...both(
          cluster('theirs', {}, { infrastructureRef: { apiGroup: 'other.io', kind: 'AWSCluster', name: 'theirs' } }),
        ),
      ],
    );
    await expect(driftSweep(w.deps, 'fake', QUEUE)).resolves.toEqual({ checked: 1, drifted: [] });
    expect(w.swept).toEqual(['demo']);
    expect(w.kube.writes()).toEqual([]);
  });

  test('asks no cloud when there is nothing to compare', async () => {
    const w = world([], []);
    await expect(driftSweep(w.deps, 'fake', QUEUE)).resolves.toEqual({ checked: 0, drifted: [] });
    expect(w.swept).toEqual([]);
  });

  test('notes on each object how it differs, once, and answers which', async () => {
    const w = world([drift('Cluster', 'demo'), drift('Machine', 'demo-1')], [...both(demo), machine]);
    const expected = {
      checked: 1,
      drifted: [
        { key: keyOf(demo), detail: 'is gone' },
        { key: keyOf(machine), detail: 'is gone' },
      ],
    };
    await expect(driftSweep(w.deps, 'fake', QUEUE)).resolves.toEqual(expected);
    expect(w.kube.peek(KINDS.Machine, machine.metadata)?.metadata.annotations?.[ANNOTATION.drift]).toBe('is gone');
    const again = () => driftSweep(w.deps, 'fake', QUEUE);
    expect(await writesOf(w.kube, again)).toBe(0);
    await expect(again()).resolves.toEqual(expected);
  });

  test.each<[string, KubeObject[]]>([
    ['gone', []],
    ['deleting', [{ ...machine, metadata: { ...machine.metadata, deletionTimestamp: NOW, finalizers: ['x'] } }]],
    ['paused', [{ ...machine, metadata: { ...machine.metadata, annotations: { [ANNOTATION.paused]: '' } } }]],
  ])('leaves an object alone that is %s', async (_, objects) => {
    const w = world([drift('Machine', 'demo-1')], [...both(demo), ...objects]);
    await expect(driftSweep(w.deps, 'fake', QUEUE)).resolves.toEqual({ checked: 1, drifted: [] });
    expect(w.kube.writes()).toEqual([]);
  });

  test('fails as its provider classifies it', async () => {
    const provider = fakeProvider({ sweep: async () => Promise.reject(new Error('reset')) });
    const w = activityWorld({ objects: both(demo), provider });
    await expect(driftSweep(w.deps, 'fake', QUEUE)).rejects.toMatchObject({ type: 'Transient' });
    await expect(driftSweep(w.deps, 'unheard', QUEUE)).rejects.toMatchObject({ type: 'InvalidConfiguration' });
  });
});

describe('listening', () => {
  const listening = (more: object = {}) => {
    const provider = fakeProvider({
      listen: async (_ctx, clusters, until, tell) => {
        expect(clusters.map((c) => c.cluster.metadata.name)).toEqual(['demo']);
        expect(until).toBe(Date.parse(NOW) + 60_000);
        await tell(drift('Machine', 'demo-1'));
        await tell(drift('Machine', 'unknown'));
      },
    });
    const w = activityWorld({ objects: [...both(demo), machine], provider });
    return { w, deps: { ...w.deps, listenMs: 60_000, ...more } };
  };

  test('follows a sweep where the provider can and the process may', async () => {
    const { deps } = listening();
    await expect(driftSweep(deps, 'fake', QUEUE)).resolves.toEqual({ checked: 1, drifted: [], listens: true });
    await expect(driftSweep({ ...deps, listenMs: undefined } as never, 'fake', QUEUE)).resolves.toEqual({
      checked: 1,
      drifted: [],
    });
  });

  test('marks what is heard of, as a sweep does', async () => {
    const { w, deps } = listening();
    await expect(listenForChanges(deps, 'fake', QUEUE)).resolves.toBe(1);
    expect(w.kube.peek(KINDS.Machine, machine.metadata)?.metadata.annotations?.[ANNOTATION.drift]).toBe('is gone');
  });
});
