import { describe, expect, test } from '@jest/globals';
import { claimOf, isInfrastructure } from './claims.js';

const me = { clusterName: 'demo', clusterId: 'id-1' };

describe('what tags say of whose a resource is', () => {
  test.each<[string, Record<string, string>, object | undefined]>([
    ['nothing', { Name: 'x' }, undefined],
    ['another cluster', { 'kubernetes.io/cluster/other': 'owned' }, undefined],
    ['a cluster whose name begins alike', { 'kubernetes.io/cluster/demo-2': 'owned' }, undefined],
    [
      'the cloud controller manager',
      { 'kubernetes.io/cluster/demo': 'owned', 'kubernetes.io/service-name': 'default/web' },
      { claim: 'owned', evidence: 'kubernetes.io/cluster/demo=owned' },
    ],
    [
      'a share',
      { 'kubernetes.io/cluster/demo': 'shared' },
      { claim: 'shared', evidence: 'kubernetes.io/cluster/demo=shared' },
    ],
    [
      'the load balancer controller',
      { 'elbv2.k8s.aws/cluster': 'demo' },
      { claim: 'owned', evidence: 'elbv2.k8s.aws/cluster=demo' },
    ],
    [
      'its first version',
      { 'ingress.k8s.aws/cluster': 'demo' },
      { claim: 'owned', evidence: 'ingress.k8s.aws/cluster=demo' },
    ],
    [
      'the CSI driver',
      { 'ebs.csi.aws.com/cluster-name': 'demo' },
      { claim: 'owned', evidence: 'ebs.csi.aws.com/cluster-name=demo' },
    ],
    [
      'the network plug-in',
      { 'cluster.k8s.amazonaws.com/name': 'demo' },
      { claim: 'owned', evidence: 'cluster.k8s.amazonaws.com/name=demo' },
    ],
    [
      'the id alone',
      { 'perdure.dev/id': 'id-1' },
      { claim: 'owned', evidence: 'perdure.dev/id=id-1', clusterId: 'id-1' },
    ],
    ['another id', { 'perdure.dev/id': 'id-2' }, undefined],
    [
      'another id beside the name',
      { 'perdure.dev/id': 'id-2', 'kubernetes.io/cluster/demo': 'owned' },
      { claim: 'owned', evidence: 'kubernetes.io/cluster/demo=owned', clusterId: 'id-2' },
    ],
    [
      'two clusters',
      { 'kubernetes.io/cluster/demo': 'owned', 'kubernetes.io/cluster/b': 'shared', 'elbv2.k8s.aws/cluster': 'a' },
      { claim: 'owned', evidence: 'kubernetes.io/cluster/demo=owned', others: ['a', 'b'] },
    ],
    [
      'owned by one family, shared by another',
      { 'kubernetes.io/cluster/demo': 'shared', 'elbv2.k8s.aws/cluster': 'demo' },
      { claim: 'owned', evidence: 'elbv2.k8s.aws/cluster=demo' },
    ],
  ])('%s', (_, tags, expected) => {
    expect(claimOf(tags, me)).toEqual(expected);
  });

  test('what a provider made is not external', () => {
    expect(isInfrastructure({ 'sigs.k8s.io/cluster-api-provider-aws/cluster/demo': 'owned' })).toBe(true);
    expect(isInfrastructure({ 'perdure.dev/key': 'sg/lb' })).toBe(true);
    expect(isInfrastructure({ 'kubernetes.io/cluster/demo': 'owned', 'perdure.dev/id': 'id-1' })).toBe(false);
  });
});
