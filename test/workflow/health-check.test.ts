import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Worker } from '@temporalio/worker';
import type { HealthFacts } from '../../src/domain/facts.js';
import { changed, plan } from '../../src/workflows/messages.js';
import { LANES, laneId, WORKFLOW_QUEUE } from '../../src/workflows/names.js';
import { startTemporal, type TemporalServer, withWorkers } from '../helpers/temporal.js';

let server: TemporalServer;
beforeAll(async () => {
  server = await startTemporal();
}, 180_000);
afterAll(async () => {
  await server?.stop();
});

let serial = 0;
const newKey = () => ({ kind: 'MachineHealthCheck', namespace: 'default', name: `o${++serial}`, uid: `uid-${serial}` });

const health = (facts: Partial<HealthFacts> = {}): HealthFacts => ({
  exists: true,
  paused: false,
  deleting: false,
  generation: 1,
  cluster: 'default/c',
  attempt: 'a1',
  expected: 3,
  healthy: 3,
  unhealthy: 0,
  pending: 0,
  allowed: true,
  nextCheckSeconds: 0,
  ...facts,
});

async function open(key: ReturnType<typeof newKey>, deleting = false) {
  return server.client.workflow.signalWithStart(LANES['MachineHealthCheck'] ?? '', {
    workflowId: laneId(key),
    taskQueue: WORKFLOW_QUEUE,
    args: [{ key }],
    signal: changed,
    signalArgs: [{ generation: 1, deleting, reason: 'created' }],
  });
}

describe('the lane of a health check', () => {
  test('costs one look while all are healthy, or while owners replace what is not', async () => {
    const facts = [health(), health({ healthy: 2, unhealthy: 1 })];
    for (const [i, outcome] of ['Converged', 'Waiting'].entries()) {
      const key = newKey();
      await withWorkers(server, 'cloud', { assessMachineHealthCheck: async () => facts[i] ?? health() }, async () => {
        const handle = await open(key);
        await expect(handle.result()).resolves.toMatchObject({ outcome, cycles: 1 });
        const history = await handle.fetchHistory();
        expect(history.events?.length).toBeLessThanOrEqual(12);
        await Worker.runReplayHistory({ workflowBundle: server.bundle }, history, laneId(key));
      });
    }
  });

  test('sleeps until the next machine may fail, by one timer, and looks then', async () => {
    const key = newKey();
    const answers = [health({ healthy: 2, pending: 1, nextCheckSeconds: 1 }), health({ healthy: 2, unhealthy: 1 })];
    const activities = { assessMachineHealthCheck: async () => answers.shift() ?? health() };
    await withWorkers(server, 'cloud', activities, async (order) => {
      const handle = await open(key);
      await expect(handle.result()).resolves.toMatchObject({ outcome: 'Waiting', cycles: 2 });
      expect(order).toEqual(['assessMachineHealthCheck', 'assessMachineHealthCheck']);
      const history = await handle.fetchHistory();
      const timers = history.events?.filter((e) => e.timerStartedEventAttributes) ?? [];
      expect(timers.map((e) => Number(e.timerStartedEventAttributes?.startToFireTimeout?.seconds))).toEqual([1]);
      await Worker.runReplayHistory({ workflowBundle: server.bundle }, history, laneId(key));
    });
  });

  test('that waits is woken by a change, and forgets the time it waited for', async () => {
    const key = newKey();
    let recovered = false;
    const waiting = health({ healthy: 2, pending: 1, nextCheckSeconds: 3_600 });
    const activities = { assessMachineHealthCheck: async () => (recovered ? health() : waiting) };
    await withWorkers(server, 'cloud', activities, async () => {
      const handle = await open(key);
      await expect(
        answered(() => handle.query(plan), 'Waiting: 2 of 3 machines healthy; 1 about to fail'),
      ).resolves.toBe(true);
      recovered = true;
      await handle.signal(changed, { generation: 1, deleting: false, reason: 'Machine m changed' });
      await expect(handle.result()).resolves.toMatchObject({ outcome: 'Converged', cycles: 2 });
    });
  });

  test('ends when it is deleted: there is nothing to tear down', async () => {
    const key = newKey();
    let gone = false;
    const waiting = health({ healthy: 2, pending: 1, nextCheckSeconds: 3_600 });
    const activities = { assessMachineHealthCheck: async () => ({ ...waiting, exists: !gone }) };
    await withWorkers(server, 'cloud', activities, async () => {
      const handle = await open(key);
      gone = true;
      await handle.signal(changed, { generation: 1, deleting: true, reason: 'the object is gone' });
      await expect(handle.result()).resolves.toMatchObject({ outcome: 'Deleted' });
    });
  });
});

/** True as soon as the first line of the answer is `line`; a query of a lane that has not begun yet answers nothing. */
async function answered(ask: () => Promise<readonly string[]>, line: string): Promise<boolean> {
  for (;;) {
    if ((await ask())[0] === line) return true;
  }
}
