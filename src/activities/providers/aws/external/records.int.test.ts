import { DescribeLoadBalancersCommand } from '@aws-sdk/client-elastic-load-balancing-v2';
import { ChangeTagsForResourceCommand } from '@aws-sdk/client-route-53';
import { describe, expect, jest, test } from '@jest/globals';
import { activityWorld } from '../../../../../test/helpers/activity-world.js';
import {
  alias,
  ccmResources,
  hostedZone,
  logGroup,
  marked,
  putRecords,
} from '../../../../../test/helpers/external-resources.js';
import { externalWorld, fates } from '../../../../../test/helpers/external-world.js';
import type { FakeProvider } from '../../../../../test/helpers/fake-provider.js';
import type { Cluster } from '../../../../api/types/core.js';
import { KINDS } from '../../../../api/types/kinds.js';
import type { ReportLine } from '../../../../domain/collect/report.js';
import { writeRecord } from '../../../collect/record.js';
import { findExternal, previewExternal } from '../../../collect/sweep.js';
import { retried, testProvider } from '../testing.js';

jest.setTimeout(120_000);

const w = externalWorld();

describe('names and logs of a cluster that shares its account', () => {
  /** Host name of the network balancer that the cloud controller manager made. */
  const balancer = async (name: string): Promise<string> => {
    const { ids } = await ccmResources(w.clients, w.place, name);
    const { LoadBalancers } = await w.clients.elbv2.send(
      new DescribeLoadBalancersCommand({ LoadBalancerArns: [ids['ccm/balancer'] ?? ''] }),
    );
    return LoadBalancers?.[0]?.DNSName ?? '';
  };
  const tagZone = async (zone: string, name: string) =>
    await w.clients.route53.send(
      new ChangeTagsForResourceCommand({
        ResourceType: 'hostedzone',
        ResourceId: zone,
        AddTags: [{ Key: `kubernetes.io/cluster/${name}`, Value: 'shared' }],
      }),
    );
  const records = async () => [...(await w.there())].filter((id) => id.startsWith('route53/record/')).sort();
  const dns = (report: readonly ReportLine[]) =>
    Object.fromEntries(
      report.filter(({ kind }) => kind === 'dns-record').map(({ name, fate, reason }) => [name, [fate, reason]]),
    );

  test('go with their marks where they point at its balancers, and no other name does', async () => {
    await w.shared('one');
    await w.shared('two');
    const [mine, theirs] = [await balancer('one'), await balancer('two')];
    const zone = await hostedZone(w.clients, 'example.com');
    await tagZone(zone, 'one');
    await putRecords(w.clients, zone, marked('web.example.com', mine, 'one'));
    const before = await records();
    await putRecords(w.clients, zone, [
      ...marked('api.example.com', mine, 'default'),
      ...marked('two.example.com', theirs, 'default'),
      ...marked('moved.example.com', theirs, 'one'),
      alias('hand.example.com', mine),
    ]);
    expect(before).toHaveLength(2);

    const report = dns(await w.sweep('one'));
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
    await w.shared('one');
    await w.shared('one', 'elsewhere');
    const zone = await hostedZone(w.clients, 'shop.example.com');
    const other = await hostedZone(w.clients, 'example.org');
    await putRecords(w.clients, zone, marked('www.shop.example.com', 'gone.elb.amazonaws.com', 'default'));
    await putRecords(w.clients, other, marked('www.example.org', 'gone.elb.amazonaws.com', 'default'));
    const items = [
      { source: 'Ingress shop/site', ids: ['gone.elb.amazonaws.com'], dnsNames: ['www.shop.example.com'] },
    ];
    const inventory = { takenAt: w.world.now, items };
    const cluster = w.world.kube.peek<Cluster>(KINDS.Cluster, { namespace: 'default', name: 'one' });
    if (!cluster) throw new Error('no cluster');
    await writeRecord(w.world.kube, cluster, { inventory, report: [] }, new AbortController().signal);
    await w.moto.admin.addFault({ action: 'ChangeResourceRecordSets', effect: { kind: 'dropAfter' }, count: 1 });
    const report = dns(await retried(() => w.sweep('one')));
    expect(report).toEqual({ 'www.shop.example.com': ['gone', 'made for Ingress shop/site'] });
    expect(await records()).toHaveLength(2);
  });

  test('stay while somebody points them elsewhere between the look and the removal', async () => {
    await w.shared('one');
    const zone = await hostedZone(w.clients, 'example.com');
    await tagZone(zone, 'one');
    await putRecords(w.clients, zone, marked('web.example.com', await balancer('one'), 'one'));
    const { report } = await previewExternal(w.world.deps, w.key('one'));
    const line = report.find(({ kind }) => kind === 'dns-record');
    await putRecords(w.clients, zone, [alias('web.example.com', 'elsewhere.example.net')]);
    const removed = await w.removeNow('one', [
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
        await w.moto.admin.addFault({ action: 'ListHostedZones', effect });
        return w.provider;
      },
    ],
    [
      'cannot reach the service',
      async () =>
        testProvider(w.moto.endpoint, { serviceEndpoints: `*:*=${w.moto.endpoint},route53=http://127.0.0.1:9` }),
    ],
  ])(
    'are said not to have been looked for, and nothing is held up, where the identity %s; unless they were asked for',
    async (_, make) => {
      await w.shared('one');
      const deps = {
        ...w.world.deps,
        providers: activityWorld({ provider: (await make()) as unknown as FakeProvider }).deps.providers,
      };
      const { waves, summary } = await findExternal(deps, w.key('one'));
      expect(waves).toEqual([]);
      expect(summary).toMatch(/^1 refused \(dns-record any: could not be looked for: /);
      w.annotate('one', { 'aws.cluster.x-k8s.io/external-resource-tasks-gc': 'dns-record' });
      await expect(findExternal(deps, w.key('one'))).rejects.toMatchObject({
        message: expect.stringContaining('ListHostedZones'),
      });
    },
  );

  test('log groups by tag: listed, kept, and gone where they are asked for', async () => {
    await w.shared('one');
    const mine = await logGroup(w.clients, 'one');
    const theirs = await logGroup(w.clients, 'two');
    expect(fates(await w.sweep('one'))).toEqual({ [mine]: 'keep' });
    w.annotate('one', { 'aws.cluster.x-k8s.io/external-resource-tasks-gc': 'log-group' });
    await w.moto.admin.addFault({ action: 'DeleteLogGroup', effect: { kind: 'dropAfter' }, count: 1 });
    expect(fates(await retried(() => w.sweep('one')))).toEqual({ [mine]: 'gone' });
    expect([...(await w.there())].filter((id) => id.startsWith('logs/'))).toEqual([`logs/group/${theirs}`]);
  });
});
