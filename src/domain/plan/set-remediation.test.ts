import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Machine, MachineDeployment, MachineSet } from '../../api/types/index.js';
import { ANNOTATION } from '../names.js';
import { isCurrentSet, maxInFlightOf, planSetRemediation, type SetRemediationInput } from './set-remediation.js';

const SICK = { type: 'HealthCheckSucceeded', reason: 'UnhealthyNode' };
const asked = { type: 'OwnerRemediated', reason: 'WaitingForRemediation' };
const begun = { type: 'OwnerRemediated', reason: 'MachineDeleting' };

interface Change {
  readonly going?: boolean;
  readonly born?: string;
  readonly urgent?: boolean;
}

function machine(
  name: string,
  conditions: readonly { type: string; reason: string; status?: string }[] = [],
  { going = false, born = '2026-01-01T00:00:00Z', urgent = false }: Change = {},
): Machine {
  return {
    metadata: {
      name,
      creationTimestamp: born,
      ...(going ? { deletionTimestamp: '2026-02-01T00:00:00Z' } : {}),
      ...(urgent ? { annotations: { [ANNOTATION.remediateMachine]: '' } } : {}),
    },
    spec: {},
    status: { conditions: conditions.map((c) => ({ status: 'False', message: '', ...c })) },
  } as unknown as Machine;
}

const sick = (name: string, change?: Change): Machine => machine(name, [SICK, asked], change);
const going = (name: string): Machine => machine(name, [SICK, begun], { going: true });

const plan = (machines: readonly Machine[], change: Partial<SetRemediationInput> = {}) => {
  const { remediate, deferred } = planSetRemediation({ machines, isCurrent: true, preflight: [], ...change });
  return { remediate, deferred: [...deferred].map(([name, c]) => `${name}: ${c.reason}`) };
};
const atMost = (limit: number) => ({ maxInFlight: { limit, given: String(limit) } });

describe('replacing the unhealthy machines of a set', () => {
  test.each<[string, readonly Machine[], Partial<SetRemediationInput>, readonly string[], readonly string[]]>([
    ['all at once without a limit', [sick('a'), machine('b'), sick('c')], {}, ['a', 'c'], []],
    ['none that its owner is not asked about', [machine('a', [SICK]), machine('b', [asked])], {}, [], []],
    ['none that goes already', [going('a'), machine('b', [SICK, asked], { going: true })], {}, [], []],
    ['as many as the limit has left', [going('x'), sick('a'), sick('b')], atMost(2), ['a'], ['b: RemediationDeferred']],
    ['none at the limit', [going('x'), sick('a')], atMost(1), [], ['a: RemediationDeferred']],
    ['none above the limit', [going('x'), going('y'), sick('a')], atMost(1), [], ['a: RemediationDeferred']],
    ['none by a limit of none', [sick('a')], atMost(0), [], ['a: RemediationDeferred']],
    // a machine that somebody deletes for another reason is no replacement
    ['whatever else goes', [machine('x', [SICK, asked], { going: true }), sick('a')], atMost(1), ['a'], []],
    [
      'none of a set that is rolled out',
      [sick('a'), sick('b')],
      { isCurrent: false },
      [],
      ['a: CannotBeRemediated', 'b: CannotBeRemediated'],
    ],
    [
      'none while preflight checks fail',
      [sick('a'), sick('b')],
      { ...atMost(1), preflight: ['no'] },
      [],
      ['b: RemediationDeferred', 'a: RemediationDeferred'],
    ],
  ])('%s', (_, machines, change, remediate, deferred) => {
    expect(plan(machines, change)).toEqual({ remediate, deferred });
  });

  test('begins with what was begun, then what a person wants, then the youngest, then by name', () => {
    const machines = [
      sick('old'),
      sick('b', { born: '2026-01-09T00:00:00Z' }),
      sick('a', { born: '2026-01-09T00:00:00Z' }),
      sick('wanted', { urgent: true, born: '2025-01-01T00:00:00Z' }),
      machine('begun', [SICK, begun], { born: '2024-01-01T00:00:00Z' }),
    ];
    expect(plan(machines).remediate).toEqual(['begun', 'wanted', 'a', 'b', 'old']);
    expect(plan(machines, atMost(1)).remediate).toEqual(['begun']);
  });

  test('says why a machine waits', () => {
    const messageOf = (change: Partial<SetRemediationInput>) =>
      planSetRemediation({ machines: [sick('a')], isCurrent: true, preflight: [], ...change }).deferred.get('a')
        ?.message;
    expect(messageOf(atMost(0))).toBe(
      'Waiting because there are already too many remediations in progress (spec.remediation.maxInFlight is 0)',
    );
    expect(messageOf({ isCurrent: false })).toBe(
      "Machine won't be remediated because it is pending removal due to rollout",
    );
    expect(messageOf({ preflight: ['one', 'two'] })).toBe('* one\n* two');
  });
});

describe('the limit of replacements', () => {
  test.each<[number | string | undefined, number | undefined, number | undefined]>([
    [undefined, 10, undefined],
    [0, 10, 0],
    [3, 10, 3],
    ['20%', 10, 2],
    ['20%', 11, 3],
    ['1%', 1, 1],
    ['0%', 10, 0],
    ['50%', undefined, 1],
  ])('%s of %s replicas is %s', (maxInFlight, replicas, limit) => {
    const spec = { replicas, ...(maxInFlight === undefined ? {} : { remediation: { maxInFlight } }) };
    expect(maxInFlightOf({ spec } as MachineDeployment)?.limit).toBe(limit);
  });
});

describe('the set of a deployment', () => {
  const object = (revision: string | undefined, version = 'v1.34.4') =>
    ({
      metadata: { annotations: revision === undefined ? {} : { [ANNOTATION.revision]: revision } },
      spec: {
        template: { spec: { version, bootstrap: {}, infrastructureRef: { apiGroup: 'g', kind: 'K', name: 'n' } } },
      },
    }) as unknown as MachineSet & MachineDeployment;

  test.each([
    ['without a deployment', object('1'), undefined, true],
    ['of its revision and template', object('2'), object('2'), true],
    ['of a revision that the deployment gets next', object('10'), object('9'), true],
    ['of an earlier revision of the same template', object('1'), object('2'), false],
    ['of an earlier template that the deployment does not know yet', object('1'), object('1', 'v1.35.0'), false],
    ['before there are revisions', object(undefined), object(undefined), true],
  ])('is told %s', (_, set, deployment, expected) => {
    expect(isCurrentSet(set, deployment)).toBe(expected);
  });
});

/** A set of which machines fall ill, and which replaces them as planned, one look at a time. Gone machines are made up for by new ones. */
class Simulation {
  machines: Machine[];
  readonly size: number;
  readonly limit: number | undefined;
  private made = 0;

  constructor(size: number, limit: number | undefined) {
    this.size = size;
    this.limit = limit;
    this.machines = Array.from({ length: size }, () => this.make());
  }

  private make(): Machine {
    return machine(`m${++this.made}`);
  }

  private set(name: string | undefined, next: (m: Machine) => Machine): void {
    this.machines = this.machines.map((m) => (m.metadata.name === name ? next(m) : m));
  }

  at(index: number): Machine | undefined {
    return this.machines[index % Math.max(1, this.machines.length)];
  }

  fall(index: number): void {
    const found = this.at(index);
    if (found && !found.metadata.deletionTimestamp) this.set(found.metadata.name, (m) => sick(m.metadata.name));
  }

  /** The last machine that goes is gone. */
  finish(): void {
    const gone = this.machines.find((m) => m.metadata.deletionTimestamp !== undefined);
    if (gone) this.machines = this.machines.filter((m) => m !== gone);
    while (this.machines.filter((m) => m.metadata.deletionTimestamp === undefined).length < this.size)
      this.machines.push(this.make());
  }

  /** Marks and deletes as planned; a process that is killed after `writes` of them stops there. */
  look(writes = Number.POSITIVE_INFINITY): number {
    let left = writes;
    const limit = this.limit === undefined ? {} : atMost(this.limit);
    const { remediate } = planSetRemediation({ machines: this.machines, isCurrent: true, preflight: [], ...limit });
    for (const name of remediate) {
      if (left-- <= 0) break;
      this.set(name, (m) => machine(m.metadata.name, [SICK, begun]));
      if (left-- <= 0) break;
      this.set(name, (m) => going(m.metadata.name));
    }
    return remediate.length;
  }

  inFlight(): number {
    return this.machines.filter((m) => m.metadata.deletionTimestamp !== undefined).length;
  }
}

test('never replaces more at a time than maxInFlight, uses what it may, and comes to an end, whenever it is killed', () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('fall' as const), n: fc.nat(20) }),
    fc.record({ do: fc.constant('finish' as const), n: fc.constant(0) }),
    fc.record({ do: fc.constant('look' as const), n: fc.nat(6) }),
  );
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 8 }),
      fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
      fc.array(step, { maxLength: 40 }),
      (size, limit, steps) => {
        const world = new Simulation(size, limit);
        const most = limit ?? size;
        for (const { do: what, n } of steps) {
          if (what === 'fall') world.fall(n);
          else if (what === 'finish') world.finish();
          else world.look(n);
          expect(world.inFlight()).toBeLessThanOrEqual(limit ?? Number.POSITIVE_INFINITY);
        }
        const ill = () => world.machines.filter((m) => (m.status?.conditions ?? []).length > 0).length;
        const waiting = ill() - world.inFlight();
        world.look();
        expect(world.inFlight()).toBeGreaterThanOrEqual(Math.min(most, waiting));
        for (let turns = 0; ill() > 0 && turns < 100; turns++) {
          world.look();
          expect(world.inFlight()).toBeLessThanOrEqual(limit ?? Number.POSITIVE_INFINITY);
          world.finish();
        }
        expect(ill()).toBe(0);
        expect(world.machines).toHaveLength(size);
        expect(world.look()).toBe(0);
      },
    ),
  );
});
