import { describe, expect, test } from '@jest/globals';
import { FakeKube } from '../../../../test/helpers/fake-kube.js';
import { aCluster } from '../../../../test/helpers/fake-objects.js';
import type { AWSCluster } from '../../../api/types/aws.js';
import { KINDS } from '../../../api/types/kinds.js';
import { PerdureError } from '../../../domain/errors.js';
import type { ClusterContext } from '../port.js';
import type { Cloud } from './cloud.js';
import { defineTask, type TaskDefinition } from './task.js';

const infraCluster: AWSCluster = {
  apiVersion: 'infrastructure.cluster.x-k8s.io/v1beta2',
  kind: 'AWSCluster',
  metadata: { name: 'demo', namespace: 'default' },
  spec: { region: 'eu-west-1' },
} as AWSCluster;

/** Runs a task of that condition that fails with `error` whatever it is asked; answers what the AWSCluster then says. */
async function failing(condition: TaskDefinition<unknown>['condition'], error: Error, verb: 'apply' | 'remove') {
  const kube = new FakeKube();
  kube.put(infraCluster);
  const deps = { now: () => new Date('2026-01-01T00:00:00Z') };
  const cloud = { deps, open: async () => ({}) } as unknown as Cloud;
  const fail = () => Promise.reject(error);
  const task = defineTask(cloud, {
    id: 'part',
    title: 'Ensure a part',
    dependsOn: [],
    condition,
    observe: async () => undefined,
    plan: () => [{ action: 'create', what: 'part' } as never],
    apply: fail,
    remove: fail,
  });
  const signal = new AbortController().signal;
  const ctx = {
    kube,
    signal,
    cluster: aCluster(),
    infraCluster,
    clusterId: 'id',
  } as unknown as ClusterContext<AWSCluster>;
  await expect(verb === 'apply' ? task.apply(ctx, undefined, []) : task.remove(ctx)).rejects.toThrow(error.message);
  const stored = await kube.get<AWSCluster>(KINDS.AWSCluster, { namespace: 'default', name: 'demo' }, signal);
  return (stored?.status?.conditions ?? []).map((c) => `${c.type} ${c.status} ${c.reason}: ${c.message ?? ''}`);
}

describe('a part of a cluster', () => {
  const denied = new PerdureError('Unauthorized', 'the role may not do this');
  const PARTS = [
    ['VpcReady', 'VpcReconciliationFailed'],
    ['SubnetsReady', 'SubnetsReconciliationFailed'],
    ['InternetGatewayReady', 'InternetGatewayFailed'],
    ['NatGatewaysReady', 'NatGatewaysReconciliationFailed'],
    ['RouteTablesReady', 'RouteTableReconciliationFailed'],
    ['ClusterSecurityGroupsReady', 'ClusterSecurityGroupReconciliationFailed'],
    ['LoadBalancerReady', 'LoadBalancerFailed'],
  ] as const;

  test.each(PARTS)('that cannot be made says so: %s, %s', async (condition, reason) => {
    expect(await failing(condition, denied, 'apply')).toEqual([`${condition} False ${reason}: ${denied.message}`]);
  });

  test.each(PARTS.map(([condition]) => condition))('that cannot be removed says so: %s', async (condition) => {
    expect(await failing(condition, denied, 'remove')).toEqual([
      `${condition} False DeletingFailed: ${denied.message}`,
    ]);
  });

  test('says nothing of a failure that passes by itself', async () => {
    expect(await failing('VpcReady', new PerdureError('Throttled', 'too many calls'), 'apply')).toEqual([]);
  });
});
