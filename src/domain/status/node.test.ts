import { expect, test } from '@jest/globals';
import type { KubeObject } from '../../api/types/meta.js';
import { type NodeView, nodeConditions, toNodeView } from './node.js';

type NodeCondition = NodeView['conditions'][number];
const ready: NodeCondition = { type: 'Ready', status: 'True' };
const silent = (type: string): NodeCondition => ({ type, status: 'Unknown', message: 'Kubelet stopped posting' });

test.each<[string, readonly NodeCondition[], string, string, string]>([
  ['is ready', [ready, { type: 'DiskPressure', status: 'False' }], 'True NodeReady', 'True NodeHealthy', ''],
  [
    'has said nothing',
    [],
    'Unknown NodeReadyUnknown',
    'Unknown NodeHealthyUnknown',
    '* Node.Ready: Condition not yet reported',
  ],
  [
    'is not ready',
    [{ type: 'Ready', status: 'False', message: 'no CNI' }],
    'False NodeNotReady',
    'False NodeNotHealthy',
    '* Node.Ready: no CNI',
  ],
  [
    'gives no message',
    [{ type: 'Ready', status: 'False' }],
    'False NodeNotReady',
    'False NodeNotHealthy',
    '* Node.Ready: Condition is False',
  ],
  [
    'has no room left',
    [ready, { type: 'DiskPressure', status: 'True', message: 'full' }],
    'True NodeReady',
    'False NodeNotHealthy',
    '* Node.DiskPressure: full',
  ],
  [
    'fell silent',
    ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure'].map(silent),
    'Unknown NodeReadyUnknown',
    'Unknown NodeHealthyUnknown',
    '* Node.AllConditions: Kubelet stopped posting',
  ],
  [
    'has conditions of its own kind, which are for health checks',
    [ready, { type: 'KernelDeadlock', status: 'True', message: 'x' }],
    'True NodeReady',
    'True NodeHealthy',
    '',
  ],
])('a node that %s', (_, conditions, readyVerdict, healthVerdict, message) => {
  const [nodeReady, healthy] = nodeConditions({ name: 'n', conditions });
  expect(`${nodeReady.status} ${nodeReady.reason}`).toBe(readyVerdict);
  expect(`${healthy.status} ${healthy.reason}`).toBe(healthVerdict);
  expect(healthy.message ?? '').toBe(message);
});

test('a node is seen without what Machine.status has no place for', () => {
  const node = {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'node-1' },
    status: { conditions: [ready], nodeInfo: { kubeletVersion: 'v1.34.4', novelty: 'x' } },
  } as KubeObject;
  expect(toNodeView(node)).toEqual({ name: 'node-1', conditions: [ready], nodeInfo: { kubeletVersion: 'v1.34.4' } });
  expect(toNodeView({ ...node, status: {} } as KubeObject)).toEqual({ name: 'node-1', conditions: [] });
});
