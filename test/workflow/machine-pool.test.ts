import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Worker } from '@temporalio/worker';
import type { PoolFacts } from '../../src/domain/facts.js';
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

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 20));
}
