import { describe, expect, test } from '@jest/globals';
import type { KubeObject } from '../../api/types/meta.js';
import { fieldChanges } from './changes.js';

const an = (kind: string, spec: object): KubeObject =>
  ({ apiVersion: 'cluster.x-k8s.io/v1beta2', kind, metadata: { name: 'demo' }, spec }) as KubeObject;
const AFTER = { rollout: { after: '2026-03-01T00:00:00Z' } };

describe('a changed field', () => {
  test.each<[kind: string, before: object, after: object, effect: string]>([
    ['KubeadmControlPlane', {}, AFTER, 'replaces older machines once it has passed'],
    ['KubeadmControlPlane', AFTER, {}, 'counts for rollouts'],
    [
      'KubeadmControlPlane',
      {},
      { rollout: { before: { certificatesExpiryDays: 30 } } },
      'replaces machines whose certificates expire so soon',
    ],
    ['KubeadmControlPlane', {}, { rollout: { strategy: { rollingUpdate: { maxSurge: 0 } } } }, 'counts for rollouts'],
    ['KubeadmControlPlane', {}, { remediation: { maxRetry: 3 } }, 'counts for replacements of unhealthy machines'],
    [
      'KubeadmControlPlane',
      {},
      { machineTemplate: { spec: { taints: [{ key: 'a', effect: 'NoSchedule' }] } } },
      'changes machines in place',
    ],
    [
      'KubeadmControlPlane',
      {},
      { kubeadmConfigSpec: { joinConfiguration: { nodeRegistration: { taints: [{ key: 'a' }] } } } },
      'replaces machines',
    ],
    ['MachineDeployment', {}, AFTER, 'replaces older machines once it has passed'],
    ['MachineDeployment', AFTER, {}, 'counts for rollouts'],
    ['MachineDeployment', {}, { rollout: { strategy: { type: 'OnDelete' } } }, 'counts for rollouts'],
    ['MachineDeployment', {}, { remediation: { maxInFlight: 1 } }, 'counts for replacements of unhealthy machines'],
    [
      'MachineDeployment',
      {},
      { template: { spec: { taints: [{ key: 'a', effect: 'NoSchedule' }] } } },
      'changes machines in place',
    ],
  ])('of %s from %j to %j has its effect', (kind, before, after, effect) => {
    const changes = fieldChanges(an(kind, { name: 'x', ...before }), an(kind, { name: 'x', ...after }));
    expect(changes.map((c) => c.effect)).toEqual([effect]);
  });
});
