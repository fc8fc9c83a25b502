import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Context } from '@temporalio/activity';
import type { WorkflowHandle, WorkflowHandleWithSignaledRunId } from '@temporalio/client';
import { Worker } from '@temporalio/worker';
import type { ObjectKey } from '../../src/api/types/meta.js';
import { type DeletionOutlook, NOTHING_TO_WAIT_FOR } from '../../src/domain/drain/outlook.js';
import { type FailureType, PerdureError } from '../../src/domain/errors.js';
import type { MachineFacts, RecordedFailure } from '../../src/domain/facts.js';
import { changed, laneStatus, retryNow } from '../../src/workflows/messages.js';
import { laneId, WORKFLOW_QUEUE } from '../../src/workflows/names.js';
import { type FakeActivities, startTemporal, type TemporalServer, withWorkers } from '../helpers/temporal.js';

let server: TemporalServer;
beforeAll(async () => {
  server = await startTemporal(['--dynamic-config-value=limit.historyCount.suggestContinueAsNew=150']);
}, 180_000);
afterAll(async () => {
  await server?.stop();
});

let serial = 0;
const CHANGE = { generation: 1, deleting: false, reason: 'something changed' };

function gate(): { readonly open: () => void; readonly opened: Promise<void> } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}

/** A machine that is being provisioned: its instance starts for as long as nobody interrupts. */
class Scene {
  readonly key: ObjectKey = { kind: 'Machine', namespace: 'default', name: `i${++serial}`, uid: `iuid-${serial}` };
  failure: RecordedFailure | undefined;
  readonly recorded: RecordedFailure[] = [];
  attempt = 'a1';
  deleting = false;
  controlPlane = false;
  deletion: DeletionOutlook | undefined;
  exists = true;
  /** What "await the instance" does; by default it lasts until cancelled. */
  work: () => Promise<void> = () => Context.current().cancelled.then(() => undefined);
  started = gate();

  facts(): MachineFacts {
    return {
      exists: this.exists,
      paused: false,
      deleting: this.deleting,
      generation: 1,
      cluster: 'default/c',
      attempt: this.attempt,
      ...(this.failure ? { failure: this.failure } : {}),
      provider: 'fake',
      cloudQueue: 'cloud',
      controlPlane: this.controlPlane,
      clusterDeleting: false,
      infrastructureReady: true,
      controlPlaneInitialized: true,
      bootstrapReady: true,
      provisioned: false,
      hasNode: false,
      nodeReady: false,
      ready: false,
      available: false,
      availableInSeconds: 0,
      ...(this.deletion ? { deletion: this.deletion } : {}),
    };
  }

  activities(): FakeActivities {
    const wait = async (): Promise<void> => {
      this.started.open();
      await this.work();
    };
    return {
      assessMachine: async () => this.facts(),
      recordFailure: async ({ failure }) => {
        this.recorded.push(failure);
        if (failure.type !== 'Transient' && failure.type !== 'Bug') this.failure = failure;
      },
      clearFailure: async () => {
        this.failure = undefined;
      },
      machineBootstrap: async () => ({ dataSecretName: 's' }),
      machineCreateInstance: async () => ({ providerID: 'i-1' }),
      machineAwaitInstance: async () => {
        await wait();
        return { providerID: 'i-1', state: 'running' };
      },
      awaitMachineNode: async () => ({
        ...this.facts(),
        hasNode: true,
        nodeReady: true,
        ready: true,
        provisioned: true,
      }),
      leaveControlPlane: async () => undefined,
      machineDeleteInstance: wait,
      machineRemoveObjects: async () => undefined,
    };
  }

  run(body: (order: string[]) => Promise<void>): Promise<void> {
    return withWorkers(server, 'cloud', this.activities(), body);
  }

  open(): Promise<WorkflowHandleWithSignaledRunId> {
    return server.client.workflow.signalWithStart('machineLane', {
      workflowId: laneId(this.key),
      taskQueue: WORKFLOW_QUEUE,
      args: [{ key: this.key }],
      signal: changed,
      signalArgs: [CHANGE],
    });
  }

  operation(name: string): WorkflowHandle {
    return server.client.workflow.getHandle(`${laneId(this.key)}/${name}/1-${this.attempt}`);
  }
}

/** Polls, since most of what is waited for shows at the server only. */
async function until(what: string, isTrue: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; !(await isTrue()); i++) {
    if (i > 1_500) throw new Error(`waited too long until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const count = (order: readonly string[], name: string): number => order.filter((n) => n === name).length;
const statusOf = async (handle: WorkflowHandle): Promise<string> => (await handle.describe()).status.name;

describe('a person', () => {
  test('who cancels an operation stops it for good, however often the lane is woken', async () => {
    const scene = new Scene();
    await scene.run(async (order) => {
      const lane = await scene.open();
      await scene.started.opened;
      await lane.signal(changed, CHANGE);
      await scene.operation('ProvisionMachine').cancel();
      await expect(lane.result()).resolves.toMatchObject({ outcome: 'Cancelled' });
      expect(scene.recorded).toMatchObject([{ operation: 'ProvisionMachine', type: 'Cancelled', attempt: 'a1' }]);
      expect(scene.recorded[0]?.message).toContain('perdure.dev/retry');
      expect(await statusOf(scene.operation('ProvisionMachine'))).toBe('CANCELLED');
      await expect((await scene.open()).result()).resolves.toMatchObject({ outcome: 'Cancelled' });
      expect(count(order, 'machineAwaitInstance')).toBe(1);
      scene.attempt = 'a2';
      scene.work = async () => undefined;
      await (await scene.open()).result();
      expect(await statusOf(scene.operation('ProvisionMachine'))).toBe('COMPLETED');
    });
  }, 60_000);

  test('who cancels the lane stops its operation too, and sees both as cancelled', async () => {
    const scene = new Scene();
    await scene.run(async () => {
      const lane = await scene.open();
      await scene.started.opened;
      await lane.cancel();
      await expect(lane.result()).rejects.toThrow();
      expect(await statusOf(lane)).toBe('CANCELLED');
      expect(await statusOf(scene.operation('ProvisionMachine'))).toBe('CANCELLED');
      expect(scene.failure).toMatchObject({ operation: 'ProvisionMachine', type: 'Cancelled' });
    });
  }, 60_000);

  test('who terminates an operation is obeyed as well', async () => {
    const scene = new Scene();
    await scene.run(async () => {
      const lane = await scene.open();
      await scene.started.opened;
      await scene.operation('ProvisionMachine').terminate();
      await expect(lane.result()).resolves.toMatchObject({ outcome: 'Cancelled' });
      expect(scene.failure).toMatchObject({ type: 'Cancelled', message: 'terminated by a person' });
    });
  }, 60_000);

  test('who cancels a deletion keeps it from going on until another attempt is asked for', async () => {
    const scene = new Scene();
    scene.deleting = true;
    await scene.run(async (order) => {
      const lane = await scene.open();
      await scene.started.opened;
      await scene.operation('DeleteMachine').cancel();
      await expect(lane.result()).resolves.toMatchObject({ outcome: 'Cancelled' });
      await expect((await scene.open()).result()).resolves.toMatchObject({ outcome: 'Cancelled' });
      expect(count(order, 'machineDeleteInstance')).toBe(1);
      scene.attempt = 'a2';
      scene.work = async () => undefined;
      await expect((await scene.open()).result()).resolves.toMatchObject({ outcome: 'Deleted' });
    });
  }, 60_000);

  test('who cancels the lane does not stop a deletion', async () => {
    const scene = new Scene();
    const go = gate();
    scene.deleting = true;
    scene.work = () => go.opened;
    await scene.run(async () => {
      const lane = await scene.open();
      await scene.started.opened;
      await lane.cancel();
      go.open();
      await expect(lane.result()).resolves.toMatchObject({ outcome: 'Deleted' });
    });
  }, 60_000);
});

describe('a failure', () => {
  test('that may pass is tried again later, not whenever the lane is woken; a person may hurry it', async () => {
    const scene = new Scene();
    scene.work = async () => {
      throw new PerdureError('QuotaExceeded', 'no more instances');
    };
    await scene.run(async (order) => {
      const lane = await scene.open();
      const assessed = (n: number) => until(`look ${n}`, () => count(order, 'assessMachine') >= n);
      await assessed(2);
      for (let n = 3; n < 6; n++) {
        await lane.signal(changed, CHANGE);
        await assessed(n);
      }
      expect(count(order, 'machineAwaitInstance')).toBe(1);
      scene.work = async () => undefined;
      await lane.signal(retryNow, { by: 'test' });
      await lane.result();
      expect(count(order, 'machineAwaitInstance')).toBe(2);
      expect(scene.recorded).toHaveLength(1);
    });
  }, 60_000);

  test.each<[FailureType, string]>([
    ['InvalidConfiguration', 'CRD foos.example.com has no contract label'],
    ['OwnershipConflict', 'MachineSet default/x belongs to nobody'],
  ])(
    'of looking at the object (%s) is recorded and ends the lane red',
    async (type, message) => {
      const scene = new Scene();
      const activities: FakeActivities = {
        ...scene.activities(),
        assessMachine: async () => {
          throw new PerdureError(type, message);
        },
      };
      await withWorkers(server, 'cloud', activities, async () => {
        const lane = await scene.open();
        await expect(lane.result()).rejects.toThrow();
        expect(await statusOf(lane)).toBe('FAILED');
        expect(scene.recorded).toEqual([{ operation: 'Assess', type, message, attempt: '' }]);
      });
    },
    60_000,
  );
});

describe('a lane', () => {
  test('whose predecessor was terminated waits visibly for the operation of that one to end', async () => {
    const scene = new Scene();
    const resisting = gate();
    scene.work = () => resisting.opened;
    await scene.run(async (order) => {
      const first = await scene.open();
      await scene.started.opened;
      await first.terminate('by a person');
      const second = await scene.open();
      await until('the wait is recorded', () => scene.recorded.length > 0);
      expect(scene.recorded[0]).toMatchObject({ operation: 'ProvisionMachine', type: 'Transient' });
      expect(scene.recorded[0]?.message).toContain('still ending');
      resisting.open();
      const child = scene.operation('ProvisionMachine');
      await until('the earlier operation ended', async () => (await statusOf(child)) !== 'RUNNING');
      scene.work = async () => undefined;
      await second.signal(retryNow, { by: 'test' });
      await second.result();
      expect(count(order, 'machineAwaitInstance')).toBe(2);
    });
  }, 60_000);

  test('whose history grows long goes on in a new run, in the middle of an operation, and loses nothing', async () => {
    const scene = new Scene();
    await scene.run(async (order) => {
      const first = await scene.open();
      await scene.started.opened;
      const lane = server.client.workflow.getHandle(laneId(scene.key));
      await until('a new run', async () => {
        await lane.signal(changed, CHANGE);
        return (await lane.describe()).runId !== first.signaledRunId;
      });
      await until('the operation goes on', () => count(order, 'machineAwaitInstance') >= 2);
      await expect(lane.query(laneStatus)).resolves.toMatchObject({ phase: 'ProvisionMachine' });
      scene.deleting = true;
      scene.work = async () => undefined;
      await lane.signal(changed, { ...CHANGE, deleting: true });
      await expect(lane.result()).resolves.toMatchObject({ outcome: 'Deleted' });
      expect(scene.recorded).toEqual([]);
      const history = await server.client.workflow.getHandle(laneId(scene.key), first.signaledRunId).fetchHistory();
      expect(history.events?.length).toBeLessThan(300);
      await Worker.runReplayHistory({ workflowBundle: server.bundle }, history, laneId(scene.key));
    });
  }, 60_000);

  test('of a control plane machine leaves etcd before the instance goes', async () => {
    const scene = new Scene();
    const deletion = { ...NOTHING_TO_WAIT_FOR, member: true };
    Object.assign(scene, { deleting: true, controlPlane: true, deletion, work: async () => undefined });
    await scene.run(async (order) => {
      await expect((await scene.open()).result()).resolves.toMatchObject({ outcome: 'Deleted' });
      expect(order.slice(1)).toEqual(['leaveControlPlane', 'machineDeleteInstance', 'machineRemoveObjects']);
    });
  }, 60_000);

  test('is not kept from its work by word of a deletion that the object does not confirm', async () => {
    const scene = new Scene();
    scene.work = async () => undefined;
    await scene.run(async (order) => {
      const lane = await server.client.workflow.signalWithStart('machineLane', {
        workflowId: laneId(scene.key),
        taskQueue: WORKFLOW_QUEUE,
        args: [{ key: scene.key }],
        signal: changed,
        signalArgs: [{ ...CHANGE, deleting: true }],
      });
      await lane.result();
      expect(count(order, 'machineAwaitInstance')).toBe(1);
    });
  }, 60_000);
});
