import { describe, expect, test } from '@jest/globals';
import type { MachineHealthCheck, MachineHealthCheckSpec } from '../types/index.js';
import { DEFAULT_GATES } from './context.js';
import { defaultMachineHealthCheck, validateMachineHealthCheck } from './machine-health-check.js';

const ctx = { dryRun: false, gates: DEFAULT_GATES };

function check(spec: Partial<MachineHealthCheckSpec> = {}): MachineHealthCheck {
  return {
    apiVersion: 'cluster.x-k8s.io/v1beta2',
    kind: 'MachineHealthCheck',
    metadata: { name: 'm', namespace: 'ns' },
    spec: { clusterName: 'c', selector: { matchLabels: { pool: 'blue' } }, ...spec },
  };
}

const startup = (nodeStartupTimeoutSeconds: number): Partial<MachineHealthCheckSpec> => ({
  checks: { nodeStartupTimeoutSeconds },
});
const limit = (unhealthyLessThanOrEqualTo: number | string): Partial<MachineHealthCheckSpec> => ({
  remediation: { triggerIf: { unhealthyLessThanOrEqualTo } },
});
const range = (unhealthyInRange: string): Partial<MachineHealthCheckSpec> => ({
  remediation: { triggerIf: { unhealthyInRange } },
});
const labels = (matchLabels: Record<string, string>): Partial<MachineHealthCheckSpec> => ({
  selector: { matchLabels },
});

describe('defaults of MachineHealthCheck', () => {
  test('are the cluster label and ten minutes for a Node', () => {
    const out = defaultMachineHealthCheck(check());
    expect(out.metadata.labels).toEqual({ 'cluster.x-k8s.io/cluster-name': 'c' });
    expect(out.spec.checks).toEqual({ nodeStartupTimeoutSeconds: 600 });
  });

  test.each([0, 45])('leave a timeout of %p seconds', (seconds) => {
    expect(defaultMachineHealthCheck(check(startup(seconds))).spec.checks).toEqual({
      nodeStartupTimeoutSeconds: seconds,
    });
  });
});

describe('admission of a MachineHealthCheck', () => {
  const selector = 'spec.selector';
  const timeout = 'spec.checks.nodeStartupTimeoutSeconds';
  const most = 'spec.remediation.triggerIf.unhealthyLessThanOrEqualTo';
  const label = 'cluster.x-k8s.io/cluster-name';

  test.each<[string, Partial<MachineHealthCheckSpec>, string[]]>([
    ['labels', {}, []],
    ['expressions', { selector: { matchExpressions: [{ key: 'a', operator: 'Exists' }] } }, []],
    ['an empty selector', { selector: {} }, [selector]],
    ['a selector that cannot be read', { selector: { matchExpressions: [{ key: 'a', operator: 'Is' }] } }, [selector]],
    ['its own cluster in the selector', labels({ [label]: 'c' }), []],
    ['another cluster in the selector', labels({ [label]: 'd' }), [`${selector}.matchLabels[${label}]`]],
    ['no timeout', startup(0), []],
    ['half a minute', startup(30), []],
    ['less than half a minute', startup(29), [timeout]],
    ['a number', limit(2), []],
    ['a percentage', limit('40%'), []],
    ['neither', limit('2'), [most]],
    ['a range', range('[1-3]'), []],
    ['a range of nothing, as upstream', range('[3-1]'), []],
  ])('judges %s', (_, spec, paths) => {
    expect(validateMachineHealthCheck(check(spec), undefined, ctx).errors.map((e) => e.path)).toEqual(paths);
  });

  test('refuses another cluster', () => {
    const { errors } = validateMachineHealthCheck(check({ clusterName: 'd' }), check(), ctx);
    expect(errors.map((e) => e.path)).toEqual(['spec.clusterName']);
  });

  test('warns of a range of nothing', () => {
    expect(validateMachineHealthCheck(check(range('[3-1]')), undefined, ctx).warnings).toEqual([
      expect.stringContaining('[3-1] holds no number'),
    ]);
    expect(validateMachineHealthCheck(check(range('[1-3]')), undefined, ctx).warnings).toEqual([]);
  });
});
