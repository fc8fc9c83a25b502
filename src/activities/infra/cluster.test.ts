import { describe, expect, test } from '@jest/globals';
import { type ActivityWorld, activityWorld, keyOf, NOW, writesOf } from '../../../test/helpers/activity-world.js';
import { aCluster } from '../../../test/helpers/fake-objects.js';
import { anInfraCluster, infraRef } from '../../../test/helpers/fake-owners.js';
import { fakeProvider } from '../../../test/helpers/fake-provider.js';
import { KINDS } from '../../api/types/kinds.js';
import type { KubeObject } from '../../api/types/meta.js';
import { PerdureError } from '../../domain/errors.js';
import { ANNOTATION } from '../../domain/names.js';
import { wishOf } from '../../domain/user-spec.js';
import { infraEnsure, infraFinish, infraGraph, infraRemove } from './cluster.js';

const cluster = aCluster({ spec: { infrastructureRef: infraRef('AWSCluster', 'demo') } });
const key = keyOf(cluster);
const infra = anInfraCluster(cluster);
const theirs = anInfraCluster(cluster, undefined, {
  ownerReferences: [{ apiVersion: 'cluster.x-k8s.io/v1beta2', kind: 'Cluster', name: 'other', uid: 'x' }],
});
const fresh = (...more: KubeObject[]) => activityWorld({ objects: [cluster, infra, ...more] });
const applied = (world: ActivityWorld) =>
  world.kube.peek(KINDS.AWSCluster, infra.metadata)?.metadata.annotations?.[ANNOTATION.appliedGeneration];

describe('the graph of an infrastructure', () => {
  test('is what the provider says, without effect on the cloud', async () => {
    const world = fresh();
    await expect(infraGraph(world.deps, key)).resolves.toEqual({
      wish: wishOf(infra),
      tasks: [
        { id: 'network', title: 'Ensure network', dependsOn: [] },
        { id: 'balancer', title: 'Ensure balancer', dependsOn: ['network'] },
      ],
    });
    expect(world.provider.calls).toEqual([]);
  });

  test.each<[string, KubeObject[]]>([
    ['whose Cluster is gone', []],
    ['that is gone', [cluster]],
    ['of another Cluster', [cluster, theirs]],
  ])('%s is empty: nothing of it is ours to remove', async (_, objects) => {
    const world = activityWorld({ objects });
    await expect(infraGraph(world.deps, key)).resolves.toEqual({ tasks: [] });
    await infraRemove(world.deps, key, 'network');
    await infraFinish(world.deps, key);
    expect(world.provider.calls).toEqual([]);
  });
});

describe('a task', () => {
  test('is applied once, tells what it changed, and then has nothing to do', async () => {
    const world = fresh();
    await expect(infraEnsure(world.deps, key, 'network')).resolves.toEqual({
      changes: ['create network the-network: missing'],
    });
    await expect(infraEnsure(world.deps, key, 'network')).resolves.toEqual({ changes: [] });
    expect(world.provider.made).toEqual(new Set(['network']));
    await infraRemove(world.deps, key, 'network');
    await infraRemove(world.deps, key, 'network');
    expect(world.provider.made).toEqual(new Set());
  });

  test('works with the identity that the Cluster has from then on', async () => {
    const ids: string[] = [];
    const provider = fakeProvider();
    const world = activityWorld({
      objects: [cluster, infra],
      provider: { ...provider, finishCluster: async (ctx) => ids.push(ctx.clusterId) > 0 },
    });
    await infraFinish(world.deps, key);
    await infraFinish(world.deps, key);
    const id = world.kube.peek(KINDS.Cluster, cluster.metadata)?.metadata.annotations?.[ANNOTATION.id];
    expect(ids).toEqual([id, id]);
  });

  test('can be removed even from a cluster that is deleted before it got an identity', async () => {
    const going = { ...cluster, metadata: { ...cluster.metadata, deletionTimestamp: NOW, finalizers: ['x'] } };
    const world = activityWorld({ objects: [going, infra] });
    await infraRemove(world.deps, key, 'network');
    expect(world.provider.calls).toEqual([{ method: 'remove', on: 'network' }]);
  });

  test('fails as its provider classifies it, with the object in front', async () => {
    const world = fresh();
    world.provider.failNext('apply', new Error('socket hang up'));
    await expect(infraEnsure(world.deps, key, 'network')).rejects.toMatchObject({
      type: 'Transient',
      message: expect.stringMatching(/^AWSCluster default\/demo: .*socket hang up/),
    });
    world.provider.failNext('remove', new PerdureError('QuotaExceeded', 'AWSCluster default/demo: full'));
    await expect(infraRemove(world.deps, key, 'network')).rejects.toMatchObject({ type: 'QuotaExceeded' });
  });

  test('that is cancelled ends as cancelled, not as failed', async () => {
    const world = fresh();
    const error = new Error('aborted');
    world.provider.failNext('apply', error);
    const run = infraEnsure(
      { ...world.deps, scope: () => ({ ...world.deps.scope(), signal: aborted(world) }) },
      key,
      'network',
    );
    await expect(run).rejects.toBe(error);
  });

  test('that the provider does not know is a bug', async () => {
    await expect(infraEnsure(fresh().deps, key, 'odd')).rejects.toMatchObject({ type: 'Bug' });
  });

  test.each<[string, KubeObject[], string]>([
    ['does not exist', [cluster], 'NotFound'],
    ['belongs to another Cluster', [cluster, theirs], 'OwnershipConflict'],
  ])('of an infra object that %s is not run', async (_, objects, type) => {
    const world = activityWorld({ objects });
    await expect(infraEnsure(world.deps, key, 'network')).rejects.toMatchObject({ type });
    expect(world.provider.calls).toEqual([]);
  });

  test('of a kind that no provider here serves is refused', async () => {
    const ref = { apiGroup: 'cluster.x-k8s.io', kind: 'MachineSet', name: 'demo' };
    const odd = { ...cluster, spec: { ...cluster.spec, infrastructureRef: ref } };
    const object = { ...infra, apiVersion: 'cluster.x-k8s.io/v1beta2', kind: 'MachineSet' };
    const world = activityWorld({ objects: [odd, object] });
    await expect(infraEnsure(world.deps, key, 'network')).rejects.toMatchObject({
      type: 'InvalidConfiguration',
      message: expect.stringContaining('spec.infrastructureRef.kind MachineSet is served by no provider'),
    });
  });
});

/** A signal that is aborted once the provider was called. */
function aborted(world: ActivityWorld): AbortSignal {
  return new Proxy(new AbortController().signal, {
    get: (target, name) => (name === 'aborted' ? world.provider.calls.length > 0 : Reflect.get(target, name)),
  });
}

describe('finishing', () => {
  async function made(...more: KubeObject[]): Promise<ActivityWorld> {
    const world = fresh(...more);
    for (const id of ['network', 'balancer']) await infraEnsure(world.deps, key, id);
    return world;
  }

  test('waits until the infrastructure is usable', async () => {
    const world = fresh();
    await expect(infraFinish(world.deps, key)).rejects.toMatchObject({ type: 'NotYet' });
    expect(applied(world)).toBeUndefined();
  });

  test('notes the generation that the cloud now matches, once', async () => {
    const world = await made();
    await infraFinish(world.deps, key);
    expect(applied(world)).toBe('1');
    expect(await writesOf(world.kube, () => infraFinish(world.deps, key))).toBe(0);
  });

  test('of a spec that was changed after the graph was made notes that it does not match', async () => {
    const world = await made();
    const { wish } = await infraGraph(world.deps, key);
    const stored = world.kube.peek(KINDS.AWSCluster, infra.metadata) as KubeObject;
    const changed = { ...stored, spec: { region: 'elsewhere' } };
    world.kube.put(changed);
    await infraFinish(world.deps, key, wish);
    expect(applied(world)).toBe('0');
    await infraFinish(world.deps, key, wishOf(changed));
    expect(applied(world)).toBe(String(world.kube.peek(KINDS.AWSCluster, infra.metadata)?.metadata.generation));
  });

  test('settles what a sweep found', async () => {
    const world = await made();
    const stored = world.kube.peek(KINDS.Cluster, cluster.metadata) as KubeObject;
    const annotations = { ...stored.metadata.annotations, [ANNOTATION.drift]: 'gone' };
    world.kube.put({ ...stored, metadata: { ...stored.metadata, annotations } });
    await infraFinish(world.deps, key);
    expect(world.kube.peek(KINDS.Cluster, cluster.metadata)?.metadata.annotations).not.toHaveProperty(ANNOTATION.drift);
  });
});
