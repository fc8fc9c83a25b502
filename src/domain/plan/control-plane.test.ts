import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { aMember, aNewcomer, FLAGGED, ILL, OUTDATED, planeFacts } from '../../../test/helpers/control-plane-facts.js';
import type { ControlPlaneFacts, ControlPlaneMachine, ControlPlaneOperation } from '../facts.js';
import {
  controlPlaneBrief,
  hasTimeForUpkeep,
  mayTake,
  planControlPlane,
  planControlPlaneStep,
} from './control-plane.js';

const NOW = Date.parse('2026-02-01T00:00:00Z');
const next = (facts: ControlPlaneFacts) => planControlPlaneStep(facts, NOW);
const three = (change: Partial<ControlPlaneMachine> = {}) => ['a', 'b', 'c'].map((n) => aMember(n, change));
const record = { machine: 'x', timestamp: '2026-01-31T23:50:00Z', retryCount: 0 };

const stray = { id: '7', name: 'node-x' };
const members = ['a', 'b', 'node-x'].map((name) => ({ id: name, name, learner: false }));
const etcd = { members, alarmed: [] };

describe('an etcd member without a machine', () => {
  test('wakes the control plane and is taken out before anything else', () => {
    const facts = planeFacts(3, [aMember('a'), aMember('b')], { strays: [stray], etcd });
    expect(next(facts)).toEqual({ kind: 'evict', member: stray });
    expect(planControlPlane(controlPlaneBrief({ ...facts, desired: 2 }, NOW))).toMatchObject({
      operation: 'ScaleControlPlane',
      reason: 'etcd member node-x has no machine',
    });
  });

  test('stays while etcd would have no quorum without it', () => {
    const facts = planeFacts(2, [aMember('a'), aMember('b', ILL)], { strays: [stray], etcd });
    expect(next(facts)).toMatchObject({ kind: 'await', name: 'b', until: 'healthy' });
  });

  test('waits for a machine that goes, whose member it may be', () => {
    const facts = planeFacts(3, [aMember('a'), aMember('c', { deleting: true })], { strays: [stray], etcd });
    expect(next(facts)).toMatchObject({ kind: 'await', name: 'c', until: 'gone' });
  });
});

test('the steps ahead name the members and the quorum of etcd at each', () => {
  const { forecast } = controlPlaneBrief(planeFacts(3, three(OUTDATED)), NOW);
  expect(forecast.slice(0, 2)).toEqual([
    expect.stringMatching(/^create .*; etcd 3→4 members, quorum 3$/),
    expect.stringMatching(/^remove a: Version v1.33.0, v1.34.0 required; etcd 4→3 members, quorum 2$/),
  ]);
  expect(forecast).toHaveLength(6);
});

describe('a control plane', () => {
  test.each<[string, ControlPlaneFacts, string]>([
    ['in a cluster that goes', planeFacts(1, [], { clusterDeleting: true }), 'Waiting'],
    ['before the infrastructure', planeFacts(1, [], { infrastructureProvisioned: false }), 'Waiting'],
    ['without an endpoint', planeFacts(1, [], { endpoint: false }), 'Waiting'],
    ['without certificates', planeFacts(1, [], { certificatesAvailable: false }), 'Waiting again'],
    ['beside machines of others', planeFacts(1, [], { foreign: ['theirs'] }), 'Waiting'],
    ['too small', planeFacts(3, [aMember('a')]), 'ScaleControlPlane'],
    ['too big', planeFacts(1, [aMember('a'), aMember('b')]), 'ScaleControlPlane'],
    ['with a machine that goes', planeFacts(1, [aMember('a'), aMember('b', { deleting: true })]), 'ScaleControlPlane'],
    ['not initialized', planeFacts(1, [aMember('a')], { initialized: false }), 'ScaleControlPlane'],
    ['with an outdated machine', planeFacts(1, [aMember('a', OUTDATED)]), 'UpgradeControlPlane'],
    ['too small with an outdated machine', planeFacts(3, [aMember('a', OUTDATED)]), 'UpgradeControlPlane'],
    [
      'with a machine to replace, and outdated ones',
      planeFacts(3, [aMember('a', OUTDATED), aMember('b', OUTDATED), aMember('c', FLAGGED)]),
      'RemediateControlPlane',
    ],
    [
      'whose replacement has no new machine yet',
      planeFacts(3, [aMember('a'), aMember('b')], { remediating: record }),
      'RemediateControlPlane',
    ],
    [
      'whose add-ons are of another version',
      planeFacts(1, [aMember('a')], { upkeep: ['CoreDNS'] }),
      'MaintainControlPlane',
    ],
    ['with an ill machine', planeFacts(1, [aMember('a', ILL)]), 'Waiting again'],
    ['complete', planeFacts(1, [aMember('a')]), 'Converged'],
    ['deleting', planeFacts(1, [], { deleting: true }), 'DeleteControlPlane'],
  ])('%s', (_, facts, expected) => {
    const d = planControlPlane(controlPlaneBrief(facts, NOW));
    expect(d.do === 'operate' ? d.operation : `${d.outcome}${d.requeueSeconds ? ' again' : ''}`).toBe(expected);
  });

  test.each<[string, ControlPlaneFacts, object]>([
    ['makes no machine', planeFacts(3, [aMember('a'), aMember('b')]), { outcome: 'Waiting', requeueSeconds: 15 }],
    ['takes none for a rollout', planeFacts(3, three(OUTDATED), { maxSurge: 0 }), { outcome: 'Waiting' }],
    ['is not done', planeFacts(3, three()), { outcome: 'Waiting', reason: 'waiting for certificates' }],
    [
      'replaces unhealthy ones',
      planeFacts(3, [aMember('a'), aMember('b'), aMember('c', FLAGGED)]),
      { operation: 'RemediateControlPlane' },
    ],
    ['takes what is too many', planeFacts(1, three()), { operation: 'ScaleControlPlane' }],
    [
      'takes members out that have no machine',
      planeFacts(2, [aMember('a'), aMember('b')], { strays: [stray], etcd }),
      { operation: 'ScaleControlPlane' },
    ],
    ['keeps add-ons', planeFacts(3, three(), { upkeep: ['CoreDNS'] }), { operation: 'MaintainControlPlane' }],
  ])('without certificates %s', (_, facts, expected) => {
    const brief = controlPlaneBrief({ ...facts, certificatesAvailable: false }, NOW);
    expect(planControlPlane(brief)).toMatchObject(expected);
    const { operation } = expected as { operation?: ControlPlaneOperation };
    expect(mayTake(operation ?? brief.operation, brief)).toBe(operation !== undefined);
  });

  test('looks after its machines whatever keeps the add-ons from being maintained', () => {
    const failure = {
      operation: 'MaintainControlPlane',
      type: 'InvalidConfiguration',
      message: 'm',
      attempt: 'a',
    } as const;
    const of = (facts: ControlPlaneFacts) => planControlPlane(controlPlaneBrief({ ...facts, failure }, NOW));
    expect(of(planeFacts(1, [aMember('a')], { upkeep: ['CoreDNS'] }))).toMatchObject({ outcome: 'Failed' });
    const ill = aMember('c', FLAGGED);
    expect(of(planeFacts(3, [aMember('a'), aMember('b'), ill]))).toMatchObject({ operation: 'RemediateControlPlane' });
  });

  test.each(['UpgradeControlPlane', 'ScaleControlPlane'])(
    'replaces unhealthy machines although %s failed, and does not go on with that',
    (operation) => {
      const failure = { operation, type: 'Cancelled', message: 'm', attempt: 'a' } as const;
      const of = (...machines: ControlPlaneMachine[]) =>
        planControlPlane(controlPlaneBrief(planeFacts(3, machines, { failure }), NOW));
      const [a, b] = [aMember('a', OUTDATED), aMember('b', OUTDATED)];
      expect(of(a, b, aMember('c', FLAGGED))).toMatchObject({ operation: 'RemediateControlPlane' });
      expect(of(a, b, aMember('c', OUTDATED))).toMatchObject({ outcome: 'Failed' });
    },
  );

  test('stops at its own failure', () => {
    const failure = { operation: 'RemediateControlPlane', type: 'Cancelled', message: 'm', attempt: 'a' } as const;
    const facts = planeFacts(3, [aMember('a'), aMember('b'), aMember('c', FLAGGED)], { failure });
    expect(planControlPlane(controlPlaneBrief(facts, NOW))).toMatchObject({ outcome: 'Failed' });
  });

  test.each<[string, ControlPlaneFacts]>([
    ['a missing one', planeFacts(3, [aMember('a'), aMember('b')])],
    ['an outdated one', planeFacts(3, [aMember('a', OUTDATED), aMember('b'), aMember('c')], { maxSurge: 0 })],
    ['one too many', planeFacts(1, [aMember('a'), aMember('b'), aMember('c')])],
    ['an unhealthy one', planeFacts(3, [aMember('a'), aMember('b'), aMember('c', FLAGGED)])],
  ])('changes nothing for %s while its infra machine template does not exist', (_, facts) => {
    const brief = controlPlaneBrief({ ...facts, missingTemplate: 'AWSMachineTemplate typo' }, NOW);
    expect(brief.forecast[0]).toContain('wait: AWSMachineTemplate typo does not exist');
    expect(brief.forecast.length).toBeGreaterThan(1);
    expect(planControlPlane(brief)).toMatchObject({
      outcome: 'Waiting',
      reason: expect.stringContaining('spec.machineTemplate.spec.infrastructureRef'),
      requeueSeconds: 15,
    });
    const gone = controlPlaneBrief({ ...facts, deleting: true, missingTemplate: 'AWSMachineTemplate typo' }, NOW);
    expect(planControlPlane(gone)).toMatchObject({ operation: 'DeleteControlPlane' });
  });

  test('comes back at the very time when a replacement that must wait is due', () => {
    const policy = { retryPeriodSeconds: 900, minHealthyPeriodSeconds: 3600 };
    const ill = aMember('c', { ...FLAGGED, remediationFor: record });
    const facts = planeFacts(3, [aMember('a'), aMember('b'), ill], { policy });
    expect(planControlPlane(controlPlaneBrief(facts, NOW))).toMatchObject({
      outcome: 'Waiting',
      requeueSeconds: 300,
      atMostSeconds: 300,
    });
  });

  test('stays for a rollout that the clock begins soon, and for no other', () => {
    const of = (seconds: number) =>
      planControlPlane(controlPlaneBrief(planeFacts(1, [aMember('a')], { outdatedAtMs: NOW + seconds * 1000 }), NOW));
    expect(of(90)).toMatchObject({ outcome: 'Waiting', requeueSeconds: 90, atMostSeconds: 90 });
    expect(of(3700)).toMatchObject({ outcome: 'Converged' });
  });

  test('says what is next, why it waits, and what would let it go on', () => {
    const facts = planeFacts(3, [aMember('a', OUTDATED), aMember('b', OUTDATED), aMember('c', ILL)]);
    const brief = controlPlaneBrief(facts, NOW);
    expect(brief.step).toMatchObject({
      kind: 'await',
      name: 'c',
      reason: expect.stringContaining('EtcdMemberHealthy condition is false (down)'),
      unblock: expect.stringContaining('Machine c to become healthy'),
      about: ['etcd'],
    });
    expect(brief.why).toBe('roll out 2 of 3 machines: Version v1.33.0, v1.34.0 required');
    const kinds = brief.forecast.map((line) => line.split(' ')[0]);
    expect(kinds).toEqual(['wait:', 'create', 'remove', 'create', 'remove']);
  });

  test('leaves to each operation its own steps, and to a rollout the number too', () => {
    const all: ControlPlaneOperation[] = ['ScaleControlPlane', 'UpgradeControlPlane', 'RemediateControlPlane'];
    const taking = (facts: ControlPlaneFacts) => all.filter((o) => mayTake(o, controlPlaneBrief(facts, NOW)));
    expect(taking(planeFacts(1, []))).toEqual(['ScaleControlPlane', 'UpgradeControlPlane']);
    expect(taking(planeFacts(1, [aMember('a', OUTDATED)]))).toEqual(['UpgradeControlPlane']);
    expect(taking(planeFacts(3, [...three().slice(1), aMember('x', FLAGGED)]))).toEqual(['RemediateControlPlane']);
    expect(taking(planeFacts(1, [aNewcomer('a')]))).toEqual(all);
    expect(taking(planeFacts(1, [], { certificatesAvailable: false }))).toEqual([]);
  });
});

describe('a step of a rollout', () => {
  test('with maxSurge 1 adds a machine, then takes an outdated one', () => {
    const old = three(OUTDATED);
    expect(next(planeFacts(3, old))).toMatchObject({ kind: 'create' });
    expect(next(planeFacts(3, [...old, aMember('d')]))).toEqual({
      kind: 'remove',
      name: 'a',
      why: 'Version v1.33.0, v1.34.0 required',
    });
  });

  test('brings what machines read when they join up to date before one of a new kind joins', () => {
    expect(next(planeFacts(1, [aMember('a', OUTDATED)]))).toMatchObject({ kind: 'create', prepare: true });
    expect(next(planeFacts(3, [aMember('a')]))).not.toHaveProperty('prepare');
  });

  test('with maxSurge 0 takes an outdated one first', () => {
    const old = three(OUTDATED);
    expect(next(planeFacts(3, old, { maxSurge: 0 }))).toMatchObject({ kind: 'remove', name: 'a' });
    expect(next(planeFacts(3, old.slice(1), { maxSurge: 0 }))).toMatchObject({ kind: 'create' });
  });

  test('never takes the only machine, whatever the surge', () => {
    const facts = planeFacts(1, [aMember('a', OUTDATED)], { maxSurge: 0, managedEtcd: false });
    expect(next(facts)).toMatchObject({ kind: 'create' });
  });

  test('takes an outdated machine that is ill before those that work, and only that may be ill', () => {
    const outdated = [aMember('a', OUTDATED), aMember('b', { ...OUTDATED, ...ILL }), aMember('c', OUTDATED)];
    expect(next(planeFacts(3, [...outdated, aMember('d')]))).toMatchObject({ kind: 'remove', name: 'b' });
    expect(next(planeFacts(3, [...outdated, aMember('d', ILL)]))).toMatchObject({ kind: 'await', name: 'd' });
  });

  test('waits while the members of etcd cannot be listed', () => {
    const { etcd: _, ...blind } = planeFacts(3, [...three(OUTDATED), aMember('d')]);
    expect(next(blind)).toMatchObject({
      kind: 'await',
      until: 'quorum',
      reason: expect.stringContaining('the members of etcd cannot be listed'),
    });
    expect(next({ ...blind, managedEtcd: false })).toMatchObject({ kind: 'remove' });
  });

  test('waits for a member that etcd still learns', () => {
    const facts = planeFacts(3, [...three(OUTDATED), aMember('d')]);
    const members = (facts.etcd?.members ?? []).map((m) => (m.name === 'd' ? { ...m, learner: true } : m));
    expect(next({ ...facts, etcd: { members, alarmed: [] } })).toMatchObject({ kind: 'await', until: 'quorum' });
  });

  test('gives no machine the name of one that is gone for it', () => {
    const names = new Set<string>();
    let machines: ControlPlaneMachine[] = three(OUTDATED);
    for (let i = 0; i < 6; i++) {
      const step = next(planeFacts(3, machines));
      if (step.kind === 'create') {
        expect(names.has(step.name)).toBe(false);
        names.add(step.name);
        machines = [...machines, aMember(step.name, { createdAt: `2026-01-0${i + 2}T00:00:00Z` })];
      } else if (step.kind === 'remove') machines = machines.filter((m) => m.name !== step.name);
    }
    expect(names.size).toBe(3);
    expect(next(planeFacts(3, machines))).toEqual({ kind: 'done' });
  });
});

describe('a replacement that was begun', () => {
  test('gets its new machine though another one is ill, as long as etcd keeps its quorum', () => {
    const ill = [aMember('a'), aMember('b'), aMember('c'), aMember('d', ILL)];
    const facts = planeFacts(5, ill, { remediating: record });
    expect(next(facts)).toMatchObject({ kind: 'create', replaces: record });
    expect(next(planeFacts(3, [aMember('a'), aMember('b', ILL)], { remediating: record }))).toMatchObject({
      kind: 'await',
      until: 'quorum',
    });
    expect(next(planeFacts(5, ill))).toMatchObject({ kind: 'await', name: 'd' });
  });

  test('is ended when its machine was written down and not deleted', () => {
    const x = aMember('x', FLAGGED);
    const facts = planeFacts(3, [aMember('a'), aMember('b'), x], { remediating: record });
    expect(next(facts)).toEqual({ kind: 'remediate', record });
  });

  test('is forgotten when its machine recovered, or when nothing is missing', () => {
    const recovered = planeFacts(3, [aMember('a'), aMember('b'), aMember('x')], { remediating: record });
    expect(next(recovered)).toEqual({ kind: 'forget', record });
    expect(next(planeFacts(2, [aMember('a'), aMember('b')], { remediating: record }))).toEqual({
      kind: 'forget',
      record,
    });
  });

  test('waits when it became dangerous before its machine was deleted', () => {
    const facts = planeFacts(3, [aMember('a'), aMember('b', ILL), aMember('x', FLAGGED)], { remediating: record });
    expect(next(facts)).toMatchObject({ kind: 'await', name: 'x', reason: expect.stringContaining('quorum') });
  });
});

describe('upkeep', () => {
  const upkeep = ['CoreDNS'];
  const unready = aMember('b', { ready: false });
  test.each<[string, ControlPlaneFacts, string]>([
    ['comes when all is well', planeFacts(2, [aMember('a'), aMember('b')]), 'maintain'],
    ['does not wait for readiness gates of users', planeFacts(2, [aMember('a'), unready]), 'maintain'],
    ['waits for components', planeFacts(2, [aMember('a'), aMember('b', ILL)]), 'await'],
    ['waits for components although gates are closed too', planeFacts(2, [unready, aMember('a', ILL)]), 'await'],
    ['waits for machines to be made', planeFacts(3, [aMember('a'), unready]), 'create'],
    ['waits for a rollout', planeFacts(1, [aMember('a', OUTDATED)]), 'create'],
    ['waits for a machine that goes', planeFacts(1, [aMember('a'), aMember('b', { deleting: true })]), 'await'],
  ])('%s', (_, facts, kind) => {
    expect(next({ ...facts, upkeep }).kind).toBe(kind);
    expect(hasTimeForUpkeep(facts, NOW)).toBe(kind === 'maintain');
  });

  test('is followed by the wait for the readiness of all machines', () => {
    expect(next(planeFacts(2, [aMember('a'), unready]))).toMatchObject({ kind: 'await', name: 'b', until: 'healthy' });
    const brief = controlPlaneBrief(planeFacts(2, [aMember('a'), unready], { upkeep }), NOW);
    expect(planControlPlane(brief)).toMatchObject({ operation: 'MaintainControlPlane' });
    expect(brief.forecast.map((line) => line.split(':')[0])).toEqual(['bring up to date', 'wait']);
  });
});

describe('a step that changes the number', () => {
  test('reaches the desired count when each step succeeds', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 7 }), fc.nat(7), (desired, start) => {
        let all: ControlPlaneMachine[] = Array.from({ length: start }, (_, i) =>
          aMember(`m${i}`, { failureDomain: 'a' }),
        );
        for (let i = 0; i <= Math.abs(desired - start); i++) {
          const step = next(planeFacts(desired, all));
          if (step.kind === 'create') {
            const { name, failureDomain } = step;
            all = [...all, aMember(name, failureDomain ? { failureDomain } : {})];
          } else if (step.kind === 'remove') all = all.filter((m) => m.name !== step.name);
        }
        expect(all).toHaveLength(desired);
        expect(next(planeFacts(desired, all))).toEqual({ kind: 'done' });
      }),
    );
  });

  test('spreads new machines over the emptiest failure domains', () => {
    const at = (name: string, failureDomain: string, change = {}) => aMember(name, { failureDomain, ...change });
    expect(next(planeFacts(3, [at('x', 'a'), at('y', 'b')]))).toMatchObject({ kind: 'create', failureDomain: 'c' });
    expect(next(planeFacts(1, [], { failureDomains: [] }))).not.toHaveProperty('failureDomain');
  });

  test('counts up-to-date machines before others when it spreads', () => {
    const at = (name: string, failureDomain: string, change = {}) => aMember(name, { failureDomain, ...change });
    const all = [at('x', 'a', OUTDATED), at('y', 'a', OUTDATED), at('z', 'b')];
    const facts = planeFacts(3, all, { failureDomains: ['a', 'b'] });
    expect(next(facts)).toMatchObject({ kind: 'create', failureDomain: 'a' });
  });

  const at = (name: string, failureDomain: string, change: Partial<ControlPlaneMachine> = {}) =>
    aMember(name, { failureDomain, ...change });
  test.each<[string, ControlPlaneMachine[], string]>([
    [
      'marked and outdated',
      [at('a', 'a'), at('b', 'b', { deleteFirst: true }), at('c', 'c', { deleteFirst: true, ...OUTDATED })],
      'c',
    ],
    ['marked', [at('a', 'a', OUTDATED), at('b', 'b', { deleteFirst: true })], 'b'],
    ['outdated', [at('a', 'a'), at('b', 'b', OUTDATED)], 'b'],
    ['in a domain that is gone', [at('a', 'a'), at('b', 'a'), at('c', 'old')], 'c'],
    [
      'oldest in the fullest domain',
      [
        at('a', 'a', { createdAt: '2025-01-01T00:00:00Z' }),
        at('b', 'b', { createdAt: '2026-01-03T00:00:00Z' }),
        at('c', 'b'),
      ],
      'c',
    ],
    ['oldest, then by name', [at('b', 'a'), at('a', 'a')], 'a'],
  ])('takes the one that is %s', (_, all, victim) => {
    const desired = all.length - (all.some((m) => !m.upToDate) ? 2 : 1);
    expect(next(planeFacts(Math.max(1, desired), all))).toMatchObject({ kind: 'remove', name: victim });
  });
});
