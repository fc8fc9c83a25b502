import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Worker } from '@temporalio/worker';
import { NOTHING_TO_WAIT_FOR } from '../../src/domain/drain/outlook.js';
import type { MachineFacts, PoolFacts } from '../../src/domain/facts.js';
import { type InstanceFate, planInfraMachines, planPoolMachines } from '../../src/domain/plan/pool-machines.js';
import { changed, plan } from '../../src/workflows/messages.js';
import { LANES, laneId, WORKFLOW_QUEUE } from '../../src/workflows/names.js';
import { type FakeActivities, startTemporal, type TemporalServer, withWorkers } from '../helpers/temporal.js';

let server: TemporalServer;
beforeAll(async () => {
  server = await startTemporal();
}, 180_000);
afterAll(async () => {
  await server?.stop();
});

let serial = 0;
const newKey = () => ({ kind: 'MachinePool', namespace: 'default', name: `p${++serial}`, uid: `uid-${serial}` });

const facts = (change: Partial<PoolFacts> = {}): PoolFacts => ({
  exists: true,
  paused: false,
  deleting: false,
  generation: 1,
  cluster: 'default/c',
  attempt: 'a1',
  provider: 'fake',
  cloudQueue: 'cloud',
  clusterDeleting: false,
  infrastructureReady: true,
  controlPlaneInitialized: true,
  bootstrapReady: true,
  provisioned: true,
  desired: 2,
  replicas: 2,
  ready: 2,
  upToDate: 2,
  external: false,
  changes: [],
  ...change,
});

async function open(key: ReturnType<typeof newKey>, deleting = false) {
  return server.client.workflow.signalWithStart(LANES['MachinePool'] ?? '', {
    workflowId: laneId(key),
    taskQueue: WORKFLOW_QUEUE,
    args: [{ key }],
    signal: changed,
    signalArgs: [{ generation: 1, deleting, reason: 'created' }],
  });
}

const replays = async (id: string): Promise<void> => {
  const history = await server.client.workflow.getHandle(id).fetchHistory();
  await Worker.runReplayHistory({ workflowBundle: server.bundle }, history, id);
};

describe('the lane of a machine pool', () => {
  test('provisions it: bootstrap data, group, nodes, and ends', async () => {
    const key = newKey();
    let made = false;
    const activities: FakeActivities = {
      assessMachinePool: async () =>
        facts(made ? {} : { bootstrapReady: false, provisioned: false, replicas: 0, ready: 0 }),
      poolBootstrap: async () => ({ dataSecretName: 's' }),
      poolEnsure: async () => {
        made = true;
        return { changes: ['create group'] };
      },
      poolAwait: async () => facts(),
      poolLook: async () => facts(),
    };
    await withWorkers(server, 'cloud', activities, async (order) => {
      const handle = await open(key);
      await expect(handle.result()).resolves.toMatchObject({ outcome: 'Converged' });
      expect(order).toEqual(['assessMachinePool', 'poolBootstrap', 'poolEnsure', 'poolAwait']);
      await replays(laneId(key));
      await replays(`${laneId(key)}/ProvisionMachinePool/1-a1`);
    });
  });

  test('that finds its group changed updates it, told by what', async () => {
    const key = newKey();
    const looks = [facts({ changes: ['maxSize 3 to 5'] })];
    const activities: FakeActivities = {
      assessMachinePool: async () => facts(),
      poolLook: async () => looks.shift() ?? facts(),
      poolBootstrap: async () => ({ dataSecretName: 's' }),
      poolEnsure: async () => ({ changes: ['maxSize 3 to 5'] }),
      poolAwait: async () => facts(),
    };
    await withWorkers(server, 'cloud', activities, async (order) => {
      const handle = await open(key);
      await expect(handle.result()).resolves.toMatchObject({ outcome: 'Converged' });
      expect(order).toEqual(['assessMachinePool', 'poolLook', 'poolBootstrap', 'poolEnsure', 'poolAwait']);
      const operation = server.client.workflow.getHandle(`${laneId(key)}/UpdateMachinePool/1-a1`);
      await expect((await operation.describe()).staticSummary()).resolves.toBe(`default/${key.name}: maxSize 3 to 5`);
    });
  });

  test('drops the wait for nodes when the spec changes, and deletes in order when it is to go', async () => {
    const key = newKey();
    const state = { generation: 1, deleting: false };
    const waiting: PoolFacts[] = [];
    const activities: FakeActivities = {
      assessMachinePool: async () => facts({ ...state, provisioned: false, attempt: `a${state.generation}` }),
      poolBootstrap: async () => ({ dataSecretName: 's' }),
      poolEnsure: async () => ({ changes: [] }),
      poolAwait: async () => {
        const { Context } = await import('@temporalio/activity');
        const { cancellationSignal, cancelled, heartbeat } = Context.current();
        waiting.push(facts());
        for (const timer = setInterval(() => heartbeat(), 50); ; ) {
          cancellationSignal.addEventListener('abort', () => clearInterval(timer));
          await cancelled;
        }
      },
      poolDelete: async () => undefined,
      poolRemoveObjects: async () => undefined,
    };
    await withWorkers(server, 'cloud', activities, async (order) => {
      const handle = await open(key);
      await until(() => waiting.length === 1);
      state.generation = 2;
      await handle.signal(changed, { generation: 2, deleting: false, reason: 'spec changed' });
      await until(() => waiting.length === 2);
      expect((await handle.query(plan))[0]).toContain('ProvisionMachinePool');
      state.deleting = true;
      await handle.signal(changed, { generation: 2, deleting: true, reason: 'deletion requested' });
      await expect(handle.result()).resolves.toMatchObject({ outcome: 'Deleted' });
      expect(order.slice(-2)).toEqual(['poolDelete', 'poolRemoveObjects']);
      await replays(laneId(key));
    });
  });
});

/** A group that keeps up its capacity by itself, and a pool that keeps a Machine per instance, as its planners say. */
class GroupWorld {
  readonly key = newKey();
  readonly instances = new Map<string, InstanceFate>();
  /** By name, which is that of the instance too. */
  readonly machines = new Map<string, { deleting: boolean }>();
  wanted: number;
  capacity: number;
  provisioned = true;
  deleting = false;
  #launched = 0;

  constructor(wanted: number, capacity: number) {
    this.wanted = wanted;
    this.capacity = capacity;
    this.launch();
    this.sync();
  }

  launch(): void {
    while (this.instances.size < this.capacity) this.instances.set(`i-${++this.#launched}`, 'member');
  }

  /** One look: Machines for instances, and the deletion of those whose instance goes. */
  sync(): PoolFacts {
    const views = [...this.machines].map(([name, { deleting }]) => ({ name, deleting, instance: name }));
    const { create, retire } = planInfraMachines(this.instances, views);
    const infra = [...views, ...create.map((name) => ({ name, deleting: false, instance: name }))];
    const plan = planPoolMachines(
      views.map((v) => ({ name: v.name, infra: v.name, deleting: v.deleting })),
      infra,
    );
    for (const name of plan.create) this.machines.set(name, { deleting: false });
    for (const name of [...retire, ...plan.remove]) this.machines.set(name, { deleting: true });
    return this.facts();
  }

  facts(): PoolFacts {
    const ready = [...this.machines.values()].filter((m) => !m.deleting).length;
    const { provisioned, deleting, wanted: desired } = this;
    return facts({
      provisioned,
      bootstrapReady: provisioned,
      deleting,
      desired,
      replicas: this.instances.size,
      ready,
      upToDate: this.instances.size,
    });
  }

  activities(): FakeActivities {
    const nameOf = ({ key }: { readonly key: { readonly name: string } }): string => key.name;
    return {
      assessMachinePool: async () => this.facts(),
      poolLook: async () => this.sync(),
      poolBootstrap: async () => ({ dataSecretName: 's' }),
      poolEnsure: async () => {
        this.provisioned = true;
        this.launch();
        return { changes: ['create group'] };
      },
      poolAwait: async () => this.sync(),
      poolDelete: async () => this.instances.clear(),
      poolRemoveObjects: async () => this.machines.clear(),
      assessMachine: async (input) => machineFacts(this.machines.get(nameOf(input)), this.instances.get(nameOf(input))),
      awaitDeletionStage: async () => ({ next: NOTHING_TO_WAIT_FOR }),
      machineDeleteInstance: async (input) => {
        // the group ends it with its place when there are too many, and makes another one otherwise
        if (this.instances.get(nameOf(input)) === 'member' && this.capacity > this.wanted) this.capacity--;
        this.instances.delete(nameOf(input));
        this.launch();
      },
      machineRemoveObjects: async (input) => {
        this.machines.delete(nameOf(input));
      },
    };
  }

  /** What the bridge does when a Machine is to go. */
  async deleteMachine(name: string): Promise<unknown> {
    this.machines.set(name, { deleting: true });
    const key = { kind: 'Machine', namespace: 'default', name, uid: `${this.key.uid}-${name}` };
    const handle = await server.client.workflow.signalWithStart(LANES['Machine'] ?? '', {
      workflowId: laneId(key),
      taskQueue: WORKFLOW_QUEUE,
      args: [{ key }],
      signal: changed,
      signalArgs: [{ generation: 1, deleting: true, reason: 'deletion requested' }],
    });
    return handle.result();
  }
}

const machineFacts = (
  machine: { deleting: boolean } | undefined,
  instance: InstanceFate | undefined,
): MachineFacts => ({
  exists: machine !== undefined,
  paused: false,
  deleting: machine?.deleting ?? false,
  generation: 1,
  cluster: 'default/c',
  attempt: 'a1',
  provider: 'fake',
  cloudQueue: 'cloud',
  controlPlane: false,
  clusterDeleting: false,
  infrastructureReady: true,
  controlPlaneInitialized: true,
  bootstrapReady: true,
  provisioned: true,
  hasNode: true,
  nodeReady: true,
  ready: true,
  available: true,
  availableInSeconds: 0,
  // a Node that nobody can ask is not drained
  deletion: { ...NOTHING_TO_WAIT_FOR, drain: instance !== undefined },
});

describe('the lane of a machine pool whose instances have Machines', () => {
  test('makes one per instance while it provisions the group, and ends when each is ready', async () => {
    const world = new GroupWorld(3, 0);
    Object.assign(world, { capacity: 3, provisioned: false });
    await withWorkers(server, 'cloud', world.activities(), async (order) => {
      const handle = await open(world.key);
      await expect(handle.result()).resolves.toMatchObject({ outcome: 'Converged' });
      expect(order).toEqual(['assessMachinePool', 'poolBootstrap', 'poolEnsure', 'poolAwait']);
      expect([...world.machines.keys()]).toEqual(['i-1', 'i-2', 'i-3']);
      await replays(laneId(world.key));
    });
  });

  test.each<[string, capacity: number, left: string[]]>([
    ['goes down by it while the group has too many', 3, ['i-2', 'i-3']],
    ['makes another one where it has as many as are wanted', 2, ['i-2', 'i-3']],
  ])('loses the instance of a Machine that is deleted, drained first, and %s', async (_, capacity, left) => {
    const world = new GroupWorld(2, capacity);
    await withWorkers(server, 'cloud', world.activities(), async (order) => {
      await expect(world.deleteMachine('i-1')).resolves.toMatchObject({ outcome: 'Deleted' });
      expect(order.slice(-3)).toEqual(['awaitDeletionStage', 'machineDeleteInstance', 'machineRemoveObjects']);
      order.length = 0;
      await expect((await open(world.key)).result()).resolves.toMatchObject({ outcome: 'Converged' });
      // what the group does by itself is no operation of the pool
      expect(order).toEqual(['assessMachinePool', 'poolLook']);
      expect([...world.machines.keys()]).toEqual(left);
      expect(world.capacity).toBe(2);
    });
  });

  test('deletes the Machine of an instance that its group ends, and waits for the next one', async () => {
    const world = new GroupWorld(2, 2);
    world.instances.set('i-1', 'going');
    await withWorkers(server, 'cloud', world.activities(), async (order) => {
      const handle = await open(world.key);
      await until(() => world.machines.get('i-1')?.deleting === true);
      await expect(world.deleteMachine('i-1')).resolves.toMatchObject({ outcome: 'Deleted' });
      expect(world.capacity).toBe(2);
      await handle.signal(changed, { generation: 1, deleting: false, reason: 'a machine is gone' });
      await expect(handle.result()).resolves.toMatchObject({ outcome: 'Converged' });
      expect([...world.machines.keys()]).toEqual(['i-2', 'i-3']);
      expect(order).not.toContain('poolEnsure');
      await replays(laneId(world.key));
    });
  });

  test('that is deleted ends all instances at once, then their Machines, none of which is drained', async () => {
    const world = new GroupWorld(2, 2);
    world.deleting = true;
    await withWorkers(server, 'cloud', world.activities(), async (order) => {
      await expect((await open(world.key, true)).result()).resolves.toMatchObject({ outcome: 'Deleted' });
      expect(order).toEqual(['assessMachinePool', 'poolDelete', 'poolRemoveObjects']);
      expect(world.instances.size + world.machines.size).toBe(0);
      await replays(laneId(world.key));
    });
  });
});

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 20));
}
