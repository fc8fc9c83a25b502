import { DeleteSecurityGroupCommand, DescribeSecurityGroupsCommand } from '@aws-sdk/client-ec2';
import { DescribeLoadBalancersCommand } from '@aws-sdk/client-elastic-load-balancing-v2';
import { ChangeTagsForResourceCommand } from '@aws-sdk/client-route-53';
import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { type ActivityWorld, activityWorld, keyOf } from '../../../../../test/helpers/activity-world.js';
import {
  alias,
  allow,
  ccmResources,
  cniInterface,
  dataResources,
  defaultGroup,
  hostedZone,
  lbcResources,
  logGroup,
  marked,
  type Place,
  putRecords,
  securityGroup,
  sharedVpc,
} from '../../../../../test/helpers/external-resources.js';
import type { FakeProvider } from '../../../../../test/helpers/fake-provider.js';
import type { AWSCluster } from '../../../../api/types/aws.js';
import type { Cluster } from '../../../../api/types/core.js';
import { KINDS } from '../../../../api/types/kinds.js';
import type { KubeObject } from '../../../../api/types/meta.js';
import type { ExternalResource } from '../../../../domain/collect/external.js';
import type { ReportLine } from '../../../../domain/collect/report.js';
import type { MotoHandle } from '../../../../sandbox/moto/index.js';
import { startTestMoto, type TestClients, testClients } from '../../../../sandbox/moto/testing.js';
import { writeRecord } from '../../../collect/record.js';
import { collectExternal, findExternal, previewExternal, reportExternal } from '../../../collect/sweep.js';
import {
  type AwsProvider,
  awsClusterObjects,
  clusterContext,
  ensureCluster,
  removeCluster,
  retried,
  testProvider,
} from '../testing.js';

jest.setTimeout(120_000);

let moto: MotoHandle;
let provider: AwsProvider;
let clients: TestClients;
let world: ActivityWorld;
let place: Place;

beforeAll(async () => {
  moto = await startTestMoto({ allMs: 0 });
});
afterAll(async () => {
  await moto.stop();
});
beforeEach(async () => {
  await moto.admin.reset();
  clients = testClients(moto.endpoint);
  provider = testProvider(moto.endpoint);
  world = activityWorld({ provider: provider as unknown as FakeProvider });
  world.now = new Date().toISOString();
  place = await sharedVpc(clients);
});

/** A cluster in the shared VPC, with its own security groups, born a day ago. */
async function shared(name: string, namespace = 'default'): Promise<void> {
  const spec = {
    network: { vpc: { id: place.vpc }, subnets: place.subnets.map((id) => ({ id })) },
    controlPlaneLoadBalancer: { loadBalancerType: 'disabled' as const },
    controlPlaneEndpoint: { host: '203.0.113.1', port: 6443 },
  };
  put(name, spec, namespace);
  await ensureCluster(provider, world.kube, name, namespace);
}

function put(name: string, spec: AWSCluster['spec'], namespace = 'default'): void {
  const [cluster, infra] = awsClusterObjects(name, { namespace, spec });
  const creationTimestamp = new Date(Date.now() - 86_400_000).toISOString();
  const infrastructureRef = { apiGroup: KINDS.AWSCluster.group, kind: 'AWSCluster', name };
  const made = world.kube.put({
    ...cluster,
    metadata: { ...cluster.metadata, creationTimestamp },
    spec: { ...cluster.spec, infrastructureRef },
  });
  const owner = { apiVersion: made.apiVersion, kind: 'Cluster', name, uid: made.metadata.uid ?? '' };
  world.kube.put({ ...infra, metadata: { ...infra.metadata, creationTimestamp, ownerReferences: [owner] } });
}

const key = (name: string, namespace = 'default') =>
  keyOf(world.kube.peek(KINDS.Cluster, { namespace, name }) as KubeObject);

function annotate(name: string, annotations: Record<string, string>): void {
  const infra = world.kube.peek<AWSCluster>(KINDS.AWSCluster, { namespace: 'default', name });
  if (infra) world.kube.put({ ...infra, metadata: { ...infra.metadata, annotations } });
}

async function sweep(name: string): Promise<readonly ReportLine[]> {
  const { waves } = await findExternal(world.deps, key(name));
  for (const kinds of waves) await retried(() => collectExternal(world.deps, key(name), kinds));
  return (await reportExternal(world.deps, key(name))).report;
}

/** The provider's removal, without a new look at what is there. */
async function removeNow(resources: readonly ExternalResource[]) {
  const removed = await provider.external?.remove(await clusterContext(world.kube, 'one'), resources);
  return { removed };
}

const there = async (): Promise<Set<string>> =>
  new Set((await moto.admin.inventory()).map((item) => `${item.service}/${item.type}/${item.id}`));
const fates = (report: readonly ReportLine[]): Record<string, string> =>
  Object.fromEntries(report.map((line) => [line.id, line.fate]));

async function makeAll(name: string): Promise<Record<string, string>> {
  const made = [
    await ccmResources(clients, place, name),
    await lbcResources(clients, place, name),
    await dataResources(clients, name),
  ];
  return { ...Object.assign({}, ...made.map((m) => m.ids)), interface: await cniInterface(clients, place, name) };
}

describe('external resources of a cluster that shares its VPC with another', () => {
  test('go, all of them, but what holds data and what the other cluster has', async () => {
    await shared('one');
    await shared('two');
    const mine = await makeAll('one');
    const theirs = await makeAll('two');
    const preview = await previewExternal(world.deps, key('one'));
    const data = [mine['data/volume'], mine['data/snapshot']];
    const expected = Object.fromEntries(Object.values(mine).map((id) => [id, data.includes(id) ? 'keep' : 'delete']));
    expect(fates(preview.report)).toEqual(expected);

    const report = await sweep('one');
    expect(fates(report)).toEqual(
      Object.fromEntries(Object.entries(expected).map(([id, fate]) => [id, fate === 'delete' ? 'gone' : fate])),
    );
    const after = await previewExternal(world.deps, key('two'));
    expect(Object.keys(fates(after.report)).sort()).toEqual(Object.values(theirs).sort());
    await removeCluster(provider, world.kube, 'one');
  });

  test('include volumes and snapshots where they are asked for, and then nothing else', async () => {
    await shared('one');
    const mine = await makeAll('one');
    annotate('one', { 'aws.cluster.x-k8s.io/external-resource-tasks-gc': 'ebs-volume,ebs-snapshot' });
    const gone = Object.entries(fates(await sweep('one'))).filter(([, fate]) => fate === 'gone');
    expect(gone.map(([id]) => id).sort()).toEqual([mine['data/volume'], mine['data/snapshot']].sort());
  });

  test('hold nothing up where those that stay anyway may not be listed, and fail where they were asked for', async () => {
    await shared('one');
    await makeAll('one');
    for (const action of ['DescribeSnapshots', 'DescribeVolumes'])
      await moto.admin.addFault({ action, effect: { kind: 'error', code: 'UnauthorizedOperation' } });
    const report = await sweep('one');
    const unknown = report.filter(({ fate }) => fate !== 'gone');
    expect(unknown.map(({ kind, fate }) => [kind, fate])).toEqual([
      ['ebs-volume', 'refused'],
      ['ebs-snapshot', 'refused'],
    ]);
    expect(unknown[0]?.reason).toMatch(/could not be looked for: DescribeVolumes: UnauthorizedOperation.*grant/);
    annotate('one', { 'aws.cluster.x-k8s.io/external-resource-tasks-gc': 'ebs-volume' });
    await expect(findExternal(world.deps, key('one'))).rejects.toMatchObject({
      type: 'Unauthorized',
      message: expect.stringContaining('DescribeVolumes'),
    });
  });

  test('stay when collection is turned off', async () => {
    await shared('one');
    await makeAll('one');
    const before = await there();
    annotate('one', { 'aws.cluster.x-k8s.io/external-resource-gc': 'false' });
    const report = await sweep('one');
    expect(new Set(report.map((line) => line.fate))).toEqual(new Set(['keep']));
    expect(await there()).toEqual(before);
  });

  test('are refused when a cluster of the same name could own them, in this VPC or in another', async () => {
    await shared('one');
    await shared('one', 'elsewhere');
    const { ids } = await ccmResources(clients, place, 'one');
    const report = await sweep('one');
    expect(report.map((line) => [line.id, line.fate]).sort()).toEqual(
      Object.values(ids)
        .map((id) => [id, 'refused'])
        .sort(),
    );
    expect(report[0]?.reason).toMatch(/could mean a cluster called one with security group/);
  });

  test('wait for what holds them, which is named: a rule in a group that is not the cluster’s', async () => {
    await shared('one');
    const { ids } = await lbcResources(clients, place, 'one');
    const users = await securityGroup(clients, place.vpc, 'users', { Name: 'users' });
    await allow(clients, users, ids['lbc/backend'] ?? '');
    let told = '';
    world.onBeat = (beat) => {
      if (!beat.includes('users')) return;
      told = beat;
      void clients.ec2.send(new DeleteSecurityGroupCommand({ GroupId: users }));
    };
    expect(new Set((await sweep('one')).map((line) => line.fate))).toEqual(new Set(['gone']));
    expect(told).toMatch(/a rule of security group sg-\w+ \(users\) refers to it, which is not this cluster's/);
  });

  test("let go of the default group's rules that name them, and of no other", async () => {
    await shared('one');
    await lbcResources(clients, place, 'one');
    const users = await securityGroup(clients, place.vpc, 'users', { Name: 'users' });
    const group = await defaultGroup(clients, place.vpc);
    await allow(clients, group, users);
    await sweep('one');
    const { SecurityGroups } = await clients.ec2.send(new DescribeSecurityGroupsCommand({ GroupIds: [group] }));
    const pairs = SecurityGroups?.[0]?.IpPermissions?.flatMap((p) => p.UserIdGroupPairs ?? []) ?? [];
    expect(pairs.map((pair) => pair.GroupId)).toContain(users);
    expect(pairs.map((pair) => pair.GroupId).filter((id) => id !== users && id !== group)).toEqual([]);
  });
});

describe('names and logs of a cluster that shares its account', () => {
  /** Host name of the network balancer that the cloud controller manager made. */
  const balancer = async (name: string): Promise<string> => {
    const { ids } = await ccmResources(clients, place, name);
    const { LoadBalancers } = await clients.elbv2.send(
      new DescribeLoadBalancersCommand({ LoadBalancerArns: [ids['ccm/balancer'] ?? ''] }),
    );
    return LoadBalancers?.[0]?.DNSName ?? '';
  };
  const tagZone = async (zone: string, name: string) =>
    await clients.route53.send(
      new ChangeTagsForResourceCommand({
        ResourceType: 'hostedzone',
        ResourceId: zone,
        AddTags: [{ Key: `kubernetes.io/cluster/${name}`, Value: 'shared' }],
      }),
    );
  const records = async () => [...(await there())].filter((id) => id.startsWith('route53/record/')).sort();
  const dns = (report: readonly ReportLine[]) =>
    Object.fromEntries(
      report.filter(({ kind }) => kind === 'dns-record').map(({ name, fate, reason }) => [name, [fate, reason]]),
    );

  test('go with their marks where they point at its balancers, and no other name does', async () => {
    await shared('one');
    await shared('two');
    const [mine, theirs] = [await balancer('one'), await balancer('two')];
    const zone = await hostedZone(clients, 'example.com');
    await tagZone(zone, 'one');
    await putRecords(clients, zone, marked('web.example.com', mine, 'one'));
    const before = await records();
    await putRecords(clients, zone, [
      ...marked('api.example.com', mine, 'default'),
      ...marked('two.example.com', theirs, 'default'),
      ...marked('moved.example.com', theirs, 'one'),
      alias('hand.example.com', mine),
    ]);
    expect(before).toHaveLength(2);

    const report = dns(await sweep('one'));
    expect(report).toEqual({
      'web.example.com': ['gone', expect.stringContaining('external-dns/owner=one, points at')],
      'api.example.com': ['gone', expect.stringContaining('external-dns/owner=default, points at')],
      'moved.example.com': ['refused', expect.stringContaining("which is not known to be this cluster's")],
      'hand.example.com': [
        'refused',
        expect.stringMatching(/nothing says that a controller made it: remove it yourself/),
      ],
    });
    const left = (await records()).map((id) => id.split('/').slice(-3, -1).join(' '));
    expect(left).toEqual([
      'a-moved.example.com. TXT',
      'a-two.example.com. TXT',
      'hand.example.com. A',
      'moved.example.com. A',
      'two.example.com. A',
    ]);
  });

  test('are found in zones that the cluster’s objects ask for a name in, and proved by their host names when the balancer is gone', async () => {
    await shared('one');
    await shared('one', 'elsewhere');
    const zone = await hostedZone(clients, 'shop.example.com');
    const other = await hostedZone(clients, 'example.org');
    await putRecords(clients, zone, marked('www.shop.example.com', 'gone.elb.amazonaws.com', 'default'));
    await putRecords(clients, other, marked('www.example.org', 'gone.elb.amazonaws.com', 'default'));
    const items = [
      { source: 'Ingress shop/site', ids: ['gone.elb.amazonaws.com'], dnsNames: ['www.shop.example.com'] },
    ];
    const inventory = { takenAt: world.now, items };
    const cluster = world.kube.peek<Cluster>(KINDS.Cluster, { namespace: 'default', name: 'one' });
    if (!cluster) throw new Error('no cluster');
    await writeRecord(world.kube, cluster, { inventory, report: [] }, new AbortController().signal);
    await moto.admin.addFault({ action: 'ChangeResourceRecordSets', effect: { kind: 'dropAfter' }, count: 1 });
    const report = dns(await retried(() => sweep('one')));
    expect(report).toEqual({ 'www.shop.example.com': ['gone', 'made for Ingress shop/site'] });
    expect(await records()).toHaveLength(2);
  });

  test('stay while somebody points them elsewhere between the look and the removal', async () => {
    await shared('one');
    const zone = await hostedZone(clients, 'example.com');
    await tagZone(zone, 'one');
    await putRecords(clients, zone, marked('web.example.com', await balancer('one'), 'one'));
    const { report } = await previewExternal(world.deps, key('one'));
    const line = report.find(({ kind }) => kind === 'dns-record');
    await putRecords(clients, zone, [alias('web.example.com', 'elsewhere.example.net')]);
    const { removed } = await removeNow([
      {
        kind: 'dns-record',
        id: line?.id ?? '',
        name: '',
        claim: 'owned',
        evidence: '',
        aliases: ['stale.elb.amazonaws.com'],
      },
    ]);
    expect(removed).toEqual([{ kind: 'dns-record', id: line?.id }]);
    expect(await records()).toHaveLength(2);
  });

  test.each([
    [
      'may not list them',
      async () => {
        const effect = { kind: 'error' as const, code: 'AccessDenied', status: 403 };
        await moto.admin.addFault({ action: 'ListHostedZones', effect });
        return provider;
      },
    ],
    [
      'cannot reach the service',
      async () => testProvider(moto.endpoint, { serviceEndpoints: `*:*=${moto.endpoint},route53=http://127.0.0.1:9` }),
    ],
  ])(
    'are said not to have been looked for, and nothing is held up, where the identity %s; unless they were asked for',
    async (_, make) => {
      await shared('one');
      const deps = {
        ...world.deps,
        providers: activityWorld({ provider: (await make()) as unknown as FakeProvider }).deps.providers,
      };
      const { waves, summary } = await findExternal(deps, key('one'));
      expect(waves).toEqual([]);
      expect(summary).toMatch(/^1 refused \(dns-record any: could not be looked for: /);
      annotate('one', { 'aws.cluster.x-k8s.io/external-resource-tasks-gc': 'dns-record' });
      await expect(findExternal(deps, key('one'))).rejects.toMatchObject({
        message: expect.stringContaining('ListHostedZones'),
      });
    },
  );

  test('log groups by tag: listed, kept, and gone where they are asked for', async () => {
    await shared('one');
    const mine = await logGroup(clients, 'one');
    const theirs = await logGroup(clients, 'two');
    expect(fates(await sweep('one'))).toEqual({ [mine]: 'keep' });
    annotate('one', { 'aws.cluster.x-k8s.io/external-resource-tasks-gc': 'log-group' });
    await moto.admin.addFault({ action: 'DeleteLogGroup', effect: { kind: 'dropAfter' }, count: 1 });
    expect(fates(await retried(() => sweep('one')))).toEqual({ [mine]: 'gone' });
    expect([...(await there())].filter((id) => id.startsWith('logs/'))).toEqual([`logs/group/${theirs}`]);
  });
});

describe('a cluster with a VPC of its own', () => {
  test('leaves nothing behind, though answers to every kind of change are lost', async () => {
    const before = await there();
    put('own', {});
    await ensureCluster(provider, world.kube, 'own');
    const infra = world.kube.peek<AWSCluster>(KINDS.AWSCluster, { namespace: 'default', name: 'own' });
    const subnets = (infra?.spec.network?.subnets ?? []).filter((s) => s.isPublic).map((s) => s.resourceID ?? '');
    place = { vpc: infra?.spec.network?.vpc?.id ?? '', subnets: [subnets[0] ?? '', subnets[1] ?? ''] };
    await makeAll('own');
    annotate('own', {
      'aws.cluster.x-k8s.io/external-resource-tasks-gc':
        'load-balancer,target-group,network-interface,security-group,elastic-ip,ebs-volume,ebs-snapshot',
    });
    for (const action of [
      'DeleteLoadBalancer',
      'DeleteTargetGroup',
      'DeleteNetworkInterface',
      'RevokeSecurityGroupIngress',
      'DeleteSecurityGroup',
      'ReleaseAddress',
      'DeleteVolume',
      'DeleteSnapshot',
    ])
      await moto.admin.addFault({ action, nth: [1, 3], effect: { kind: 'dropAfter' } });
    const report = await retried(() => sweep('own'), 30);
    expect(new Set(report.map((line) => line.fate))).toEqual(new Set(['gone']));
    await removeCluster(provider, world.kube, 'own');
    expect(await there()).toEqual(before);
  });

  test('costs few reads when there is nothing, and no change', async () => {
    put('own', {});
    await ensureCluster(provider, world.kube, 'own');
    const { sequence } = await moto.admin.journalSummary();
    expect((await findExternal(world.deps, key('own'))).waves).toEqual([]);
    const calls = await moto.admin.journal({ since: sequence });
    expect(calls.filter((call) => call.mutating)).toEqual([]);
    expect(calls.length).toBeLessThan(24);
  });
});
