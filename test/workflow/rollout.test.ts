import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Context } from '@temporalio/activity';
import { Worker } from '@temporalio/worker';
import { assessMachineDeployment } from '../../src/activities/kube/assess-machine-deployment.js';
import { clearFailure, recordFailure } from '../../src/activities/kube/report.js';
import { rollOut } from '../../src/activities/waits/rollout.js';
import type { Machine, MachineDeployment } from '../../src/api/types/index.js';
import { KINDS } from '../../src/api/types/kinds.js';
import { ANNOTATION } from '../../src/domain/names.js';
import { changed, plan, progress } from '../../src/workflows/messages.js';
import { laneId, WORKFLOW_QUEUE } from '../../src/workflows/names.js';
import { activityWorld, keyOf } from '../helpers/activity-world.js';
import { type FakeActivities, startTemporal, type TemporalServer, withWorkers } from '../helpers/temporal.js';
import { machinesIn, rolloutWorld, serveSets, setsIn } from '../helpers/worker-rollout.js';

let server: TemporalServer;
beforeAll(async () => {
  server = await startTemporal();
}, 180_000);
afterAll(async () => {
  await server?.stop();
});

const NEW = 'v1.35.0';

/** The real activities over a cluster in memory, in which sets and machines follow at once. */
function liveDeployment(replicas: number) {
  const { cluster, deployment, objects } = rolloutWorld({ replicas });
  const world = activityWorld({ objects });
  const key = keyOf(deployment);
  let ready: (machine: Machine) => boolean = () => true;
  const serve = (): void => serveSets(world, cluster, ready);
  world.onBeat = serve;
  const stored = () =>
    world.kube.peek<MachineDeployment>(KINDS.MachineDeployment, deployment.metadata) as MachineDeployment;
  const cancellable = () => {
    const { cancellationSignal: signal } = Context.current();
    return { ...world.deps, scope: () => ({ signal, heartbeat: world.deps.scope().heartbeat }) };
  };
  const activities: FakeActivities = {
    assessMachineDeployment: () => assessMachineDeployment(world.deps, key),
    rollOut: ({ turns, generation, told }) => rollOut(cancellable(), key, { turns, generation, told }),
    recordFailure: ({ failure }) => recordFailure(world.deps, key, failure),
    clearFailure: () => clearFailure(world.deps, key),
  };
  return {
    key,
    world,
    activities,
    serve,
    stored,
    hold: (isReady: typeof ready) => {
      ready = isReady;
    },
    upgrade(version: string): void {
      const { metadata, spec, ...rest } = stored();
      const template = { ...spec.template, spec: { ...spec.template.spec, version } };
      const generation = (metadata.generation ?? 1) + 1;
      world.kube.put({ ...rest, metadata: { ...metadata, generation }, spec: { ...spec, template } });
    },
    async settle(): Promise<void> {
      for (let looks = 0; looks < 2; looks++) {
        await assessMachineDeployment(world.deps, key);
        serve();
      }
    },
  };
}

type Live = ReturnType<typeof liveDeployment>;

async function wake({ key, stored }: Live) {
  return server.client.workflow.signalWithStart('machineDeploymentLane', {
    workflowId: laneId(key),
    taskQueue: WORKFLOW_QUEUE,
    args: [{ key }],
    signal: changed,
    signalArgs: [{ generation: stored().metadata.generation ?? 1, deleting: false, reason: 'changed' }],
  });
}

async function operation({ key }: Live) {
  for await (const run of server.client.workflow.list({ query: `WorkflowType = 'RollingUpgrade'` })) {
    if (run.workflowId.startsWith(`${laneId(key)}/RollingUpgrade/`))
      return server.client.workflow.getHandle(run.workflowId);
  }
  throw new Error('no RollingUpgrade is to be seen yet');
}

/** Looks until `probe` answers without throwing. */
async function until<T>(probe: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const result = await probe().catch(() => undefined);
    if (result !== undefined) return result;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

describe('the lane of a machine deployment', () => {
  test('rolls a new template out as one operation whose history does not grow with the machines', async () => {
    const live = liveDeployment(40);
    await live.settle();
    live.upgrade(NEW);
    await withWorkers(server, 'cloud', live.activities, async () => {
      const lane = await wake(live);
      await expect(lane.result()).resolves.toMatchObject({ cycles: 2 });
      const rollout = await until(() => operation(live));
      expect((await rollout.describe()).status.name).toBe('COMPLETED');
      expect(machinesIn(live.world)).toHaveLength(40);
      expect(setsIn(live.world).map((s) => [s.spec.template.spec.version, s.spec.replicas])).toEqual([[NEW, 40]]);
      const history = await rollout.fetchHistory();
      expect(history.events?.length ?? 0).toBeLessThanOrEqual(320);
      await Worker.runReplayHistory({ workflowBundle: server.bundle }, history, rollout.workflowId);
    });
  });

  test('says what is ahead and what it waits for; cancelled, it stays where it is until a retry', async () => {
    const live = liveDeployment(3);
    await live.settle();
    live.upgrade(NEW);
    live.hold(() => false);
    await withWorkers(server, 'cloud', live.activities, async () => {
      const lane = await wake(live);
      const rollout = await until(() => operation(live));
      const shown = await until(async () => {
        const now = await rollout.query(progress);
        return now.waitingFor?.includes('to be available') ? now : undefined;
      });
      expect(shown.steps[0]?.name).toBe('0 of 3 machines new and available, 3 old ones left');
      await expect(rollout.query(plan)).resolves.toHaveLength(5);
      await rollout.cancel();
      await expect(lane.result()).resolves.toMatchObject({ outcome: 'Cancelled' });
      expect(machinesIn(live.world)).toHaveLength(4);
      live.hold(() => true);
      const before = live.stored();
      const annotations = { ...before.metadata.annotations, [ANNOTATION.retry]: '1' };
      live.world.kube.put({ ...before, metadata: { ...before.metadata, annotations } });
      for (const machine of machinesIn(live.world)) {
        if (machine.status?.conditions?.some((c) => c.type === 'Available')) continue;
        live.world.kube.remove(KINDS.Machine, machine.metadata);
      }
      await (await wake(live)).result();
      expect(setsIn(live.world).map((s) => s.spec.template.spec.version)).toEqual([NEW]);
      expect(machinesIn(live.world)).toHaveLength(3);
    });
  });
});
