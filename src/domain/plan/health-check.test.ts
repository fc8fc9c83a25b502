import { describe, expect, test } from '@jest/globals';
import type { HealthFacts } from '../facts.js';
import { planHealthCheckLane } from './health-check.js';

const facts = (change: Partial<HealthFacts> = {}): HealthFacts => ({
  exists: true,
  paused: false,
  deleting: false,
  generation: 1,
  cluster: 'default/demo',
  attempt: 'a',
  expected: 3,
  healthy: 3,
  unhealthy: 0,
  pending: 0,
  allowed: true,
  nextCheckSeconds: 0,
  ...change,
});

describe('the lane of a health check', () => {
  test.each<[string, Partial<HealthFacts>, object]>([
    ['ends when all are healthy', {}, { outcome: 'Converged', reason: '3 of 3 machines healthy' }],
    ['ends when it is gone', { exists: false }, { outcome: 'Absent' }],
    ['ends when it goes: it has nothing to tear down', { deleting: true }, { outcome: 'Absent' }],
    ['ends while paused', { paused: true }, { outcome: 'Paused' }],
    [
      'stays open until the next machine may fail, to the second',
      { healthy: 1, pending: 1, unhealthy: 1, nextCheckSeconds: 17, trouble: 'no template' },
      {
        outcome: 'Waiting',
        reason: '1 of 3 machines healthy; 1 unhealthy; 1 about to fail; no template',
        requeueSeconds: 17,
      },
    ],
    [
      'ends while owners replace machines',
      { healthy: 2, unhealthy: 1, allowed: false },
      { outcome: 'Waiting', reason: '2 of 3 machines healthy; 1 unhealthy, too many to remediate' },
    ],
    [
      'asks a cluster that does not answer again, later each time',
      { blocked: { reason: 'no answer', again: true } },
      { outcome: 'Waiting', reason: 'no answer', requeueSeconds: 60, atMostSeconds: 900 },
    ],
    [
      'ends without a cluster: its coming wakes it',
      { blocked: { reason: 'no cluster', again: false } },
      { outcome: 'Waiting', reason: 'no cluster' },
    ],
    [
      'tries an external remediation again',
      { healthy: 2, unhealthy: 1, trouble: 'no template' },
      { outcome: 'Waiting', requeueSeconds: 120, atMostSeconds: 1_800 },
    ],
  ])('%s', (_, change, expected) => {
    const decision = planHealthCheckLane(facts(change));
    expect(decision).toMatchObject({ do: 'end', ...expected });
    if (!('requeueSeconds' in expected)) expect(decision).not.toHaveProperty('requeueSeconds');
  });
});
