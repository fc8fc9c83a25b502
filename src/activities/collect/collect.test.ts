import { describe, expect, test } from '@jest/globals';
import {
  type ActivityWorld,
  activityWorld,
  keyOf,
  killedAfterEachWrite,
} from '../../../test/helpers/activity-world.js';
import { aCluster } from '../../../test/helpers/fake-objects.js';
import { anInfraCluster, infraRef } from '../../../test/helpers/fake-owners.js';
import { fakeProvider } from '../../../test/helpers/fake-provider.js';
import { KINDS } from '../../api/types/kinds.js';
import type { KubeObject } from '../../api/types/meta.js';
import type { CollectWish, ExternalResource } from '../../domain/collect/external.js';
import type { ReportLine } from '../../domain/collect/report.js';
import { readPath } from '../../domain/contract.js';
import { PerdureError } from '../../domain/errors.js';
import { ANNOTATION } from '../../domain/names.js';
import type { ExternalFound, ExternalResources } from '../providers/port.js';
import { askControllers, takeInventory } from './ask.js';
import { WORKLOAD } from './kinds.js';
import { planDeletion } from './plan.js';
import { collectExternal, findExternal, previewExternal, reportExternal } from './sweep.js';

const cluster = aCluster({
  spec: { infrastructureRef: infraRef('AWSCluster', 'demo') },
  status: { initialization: { infrastructureProvisioned: true, controlPlaneInitialized: true } },
});
const infra = anInfraCluster(cluster);
const key = keyOf(cluster);
const resource = (kind: string, id: string, more: Partial<ExternalResource> = {}): ExternalResource => ({
  kind,
  id,
  name: id,
  claim: 'owned',
  evidence: 'tag',
  network: 'net-1',
  ...more,
});

/** A cloud of external resources in memory. */
interface Cloud extends ExternalResources {
  readonly there: Map<string, ExternalResource>;
  readonly removed: string[];
  wished: CollectWish;
  claimant: ExternalFound['claimant'];
  /** How often the removal of an id is refused first. */
  readonly refuses: Map<string, number>;
}

function cloud(...resources: ExternalResource[]): Cloud {
  const it: Cloud = {
    there: new Map(resources.map((r) => [r.id, r])),
    removed: [],
    wished: { enabled: true, problems: [] },
    claimant: { network: 'net-1', ownNetwork: true },
    refuses: new Map(),
    kinds: [
      { name: 'balancer', wave: 1 },
      { name: 'group', wave: 2 },
      { name: 'volume', wave: 3, data: true, claims: true },
    ],
    wish: () => it.wished,
    find: async (_ctx, kinds) => ({
      resources: [...it.there.values()].filter((r) => kinds.includes(r.kind)),
      claimant: it.claimant,
    }),
    remove: async (_ctx, some) =>
      some.map(({ kind, id }) => {
        const refusals = it.refuses.get(id) ?? 0;
        it.refuses.set(id, refusals - 1);
        if (refusals > 0) return { kind, id, blocked: 'eni-1 uses it' };
        it.there.delete(id);
        it.removed.push(id);
        return { kind, id };
      }),
  };
  return it;
}

const world = (external: Cloud | undefined, ...more: KubeObject[]): ActivityWorld =>
  activityWorld({ objects: [cluster, infra, ...more], provider: fakeProvider(external ? { external } : {}) });
const recordOf = (w: ActivityWorld): KubeObject | undefined =>
  w.kube.peek(KINDS.ConfigMap, { namespace: 'default', name: 'demo-external-resources' });
const reportOf = (w: ActivityWorld): ReportLine[] =>
  JSON.parse(String(readPath(recordOf(w), 'data.report'))) as ReportLine[];
const fates = (w: ActivityWorld): Record<string, string> =>
  Object.fromEntries(reportOf(w).map((line) => [line.id, line.fate]));

async function sweepAll(w: ActivityWorld): Promise<void> {
  const { waves } = await findExternal(w.deps, key);
  for (const kinds of waves) await collectExternal(w.deps, key, kinds);
  await reportExternal(w.deps, key);
}

describe('a sweep', () => {
  const all = () =>
    cloud(
      resource('group', 'g1'),
      resource('balancer', 'b1'),
      resource('balancer', 'b2', { clusterId: 'other' }),
      resource('volume', 'v1'),
    );

  test('writes down what becomes of each before anything goes', async () => {
    const it = all();
    const w = world(it);
    const plan = await findExternal(w.deps, key);
    expect(plan.waves).toEqual([['balancer'], ['group']]);
    expect(fates(w)).toEqual({ b1: 'delete', b2: 'refused', g1: 'delete', v1: 'keep' });
    expect(it.removed).toEqual([]);
    expect(recordOf(w)?.metadata.ownerReferences?.[0]?.kind).toBe('Cluster');
  });

  test('removes wave by wave, tries again what is refused, and tells what held it up', async () => {
    const it = all();
    it.refuses.set('g1', 2);
    const w = world(it);
    await sweepAll(w);
    expect(it.removed).toEqual(['b1', 'g1']);
    expect(fates(w)).toEqual({ b1: 'gone', b2: 'refused', g1: 'gone', v1: 'keep' });
    expect(w.beats.some((beat) => beat.includes('group g1: eni-1 uses it'))).toBe(true);
    expect(w.events).toEqual(['ExternalResourcesCollected Cluster/demo']);
  });

  test('takes data where it is asked for', async () => {
    const it = all();
    it.wished = { enabled: true, kinds: ['volume'], problems: [] };
    const w = world(it);
    await sweepAll(w);
    expect(it.removed).toEqual(['v1']);
  });

  test('goes on after a death at any write, and never takes more', async () => {
    let it = all();
    const kills = await killedAfterEachWrite(
      () => {
        it = all();
        return world(it);
      },
      sweepAll,
      (after, undisturbed) => {
        expect(after['ConfigMap/default/demo-external-resources']).toEqual(
          undisturbed['ConfigMap/default/demo-external-resources'],
        );
        expect([...it.there.keys()].sort()).toEqual(['b2', 'v1']);
      },
    );
    expect(kills).toBeGreaterThan(2);
  });

  test('fails after a minute with what is in the way, so that the Cluster shows it', async () => {
    const it = all();
    it.refuses.set('g1', 1000);
    const w = world(it);
    w.onBeat = () => {
      w.now = '2026-01-01T00:01:00Z';
    };
    await expect(collectExternal(w.deps, key, ['group'])).rejects.toMatchObject({
      type: 'Transient',
      message: expect.stringMatching(/1 to go \(group g1: eni-1 uses it\)/),
    });
    expect(reportOf(w)[0]?.blocked).toBe('eni-1 uses it');
  });

  test('goes on waiting, without a failure, for what goes slowly', async () => {
    const it = all();
    it.remove = async (_ctx, some) => some.map(({ kind, id }) => ({ kind, id }));
    const w = world(it);
    w.onBeat = () => {
      w.now = '2026-01-01T00:01:00Z';
    };
    await expect(collectExternal(w.deps, key, ['group'])).rejects.toMatchObject({ type: 'NotYet' });
  });

  test('leaves alone what only a name ties to the cluster while another Cluster of that name shares the account', async () => {
    const it = cloud(resource('balancer', 'b1'));
    it.claimant = { network: 'net-1', ownNetwork: false };
    const rival = { ...cluster, metadata: { ...cluster.metadata, namespace: 'elsewhere', uid: 'rival' } };
    const rivalInfra = { ...infra, metadata: { ...infra.metadata, namespace: 'elsewhere', uid: 'rival-infra' } };
    const w = world(it, rival, rivalInfra);
    await sweepAll(w);
    expect(reportOf(w)).toMatchObject([
      { id: 'b1', fate: 'refused', reason: expect.stringMatching(/elsewhere\/demo/) },
    ]);
  });

  test('fails as the provider classifies it', async () => {
    const it = all();
    it.find = async () => {
      throw new PerdureError('Throttled', 'DescribeLoadBalancers: Throttling');
    };
    await expect(findExternal(world(it).deps, key)).rejects.toMatchObject({ type: 'Throttled' });
  });

  test('finds nothing where nothing is collected or the cluster is gone', async () => {
    await expect(findExternal(world(undefined).deps, key)).resolves.toMatchObject({ waves: [] });
    await expect(findExternal(activityWorld().deps, key)).resolves.toMatchObject({ waves: [] });
    await expect(collectExternal(world(undefined).deps, key, ['group'])).resolves.toBeUndefined();
    await expect(reportExternal(world(undefined).deps, key)).resolves.toMatchObject({ report: [] });
  });
});

describe('a preview', () => {
  test('says what a sweep would do, by what the cluster says now, and writes nothing', async () => {
    const it = cloud(resource('balancer', 'b1', { aliases: ['web.elb'] }), resource('balancer', 'b2'));
    it.claimant = { network: 'net-1', ownNetwork: false, namesake: 'another demo' };
    const w = world(it);
    w.workload.put({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { namespace: 'default', name: 'web', uid: 'u' },
      spec: { type: 'LoadBalancer' },
      status: { loadBalancer: { ingress: [{ hostname: 'web.elb' }] } },
    } as KubeObject);
    const { report, summary } = await previewExternal(w.deps, key);
    expect(report.map((line) => [line.id, line.fate])).toEqual([
      ['b1', 'delete'],
      ['b2', 'refused'],
    ]);
    expect(summary).toMatch(/^1 to go \(balancer b1: made for Service default\/web\), 1 refused/);
    expect(recordOf(w)).toBeUndefined();
    expect(w.workload.writes()).toEqual([]);
    expect(it.removed).toEqual([]);
  });

  test('does without a cluster that does not answer', async () => {
    const w = activityWorld({
      objects: [cluster, infra],
      provider: fakeProvider({ external: cloud(resource('balancer', 'b1')) }),
      unreachable: new PerdureError('Transient', 'does not answer'),
    });
    await expect(previewExternal(w.deps, key)).resolves.toMatchObject({ report: [{ id: 'b1', fate: 'delete' }] });
    await expect(previewExternal(world(undefined).deps, key)).resolves.toMatchObject({ report: [] });
  });
});

describe('the plan of a deletion', () => {
  test('asks the cluster and sweeps, and remembers when the cluster came to be', async () => {
    const w = world(cloud());
    const made = { ...cluster, metadata: { ...cluster.metadata, creationTimestamp: '2025-12-01T00:00:00Z' } };
    w.kube.put(made);
    await expect(planDeletion(w.deps, key)).resolves.toEqual({ ask: true, claims: false, sweep: true });
    expect(readPath(recordOf(w), 'data.bornAt')).toBe('2025-12-01T00:00:00Z');
  });

  test('asks nobody in a cluster that never had a control plane, or whose time is up', async () => {
    const it = cloud();
    const w = activityWorld({
      objects: [aCluster({ name: 'demo', spec: cluster.spec }), infra],
      provider: fakeProvider({ external: it }),
    });
    const young = w.kube.peek(KINDS.Cluster, { namespace: 'default', name: 'demo' }) as KubeObject;
    w.kube.put({ ...infra, metadata: { ...infra.metadata, ownerReferences: [] } });
    await expect(planDeletion(w.deps, keyOf(young))).resolves.toMatchObject({ ask: false, sweep: true });
  });

  test('is nothing when it is turned off, and says why and what it does not understand', async () => {
    const it = cloud();
    it.wished = { enabled: false, because: 'annotation x is false', problems: ['annotation y is odd'] };
    const w = world(it);
    await expect(planDeletion(w.deps, key)).resolves.toEqual({
      ask: false,
      claims: false,
      sweep: false,
      because: 'annotation x is false',
    });
    expect(w.events).toEqual(['ExternalResourcesNotCollected AWSCluster/demo']);
    expect(recordOf(w)).toBeUndefined();
  });

  test('deletes volume claims where volumes are asked for', async () => {
    const it = cloud();
    it.wished = { enabled: true, kinds: ['volume'], problems: [] };
    await expect(planDeletion(world(it).deps, key)).resolves.toMatchObject({ claims: true });
  });

  test('is refused while the Cluster is protected', async () => {
    const w = world(cloud());
    const annotations = { ...cluster.metadata.annotations, [ANNOTATION.deletionProtection]: 'true' };
    w.kube.put({ ...cluster, metadata: { ...cluster.metadata, annotations } });
    await expect(planDeletion(w.deps, key)).rejects.toMatchObject({
      type: 'InvalidConfiguration',
      message: expect.stringMatching(/deletion-protection: remove it/),
    });
  });
});

describe('asking a cluster to clean up', () => {
  const service = (name: string, type: string): KubeObject =>
    ({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { namespace: 'default', name, uid: `uid-${name}`, finalizers: ['cloud'] },
      spec: { type },
      status: { loadBalancer: { ingress: [{ hostname: `${name}.elb` }] } },
    }) as KubeObject;
  const items = (w: ActivityWorld) =>
    (JSON.parse(String(readPath(recordOf(w), 'data.inventory'))) as { items: object[] }).items;

  async function askForCleanup(w: ActivityWorld): Promise<{ readonly left: readonly string[] }> {
    await takeInventory(w.deps, key);
    return askControllers(w.deps, key, false);
  }

  function asked(): ActivityWorld {
    const w = world(cloud());
    w.workload.put(service('web', 'LoadBalancer'));
    w.workload.put(service('inner', 'ClusterIP'));
    w.workload.put({
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name: 'pv' },
      spec: { persistentVolumeReclaimPolicy: 'Retain', csi: { volumeHandle: 'vol-1' } },
    } as KubeObject);
    return w;
  }

  test('writes down what its objects stand for, deletes them, and waits for its controllers', async () => {
    const w = asked();
    let beats = 0;
    w.onBeat = () => {
      if (++beats < 2) return;
      w.workload.remove(WORKLOAD.Service, { namespace: 'default', name: 'web' });
    };
    await expect(askForCleanup(w)).resolves.toEqual({ left: [] });
    expect(items(w)).toEqual([
      { source: 'PersistentVolume pv', ids: ['vol-1'], retain: true },
      { source: 'Service default/web', ids: ['auidweb', 'web.elb'] },
    ]);
    expect(w.workload.peek(WORKLOAD.Service, { namespace: 'default', name: 'web' })).toBeUndefined();
    expect(w.workload.peek(WORKLOAD.Service, { namespace: 'default', name: 'inner' })).toBeDefined();
  });

  test('waits ten minutes in all, however often it is asked', async () => {
    const w = asked();
    w.onBeat = () => {
      w.now = '2026-01-01T00:10:01Z';
    };
    await expect(askForCleanup(w)).resolves.toMatchObject({ left: ['Service default/web'] });
    w.onBeat = () => undefined;
    await expect(askForCleanup(w)).resolves.toMatchObject({ left: ['Service default/web'] });
    await expect(planDeletion(w.deps, key)).resolves.toMatchObject({ ask: false, sweep: true });
  });

  test('does not wait for one that is silent for a minute, and says so', async () => {
    const w = activityWorld({
      objects: [cluster, infra],
      provider: fakeProvider({ external: cloud() }),
      unreachable: new PerdureError('Transient', 'does not answer'),
    });
    w.onBeat = () => {
      w.now = '2026-01-01T00:01:00Z';
    };
    await expect(takeInventory(w.deps, key)).resolves.toEqual({ missing: 'does not answer', found: 0, frozen: false });
    await expect(planDeletion(w.deps, key)).resolves.toMatchObject({ ask: false, sweep: true });
  });

  test('ends when it is cancelled', async () => {
    const w = asked();
    w.onBeat = () => w.cancel();
    await expect(askForCleanup(w)).rejects.toThrow();
  });
});
