import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { FailureType } from '../errors.js';
import type { OwnedMachine, ReplicaFacts } from '../facts.js';
import { deletePriority, planMachineSet, planWorkerStep, setFacts } from './replicas.js';

const NOW = Date.parse('2026-02-01T00:00:00Z');
const machine = (name: string, change: Partial<OwnedMachine> = {}): OwnedMachine => ({
  name,
  deleting: false,
  ready: true,
  hasNode: true,
  available: true,
  healthy: true,
  upToDate: true,
  deleteFirst: false,
  createdAt: '2026-01-01T00:00:00Z',
  ...change,
});
const workers = (
  desired: number,
  machines: readonly OwnedMachine[],
  change: Partial<ReplicaFacts> = {},
): ReplicaFacts => ({
  exists: true,
  paused: false,
  deleting: false,
  generation: 1,
  cluster: 'ns/c',
  attempt: 'a',
  desired,
  machines,
  base: 'md-abcde',
  uid: 'u',
  deleteOrder: 'Random',
  ...change,
});
const anyMachine: fc.Arbitrary<OwnedMachine> = fc.record({
  name: fc.stringMatching(/^[a-z]{1,3}$/),
  deleting: fc.boolean(),
  ready: fc.boolean(),
  hasNode: fc.boolean(),
  available: fc.boolean(),
  healthy: fc.boolean(),
  upToDate: fc.boolean(),
  deleteFirst: fc.boolean(),
  createdAt: fc.constantFrom('2026-01-01T00:00:00Z', '2026-01-20T00:00:00Z', ''),
});
const machines = (of: fc.Arbitrary<OwnedMachine>) => fc.uniqueArray(of, { selector: (m) => m.name, maxLength: 9 });
const order = fc.constantFrom<ReplicaFacts['deleteOrder']>('Random', 'Newest', 'Oldest');

const HELD = { reasons: ['a is so; do b', 'c is so; do d'], again: false };

describe('the priority of deletion', () => {
  test.each<[string, Partial<OwnedMachine>, ReplicaFacts['deleteOrder'], number]>([
    ['deleting', { deleting: true, deleteFirst: true }, 'Random', 100],
    ['marked', { deleteFirst: true, healthy: false }, 'Random', 80],
    ['without a node', { hasNode: false }, 'Random', 50],
    ['unhealthy', { healthy: false }, 'Newest', 50],
    ['any other', {}, 'Random', 20],
    ['of unknown age, oldest first', { createdAt: '' }, 'Oldest', 0],
    ['of unknown age, newest first', { createdAt: '' }, 'Newest', 50],
  ])('of a machine %s', (_, change, by, expected) => {
    expect(deletePriority(machine('m', change), by, NOW)).toBe(expected);
  });

  test('grows or falls with age as upstream says', () => {
    const days = 31;
    const old = 50 * (1 - Math.exp(-(days * 86_400) / 864_000));
    expect(deletePriority(machine('m'), 'Oldest', NOW)).toBeCloseTo(old);
    expect(deletePriority(machine('m'), 'Newest', NOW)).toBeCloseTo(50 - old);
  });
});

describe('a step of workers', () => {
  test('reaches the desired count in one go, and takes only machines that are there', () => {
    fc.assert(
      fc.property(fc.nat(9), machines(anyMachine), order, (desired, all, deleteOrder) => {
        const step = planWorkerStep(workers(desired, all, { deleteOrder }), NOW);
        const live = all.filter((m) => !m.deleting).map((m) => m.name);
        // those that go count until they are gone
        if (step.create.length > 0) expect(all.length + step.create.length).toBe(desired);
        else expect(live.length - step.remove.length).toBe(Math.min(live.length, desired));
        expect(all.length >= desired || step.create.length > 0).toBe(true);
        expect(step.create.length === 0 || step.remove.length === 0).toBe(true);
        expect(step.remove.filter((n) => !live.includes(n))).toEqual([]);
        expect(new Set([...step.create, ...all.map((m) => m.name)]).size).toBe(step.create.length + all.length);
      }),
    );
  });

  const going = (name: string) => machine(name, { deleting: true });
  test.each<[string, readonly OwnedMachine[], number, number]>([
    ['one that still drains is not made up for', [machine('a'), machine('b'), going('c')], 0, 0],
    ['one that is gone is', [machine('a'), machine('b')], 1, 0],
    ['the one that is gone is while another one drains', [machine('a'), going('b')], 1, 0],
    ['a surplus that goes is not taken twice', [machine('a'), machine('b'), machine('c'), going('d')], 0, 0],
    ['a surplus beside one that goes is taken', [...'abcd'].map((n) => machine(n)).concat(going('e')), 0, 1],
    ['machines that go are never more than what there may be', [...'abcdef'].map(going), 0, 0],
  ])('of three: %s', (_, all, created, removed) => {
    const { create, remove } = planWorkerStep(workers(3, all), NOW);
    expect([create.length, remove.length]).toEqual([created, removed]);
  });

  test('makes another one for an unhealthy machine once that is gone', () => {
    const [a, b, c] = [machine('a'), machine('b'), machine('c', { healthy: false })];
    const next = (all: readonly OwnedMachine[], remediate: readonly string[] = []) =>
      planMachineSet(setFacts(workers(3, all, { remediate }), NOW));
    expect(next([a, b, c], ['c'])).toMatchObject({ operation: 'RemediateWorkers' });
    const drains = [a, b, { ...c, deleting: true }];
    expect(next(drains)).toMatchObject({ operation: 'ScaleWorkers', reason: '2 of 3 machines, 1 on their way out' });
    expect(planWorkerStep(workers(3, drains), NOW)).toEqual({ create: [], remove: [] });
    expect(next([a, b])).toMatchObject({ operation: 'ScaleWorkers', reason: '2 of 3 machines' });
    expect(planWorkerStep(workers(3, [a, b]), NOW).create).toHaveLength(1);
  });

  test('is the same for the same facts in any order', () => {
    fc.assert(
      fc.property(fc.nat(9), machines(anyMachine), order, (desired, all, deleteOrder) => {
        const one = planWorkerStep(workers(desired, all, { deleteOrder }), NOW);
        expect(planWorkerStep(workers(desired, [...all].reverse(), { deleteOrder }), NOW)).toEqual(one);
      }),
    );
  });

  test('never takes a healthy machine while an unhealthy one may go', () => {
    const facts = workers(1, [machine('a'), machine('b', { healthy: false }), machine('c', { hasNode: false })]);
    expect(planWorkerStep(facts, NOW).remove).toEqual(['b', 'c']);
  });

  test('takes the newest or the oldest first when told so', () => {
    const all = [machine('old'), machine('young', { createdAt: '2026-01-31T00:00:00Z' })];
    expect(planWorkerStep(workers(1, all, { deleteOrder: 'Newest' }), NOW).remove).toEqual(['young']);
    expect(planWorkerStep(workers(1, all, { deleteOrder: 'Oldest' }), NOW).remove).toEqual(['old']);
  });
});

describe('a step of workers that is held up', () => {
  const blocked = { reasons: ['a check fails'], again: false };

  test('makes no machine, but still deletes those that are too many', () => {
    fc.assert(
      fc.property(fc.nat(9), machines(anyMachine), (desired, all) => {
        const free = planWorkerStep(workers(desired, all), NOW);
        expect(planWorkerStep(workers(desired, all, { blocked }), NOW)).toEqual({ create: [], remove: free.remove });
      }),
    );
  });

  test('takes no healthy machine of a surplus before those that are to be replaced are gone', () => {
    const all = [machine('a'), machine('b'), machine('c', { healthy: false })];
    expect(planWorkerStep(workers(2, all, { remediate: ['c'] }), NOW)).toEqual({
      create: [],
      remove: [],
      remediate: ['c'],
    });
    const after = [machine('a'), machine('b'), machine('c', { healthy: false, deleting: true })];
    expect(planWorkerStep(workers(2, after, { remediate: [] }), NOW)).toEqual({ create: [], remove: [] });
  });
});

describe('the names of new machines', () => {
  test('do not come back after the machines that had them are gone', () => {
    const born = new Set<string>();
    for (let i = 0; i < 50; i++) {
      const { create } = planWorkerStep(workers(2, [machine('stays')]), NOW + i);
      for (const name of create) born.add(name);
    }
    expect(born.size).toBe(50);
  });
});

describe('a machine set', () => {
  test('tells its lane little, however many machines it has', () => {
    const all = Array.from({ length: 3_000 }, (_, i) => machine(`m-${i}`, { deleting: i % 2 === 0 }));
    for (const desired of [0, 9_000]) {
      const told = setFacts(workers(desired, all), NOW);
      expect(told).toMatchObject({ desired, live: 1_500, available: 1_500 });
      expect(told.step.create.length + told.step.remove.length).toBe(500);
      expect(JSON.stringify(told).length).toBeLessThan(32_000);
    }
  });

  test.each<[string, ReplicaFacts, string]>([
    ['too small', workers(2, [machine('a')]), 'ScaleWorkers'],
    ['too big', workers(0, [machine('a')]), 'ScaleWorkers'],
    ['with a machine that goes', workers(1, [machine('a'), machine('b', { deleting: true })]), 'ScaleWorkers'],
    ['with a machine that comes', workers(1, [machine('a', { available: false })]), 'Waiting'],
    ['complete', workers(1, [machine('a')]), 'Converged'],
    ['empty', workers(0, []), 'Converged'],
    ['deleting', workers(1, [], { deleting: true }), 'DeleteMachineSet'],
    ['with machines to replace', workers(1, [machine('a')], { remediate: ['a'] }), 'RemediateWorkers'],
    ['deleting with such', workers(1, [machine('a')], { deleting: true, remediate: ['a'] }), 'DeleteMachineSet'],
    ['too small and held up', workers(2, [machine('a')], { blocked: HELD }), 'Waiting'],
    ['too big and held up', workers(0, [machine('a')], { blocked: HELD }), 'ScaleWorkers'],
  ])('%s', (_, facts, expected) => {
    const decision = planMachineSet(setFacts(facts, NOW));
    expect(decision.do === 'operate' ? decision.operation : decision.outcome).toBe(expected);
  });

  const failed = (operation: string, type: FailureType = 'InvalidConfiguration'): Partial<ReplicaFacts> => ({
    failure: { operation, type, message: 'm', attempt: 'a' },
  });
  const remediate = ['a'];
  const cancelled = failed('ScaleWorkers', 'Cancelled');
  test.each<[string, ReplicaFacts, string]>([
    ['scaling', workers(2, [machine('a')], failed('ScaleWorkers')), 'Failed'],
    [
      'scaling, with machines to replace',
      workers(2, [machine('a')], { ...failed('ScaleWorkers'), remediate }),
      'RemediateWorkers',
    ],
    [
      'scaling, stopped by a person, with such',
      workers(2, [machine('a')], { ...cancelled, remediate }),
      'RemediateWorkers',
    ],
    ['scaling, after such are gone', workers(2, [], failed('ScaleWorkers')), 'Failed'],
    ['replacing', workers(1, [machine('a')], { ...failed('RemediateWorkers'), remediate }), 'Failed'],
    [
      'scaling, with unhealthy ones that checks hold up',
      workers(1, [machine('a', { healthy: false })], { ...failed('ScaleWorkers'), remediate: [], blocked: HELD }),
      'Failed',
    ],
    [
      'scaling, and is paused',
      workers(1, [machine('a')], { ...failed('ScaleWorkers'), remediate, paused: true }),
      'Paused',
    ],
    [
      'scaling, and is deleting',
      workers(1, [machine('a')], { ...failed('ScaleWorkers'), remediate, deleting: true }),
      'DeleteMachineSet',
    ],
    [
      'its deletion, stopped by a person',
      workers(1, [machine('a')], { ...failed('DeleteMachineSet', 'Cancelled'), remediate, deleting: true }),
      'Failed',
    ],
  ])('that failed at %s', (_, facts, expected) => {
    const decision = planMachineSet(setFacts(facts, NOW));
    expect(decision.do === 'operate' ? decision.operation : decision.outcome).toBe(expected);
  });

  test.each([
    [HELD, {}],
    [
      { ...HELD, again: true },
      { requeueSeconds: 15, atMostSeconds: 300 },
    ],
  ])(
    'that is held up says why and by what it would be unblocked, and looks again where nobody tells',
    (blocked, again) => {
      expect(planMachineSet(setFacts(workers(2, [], { blocked }), NOW))).toEqual({
        do: 'end',
        outcome: 'Waiting',
        reason: '2 machines are not made: a is so; do b; c is so; do d',
        ...again,
      });
      const sick = workers(1, [machine('a', { healthy: false })], { blocked });
      expect(planMachineSet(setFacts(sick, NOW))).toMatchObject({
        reason: expect.stringMatching(/^unhealthy machines are not replaced: a is so/),
      });
    },
  );
});
