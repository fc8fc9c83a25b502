import { describe, expect, test } from '@jest/globals';
import { wishOf } from './user-spec.js';

const machine = (spec: Record<string, unknown>, generation = 1) => ({
  apiVersion: 'cluster.x-k8s.io/v1beta2',
  kind: 'Machine',
  metadata: { name: 'm', generation },
  spec,
});

describe('wishOf', () => {
  test('is not changed by what controllers fill in', () => {
    const before = machine({ clusterName: 'c', bootstrap: { configRef: { name: 'x' } } });
    const after = machine(
      {
        clusterName: 'c',
        bootstrap: { configRef: { name: 'x' }, dataSecretName: 's' },
        providerID: 'aws:///a/i-1',
        failureDomain: 'a',
      },
      4,
    );
    expect(wishOf(after)).toBe(wishOf(before));
  });

  test('sees through ids filled into the subnets of a network, not through subnets added', () => {
    const cluster = (subnets: unknown[]) => ({
      apiVersion: 'infrastructure.cluster.x-k8s.io/v1beta2',
      kind: 'AWSCluster',
      metadata: { name: 'c', generation: subnets.length },
      spec: { region: 'r', network: { vpc: { id: `vpc-${subnets.length}` }, subnets } },
    });
    const bare = wishOf(cluster([{ id: 'a' }]));
    expect(wishOf(cluster([{ id: 'a', resourceID: 'subnet-1' }]))).toBe(bare);
    expect(wishOf(cluster([{ id: 'a' }, { id: 'b' }]))).not.toBe(bare);
  });

  test('does not count subnets that were planned because nobody named any', () => {
    const cluster = (network: object) => ({
      apiVersion: 'infrastructure.cluster.x-k8s.io/v1beta2',
      kind: 'AWSCluster',
      metadata: { name: 'c' },
      spec: { region: 'r', network },
    });
    const planned = { id: 'c-subnet-public-us-east-1a', cidrBlock: '10.0.0.0/20', isPublic: true };
    const bare = wishOf(cluster({}));
    const defaults = {
      availabilityZoneSelection: 'Ordered',
      availabilityZoneUsageLimit: 3,
      subnetSchema: 'PreferPrivate',
    };
    expect(wishOf(cluster({ vpc: { ...defaults, id: 'vpc-1', cidrBlock: '10.0.0.0/16', tags: { a: 'b' } } }))).toBe(
      bare,
    );
    expect(wishOf(cluster({ vpc: { ...defaults, availabilityZoneUsageLimit: 2 } }))).not.toBe(bare);
    expect(wishOf(cluster({ vpc: { id: 'vpc-1' }, subnets: [planned] }))).toBe(bare);
    expect(wishOf(cluster({ vpc: {}, subnets: [planned, { id: 'mine' }] }))).not.toBe(bare);
    expect(wishOf(cluster({ subnets: [{ id: 'other-subnet-public-a' }] }))).not.toBe(bare);
  });

  test('changes with what people set', () => {
    expect(wishOf(machine({ clusterName: 'c', version: 'v1' }))).not.toBe(
      wishOf(machine({ clusterName: 'c', version: 'v2' })),
    );
  });

  test('is the generation for kinds whose spec only people write', () => {
    expect(wishOf({ apiVersion: 'a/v1', kind: 'MachineDeployment', metadata: { name: 'm', generation: 7 } })).toBe('7');
  });
});
