import { describe, expect, test } from '@jest/globals';
import type { MachinePool, MachinePoolSpec } from '../types/index.js';
import { DEFAULT_GATES } from './context.js';
import { defaultMachinePool, validateMachinePool } from './machine-pool.js';

const ctx = { dryRun: false, gates: { ...DEFAULT_GATES, MachineTaintPropagation: true } };
const MIN = 'cluster.x-k8s.io/cluster-api-autoscaler-node-group-min-size';
const MAX = 'cluster.x-k8s.io/cluster-api-autoscaler-node-group-max-size';
type MachineSpec = MachinePoolSpec['template']['spec'];

function pool(spec: Partial<MachinePoolSpec> = {}, machine: Partial<MachineSpec> = {}): MachinePool {
  const infrastructureRef = { apiGroup: 'infrastructure.cluster.x-k8s.io', kind: 'AWSMachinePool', name: 'p' };
  return {
    apiVersion: 'cluster.x-k8s.io/v1beta2',
    kind: 'MachinePool',
    metadata: { name: 'p', namespace: 'ns' },
    spec: {
      clusterName: 'c',
      template: {
        spec: { clusterName: 'c', bootstrap: { dataSecretName: 's' }, infrastructureRef, ...machine },
      },
      ...spec,
    },
  };
}

describe('defaults of MachinePool', () => {
  test('label it, count one machine, complete the version and the node deletion timeout', () => {
    const out = defaultMachinePool(pool({}, { version: '1.34.0' }), undefined);
    expect(out.metadata.labels).toEqual({ 'cluster.x-k8s.io/cluster-name': 'c' });
    expect(out.spec.replicas).toBe(1);
    expect(out.spec.template.spec).toMatchObject({
      version: 'v1.34.0',
      deletion: { nodeDeletionTimeoutSeconds: 10 },
    });
  });

  test('keep the replicas of an autoscaler within its annotations', () => {
    const annotated = pool();
    annotated.metadata.annotations = { [MIN]: '2', [MAX]: '5' };
    expect(defaultMachinePool(annotated, undefined).spec.replicas).toBe(2);
    expect(defaultMachinePool(annotated, pool({ replicas: 9 })).spec.replicas).toBe(5);
    expect(defaultMachinePool(annotated, pool({ replicas: 4 })).spec.replicas).toBe(4);
  });
});

describe('validation of MachinePool', () => {
  test('admits the least', () => {
    expect(validateMachinePool(pool(), undefined, ctx).errors).toEqual([]);
  });

  test.each<[string, MachinePool, string, string]>([
    ['no bootstrap data', pool({}, { bootstrap: {} }), 'spec.template.spec.bootstrap', 'set configRef'],
    ['another cluster in the template', pool({}, { clusterName: 'd' }), 'spec.clusterName', 'must be the same as'],
    ['a version that is none', pool({}, { version: 'v1' }), 'spec.template.spec.version', 'semantic version'],
    [
      'taints, whatever the gate says',
      pool({}, { taints: [{ key: 'a', effect: 'NoSchedule', propagation: 'Always' }] }),
      'spec.template.spec.taints',
      'takes no taints',
    ],
    ['fewer than none', pool({ replicas: -1 }), 'spec.replicas', '0 or more'],
    [
      'labels that are none',
      pool({ template: { ...pool().spec.template, metadata: { labels: { '/': '' } } } }),
      'spec.template.metadata.labels',
      '',
    ],
  ])('refuses %s', (_, object, path, message) => {
    const [error] = validateMachinePool(object, undefined, ctx).errors;
    expect(error).toMatchObject({ path, message: expect.stringContaining(message) });
  });

  test('refuses to move to another cluster', () => {
    const moved = pool({ clusterName: 'd' }, { clusterName: 'd' });
    expect(validateMachinePool(moved, pool(), ctx).errors).toMatchObject([{ path: 'spec.clusterName' }]);
  });
});
