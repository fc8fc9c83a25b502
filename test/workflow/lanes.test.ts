import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Context } from '@temporalio/activity';
import { Worker } from '@temporalio/worker';
import { NOTHING_TO_WAIT_FOR } from '../../src/domain/drain/outlook.js';
import { PerdureError } from '../../src/domain/errors.js';
import type { ClusterFacts, MachineFacts, RecordedFailure, SetFacts } from '../../src/domain/facts.js';
import { changed } from '../../src/workflows/messages.js';
import { laneId, WORKFLOW_QUEUE } from '../../src/workflows/names.js';
import { type FakeActivities, startTemporal, type TemporalServer, withWorkers } from '../helpers/temporal.js';

let server: TemporalServer;
beforeAll(async () => {
  server = await startTemporal();
}, 180_000);
afterAll(async () => {
  await server?.stop();
});

let serial = 0;
const newKey = (kind: string) => ({ kind, namespace: 'default', name: `o${++serial}`, uid: `uid-${serial}` });

const machine = (facts: Partial<MachineFacts> = {}): MachineFacts => ({
  exists: true,
  paused: false,
  deleting: false,
  generation: 1,
  cluster: 'default/c',
  attempt: 'a1',
  provider: 'fake',
  cloudQueue: 'cloud',
  controlPlane: false,
  clusterDeleting: false,
  infrastructureReady: true,
  controlPlaneInitialized: true,
  bootstrapReady: false,
  provisioned: false,
  hasNode: false,
  nodeReady: false,
  ready: false,
  available: false,
  availableInSeconds: 0,
  ...facts,
});

const running = machine({
  bootstrapReady: true,
  provisioned: true,
  hasNode: true,
  nodeReady: true,
  ready: true,
  available: true,
});

async function open(type: string, key: ReturnType<typeof newKey>) {
  return server.client.workflow.signalWithStart(type, {
    workflowId: laneId(key),
    taskQueue: WORKFLOW_QUEUE,
    args: [{ key }],
    signal: changed,
    signalArgs: [{ generation: 1, deleting: false, reason: 'created' }],
  });
}

/** Resolves when `promise` is resolved by an activity. */
function gate(): { readonly open: () => void; readonly opened: Promise<void> } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}

describe('a machine lane', () => {
  test('provisions a machine step by step and completes when it is a ready node', async () => {
    const key = newKey('Machine');
    let done = false;
    const activities: FakeActivities = {
      assessMachine: async () => (done ? running : machine()),
      machineBootstrap: async () => ({ dataSecretName: 's' }),
      machineCreateInstance: async () => ({ providerID: 'i-1' }),
      machineAwaitInstance: async () => ({ providerID: 'i-1', state: 'running' }),
      awaitMachineNode: async () => {
        done = true;
        return running;
      },
    };
    await withWorkers(server, 'cloud', activities, async (order) => {
      const handle = await open('machineLane', key);
      await expect(handle.result()).resolves.toMatchObject({ outcome: 'Converged', cycles: 2 });
      expect(order).toEqual([
        'assessMachine',
        'machineBootstrap',
        'machineCreateInstance',
        'machineAwaitInstance',
        'awaitMachineNode',
      ]);
      const history = await handle.fetchHistory();
      const child = server.client.workflow.getHandle(`${laneId(key)}/ProvisionMachine/1-a1`);
      const childHistory = await child.fetchHistory();
      expect((history.events?.length ?? 0) + (childHistory.events?.length ?? 0)).toBeLessThanOrEqual(60);
      await Worker.runReplayHistory({ workflowBundle: server.bundle }, history, laneId(key));
      await Worker.runReplayHistory({ workflowBundle: server.bundle }, childHistory, child.workflowId);
    });
  });

  test('waits at no cost: it ends while the infrastructure is not ready', async () => {
    const key = newKey('Machine');
    await withWorkers(
      server,
      'cloud',
      { assessMachine: async () => machine({ infrastructureReady: false }) },
      async () => {
        const handle = await open('machineLane', key);
        await expect(handle.result()).resolves.toMatchObject({ outcome: 'Waiting' });
        expect((await handle.fetchHistory()).events?.length).toBeLessThanOrEqual(12);
      },
    );
  });

  test('deletion pre-empts creation at once and then tears down', async () => {
    const key = newKey('Machine');
    const creating = gate();
    let deleting = false;
    let cancelled = false;
    let gone = false;
    const activities: FakeActivities = {
      assessMachine: async () => (gone ? { ...machine(), exists: false } : machine({ deleting })),
      machineBootstrap: async () => ({ dataSecretName: 's' }),
      machineCreateInstance: async () => {
        creating.open();
        try {
          await Context.current().cancelled;
        } catch (error) {
          cancelled = true;
          throw error;
        }
        return { providerID: '' };
      },
      machineDeleteInstance: async () => undefined,
      machineRemoveObjects: async () => {
        gone = true;
      },
    };
    await withWorkers(server, 'cloud', activities, async (order) => {
      const handle = await open('machineLane', key);
      await creating.opened;
      deleting = true;
      await server.client.workflow
        .getHandle(laneId(key))
        .signal(changed, { generation: 1, deleting: true, reason: 'deleted' });
      await expect(handle.result()).resolves.toMatchObject({ outcome: 'Deleted' });
      expect(cancelled).toBe(true);
      expect(order.slice(-3)).toEqual(['assessMachine', 'machineDeleteInstance', 'machineRemoveObjects']);
      await Worker.runReplayHistory({ workflowBundle: server.bundle }, await handle.fetchHistory(), laneId(key));
    });
  }, 60_000);

  test('a pause stops a deletion before its instance goes, and the end of the pause goes on with it', async () => {
    const key = newKey('Machine');
    const draining = gate();
    let paused = false;
    let drains = 0;
    const deletion = { ...NOTHING_TO_WAIT_FOR, drain: true };
    const activities: FakeActivities = {
      assessMachine: async () => machine({ deleting: true, paused, deletion }),
      awaitDeletionStage: async () => {
        if (++drains > 1) return { next: NOTHING_TO_WAIT_FOR };
        draining.open();
        for (const context = Context.current(); ; ) {
          context.heartbeat();
          await context.sleep(50);
        }
      },
      machineDeleteInstance: async () => undefined,
      machineRemoveObjects: async () => undefined,
    };
    const tell = () =>
      server.client.workflow.signalWithStart('machineLane', {
        workflowId: laneId(key),
        taskQueue: WORKFLOW_QUEUE,
        args: [{ key }],
        signal: changed,
        signalArgs: [{ generation: 1, deleting: true, paused, reason: 'changed' }],
      });
    await withWorkers(server, 'cloud', activities, async (order) => {
      const first = await tell();
      await draining.opened;
      paused = true;
      await tell();
      await expect(first.result()).resolves.toMatchObject({ outcome: 'Paused' });
      expect(order).not.toContain('machineDeleteInstance');
      await Worker.runReplayHistory({ workflowBundle: server.bundle }, await first.fetchHistory(), laneId(key));
      paused = false;
      await expect((await tell()).result()).resolves.toMatchObject({ outcome: 'Deleted' });
      expect(drains).toBe(2);
      expect(order.slice(-2)).toEqual(['machineDeleteInstance', 'machineRemoveObjects']);
    });
  });

  test('a user error ends the operation red, is recorded once, and is not tried again until something changed', async () => {
    const key = newKey('Machine');
    let failure: RecordedFailure | undefined;
    const activities: FakeActivities = {
      assessMachine: async () => machine({ bootstrapReady: true, ...(failure ? { failure } : {}) }),
      machineBootstrap: async () => ({ dataSecretName: 's' }),
      machineCreateInstance: async () => {
        throw new PerdureError(
          'InvalidConfiguration',
          'AWSMachine default/x: spec.instanceType t9.huge does not exist; choose another',
        );
      },
      recordFailure: async (input) => {
        failure = input.failure;
      },
    };
    await withWorkers(server, 'cloud', activities, async (order) => {
      const first = await open('machineLane', key);
      await expect(first.result()).resolves.toMatchObject({ outcome: 'Failed' });
      expect(failure).toMatchObject({ operation: 'ProvisionMachine', type: 'InvalidConfiguration', attempt: 'a1' });
      const child = await server.client.workflow.getHandle(`${laneId(key)}/ProvisionMachine/1-a1`).describe();
      expect(child.status.name).toBe('FAILED');
      const second = await open('machineLane', key);
      await second.result();
      expect(order.filter((a) => a === 'machineCreateInstance')).toHaveLength(1);
    });
  });

  test('a paused machine costs one assessment', async () => {
    const key = newKey('Machine');
    await withWorkers(server, 'cloud', { assessMachine: async () => machine({ paused: true }) }, async (order) => {
      const handle = await open('machineLane', key);
      await expect(handle.result()).resolves.toMatchObject({ outcome: 'Paused' });
      expect(order).toEqual(['assessMachine']);
    });
  });
});

const cluster = (facts: Partial<ClusterFacts> = {}): ClusterFacts => ({
  exists: true,
  paused: false,
  deleting: false,
  generation: 1,
  cluster: 'default/c',
  attempt: 'a1',
  hasInfrastructure: true,
  provider: 'fake',
  cloudQueue: 'cloud',
  infrastructureProvisioned: false,
  infrastructureStale: false,
  infrastructureDeleting: false,
  controlPlaneInitialized: false,
  available: false,
  complete: false,
  everAvailable: false,
  desired: { controlPlane: 1, workers: 1 },
  ...facts,
});

const TASKS = [
  { id: 'vpc', title: 'Ensure VPC', dependsOn: [] },
  { id: 'subnets', title: 'Ensure subnets', dependsOn: ['vpc'] },
  { id: 'gateway', title: 'Ensure gateway', dependsOn: ['vpc'] },
  { id: 'routes', title: 'Ensure routes', dependsOn: ['subnets', 'gateway'] },
];

describe('a cluster lane', () => {
  test('creates the infrastructure in the order of its graph and stays until the cluster is available', async () => {
    const key = newKey('Cluster');
    let available = false;
    const ensured: string[] = [];
    const activities: FakeActivities = {
      assessCluster: async () =>
        cluster(available ? { available: true, everAvailable: true, infrastructureProvisioned: true } : {}),
      infraGraph: async () => ({ tasks: TASKS }),
      infraEnsure: async ({ task }) => {
        ensured.push(task);
        return { changes: [] };
      },
      infraFinish: async () => undefined,
      awaitClusterAvailable: async () => {
        available = true;
        return cluster({ available: true, complete: true, everAvailable: true, infrastructureProvisioned: true });
      },
    };
    await withWorkers(server, 'cloud', activities, async () => {
      const handle = await open('clusterLane', key);
      await expect(handle.result()).resolves.toMatchObject({ outcome: 'Converged' });
      expect(ensured[0]).toBe('vpc');
      expect(ensured.at(-1)).toBe('routes');
      expect([...ensured].sort()).toEqual(['gateway', 'routes', 'subnets', 'vpc']);
    });
  });

  test('brings a change of the infrastructure to the cloud while the cluster is not available yet', async () => {
    const key = newKey('Cluster');
    const done = cluster({ available: true, complete: true, everAvailable: true, infrastructureProvisioned: true });
    const looks = [cluster({ infrastructureStale: true })];
    const activities: FakeActivities = {
      assessCluster: async () => cluster(),
      infraGraph: async () => ({ tasks: TASKS.slice(0, 1) }),
      infraEnsure: async () => ({ changes: [] }),
      infraFinish: async () => undefined,
      awaitClusterAvailable: async () => looks.shift() ?? done,
    };
    await withWorkers(server, 'cloud', activities, async (order) => {
      const handle = await open('clusterLane', key);
      await expect(handle.result()).resolves.toMatchObject({ outcome: 'Converged' });
      const round = ['infraGraph', 'infraEnsure', 'infraFinish', 'awaitClusterAvailable'];
      expect(order).toEqual(['assessCluster', ...round, ...round]);
    });
  });

  test('deletes workers, control plane, then the infrastructure in reverse, then the finalizer', async () => {
    const key = newKey('Cluster');
    const removed: string[] = [];
    const activities: FakeActivities = {
      assessCluster: async () => cluster({ deleting: true }),
      planDeletion: async () => ({ ask: false, claims: false, sweep: false }),
      deleteWorkers: async () => undefined,
      deleteControlPlane: async () => undefined,
      infraGraph: async () => ({ tasks: TASKS }),
      infraRemove: async ({ task }) => {
        removed.push(task);
      },
      clusterFinalize: async () => undefined,
    };
    await withWorkers(server, 'cloud', activities, async (order) => {
      const handle = await open('clusterLane', key);
      await expect(handle.result()).resolves.toMatchObject({ outcome: 'Deleted' });
      expect(removed[0]).toBe('routes');
      expect(removed.at(-1)).toBe('vpc');
      expect(order.filter((a) => a !== 'infraRemove')).toEqual([
        'assessCluster',
        'planDeletion',
        'deleteWorkers',
        'deleteControlPlane',
        'infraGraph',
        'clusterFinalize',
      ]);
    });
  });

  test('loses no signal: the last of many racing changes is always looked at', async () => {
    const key = newKey('Cluster');
    let seen = 0;
    let latest = 0;
    const activities: FakeActivities = {
      assessCluster: async () => {
        seen = latest;
        return cluster({ available: true, complete: true, everAvailable: true, infrastructureProvisioned: true });
      },
    };
    await withWorkers(server, 'cloud', activities, async () => {
      for (let i = 1; i <= 60; i++) {
        latest = i;
        await server.client.workflow.signalWithStart('clusterLane', {
          workflowId: laneId(key),
          taskQueue: WORKFLOW_QUEUE,
          args: [{ key }],
          signal: changed,
          signalArgs: [{ generation: i, deleting: false, reason: 'edit' }],
        });
      }
      await server.client.workflow.getHandle(laneId(key)).result();
      expect(seen).toBe(60);
    });
  });
});

describe('a machine set lane', () => {
  const set = (live: number, desired: number, generation: number): SetFacts => ({
    exists: true,
    paused: false,
    deleting: false,
    generation,
    cluster: 'default/c',
    attempt: 'a1',
    desired,
    live,
    available: live,
    leaving: [],
    step: { create: [], remove: Array.from({ length: live - desired }, (_, i) => `m${live - i}`) },
  });

  /** Sets that are one machine too big, `sizes` times one after another; `moves`: whether their operation changes anything. */
  const shrinking = (sizes: number, moves: boolean): { activities: FakeActivities; rounds: () => number } => {
    let live = sizes;
    let rounds = 0;
    const look = async (): Promise<SetFacts> =>
      rounds >= sizes ? set(live, live, sizes) : set(live, live - 1, moves ? rounds : 1);
    return {
      activities: {
        assessMachineSet: look,
        deleteMachines: async () => {
          rounds++;
          if (moves) live--;
        },
        awaitMachines: look,
      },
      rounds: () => rounds,
    };
  };
  const timersOf = async (id: string): Promise<number> =>
    ((await server.client.workflow.getHandle(id).fetchHistory()).events ?? []).filter(
      (e) => e.timerStartedEventAttributes,
    ).length;

  test.each([
    ['goes on at once when a rollout sizes it again and again', true, 0],
    ['rests when its operation ends well and yet leaves the same need', false, 1],
  ])('%s', async (_, moves, timers) => {
    const key = newKey('MachineSet');
    const { activities, rounds } = shrinking(moves ? 7 : 4, moves);
    await withWorkers(server, 'cloud', activities, async () => {
      await expect((await open('machineSetLane', key)).result()).resolves.toMatchObject({ outcome: 'Converged' });
      expect(rounds()).toBe(moves ? 7 : 4);
      expect(await timersOf(laneId(key))).toBe(timers);
    });
  });
});
