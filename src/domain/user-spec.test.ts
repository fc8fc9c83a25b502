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

  test('changes with what people set', () => {
    expect(wishOf(machine({ clusterName: 'c', version: 'v1' }))).not.toBe(
      wishOf(machine({ clusterName: 'c', version: 'v2' })),
    );
  });

  test('is the generation for kinds whose spec only people write', () => {
    expect(wishOf({ apiVersion: 'a/v1', kind: 'MachineDeployment', metadata: { name: 'm', generation: 7 } })).toBe('7');
  });
});
