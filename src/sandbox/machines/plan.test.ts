import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { anInstance } from './fixtures.js';
import type { InstanceState } from './inventory.js';
import { isActive, type MachineCaps, planMachines } from './plan.js';
import type { MachinePhase } from './record.js';

const ROOMY: MachineCaps = { maxMachines: 10, memoryMiB: 100_000, perMachineMiB: 700 };
const STATES: readonly (InstanceState | undefined)[] = [
  'pending',
  'running',
  'stopping',
  'stopped',
  'shutting-down',
  'terminated',
  undefined,
];
const PHASES: readonly (MachinePhase | undefined)[] = [undefined, 'starting', 'running', 'exited', 'stopped', 'failed'];

describe('planMachines', () => {
  const expected: Record<string, Record<string, string>> = {
    running: { undefined: 'start', stopped: 'start' },
    stopping: { starting: 'stop', running: 'stop', exited: 'settle', failed: 'stop' },
    stopped: { starting: 'stop', running: 'stop', exited: 'settle', failed: 'stop' },
    'shutting-down': { starting: 'remove', running: 'remove', exited: 'remove', stopped: 'remove', failed: 'remove' },
    terminated: { starting: 'remove', running: 'remove', exited: 'remove', stopped: 'remove', failed: 'remove' },
    undefined: { starting: 'remove', running: 'remove', exited: 'remove', stopped: 'remove', failed: 'remove' },
    pending: {},
  };
  for (const state of STATES) {
    for (const phase of PHASES) {
      const action = expected[String(state)]?.[String(phase)];
      test(`instance ${state ?? 'gone'}, machine ${phase ?? 'absent'}: ${action ?? 'nothing'}`, () => {
        const instances = state === undefined ? [] : [anInstance({ state })];
        const machines = new Map(phase === undefined ? [] : [['i-0001', phase] as const]);
        expect(planMachines(instances, machines, ROOMY).map((a) => a.kind)).toEqual(
          action === undefined ? [] : [action],
        );
      });
    }
  }

  test('leaves busy machines alone', () => {
    expect(planMachines([anInstance()], new Map(), ROOMY, new Set(['i-0001']))).toEqual([]);
  });

  test('refuses what is over the number of machines, with a remedy', () => {
    const plan = planMachines(
      [anInstance({ id: 'i-2' })],
      new Map([
        ['i-1', 'stopped'],
        ['i-0', 'running'],
      ]),
      { ...ROOMY, maxMachines: 1 },
    );
    expect(plan.find((a) => a.id === 'i-2')).toEqual({
      kind: 'refuse',
      id: 'i-2',
      reason: expect.stringContaining('raise --max-machines'),
    });
  });

  test('refuses what is over the memory, with a remedy', () => {
    const plan = planMachines([anInstance({ id: 'i-1' }), anInstance({ id: 'i-2' })], new Map(), {
      ...ROOMY,
      memoryMiB: 1_000,
    });
    expect(plan.map((a) => a.kind)).toEqual(['start', 'refuse']);
    expect(plan[1]).toMatchObject({ reason: expect.stringContaining('--machine-memory') });
  });

  test('never has more machines than the cap, never acts twice on one, and is settled after its actions', () => {
    const world = fc.dictionary(
      fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
      fc.record({ state: fc.constantFrom(...STATES), phase: fc.constantFrom(...PHASES) }),
    );
    fc.assert(
      fc.property(world, fc.integer({ min: 1, max: 4 }), (objects, maxMachines) => {
        const instances = Object.entries(objects).flatMap(([id, { state }]) =>
          state === undefined ? [] : [anInstance({ id, state })],
        );
        const machines = new Map(
          Object.entries(objects).flatMap(([id, { phase }]) => (phase === undefined ? [] : [[id, phase] as const])),
        );
        const before = [...machines.values()].filter(isActive).length;
        const plan = planMachines(instances, machines, { ...ROOMY, maxMachines });
        expect(new Set(plan.map((a) => a.id)).size).toBe(plan.length);
        const refused = new Set<string>();
        for (const action of plan) {
          if (action.kind === 'start') machines.set(action.id, 'running');
          else if (action.kind === 'remove') machines.delete(action.id);
          else if (action.kind === 'refuse') refused.add(action.id);
          else machines.set(action.id, 'stopped');
        }
        const after = [...machines.values()].filter(isActive).length;
        expect(after).toBeLessThanOrEqual(Math.max(before, maxMachines));
        // A refused instance ends: one that had a disk is stopped again, another is terminated.
        const later = instances.flatMap((i) =>
          !refused.has(i.id) ? [i] : machines.has(i.id) ? [anInstance({ id: i.id, state: 'stopped' })] : [],
        );
        expect(planMachines(later, machines, { ...ROOMY, maxMachines })).toEqual([]);
      }),
      {
        // A stopped machine that may not start again because another is on its way.
        examples: [[{ a: { state: 'pending', phase: 'starting' }, f: { state: 'running', phase: 'stopped' } }, 1]],
      },
    );
  });
});
