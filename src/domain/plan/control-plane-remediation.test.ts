import { describe, expect, test } from '@jest/globals';
import { aMember, aNewcomer, FLAGGED, ILL, planeFacts } from '../../../test/helpers/control-plane-facts.js';
import type { ControlPlaneFacts, RemediationPolicy } from '../facts.js';
import { planControlPlaneRemediation } from './control-plane-remediation.js';

const NOW = Date.parse('2026-02-01T00:00:00Z');
const plan = (facts: ControlPlaneFacts, atMs = NOW) => planControlPlaneRemediation(facts, atMs);
const sick = aMember('x', FLAGGED);
const others = ['a', 'b'].map((n) => aMember(n));

describe('replacing an unhealthy control plane machine', () => {
  test('is nothing to do for machines nobody wants replaced, and for one that goes', () => {
    expect(plan(planeFacts(3, [...others, aMember('x', ILL)]))).toBeUndefined();
    expect(plan(planeFacts(3, [...others, aMember('x', { ...FLAGGED, deleting: true })]))).toBeUndefined();
  });

  test('takes the most urgent first, then the oldest', () => {
    const newer = aMember('n', { ...FLAGGED, createdAt: '2026-01-05T00:00:00Z' });
    const healthy = ['a', 'b', 'c'].map((n) => aMember(n));
    expect(plan(planeFacts(5, [...healthy, newer, sick]))).toMatchObject({ record: { machine: 'x', retryCount: 0 } });
    const urgent = aNewcomer('u', { sick: true, urgency: 64 });
    expect(plan(planeFacts(5, [...healthy, sick, urgent]))).toMatchObject({ record: { machine: 'u' } });
  });

  test('at once before the control plane is initialized', () => {
    const lone = aNewcomer('x', { sick: true, urgency: 64 });
    expect(plan(planeFacts(3, [lone], { initialized: false }))).toEqual({
      do: 'remediate',
      record: { machine: 'x', timestamp: '2026-02-01T00:00:00Z', retryCount: 0 },
    });
  });

  const { etcd: _, ...blind } = planeFacts(3, [...others, sick]);
  test.each<[string, ControlPlaneFacts, string, string]>([
    ['it is the only one', planeFacts(3, [sick]), 'CannotBeRemediated', 'current replicas are less or equal to 1'],
    [
      'another is still being provisioned',
      planeFacts(3, [aMember('a'), aNewcomer('b'), sick]),
      'RemediationDeferred',
      'provisioning to complete',
    ],
    [
      'another is being deleted',
      planeFacts(3, [aMember('a'), aMember('b', { deleting: true }), sick]),
      'RemediationDeferred',
      'deletion to complete',
    ],
    [
      'no other is healthy',
      planeFacts(3, [aMember('a', ILL), aMember('b', ILL), sick]),
      'CannotBeRemediated',
      'no healthy Machine',
    ],
    [
      'etcd would lose its quorum',
      planeFacts(3, [aMember('a'), aMember('b', ILL), sick]),
      'CannotBeRemediated',
      'etcd losing quorum: without Machine x: 1 of 2',
    ],
    ['etcd does not answer', blind, 'RemediationDeferred', 'the members of etcd cannot be listed'],
    [
      'another replacement was begun',
      planeFacts(3, [...others, sick], {
        remediating: { machine: 'gone', timestamp: '2026-01-31T23:00:00Z', retryCount: 0 },
      }),
      'RemediationDeferred',
      'the replacement of Machine gone',
    ],
  ])('not while %s', (_name, facts, reason, message) => {
    expect(plan(facts)).toMatchObject({ do: 'defer', reason, message: expect.stringContaining(message) });
  });

  test('while another is being provisioned, which could not join for it, when etcd can spare even that', () => {
    const facts = planeFacts(3, [...others, aNewcomer('n'), sick]);
    expect(plan(facts)).toMatchObject({ do: 'remediate', record: { machine: 'x' } });
    const waits = { do: 'defer', reason: 'RemediationDeferred', message: expect.stringContaining('to complete') };
    // it works and is to be replaced all the same: nothing to fear for the one that joins
    const works = aMember('x', { sick: true, urgency: 0 });
    expect(plan(planeFacts(3, [...others, aNewcomer('n'), works]))).toMatchObject(waits);
    expect(plan({ ...facts, managedEtcd: false })).toMatchObject(waits);
    // it is a learner by now: members change one at a time
    const members = [...(facts.etcd?.members ?? []), { id: 'id-n', name: 'n', learner: true }];
    expect(plan({ ...facts, etcd: { members, alarmed: [] } })).toMatchObject(waits);
  });

  test('asks nothing of an external etcd', () => {
    const facts = planeFacts(3, [aMember('a'), aMember('b', ILL), sick], { managedEtcd: false });
    expect(plan(facts)).toMatchObject({ do: 'remediate' });
  });

  test('goes on with what was written down, whatever the limits say now', () => {
    const remediating = { machine: 'x', timestamp: '2026-01-31T23:59:00Z', retryCount: 4 };
    const again = aMember('x', { ...FLAGGED, remediationFor: { ...remediating, machine: 'w' } });
    const policy = { maxRetry: 0, retryPeriodSeconds: 9999, minHealthyPeriodSeconds: 9999 };
    const facts = planeFacts(3, [...others, again], { remediating, policy });
    expect(plan(facts)).toEqual({ do: 'remediate', record: remediating });
  });
});

describe('the budget of retries', () => {
  const last = { machine: 'w', timestamp: '2026-01-31T23:30:00Z', retryCount: 1 };
  const with_ = (policy: Partial<RemediationPolicy>) =>
    planeFacts(3, [...others, aMember('x', { ...FLAGGED, remediationFor: last })], {
      policy: { retryPeriodSeconds: 0, minHealthyPeriodSeconds: 3600, ...policy },
    });
  const minutes = (n: number): number => Date.parse(last.timestamp) + n * 60_000;

  test.each<[string, Partial<RemediationPolicy>, number, object]>([
    ['counts on within the healthy period', {}, 59, { do: 'remediate', record: { retryCount: 2 } }],
    ['starts anew after it', {}, 60, { do: 'remediate', record: { retryCount: 0 } }],
    [
      'waits the retry period',
      { retryPeriodSeconds: 600 },
      9,
      { do: 'defer', reason: 'RemediationDeferred', retryAtMs: minutes(10) },
    ],
    ['goes on right after it', { retryPeriodSeconds: 600 }, 10, { do: 'remediate', record: { retryCount: 2 } }],
    [
      'ends at the most retries, until the incident is over',
      { maxRetry: 1 },
      30,
      { do: 'defer', reason: 'CannotBeRemediated', retryAtMs: minutes(60) },
    ],
    ['allows the last retry', { maxRetry: 2 }, 30, { do: 'remediate', record: { retryCount: 2 } }],
    ['none at all', { maxRetry: 0 }, 30, { do: 'defer', reason: 'CannotBeRemediated' }],
  ])('%s', (_, policy, after, expected) => {
    expect(plan(with_(policy), minutes(after))).toMatchObject(expected);
  });
});
