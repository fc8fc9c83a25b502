import type { OwnedMachine } from '../../src/domain/facts.js';
import { planWorkerStep } from '../../src/domain/plan/replicas.js';
import { type planRollout, type RolloutSet, resolveStrategy } from '../../src/domain/plan/rollout.js';

/** A machine as a letter: `+` available, `-` not, `!` failed, `*` available and marked to be deleted first. */
interface TraceMachine extends OwnedMachine {
  /** Looks until it is available; Infinity: never. */
  wait: number;
  /** Looks until it is gone, once it is asked to go. */
  leave: number;
}

interface TraceSet {
  readonly name: string;
  readonly born: number;
  replicas: number;
  machines: TraceMachine[];
  maxReplicas?: number;
}

const NOW = Date.parse('2026-02-01T00:00:00Z');

/** How new machines come and old ones go, in looks. */
export interface TracePace {
  /** Until a new machine is available: minReadySeconds, say. 0: before the next look; Infinity: never. */
  readonly ready?: number;
  /** Until a machine that is asked to go has gone. 0: before the next look. */
  readonly drain?: number;
}

/** A deployment whose sets and machines live in memory; what happens to it is told by its methods. */
export class RolloutTrace {
  readonly #sets: TraceSet[] = [];
  #current: TraceSet;
  #paused = false;
  #made = 0;
  /** Machines in the order in which they were asked to go. */
  readonly gone: string[] = [];

  desired: number;
  strategy: Parameters<typeof resolveStrategy>[0];
  pace: TracePace;

  /** Old sets, oldest first, named a, b, …; the current one, named n, is younger. */
  constructor(
    desired: number,
    strategy: Parameters<typeof resolveStrategy>[0],
    current: string,
    old: readonly string[],
    pace: TracePace = {},
  ) {
    this.desired = desired;
    this.strategy = strategy;
    this.pace = pace;
    for (const [i, letters] of old.entries()) this.#add('abcdef'[i] ?? '', letters);
    this.#current = this.#add('n', current);
  }

  /** The user pauses the deployment. */
  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
  }

  /** The user edits the template: a set of this name is made, or is the current one again. */
  template(name: string): void {
    this.#current = this.#sets.find((s) => s.name === name) ?? this.#add(name, '');
  }

  /** Machines of a set vanish: deleted by the user, or by a health check. */
  lose(set: string, count = 1): void {
    this.#set(set).machines.splice(0, count);
  }

  /** Machines of a set stop being available; new ones stay so until they are replaced. */
  fail(set: string, count = 1): void {
    const well = this.#set(set).machines.filter((m) => m.available);
    for (const m of well.slice(0, count)) Object.assign(m, { available: false, healthy: false, wait: Infinity });
  }

  /** Machines that were not available are. */
  heal(set: string): void {
    const well = { available: true, ready: true, hasNode: true, healthy: true };
    for (const m of this.#set(set).machines) if (!m.deleting) Object.assign(m, well);
  }

  /** What the planner sees. */
  state(): Parameters<typeof planRollout>[0] {
    const view = ({ name, born, replicas, machines, maxReplicas }: TraceSet): RolloutSet => ({
      name,
      createdAt: String(born).padStart(3, '0'),
      replicas,
      present: machines.length,
      deleting: machines.filter((m) => m.deleting).length,
      available: machines.filter((m) => m.available && !m.deleting).length,
      ...(maxReplicas ? { maxReplicas } : {}),
    });
    return {
      desired: this.desired,
      strategy: resolveStrategy(this.strategy, this.desired),
      paused: this.#paused,
      current: view(this.#current),
      old: this.#sets.filter((s) => s !== this.#current).map(view),
    };
  }

  /** One look: sizes are set, sets make and delete machines, time goes on. Answers the sizes, current one first, and whether anything is on its way. */
  look(plan: typeof planRollout): { readonly sizes: string; readonly moves: boolean } {
    const state = this.state();
    const { sizes } = plan(state);
    const before = JSON.stringify(this.#sets);
    for (const set of this.#sets) {
      set.replicas = sizes.get(set.name) ?? set.replicas;
      set.maxReplicas = this.desired > 0 ? this.desired + state.strategy.surge : 0;
      this.#serve(set);
    }
    const old = state.old.map((s) => sizes.get(s.name)).join(',');
    return { sizes: `${sizes.get(this.#current.name)}|${old}`, moves: JSON.stringify(this.#sets) !== before };
  }

  #set(name: string): TraceSet {
    const set = this.#sets.find((s) => s.name === name);
    if (!set) throw new Error(`no set ${name}`);
    return set;
  }

  #add(name: string, letters: string): TraceSet {
    const born = this.#sets.length;
    const set: TraceSet = { name, born, replicas: letters.length, machines: [] };
    for (const [i, letter] of [...letters].entries()) {
      const well = letter === '+' || letter === '*';
      set.machines.push({
        ...machine(`${name}${i + 1}`, well ? 0 : Infinity, letter === '*'),
        ...(letter === '!' ? { hasNode: true, healthy: false } : {}),
      });
    }
    this.#sets.push(set);
    return set;
  }

  /** Time goes on for what is there, then the set does one step, with the order of deletion that it has. */
  #serve(set: TraceSet): void {
    set.machines = set.machines.filter((m) => !m.deleting || --m.leave > 0);
    for (const m of set.machines) {
      if (m.available || m.deleting) continue;
      m.wait -= 1;
      if (m.wait <= 0) Object.assign(m, { available: true, ready: true, hasNode: true, healthy: true });
    }
    const { create, remove } = planWorkerStep(
      {
        exists: true,
        paused: false,
        deleting: false,
        generation: 1,
        cluster: 'ns/c',
        attempt: 'a',
        desired: set.replicas,
        machines: set.machines,
        base: set.name,
        uid: set.name,
        deleteOrder: 'Random',
      },
      NOW,
    );
    const { ready = 0, drain = 0 } = this.pace;
    for (const _ of create) set.machines.push(machine(`${set.name}-${++this.#made}`, ready, false));
    for (const m of set.machines.filter((one) => remove.includes(one.name))) {
      Object.assign(m, { deleting: true, leave: drain });
      this.gone.push(m.name);
    }
    if (drain === 0) set.machines = set.machines.filter((m) => !m.deleting);
  }
}

function machine(name: string, wait: number, deleteFirst: boolean): TraceMachine {
  const well = wait <= 0;
  return {
    name,
    deleting: false,
    ready: well,
    hasNode: well,
    available: well,
    healthy: well,
    upToDate: true,
    deleteFirst,
    createdAt: '2026-01-01T00:00:00Z',
    wait,
    leave: 0,
  };
}

/** What happens to a deployment before a look, by the number of that look, the first being 1. */
export type TraceEvents = Readonly<Record<number, (trace: RolloutTrace) => void>>;

/** Sizes look by look, a look that only waits included, until nothing moves and nothing more is to happen. */
export function play(trace: RolloutTrace, plan: typeof planRollout, events: TraceEvents = {}): string {
  const seen: string[] = [];
  const last = Math.max(0, ...Object.keys(events).map(Number));
  for (let look = 1; look < 80; look++) {
    events[look]?.(trace);
    const { sizes, moves } = trace.look(plan);
    if (!moves && look >= last && sizes === seen.at(-1)) return seen.join(' ');
    seen.push(sizes);
  }
  throw new Error(`it goes on: ${seen.slice(0, 12).join(' ')} ...`);
}
