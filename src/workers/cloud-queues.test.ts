import { expect, test } from '@jest/globals';
import type { Client } from '@temporalio/client';
import type { InfraProvider } from '../activities/providers/port.js';
import { KINDS } from '../api/types/kinds.js';
import type { KubeObject } from '../api/types/meta.js';
import { createCloudQueues } from './cloud-queues.js';

const infra = (name: string, account = 'a'): KubeObject => ({
  apiVersion: `${KINDS.AWSCluster.group}/${KINDS.AWSCluster.version}`,
  kind: 'AWSCluster',
  metadata: { namespace: 'default', name, labels: { account } },
});

function setup(options: { sweepEvery?: string } = { sweepEvery: '10m' }) {
  const schedules = new Set<string>();
  const polled: string[] = [];
  const schedule = {
    async create({ scheduleId }: { scheduleId: string }) {
      if (schedules.has(scheduleId)) throw Object.assign(new Error('there is one'), { name: 'ScheduleAlreadyRunning' });
      schedules.add(scheduleId);
    },
    getHandle: (id: string) => ({ delete: async () => void schedules.delete(id) }),
    async *list() {
      for (const scheduleId of [...schedules]) yield { scheduleId };
    },
  };
  const provider = {
    name: 'aws',
    clusterKind: KINDS.AWSCluster,
    taskQueue: (o: KubeObject) => `perdure-aws-${o.metadata.labels?.['account'] ?? ''}`,
  } as unknown as InfraProvider;
  const queues = createCloudQueues({
    providers: [provider],
    client: { schedule } as unknown as Client,
    log: { info: () => undefined, warn: () => undefined },
    start: async (queue) => {
      polled.push(queue);
      return { stop: async () => undefined };
    },
    ...options,
  });
  return { queues, schedules, polled };
}

test('an account is polled once and swept while it has clusters', async () => {
  const { queues, schedules, polled } = setup();
  await Promise.all([queues.seen(infra('x')), queues.seen(infra('y')), queues.seen(infra('x'))]);
  expect(polled).toEqual(['perdure-aws-a']);
  await queues.gone(infra('x'));
  expect([...schedules]).toEqual(['drift/perdure-aws-a']);
  await queues.gone(infra('y'));
  expect([...schedules]).toEqual([]);
});

test('tending makes a lost sweep again, and drops one that a dead process left, no schedule of others', async () => {
  const { queues, schedules } = setup();
  await queues.seen(infra('x'));
  schedules.clear();
  schedules.add('drift/perdure-aws-b').add('somebody-elses');
  await queues.tend();
  expect([...schedules].sort()).toEqual(['drift/perdure-aws-a', 'somebody-elses']);
});

test('without sweeps there is none, and what an earlier setting left is dropped', async () => {
  const { queues, schedules } = setup({});
  await queues.seen(infra('x'));
  schedules.add('drift/perdure-aws-a');
  await queues.tend();
  expect([...schedules]).toEqual([]);
});
