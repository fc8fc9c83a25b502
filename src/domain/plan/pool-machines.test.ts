import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  type InfraMachineView,
  type InstanceFate,
  type PoolMachineView,
  planInfraMachines,
  planPoolMachines,
} from './pool-machines.js';

const infra = (name: string, instance?: string, deleting = false): InfraMachineView => ({
  name,
  deleting,
  ...(instance === undefined ? {} : { instance }),
});
const fates = (given: Readonly<Record<string, InstanceFate>>): ReadonlyMap<string, InstanceFate> =>
  new Map(Object.entries(given));

describe('infra machines of a pool', () => {
  test.each<[string, Readonly<Record<string, InstanceFate>>, InfraMachineView[], string[], string[]]>([
    ['are made for members that have none', { b: 'member', a: 'member' }, [infra('m-a', 'a')], ['b'], []],
    ['are not made for what is unclear or going', { a: 'unclear', b: 'going' }, [], [], []],
    ['are retired with their instance', { a: 'going' }, [infra('m-a', 'a')], [], ['m-a']],
    ['that are deleted already are left to that', { a: 'going' }, [infra('m-a', 'a', true)], [], []],
    ['are made once, even while one for the same instance goes', { a: 'member' }, [infra('m', 'a', true)], [], []],
    ['stay while their instance is not seen', {}, [infra('m-a', 'a')], [], []],
    ['stay while it is unclear', { a: 'unclear' }, [infra('m-a', 'a')], [], []],
    ['that name no instance are left alone', { a: 'going' }, [infra('m')], [], []],
    ['are none for an empty group', {}, [], [], []],
    [
      'are made for a whole group, in the order of its ids',
      { c: 'member', a: 'member', b: 'member' },
      [],
      ['a', 'b', 'c'],
      [],
    ],
    [
      'are left as they are when each has its instance',
      { a: 'member', b: 'member' },
      [infra('m-a', 'a'), infra('m-b', 'b')],
      [],
      [],
    ],
    [
      'are retired all at once with a group that ends them',
      { a: 'going', b: 'going' },
      [infra('m-b', 'b'), infra('m-a', 'a')],
      [],
      ['m-a', 'm-b'],
    ],
    ['are made and retired in one look of a refresh', { a: 'going', b: 'member' }, [infra('m-a', 'a')], ['b'], ['m-a']],
    [
      'are retired twice where two name one instance',
      { a: 'going' },
      [infra('m-2', 'a'), infra('m-1', 'a')],
      [],
      ['m-1', 'm-2'],
    ],
    ['are not made again where two name one instance', { a: 'member' }, [infra('m-1', 'a'), infra('m-2', 'a')], [], []],
    ['of which one goes leave the other', { a: 'going' }, [infra('m-1', 'a', true), infra('m-2', 'a')], [], ['m-2']],
    ['are found by their instance, whatever their name', { a: 'member' }, [infra('of-somebody', 'a')], [], []],
    ['that name no instance stand for none', { a: 'member' }, [infra('a')], ['a'], []],
    ['that were deleted by hand come back only once their object is gone', { a: 'member' }, [], ['a'], []],
    [
      'stay when their instance was detached',
      { a: 'unclear', b: 'member' },
      [infra('m-a', 'a'), infra('m-b', 'b')],
      [],
      [],
    ],
    [
      'are neither made nor retired while nothing is clear',
      { a: 'unclear', b: 'unclear' },
      [infra('m-a', 'a')],
      [],
      [],
    ],
  ])('%s', (_, given, machines, create, retire) => {
    expect(planInfraMachines(fates(given), machines)).toEqual({ create, retire });
  });
});

describe('Machines of a pool', () => {
  const machine = (infraName: string, deleting = false): PoolMachineView => ({
    name: infraName,
    infra: infraName,
    deleting,
  });
  const ill = (infraName: string): PoolMachineView => ({ ...machine(infraName), unhealthy: true });
  test.each<[string, PoolMachineView[], InfraMachineView[], string[], string[]]>([
    ['are made for infra machines that have none', [machine('a')], [infra('b'), infra('a')], ['b'], []],
    ['are not made twice while one goes', [machine('a', true)], [infra('a')], [], []],
    ['are not made for what goes', [], [infra('a', 'x', true)], [], []],
    ['go when their infra machine is gone', [machine('a')], [], [], ['a']],
    ['go when their infra machine was asked to go', [machine('a')], [infra('a', 'x', true)], [], ['a']],
    ['that go already are left to that', [machine('a', true)], [], [], []],
    ['are none for an empty pool', [], [], [], []],
    ['are made for a whole pool, in the order of names', [], [infra('c'), infra('a'), infra('b')], ['a', 'b', 'c'], []],
    [
      'are left as they are when each has its infra machine',
      [machine('a'), machine('b')],
      [infra('b'), infra('a')],
      [],
      [],
    ],
    ['are made and deleted in one look', [machine('a')], [infra('b')], ['b'], ['a']],
    ['all go with a pool that loses all', [machine('b'), machine('a')], [], [], ['a', 'b']],
    [
      'of a pool that goes are made no more',
      [machine('a', true)],
      [infra('a', 'x', true), infra('b', 'y', true)],
      [],
      [],
    ],
    [
      'that were deleted by hand are left to their deletion',
      [machine('a', true), machine('b')],
      [infra('a'), infra('b')],
      [],
      [],
    ],
    ['come back where only the Machine was lost', [], [infra('a', 'x')], ['a'], []],
    ['need no instance to be known', [], [infra('a')], ['a'], []],
    [
      'are told by their reference, not by their name',
      [{ ...machine('a'), name: 'of-somebody' }],
      [infra('a')],
      [],
      [],
    ],
    ['of another name go under that name', [{ ...machine('a'), name: 'of-somebody' }], [], [], ['of-somebody']],
    [
      'that are two for one infra machine both stay',
      [machine('a'), { ...machine('a'), name: 'b' }],
      [infra('a')],
      [],
      [],
    ],
    ['that are two for one infra machine both go', [machine('a'), { ...machine('a'), name: 'b' }], [], [], ['a', 'b']],
    ['are not made for two objects of one name', [], [infra('a', 'x'), infra('a', 'y')], ['a'], []],
  ])('%s', (_, machines, infraMachines, create, remove) => {
    expect(planPoolMachines(machines, infraMachines)).toEqual({ create, remove, remediate: [] });
  });

  test.each<[string, PoolMachineView[], InfraMachineView[], string[]]>([
    ['one after the other', [ill('b'), ill('a')], [infra('a'), infra('b')], ['a']],
    ['not while another goes', [ill('a'), machine('b', true)], [infra('a'), infra('b')], []],
    ['not while another has to go', [ill('a'), machine('b')], [infra('a')], []],
    ['not twice', [{ ...ill('a'), deleting: true }], [infra('a')], []],
    ['none while none is ill', [machine('a')], [infra('a')], []],
    ['while new ones are made', [ill('a')], [infra('a'), infra('b')], ['a']],
    ['by the name of the Machine', [{ ...ill('a'), name: 'z' }, ill('b')], [infra('a'), infra('b')], ['b']],
    ['not by health where their infra machine is gone', [ill('a'), ill('b')], [infra('b')], []],
    ['not while one that was ill goes', [{ ...ill('a'), deleting: true }, ill('b')], [infra('a'), infra('b')], []],
  ])('that a health check wants replaced go, %s', (_, machines, infraMachines, remediate) => {
    expect(planPoolMachines(machines, infraMachines).remediate).toEqual(remediate);
  });
});

/** A group that lives: what happens to it and its objects between two looks. */
type Step =
  | { readonly do: 'launch' | 'end' | 'lose' | 'hide' | 'delete'; readonly at: number }
  | { readonly do: 'look' };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constantFrom('launch', 'end', 'lose', 'hide', 'delete' as const),
    at: fc.integer({ min: 0, max: 5 }),
  }),
  fc.record({ do: fc.constant('look' as const) }),
) as fc.Arbitrary<Step>;

interface PoolWorld {
  readonly instances: Map<string, InstanceFate>;
  readonly infra: Map<string, InfraMachineView>;
  readonly machines: Map<string, PoolMachineView>;
}

/** What a look does, with names by instance; machines that are asked to go do so at once, with their instance. */
function look({ instances, infra: all, machines }: PoolWorld): number {
  const before = [...machines.values()];
  const first = planInfraMachines(instances, [...all.values()]);
  for (const id of first.create) all.set(`m-${id}`, infra(`m-${id}`, id));
  const retired = new Set(first.retire);
  const second = planPoolMachines(before, [...all.values()]);
  for (const name of second.create) machines.set(name, { name, infra: name, deleting: false });
  for (const name of [...second.remove, ...retired]) {
    const of = machines.get(name)?.infra ?? name;
    const id = all.get(of)?.instance ?? '';
    // never that of a living member whose infra machine nobody asked to go
    if (!all.get(of)?.deleting) expect(instances.get(id)).not.toBe('member');
    machines.delete(name);
    all.delete(of);
    instances.delete(id);
  }
  return first.create.length + first.retire.length + second.create.length + second.remove.length;
}

describe('the machines of a pool', () => {
  test('converge on one per living instance, whatever happened, and never two', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const world: PoolWorld = { instances: new Map(), infra: new Map(), machines: new Map() };
        for (const one of steps) {
          if (one.do === 'look') {
            look(world);
            continue;
          }
          const id = `i-${one.at}`;
          const name = `m-${id}`;
          const known = world.infra.get(name);
          if (one.do === 'launch') world.instances.set(id, 'member');
          else if (one.do === 'end' && world.instances.has(id)) world.instances.set(id, 'going');
          else if (one.do === 'hide' && world.instances.get(id) === 'member') world.instances.set(id, 'unclear');
          else if (one.do === 'lose') world.machines.delete(name);
          else if (one.do === 'delete' && known) world.infra.set(name, { ...known, deleting: true });
        }
        for (const [id, fate] of world.instances) if (fate === 'unclear') world.instances.set(id, 'member');
        for (let i = 0; i < 3; i++) look(world);
        expect(look(world)).toBe(0);
        const living = [...world.instances].filter(([, fate]) => fate === 'member').map(([id]) => `m-${id}`);
        const served = [...world.infra.values()].filter((m) => !m.deleting).map((m) => m.name);
        expect([...world.machines.values()].map((m) => m.infra).sort()).toEqual(served.sort());
        expect(new Set(served).size).toBe(served.length);
        for (const name of living) expect([...world.infra.keys()]).toContain(name);
      }),
    );
  });
});
