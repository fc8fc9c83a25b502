import { describe, expect, test } from '@jest/globals';
import {
  type ActivityWorld,
  activityWorld,
  keyOf,
  killedAfterEachWrite,
  NOW,
  writesOf,
} from '../../../test/helpers/activity-world.js';
import { aCluster, aControlPlane } from '../../../test/helpers/fake-objects.js';
import { aMachinePool, anInfraPool } from '../../../test/helpers/fake-owners.js';
import { verdicts } from '../../../test/helpers/status-checks.js';
import type { MachinePool } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import type { KubeObject } from '../../api/types/meta.js';
import { ownerReference, readPath } from '../../domain/contract.js';
import { PerdureError } from '../../domain/errors.js';
import { ANNOTATION, FINALIZER } from '../../domain/names.js';
import { isPoolComplete } from '../../domain/plan/machine-pool.js';
import { ensureCertificates } from '../bootstrap/index.js';
import { assessMachinePool } from '../kube/assess-machine-pool.js';
import { poolAwait, poolBootstrap, poolDelete, poolEnsure, poolLook } from './group.js';
import { poolRemoveObjects } from './objects.js';

const cluster = aCluster({
  spec: { infrastructureRef: { apiGroup: 'infrastructure.cluster.x-k8s.io', kind: 'AWSCluster', name: 'demo' } },
  status: {
    initialization: { infrastructureProvisioned: true, controlPlaneInitialized: true },
    conditions: [
      { type: 'ControlPlaneInitialized', status: 'True', reason: 'Initialized', message: '', lastTransitionTime: NOW },
    ],
  },
});
const controlPlane = aControlPlane(cluster, {
  kubeadmConfigSpec: { clusterConfiguration: { encryptionAlgorithm: 'ECDSA-P256' as const } },
});
const infraCluster = {
  apiVersion: 'infrastructure.cluster.x-k8s.io/v1beta2',
  kind: 'AWSCluster',
  metadata: { name: 'demo', namespace: 'default', uid: 'uid-infra' },
  spec: { region: 'us-east-1' },
} as KubeObject;
const config = {
  apiVersion: 'bootstrap.cluster.x-k8s.io/v1beta2',
  kind: 'KubeadmConfig',
  metadata: { name: 'pool', namespace: 'default', uid: 'uid-config', generation: 1 },
} as KubeObject;
const pool = aMachinePool(cluster, { replicas: 2 });
const key = keyOf(pool);
const where = { namespace: 'default', name: 'pool' };

async function aWorld(given: MachinePool = pool, infra = anInfraPool(cluster)): Promise<ActivityWorld> {
  const world = activityWorld({ objects: [cluster, controlPlane, infraCluster, config, given, infra] });
  await ensureCertificates(world.deps, { cluster, controlPlane, initialized: false });
  return world;
}
const stored = (world: ActivityWorld): MachinePool =>
  world.kube.peek<MachinePool>(KINDS.MachinePool, where) as MachinePool;
const infraOf = (world: ActivityWorld): KubeObject =>
  world.kube.peek<KubeObject>(KINDS.AWSMachinePool, where) as KubeObject;
const poolId = (world: ActivityWorld): string => infraOf(world).metadata.annotations?.[ANNOTATION.id] ?? '';
const names = (world: ActivityWorld): string[] =>
  world.workload
    .all()
    .filter((o) => o.kind === 'Node')
    .map((o) => o.metadata.name)
    .sort();
/** A Node as a kubelet registers it: without providerID, ready. */
const join = (world: ActivityWorld, name: string, address: string, providerID?: string): void =>
  void world.workload.put({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, uid: `uid-${name}` },
    spec: {
      ...(providerID ? { providerID } : {}),
      taints: [{ key: 'node.cluster.x-k8s.io/uninitialized', effect: 'NoSchedule' }],
    },
    status: {
      addresses: [{ type: 'InternalIP', address }],
      conditions: [{ type: 'Ready', status: 'True', reason: 'R', message: '', lastTransitionTime: NOW }],
      nodeInfo: { kubeletVersion: 'v1.34.4' },
    },
  } as KubeObject);

async function provisioned(world: ActivityWorld): Promise<void> {
  await poolBootstrap(world.deps, key);
  await poolEnsure(world.deps, key);
  join(world, 'a', '10.0.0.1');
  join(world, 'b', '10.0.0.2');
  await poolAwait(world.deps, key);
}

describe('a machine pool', () => {
  test('is linked with what it is made of, gets bootstrap data, a group and its Nodes', async () => {
    const world = await aWorld();
    await expect(assessMachinePool(world.deps, key)).resolves.toMatchObject({
      exists: true,
      provider: 'fake',
      cloudQueue: 'fake-us-east-1',
      bootstrapReady: false,
      provisioned: false,
      desired: 2,
    });
    expect(stored(world).metadata).toMatchObject({
      finalizers: [FINALIZER.MachinePool],
      ownerReferences: [ownerReference(cluster, { controller: false })],
    });
    expect(infraOf(world).metadata).toMatchObject({
      finalizers: [FINALIZER.AWSMachinePool],
      ownerReferences: [ownerReference(pool, { controller: true })],
    });
    await expect(poolBootstrap(world.deps, key)).resolves.toEqual({ dataSecretName: 'pool' });
    expect(stored(world).spec.template.spec.bootstrap.dataSecretName).toBe('pool');
    await expect(poolEnsure(world.deps, key)).resolves.toEqual({ changes: ['desired 2'] });
    join(world, 'a', '10.0.0.1');
    join(world, 'b', '10.0.0.2');
    const facts = await poolAwait(world.deps, key);
    expect(isPoolComplete(facts)).toBe(true);
    expect(facts.lookAgainSeconds).toBe(300);
    const id = poolId(world);
    expect(stored(world)).toMatchObject({
      spec: { providerIDList: [`fake:///${id}-0`, `fake:///${id}-1`] },
      status: { phase: 'Running', replicas: 2, readyReplicas: 2, nodeRefs: [{ name: 'a' }, { name: 'b' }] },
    });
    const node = world.workload.peek<KubeObject>(KINDS.Node, { name: 'a' });
    expect(readPath(node, 'spec')).toMatchObject({ providerID: `fake:///${id}-0`, taints: [] });
    expect(node?.metadata.annotations).toMatchObject({
      'cluster.x-k8s.io/owner-kind': 'MachinePool',
      'cluster.x-k8s.io/owner-name': 'pool',
      'cluster.x-k8s.io/cluster-name': 'demo',
    });
    expect(node?.metadata.annotations).not.toHaveProperty('cluster.x-k8s.io/machine');
    expect(await writesOf(world.kube, () => poolLook(world.deps, key))).toBe(0);
  });

  test('is told by what its group differs, and follows a new number', async () => {
    const world = await aWorld();
    await provisioned(world);
    world.kube.put({ ...stored(world), spec: { ...stored(world).spec, replicas: 1 } });
    await expect(poolLook(world.deps, key)).resolves.toMatchObject({ changes: ['desired capacity'] });
    await expect(poolEnsure(world.deps, key)).resolves.toEqual({ changes: ['desired 1'] });
    const facts = await poolAwait(world.deps, key);
    expect(facts).toMatchObject({ replicas: 1, ready: 1, desired: 1 });
    expect(names(world)).toEqual(['a']);
  });

  test('with another bootstrap config gets data from that, and is not ready before', async () => {
    const world = await aWorld();
    await provisioned(world);
    world.kube.put({ ...config, metadata: { ...config.metadata, name: 'next', uid: 'uid-next' } });
    const last = stored(world);
    const { template } = last.spec;
    const configRef = { apiGroup: 'bootstrap.cluster.x-k8s.io', kind: 'KubeadmConfig', name: 'next' };
    const spec = { ...template.spec, bootstrap: { ...template.spec.bootstrap, configRef } };
    world.kube.put({ ...last, spec: { ...last.spec, template: { ...template, spec } } });
    await expect(assessMachinePool(world.deps, key)).resolves.toMatchObject({ bootstrapReady: false, ready: 2 });
    await expect(poolBootstrap(world.deps, key)).resolves.toEqual({ dataSecretName: 'next' });
    await expect(assessMachinePool(world.deps, key)).resolves.toMatchObject({ bootstrapReady: true });
  });

  test('tells what a person has to mend as something to be done, so that the operation fails with it', async () => {
    const world = await aWorld();
    await provisioned(world);
    world.provider.failNext('observe', new PerdureError('Unauthorized', 'no'));
    await expect(poolLook(world.deps, key)).resolves.toMatchObject({
      ready: 2,
      changes: [expect.stringContaining('no')],
    });
    world.provider.failNext('observe', new PerdureError('Transient', 'later'));
    await expect(poolLook(world.deps, key)).rejects.toMatchObject({ type: 'Transient' });
  });

  test('leaves Nodes of others alone', async () => {
    const world = await aWorld();
    join(world, 'machine', '10.0.0.9', 'fake:///other');
    await provisioned(world);
    await poolLook(world.deps, key);
    expect(names(world)).toEqual(['a', 'b', 'machine']);
  });

  test('that somebody else sizes takes the number of its group', async () => {
    const annotations = { [ANNOTATION.replicasManagedBy]: 'autoscaler' };
    const world = await aWorld({ ...pool, metadata: { ...pool.metadata, annotations } });
    await provisioned(world);
    world.provider.groups.set(poolId(world), {
      ...(world.provider.groups.get(poolId(world)) as never as object),
      desired: 4,
    } as never);
    await poolLook(world.deps, key);
    expect(stored(world).spec.replicas).toBe(4);
  });

  test('keeps its join token while it lives', async () => {
    const world = await aWorld();
    await provisioned(world);
    const expiry = (): string =>
      String(
        readPath(
          world.workload.all().find((o) => o.kind === 'Secret'),
          'data.expiration',
        ),
      );
    const before = expiry();
    world.now = '2026-01-01T00:05:00Z';
    await assessMachinePool(world.deps, key);
    expect(Buffer.from(before, 'base64').toString()).toBe('2026-01-01T00:15:00Z');
    expect(Buffer.from(expiry(), 'base64').toString()).toBe('2026-01-01T00:20:00Z');
  });

  test('whose cluster does not answer keeps what was known of its Nodes', async () => {
    const world = await aWorld();
    await provisioned(world);
    const deps = {
      ...world.deps,
      workload: () => Promise.reject(new PerdureError('Transient', 'the cluster does not answer')),
    };
    await expect(assessMachinePool(deps, key)).resolves.toMatchObject({ ready: 2 });
    expect(stored(world).status?.nodeRefs).toHaveLength(2);
  });

  test('whose infra object belongs to another pool touches nothing of it', async () => {
    const theirs = anInfraPool(cluster);
    theirs.metadata.ownerReferences = [
      { apiVersion: pool.apiVersion, kind: 'MachinePool', name: 'other', uid: 'u', controller: true },
    ];
    const world = await aWorld(pool, theirs);
    await expect(assessMachinePool(world.deps, key)).resolves.toMatchObject({ failure: { type: 'OwnershipConflict' } });
    await expect(poolEnsure(world.deps, key)).rejects.toMatchObject({ type: 'OwnershipConflict' });
    expect(infraOf(world).metadata.finalizers).toBeUndefined();
    expect(verdicts(stored(world).status)['InfrastructureReady']).toBe('False OwnershipConflict');
  });
});

describe('deleting a machine pool', () => {
  const going = async (): Promise<ActivityWorld> => {
    const world = await aWorld();
    await provisioned(world);
    const last = stored(world);
    world.kube.put({ ...last, metadata: { ...last.metadata, deletionTimestamp: NOW } });
    return world;
  };

  test('removes the group first, then objects and Nodes, and says what it waits for', async () => {
    const world = await going();
    await poolDelete(world.deps, key);
    expect(world.provider.groups.size).toBe(0);
    expect(infraOf(world).metadata.deletionTimestamp).toBeDefined();
    expect(stored(world).status?.phase).toBe('Deleting');
    await poolRemoveObjects(world.deps, key);
    expect(names(world)).toEqual([]);
    const left = world.kube.all().map((o) => o.kind);
    for (const kind of ['MachinePool', 'AWSMachinePool', 'KubeadmConfig']) expect(left).not.toContain(kind);
    expect(world.kube.peek(KINDS.Secret, where)).toBeUndefined();
    await poolDelete(world.deps, key);
    await poolRemoveObjects(world.deps, key);
  });

  test('ends the same however often it is killed', async () => {
    const calm = await going();
    const objects = calm.kube.all();
    const make = (): ActivityWorld => activityWorld({ objects: structuredClone(objects) });
    const work = async (world: ActivityWorld): Promise<void> => {
      await poolDelete(world.deps, key);
      await poolRemoveObjects(world.deps, key);
    };
    const total = await killedAfterEachWrite(make, work, (after, undisturbed) => expect(after).toEqual(undisturbed));
    expect(total).toBeGreaterThan(3);
  });

  test('does not wait for Nodes of a cluster that goes too', async () => {
    const world = await going();
    world.kube.put({ ...cluster, metadata: { ...cluster.metadata, deletionTimestamp: NOW, finalizers: ['x'] } });
    await poolDelete(world.deps, key);
    await poolRemoveObjects({ ...world.deps, workload: () => Promise.reject(new Error('gone')) }, key);
    expect(world.kube.peek(KINDS.MachinePool, where)).toBeUndefined();
  });
});
