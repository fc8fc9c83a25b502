import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Worker } from '@temporalio/worker';
import type { DeletionPlan, ExternalReport } from '../../src/activities/interfaces.js';
import { PerdureError } from '../../src/domain/errors.js';
import type { ClusterFacts } from '../../src/domain/facts.js';
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
const ALL: DeletionPlan = { ask: true, claims: true, sweep: true };
const DONE: ExternalReport = { summary: '2 gone', report: [] };

/** Runs DeleteCluster; answers the calls in order, and its steps. */
async function deletion(plan: DeletionPlan, change: FakeActivities = {}) {
  const name = `c${++serial}`;
  const key = { kind: 'Cluster', namespace: 'default', name, uid: `uid-${serial}` };
  const workflowId = `cluster/default/${name}/uid-${serial}/DeleteCluster/1-`;
  const activities: FakeActivities = {
    planDeletion: async () => plan,
    takeInventory: async () => ({ found: 1, frozen: true }),
    askControllers: async () => ({ left: [] }),
    findExternal: async () => ({ waves: [], summary: 'nothing found' }),
    reportExternal: async () => DONE,
    deleteWorkers: async () => undefined,
    deleteControlPlane: async () => undefined,
    infraGraph: async () => ({ tasks: [] }),
    clusterFinalize: async () => undefined,
    ...change,
  };
  return withWorkers(server, 'cloud', activities, async (order) => {
    const input = { key, cluster: `default/${name}`, generation: 1, cloudQueue: 'cloud', provider: 'fake' };
    await server.client.workflow.start('DeleteCluster', { workflowId, taskQueue: WORKFLOW_QUEUE, args: [input] });
    const handle = server.client.workflow.getHandle(workflowId);
    await handle.result();
    const steps = (await handle.query(progress)).steps.map((step) => step.name);
    await Worker.runReplayHistory({ workflowBundle: server.bundle }, await handle.fetchHistory(), workflowId);
    return { order: [...order], steps, key };
  });
}

const END = ['infraGraph', 'clusterFinalize'];

describe('the deletion of a cluster', () => {
  test('asks the cluster while it answers, and sweeps when nothing can make more', async () => {
    let looks = 0;
    const kinds: (readonly string[])[] = [];
    const turns: string[] = [];
    const { order, steps } = await deletion(ALL, {
      findExternal: async () => ({
        // something shows up again after the first sweep
        waves: [[], [['balancer'], ['group']], [['group']], []][looks++] ?? [],
        summary: `look ${looks}`,
      }),
      collectExternal: async ({ kinds: some }) => {
        kinds.push(some);
        turns.push('x');
        // what is in the way costs attempts, and no history
        if (turns.length === 1) throw new PerdureError('Transient', 'held by eni-1', { retryAfterMs: 1 });
      },
    });
    expect(order).toEqual([
      'planDeletion',
      'takeInventory',
      'findExternal',
      'askControllers',
      'deleteWorkers',
      'deleteControlPlane',
      'findExternal',
      'collectExternal',
      'collectExternal',
      'collectExternal',
      'findExternal',
      'collectExternal',
      'findExternal',
      'reportExternal',
      ...END,
    ]);
    expect(kinds).toEqual([['balancer'], ['balancer'], ['group'], ['group']]);
    expect(steps).toEqual([
      "Have the cluster's controllers clean up",
      'Delete workers',
      'Delete control plane',
      'Collect external resources: 2 gone',
      'Remove the finalizer',
    ]);
  }, 60_000);

  test('goes on without asking a cluster that does not answer', async () => {
    const { order } = await deletion(ALL, {
      takeInventory: async () => ({ found: 0, frozen: false, missing: 'does not answer' }),
    });
    expect(order.slice(0, 4)).toEqual(['planDeletion', 'takeInventory', 'deleteWorkers', 'deleteControlPlane']);
    expect(order.slice(4)).toEqual(['findExternal', 'reportExternal', ...END]);
  }, 60_000);

  test('costs one call where nothing is collected', async () => {
    const { order } = await deletion({ ask: false, claims: false, sweep: false });
    expect(order).toEqual(['planDeletion', 'deleteWorkers', 'deleteControlPlane', ...END]);
  }, 60_000);
});

describe('a plan of a collection', () => {
  const key = { kind: 'Cluster', namespace: 'default', name: 'p', uid: 'p' };
  const run = (facts: object) =>
    withWorkers(
      server,
      'cloud',
      {
        assessCluster: async () => facts as ClusterFacts,
        previewExternal: async () => ({ summary: '1 to go', report: [] }),
      },
      async (order) => {
        const result = (await server.client.workflow.execute('CollectExternalResources', {
          workflowId: `plan-${++serial}`,
          taskQueue: WORKFLOW_QUEUE,
          args: [{ key, cluster: 'default/p', generation: 0, cloudQueue: '', stage: 'plan' }],
        })) as ExternalReport;
        return { order: [...order], result };
      },
    );

  test('finds the account of the cluster, and changes nothing', async () => {
    const { order, result } = await run({ provider: 'fake', cloudQueue: 'cloud' });
    expect(order).toEqual(['assessCluster', 'previewExternal']);
    expect(result.summary).toBe('1 to go');
  }, 60_000);

  test('says so when no provider of ours serves the cluster', async () => {
    const { order, result } = await run({ cloudQueue: '' });
    expect(order).toEqual(['assessCluster']);
    expect(result.summary).toMatch(/no provider/);
  }, 60_000);
});
