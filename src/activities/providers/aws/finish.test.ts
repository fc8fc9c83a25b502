import { expect, test } from '@jest/globals';
import { FakeKube } from '../../../../test/helpers/fake-kube.js';
import { aCluster } from '../../../../test/helpers/fake-objects.js';
import type { AWSCluster, AWSClusterSpec } from '../../../api/types/aws.js';
import { KINDS } from '../../../api/types/kinds.js';
import type { ClusterContext } from '../port.js';
import type { Cloud } from './cloud.js';
import { finishCluster } from './finish.js';

test.each<[string, Partial<AWSClusterSpec>]>([
  ['WaitForDNSName', {}],
  ['WaitForExternalControlPlaneEndpoint', { controlPlaneLoadBalancer: { loadBalancerType: 'disabled' } }],
])('a cluster without an endpoint is not ready, and says what it waits for: %s', async (reason, spec) => {
  const infraCluster = {
    apiVersion: 'infrastructure.cluster.x-k8s.io/v1beta2',
    kind: 'AWSCluster',
    metadata: { name: 'demo', namespace: 'default' },
    spec: { region: 'eu-west-1', ...spec },
  } as AWSCluster;
  const kube = new FakeKube();
  kube.put(infraCluster);
  const cloud = { deps: { now: () => new Date('2026-01-01T00:00:00Z') }, open: async () => ({}) } as unknown as Cloud;
  const { signal } = new AbortController();
  const ctx = { kube, signal, cluster: aCluster(), infraCluster, clusterId: 'id' };
  expect(await finishCluster(cloud, ctx as unknown as ClusterContext<AWSCluster>)).toBe(false);
  const stored = await kube.get<AWSCluster>(KINDS.AWSCluster, { namespace: 'default', name: 'demo' }, signal);
  expect(stored?.status?.conditions).toEqual(
    expect.arrayContaining(
      ['LoadBalancerReady', 'Ready'].map((type) => expect.objectContaining({ type, status: 'False', reason })),
    ),
  );
});
