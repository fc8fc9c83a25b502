import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Condition } from '../../api/types/meta.js';
import { type HealthCheckInput, planHealthCheck } from './plan.js';
import type { HealthTarget } from './target.js';

const NOW = Date.parse('2026-01-01T01:00:00Z');
const condition = (type: string, status: Condition['status'], reason = 'R', seconds = 3_600): Condition => ({
  type,
  status,
  reason,
  message: '',
  lastTransitionTime: new Date(NOW - seconds * 1_000).toISOString(),
});
const cluster = [condition('ControlPlaneInitialized', 'True'), condition('InfrastructureReady', 'True')];
const checks = { unhealthyNodeConditions: [{ type: 'Ready', status: 'False', timeoutSeconds: 300 }] };
const templateRef = { apiVersion: 'remediation.example.com/v1', kind: 'RebootTemplate', name: 'reboot' };

type State = 'good' | 'bad' | 'failing';
function machine(name: string, state: State, conditions: Condition[] = []): HealthTarget {
  const ready = condition('Ready', state === 'good' ? 'True' : 'False', 'R', state === 'failing' ? 100 : 3_600);
  return {
    name,
    controlPlane: false,
    deleting: false,
    remediate: false,
    createdAt: '2026-01-01T00:00:00Z',
    conditions,
    nodeName: name,
    node: [ready],
  };
}
const plan = (targets: HealthTarget[], remediation: HealthCheckInput['spec']['remediation'] = {}) =>
  planHealthCheck({ spec: { checks, remediation }, targets, cluster, nowMs: NOW });
const types = (name: string, of: ReturnType<typeof plan>) =>
  of.machines.find((m) => m.name === name)?.conditions?.map((c) => `${c.type}=${c.status}/${c.reason}`);

const BAD = 'HealthCheckSucceeded=False/UnhealthyNode';
const GOOD = 'HealthCheckSucceeded=True/HealthCheckSucceeded';
const WAITING = 'OwnerRemediated=False/WaitingForRemediation';
const failed = condition('HealthCheckSucceeded', 'False', 'UnhealthyNode');
const asked = condition('OwnerRemediated', 'False', 'WaitingForRemediation');

describe('a plan of a health check', () => {
  test('counts, sorts and tells when to look again', () => {
    const made = plan([machine('c', 'failing'), machine('a', 'good'), machine('b', 'bad')]);
    expect(made).toMatchObject({
      targets: ['a', 'b', 'c'],
      healthy: 1,
      unhealthy: 1,
      pending: 1,
      remediationsAllowed: 1,
      allowed: { type: 'RemediationAllowed', status: 'True', reason: 'RemediationAllowed' },
      nextCheckMs: NOW + 201_000,
    });
    expect(plan([machine('a', 'good')])).not.toHaveProperty('nextCheckMs');
  });

  test.each<[string, HealthTarget, string[] | undefined, boolean]>([
    ['healthy', machine('a', 'good'), [GOOD], false],
    ['recovered: its owner need not do anything', machine('a', 'good', [failed, asked]), [GOOD], false],
    ['about to fail: what was said before stays', machine('a', 'failing', [failed]), undefined, false],
    ['newly unhealthy: its owner is asked', machine('a', 'bad'), [BAD, WAITING], true],
    ['unhealthy and asked for before', machine('a', 'bad', [failed, asked]), [BAD, WAITING], false],
    [
      'unhealthy, its owner at it: the condition is the owner’s',
      machine('a', 'bad', [failed, condition('OwnerRemediated', 'False', 'RemediationDeferred')]),
      [BAD],
      false,
    ],
    [
      'unhealthy again after its owner was done',
      machine('a', 'bad', [failed, condition('OwnerRemediated', 'True', 'X')]),
      [BAD, WAITING],
      true,
    ],
  ])('%s', (_, target, expected, marked) => {
    const made = plan([target]);
    expect(types('a', made)).toEqual(expected);
    expect(made.machines[0]?.marked).toBe(marked);
  });

  test('a machine on its way out is marked too, which is no news', () => {
    const made = plan([{ ...machine('a', 'bad'), deleting: true, node: 'missing' }]);
    expect(made.machines[0]).toMatchObject({ assessment: { reason: 'NodeDeleted' }, marked: false });
  });

  test('too many unhealthy: the verdict is written, nobody is asked to act; what was asked before stays asked', () => {
    const limit = { triggerIf: { unhealthyLessThanOrEqualTo: 1 } };
    const made = plan([machine('a', 'bad'), machine('b', 'bad', [failed, asked]), machine('c', 'good')], limit);
    expect(made.allowed).toMatchObject({ status: 'False', reason: 'TooManyUnhealthy' });
    expect([types('a', made), types('b', made), types('c', made)]).toEqual([[BAD], [BAD, WAITING], [GOOD]]);
  });

  test('machines about to fail count as unhealthy', () => {
    const limit = { triggerIf: { unhealthyLessThanOrEqualTo: 1 } };
    const made = plan([machine('a', 'bad'), machine('b', 'failing'), machine('c', 'good')], limit);
    expect(made.allowed.status).toBe('False');
    expect(made.allowed.message).toContain('total: 3, unhealthy: 2');
    expect(types('a', made)).toEqual([BAD]);
  });

  test('with a template somebody else is asked, and the owner is not', () => {
    const made = plan([machine('a', 'bad'), machine('b', 'good')], { templateRef });
    expect(made.machines.map((m) => m.external)).toEqual(['request', 'recovered']);
    expect(types('a', made)).toEqual([BAD]);
    const restricted = plan([machine('a', 'bad')], { templateRef, triggerIf: { unhealthyLessThanOrEqualTo: 0 } });
    expect(restricted.machines[0]).not.toHaveProperty('external');
  });

  test('never asks for more remediations than are allowed, never for a healthy machine, and clears what recovered', () => {
    const before = fc.subarray([failed, asked]);
    const states = fc.array(fc.tuple(fc.constantFrom<State>('good', 'bad', 'failing'), before), { maxLength: 12 });
    fc.assert(
      fc.property(states, fc.nat(12), (made, max) => {
        const targets = made.map(([state, conditions], i) => machine(`m${i}`, state, conditions));
        const result = plan(targets, { triggerIf: { unhealthyLessThanOrEqualTo: max } });
        const asks = (i: number): boolean => types(`m${i}`, result)?.includes(WAITING) === true;
        const wasAsked = (i: number): boolean => made[i]?.[1].includes(asked) === true;
        const fresh = made.filter((_, i) => asks(i) && !wasAsked(i)).length;
        const notGood = made.filter(([state]) => state !== 'good').length;
        expect(fresh).toBeLessThanOrEqual(notGood <= max ? max : 0);
        expect(result.healthy + result.unhealthy + result.pending).toBe(made.length);
        expect(result.remediationsAllowed).toBeGreaterThanOrEqual(0);
        made.forEach(([state], i) => {
          if (state === 'good') expect(types(`m${i}`, result)).toEqual([GOOD]);
          if (state === 'failing') expect(types(`m${i}`, result)).toBeUndefined();
          if (state === 'bad' && wasAsked(i)) expect(asks(i)).toBe(true);
        });
      }),
    );
  });
});
