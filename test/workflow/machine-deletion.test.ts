import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { WorkflowHandle } from '@temporalio/client';
import { Worker } from '@temporalio/worker';
import type { DeletionStage, StageEnd, StageInput } from '../../src/activities/interfaces.js';
import { type DeletionOutlook, NOTHING_TO_WAIT_FOR } from '../../src/domain/drain/outlook.js';
import { progress } from '../../src/workflows/messages.js';
import { WORKFLOW_QUEUE } from '../../src/workflows/names.js';
import { type FakeActivities, startTemporal, type TemporalServer, withWorkers } from '../helpers/temporal.js';

let server: TemporalServer;
beforeAll(async () => {
  server = await startTemporal();
}, 180_000);
afterAll(async () => {
  await server?.stop();
});

let serial = 0;
const ALL: DeletionOutlook = {
  preDrainHooks: true,
  drain: true,
  volumes: true,
  preTerminateHooks: true,
  member: true,
};

/** Runs DeleteMachine with these stages ahead; `stage` plays the waits. Answers the calls in order. */
async function deletion(
  deletion: DeletionOutlook,
  stage: (input: StageInput, handle: WorkflowHandle) => Promise<StageEnd>,
  check: (order: readonly string[], handle: WorkflowHandle) => Promise<void>,
): Promise<void> {
  const name = `m${++serial}`;
  const key = { kind: 'Machine', namespace: 'default', name, uid: `duid-${serial}` };
  const workflowId = `delete-${serial}`;
  const handle = server.client.workflow.getHandle(workflowId);
  const stages: string[] = [];
  const activities: FakeActivities = {
    awaitDeletionStage: (input) => {
      stages.push(input.stage);
      return stage(input, handle);
    },
    leaveControlPlane: async () => undefined,
    machineDeleteInstance: async () => undefined,
    machineRemoveObjects: async () => undefined,
  };
  await withWorkers(server, 'cloud', activities, async (order) => {
    const input = { key, cluster: 'default/c', generation: 1, cloudQueue: 'cloud', provider: 'fake', deletion };
    await server.client.workflow.start('DeleteMachine', { workflowId, taskQueue: WORKFLOW_QUEUE, args: [input] });
    await handle.result();
    const all = order.map((n) => (n === 'awaitDeletionStage' ? (stages.shift() ?? '') : n));
    await check(all, handle);
    await Worker.runReplayHistory({ workflowBundle: server.bundle }, await handle.fetchHistory(), workflowId);
  });
}

const without = (outlook: DeletionOutlook, ...stages: (keyof DeletionOutlook)[]): DeletionOutlook => ({
  ...outlook,
  ...Object.fromEntries(stages.map((s) => [s, false])),
});
const END = ['machineDeleteInstance', 'machineRemoveObjects'];

describe('the deletion of a machine', () => {
  test('takes its stages in order; the member leaves after the drain, before the instance goes', async () => {
    await deletion(
      ALL,
      async () => ({ next: ALL }),
      async (order) => {
        expect(order).toEqual(['pre-drain', 'drain', 'volumes', 'pre-terminate', 'leaveControlPlane', ...END]);
      },
    );
  }, 60_000);

  test('leaves out what does not apply, also when that turns out on the way', async () => {
    await deletion(
      without(ALL, 'preDrainHooks', 'member'),
      async () => ({ next: NOTHING_TO_WAIT_FOR }),
      async (order) => expect(order).toEqual(['drain', ...END]),
    );
    await deletion(
      NOTHING_TO_WAIT_FOR,
      async () => ({ next: ALL }),
      async (order) => expect(order).toEqual(END),
    );
  }, 60_000);

  test('shows what is in the way in its progress, a few times; then it waits without a word', async () => {
    const told: (string | undefined)[] = [];
    const shown: (string | undefined)[] = [];
    const asked: StageInput[] = [];
    const stage = async (input: StageInput, handle: WorkflowHandle): Promise<StageEnd> => {
      asked.push(input);
      told.push(input.told);
      shown.push((await handle.query(progress)).waitingFor);
      if (input.quiet) return { next: NOTHING_TO_WAIT_FOR };
      return { next: ALL, waitingFor: `pod ${asked.length} is in the way of budget web` };
    };
    await deletion({ ...NOTHING_TO_WAIT_FOR, drain: true }, stage, async (order, handle) => {
      const most = order.length - END.length;
      expect(most).toBeLessThan(6);
      expect(told).toEqual([
        undefined,
        ...Array.from({ length: most - 1 }, (_, i) => `pod ${i + 1} is in the way of budget web`),
      ]);
      expect(shown[0]).toContain('the pods to leave the node');
      expect(shown.slice(1)).toEqual(told.slice(1).map((text) => expect.stringContaining(text ?? '')));
      const steps = (await handle.query(progress)).steps.map((s) => `${s.name}: ${s.state}`);
      expect(steps).toEqual(['Drain: done', 'Terminate instance: done', 'Remove objects: done']);
      const { events } = await handle.fetchHistory();
      expect(events?.length).toBeLessThan(60);
    });
    expect(asked.map((a): DeletionStage => a.stage)).toEqual(asked.map(() => 'drain'));
  }, 60_000);
});
