import { describe, expect, test } from '@jest/globals';
import { type ActivityWorld, activityWorld, keyOf, NOW } from '../../../test/helpers/activity-world.js';
import { aCluster, aMachine } from '../../../test/helpers/fake-objects.js';
import { anInfraCluster, anInfraMachine, infraRef } from '../../../test/helpers/fake-owners.js';
import { fakeProvider } from '../../../test/helpers/fake-provider.js';
import { verdicts } from '../../../test/helpers/status-checks.js';
import type { Machine } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import type { KubeObject } from '../../api/types/meta.js';
import { ownerReference } from '../../domain/contract.js';
import { ANNOTATION, FINALIZER } from '../../domain/names.js';
import type { InstanceState } from '../providers/port.js';
import { machineAwaitInstance, machineCreateInstance, machineDeleteInstance } from './machine.js';

const cluster = aCluster({ spec: { infrastructureRef: infraRef('AWSCluster', 'demo') } });
const machine = aMachine(cluster);
const key = keyOf(machine);
const infra = anInfraMachine(cluster, 'demo-1');
const going = (object: Machine): Machine => ({
  ...object,
  metadata: { ...object.metadata, deletionTimestamp: NOW, finalizers: ['x'] },
});
const theirs: KubeObject = {
  ...infra,
  metadata: {
    ...infra.metadata,
    ownerReferences: [ownerReference(aMachine(cluster, { name: 'other' }), { controller: true })],
  },
};
const fresh = () => activityWorld({ objects: [cluster, anInfraCluster(cluster), machine, infra] });
const idOf = (world: ActivityWorld): string =>
  world.kube.peek(KINDS.AWSMachine, infra.metadata)?.metadata.annotations?.[ANNOTATION.id] ?? '';
const methods = (world: ActivityWorld): string[] => world.provider.calls.map((c) => c.method);

/** A provider whose instance goes through `states`, one at each look. */
function lively(method: 'observeInstance' | 'deleteInstance', ...states: InstanceState[]) {
  const left = [...states];
  return fakeProvider({
    [method]: async () => ({
      state: left.shift() ?? 'absent',
      providerID: 'fake:///1',
      addresses: [],
      console: 'kernel panic',
    }),
  });
}

describe('an instance', () => {
  test('is made once, under the identity that its infra machine has from then on', async () => {
    const world = fresh();
    const first = await machineCreateInstance(world.deps, key);
    expect(first.providerID).toBe(`fake:///${idOf(world)}`);
    await expect(machineCreateInstance(world.deps, key)).resolves.toEqual(first);
    expect(world.provider.instances.size).toBe(1);
  });

  test.each<[string, KubeObject[], string]>([
    ['does not exist', [cluster, machine], 'NotFound'],
    ['belongs to another Machine', [cluster, machine, theirs], 'OwnershipConflict'],
    ['has lost its Cluster', [machine, infra], 'NotFound'],
  ])('is not made for an infra machine that %s', async (_, objects, type) => {
    const world = activityWorld({ objects });
    await expect(machineCreateInstance(world.deps, key)).rejects.toMatchObject({ type });
    expect(world.provider.calls).toEqual([]);
  });

  test('is waited for until it runs; then what a sweep found is settled', async () => {
    const provider = lively('observeInstance', 'pending', 'pending', 'running');
    const drifted = { ...machine, metadata: { ...machine.metadata, annotations: { [ANNOTATION.drift]: 'gone' } } };
    const world = activityWorld({ objects: [cluster, anInfraCluster(cluster), drifted, infra], provider });
    await expect(machineAwaitInstance(world.deps, key)).resolves.toEqual({ providerID: 'fake:///1', state: 'running' });
    expect(world.beats).toEqual(['pending', 'pending', 'running'].map((s) => `instance fake:///1 is ${s}`));
    const stored = world.kube.peek<Machine>(KINDS.Machine, machine.metadata);
    expect(stored?.metadata.annotations).not.toHaveProperty(ANNOTATION.drift);
    expect(stored?.status?.phase).toBe('Pending');
  });

  test.each<InstanceState>(['stopped', 'terminated', 'absent'])(
    'that is %s will not run: its console says why',
    async (state) => {
      const world = activityWorld({ objects: [cluster, machine, infra], provider: lively('observeInstance', state) });
      await expect(machineAwaitInstance(world.deps, key)).rejects.toMatchObject({
        type: 'BootstrapFailed',
        message: expect.stringMatching(/delete the Machine to replace it.*kernel panic/),
      });
    },
  );

  test('is not waited for any longer once that is cancelled', async () => {
    const world = activityWorld({
      objects: [cluster, machine, infra],
      provider: lively('observeInstance', 'pending', 'pending'),
    });
    world.onBeat = world.cancel;
    await expect(machineAwaitInstance(world.deps, key)).rejects.toMatchObject({ name: 'AbortError' });
  });
});

describe('the end of an instance', () => {
  test('is waited for, and told on the Machine', async () => {
    const provider = lively('deleteInstance', 'terminating', 'terminating', 'terminated');
    const world = activityWorld({ objects: [cluster, anInfraCluster(cluster), going(machine), infra], provider });
    await machineDeleteInstance(world.deps, key);
    const status = world.kube.peek<Machine>(KINDS.Machine, machine.metadata)?.status;
    expect(verdicts(status)['Deleting']).toBe('True WaitingForInfrastructureDeletion');
    expect(world.beats).toEqual(['instance fake:///1 is terminating', 'instance fake:///1 is terminating']);
  });

  test('is told on the infra machine before the instance goes; one that would be gone at once is left as it is', async () => {
    expect.assertions(2);
    const held = { ...infra, metadata: { ...infra.metadata, finalizers: [FINALIZER.AWSMachine] } };
    for (const [object, marked] of [
      [held, true],
      [infra, false],
    ] as const) {
      const provider = fakeProvider({
        deleteInstance: async (ctx) => {
          const stored = world.kube.peek(KINDS.AWSMachine, ctx.infraMachine.metadata);
          expect(stored?.metadata.deletionTimestamp !== undefined).toBe(marked);
          return { state: 'absent', addresses: [] };
        },
      });
      const world = activityWorld({ objects: [cluster, anInfraCluster(cluster), going(machine), object], provider });
      await machineDeleteInstance(world.deps, key);
    }
  });

  test('is the same twice', async () => {
    const world = fresh();
    await machineCreateInstance(world.deps, key);
    world.kube.put(going(world.kube.peek<Machine>(KINDS.Machine, machine.metadata) as Machine));
    await machineDeleteInstance(world.deps, key);
    await machineDeleteInstance(world.deps, key);
    expect([...world.provider.instances.values()].map((i) => i.state)).toEqual(['terminated']);
  });

  test('is looked for even when the infra machine was deleted before it got an identity', async () => {
    const world = activityWorld({ objects: [cluster, going(machine), infra] });
    await machineDeleteInstance(world.deps, key);
    expect(methods(world)).toEqual(['deleteInstance']);
    expect(idOf(world)).not.toBe('');
  });

  test.each<[string, KubeObject[]]>([
    ['a Machine that is gone', []],
    ['an infra machine that is gone', [cluster, going(machine)]],
    ["another Machine's infra machine", [cluster, going(machine), theirs]],
  ])('is nothing to do for %s', async (_, objects) => {
    const world = activityWorld({ objects });
    await machineDeleteInstance(world.deps, key);
    expect(world.provider.calls).toEqual([]);
  });

  test('is not claimed when the Cluster is gone and nobody can tell', async () => {
    const world = activityWorld({ objects: [going(machine), infra] });
    await expect(machineDeleteInstance(world.deps, key)).rejects.toMatchObject({ type: 'NotFound' });
  });
});
