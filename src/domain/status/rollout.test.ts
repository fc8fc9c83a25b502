import { expect, test } from '@jest/globals';
import { aCluster, aMachine } from '../../../test/helpers/fake-objects.js';
import { aMachineDeployment } from '../../../test/helpers/fake-owners.js';
import type { Machine, MachineSet } from '../../api/types/index.js';
import { ownerReference } from '../contract.js';
import { rolloutState } from './rollout.js';

test('a machine on its way out takes up room, is told from those that stay, and is not available', () => {
  const cluster = aCluster();
  const deployment = aMachineDeployment(cluster, { replicas: 3 });
  const set = {
    apiVersion: 'cluster.x-k8s.io/v1beta2',
    kind: 'MachineSet',
    metadata: { name: 's', namespace: 'default', uid: 's', creationTimestamp: '2026-01-01T00:00:00Z' },
    spec: { ...deployment.spec, replicas: 2 },
  } as unknown as MachineSet;
  const machine = (name: string, deletionTimestamp?: string): Machine => {
    const made = aMachine(cluster, { name });
    const ownerReferences = [ownerReference(set, { controller: true })];
    const conditions = [{ type: 'Available', status: 'True', reason: 'Available' }];
    return {
      ...made,
      metadata: { ...made.metadata, ownerReferences, ...(deletionTimestamp ? { deletionTimestamp } : {}) },
      status: { ...made.status, conditions },
    } as Machine;
  };
  const machines = [machine('a'), machine('b'), machine('c', '2026-01-02T00:00:00Z')];
  expect(rolloutState(deployment, [set], undefined, machines, false).old).toEqual([
    expect.objectContaining({ name: 's', replicas: 2, present: 3, deleting: 1, available: 2 }),
  ]);
});
