import { afterAll, beforeAll, beforeEach, expect, jest, test } from '@jest/globals';
import { FakeKube } from '../../../../test/helpers/fake-kube.js';
import type { AWSMachineTemplate } from '../../../api/types/aws.js';
import { apiVersionOf, KINDS } from '../../../api/types/kinds.js';
import type { MotoHandle } from '../../../sandbox/moto/index.js';
import { startTestMoto } from '../../../sandbox/moto/testing.js';
import {
  type AwsProvider,
  awsClusterObjects,
  callContext,
  clusterContext,
  ensureCluster,
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
  provider = testProvider(moto.endpoint);
  for (const object of awsClusterObjects('one')) kube.put(object);
});

function put(name: string, instanceType: string, owner = 'one'): void {
  const template: AWSMachineTemplate = {
    apiVersion: apiVersionOf(KINDS.AWSMachineTemplate),
    kind: 'AWSMachineTemplate',
    metadata: {
      name,
      namespace: 'default',
      ownerReferences: [{ apiVersion: apiVersionOf(KINDS.Cluster), kind: 'Cluster', name: owner, uid: owner }],
    },
    spec: { template: { spec: { instanceType } } },
  };
  kube.put(template);
}
const status = (name: string) =>
  kube.peek<AWSMachineTemplate>(KINDS.AWSMachineTemplate, { namespace: 'default', name })?.status;
const sweep = async () => await provider.sweep(callContext(kube), [await clusterContext(kube, 'one')]);
const reads = async (since: number) =>
  (await moto.admin.journal({ since })).filter((call) => call.action === 'DescribeInstanceTypes').length;

test('templates of a new cluster tell what their nodes offer, and those that come later at the next sweep, with one read', async () => {
  put('large', 't3.large');
  put('other', 't3.large', 'another');
  await ensureCluster(provider, kube, 'one');
  const large = {
    capacity: { cpu: '2', memory: '8192Mi' },
    nodeInfo: { architecture: 'amd64', operatingSystem: 'linux' },
  };
  expect(status('large')).toEqual(large);
  put('arm', 'm6g.xlarge');
  put('graphics', 'g4dn.12xlarge');
  const { sequence } = await moto.admin.journalSummary();
  await sweep();
  expect(status('arm')).toEqual({
    capacity: { cpu: '4', memory: '16384Mi' },
    nodeInfo: { architecture: 'arm64', operatingSystem: 'linux' },
  });
  expect(status('graphics')?.capacity).toMatchObject({ 'nvidia.com/gpu': '4' });
  expect(status('other')).toBeUndefined();
  await sweep();
  expect(await reads(sequence)).toBe(1);
});

test('a type that is not offered stays untold, and neither it nor a denied read fails anything', async () => {
  await ensureCluster(provider, kube, 'one');
  put('wrong', 'nothing.large');
  put('large', 't3.large');
  const fault = {
    action: 'DescribeInstanceTypes',
    effect: { kind: 'error' as const, code: 'UnauthorizedOperation' },
    count: 1,
  };
  await moto.admin.addFault(fault);
  expect(await sweep()).toEqual([]);
  expect(status('large')).toBeUndefined();
  expect(await sweep()).toEqual([]);
  expect(status('large')?.capacity).toBeDefined();
  expect(status('wrong')).toBeUndefined();
});
