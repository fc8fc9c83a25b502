import { describe, expect, test } from '@jest/globals';
import {
  type ActivityWorld,
  activityWorld,
  keyOf,
  killedAfterEachWrite,
  NOW,
  writesOf,
} from '../../../test/helpers/activity-world.js';
import { aCluster, aControlPlane, aMachine } from '../../../test/helpers/fake-objects.js';
import { aMachineSet, anInfraMachine, theTemplates } from '../../../test/helpers/fake-owners.js';
import type { KubeadmConfig, KubeadmControlPlane, Machine } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import type { KubeObject, ResourceKind } from '../../api/types/meta.js';
import { controllerOf, ownerReference } from '../../domain/contract.js';
import { ANNOTATION, FINALIZER, LABEL } from '../../domain/names.js';
import { assessMachine } from './assess-machine.js';
import { createControlPlaneMachine, createWorkerMachines, deleteMachines, ensureIdentity } from './machines.js';

const cluster = aCluster();
const set = aMachineSet(cluster);
const key = keyOf(set);
const templates = theTemplates(cluster);
const fresh = (...more: KubeObject[]) => activityWorld({ objects: [cluster, set, ...templates, ...more] });
const names = (world: ActivityWorld, kind: ResourceKind) => world.kube.all(kind).map((o) => o.metadata.name);
const MADE = [KINDS.Machine, KINDS.AWSMachine, KINDS.KubeadmConfig];

describe('making workers', () => {
  test('clones the templates and makes a Machine that owns the clones and has a status', async () => {
    const world = fresh();
    await createWorkerMachines(world.deps, key, ['w1', 'w2']);
    for (const kind of MADE) expect(names(world, kind)).toEqual(['w1', 'w2']);
    const labels = { pool: 'blue', [LABEL.clusterName]: 'demo', [LABEL.setName]: 'workers' };
    const machine = world.kube.peek<Machine>(KINDS.Machine, { namespace: 'default', name: 'w1' });
    expect(machine).toMatchObject({
      metadata: { labels, annotations: { note: 'kept' }, finalizers: [FINALIZER.Machine] },
      spec: {
        clusterName: 'demo',
        version: 'v1.34.4',
        bootstrap: { configRef: { apiGroup: 'bootstrap.cluster.x-k8s.io', kind: 'KubeadmConfig', name: 'w1' } },
        infrastructureRef: { apiGroup: 'infrastructure.cluster.x-k8s.io', kind: 'AWSMachine', name: 'w1' },
      },
    });
    expect(machine?.metadata.ownerReferences).toEqual([ownerReference(set, { controller: true })]);
    expect(machine?.status).toMatchObject({ observedGeneration: 1, phase: 'Pending' });
    expect(world.kube.peek(KINDS.AWSMachine, { namespace: 'default', name: 'w1' })).toMatchObject({
      metadata: {
        labels: { ...labels, from: 'template' },
        annotations: {
          from: 'template',
          note: 'kept',
          [ANNOTATION.clonedFromName]: 'workers',
          [ANNOTATION.clonedFromGroupKind]: 'AWSMachineTemplate.infrastructure.cluster.x-k8s.io',
          [ANNOTATION.id]: expect.stringMatching(/^[0-9a-f]{16}$/),
        },
        ownerReferences: [ownerReference(machine as Machine, { controller: true })],
      },
      spec: { instanceType: 'm5.large' },
    });
    expect(world.events).toEqual(['SuccessfulCreate MachineSet/workers']);
  });

  test('killed after any write and run again makes each once', async () => {
    const writes = await killedAfterEachWrite(
      fresh,
      ({ deps }) => createWorkerMachines(deps, key, ['w1', 'w2', 'w3']),
      (after, undisturbed, n) => expect({ n, after }).toEqual({ n, after: undisturbed }),
    );
    expect(writes).toBe(3 * 7); // three objects, their links to the Machine, its status
  });

  test('again writes nothing, even when the machines have taken their clones over', async () => {
    const world = fresh();
    await createWorkerMachines(world.deps, key, ['w1']);
    const again = () => createWorkerMachines(world.deps, key, ['w1']);
    expect(await writesOf(world.kube, again)).toBe(0);
    const machine = world.kube.peek<Machine>(KINDS.Machine, { namespace: 'default', name: 'w1' }) as Machine;
    await assessMachine(world.deps, keyOf(machine));
    expect(await writesOf(world.kube, again)).toBe(0);
  });

  test('meets a twin of itself that is a step ahead', async () => {
    const world = fresh();
    let ahead = false;
    world.kube.before(async (call) => {
      if (call.verb !== 'create' || ahead) return;
      ahead = true;
      await createWorkerMachines(world.deps, key, ['w1']);
      const machine = world.kube.peek<Machine>(KINDS.Machine, { namespace: 'default', name: 'w1' }) as Machine;
      await assessMachine(world.deps, keyOf(machine));
    });
    await createWorkerMachines(world.deps, key, ['w1']);
    for (const kind of MADE) expect(names(world, kind)).toEqual(['w1']);
  });

  test('does not bring back a machine that was deleted since', async () => {
    const world = fresh();
    await createWorkerMachines(world.deps, key, ['w1']);
    const machine = world.kube.peek<Machine>(KINDS.Machine, { namespace: 'default', name: 'w1' }) as Machine;
    world.kube.put({ ...machine, metadata: { ...machine.metadata, deletionTimestamp: NOW, finalizers: ['x'] } });
    world.kube.remove(KINDS.AWSMachine, { namespace: 'default', name: 'w1' });
    expect(await writesOf(world.kube, () => createWorkerMachines(world.deps, key, ['w1']))).toBe(0);
  });

  test('makes nothing for a set that goes or is gone', async () => {
    const world = activityWorld({
      objects: [{ ...set, metadata: { ...set.metadata, deletionTimestamp: NOW, finalizers: ['x'] } }],
    });
    await createWorkerMachines(world.deps, key, ['w1']);
    await createWorkerMachines(activityWorld().deps, key, ['w1']);
    expect(world.kube.writes()).toEqual([]);
  });

  test('names a template that is missing', async () => {
    const world = activityWorld({ objects: [cluster, set] });
    await expect(createWorkerMachines(world.deps, key, ['w1'])).rejects.toMatchObject({
      type: 'InvalidConfiguration',
      message: expect.stringMatching(/KubeadmConfigTemplate workers, which does not exist; create it/),
    });
  });

  test.each<[string, KubeObject]>([
    ['Machine of nobody', aMachine(cluster, { name: 'w1' })],
    ['Machine of another owner', aMachine(cluster, { name: 'w1', controlPlane: aControlPlane(cluster) })],
    ['infra machine of nobody', anInfraMachine(cluster, 'w1')],
    [
      'infra machine of a machine that is gone',
      {
        ...anInfraMachine(cluster, 'w1'),
        metadata: {
          ...anInfraMachine(cluster, 'w1').metadata,
          ownerReferences: [ownerReference(aMachine(cluster, { name: 'w1' }), { controller: true })],
        },
      },
    ],
  ])('refuses a clashing %s and leaves it as it is', async (_, theirs) => {
    const world = fresh(theirs);
    const find = () => world.kube.all().find((o) => o.kind === theirs.kind && o.metadata.name === 'w1');
    const before = find();
    await expect(createWorkerMachines(world.deps, key, ['w1'])).rejects.toMatchObject({
      type: 'OwnershipConflict',
      message: expect.stringContaining(`${theirs.kind} default/w1 exists and belongs to`),
    });
    expect(find()).toEqual(before);
  });

  test('waits for a clone of before that is on its way out', async () => {
    const before = anInfraMachine(cluster, 'w1');
    const owned = { ownerReferences: [ownerReference(set, { controller: false })] };
    const leaving = { ...before.metadata, ...owned, deletionTimestamp: NOW, finalizers: ['x'] };
    const world = fresh({ ...before, metadata: leaving });
    await expect(createWorkerMachines(world.deps, key, ['w1'])).rejects.toMatchObject({ type: 'NotYet' });
    world.kube.remove(KINDS.AWSMachine, before.metadata);
    await createWorkerMachines(world.deps, key, ['w1']);
    expect(names(world, KINDS.Machine)).toEqual(['w1']);
  });
});

describe('making a control plane machine', () => {
  const controlPlane = aControlPlane(cluster);
  const cpKey = keyOf(controlPlane);
  const ready: KubeadmControlPlane = { ...controlPlane, status: { initialization: { controlPlaneInitialized: true } } };
  const at = (object: KubeadmControlPlane, ...more: KubeObject[]) =>
    activityWorld({ objects: [cluster, object, ...templates, ...more] });
  const ref = { namespace: 'default', name: 'cp1' };

  test('makes infra machine, config and Machine with readiness gates and failure domain', async () => {
    const world = at(controlPlane);
    await createControlPlaneMachine(world.deps, cpKey, { name: 'cp1', failureDomain: 'a' });
    const machine = world.kube.peek<Machine>(KINDS.Machine, ref);
    expect(machine).toMatchObject({
      metadata: {
        labels: {
          [LABEL.clusterName]: 'demo',
          [LABEL.controlPlane]: '',
          [LABEL.controlPlaneName]: 'demo-control-plane',
        },
      },
      spec: { version: 'v1.34.4', failureDomain: 'a', bootstrap: { configRef: { name: 'cp1' } } },
    });
    expect(machine?.spec.readinessGates?.map((g) => g.conditionType)).toEqual([
      'APIServerPodHealthy',
      'ControllerManagerPodHealthy',
      'SchedulerPodHealthy',
      'EtcdPodHealthy',
      'EtcdMemberHealthy',
    ]);
    expect(machine && controllerOf(machine)?.uid).toBe(cpKey.uid);
    expect(world.kube.peek(KINDS.AWSMachine, ref)?.metadata.annotations?.[ANNOTATION.clonedFromName]).toBe('demo');
  });

  test('the first one initializes, later ones join', async () => {
    const specOf = async (object: KubeadmControlPlane) => {
      const world = at(object);
      await createControlPlaneMachine(world.deps, cpKey, { name: 'cp1' });
      return world.kube.peek<KubeadmConfig>(KINDS.KubeadmConfig, ref)?.spec;
    };
    expect(await specOf(controlPlane)).toHaveProperty('clusterConfiguration');
    expect(await specOf(ready)).toHaveProperty('joinConfiguration');
  });

  test('has no etcd gates when etcd is external', async () => {
    const external = { endpoints: ['https://e:2379'], caFile: 'a', certFile: 'b', keyFile: 'c' };
    const world = at(aControlPlane(cluster, { kubeadmConfigSpec: { clusterConfiguration: { etcd: { external } } } }));
    const [object] = world.kube.all(KINDS.KubeadmControlPlane);
    await createControlPlaneMachine(world.deps, keyOf(object as KubeObject), { name: 'cp1' });
    expect(world.kube.peek<Machine>(KINDS.Machine, ref)?.spec.readinessGates).toHaveLength(3);
  });

  test('killed after any write and run again makes each once', async () => {
    const writes = await killedAfterEachWrite(
      () => at(controlPlane),
      ({ deps }) => createControlPlaneMachine(deps, cpKey, { name: 'cp1' }),
      (after, undisturbed, n) => expect({ n, after }).toEqual({ n, after: undisturbed }),
    );
    expect(writes).toBe(3);
  });

  test('again writes nothing, and keeps the config of the first run', async () => {
    const world = at(controlPlane);
    await createControlPlaneMachine(world.deps, cpKey, { name: 'cp1' });
    world.kube.put(ready);
    expect(await writesOf(world.kube, () => createControlPlaneMachine(world.deps, cpKey, { name: 'cp1' }))).toBe(0);
  });

  test('refuses a Machine and a config of somebody else', async () => {
    for (const theirs of [
      aMachine(cluster, { name: 'cp1' }),
      {
        ...aMachine(cluster, { name: 'cp1' }),
        apiVersion: 'bootstrap.cluster.x-k8s.io/v1beta2',
        kind: 'KubeadmConfig',
      },
    ]) {
      const world = at(controlPlane, theirs);
      await expect(createControlPlaneMachine(world.deps, cpKey, { name: 'cp1' })).rejects.toMatchObject({
        type: 'OwnershipConflict',
      });
    }
  });

  test('waits until the control plane knows its cluster', async () => {
    const world = at({ ...controlPlane, metadata: { ...controlPlane.metadata, labels: {} } });
    await expect(createControlPlaneMachine(world.deps, cpKey, { name: 'cp1' })).rejects.toMatchObject({
      type: 'NotYet',
    });
  });
});

describe('deleting machines', () => {
  const owned = (name: string, of: KubeObject): Machine => {
    const machine = aMachine(cluster, { name });
    return {
      ...machine,
      metadata: { ...machine.metadata, ownerReferences: [ownerReference(of, { controller: true })] },
    };
  };

  test('deletes those of the owner by name; absent is success, twice the same', async () => {
    const world = activityWorld({
      objects: [owned('a', set), owned('b', set), owned('c', aMachineSet(cluster, {}, 'other'))],
    });
    await deleteMachines(world.deps, key, ['a', 'c', 'gone']);
    expect(names(world, KINDS.Machine)).toEqual(['b', 'c']);
    expect(await writesOf(world.kube, () => deleteMachines(world.deps, key, ['a', 'c', 'gone']))).toBe(0);
  });
});

describe('an identity', () => {
  test('is kept once it is there, and written even to what is deleting', async () => {
    const infra = anInfraMachine(cluster, 'w1');
    const world = activityWorld({
      objects: [{ ...infra, metadata: { ...infra.metadata, deletionTimestamp: NOW, finalizers: ['x'] } }],
    });
    const stored = () => world.kube.peek(KINDS.AWSMachine, infra.metadata) as KubeObject;
    const id = await ensureIdentity(world.deps, KINDS.AWSMachine, stored());
    expect(stored().metadata.annotations?.[ANNOTATION.id]).toBe(id);
    await expect(ensureIdentity(world.deps, KINDS.AWSMachine, stored())).resolves.toBe(id);
    await expect(ensureIdentity(world.deps, KINDS.AWSMachine, infra)).resolves.toBe(id);
  });

  test('of an object that is gone is not made up', async () => {
    await expect(
      ensureIdentity(activityWorld().deps, KINDS.AWSMachine, anInfraMachine(cluster, 'w1')),
    ).rejects.toMatchObject({ type: 'NotFound' });
  });
});
