import { DeleteSecurityGroupCommand, DescribeSecurityGroupsCommand } from '@aws-sdk/client-ec2';
import { describe, expect, jest, test } from '@jest/globals';
import {
  allow,
  ccmResources,
  cniInterface,
  dataResources,
  defaultGroup,
  lbcResources,
  securityGroup,
} from '../../../../../test/helpers/external-resources.js';
import { externalWorld, fates } from '../../../../../test/helpers/external-world.js';
import type { AWSCluster } from '../../../../api/types/aws.js';
import { KINDS } from '../../../../api/types/kinds.js';
import { findExternal, previewExternal } from '../../../collect/sweep.js';
import { ensureCluster, removeCluster, retried } from '../testing.js';

jest.setTimeout(120_000);

const w = externalWorld();

async function makeAll(name: string): Promise<Record<string, string>> {
  const made = [
    await ccmResources(w.clients, w.place, name),
    await lbcResources(w.clients, w.place, name),
    await dataResources(w.clients, name),
  ];
  return { ...Object.assign({}, ...made.map((m) => m.ids)), interface: await cniInterface(w.clients, w.place, name) };
}

describe('external resources of a cluster that shares its VPC with another', () => {
  test('go, all of them, but what holds data and what the other cluster has', async () => {
    await w.shared('one');
    await w.shared('two');
    const mine = await makeAll('one');
    const theirs = await makeAll('two');
    const preview = await previewExternal(w.world.deps, w.key('one'));
    const data = [mine['data/volume'], mine['data/snapshot']];
    const expected = Object.fromEntries(Object.values(mine).map((id) => [id, data.includes(id) ? 'keep' : 'delete']));
    expect(fates(preview.report)).toEqual(expected);

    const report = await w.sweep('one');
    expect(fates(report)).toEqual(
      Object.fromEntries(Object.entries(expected).map(([id, fate]) => [id, fate === 'delete' ? 'gone' : fate])),
    );
    const after = await previewExternal(w.world.deps, w.key('two'));
    expect(Object.keys(fates(after.report)).sort()).toEqual(Object.values(theirs).sort());
    await removeCluster(w.provider, w.world.kube, 'one');
  });

  test('include volumes and snapshots where they are asked for, and then nothing else', async () => {
    await w.shared('one');
    const mine = await makeAll('one');
    w.annotate('one', { 'aws.cluster.x-k8s.io/external-resource-tasks-gc': 'ebs-volume,ebs-snapshot' });
    const gone = Object.entries(fates(await w.sweep('one'))).filter(([, fate]) => fate === 'gone');
    expect(gone.map(([id]) => id).sort()).toEqual([mine['data/volume'], mine['data/snapshot']].sort());
  });

  test('hold nothing up where those that stay anyway may not be listed, and fail where they were asked for', async () => {
    await w.shared('one');
    await makeAll('one');
    for (const action of ['DescribeSnapshots', 'DescribeVolumes'])
      await w.moto.admin.addFault({ action, effect: { kind: 'error', code: 'UnauthorizedOperation' } });
    const report = await w.sweep('one');
    const unknown = report.filter(({ fate }) => fate !== 'gone');
    expect(unknown.map(({ kind, fate }) => [kind, fate])).toEqual([
      ['ebs-volume', 'refused'],
      ['ebs-snapshot', 'refused'],
    ]);
    expect(unknown[0]?.reason).toMatch(/could not be looked for: DescribeVolumes: UnauthorizedOperation.*grant/);
    w.annotate('one', { 'aws.cluster.x-k8s.io/external-resource-tasks-gc': 'ebs-volume' });
    await expect(findExternal(w.world.deps, w.key('one'))).rejects.toMatchObject({
      type: 'Unauthorized',
      message: expect.stringContaining('DescribeVolumes'),
    });
  });

  test('stay when collection is turned off', async () => {
    await w.shared('one');
    await makeAll('one');
    const before = await w.there();
    w.annotate('one', { 'aws.cluster.x-k8s.io/external-resource-gc': 'false' });
    const report = await w.sweep('one');
    expect(new Set(report.map((line) => line.fate))).toEqual(new Set(['keep']));
    expect(await w.there()).toEqual(before);
  });

  test('are refused when a cluster of the same name could own them, in this VPC or in another', async () => {
    await w.shared('one');
    await w.shared('one', 'elsewhere');
    const { ids } = await ccmResources(w.clients, w.place, 'one');
    const report = await w.sweep('one');
    expect(report.map((line) => [line.id, line.fate]).sort()).toEqual(
      Object.values(ids)
        .map((id) => [id, 'refused'])
        .sort(),
    );
    expect(report[0]?.reason).toMatch(/could mean a cluster called one with security group/);
  });

  test('wait for what holds them, which is named: a rule in a group that is not the cluster’s', async () => {
    await w.shared('one');
    const { ids } = await lbcResources(w.clients, w.place, 'one');
    const users = await securityGroup(w.clients, w.place.vpc, 'users', { Name: 'users' });
    await allow(w.clients, users, ids['lbc/backend'] ?? '');
    let told = '';
    w.world.onBeat = (beat) => {
      if (!beat.includes('users')) return;
      told = beat;
      void w.clients.ec2.send(new DeleteSecurityGroupCommand({ GroupId: users }));
    };
    expect(new Set((await w.sweep('one')).map((line) => line.fate))).toEqual(new Set(['gone']));
    expect(told).toMatch(/a rule of security group sg-\w+ \(users\) refers to it, which is not this cluster's/);
  });

  test("let go of the default group's rules that name them, and of no other", async () => {
    await w.shared('one');
    await lbcResources(w.clients, w.place, 'one');
    const users = await securityGroup(w.clients, w.place.vpc, 'users', { Name: 'users' });
    const group = await defaultGroup(w.clients, w.place.vpc);
    await allow(w.clients, group, users);
    await w.sweep('one');
    const { SecurityGroups } = await w.clients.ec2.send(new DescribeSecurityGroupsCommand({ GroupIds: [group] }));
    const pairs = SecurityGroups?.[0]?.IpPermissions?.flatMap((p) => p.UserIdGroupPairs ?? []) ?? [];
    expect(pairs.map((pair) => pair.GroupId)).toContain(users);
    expect(pairs.map((pair) => pair.GroupId).filter((id) => id !== users && id !== group)).toEqual([]);
  });
});

describe('a cluster with a VPC of its own', () => {
  test('leaves nothing behind, though answers to every kind of change are lost', async () => {
    const before = await w.there();
    w.put('own', {});
    await ensureCluster(w.provider, w.world.kube, 'own');
    const infra = w.world.kube.peek<AWSCluster>(KINDS.AWSCluster, { namespace: 'default', name: 'own' });
    const subnets = (infra?.spec.network?.subnets ?? []).filter((s) => s.isPublic).map((s) => s.resourceID ?? '');
    w.place = { vpc: infra?.spec.network?.vpc?.id ?? '', subnets: [subnets[0] ?? '', subnets[1] ?? ''] };
    await makeAll('own');
    w.annotate('own', {
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
      await w.moto.admin.addFault({ action, nth: [1, 3], effect: { kind: 'dropAfter' } });
    const report = await retried(() => w.sweep('own'), 30);
    expect(new Set(report.map((line) => line.fate))).toEqual(new Set(['gone']));
    await removeCluster(w.provider, w.world.kube, 'own');
    expect(await w.there()).toEqual(before);
  });

  test('costs few reads when there is nothing, and no change', async () => {
    w.put('own', {});
    await ensureCluster(w.provider, w.world.kube, 'own');
    const { sequence } = await w.moto.admin.journalSummary();
    expect((await findExternal(w.world.deps, w.key('own'))).waves).toEqual([]);
    const calls = await w.moto.admin.journal({ since: sequence });
    expect(calls.filter((call) => call.mutating)).toEqual([]);
    expect(calls.length).toBeLessThan(24);
  });
});
