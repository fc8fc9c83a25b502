import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { planeFacts } from '../../../test/helpers/control-plane-facts.js';
import type { ControlPlaneFacts, ControlPlaneMachine, ControlPlaneStep, Problem, RemediationRecord } from '../facts.js';
import { planControlPlaneStep } from './control-plane.js';

/** A control plane machine as it really is, which its planner only sees in part. */
interface Real {
  readonly name: string;
  readonly born: number;
  readonly version: number;
  readonly domain: string | undefined;
  readonly madeFor: RemediationRecord | undefined;
  /** It will never become a Node. */
  doomed: boolean;
  started: boolean;
  ill: boolean;
  flagged: boolean;
  marked: boolean;
  deleting: boolean;
}

type Fault =
  | { readonly kind: 'ill' | 'recover' | 'flag' | 'vanish' | 'delete' | 'mark'; readonly at: number }
  | { readonly kind: 'resize'; readonly to: number }
  | { readonly kind: 'version' | 'doom' | 'crash' | 'calm' };

const faults: fc.Arbitrary<Fault> = fc.oneof(
  fc.record({
    kind: fc.constantFrom('ill' as const, 'recover' as const, 'flag' as const, 'delete' as const, 'mark' as const),
    at: fc.nat(6),
  }),
  fc.record({ kind: fc.constant('vanish' as const), at: fc.nat(6) }),
  fc.record({ kind: fc.constant('resize' as const), to: fc.constantFrom(1, 3, 5) }),
  fc.record({ kind: fc.constantFrom('version' as const, 'doom' as const, 'crash' as const, 'calm' as const) }),
);

const majority = (voters: number): number => Math.floor(voters / 2) + 1;

/** A control plane, its etcd, a health check, and people who disturb them. Each turn takes one second. */
class World {
  machines: Real[] = [];
  /** Members whose machine went without leaving etcd. */
  dead: string[] = [];
  desired: number;
  readonly maxSurge: 0 | 1;
  version = 1;
  record: RemediationRecord | undefined;
  now = Date.parse('2026-01-01T00:00:00Z');
  doomNext = false;
  crashNext = false;

  constructor(desired: number, maxSurge: 0 | 1) {
    this.desired = desired;
    this.maxSurge = maxSurge;
    for (let i = 0; i < desired; i++) this.#add(`m${i}`, ['a', 'b', 'c'][i % 3], undefined).started = true;
  }

  #add(name: string, domain: string | undefined, madeFor: RemediationRecord | undefined): Real {
    const doomed = this.doomNext;
    this.doomNext = false;
    const flags = { started: false, ill: false, flagged: false, marked: false, deleting: false };
    const made: Real = { name, born: this.now, version: this.version, domain, madeFor, doomed, ...flags };
    this.machines.push(made);
    return made;
  }

  get members(): string[] {
    return [...this.machines.filter((m) => m.started).map((m) => m.name), ...this.dead];
  }

  healthyMembers(without?: string): number {
    return this.machines.filter((m) => m.started && !m.ill && m.name !== without).length;
  }

  get hasQuorum(): boolean {
    return this.healthyMembers() >= majority(this.members.length);
  }

  /** Whether etcd would go on without this member. */
  survivesWithout(name: string): boolean {
    if (!this.members.includes(name)) return true;
    return this.healthyMembers(name) >= majority(this.members.length - 1);
  }

  facts(): ControlPlaneFacts {
    const quorum = this.hasQuorum;
    const machines = this.machines.map((m) => this.#view(m, quorum)).sort((a, b) => a.name.localeCompare(b.name));
    const known = machines.every((m) => m.hasNode);
    const strays = known && quorum ? this.dead.map((name) => ({ id: name, name })) : [];
    const { etcd: _, ...facts } = planeFacts(this.desired, machines, {
      maxSurge: this.maxSurge,
      ...(strays.length > 0 ? { strays } : {}),
      ...(this.record ? { remediating: this.record } : {}),
    });
    const members = this.members.map((name) => ({ id: name, name, learner: false }));
    return quorum ? { ...facts, etcd: { members, alarmed: [] } } : facts;
  }

  #view(m: Real, quorum: boolean): ControlPlaneMachine {
    const etcdHealthy = m.started && !m.ill && quorum;
    const message = `${m.name} is not well`;
    const problems: Problem[] = etcdHealthy ? [] : [{ about: 'etcd', message }];
    const upToDate = m.version === this.version;
    return {
      name: m.name,
      deleting: m.deleting,
      ready: etcdHealthy,
      hasNode: m.started,
      available: etcdHealthy,
      healthy: etcdHealthy,
      upToDate,
      deleteFirst: m.marked,
      createdAt: new Date(m.born).toISOString(),
      outdated: upToDate ? [] : ['Version'],
      problems,
      etcdHealthy,
      sick: m.flagged,
      ...(m.started ? { node: m.name } : {}),
      ...(m.domain ? { failureDomain: m.domain } : {}),
      ...(m.flagged ? { urgency: m.started ? 32 : 64 } : {}),
      ...(m.madeFor ? { remediationFor: m.madeFor } : {}),
    };
  }

  /** What happens without the planner: machines start, members leave etcd when it can spare them, records that are over are forgotten. */
  turn(): void {
    this.now += 1000;
    // kubeadm asks every member of etcd before it joins, and gives up for good when one does not answer
    const silent = this.dead.length > 0 || this.machines.some((m) => m.started && m.ill && !m.deleting);
    for (const m of this.machines) if (!m.started && silent) m.doomed = true;
    for (const m of this.machines) if (!m.doomed && !m.deleting && this.hasQuorum) m.started = true;
    const going = this.machines.find((m) => m.deleting);
    if (going && this.survivesWithout(going.name)) this.machines = this.machines.filter((m) => m !== going);
    const { record } = this;
    if (record && this.machines.some((m) => m.madeFor?.timestamp === record.timestamp)) this.record = undefined;
  }

  act(step: ControlPlaneStep): void {
    const half = this.crashNext;
    this.crashNext = false;
    const mark = (name: string): void => {
      for (const m of this.machines) if (m.name === name) m.deleting = true;
    };
    if (step.kind === 'create') {
      this.#add(step.name, step.failureDomain, step.replaces);
      if (step.replaces && !half) this.record = undefined;
    } else if (step.kind === 'remove') mark(step.name);
    else if (step.kind === 'evict') this.dead = this.dead.filter((n) => n !== step.member.name);
    else if (step.kind === 'forget') this.record = undefined;
    else if (step.kind === 'remediate') {
      this.record = step.record;
      if (!half) mark(step.record.machine);
    }
  }

  suffer(fault: Fault): void {
    const target = 'at' in fault ? this.machines[fault.at % Math.max(1, this.machines.length)] : undefined;
    const others = this.machines.filter((m) => m !== target && m.started && !m.deleting).length;
    if (fault.kind === 'version') this.version++;
    else if (fault.kind === 'resize') this.desired = fault.to;
    else if (fault.kind === 'doom') this.doomNext = true;
    else if (fault.kind === 'crash') this.crashNext = true;
    else if (!target) return;
    else if (fault.kind === 'ill') target.ill = true;
    else if (fault.kind === 'recover') Object.assign(target, { ill: false, flagged: false });
    else if (fault.kind === 'flag') target.flagged = target.ill || !target.started;
    else if (fault.kind === 'mark') target.marked = true;
    else if (fault.kind === 'delete') target.deleting ||= others >= 2;
    // more dead members than that and nobody can save the cluster: no test of a planner
    else if (
      fault.kind === 'vanish' &&
      target.started &&
      this.members.length - this.dead.length - 1 > this.dead.length + 1
    ) {
      this.machines = this.machines.filter((m) => m !== target);
      this.dead.push(target.name);
    }
  }

  /** The health check flags what stays ill; what nobody may replace is repaired by a person. */
  heal(turn: number): void {
    for (const m of this.machines) {
      if (!m.started) m.flagged ||= m.doomed;
      else if (turn > 20) Object.assign(m, { ill: false, flagged: false });
    }
    // of a member nobody can say whose it is while a machine has no Node; when a deletion waits for it too, a person has to take it out
    const stuck = this.machines.some((m) => m.deleting && !this.survivesWithout(m.name));
    if (turn > 30 && stuck && this.machines.some((m) => !m.started)) this.dead = [];
  }
}

/** The bounds that no step may break, whatever happened before. */
function expectWithinBounds(world: World, step: ControlPlaneStep): void {
  const live = world.machines.filter((m) => !m.deleting);
  const voters = world.members.length;
  if (step.kind === 'create') {
    expect(live.length + 1).toBeLessThanOrEqual(world.desired + 1);
    expect(world.machines.map((m) => m.name)).not.toContain(step.name);
    // the worst case: it joins, and does not work
    if (voters > 1) expect(world.healthyMembers()).toBeGreaterThanOrEqual(majority(voters + 1));
  }
  const leaving = step.kind === 'remove' ? step.name : step.kind === 'remediate' ? step.record.machine : undefined;
  if (leaving !== undefined) {
    expect(live.length).toBeGreaterThan(1);
    expect(world.survivesWithout(leaving)).toBe(true);
  }
  if (step.kind === 'remove') {
    const others = world.machines.filter((m) => m.name !== step.name);
    expect(others.filter((m) => m.ill || !m.started)).toEqual([]);
  }
  if (step.kind === 'evict') expect(world.healthyMembers()).toBeGreaterThanOrEqual(majority(voters - 1));
  else if (step.kind !== 'await' && step.kind !== 'forget')
    expect(world.machines.filter((m) => m.deleting)).toEqual([]);
}

function play(world: World): ControlPlaneStep {
  const step = planControlPlaneStep(world.facts(), world.now);
  expectWithinBounds(world, step);
  world.act(step);
  world.turn();
  return step;
}

const MOST_TURNS = 200;

describe('a control plane that is disturbed in any way', () => {
  test('never breaks its bounds, and converges once it is left alone', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(1, 3, 5),
        fc.constantFrom<0 | 1>(0, 1),
        fc.array(fc.array(faults, { maxLength: 3 }), { maxLength: 25 }),
        (desired, maxSurge, story) => {
          const world = new World(desired, maxSurge);
          for (const now of story) {
            for (const fault of now) world.suffer(fault);
            play(world);
          }
          let step = play(world);
          for (let turn = 0; turn < MOST_TURNS && step.kind !== 'done'; turn++) {
            world.heal(turn);
            step = play(world);
          }
          expect(step).toEqual({ kind: 'done' });
          expect(world.record).toBeUndefined();
          expect(world.dead).toEqual([]);
          expect(world.machines.map((m) => m.version)).toEqual(Array(world.desired).fill(world.version));
        },
      ),
      { numRuns: 1_500 },
    );
  });

  test('that is only upgraded touches each machine once, and never has fewer than it should', () => {
    fc.assert(
      fc.property(fc.constantFrom(1, 3, 5, 7), fc.constantFrom<0 | 1>(0, 1), (desired, maxSurge) => {
        const world = new World(desired, maxSurge);
        world.version++;
        const steps: ControlPlaneStep[] = [];
        for (let turn = 0; turn < MOST_TURNS && steps.at(-1)?.kind !== 'done'; turn++) {
          steps.push(play(world));
          expect(world.machines.length).toBeGreaterThanOrEqual(desired < 3 ? desired : desired - 1 + maxSurge);
        }
        const count = (kind: string): number => steps.filter((s) => s.kind === kind).length;
        expect([count('create'), count('remove')]).toEqual([desired, desired]);
      }),
    );
  });

  test('replaces a machine that dies while another joins, whose kubeadm gives up for it', () => {
    const world = new World(3, 1);
    world.version++;
    world.act(planControlPlaneStep(world.facts(), world.now));
    Object.assign(world.machines[0] as Real, { ill: true, flagged: true });
    let step = play(world);
    expect(step).toMatchObject({ kind: 'remediate', record: { machine: 'm0' } });
    for (let turn = 0; turn < MOST_TURNS && step.kind !== 'done'; turn++) {
      for (const m of world.machines) m.flagged ||= m.doomed;
      step = play(world);
    }
    expect(step).toEqual({ kind: 'done' });
    expect(world.machines.map((m) => m.version)).toEqual([2, 2, 2]);
  });

  test('spreads the machines of a rollout over the failure domains', () => {
    const world = new World(3, 1);
    world.version++;
    for (let turn = 0; turn < MOST_TURNS; turn++) if (play(world).kind === 'done') break;
    expect(world.machines.map((m) => m.domain).sort()).toEqual(['a', 'b', 'c']);
  });
});
