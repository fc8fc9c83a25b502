import type { SecurityGroup } from '@aws-sdk/client-ec2';
import { describe, expect, test } from '@jest/globals';
import type { AWSCluster } from '../../../../api/types/aws.js';
import type { ClusterView } from '../scope.js';
import { referencesTo } from './references.js';

const view = (spec: object, status: object = {}): ClusterView => ({
  clusterName: 'demo',
  clusterId: 'id-1',
  namespace: 'default',
  region: 'r',
  apiServerPort: 6443,
  object: { metadata: { name: 'demo' }, spec, status } as AWSCluster,
});
const byo = view({ network: { vpc: { id: 'vpc-1' } } });
const from = (...ids: string[]): Partial<SecurityGroup> => ({
  IpPermissions: [
    { IpProtocol: 'tcp', FromPort: 80, ToPort: 80, UserIdGroupPairs: ids.map((GroupId) => ({ GroupId })) },
    { IpProtocol: 'tcp', FromPort: 22, ToPort: 22, IpRanges: [{ CidrIp: '10.0.0.0/8' }] },
  ],
});
const group = (GroupId: string, tags: Record<string, string>, more: Partial<SecurityGroup> = {}): SecurityGroup => ({
  GroupId,
  GroupName: GroupId,
  Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
  ...more,
});
const upstreams = { 'sigs.k8s.io/cluster-api-provider-aws/cluster/demo': 'owned' };

describe('references to groups that go', () => {
  test('are found in both directions, and only the rules that name such a group', () => {
    const groups = [
      group('sg-a', {}, from('sg-b', 'sg-x')),
      group('sg-b', {}, { IpPermissionsEgress: from('sg-a').IpPermissions }),
      group('sg-c', {}, from('sg-x')),
    ];
    const found = referencesTo(byo, groups, new Set(['sg-a', 'sg-b']));
    expect(
      found.map(({ group: g, ingress, egress, free }) => [g.GroupId, ingress.length, egress.length, free]),
    ).toEqual([
      ['sg-a', 1, 0, true],
      ['sg-b', 0, 1, true],
    ]);
  });

  test.each<[string, ClusterView, SecurityGroup, boolean]>([
    ["the cluster's own group", byo, group('sg-n', { 'perdure.dev/id': 'id-1' }, from('sg-a')), true],
    ["the VPC's default group", byo, group('sg-d', {}, { ...from('sg-a'), GroupName: 'default' }), true],
    ["a user's group", byo, group('sg-u', {}, from('sg-a')), false],
    ["another cluster's group", byo, group('sg-o', { 'perdure.dev/id': 'id-2', ...upstreams }, from('sg-a')), false],
    ["upstream's in a foreign VPC", byo, group('sg-p', upstreams, from('sg-a')), false],
    [
      "upstream's that the status names",
      view(byo.object.spec, { networkStatus: { securityGroups: { node: { id: 'sg-p' } } } }),
      group('sg-p', upstreams, from('sg-a')),
      true,
    ],
    ["upstream's in the cluster's VPC", view({ network: { vpc: {} } }), group('sg-p', upstreams, from('sg-a')), true],
  ])('may be taken from %s: %#', (_, who, one, free) => {
    expect(referencesTo(who, [one], new Set(['sg-a'])).map((r) => r.free)).toEqual([free]);
  });
});
