import { describe, expect, test } from '@jest/globals';
import { aCluster, aMachine } from '../../../test/helpers/fake-objects.js';
import type { MachineDrainRule } from '../../api/types/index.js';
import { rulesFor } from './rules.js';

const cluster = { ...aCluster(), metadata: { ...aCluster().metadata, labels: { stage: 'prod' } } };
const plain = aMachine(cluster);
const machine = { ...plain, metadata: { ...plain.metadata, labels: { pool: 'gpu' } } };
const rule = (name: string, spec: Partial<MachineDrainRule['spec']> = {}): MachineDrainRule => ({
  apiVersion: 'cluster.x-k8s.io/v1beta2',
  kind: 'MachineDrainRule',
  metadata: { name, namespace: 'default' },
  spec: { drain: { behavior: 'Skip' }, ...spec },
});
const labels = (matchLabels: Record<string, string>) => ({ matchLabels });
const names = (...rules: MachineDrainRule[]): string[] => rulesFor(rules, machine, cluster).map((r) => r.name);

describe('the rules for a machine', () => {
  test('are asked by name, and have order 0 unless they say another', () => {
    const rules = rulesFor([rule('b'), rule('a', { drain: { behavior: 'Drain', order: 5 } })], machine, cluster);
    expect(rules.map((r) => [r.name, r.behavior, r.order])).toEqual([
      ['a', 'Drain', 5],
      ['b', 'Skip', 0],
    ]);
  });

  test.each<[string, MachineDrainRule['spec']['machines'], boolean]>([
    ['whose machines say nothing', undefined, true],
    ['for its labels', [{ selector: labels({ pool: 'gpu' }) }], true],
    ['for other labels', [{ selector: labels({ pool: 'cpu' }) }], false],
    ['for its cluster', [{ clusterSelector: labels({ stage: 'prod' }) }], true],
    ['for another cluster', [{ clusterSelector: labels({ stage: 'dev' }) }], false],
    [
      'for its labels in another cluster',
      [{ selector: labels({ pool: 'gpu' }), clusterSelector: labels({ stage: 'dev' }) }],
      false,
    ],
    ['for either', [{ selector: labels({ pool: 'cpu' }) }, { selector: labels({ pool: 'gpu' }) }], true],
  ])('are those %s', (_, machines, applies) => {
    expect(names(rule('r', machines ? { machines } : {}))).toEqual(applies ? ['r'] : []);
  });

  test('match a Pod by its labels and those of its Namespace', () => {
    const pods = [{ selector: labels({ app: 'db' }), namespaceSelector: labels({ team: 'a' }) }];
    const [found] = rulesFor([rule('r', { pods })], machine, cluster);
    expect(found?.matches({ app: 'db' }, { team: 'a' })).toBe(true);
    expect(found?.matches({ app: 'db' }, { team: 'b' })).toBe(false);
    expect(found?.matches({ app: 'web' }, { team: 'a' })).toBe(false);
    expect(rulesFor([rule('r')], machine, cluster)[0]?.matches({}, {})).toBe(true);
  });

  test('stop the drain when one of them cannot be read, though it be for others: it may protect a Pod', () => {
    const broken = { matchExpressions: [{ key: 'app', operator: 'Maybe' }] } as never;
    const wrong = rule('wrong', { machines: [{ selector: labels({ pool: 'cpu' }) }], pods: [{ selector: broken }] });
    expect(() => names(rule('good'), wrong)).toThrow(
      expect.objectContaining({
        type: 'InvalidConfiguration',
        message: expect.stringContaining('MachineDrainRule default/wrong has an invalid selector'),
      }),
    );
  });
});
