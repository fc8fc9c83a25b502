import { expect, test } from '@jest/globals';
import type { MachineDrainRule, MachineDrainRuleSpec } from '../types/index.js';
import { validateMachineDrainRule } from './machine-drain-rule.js';

const rule = (spec: MachineDrainRuleSpec): MachineDrainRule => ({
  apiVersion: 'cluster.x-k8s.io/v1beta2',
  kind: 'MachineDrainRule',
  metadata: { name: 'r', namespace: 'ns' },
  spec,
});
const bad = { matchExpressions: [{ key: 'a', operator: 'Is' }] };
const good = { matchLabels: { app: 'a' } };
const drain = { behavior: 'Drain' } as const;

test.each<[string, MachineDrainRuleSpec, string[]]>([
  ['draining in an order', { drain: { ...drain, order: -5 } }, []],
  ['skipping', { drain: { behavior: 'Skip' } }, []],
  ['skipping in an order', { drain: { behavior: 'Skip', order: 1 } }, ['spec.drain.order']],
  ['waiting in order zero', { drain: { behavior: 'WaitCompleted', order: 0 } }, ['spec.drain.order']],
  [
    'selectors that parse',
    { drain, machines: [{ selector: good, clusterSelector: {} }], pods: [{ namespaceSelector: good }] },
    [],
  ],
  [
    'selectors that do not',
    {
      drain,
      machines: [{ selector: bad }, { clusterSelector: bad }],
      pods: [{ selector: bad, namespaceSelector: bad }],
    },
    [
      'spec.machines[0].selector',
      'spec.machines[1].clusterSelector',
      'spec.pods[0].selector',
      'spec.pods[0].namespaceSelector',
    ],
  ],
])('a MachineDrainRule with %s is refused for the right fields', (_, spec, paths) => {
  expect(validateMachineDrainRule(rule(spec)).errors.map((e) => e.path)).toEqual(paths);
});
