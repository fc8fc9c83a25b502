import { StopInstancesCommand } from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, beforeEach, expect, jest, test } from '@jest/globals';
import { FakeKube } from '../../../../test/helpers/fake-kube.js';
import type { AWSCluster, AWSMachine } from '../../../api/types/aws.js';
import { KINDS } from '../../../api/types/kinds.js';
import type { MotoHandle } from '../../../sandbox/moto/index.js';
import { startTestMoto, testClients, until } from '../../../sandbox/moto/testing.js';
import type { Drift } from '../port.js';
import { eventsName } from './tasks/instance-events.js';
import {
  type AwsProvider,
  awsClusterObjects,
  awsMachineObjects,
  callContext,
  clusterContext,
  ensureCluster,
  machineContext,
  removeCluster,
  retried,
  testProvider,
} from './testing.js';

jest.setTimeout(120_000);

let moto: MotoHandle;
let provider: AwsProvider;
let kube: FakeKube;

beforeAll(async () => {
  moto = await startTestMoto({ allMs: 0 });
});
afterAll(async () => {
  await moto.stop();
});
beforeEach(async () => {
  await moto.admin.reset();
  kube = new FakeKube();
  provider = testProvider(moto.endpoint, { instanceEvents: true });
  for (const object of awsClusterObjects('one', { spec: { sshKeyName: '' } })) kube.put(object);
});

const items = async (): Promise<string[]> =>
  (await moto.admin.inventory()).filter(({ service }) => ['sqs', 'events'].includes(service)).map(({ type }) => type);

/** A machine whose instance runs, as its lane left it. */
async function running(name: string): Promise<string> {
  for (const object of awsMachineObjects(name, { cluster: 'one' })) kube.put(object);
  await provider.createInstance(await machineContext(kube, name));
  await retried(async () => {
    const { state } = await provider.observeInstance(await machineContext(kube, name));
    if (state !== 'running') throw Object.assign(new Error(state), { type: 'NotYet' });
  }, 50);
  return machine(name).spec.instanceID ?? '';
}
const machine = (name: string): AWSMachine => {
  const found = kube.peek<AWSMachine>(KINDS.AWSMachine, { namespace: 'default', name });
  if (!found) throw new Error(`no AWSMachine ${name}`);
  return found;
};

/** Listens until `enough` is heard, or nothing comes for a while. */
async function heard(enough: (drifts: readonly Drift[]) => boolean, work: () => Promise<void>): Promise<Drift[]> {
  const drifts: Drift[] = [];
  const stop = new AbortController();
  const listening = provider.listen?.(
    callContext(kube, stop.signal),
    [await clusterContext(kube, 'one')],
    Date.now() + 60_000,
    async (drift) => void drifts.push(drift),
  );
  await work();
  await until(async () => drifts, enough);
  stop.abort();
  await listening?.catch(() => undefined);
  return drifts;
}

test('a queue and a rule are made once, though answers are lost, and go with the cluster, whatever the gate says then', async () => {
  for (const action of ['CreateQueue', 'PutRule', 'PutTargets', 'SetQueueAttributes', 'DeleteQueue', 'DeleteRule'])
    await moto.admin.addFault({ action, effect: { kind: 'dropAfter' }, count: 1 });
  await ensureCluster(provider, kube, 'one');
  expect((await items()).sort()).toEqual(['queue', 'rule']);
  expect(await ensureCluster(provider, kube, 'one')).toEqual([]);
  await removeCluster(testProvider(moto.endpoint), kube, 'one');
  expect(await items()).toEqual([]);
});

test('an instance that ends is heard of, and labelled; one of nobody here is left aside', async () => {
  await ensureCluster(provider, kube, 'one');
  const id = await running('w');
  const drifts = await heard(
    (all) => all.length > 0,
    async () => {
      await testClients(moto.endpoint).ec2.send(new StopInstancesCommand({ InstanceIds: [id] }));
    },
  );
  expect(drifts[0]).toMatchObject({
    kind: 'Machine',
    name: 'w',
    detail: expect.stringMatching(`^instance ${id} is stop(ping|ped), was running$`),
  });
  expect(machine('w').metadata.labels).toHaveProperty('ec2-instance-state');
});

test('without the gate nothing is made, and nothing is listened to', async () => {
  const plain = testProvider(moto.endpoint);
  await ensureCluster(plain, kube, 'one');
  expect(await items()).toEqual([]);
  expect(plain.listen).toBeUndefined();
  const infra = kube.peek<AWSCluster>(KINDS.AWSCluster, { namespace: 'default', name: 'one' });
  expect(infra?.metadata.annotations ?? {}).not.toHaveProperty(['perdure.dev/aws-instance-events']);
});

test('a cluster that was made before the gate was turned on gets them after the next sweep', async () => {
  await ensureCluster(testProvider(moto.endpoint), kube, 'one');
  const sweep = async () => await provider.sweep(callContext(kube), [await clusterContext(kube, 'one')]);
  expect(await sweep()).toEqual([expect.objectContaining({ kind: 'Cluster', name: 'one' })]);
  await ensureCluster(provider, kube, 'one');
  expect((await items()).sort()).toEqual(['queue', 'rule']);
  expect(await sweep()).toEqual([]);
});

test.each(['one', 'with.dots', 'long-'.repeat(20)])(
  'the name for cluster %s is one that queues and rules take',
  (clusterName) => {
    expect(eventsName({ clusterName, clusterId: 'id' })).toMatch(/^[A-Za-z0-9_-]{1,64}$/);
  },
);
