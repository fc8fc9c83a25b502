import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Context } from '@temporalio/activity';
import { Worker } from '@temporalio/worker';
import { assessMachineSet } from '../../src/activities/kube/assess-machine-set.js';
import { createWorkerMachines, deleteMachines } from '../../src/activities/kube/machines.js';
import { clearFailure, recordFailure } from '../../src/activities/kube/report.js';
import { remediateMachines } from '../../src/activities/kube/set-replacement.js';
import { awaitMachines } from '../../src/activities/waits/machines.js';
import type { Machine } from '../../src/api/types/index.js';
import { KINDS } from '../../src/api/types/kinds.js';
import { ownerReference } from '../../src/domain/contract.js';
import { setFacts } from '../../src/domain/plan/replicas.js';
import { changed, plan } from '../../src/workflows/messages.js';
import { laneId, WORKFLOW_QUEUE } from '../../src/workflows/names.js';
import { activityWorld, keyOf, NOW } from '../helpers/activity-world.js';
import { aCluster, aMachine, aRunningPlane } from '../helpers/fake-objects.js';
import { aMachineDeployment, aMachineSet, theTemplates } from '../helpers/fake-owners.js';
import { type FakeActivities, startTemporal, type TemporalServer, withWorkers } from '../helpers/temporal.js';
import { machinesIn } from '../helpers/worker-rollout.js';

let server: TemporalServer;
beforeAll(async () => {
  server = await startTemporal();
}, 180_000);
afterAll(async () => {
  await server?.stop();
});

const condition = (type: string, status: string, reason = type) => ({
  ...{ type, status, reason, message: '', lastTransitionTime: NOW },
});
const SICK = [
  condition('HealthCheckSucceeded', 'False', 'UnhealthyNode'),
  condition('OwnerRemediated', 'False', 'WaitingForRemediation'),
];

/** The real activities over a cluster in memory. Machines that go are gone at once, new ones are available at once. */
function liveSet(sick: readonly string[], maxInFlight = 1) {
  const cluster = aCluster();
  const deployment = aMachineDeployment(cluster, { replicas: 3, remediation: { maxInFlight } });
  const made = aMachineSet(cluster, { replicas: 3 });
  const ownerReferences = [ownerReference(deployment, { controller: true })];
  const set = { ...made, metadata: { ...made.metadata, ownerReferences } };
  const worker = (name: string): Machine => {
    const machine = aMachine(cluster, { name });
    const metadata = {
      ...machine.metadata,
      finalizers: ['x'],
      ownerReferences: [ownerReference(set, { controller: true })],
    };
    const conditions = sick.includes(name) ? SICK : [condition('Available', 'True')];
    return { ...machine, metadata, status: { conditions } } as Machine;
  };
  const plane = aRunningPlane(cluster);
  const world = activityWorld({
    objects: [cluster, plane, deployment, set, ...theTemplates(cluster), ...['a', 'b', 'c'].map(worker)],
  });
  const key = keyOf(set);
  world.onBeat = () => {
    for (const machine of machinesIn(world)) {
      if (machine.metadata.deletionTimestamp) world.kube.remove(KINDS.Machine, machine.metadata);
      else if (!['a', 'b', 'c'].includes(machine.metadata.name))
        world.kube.put({
          ...machine,
          status: { ...machine.status, conditions: [condition('Available', 'True')] },
        } as Machine);
    }
  };
  const cancellable = () => {
    const { cancellationSignal: signal } = Context.current();
    return { ...world.deps, scope: () => ({ signal, heartbeat: world.deps.scope().heartbeat }) };
  };
  const told = async (facts: ReturnType<typeof assessMachineSet>) => setFacts(await facts, Date.parse(NOW));
  const activities: FakeActivities = {
    assessMachineSet: () => told(assessMachineSet(world.deps, key)),
    remediateMachines: ({ names }) => remediateMachines(world.deps, key, names),
    createWorkerMachines: ({ names }) => createWorkerMachines(world.deps, key, names),
    deleteMachines: ({ names }) => deleteMachines(world.deps, key, names),
    awaitMachines: ({ names, until }) => told(awaitMachines(cancellable(), key, names, until)),
    recordFailure: ({ failure }) => recordFailure(world.deps, key, failure),
    clearFailure: () => clearFailure(world.deps, key),
  };
  return { key, world, activities, plane };
}

const wake = ({ key }: ReturnType<typeof liveSet>) =>
  server.client.workflow.signalWithStart('machineSetLane', {
    workflowId: laneId(key),
    taskQueue: WORKFLOW_QUEUE,
    args: [{ key }],
    signal: changed,
    signalArgs: [{ generation: 1, deleting: false, reason: 'Machine a changed' }],
  });

/** Names of the operations of a lane, in order. */
async function operationsOf(workflowId: string): Promise<string[]> {
  const history = await server.client.workflow.getHandle(workflowId).fetchHistory();
  await Worker.runReplayHistory({ workflowBundle: server.bundle }, history, workflowId);
  return (history.events ?? []).flatMap(
    (e) => e.startChildWorkflowExecutionInitiatedEventAttributes?.workflowType?.name ?? [],
  );
}

describe('the lane of a machine set', () => {
  test.each(['nothing', 'what follows the mark', 'what follows the deletion'])(
    'marks an unhealthy machine, deletes it and makes another, whatever is killed in between: %s',
    async (killed) => {
      const live = liveSet(['a']);
      const order: string[] = [];
      let deaths = killed === 'nothing' ? 0 : 1;
      live.world.kube.after((call) => {
        if (call.kind !== 'Machine' || call.name !== 'a') return;
        const isMark = call.verb === 'apply' && JSON.stringify(call.body).includes('MachineDeleting');
        if (!isMark && call.verb !== 'delete') return;
        order.push(isMark ? 'mark' : 'delete');
        if (killed !== (isMark ? 'what follows the mark' : 'what follows the deletion') || deaths-- <= 0) return;
        throw new Error('the process is dead');
      });
      await withWorkers(server, 'cloud', live.activities, async () => {
        const lane = await wake(live);
        await expect(lane.result()).resolves.toMatchObject({ outcome: 'Converged' });
        const names = machinesIn(live.world).map((m) => m.metadata.name);
        expect(names).toHaveLength(3);
        expect(names).toEqual(expect.arrayContaining(['b', 'c']));
        expect(names).not.toContain('a');
        expect(order).toEqual(['mark', 'delete']);
        // the first waits for the machine to be gone, the second makes the new one
        expect(await operationsOf(lane.workflowId)).toEqual(['RemediateWorkers', 'ScaleWorkers', 'ScaleWorkers']);
      });
    },
  );

  test('replaces no more at a time than it may, until none is ill', async () => {
    const live = liveSet(['a', 'b', 'c'], 2);
    let most = 0;
    live.world.kube.after(() => {
      most = Math.max(most, machinesIn(live.world).filter((m) => m.metadata.deletionTimestamp).length);
    });
    await withWorkers(server, 'cloud', live.activities, async () => {
      const lane = await wake(live);
      await expect(lane.result()).resolves.toMatchObject({ outcome: 'Converged' });
      expect(most).toBe(2);
      const names = machinesIn(live.world).map((m) => m.metadata.name);
      expect(names).toHaveLength(3);
      expect(names.filter((n) => ['a', 'b', 'c'].includes(n))).toEqual([]);
    });
  });

  test('begins nothing while the control plane is not stable, and says what it waits for', async () => {
    const live = liveSet(['a']);
    live.world.kube.put({ ...live.plane, status: { version: 'v1.33.0' } });
    await withWorkers(server, 'cloud', live.activities, async () => {
      const lane = await wake(live);
      await expect(lane.result()).resolves.toMatchObject({ outcome: 'Waiting' });
      const lines = await lane.query(plan);
      expect(lines[0]).toMatch(
        /^Waiting: unhealthy machines are not replaced: .* is upgrading; machines are made once/,
      );
      expect(await operationsOf(lane.workflowId)).toEqual([]);
      live.world.kube.put(live.plane);
      await expect((await wake(live)).result()).resolves.toMatchObject({ outcome: 'Converged' });
    });
  });
});
