import { describe, expect, test } from '@jest/globals';
import {
  type ActivityWorld,
  activityWorld,
  keyOf,
  killedAfterEachWrite,
  NOW,
} from '../../../test/helpers/activity-world.js';
import { aCluster, aControlPlane, aMachine } from '../../../test/helpers/fake-objects.js';
import {
  aMachineDeployment,
  aMachinePool,
  aMachineSet,
  anInfraCluster,
  anInfraMachine,
  infraRef,
} from '../../../test/helpers/fake-owners.js';
import type { Cluster } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import type { KubeObject } from '../../api/types/meta.js';
import { ownerReference } from '../../domain/contract.js';
import { FINALIZER } from '../../domain/names.js';
import { awaitClusterAvailable, awaitContract, clusterFinalize, deleteControlPlane, deleteWorkers } from './cluster.js';

const spec = { infrastructureRef: infraRef('AWSCluster', 'demo') };
const cluster: Cluster = aCluster({ spec });
const key = keyOf(cluster);
const going: Cluster = {
  ...cluster,
  metadata: { ...cluster.metadata, deletionTimestamp: NOW, finalizers: [FINALIZER.Cluster] },
};
const infra = anInfraCluster(cluster, undefined, { finalizers: [FINALIZER.AWSCluster] });
const controlPlane = aControlPlane(cluster);
const deployment = aMachineDeployment(cluster);
const set = {
  ...aMachineSet(cluster, {}, 'owned'),
  metadata: {
    ...aMachineSet(cluster, {}, 'owned').metadata,
    ownerReferences: [ownerReference(deployment, { controller: true })],
  },
};
const alone = aMachineSet(cluster, {}, 'alone');
const worker = aMachine(cluster, { name: 'worker' });
const owned = {
  ...aMachine(cluster, { name: 'of-set' }),
  metadata: {
    ...aMachine(cluster, { name: 'of-set' }).metadata,
    ownerReferences: [ownerReference(set, { controller: true })],
  },
};
const pool = aMachinePool(cluster);
const cpMachine = aMachine(cluster, { name: 'cp', controlPlane });
const left = (w: ActivityWorld): string[] =>
  w.kube
    .all()
    .map((o) => `${o.kind}/${o.metadata.name}`)
    .sort();
const younger = (): ActivityWorld =>
  activityWorld({
    objects: [
      { ...cluster, metadata: { ...cluster.metadata, uid: 'younger' } },
      infra,
      controlPlane,
      deployment,
      worker,
    ],
  });

describe('deleting workers', () => {
  const all = [going, deployment, pool, set, alone, worker, owned, cpMachine, controlPlane];

  test('asks for what nobody else deletes, and waits for all of it', async () => {
    const w = activityWorld({ objects: all });
    const asked: string[] = [];
    w.kube.after((call) => {
      if (call.verb === 'delete') asked.push(`${call.kind}/${call.name}`);
    });
    // the lanes of deployment and set do the rest, a little later
    w.onBeat = () => {
      w.kube.remove(KINDS.MachineSet, set.metadata);
      if (w.beats.length > 1) w.kube.remove(KINDS.Machine, owned.metadata);
    };
    await deleteWorkers(w.deps, key);
    expect(asked).toEqual(['MachineDeployment/workers', 'MachinePool/pool', 'MachineSet/alone', 'Machine/worker']);
    expect(w.beats[0]).toBe('1 MachineDeployments, 1 MachinePools, 2 MachineSets, 2 worker Machines left');
    expect(left(w)).toEqual(['Cluster/demo', 'KubeadmControlPlane/demo-control-plane', 'Machine/cp']);
  });

  test('misses nothing whose label was edited away', async () => {
    const bare = <T extends KubeObject>(o: T): T => ({ ...o, metadata: { ...o.metadata, labels: {} } });
    const w = activityWorld({ objects: [going, bare(deployment), bare(worker)] });
    await deleteWorkers(w.deps, key);
    expect(left(w)).toEqual(['Cluster/demo']);
  });

  test('asks once for what takes its time', async () => {
    const slow = { ...worker, metadata: { ...worker.metadata, finalizers: ['x'] } };
    const w = activityWorld({ objects: [going, slow] });
    w.onBeat = () => {
      if (w.beats.length > 2) w.kube.remove(KINDS.Machine, worker.metadata);
    };
    await deleteWorkers(w.deps, key);
    expect(w.kube.calls.filter((c) => c.verb === 'delete')).toHaveLength(1);
  });

  test("leaves other clusters, and a younger cluster's workers, alone", async () => {
    const other = aMachine(aCluster({ name: 'other' }), { name: 'x' });
    const w = activityWorld({ objects: [going, other] });
    await deleteWorkers(w.deps, key);
    expect(left(w)).toEqual(['Cluster/demo', 'Machine/x']);
    const w2 = younger();
    await deleteWorkers(w2.deps, key);
    expect(w2.kube.writes()).toEqual([]);
  });

  test('killed after any write and run again leaves none', async () => {
    await killedAfterEachWrite(
      () => activityWorld({ objects: [going, alone, worker, deployment] }),
      ({ deps }) => deleteWorkers(deps, key),
      (after) => expect(Object.keys(after)).toEqual(['Cluster/default/demo']),
    );
  });
});

describe('deleting a control plane', () => {
  test('asks for it and waits for its machines', async () => {
    const w = activityWorld({ objects: [going, controlPlane, cpMachine, worker] });
    w.onBeat = () => w.kube.remove(KINDS.Machine, cpMachine.metadata);
    await deleteControlPlane(w.deps, key);
    expect(left(w)).toEqual(['Cluster/demo', 'Machine/worker']);
    expect(w.kube.calls.filter((c) => c.verb === 'delete').map((c) => c.kind)).toEqual(['KubeadmControlPlane']);
  });

  test('takes the machines themselves when there is no object for them', async () => {
    const w = activityWorld({ objects: [going, cpMachine] });
    await deleteControlPlane(w.deps, key);
    expect(left(w)).toEqual(['Cluster/demo']);
  });

  test("leaves another cluster's control plane, and that of a younger one, alone", async () => {
    const owner = { ...ownerReference(cluster, { controller: false }), name: 'other', uid: 'x' };
    const theirs = { ...controlPlane, metadata: { ...controlPlane.metadata, ownerReferences: [owner] } };
    const w = activityWorld({ objects: [going, theirs] });
    await deleteControlPlane(w.deps, key);
    expect(left(w)).toEqual(['Cluster/demo', 'KubeadmControlPlane/demo-control-plane']);
    const w2 = younger();
    await deleteControlPlane(w2.deps, key);
    expect(w2.kube.writes()).toEqual([]);
  });

  test('does not need its kind when that was uninstalled', async () => {
    const ref = { apiGroup: 'gone.io', kind: 'GoneControlPlane', name: 'x' };
    const w = activityWorld({
      objects: [{ ...going, spec: { ...going.spec, controlPlaneRef: ref } } as Cluster, cpMachine],
    });
    await deleteControlPlane(w.deps, key);
    expect(left(w)).toEqual(['Cluster/demo']);
  });
});

describe('finalizing a cluster', () => {
  const fresh = (...objects: KubeObject[]) => activityWorld({ objects: [going, ...objects] });

  test('deletes its infra object, waits, and drops the finalizer last', async () => {
    const held = { ...infra, metadata: { ...infra.metadata, finalizers: [FINALIZER.AWSCluster, 'theirs'] } };
    const w = fresh(held);
    let kept: string[] | undefined;
    w.onBeat = () => {
      kept ??= w.kube.peek(KINDS.Cluster, cluster.metadata)?.metadata.finalizers;
      if (w.beats.length > 1) w.kube.remove(KINDS.AWSCluster, infra.metadata);
    };
    await clusterFinalize(w.deps, key);
    expect(kept).toEqual([FINALIZER.Cluster]);
    expect(left(w)).toEqual([]);
  });

  test('killed after any write and run again leaves nothing', async () => {
    const writes = await killedAfterEachWrite(
      () => fresh(infra),
      ({ deps }) => clusterFinalize(deps, key),
      (after) => expect(after).toEqual({}),
    );
    expect(writes).toBe(4);
  });

  test('is nothing to do twice, nor for a younger cluster', async () => {
    const w = fresh(infra);
    await clusterFinalize(w.deps, key);
    await clusterFinalize(w.deps, key);
    expect(left(w)).toEqual([]);
    const w2 = younger();
    await clusterFinalize(w2.deps, key);
    expect(w2.kube.writes()).toEqual([]);
  });

  test.each<[string, KubeObject[], Partial<Cluster['spec']>]>([
    ['without infrastructure', [], {}],
    ['whose kind was uninstalled', [], { infrastructureRef: { apiGroup: 'gone.io', kind: 'GoneCluster', name: 'x' } }],
  ])('works %s', async (_, objects, change) => {
    const w = activityWorld({ objects: [{ ...going, spec: { ...going.spec, ...change } } as Cluster, ...objects] });
    await clusterFinalize(w.deps, key);
    expect(left(w)).toEqual([]);
  });

  test("leaves another cluster's infra object as it is", async () => {
    const owner = { ...ownerReference(cluster, { controller: false }), name: 'other', uid: 'x' };
    const theirs = { ...infra, metadata: { ...infra.metadata, ownerReferences: [owner] } };
    const w = fresh(theirs);
    const before = w.kube.peek(KINDS.AWSCluster, infra.metadata);
    await clusterFinalize(w.deps, key);
    expect(left(w)).toEqual(['AWSCluster/demo']);
    expect(w.kube.peek(KINDS.AWSCluster, infra.metadata)).toEqual(before);
  });
});

describe('waiting for a cluster', () => {
  test('ends when it is available with all its machines, and tells meanwhile what is awaited', async () => {
    const status = {
      initialization: { controlPlaneInitialized: true },
      conditions: [{ type: 'Available', status: 'True', reason: 'A', message: '', lastTransitionTime: NOW }],
    };
    const w = activityWorld({ objects: [cluster, anInfraCluster(cluster), controlPlane] });
    w.onBeat = () => {
      w.kube.put({
        ...anInfraCluster(cluster, { initialization: { provisioned: true } }),
        metadata: infra.metadata,
      } as KubeObject);
      w.kube.put({ ...controlPlane, spec: { ...controlPlane.spec, replicas: 0 }, status } as KubeObject);
    };
    await expect(awaitClusterAvailable(w.deps, key)).resolves.toMatchObject({ available: true, complete: true });
    expect(w.beats).toHaveLength(1);
    expect(w.beats[0]).toContain('* ControlPlaneAvailable: Control plane not yet initialized');
  });

  test('ends with it, and when it is cancelled', async () => {
    await expect(awaitClusterAvailable(activityWorld().deps, key)).resolves.toMatchObject({ exists: false });
    const w = activityWorld({ objects: [cluster] });
    w.onBeat = w.cancel;
    await expect(awaitClusterAvailable(w.deps, key)).rejects.toMatchObject({ name: 'AbortError' });
  });
});

describe("waiting for a third party's object", () => {
  const group = 'infrastructure.cluster.x-k8s.io';
  const crd = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `dockerclusters.${group}`, labels: { 'cluster.x-k8s.io/v1beta1': 'v1' } },
  } as KubeObject;
  const docker = {
    apiVersion: `${group}/v1`,
    kind: 'DockerCluster',
    metadata: { name: 'demo', namespace: 'default' },
  } as KubeObject;
  const ready = { ...docker, status: { ready: true } } as KubeObject;
  const theirs: Cluster = {
    ...cluster,
    spec: { ...cluster.spec, infrastructureRef: { apiGroup: group, kind: 'DockerCluster', name: 'demo' } },
  };

  test('ends when it says that it is provisioned, in the words of its contract', async () => {
    const w = activityWorld({ objects: [theirs, crd] });
    const turns = [docker, ready];
    w.onBeat = () => {
      const next = turns.shift();
      if (next) w.kube.put(next);
    };
    await awaitContract(w.deps, key, 'infraCluster');
    expect(w.beats).toEqual(['DockerCluster demo does not exist yet', 'DockerCluster demo is not provisioned yet']);
  });

  test('works for machines, and ends with the object that waits', async () => {
    const machine = aMachine(cluster);
    const infraMachine = anInfraMachine(cluster, 'demo-1', { initialization: { provisioned: true } });
    const w = activityWorld({ objects: [machine, infraMachine] });
    await awaitContract(w.deps, keyOf(machine), 'infraMachine');
    await awaitContract(activityWorld().deps, key, 'infraCluster');
    expect(w.beats).toEqual([]);
  });

  test('says when its provider is not installed', async () => {
    await expect(awaitContract(activityWorld({ objects: [theirs] }).deps, key, 'infraCluster')).rejects.toMatchObject({
      type: 'InvalidConfiguration',
      message: expect.stringContaining('install the provider'),
    });
  });

  test("does not believe another cluster's", async () => {
    const owner = { ...ownerReference(cluster, { controller: false }), name: 'other', uid: 'x' };
    const w = activityWorld({
      objects: [theirs, crd, { ...ready, metadata: { ...ready.metadata, ownerReferences: [owner] } }],
    });
    w.onBeat = w.cancel;
    await expect(awaitContract(w.deps, key, 'infraCluster')).rejects.toMatchObject({ name: 'AbortError' });
  });
});
