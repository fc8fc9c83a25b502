import { describe, expect, test } from '@jest/globals';
import type { Client } from '@temporalio/client';
import { aCluster } from '../../test/helpers/fake-objects.js';
import { anInfraCluster } from '../../test/helpers/fake-owners.js';
import { fakeProvider } from '../../test/helpers/fake-provider.js';
import type { KubeObject } from '../api/types/meta.js';
import { createCloudQueues } from './cloud-queues.js';

const infra = (name: string, region = 'eu-west-1'): KubeObject =>
  ({ ...anInfraCluster(aCluster({ name })), spec: { region } }) as KubeObject;
const EU = 'fake-eu-west-1';

/** Schedules in memory behind the part of Temporal's client that is used. */
function world({ sweeps = true } = {}) {
  const schedules = new Map<string, unknown>();
  const started: string[] = [];
  const stopped: string[] = [];
  const warnings: string[] = [];
  const hooks: { deleting?: () => Promise<void>; starting?: () => void } = {};
  const schedule = {
    create: async (options: { scheduleId: string }) => {
      if (schedules.has(options.scheduleId))
        throw Object.assign(new Error('there'), { name: 'ScheduleAlreadyRunning' });
      schedules.set(options.scheduleId, options);
    },
    getHandle: (id: string) => ({
      delete: async () => {
        await hooks.deleting?.();
        if (!schedules.delete(id)) throw new Error('no such schedule');
      },
    }),
    list: async function* () {
      for (const scheduleId of [...schedules.keys()]) yield { scheduleId };
    },
  };
  const queues = createCloudQueues({
    providers: [fakeProvider()],
    client: { schedule } as unknown as Client,
    ...(sweeps ? { sweepEvery: '10m' } : {}),
    start: async (queue) => {
      hooks.starting?.();
      started.push(queue);
      return { stop: async () => void stopped.push(queue) };
    },
    log: { info: () => undefined, warn: (message) => void warnings.push(message) },
  });
  return { queues, schedules, started, stopped, warnings, hooks };
}

describe('the queues of cloud accounts', () => {
  test('are polled and swept once per account in use', async () => {
    const w = world();
    await Promise.all([w.queues.seen(infra('a')), w.queues.seen(infra('b')), w.queues.seen(infra('c', 'us-east-1'))]);
    await w.queues.seen(infra('a'));
    expect(w.started.sort()).toEqual([EU, 'fake-us-east-1']);
    expect([...w.schedules.keys()].sort()).toEqual([`drift/${EU}`, 'drift/fake-us-east-1']);
    expect(w.schedules.get(`drift/${EU}`)).toMatchObject({
      spec: { intervals: [{ every: '10m' }] },
      policies: { overlap: 'SKIP' },
      action: { workflowType: 'DriftSweep', args: [{ provider: 'fake', queue: EU }] },
    });
  });

  test('are not swept any more once their last cluster is gone, but still polled', async () => {
    const w = world();
    for (const name of ['a', 'b']) await w.queues.seen(infra(name));
    await w.queues.gone(infra('a'));
    expect(w.schedules.size).toBe(1);
    await w.queues.gone(infra('b'));
    await w.queues.gone(infra('b'));
    expect([w.schedules.size, w.stopped, w.warnings]).toEqual([0, [], []]);
    await w.queues.stop();
    expect(w.stopped).toEqual([EU]);
  });

  test('are swept for a cluster that comes while the last one goes', async () => {
    const w = world();
    await w.queues.seen(infra('a'));
    let arrival: Promise<void> | undefined;
    w.hooks.deleting = async () => {
      arrival ??= w.queues.seen(infra('b'));
    };
    await w.queues.gone(infra('a'));
    await arrival;
    expect([...w.schedules.keys()]).toEqual([`drift/${EU}`]);
  });

  test('are polled at a later try when the first failed', async () => {
    const w = world();
    w.hooks.starting = () => {
      delete w.hooks.starting;
      throw new Error('no connection');
    };
    await expect(w.queues.seen(infra('a'))).rejects.toThrow('no connection');
    await w.queues.seen(infra('a'));
    expect(w.started).toEqual([EU]);
  });

  test('are none of the business of kinds that no provider serves', async () => {
    const w = world();
    await w.queues.seen({ ...infra('a'), apiVersion: 'other.io/v1' });
    expect([w.started, w.schedules.size]).toEqual([[], 0]);
  });

  test('have no sweeps where these are switched off', async () => {
    const w = world({ sweeps: false });
    await w.queues.seen(infra('a'));
    expect([w.started, w.schedules.size]).toEqual([[EU], 0]);
  });

  test('get back a sweep that was lost, and lose one that was left behind; other schedules are not theirs', async () => {
    const w = world();
    await w.queues.seen(infra('a'));
    w.schedules.clear();
    w.schedules.set('drift/fake-nowhere', {});
    w.schedules.set('nightly', {});
    await w.queues.tend();
    await w.queues.tend();
    expect([...w.schedules.keys()].sort()).toEqual([`drift/${EU}`, 'nightly']);
  });

  test('only warn when a sweep cannot be deleted', async () => {
    const w = world();
    await w.queues.seen(infra('a'));
    w.schedules.clear();
    await w.queues.gone(infra('a'));
    expect(w.warnings).toHaveLength(1);
  });
});
