/** One MachineSet of a deployment, in numbers. */
export interface RolloutSet {
  readonly name: string;
  readonly createdAt: string;
  /** Wanted machines: spec.replicas. */
  readonly replicas: number;
  /** Machines that are there, those on their way out included. */
  readonly present: number;
  /** Of those, the ones that were asked to go: none of them is available. */
  readonly deleting?: number;
  readonly available: number;
  /** Most machines the deployment could have when the set was last sized, by its annotation. */
  readonly maxReplicas?: number;
}

/** How a deployment replaces its machines, resolved to numbers. */
export interface RolloutStrategy {
  readonly type: 'RollingUpdate' | 'OnDelete';
  /** Machines above the desired number. */
  readonly surge: number;
  /** Machines that may be missing. */
  readonly unavailable: number;
}

/** A deployment as the planner of its rollout sees it. */
export interface RolloutState {
  readonly desired: number;
  readonly strategy: RolloutStrategy;
  /** spec.paused of the deployment: nothing is rolled out, but its size follows. */
  readonly paused: boolean;
  /** The set of the deployment's template; a paused deployment may have none. */
  readonly current: RolloutSet | undefined;
  /** All others, oldest first. */
  readonly old: readonly RolloutSet[];
}

/** What spec.replicas of each set is to be, and which sets have served. */
export interface RolloutPlan {
  readonly sizes: ReadonlyMap<string, number>;
  readonly remove: readonly string[];
  /** Every machine is of the current set, available, and as many as desired. */
  readonly complete: boolean;
}

const sum = (sets: readonly RolloutSet[], pick: (set: RolloutSet) => number): number =>
  sets.reduce((n, s) => n + pick(s), 0);

/**
 * Resolves maxSurge (percent rounded up) and maxUnavailable (rounded down) against the desired number; both zero would never move, so one may then
 * be missing. Source: capi mdutil.ResolveFenceposts, MaxSurge, MaxUnavailable.
 */
export function resolveStrategy(
  strategy: {
    readonly type?: string | undefined;
    readonly rollingUpdate?:
      | { readonly maxSurge?: number | string | undefined; readonly maxUnavailable?: number | string | undefined }
      | undefined;
  },
  desired: number,
): RolloutStrategy {
  if (strategy.type === 'OnDelete') return { type: 'OnDelete', surge: 0, unavailable: 0 };
  const resolve = (value: number | string | undefined, round: (n: number) => number, unset: number): number =>
    typeof value === 'string' ? round((Number.parseInt(value, 10) * desired) / 100) : (value ?? unset);
  const surge = resolve(strategy.rollingUpdate?.maxSurge, Math.ceil, 1);
  const unavailable = resolve(strategy.rollingUpdate?.maxUnavailable, Math.floor, 0);
  const effective = surge === 0 && unavailable === 0 ? 1 : unavailable;
  return { type: 'RollingUpdate', surge, unavailable: Math.min(effective, desired) };
}

/**
 * The next sizes of a deployment's sets. Pure: the same state gives the same plan, and carrying a plan out twice is carrying it out once. Source: capi
 * core/reconcilers/machinedeployment (rollout planner: rolling update, on delete; sync.go for paused ones).
 */
export function planRollout(state: RolloutState): RolloutPlan {
  const complete = isComplete(state);
  const sizes = sizesOf(state);
  const spent = (s: RolloutSet): boolean => s.replicas === 0 && s.present === 0;
  return { sizes, remove: complete ? state.old.filter(spent).map((s) => s.name) : [], complete };
}

type Rolling = RolloutState & { readonly current: RolloutSet };

function sizesOf(state: RolloutState): Map<string, number> {
  const { current } = state;
  if (state.paused || !current) return pausedSizes(state);
  return state.strategy.type === 'OnDelete'
    ? onDeleteSizes({ ...state, current })
    : rollingSizes({ ...state, current });
}

function isComplete({ desired, current, old }: RolloutState): boolean {
  return isSaturated(desired, current) && old.every((s) => s.present === 0);
}

const isSaturated = (desired: number, set: RolloutSet | undefined): boolean =>
  set !== undefined && [set.replicas, set.present, set.available].every((n) => n === desired);

/** The current set grows as far as desired and surge allow, counting what is still there of machines on their way out. */
function currentSize({ desired, current, old }: Rolling, surge: number): number {
  if (current.replicas >= desired) return desired;
  const there = sum([current, ...old], (s) => Math.max(s.replicas, s.present));
  const room = Math.max(0, desired + surge - there);
  return current.replicas + Math.min(room, desired - current.replicas);
}

function rollingSizes(state: Rolling): Map<string, number> {
  const { current, old, strategy } = state;
  const size = currentSize(state, strategy.surge);
  const sizes = new Map([[current.name, size], ...old.map((s) => [s.name, s.replicas] as const)]);
  shrinkOld(state, sizes);
  breakDeadlock(state, sizes);
  return sizes;
}

/**
 * Old sets shrink by what is not needed to keep enough available: first by machines that are not available anyway, then by any. Which machine of a set
 * goes is the set's choice, so the worst is assumed: that available ones go first.
 */
function shrinkOld({ desired, strategy, current, old }: Rolling, sizes: Map<string, number>): void {
  const all = [current, ...old];
  const sizeOf = (s: RolloutSet): number => sizes.get(s.name) ?? s.replicas;
  const least = desired - strategy.unavailable;
  const leaving = (s: RolloutSet): number => Math.max(0, s.present - Math.min(s.replicas, sizeOf(s)));
  const missing = Math.max(0, current.replicas - current.available);
  let budget = sum(all, (s) => s.replicas) - sum(all, leaving) - least - missing;
  // a set may not have acted yet on what was cut before: those that it is to ask to go may be available ones
  const unasked = (s: RolloutSet): number => Math.max(0, leaving(s) - (s.deleting ?? 0));
  const left = new Map(all.map((s) => [s.name, Math.max(0, s.available - unasked(s))]));
  let available = sum(all, (s) => left.get(s.name) ?? 0);
  const passes: ((s: RolloutSet) => number)[] = [(s) => Math.max(0, sizeOf(s) - s.available), (s) => sizeOf(s)];
  for (const most of passes) {
    for (const set of old) {
      const has = sizeOf(set);
      let cut = Math.min(budget, most(set));
      if (cut <= 0) continue;
      const ready = left.get(set.name) ?? 0;
      if (ready > 0 || (set.available > 0 && available < least)) {
        const gone = (by: number): number => Math.max(0, Math.min(set.present, has) - (has - by));
        const spare = Math.max(0, available - least);
        cut = Math.max(0, cut - Math.max(0, gone(cut) - spare));
        const lost = Math.min(gone(cut), ready);
        available -= lost;
        left.set(set.name, ready - lost);
      }
      sizes.set(set.name, has - cut);
      budget -= cut;
    }
  }
}

/**
 * Nothing moves, nothing is to come, and all that is new is available, yet unavailable old machines hold the rollout up: one of them is given up, even
 * if that formally leaves too few.
 */
function breakDeadlock({ current, old }: Rolling, sizes: Map<string, number>): void {
  const all = [current, ...old];
  const ill = old.find((s) => s.replicas > 0 && s.available < s.replicas);
  const moves = all.some((s) => s.replicas !== s.present || sizes.get(s.name) !== s.replicas);
  if (!ill || moves || current.available !== current.replicas) return;
  sizes.set(ill.name, ill.replicas - 1);
}

/** Nobody but the user deletes machines; what was deleted comes back in the current set. Surplus of a smaller deployment goes from the oldest. */
function onDeleteSizes(state: Rolling): Map<string, number> {
  const { desired, current, old } = state;
  const kept = old.map((s) => ({ ...s, replicas: Math.min(s.replicas, s.present) }));
  const size = currentSize({ ...state, old: kept }, 0);
  let surplus = size + sum(kept, (s) => s.replicas) - desired;
  const sizes = new Map([[current.name, size]]);
  for (const set of kept) {
    const cut = Math.min(Math.max(0, surplus), set.replicas);
    surplus -= cut;
    sizes.set(set.name, set.replicas - cut);
  }
  return sizes;
}

/** No rollout, but another number of replicas is shared out as the machines are now. */
function pausedSizes({ desired, strategy, current, old }: RolloutState): Map<string, number> {
  const all = [...(current ? [current] : []), ...old];
  const sizes = new Map(all.map((s) => [s.name, s.replicas]));
  const active = all.filter((s) => s.replicas > 0);
  if (active.length <= 1) {
    const only = active[0] ?? current;
    if (only) sizes.set(only.name, desired);
    return sizes;
  }
  if (isSaturated(desired, current)) {
    for (const s of old) sizes.set(s.name, 0);
    return sizes;
  }
  const most = desired > 0 ? desired + strategy.surge : 0;
  const add = most - sum(active, (s) => s.replicas);
  if (add === 0 || strategy.type !== 'RollingUpdate') return sizes;
  share(active, add, most, sizes);
  return sizes;
}

const bigger = (a: RolloutSet, b: RolloutSet): number => b.replicas - a.replicas;
const age = (a: RolloutSet, b: RolloutSet): number =>
  a.createdAt.localeCompare(b.createdAt) || a.name.localeCompare(b.name);

/** Each set grows or shrinks in proportion to its part; what rounding leaves goes to the biggest. Source: capi sync.go scale, mdutil.GetProportion. */
function share(active: readonly RolloutSet[], add: number, most: number, sizes: Map<string, number>): void {
  const sets = [...active].sort((a, b) => bigger(a, b) || (add > 0 ? age(b, a) : age(a, b)));
  const total = sum(active, (s) => s.replicas);
  let given = 0;
  for (const s of sets) {
    const part = Math.round((s.replicas * most) / (s.maxReplicas || total)) - s.replicas;
    const allowed = add - given;
    const change = add > 0 ? Math.max(0, Math.min(part, allowed)) : Math.min(0, Math.max(part, allowed));
    sizes.set(s.name, s.replicas + change);
    given += change;
  }
  const first = sets[0];
  if (first && given !== add) sizes.set(first.name, Math.max(0, (sizes.get(first.name) ?? 0) + add - given));
}
