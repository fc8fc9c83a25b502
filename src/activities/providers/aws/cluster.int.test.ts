import { CreateLoadBalancerCommand, DescribeLoadBalancersCommand } from '@aws-sdk/client-elastic-load-balancing';
import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { type FakeCall, FakeKube } from '../../../../test/helpers/fake-kube.js';
import type { AWSCluster, AWSClusterSpec } from '../../../api/types/aws.js';
import { KINDS } from '../../../api/types/kinds.js';
import { PerdureError } from '../../../domain/errors.js';
import type { InventoryItem, MotoHandle } from '../../../sandbox/moto/index.js';
import { startTestMoto, testClients } from '../../../sandbox/moto/testing.js';
import { BALANCER_ANNOTATION } from './balancer.js';
import { TAG } from './tags.js';
import {
  type AwsProvider,
  awsClusterObjects,
  clusterContext,
  ensureCluster,
  removeCluster,
  testProvider,
  waves,
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
});

const put = (name: string, options: Parameters<typeof awsClusterObjects>[1] = {}): void => {
  for (const object of awsClusterObjects(name, options)) kube.put(object);
};
const stored = (name: string, namespace = 'default'): AWSCluster => {
  const found = kube.peek<AWSCluster>(KINDS.AWSCluster, { namespace, name });
  if (!found) throw new Error('no AWSCluster');
  return found;
};
const count = (items: readonly InventoryItem[]): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const { type } of items) counts[type] = (counts[type] ?? 0) + 1;
  return counts;
};
const identities = async (): Promise<string[]> =>
  (await moto.admin.inventory()).map((item) => `${item.service}/${item.type}/${item.id}`).sort();
const owned = async (id: string): Promise<InventoryItem[]> =>
  (await moto.admin.inventory()).filter((item) => item.tags[TAG.id] === id);

const NLB: AWSClusterSpec = {
  controlPlaneLoadBalancer: { loadBalancerType: 'nlb', additionalListeners: [{ port: 8132 }] },
  secondaryControlPlaneLoadBalancer: { name: 'inside' },
};
const NETWORK = {
  vpc: 1,
  subnet: 6,
  'internet-gateway': 1,
  natgateway: 3,
  'elastic-ip': 3,
  'route-table': 6,
  'security-group': 4,
};
const WHOLE_CLASSIC = { ...NETWORK, loadbalancer: 1 };
const WHOLE_NLB = { ...NETWORK, loadbalancer: 2, listener: 3, targetgroup: 3 };
const FLAVOURS: [string, AWSClusterSpec, Record<string, number>][] = [
  ['classic balancer', {}, WHOLE_CLASSIC],
  ['network balancers', NLB, WHOLE_NLB],
];

/** Loses the answers of the first and third call of each action. */
const loseAnswers = async (actions: ReadonlySet<string>): Promise<void> => {
  for (const action of actions) await moto.admin.addFault({ action, nth: [1, 3], effect: { kind: 'dropAfter' } });
};
const changingActions = async (since: number): Promise<Set<string>> =>
  new Set((await moto.admin.journal({ since, mutating: true })).map((call) => call.action));

describe.each(FLAVOURS)('a cluster with everything of its own and %s', (_, spec, whole) => {
  test('is made once, left alone the second time, and leaves nothing behind', async () => {
    const before = await identities();
    put('one', { spec });
    await ensureCluster(provider, kube, 'one');
    expect(count(await owned('id-default-one'))).toMatchObject(whole);
    const { sequence, total } = await moto.admin.journalSummary();
    expect(total).toBeLessThan(100);
    expect(await ensureCluster(provider, kube, 'one')).toEqual([]);
    expect(await moto.admin.journal({ since: sequence, mutating: true })).toEqual([]);
    await removeCluster(provider, kube, 'one');
    expect(await identities()).toEqual(before);
  });

  test('survives the loss of answers to every kind of change, without twins', async () => {
    put('one', { spec });
    await ensureCluster(provider, kube, 'one');
    const creating = await changingActions(0);
    const { sequence } = await moto.admin.journalSummary();
    await removeCluster(provider, kube, 'one');
    const removing = await changingActions(sequence);
    const before = await identities();

    put('one', { spec });
    await loseAnswers(creating);
    await ensureCluster(provider, kube, 'one');
    expect(count(await owned('id-default-one'))).toEqual(expect.objectContaining(whole));
    expect(await ensureCluster(provider, kube, 'one')).toEqual([]);
    await moto.admin.clearFaults();
    await loseAnswers(removing);
    await removeCluster(provider, kube, 'one');
    expect((await moto.admin.faults()).filter((rule) => rule.fired === 0)).toEqual([]);
    expect(await identities()).toEqual(before);
  });

  test('survives a kill at every write to the API server, before or after it', async () => {
    put('one', { spec });
    let writes = 0;
    const dieEvery = (nth: number, call: FakeCall): void => {
      if (call.verb === 'update' && writes % nth === 0) throw new PerdureError('Transient', 'killed here');
    };
    kube.before((call) => {
      if (call.verb === 'update') writes++;
      dieEvery(2, call);
    });
    kube.after((call) => dieEvery(3, call));
    await ensureCluster(provider, kube, 'one');
    expect(writes).toBeGreaterThan(20);
    expect(count(await owned('id-default-one'))).toEqual(expect.objectContaining(whole));
  });
});

describe('what is published', () => {
  test('endpoint, failure domains, conditions and both ready flags', async () => {
    put('one', { apiServerPort: 443 });
    await ensureCluster(provider, kube, 'one');
    const { spec, status } = stored('one');
    expect(spec.controlPlaneEndpoint).toEqual({ host: expect.stringContaining('one-apiserver-'), port: 443 });
    expect(spec.network?.vpc).toMatchObject({
      id: expect.stringMatching(/^vpc-/),
      cidrBlock: '10.0.0.0/16',
      internetGatewayId: expect.stringMatching(/^igw-/),
    });
    expect(spec.network?.subnets?.[0]).toMatchObject({
      id: 'one-subnet-public-us-east-1a',
      resourceID: expect.stringMatching(/^subnet-/),
      cidrBlock: '10.0.0.0/20',
      natGatewayId: expect.stringMatching(/^nat-/),
      routeTableId: expect.stringMatching(/^rtb-/),
    });
    expect(status).toMatchObject({
      ready: true,
      initialization: { provisioned: true },
      failureDomains: { 'us-east-1a': { controlPlane: true }, 'us-east-1c': { controlPlane: true } },
      networkStatus: { natGatewaysIPs: [expect.any(String), expect.any(String), expect.any(String)] },
    });
    expect(status?.conditions?.[0]?.type).toBe('Ready');
    expect(status?.conditions?.every((condition) => condition.status === 'True')).toBe(true);
  });

  test('not before the name of the balancer resolves', async () => {
    put('one');
    await expect(
      ensureCluster(testProvider(moto.endpoint, { resolves: async () => false }), kube, 'one'),
    ).rejects.toThrow('usable');
    expect(stored('one').spec.controlPlaneEndpoint).toBeUndefined();
    expect(stored('one').status?.conditions).toContainEqual(
      expect.objectContaining({ type: 'LoadBalancerReady', reason: 'WaitForDNSNameResolve' }),
    );
  });

  test('the endpoint is never given to another balancer', async () => {
    put('one');
    await ensureCluster(provider, kube, 'one');
    const endpoint = stored('one').spec.controlPlaneEndpoint;
    await provider
      .clusterTasks(stored('one'))
      .find(({ id }) => id === 'load-balancer')
      ?.remove(await clusterContext(kube, 'one'));
    await expect(ensureCluster(provider, kube, 'one')).rejects.toMatchObject({ type: 'ExternallyModified' });
    expect(stored('one').spec.controlPlaneEndpoint).toEqual(endpoint);
  });
});

describe('two clusters of one name', () => {
  test('in two namespaces of one account never touch each other', async () => {
    put('twin', { namespace: 'a' });
    put('twin', { namespace: 'b' });
    await ensureCluster(provider, kube, 'twin', 'a');
    const first = await identities();
    await ensureCluster(provider, kube, 'twin', 'b');
    expect(await identities()).toEqual(expect.arrayContaining(first));
    expect(count(await owned('id-b-twin'))).toEqual(count(await owned('id-a-twin')));
    expect(stored('twin', 'b').metadata.annotations?.[BALANCER_ANNOTATION]).toMatch(/-k8s$/);
    await removeCluster(provider, kube, 'twin', 'b');
    expect(await identities()).toEqual(first);
    expect(await ensureCluster(provider, kube, 'twin', 'a')).toEqual([]);
  });
});

describe('somebody else', () => {
  const takeName = async (name: string): Promise<void> => {
    const { elb } = testClients(moto.endpoint);
    await elb.send(
      new CreateLoadBalancerCommand({
        LoadBalancerName: name,
        Listeners: [{ Protocol: 'TCP', LoadBalancerPort: 80, InstancePort: 80 }],
        AvailabilityZones: ['us-east-1a'],
      }),
    );
  };

  test('may have the default name of the balancer: another one is used, across attempts, and theirs stays', async () => {
    await takeName('one-apiserver');
    const before = await identities();
    put('one');
    await ensureCluster(provider, kube, 'one');
    expect(await ensureCluster(provider, kube, 'one')).toEqual([]);
    await removeCluster(provider, kube, 'one');
    expect(await identities()).toEqual(before);
  });

  test('whose balancer the user names is used as it is, and stays', async () => {
    await takeName('mine');
    const before = await moto.admin.inventory();
    put('one', { spec: { controlPlaneLoadBalancer: { name: 'mine' } } });
    await ensureCluster(provider, kube, 'one');
    const { elb } = testClients(moto.endpoint);
    const { LoadBalancerDescriptions } = await elb.send(
      new DescribeLoadBalancersCommand({ LoadBalancerNames: ['mine'] }),
    );
    expect(LoadBalancerDescriptions?.[0]?.ListenerDescriptions).toHaveLength(1);
    await removeCluster(provider, kube, 'one');
    expect(await moto.admin.inventory()).toEqual(before);
  });

  test('who owns a balancer by id is refused', async () => {
    put('one', { spec: { controlPlaneLoadBalancer: { name: 'shared' } } });
    put('two', { spec: { controlPlaneLoadBalancer: { name: 'shared' } } });
    await ensureCluster(provider, kube, 'one');
    await expect(ensureCluster(provider, kube, 'two')).rejects.toMatchObject({ type: 'OwnershipConflict' });
  });

  test('whose manifest was copied with its record of the VPC keeps the VPC', async () => {
    put('one');
    await ensureCluster(provider, kube, 'one');
    const { vpc } = stored('one').spec.network ?? {};
    put('copy', { spec: { network: { vpc: vpc ?? {} } } });
    await expect(ensureCluster(provider, kube, 'copy')).rejects.toMatchObject({ type: 'OwnershipConflict' });
    await removeCluster(provider, kube, 'copy');
    expect(await ensureCluster(provider, kube, 'one')).toEqual([]);
  });
});

describe('a slow cloud', () => {
  test('is waited for, with signs of life, and a cancellation ends the wait at once', async () => {
    put('one', { spec: NLB });
    await moto.admin.setDelays({ allMs: 1_500 });
    await ensureCluster(provider, kube, 'one');
    const { sequence } = await moto.admin.journalSummary();
    expect(await moto.admin.journal({ action: 'DescribeNatGateways', since: sequence })).toEqual([]);

    put('two');
    await moto.admin.setDelays({ allMs: 60_000 });
    const signs: string[] = [];
    const controller = new AbortController();
    const tasks = waves(provider.clusterTasks(stored('two'))).flat();
    const wait = async (): Promise<void> => {
      for (const task of tasks) {
        const read = await clusterContext(kube, 'two');
        const heartbeat = (details: string): void => {
          signs.push(details);
          if (details.includes('NAT gateways to become available')) controller.abort();
        };
        const ctx = { ...read, signal: controller.signal, heartbeat };
        const observed = await task.observe(ctx);
        await task.apply(ctx, observed, task.plan(ctx, observed));
      }
    };
    await expect(wait()).rejects.toMatchObject({ name: 'AbortError' });
    expect(signs).toContain('waiting: 3 NAT gateways to become available');
    await moto.admin.setDelays({ allMs: 0 });
    await removeCluster(provider, kube, 'one');
    await removeCluster(provider, kube, 'two');
    expect(await owned('id-default-one')).toEqual([]);
    expect(await owned('id-default-two')).toEqual([]);
  });
});

describe('a hostile cloud', () => {
  test('throttling is told as such, with a delay, and what was made before it is not made again', async () => {
    put('one');
    await moto.admin.addFault({
      id: 'slow',
      action: 'CreateSubnet',
      after: 3,
      effect: { kind: 'error', code: 'RequestLimitExceeded', status: 503 },
    });
    await expect(ensureCluster(provider, kube, 'one', 'default', 1)).rejects.toMatchObject({
      type: 'Throttled',
      retryAfterMs: expect.any(Number),
    });
    await moto.admin.removeFault('slow');
    await ensureCluster(provider, kube, 'one');
    expect(count(await owned('id-default-one'))).toEqual(expect.objectContaining(WHOLE_CLASSIC));
  });

  test.each([
    ['AllocateAddress', 'AddressLimitExceeded', 'QuotaExceeded'],
    ['CreateVpc', 'VpcLimitExceeded', 'QuotaExceeded'],
    ['CreateVpc', 'UnauthorizedOperation', 'Unauthorized'],
    ['DescribeVpcs', 'RequestExpired', 'Unauthorized'],
    ['CreateRouteTable', 'InternalError', 'Transient'],
  ])('%s answering %s ends as %s', async (action, code, type) => {
    put('one');
    await moto.admin.addFault({
      action,
      effect: { kind: 'error', code, status: code === 'InternalError' ? 500 : 400 },
    });
    await expect(ensureCluster(provider, kube, 'one')).rejects.toMatchObject({
      type,
      details: { code, operation: action },
    });
  });
});
