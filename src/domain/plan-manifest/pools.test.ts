import { describe, expect, test } from '@jest/globals';
import { aMachinePool, anInfraPool } from '../../../test/helpers/fake-owners.js';
import { aDocument, aLiveCluster, type LiveCluster, withPlane } from '../../../test/helpers/manifest-world.js';
import type { Cluster, MachinePool } from '../../api/types/index.js';
import type { KubeObject } from '../../api/types/meta.js';
import { planManifest } from './plan.js';
import type { ManifestDocument, ManifestPlan } from './types.js';

const [OLD, NEW] = ['v1.33.5', 'v1.34.4'];
const BYID = { awsLaunchTemplate: { instanceType: 't3.large', ami: { id: 'ami-1' } } };

interface Pools {
  readonly world: LiveCluster;
  readonly pool: MachinePool;
  readonly infra: KubeObject;
}

const merged = (a: unknown, b: object): never => ({ ...(a as object), ...b }) as never;
const atVersion = (pool: MachinePool, version: string): MachinePool => ({
  ...pool,
  spec: { ...pool.spec, template: { ...pool.spec.template, spec: { ...pool.spec.template.spec, version } } },
});
const withSpec = <T extends KubeObject>(object: T, spec: object): T =>
  merged(object, { spec: merged((object as { spec?: unknown }).spec, spec) });

/** A cluster with a pool of three instances; its control plane is at `version`. */
function aPool(spec: object = {}, version = NEW, replicas = 3): Pools {
  const live = aLiveCluster(3, 0);
  const [cluster] = live.clusters as [Cluster];
  const controlPlane = merged(withPlane(live.controlPlane, { version }), {
    status: { ...live.controlPlane.status, version },
  }) as LiveCluster['controlPlane'];
  const pool = atVersion(aMachinePool(cluster, { replicas }), OLD);
  const infra = withSpec(anInfraPool(cluster, { status: { replicas } }), spec);
  const world = { ...live, controlPlane, controlPlanes: [controlPlane], pools: [pool], infraPools: [infra] };
  return { world, pool, infra };
}

const plan = ({ world }: Pools, ...documents: ManifestDocument[]): ManifestPlan =>
  planManifest({ ...world, documents });
const short = ({ steps }: ManifestPlan): string[] =>
  steps.filter((s) => s.kind === 'Pool').map((s) => `${s.action}: ${s.reason}`);
const HEALTHY = 'replaces 3 outdated instances: 90 % (the default) of the capacity stay healthy';

describe('a manifest that changes a pool', () => {
  test('of another instance type makes a version of its launch template, then refreshes, and sums it up', () => {
    const it = aPool();
    const wanted = withSpec(it.infra, { awsLaunchTemplate: { instanceType: 'm5.large' } });
    const result = plan(it, aDocument(it.infra, wanted));
    expect(short(result)).toEqual([
      'change: new version of the launch template: spec.awsLaunchTemplate.instanceType',
      `refresh: ${HEALTHY}`,
    ]);
    expect(result.cloud.map((c) => [c.action, c.resource, c.count, c.of.kind])).toEqual([
      ['create', 'version of a launch template', 1, 'MachinePool'],
      ['change', 'instance by an instance refresh', 3, 'MachinePool'],
    ]);
    expect({ notes: result.notes, refusals: result.refusals }).toEqual({ notes: [], refusals: [] });
  });

  test.each<[what: string, live: object, wanted: object, steps: string[], notes: string[]]>([
    [
      'with preferences says them',
      {},
      {
        additionalTags: { team: 'a' },
        refreshPreferences: { minHealthyPercentage: 50, maxHealthyPercentage: 120, instanceWarmup: 60 },
      },
      [
        'change: new version of the launch template: spec.additionalTags.team',
        'refresh: replaces 3 outdated instances: 50 % of the capacity stay healthy, at most 120 % exist, a new one counts after 60 s',
      ],
      [],
    ],
    [
      'that refreshes nothing says why',
      {},
      { additionalTags: { team: 'a' }, refreshPreferences: { disable: true } },
      ['change: new version of the launch template: spec.additionalTags.team'],
      [
        'MachinePool default/pool: no instance refresh: spec.refreshPreferences.disable of its AWSMachinePool leaves instances as they are, only new ones are made from the new version',
      ],
    ],
    [
      "in what is the group's alone keeps its instances",
      {},
      { maxSize: 8, capacityRebalance: true },
      ['change: the group changes, its instances stay: spec.capacityRebalance, spec.maxSize'],
      [],
    ],
    ['in its preferences alone does nothing', {}, { refreshPreferences: { minHealthyPercentage: 50 } }, [], []],
    [
      'by the name of its launch template does nothing',
      {},
      { awsLaunchTemplate: { instanceType: 't3.large', name: 'n' } },
      [],
      [],
    ],
  ])('%s', (_, live, wanted, steps, notes) => {
    const it = aPool(live);
    const result = plan(it, aDocument(it.infra, withSpec(it.infra, wanted)));
    expect({ steps: short(result), notes: result.notes }).toEqual({ steps, notes });
  });

  test.each<[what: string, infra: object, steps: string[], notes: string[]]>([
    [
      'with an image by lookup',
      {},
      [`change: new version of the launch template: the image of ${NEW}`, `refresh: ${HEALTHY}`],
      [],
    ],
    [
      'with an image by id',
      BYID,
      [],
      [
        `MachinePool default/pool: version ${NEW} alone replaces no instance: spec.awsLaunchTemplate.ami.id of its AWSMachinePool names the image`,
      ],
    ],
  ])('to another version %s', (_, infra, steps, notes) => {
    const it = aPool(infra);
    const result = plan(it, aDocument(it.pool, atVersion(it.pool, NEW)));
    expect({ steps: short(result), notes: result.notes }).toEqual({ steps, notes });
  });

  test('of another size changes the desired capacity, but for one that somebody else sizes', () => {
    const it = aPool();
    const more = withSpec(atVersion(it.pool, OLD), { replicas: 2 });
    expect(short(plan(it, aDocument(it.pool, more)))).toEqual([
      'change: the group changes, its instances stay: desired capacity 3 to 2',
    ]);
    const annotations = { 'cluster.x-k8s.io/replicas-managed-by': 'autoscaler' };
    const theirs = { ...more, metadata: { ...more.metadata, annotations } };
    const result = plan(it, aDocument(it.pool, theirs));
    expect({ steps: short(result), notes: result.notes }).toEqual({
      steps: [],
      notes: [
        'MachinePool default/pool: replicas are managed by autoscaler: spec.replicas changes nothing, it follows the group',
      ],
    });
  });

  test('that shrinks refreshes those that are left only', () => {
    const it = aPool();
    const fewer = withSpec(atVersion(it.pool, NEW), { replicas: 1 });
    expect(short(plan(it, aDocument(it.pool, fewer)))[2]).toContain('replaces 1 outdated instance:');
  });

  test('with other bootstrap data refreshes; a Secret that its config fills in is no change', () => {
    const it = aPool();
    const { bootstrap } = it.pool.spec.template.spec;
    const of = (change: object): MachinePool =>
      withSpec(it.pool, {
        template: { spec: { ...it.pool.spec.template.spec, bootstrap: { ...bootstrap, ...change } } },
      });
    const other = of({ configRef: { ...bootstrap.configRef, name: 'other' } });
    expect(short(plan(it, aDocument(it.pool, other)))[0]).toContain('bootstrap data by another name');
    expect(short(plan(it, aDocument(it.pool, of({ dataSecretName: 'filled-in' }))))).toEqual([]);
  });

  test('that is paused, or that no instance is known of, refreshes nothing', () => {
    const none = aPool({}, NEW, 0);
    const tagged = withSpec(none.infra, { additionalTags: { team: 'a' } });
    const result = plan(none, aDocument(none.infra, tagged));
    expect(short(result)).toHaveLength(1);
    expect(result.notes).toEqual([
      'MachinePool default/pool: no instance refresh: no instance is known of that could be replaced',
    ]);
    const it = aPool();
    const clusters = it.world.clusters.map((c) => withSpec(c, { paused: true }));
    const paused = plan({ ...it, world: { ...it.world, clusters } }, aDocument(it.infra, tagged));
    expect(short(paused)).toEqual([]);
    expect(paused.notes[0]).toContain('is paused');
  });

  test('that is not there yet makes it', () => {
    const it = aPool();
    const world = { ...it.world, pools: [], infraPools: [] };
    const result = plan(
      { ...it, world },
      aDocument(undefined, atVersion(it.pool, NEW)),
      aDocument(undefined, it.infra),
    );
    expect(short(result)).toEqual(['create: a pool of 3 instances']);
    expect(result.cloud.map((c) => c.resource)).toEqual(['launch template', 'Auto Scaling group']);
    const alone = plan({ ...it, world }, aDocument(undefined, atVersion(it.pool, NEW)));
    expect(alone.notes[0]).toContain('AWSMachinePool default/pool does not exist');
  });
});

describe('a pool that breaks a rule', () => {
  test.each<[what: string, plane: string, to: string, pool: string, expected: string[]]>([
    ['follows its control plane', NEW, NEW, NEW, []],
    ['stays while the control plane goes ahead', OLD, NEW, OLD, []],
    [
      'goes along at once with a control plane that is not there yet',
      OLD,
      NEW,
      NEW,
      ['KubernetesVersionSkew by kubernetes'],
    ],
    ['is ahead of its control plane', OLD, OLD, NEW, ['KubernetesVersionSkew by kubernetes']],
    ['is too far behind', NEW, NEW, 'v1.30.1', ['KubernetesVersionSkew by kubernetes']],
    ['is of another minor than kubeadm joins', NEW, NEW, 'v1.32.0', ['KubeadmVersionSkew by kubernetes']],
  ])('%s', (_, plane, to, version, expected) => {
    const it = aPool({}, plane);
    const { controlPlane } = it.world;
    const documents = [
      ...(plane === to ? [] : [aDocument(controlPlane, withPlane(controlPlane, { version: to }))]),
      aDocument(it.pool, atVersion(it.pool, version)),
    ];
    const result = plan(it, ...documents);
    expect(result.refusals.filter((r) => r.object.kind === 'MachinePool').map((r) => `${r.rule} by ${r.by}`)).toEqual(
      expected,
    );
    expect(short(result)).toHaveLength(expected.length === 0 && version !== OLD ? 2 : 0);
  });

  test('left too far behind, though the manifest does not speak of it', () => {
    const it = aPool({}, 'v1.33.5');
    const pools = [atVersion(it.pool, 'v1.30.1')];
    const { controlPlane } = it.world;
    const wanted = aDocument(controlPlane, withPlane(controlPlane, { version: NEW }));
    const { refusals } = plan({ ...it, world: { ...it.world, pools } }, wanted);
    expect(refusals.map((r) => `${r.object.kind} ${r.rule}`)).toEqual(['MachinePool KubernetesVersionSkew']);
  });

  test('outside its sizes', () => {
    const it = aPool();
    const { refusals } = plan(it, aDocument(it.pool, withSpec(it.pool, { replicas: 9 })));
    expect(refusals.map((r) => `${r.rule} by ${r.by}`)).toContain('PoolSizeLimits by preflight');
  });
});
