import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { ControlPlaneFacts, OwnedMachine } from '../facts.js';
import { planControlPlane, planControlPlaneStep } from './control-plane.js';

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
const controlPlane = (
  desired: number,
  machines: readonly OwnedMachine[],
  change: Partial<ControlPlaneFacts> = {},
): ControlPlaneFacts => ({
  exists: true,
  paused: false,
  deleting: false,
  generation: 1,
  cluster: 'ns/c',
  attempt: 'a',
  desired,
  machines,
  base: 'cp',
  uid: 'u',
  deleteOrder: 'Oldest',
  infrastructureProvisioned: true,
  endpoint: true,
  initialized: true,
  certificatesAvailable: true,
  failureDomains: ['a', 'b', 'c'],
  workersExist: false,
  clusterDeleting: false,
  cloudQueue: '',
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
const located = fc
  .tuple(anyMachine, fc.constantFrom('a', 'b', 'gone', undefined))
  .map(([m, d]): OwnedMachine => (d ? { ...m, failureDomain: d } : m));
const machines = (of: fc.Arbitrary<OwnedMachine>) => fc.uniqueArray(of, { selector: (m) => m.name, maxLength: 9 });
describe('an etcd member without a machine', () => {
  const stray = { id: '7', name: 'node-x' };
  const short = controlPlane(3, [machine('a'), machine('b', { healthy: false })], { strays: [stray] });

  test('wakes the control plane and is taken out before anything else', () => {
    const complete = controlPlane(1, [machine('a')], { strays: [stray] });
    expect(planControlPlane(complete)).toMatchObject({
      operation: 'ScaleControlPlane',
      reason: 'etcd member node-x has no machine',
    });
    expect(planControlPlaneStep(short)).toEqual({ kind: 'evict', member: stray });
  });

  test('waits for a machine that goes, whose member it may be', () => {
    const going = { ...short, machines: [...short.machines, machine('c', { deleting: true })] };
    expect(planControlPlaneStep(going)).toMatchObject({ kind: 'await', name: 'c', until: 'gone' });
  });
});

describe('a control plane', () => {
  test.each<[string, ControlPlaneFacts, string]>([
    ['in a cluster that goes', controlPlane(1, [], { clusterDeleting: true }), 'Waiting'],
    ['before the infrastructure', controlPlane(1, [], { infrastructureProvisioned: false }), 'Waiting'],
    ['without an endpoint', controlPlane(1, [], { endpoint: false }), 'Waiting'],
    ['without certificates', controlPlane(1, [], { certificatesAvailable: false }), 'Waiting again'],
    ['too small', controlPlane(3, [machine('a')]), 'ScaleControlPlane'],
    ['too big', controlPlane(1, [machine('a'), machine('b')]), 'ScaleControlPlane'],
    [
      'with a machine that goes',
      controlPlane(1, [machine('a'), machine('b', { deleting: true })]),
      'ScaleControlPlane',
    ],
    ['not initialized', controlPlane(1, [machine('a')], { initialized: false }), 'ScaleControlPlane'],
    ['with an ill machine', controlPlane(1, [machine('a', { healthy: false })]), 'Waiting again'],
    ['complete', controlPlane(1, [machine('a')]), 'Converged'],
    ['deleting', controlPlane(1, [], { deleting: true }), 'DeleteControlPlane'],
  ])('%s', (_, facts, expected) => {
    const d = planControlPlane(facts);
    expect(d.do === 'operate' ? d.operation : `${d.outcome}${d.requeueSeconds ? ' again' : ''}`).toBe(expected);
  });
});

describe('a step of a control plane', () => {
  test('changes one machine at most, and none while another changes or is ill', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), machines(located), (desired, all) => {
        const facts = controlPlane(desired, all);
        const step = planControlPlaneStep(facts);
        const ill = all.filter((m) => !m.hasNode || !m.healthy).map((m) => m.name);
        if (step.kind === 'create') {
          expect(all.length).toBeLessThan(desired);
          expect(ill).toEqual([]);
          expect(all.map((m) => m.name)).not.toContain(step.name);
        }
        if (step.kind === 'remove') {
          expect(all.length).toBeGreaterThan(desired);
          expect(all.map((m) => m.name)).toContain(step.name);
          expect(ill.filter((name) => name !== step.name)).toEqual([]);
        }
        if (step.kind === 'create' || step.kind === 'remove') expect(all.filter((m) => m.deleting)).toEqual([]);
        if (step.kind === 'done') expect(all.length).toBe(desired);
        if (step.kind === 'await') {
          const waited = all.find((m) => m.name === step.name);
          expect(step.until === 'gone' ? waited?.deleting : waited && (!waited.hasNode || !waited.healthy)).toBe(true);
        }
      }),
    );
  });

  test('reaches the desired count when each step succeeds', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 7 }), fc.nat(7), (desired, start) => {
        let all: OwnedMachine[] = Array.from({ length: start }, (_, i) => machine(`m${i}`, { failureDomain: 'a' }));
        for (let i = 0; i <= Math.abs(desired - start); i++) {
          const step = planControlPlaneStep(controlPlane(desired, all));
          if (step.kind === 'create') {
            const { name, failureDomain } = step;
            all = [...all, machine(name, failureDomain ? { failureDomain } : {})];
          } else if (step.kind === 'remove') all = all.filter((m) => m.name !== step.name);
        }
        expect(all).toHaveLength(desired);
        expect(planControlPlaneStep(controlPlane(desired, all))).toEqual({ kind: 'done' });
      }),
    );
  });

  test('spreads new machines over the emptiest failure domains', () => {
    const all = [machine('x', { failureDomain: 'a' }), machine('y', { failureDomain: 'b' })];
    expect(planControlPlaneStep(controlPlane(3, all))).toMatchObject({ kind: 'create', failureDomain: 'c' });
    expect(planControlPlaneStep(controlPlane(1, [], { failureDomains: [] }))).not.toHaveProperty('failureDomain');
  });

  test('waits for a second ill machine even when the first is the victim', () => {
    const all = ['a', 'b', 'c'].map((n) => machine(n, { upToDate: n === 'c', healthy: n === 'c' }));
    expect(planControlPlaneStep(controlPlane(1, all))).toMatchObject({ kind: 'await', name: 'b', until: 'healthy' });
  });

  const at = (name: string, failureDomain: string, change: Partial<OwnedMachine> = {}) =>
    machine(name, { failureDomain, ...change });
  test.each<[string, OwnedMachine[], string]>([
    [
      'marked and outdated',
      [at('a', 'a'), at('b', 'b', { deleteFirst: true }), at('c', 'c', { deleteFirst: true, upToDate: false })],
      'c',
    ],
    ['marked', [at('a', 'a', { upToDate: false }), at('b', 'b', { deleteFirst: true })], 'b'],
    ['outdated', [at('a', 'a'), at('b', 'b', { upToDate: false })], 'b'],
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
    expect(planControlPlaneStep(controlPlane(all.length - 1, all))).toEqual({ kind: 'remove', name: victim });
  });
});
