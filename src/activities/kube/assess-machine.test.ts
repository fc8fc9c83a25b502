import { describe, expect, test } from '@jest/globals';
import {
  type ActivityWorld,
  activityWorld,
  keyOf,
  killedAfterEachWrite,
  NOW,
  snapshot,
  writesOf,
} from '../../../test/helpers/activity-world.js';
import { aCluster, aKubeadmConfig, aMachine } from '../../../test/helpers/fake-objects.js';
import {
  aMachineDeployment,
  aMachineSet,
  anInfraCluster,
  anInfraMachine,
  infraRef,
} from '../../../test/helpers/fake-owners.js';
import { messageOf, verdicts } from '../../../test/helpers/status-checks.js';
import type { Cluster, Machine } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import type { KubeObject, OwnerReference } from '../../api/types/meta.js';
import { ownerReference, readPath } from '../../domain/contract.js';
import { PerdureError } from '../../domain/errors.js';
import { ANNOTATION, FINALIZER, LABEL } from '../../domain/names.js';
import { assessMachine } from './assess-machine.js';

const initialized = {
  type: 'ControlPlaneInitialized',
  status: 'True',
  reason: 'I',
  message: '',
  lastTransitionTime: NOW,
} as const;
const cluster: Cluster = aCluster({
  spec: { infrastructureRef: infraRef('AWSCluster', 'demo') },
  status: { conditions: [initialized] },
});
const set = aMachineSet(cluster);
const holder = ownerReference(set, { controller: false });
const machine: Machine = {
  ...aMachine(cluster),
  metadata: { ...aMachine(cluster).metadata, ownerReferences: [ownerReference(set, { controller: true })] },
};
const key = keyOf(machine);
const held = (object: KubeObject): KubeObject => ({
  ...object,
  metadata: { ...object.metadata, ownerReferences: [holder] },
});
const infra = held(anInfraMachine(cluster, 'demo-1'));
const runs = held(
  anInfraMachine(
    cluster,
    'demo-1',
    { initialization: { provisioned: true }, addresses: [{ type: 'InternalIP', address: '10.0.0.1' }] },
    { providerID: 'fake:///1', failureDomain: 'a' },
  ),
);
const config: KubeObject = held({ ...aKubeadmConfig(machine), metadata: { ...aKubeadmConfig(machine).metadata } });
const rendered = { ...config, status: { dataSecretName: 'demo-1', initialization: { dataSecretCreated: true } } };
const node = {
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name: 'node-1' },
  spec: { providerID: 'fake:///1' },
  status: {
    conditions: [{ type: 'Ready', status: 'True' }],
    nodeInfo: { kubeletVersion: 'v1.34.4', fromTheFuture: 'x' },
  },
};
const beside = [cluster, set, anInfraCluster(cluster)];
const starting = () => activityWorld({ objects: [...beside, machine, infra, config] });
function running(): ActivityWorld {
  const world = activityWorld({ objects: [...beside, machine, runs, rendered] });
  world.workload.put(node as KubeObject);
  return world;
}
const stored = (world: ActivityWorld): Machine => world.kube.peek<Machine>(KINDS.Machine, machine.metadata) as Machine;
const infraOf = (world: ActivityWorld) => world.kube.peek(KINDS.AWSMachine, infra.metadata);

describe('a look at a machine', () => {
  test('that is absent, or of a younger one of its name, changes nothing', async () => {
    const world = activityWorld({ objects: [{ ...machine, metadata: { ...machine.metadata, uid: 'younger' } }] });
    expect(await writesOf(world.kube, () => assessMachine(world.deps, key))).toBe(0);
    await expect(assessMachine(world.deps, key)).resolves.toMatchObject({ exists: false });
  });

  test('links its children, which its set held until then', async () => {
    const world = starting();
    await expect(assessMachine(world.deps, key)).resolves.toMatchObject({
      exists: true,
      provider: 'fake',
      cloudQueue: 'fake-eu-west-1',
      infrastructureReady: true,
      controlPlaneInitialized: true,
      bootstrapReady: false,
      provisioned: false,
      hasNode: false,
    });
    expect(stored(world).metadata.finalizers).toEqual([FINALIZER.Machine]);
    const controller = ownerReference(machine, { controller: true });
    expect(infraOf(world)?.metadata).toMatchObject({
      ownerReferences: [controller],
      finalizers: [FINALIZER.AWSMachine],
      labels: { [LABEL.clusterName]: 'demo' },
      annotations: { [ANNOTATION.id]: expect.stringMatching(/^[0-9a-f]{16}$/) },
    });
    const linked = world.kube.peek(KINDS.KubeadmConfig, config.metadata)?.metadata;
    expect(linked?.ownerReferences).toEqual([controller]);
    expect(linked?.finalizers).toBeUndefined();
  });

  test('takes over what its children found out, and the node', async () => {
    const world = running();
    await expect(assessMachine(world.deps, key)).resolves.toMatchObject({
      bootstrapReady: true,
      provisioned: true,
      hasNode: true,
      nodeReady: true,
      ready: true,
      available: true,
      availableInSeconds: 0,
    });
    expect(stored(world).spec).toMatchObject({
      providerID: 'fake:///1',
      failureDomain: 'a',
      bootstrap: { configRef: { kind: 'KubeadmConfig' }, dataSecretName: 'demo-1' },
    });
    expect(stored(world).status).toMatchObject({ phase: 'Running', nodeRef: { name: 'node-1' } });
    expect(stored(world).status?.nodeInfo).toEqual({ kubeletVersion: 'v1.34.4' });
  });

  test('writes nothing when nothing changed', async () => {
    for (const world of [
      starting(),
      running(),
      activityWorld({ objects: [machine] }),
      activityWorld({ objects: [cluster, machine] }),
    ]) {
      await assessMachine(world.deps, key);
      world.now = '2026-02-02T00:00:00Z';
      expect(await writesOf(world.kube, () => assessMachine(world.deps, key))).toBe(0);
    }
  });

  test.each([
    ['starting', starting],
    ['running', running],
  ])('of a %s one, killed after any write and run again, comes to the same', async (_, make) => {
    const writes = await killedAfterEachWrite(
      make,
      ({ deps }) => assessMachine(deps, key),
      (after, undisturbed, n) => expect({ n, after }).toEqual({ n, after: undisturbed }),
    );
    expect(writes).toBeGreaterThanOrEqual(4);
  });

  test('does not ask for nodes before the control plane is initialized', async () => {
    const world = running();
    world.kube.put({ ...cluster, status: { conditions: [] } } as Cluster);
    await expect(assessMachine(world.deps, key)).resolves.toMatchObject({ hasNode: false });
    expect(world.workload.calls).toEqual([]);
  });

  test('tells "cannot ask" from "gone"', async () => {
    const world = running();
    await assessMachine(world.deps, key);
    const silent = activityWorld({
      objects: world.kube.all(),
      unreachable: new PerdureError('Transient', 'no route to host'),
    });
    silent.now = '2026-01-01T00:04:59Z';
    await expect(assessMachine(silent.deps, key)).resolves.toMatchObject({ nodeReady: true, holdsForSeconds: 1 });
    expect(verdicts(stored(silent).status)['NodeHealthy']).toBe('True NodeHealthy');
    silent.now = '2026-01-01T00:05:00Z';
    const facts = await assessMachine(silent.deps, key);
    expect(facts).toMatchObject({ hasNode: true, nodeReady: false });
    expect(facts.holdsForSeconds).toBeUndefined();
    expect(verdicts(stored(silent).status)['NodeHealthy']).toBe('Unknown ConnectionDown');
    world.workload.remove(KINDS.Node, { name: 'node-1' });
    await assessMachine(world.deps, key);
    expect(verdicts(stored(world).status)['NodeHealthy']).toBe('False NodeDeleted');
  });

  test('keeps the node in step with the labels and taints of the machine, not while paused', async () => {
    const world = running();
    await assessMachine(world.deps, key);
    const seen = () =>
      world.workload.peek<KubeObject & { spec?: { taints?: unknown } }>(KINDS.Node, { name: 'node-1' });
    const change = (pool: string, paused: boolean): void => {
      const now = stored(world);
      const labels = { ...now.metadata.labels, 'node.cluster.x-k8s.io/pool': pool };
      const annotations = { ...now.metadata.annotations, ...(paused ? { [ANNOTATION.paused]: '' } : {}) };
      const taints = [{ key: 'k', effect: 'NoSchedule', propagation: 'Always' }] as const;
      world.kube.put({
        ...now,
        metadata: { ...now.metadata, labels, annotations },
        spec: { ...now.spec, taints: [...taints] },
      });
    };
    change('a', false);
    await assessMachine(world.deps, key);
    expect(seen()?.metadata.labels).toMatchObject({ 'node.cluster.x-k8s.io/pool': 'a' });
    expect(seen()?.spec?.taints).toEqual([{ key: 'k', effect: 'NoSchedule' }]);
    expect(seen()?.metadata.annotations).toMatchObject({ 'cluster.x-k8s.io/machine': 'demo-1' });
    change('b', true);
    await assessMachine(world.deps, key);
    expect(seen()?.metadata.labels).toMatchObject({ 'node.cluster.x-k8s.io/pool': 'a' });
  });

  test('taints the node while the machine is of an outdated revision, and leaves it when nobody can tell', async () => {
    const world = running();
    const deployment = aMachineDeployment(cluster);
    const labels = { ...machine.metadata.labels, [LABEL.deploymentName]: deployment.metadata.name };
    world.kube.put({ ...machine, metadata: { ...machine.metadata, labels } });
    await assessMachine(world.deps, key);
    const taintsAt = async (ofSet: string, ofDeployment: string): Promise<unknown> => {
      const annotated = (revision: string) => ({ annotations: { [ANNOTATION.revision]: revision } });
      const ownerReferences = [ownerReference(deployment, { controller: true })];
      world.kube.put({ ...deployment, metadata: { ...deployment.metadata, ...annotated(ofDeployment) } });
      world.kube.put({ ...set, metadata: { ...set.metadata, ownerReferences, ...annotated(ofSet) } });
      await assessMachine(world.deps, key);
      return readPath(world.workload.peek(KINDS.Node, { name: 'node-1' }), 'spec.taints');
    };
    const taint = { key: 'node.cluster.x-k8s.io/outdated-revision', effect: 'PreferNoSchedule' };
    expect(await taintsAt('1', '1')).toBeUndefined();
    expect(await taintsAt('1', '2')).toEqual([taint]);
    world.kube.remove(KINDS.MachineDeployment, deployment.metadata);
    expect(await writesOf(world.workload, () => assessMachine(world.deps, key))).toBe(0);
    expect(await taintsAt('3', '2')).toEqual([]);
  });

  test('does not take the nodes of a cluster that goes for deleted', async () => {
    const world = running();
    await assessMachine(world.deps, key);
    world.kube.put({ ...cluster, metadata: { ...cluster.metadata, deletionTimestamp: NOW, finalizers: ['x'] } });
    await expect(assessMachine(world.deps, key)).resolves.toMatchObject({ clusterDeleting: true });
    expect(verdicts(stored(world).status)['NodeHealthy']).toBe('Unknown ConnectionDown');
  });

  test('that is cancelled ends, instead of reporting a lost connection', async () => {
    const world = running();
    world.workload.before(() => {
      world.cancel();
      throw new Error('socket closed');
    });
    await expect(assessMachine(world.deps, key)).rejects.toMatchObject({ name: 'AbortError' });
  });

  test('makes the Cluster own a machine that nobody controls', async () => {
    const { ownerReferences: _, ...metadata } = machine.metadata;
    const world = activityWorld({ objects: [...beside, { ...machine, metadata }, infra] });
    await assessMachine(world.deps, key);
    expect(stored(world).metadata.ownerReferences).toEqual([ownerReference(cluster, { controller: false })]);
  });
});

describe('a paused machine', () => {
  test('gets its Paused condition and nothing else, nor do its children', async () => {
    const paused = { ...machine, metadata: { ...machine.metadata, annotations: { [ANNOTATION.paused]: '' } } };
    const world = activityWorld({ objects: [...beside, paused, runs, rendered] });
    const before = snapshot(world.kube);
    await expect(assessMachine(world.deps, key)).resolves.toMatchObject({ paused: true });
    const after = snapshot(world.kube);
    const of = 'Machine/default/demo-1';
    expect(verdicts((after[of] as Machine).status)).toEqual({ Paused: 'True Paused' });
    expect({ ...after, [of]: { ...after[of], status: undefined } }).toEqual({
      ...before,
      [of]: { ...before[of], status: undefined },
    });
  });
});

describe('a deleting machine', () => {
  const going: Machine = {
    ...machine,
    metadata: { ...machine.metadata, deletionTimestamp: NOW, finalizers: ['theirs'] },
  };

  test('and its children get no finalizers, owners or copies any more', async () => {
    const world = activityWorld({ objects: [...beside, going, runs, rendered] });
    const deletion = { reason: 'DeletingNode', message: 'node-1' };
    await expect(assessMachine(world.deps, key, deletion)).resolves.toMatchObject({ deleting: true, provider: 'fake' });
    expect(stored(world).metadata.finalizers).toEqual(['theirs']);
    expect(stored(world).spec).toEqual(machine.spec);
    expect(infraOf(world)).toEqual(
      expect.objectContaining({ metadata: expect.objectContaining({ ownerReferences: [holder] }) }),
    );
    expect(verdicts(stored(world).status)['Deleting']).toBe('True DeletingNode');
  });

  test('has no account to be deleted from once the infra cluster is gone', async () => {
    const world = activityWorld({ objects: [cluster, going, runs] });
    const facts = await assessMachine(world.deps, key);
    expect(facts).toMatchObject({ deleting: true, cloudQueue: '' });
    expect(facts).not.toHaveProperty('provider');
  });
});

describe("another machine's infra machine", () => {
  const theirs = (owner: Partial<OwnerReference>): KubeObject => ({
    ...runs,
    metadata: {
      ...infra.metadata,
      ownerReferences: [
        {
          apiVersion: 'cluster.x-k8s.io/v1beta2',
          kind: 'Machine',
          name: 'other',
          uid: 'x',
          controller: true,
          ...owner,
        },
      ],
    },
  });

  test('is refused: not linked, not believed, and told', async () => {
    const world = activityWorld({ objects: [...beside, machine, theirs({}), config] });
    const before = infraOf(world);
    await expect(assessMachine(world.deps, key)).resolves.toMatchObject({
      provisioned: false,
      failure: {
        type: 'OwnershipConflict',
        message: expect.stringContaining('AWSMachine demo-1 belongs to Machine other'),
      },
    });
    expect(infraOf(world)).toEqual(before);
    expect(stored(world).spec.providerID).toBeUndefined();
    expect(messageOf(stored(world).status, 'InfrastructureReady')).toContain('belongs to Machine other');
    expect(await writesOf(world.kube, () => assessMachine(world.deps, key))).toBe(0);
  });

  test('is taken when the other was this one before a restore', async () => {
    const world = activityWorld({ objects: [...beside, machine, theirs({ name: 'demo-1' }), config] });
    await expect(assessMachine(world.deps, key)).resolves.toMatchObject({ provisioned: true });
    expect(infraOf(world)?.metadata.ownerReferences).toEqual([ownerReference(machine, { controller: true })]);
  });
});
