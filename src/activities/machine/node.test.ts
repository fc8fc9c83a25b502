import { afterEach, describe, expect, jest, test } from '@jest/globals';
import {
  type ActivityWorld,
  activityWorld,
  keyOf,
  NOW,
  type WorldOptions,
} from '../../../test/helpers/activity-world.js';
import { aCluster, aKubeadmConfig, aMachine } from '../../../test/helpers/fake-objects.js';
import { anInfraCluster, anInfraMachine, infraRef } from '../../../test/helpers/fake-owners.js';
import { fakeProvider } from '../../../test/helpers/fake-provider.js';
import type { Machine } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import type { KubeObject } from '../../api/types/meta.js';
import { PerdureError } from '../../domain/errors.js';
import type { InstanceState } from '../providers/port.js';
import { awaitMachineNode } from './node.js';

const initialized = {
  type: 'ControlPlaneInitialized',
  status: 'True',
  reason: 'I',
  message: '',
  lastTransitionTime: NOW,
} as const;
const cluster = aCluster({
  spec: { infrastructureRef: infraRef('AWSCluster', 'demo') },
  status: { initialization: { infrastructureProvisioned: true }, conditions: [initialized] },
});
const machine = aMachine(cluster, { spec: { providerID: 'fake:///1' } });
const key = keyOf(machine);
const infra = anInfraMachine(cluster, 'demo-1', { initialization: { provisioned: true } }, { providerID: 'fake:///1' });
const config = {
  ...aKubeadmConfig(machine),
  status: { dataSecretName: 'demo-1', initialization: { dataSecretCreated: true } },
} as KubeObject;
const node = (ready: 'True' | 'False'): KubeObject =>
  ({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'node-1' },
    spec: { providerID: 'fake:///1', taints: [{ key: 'node.cluster.x-k8s.io/uninitialized', effect: 'NoSchedule' }] },
    status: { conditions: [{ type: 'Ready', status: ready, message: 'no CNI' }] },
  }) as KubeObject;

function world(options: WorldOptions = {}): ActivityWorld {
  return activityWorld({ objects: [cluster, anInfraCluster(cluster), machine, infra, config], ...options });
}

/** Makes each look at the clock a minute later than the one before. */
function hurry(): void {
  let now = Date.now();
  jest.spyOn(Date, 'now').mockImplementation(() => {
    now += 60_001;
    return now;
  });
}
afterEach(() => void jest.restoreAllMocks());

const seen = (state: InstanceState) =>
  fakeProvider({
    observeInstance: async () => ({ state, providerID: 'fake:///1', addresses: [], console: 'kubeadm: timed out' }),
  });

describe('waiting for the node of a machine', () => {
  test('marks the node as soon as it is there, and ends when it is ready', async () => {
    const w = world();
    const turns = [
      () => w.workload.put(node('False')),
      () =>
        w.workload.put({
          ...(w.workload.peek(KINDS.Node, { name: 'node-1' }) as KubeObject),
          status: { conditions: [{ type: 'Ready', status: 'True' }] },
        } as KubeObject),
    ];
    w.onBeat = () => void turns.shift()?.();
    await expect(awaitMachineNode(w.deps, key)).resolves.toMatchObject({ hasNode: true, nodeReady: true, ready: true });
    expect(w.beats).toEqual([
      'waiting for the node to join',
      "waiting for node node-1 and the machine's readiness gates to be Ready",
    ]);
    const marked = w.workload.peek<KubeObject & { spec: { taints?: unknown[] } }>(KINDS.Node, { name: 'node-1' });
    expect(marked?.metadata.annotations).toMatchObject({ 'cluster.x-k8s.io/machine': 'demo-1' });
    expect(marked?.spec.taints).toEqual([]);
    expect(w.kube.peek<Machine>(KINDS.Machine, machine.metadata)?.status).toMatchObject({
      nodeRef: { name: 'node-1' },
      phase: 'Running',
    });
  });

  test('tells why the workload cluster cannot be asked, and goes on', async () => {
    const w = world({ unreachable: new PerdureError('Transient', 'no route to host') });
    w.onBeat = w.cancel;
    await expect(awaitMachineNode(w.deps, key)).rejects.toMatchObject({ name: 'AbortError' });
    expect(w.beats).toEqual(['no route to host']);
  });

  test('ends with the machine or its cluster', async () => {
    for (const objects of [[], [machine, infra, config]]) {
      const w = world({ objects });
      await awaitMachineNode(w.deps, key);
      expect(w.beats).toEqual([]);
    }
  });

  test('explains a machine that does not join with its console, on the Machine and as an Event', async () => {
    hurry();
    const w = world({ provider: seen('running') });
    w.onBeat = (details) => {
      if (details.includes('console')) w.workload.put(node('True'));
    };
    await awaitMachineNode(w.deps, key);
    expect(w.beats.at(-1)).toMatch(/; no node \d+ s after the instance started; its console ends: kubeadm: timed out$/);
    expect(w.events).toContain('NodeNotJoined Machine/demo-1');
  });

  test('fails when the instance has died', async () => {
    hurry();
    await expect(awaitMachineNode(world({ provider: seen('terminated') }).deps, key)).rejects.toMatchObject({
      type: 'BootstrapFailed',
      message: expect.stringContaining('is terminated and never became a node; delete the Machine to replace it'),
    });
  });

  test('fails when several nodes claim to be the machine', async () => {
    const w = world();
    for (const name of ['a', 'b']) w.workload.put({ ...node('True'), metadata: { name } });
    await expect(awaitMachineNode(w.deps, key)).rejects.toMatchObject({ type: 'InvalidConfiguration' });
  });
});
