import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Condition } from '../../api/types/meta.js';
import { type Assessment, assessTarget, type HealthTarget, type TargetRules } from './target.js';

const NOW = Date.parse('2026-01-01T01:00:00Z');
const ago = (seconds: number): string => new Date(NOW - seconds * 1_000).toISOString();
const condition = (type: string, status: Condition['status'], seconds = 3_600): Condition => ({
  type,
  status,
  reason: 'R',
  message: '',
  lastTransitionTime: ago(seconds),
});
const up = [condition('ControlPlaneInitialized', 'True'), condition('InfrastructureReady', 'True')];
const readyNode = [condition('Ready', 'True')];
const rules = (change: Partial<TargetRules> = {}): TargetRules => ({
  cluster: up,
  checks: {
    unhealthyNodeConditions: [
      { type: 'Ready', status: 'Unknown', timeoutSeconds: 300 },
      { type: 'Ready', status: 'False', timeoutSeconds: 300 },
      { type: 'KernelDeadlock', status: 'True', timeoutSeconds: 60 },
    ],
    unhealthyMachineConditions: [{ type: 'EtcdPodHealthy', status: 'False', timeoutSeconds: 3_665 }],
  },
  ...change,
});
const target = (change: Partial<HealthTarget> = {}): HealthTarget => ({
  name: 'm',
  controlPlane: false,
  deleting: false,
  remediate: false,
  createdAt: ago(7_200),
  conditions: [],
  nodeName: 'n',
  node: readyNode,
  ...change,
});
const without = ({ nodeName: _n, node: _m, ...rest }: HealthTarget = target()): HealthTarget => rest;
const unhealthy = (reason: string, message: string) => ({
  health: 'unhealthy',
  reason,
  message: `Health check failed: ${message}`,
});
const pendingIn = (seconds: number) => ({ health: 'pending', nextCheckMs: NOW + seconds * 1_000 });
const uninitialized = { cluster: [condition('InfrastructureReady', 'True')] };

describe('the health of a machine', () => {
  test.each<[string, HealthTarget, Partial<TargetRules>, object]>([
    ['a Node that is fine', target(), {}, { health: 'healthy' }],
    ['no checks at all', target(), { checks: undefined }, { health: 'healthy' }],
    ['on its way out it is neither', target({ deleting: true }), {}, { health: 'unknown' }],
    [
      'the annotation, whatever the cluster is like',
      target({ remediate: true }),
      { cluster: [] },
      unhealthy('HasRemediateAnnotation', 'marked for remediation via cluster.x-k8s.io/remediate-machine annotation'),
    ],
    ['a worker before the control plane', target(), uninitialized, { health: 'unknown' }],
    [
      'a control plane machine before the control plane',
      without(target({ controlPlane: true })),
      uninitialized,
      unhealthy('NodeStartupTimeout', 'Node failed to report startup in 10m0s'),
    ],
    [
      'infrastructure of the cluster that is not ready',
      target({ controlPlane: true }),
      { cluster: [condition('ControlPlaneInitialized', 'True'), condition('InfrastructureReady', 'False')] },
      { health: 'unknown' },
    ],
    ['a Node that went', target({ node: 'missing' }), {}, unhealthy('NodeDeleted', 'Node n has been deleted')],
    [
      'a Node condition for too long',
      target({ node: [condition('Ready', 'Unknown', 301)] }),
      {},
      unhealthy('UnhealthyNode', 'Condition Ready on Node is reporting status Unknown for more than 5m0s'),
    ],
    ['a Node condition just as long', target({ node: [condition('Ready', 'Unknown', 300)] }), {}, pendingIn(1)],
    ['a Node condition for some time', target({ node: [condition('Ready', 'False', 100)] }), {}, pendingIn(201)],
    [
      'a condition of a detector',
      target({ node: [...readyNode, condition('KernelDeadlock', 'True', 61)] }),
      {},
      unhealthy('UnhealthyNode', 'Condition KernelDeadlock on Node is reporting status True for more than 1m0s'),
    ],
    [
      'the earliest of two',
      target({ node: [condition('Ready', 'False', 100), condition('KernelDeadlock', 'True', 10)] }),
      {},
      pendingIn(51),
    ],
    [
      'a Machine condition beside one of the Node',
      target({
        node: [condition('Ready', 'Unknown', 301)],
        conditions: [condition('EtcdPodHealthy', 'False', 3_666)],
      }),
      {},
      unhealthy(
        'UnhealthyMachine',
        'Condition Ready on Node is reporting status Unknown for more than 5m0s; Condition EtcdPodHealthy on Machine is reporting status False for more than 1h1m5s',
      ),
    ],
    [
      'a Machine condition for some time',
      target({ conditions: [condition('EtcdPodHealthy', 'False', 3_660)] }),
      {},
      pendingIn(6),
    ],
    [
      'a Machine condition without a Node',
      without(target({ conditions: [condition('EtcdPodHealthy', 'False', 3_666)] })),
      {},
      unhealthy(
        'UnhealthyMachine',
        'Condition EtcdPodHealthy on Machine is reporting status False for more than 1h1m5s',
      ),
    ],
    ['no Node in time', without(), {}, unhealthy('NodeStartupTimeout', 'Node failed to report startup in 10m0s')],
    [
      'no Node, with its own timeout',
      without(target({ createdAt: ago(20) })),
      {
        cluster: [condition('ControlPlaneInitialized', 'True', 15), condition('InfrastructureReady', 'True', 30)],
        checks: { nodeStartupTimeoutSeconds: 30 },
      },
      pendingIn(16),
    ],
    [
      'no Node, counted from the infrastructure of the machine',
      without(target({ conditions: [condition('InfrastructureReady', 'True', 100)] })),
      {},
      pendingIn(501),
    ],
    [
      'no Node, infrastructure that is not ready does not count',
      without(target({ conditions: [condition('InfrastructureReady', 'False', 100)] })),
      {},
      unhealthy('NodeStartupTimeout', 'Node failed to report startup in 10m0s'),
    ],
    ['no Node, and no timeout', without(), { checks: { nodeStartupTimeoutSeconds: 0 } }, { health: 'unknown' }],
  ])('%s', (_, given, change, expected) => {
    expect(assessTarget(given, rules(change), NOW)).toEqual(expected);
  });

  test('a condition without time has been so for ever', () => {
    const node = [{ type: 'Ready', status: 'Unknown' }];
    expect(assessTarget(target({ node }), rules(), NOW)).toMatchObject({ reason: 'UnhealthyNode' });
  });

  test('one about to fail fails at its next check if nothing changes, and not a second before', () => {
    const some = fc.record({
      seconds: fc.integer({ min: 0, max: 300 }),
      status: fc.constantFrom<Condition['status']>('False', 'Unknown'),
      node: fc.boolean(),
    });
    fc.assert(
      fc.property(some, ({ seconds, status, node }) => {
        const given = node
          ? target({ node: [condition('Ready', status, seconds)] })
          : without(
              target({ createdAt: ago(seconds), conditions: [condition('InfrastructureReady', 'True', seconds)] }),
            );
        const at = (ms: number): Assessment => assessTarget(given, rules(), ms);
        const first = at(NOW);
        if (first.health !== 'pending') throw new Error(`is ${first.health}`);
        expect(first.nextCheckMs).toBeGreaterThan(NOW);
        expect(at(first.nextCheckMs - 1_000).health).toBe('pending');
        expect(at(first.nextCheckMs).health).toBe('unhealthy');
      }),
    );
  });
});
