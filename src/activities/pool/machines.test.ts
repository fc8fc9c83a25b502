import { describe, expect, test } from '@jest/globals';
import {
  type ActivityWorld,
  activityWorld,
  keyOf,
  killedAfterEachWrite,
  NOW,
  writesOf,
} from '../../../test/helpers/activity-world.js';
import { aCluster } from '../../../test/helpers/fake-objects.js';
import { aMachinePool, anInfraCluster } from '../../../test/helpers/fake-owners.js';
import { verdicts } from '../../../test/helpers/status-checks.js';
import type { Machine, MachinePool } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import type { KubeObject } from '../../api/types/meta.js';
import { ownerReference } from '../../domain/contract.js';
import { ANNOTATION, LABEL } from '../../domain/names.js';
import { assessMachinePool } from '../kube/assess-machine-pool.js';
import { poolRemoveObjects } from './objects.js';

const INFRA = 'infrastructure.cluster.x-k8s.io';
const where = { namespace: 'default', name: 'pool' };
const cluster = aCluster({
  spec: { infrastructureRef: { apiGroup: INFRA, kind: 'AWSCluster', name: 'demo' } },
  status: {
    initialization: { infrastructureProvisioned: true, controlPlaneInitialized: true },
    conditions: [
      { type: 'ControlPlaneInitialized', status: 'True', reason: 'Initialized', message: '', lastTransitionTime: NOW },
    ],
  },
});
const labels = { [LABEL.poolName]: 'pool', [LABEL.clusterName]: 'demo' };

/** A pool of somebody else's provider, which makes CloudMachines. */
const given = aMachinePool(cluster, { replicas: 2 });
const pool: MachinePool = {
  ...given,
  spec: {
    ...given.spec,
    providerIDList: ['cloud://a', 'cloud://b'],
    template: {
      metadata: { labels: { tier: 'gold' }, annotations: { note: 'kept' } },
      spec: {
        ...given.spec.template.spec,
        bootstrap: { dataSecretName: 'data' },
        infrastructureRef: { apiGroup: INFRA, kind: 'CloudMachinePool', name: 'pool' },
        deletion: { nodeDrainTimeoutSeconds: 60 },
      },
    },
  },
};
const key = keyOf(pool);
const crd = (plural: string): KubeObject => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `${plural}.${INFRA}`, uid: `crd-${plural}`, labels: { 'cluster.x-k8s.io/v1beta2': 'v1' } },
});
const infraPool = {
  apiVersion: `${INFRA}/v1`,
  kind: 'CloudMachinePool',
  metadata: { ...where, uid: 'uid-infra-pool' },
  spec: { providerIDList: ['cloud://a', 'cloud://b'] },
  status: { initialization: { provisioned: true }, replicas: 2, infrastructureMachineKind: 'CloudMachine' },
} as KubeObject;
const infraMachine = (name: string): KubeObject =>
  ({
    apiVersion: `${INFRA}/v1`,
    kind: 'CloudMachine',
    metadata: { name, namespace: 'default', uid: `uid-${name}`, labels },
    spec: { providerID: `cloud://${name}` },
    status: { initialization: { provisioned: true } },
  }) as KubeObject;
const CLOUD_MACHINE = { group: INFRA, version: 'v1', kind: 'CloudMachine', plural: 'cloudmachines', namespaced: true };

function aWorld(objects: readonly KubeObject[] = [infraMachine('a'), infraMachine('b')], of = pool): ActivityWorld {
  const crds = [crd('cloudmachines'), crd('cloudmachinepools')];
  const world = activityWorld({ objects: [cluster, anInfraCluster(cluster), ...crds, of, infraPool, ...objects] });
  join(world, 'a');
  return world;
}
const join = (world: ActivityWorld, name: string, ready = 'True'): void =>
  void world.workload.put({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, uid: `uid-node-${name}` },
    spec: { providerID: `cloud://${name}` },
    status: {
      conditions: [{ type: 'Ready', status: ready, reason: 'R', message: '', lastTransitionTime: NOW }],
      nodeInfo: { kubeletVersion: 'v1.34.4' },
    },
  } as KubeObject);
const machinesOf = (world: ActivityWorld): Machine[] =>
  (world.kube.all().filter((o) => o.kind === 'Machine') as Machine[]).sort((x, y) =>
    x.metadata.name.localeCompare(y.metadata.name),
  );
const namesOf = (world: ActivityWorld): string[] => machinesOf(world).map((m) => m.metadata.name);
const machine = (world: ActivityWorld, name: string): Machine =>
  world.kube.peek<Machine>(KINDS.Machine, { namespace: 'default', name }) as Machine;
/** What the lane of a Machine writes. */
const told = (world: ActivityWorld, name: string, ...types: string[]): void => {
  const known = machine(world, name);
  const conditions = [
    ...(known.status?.conditions ?? []),
    ...types.map((type) => ({ type, status: 'True' as const, reason: 'R', message: '', lastTransitionTime: NOW })),
  ];
  const spec = { ...known.spec, providerID: `cloud://${name}` };
  world.kube.put({ ...known, spec, status: { ...known.status, conditions } as never });
};

describe('the Machines of a pool', () => {
  test('are made for the infra machines of any provider, once', async () => {
    const world = aWorld();
    await assessMachinePool(world.deps, key);
    expect(namesOf(world)).toEqual(['a', 'b']);
    expect(machine(world, 'a')).toMatchObject({
      metadata: {
        labels: { ...labels, tier: 'gold' },
        annotations: { note: 'kept' },
        ownerReferences: [ownerReference(pool, { controller: true })],
      },
      spec: {
        clusterName: 'demo',
        version: 'v1.34.4',
        bootstrap: { dataSecretName: '' },
        infrastructureRef: { apiGroup: INFRA, kind: 'CloudMachine', name: 'a' },
        deletion: { nodeDrainTimeoutSeconds: 60 },
      },
    });
    expect(machine(world, 'b').spec.version).toBeUndefined();
    expect(world.events).toContain('SuccessfulCreate MachinePool/pool');
    expect(await writesOf(world.kube, () => assessMachinePool(world.deps, key))).toBe(0);
  });

  test('are there once however often their making is killed', async () => {
    const total = await killedAfterEachWrite(
      () => aWorld(),
      (world) => assessMachinePool(world.deps, key),
      (after, undisturbed) => expect(Object.keys(after)).toEqual(Object.keys(undisturbed)),
    );
    expect(total).toBeGreaterThan(2);
  });

  test('are what the pool counts', async () => {
    const world = aWorld();
    await assessMachinePool(world.deps, key);
    told(world, 'a', 'Ready', 'Available');
    told(world, 'b', 'Ready');
    await expect(assessMachinePool(world.deps, key)).resolves.toMatchObject({ ready: 2, replicas: 2, upToDate: 1 });
    expect(world.kube.peek<MachinePool>(KINDS.MachinePool, where)?.status).toMatchObject({
      readyReplicas: 2,
      availableReplicas: 1,
      upToDateReplicas: 1,
      versions: [{ version: 'v1.34.4', replicas: 1 }],
    });
  });

  test('are told when they are not as the pool wants them', async () => {
    const world = aWorld();
    await assessMachinePool(world.deps, key);
    told(world, 'a');
    const { template } = pool.spec;
    const spec = { ...pool.spec, template: { ...template, spec: { ...template.spec, version: 'v1.35.0' } } };
    world.kube.put({ ...(world.kube.peek<MachinePool>(KINDS.MachinePool, where) as MachinePool), spec });
    await assessMachinePool(world.deps, key);
    expect(verdicts(machine(world, 'a').status)['UpToDate']).toBe('False NotUpToDate');
  });

  test('follow labels and time-outs of the pool', async () => {
    const world = aWorld();
    await assessMachinePool(world.deps, key);
    const stored = world.kube.peek<MachinePool>(KINDS.MachinePool, where) as MachinePool;
    const template = {
      metadata: { labels: { tier: 'silver' } },
      spec: { ...stored.spec.template.spec, deletion: { nodeDrainTimeoutSeconds: 5 } },
    };
    world.kube.put({ ...stored, spec: { ...stored.spec, template } });
    await assessMachinePool(world.deps, key);
    expect(machine(world, 'a').metadata.labels).toEqual({ ...labels, tier: 'silver' });
    expect(machine(world, 'a').metadata.annotations).not.toHaveProperty('note');
    expect(machine(world, 'a').spec.deletion).toEqual({ nodeDrainTimeoutSeconds: 5 });
  });

  test('go when their infra machine is gone, and only then', async () => {
    const world = aWorld();
    await assessMachinePool(world.deps, key);
    await world.kube.delete(CLOUD_MACHINE, { namespace: 'default', name: 'b' });
    // one that only lost its label is there
    const { labels: _, ...metadata } = infraMachine('a').metadata;
    world.kube.put({ ...infraMachine('a'), metadata });
    await assessMachinePool(world.deps, key);
    expect(machine(world, 'b').metadata.deletionTimestamp).toBeDefined();
    expect(machine(world, 'a').metadata.deletionTimestamp).toBeUndefined();
  });

  test('go one at a time when a health check wants them replaced', async () => {
    const world = aWorld();
    await assessMachinePool(world.deps, key);
    for (const known of machinesOf(world)) {
      const conditions = ['HealthCheckSucceeded', 'OwnerRemediated'].map((type) => ({
        type,
        status: 'False' as const,
        reason: 'R',
        message: '',
        lastTransitionTime: NOW,
      }));
      world.kube.put({ ...known, status: { conditions } as never });
    }
    await assessMachinePool(world.deps, key);
    await assessMachinePool(world.deps, key);
    expect(machinesOf(world).map((m) => m.metadata.deletionTimestamp !== undefined)).toEqual([true, false]);
    expect(world.events).toContain('SuccessfulDelete MachinePool/pool');
    const { status } = world.kube.peek<MachinePool>(KINDS.MachinePool, where) as MachinePool;
    expect(verdicts(status)['Remediating']).toBe('True Remediating');
  });

  test('of other pools are left alone', async () => {
    const other = { apiVersion: pool.apiVersion, kind: 'MachinePool', name: 'other', uid: 'u', controller: true };
    const theirs = {
      apiVersion: pool.apiVersion,
      kind: 'Machine',
      metadata: { name: 'x', namespace: 'default', uid: 'uid-x', labels, ownerReferences: [other] },
      spec: { infrastructureRef: { apiGroup: INFRA, kind: 'CloudMachine', name: 'x' } },
    } as KubeObject;
    const world = aWorld([theirs]);
    await assessMachinePool(world.deps, key);
    expect(machine(world, 'x').metadata.deletionTimestamp).toBeUndefined();
  });

  test('that lost their owner get it back', async () => {
    const world = aWorld();
    await assessMachinePool(world.deps, key);
    const { ownerReferences: _, ...metadata } = machine(world, 'a').metadata;
    world.kube.put({ ...machine(world, 'a'), metadata });
    await assessMachinePool(world.deps, key);
    expect(machine(world, 'a').metadata.ownerReferences).toEqual([ownerReference(pool, { controller: true })]);
  });

  test('are not touched while the pool is paused', async () => {
    const world = aWorld(undefined, {
      ...pool,
      metadata: { ...pool.metadata, annotations: { [ANNOTATION.paused]: '' } },
    });
    await assessMachinePool(world.deps, key);
    expect(namesOf(world)).toEqual([]);
  });

  test('drain and delete a Node that answers; one that does not is deleted with its instance', async () => {
    const world = aWorld();
    join(world, 'b');
    await assessMachinePool(world.deps, key);
    told(world, 'a');
    told(world, 'b');
    await assessMachinePool(world.deps, key);
    const names = () =>
      world.workload
        .all()
        .filter((o) => o.kind === 'Node')
        .map((o) => o.metadata.name);
    world.kube.put({ ...infraPool, spec: { providerIDList: ['cloud://a'] } } as KubeObject);
    await assessMachinePool(world.deps, key);
    expect(names()).toEqual(['a', 'b']);
    const node = world.workload.peek<KubeObject>(KINDS.Node, { name: 'b' }) as KubeObject;
    const conditions = [{ type: 'Ready', status: 'Unknown', reason: 'R', message: '', lastTransitionTime: NOW }];
    world.workload.put({ ...node, status: { conditions } } as KubeObject);
    await assessMachinePool(world.deps, key);
    expect(names()).toEqual(['a']);
  });

  test('go with the pool', async () => {
    const world = aWorld();
    await assessMachinePool(world.deps, key);
    const stored = world.kube.peek<MachinePool>(KINDS.MachinePool, where) as MachinePool;
    world.kube.put({ ...stored, metadata: { ...stored.metadata, deletionTimestamp: NOW } });
    // their lanes, once they are asked to go
    world.onBeat = () => {
      for (const m of machinesOf(world).filter((one) => one.metadata.deletionTimestamp))
        world.kube.remove(KINDS.Machine, m.metadata);
    };
    await poolRemoveObjects(world.deps, key);
    expect(namesOf(world)).toEqual([]);
    expect(world.kube.peek(KINDS.MachinePool, where)).toBeUndefined();
  });
});
