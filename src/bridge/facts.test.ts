import { expect, test } from '@jest/globals';
import type { KubeObject } from '../api/types/meta.js';
import { gateFacts } from './facts.js';

const machine = (gate: string, ready: string, joined: boolean): KubeObject => {
  const condition = (type: string, status: string) => ({ type, status, reason: 'R', lastTransitionTime: 't' });
  return {
    apiVersion: 'cluster.x-k8s.io/v1beta2',
    kind: 'Machine',
    metadata: { name: 'm', namespace: 'default' },
    spec: { readinessGates: [{ conditionType: 'Mine' }] },
    status: {
      conditions: [condition('Ready', ready), condition('Mine', gate)],
      ...(joined ? { nodeRef: { name: 'node' } } : {}),
    },
  } as KubeObject;
};

test.each<[string, KubeObject, string]>([
  ['good, not summed up yet', machine('True', 'False', true), 'Mine=True'],
  ['good and summed up', machine('True', 'True', true), ''],
  ['bad, not summed up yet', machine('False', 'True', true), 'Mine=False'],
  ['good before there is a Node, which nobody can sum up', machine('True', 'False', false), ''],
  ['bad before there is a Node, as the summary says', machine('False', 'False', false), ''],
])('a gate that is %s', (_, object, facts) => {
  expect(gateFacts(object)).toBe(facts);
});
