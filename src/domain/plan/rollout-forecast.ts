import { planRollout, type RolloutSet, type RolloutState } from './rollout.js';

/** The state once the sets have what they are to have, and all of it is available. */
export function afterSizing(state: RolloutState, sizes: ReadonlyMap<string, number>): RolloutState {
  const settled = (set: RolloutSet): RolloutSet => {
    const replicas = sizes.get(set.name) ?? set.replicas;
    return { ...set, replicas, present: replicas, deleting: 0, available: replicas };
  };
  return { ...state, current: state.current && settled(state.current), old: state.old.map(settled) };
}

/** All sets of a deployment. */
const setsOf = ({ current, old }: RolloutState): RolloutSet[] => [...(current ? [current] : []), ...old];

/** One change of sizes that a rollout will make. */
export interface RolloutTurn {
  /** How many machines each set gains (positive) or loses. Sets that stay are left out. */
  readonly changes: readonly { readonly set: string; readonly by: number }[];
  /** Machines that are there when it has been made. */
  readonly total: number;
  /** Machines sure to be available while it is made. */
  readonly available: number;
}

/** Turns that anybody reads; a rollout of thousands of machines has as many as its strategy gives. */
const MOST = 500;

/** The turns ahead if every machine becomes available: what a person is shown before it happens. */
export function forecastRollout(state: RolloutState): RolloutTurn[] {
  const turns: RolloutTurn[] = [];
  let world = state;
  while (turns.length < MOST) {
    const { sizes } = planRollout(world);
    const sets = setsOf(world);
    const changes = sets
      .map((s) => ({ set: s.name, by: (sizes.get(s.name) ?? s.replicas) - s.replicas }))
      .filter((c) => c.by !== 0);
    if (changes.length === 0) {
      // what is waited for now comes first
      if (sets.every((s) => s.present === s.replicas && s.available === s.replicas)) return turns;
      world = afterSizing(world, sizes);
      continue;
    }
    const lost = changes.reduce((n, c) => n + Math.max(0, -c.by), 0);
    const before = sets.reduce((n, s) => n + s.available, 0);
    world = afterSizing(world, sizes);
    const total = setsOf(world).reduce((n, s) => n + s.replicas, 0);
    turns.push({ changes, total, available: before - lost });
  }
  return turns;
}
