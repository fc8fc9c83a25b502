import type { Machine, MachineDeployment, MachineSet } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import type { OwnerReference } from '../../api/types/meta.js';
import { controllerOf, isDeleting, ownerReference } from '../../domain/contract.js';
import { newSet, type SetWish, syncedSet } from '../../domain/machine-set.js';
import { LABEL } from '../../domain/names.js';
import { planRollout, type RolloutState } from '../../domain/plan/rollout.js';
import { revisionNumber } from '../../domain/rollout/revision.js';
import { rolloutState } from '../../domain/status/rollout.js';
import { currentSet } from '../../domain/template.js';
import type { ActivityDeps } from '../deps.js';
import { createOnce } from './clone.js';
import { ensureMetadata } from './write.js';

const listSets = (deps: ActivityDeps, { metadata }: MachineDeployment): Promise<MachineSet[]> =>
  deps.kube.list<MachineSet>(KINDS.MachineSet, { namespace: metadata.namespace ?? '' }, deps.scope().signal);

/** Takes back the deployment's sets whose ownerReference was removed. */
export async function adoptSets(deps: ActivityDeps, deployment: MachineDeployment): Promise<void> {
  const { clusterName } = deployment.spec;
  for (const set of await listSets(deps, deployment)) {
    const isOurs = set.metadata.labels?.[LABEL.deploymentName] === deployment.metadata.name;
    if (!isOurs || set.spec.clusterName !== clusterName || controllerOf(set) || isDeleting(set)) continue;
    const wish = {
      owner: ownerReference(deployment, { controller: true }),
      dropOwners: (o: OwnerReference) => o.kind === 'Cluster',
    };
    await ensureMetadata(deps.kube, KINDS.MachineSet, set, wish, deps.scope().signal);
  }
}

/** The sets a deployment controls, oldest first. */
export async function setsOf(deps: ActivityDeps, deployment: MachineDeployment): Promise<MachineSet[]> {
  return (await listSets(deps, deployment)).filter((s) => controllerOf(s)?.uid === deployment.metadata.uid).sort(byAge);
}

const byAge = (a: MachineSet, b: MachineSet): number =>
  (a.metadata.creationTimestamp ?? '').localeCompare(b.metadata.creationTimestamp ?? '') ||
  a.metadata.name.localeCompare(b.metadata.name);

/** The sets of a deployment as a step of its rollout left them. */
export interface RolledOut {
  readonly sets: readonly MachineSet[];
  readonly current: MachineSet | undefined;
  /** What the planner sees now. */
  readonly state: RolloutState;
  /** What was changed, in words. */
  readonly changes: readonly string[];
}

/** What a step of a rollout goes by. */
interface Step {
  readonly deployment: MachineDeployment;
  readonly machines: readonly Machine[];
  /** Nothing is rolled out: the deployment is paused, or a person stopped its rollout. */
  readonly held: boolean;
}

/**
 * One step of a deployment's rollout: makes the set of its template where there is none, gives all sets their sizes and what changes in place, removes
 * those that have served. Decided anew from what is there each time, so that it may be killed anywhere and run again. Throws `OwnershipConflict` when
 * somebody else's set has the name of ours.
 */
export async function rollOutStep(deps: ActivityDeps, found: readonly MachineSet[], step: Step): Promise<RolledOut> {
  const { deployment, held } = step;
  const nowMs = Date.parse(deps.now());
  const live = found.filter((s) => !isDeleting(s));
  const existing = currentSet(deployment, live, nowMs);
  const made = existing || held ? undefined : newSet(deployment, nowMs);
  const before = existing ?? made;
  const state = rolloutState(deployment, made ? [...found, made] : found, before, step.machines, held);
  const plan = planRollout(state);
  const wishOf = wishes(deployment, live, before, plan.sizes, state);
  const changes: string[] = [];
  const sets: MachineSet[] = found.filter(isDeleting);
  let current: MachineSet | undefined;
  if (made) {
    current = await createSet(deps, deployment, syncedSet(deployment, made, wishOf(made)) ?? made);
    changes.push(`made ${made.metadata.name} for ${wishOf(made).replicas} machines`);
    sets.push(current);
  }
  for (const set of live) {
    if (plan.remove.includes(set.metadata.name)) {
      await remove(deps, set);
      changes.push(`removed ${set.metadata.name}, which has served`);
      continue;
    }
    const wish = wishOf(set);
    const stored = await sync(deps, deployment, set, wish);
    if (!stored) continue;
    if (set === existing) current = stored;
    if (set.spec.replicas !== wish.replicas) {
      changes.push(`${set.metadata.name} ${set.spec.replicas ?? 1}→${wish.replicas} machines`);
    }
    sets.push(stored);
  }
  sets.sort(byAge);
  return { sets, current, changes, state: rolloutState(deployment, sets, current, step.machines, held) };
}

function wishes(
  deployment: MachineDeployment,
  sets: readonly MachineSet[],
  current: MachineSet | undefined,
  sizes: ReadonlyMap<string, number>,
  { desired, strategy }: RolloutState,
): (set: MachineSet) => SetWish {
  const revision = revisionOf(deployment, sets, current);
  return (set) => ({
    replicas: sizes.get(set.metadata.name) ?? set.spec.replicas ?? 1,
    revision: set === current ? revision : revisionNumber(set),
    maxReplicas: desired > 0 ? desired + strategy.surge : 0,
    isCurrent: set === current,
  });
}

/** The current set's number: above all others', and never lower than it was. Source: capi machinedeployment_sync.go. */
export function revisionOf(
  deployment: MachineDeployment,
  sets: readonly MachineSet[],
  current: MachineSet | undefined,
): number {
  if (!current) return revisionNumber(deployment);
  const others = sets.filter((s) => s !== current).map(revisionNumber);
  return Math.max(revisionNumber(current), 1 + Math.max(0, ...others));
}

/** Creates the set, or takes the one that an earlier run made, as it is: the next look gives it what it lacks. */
async function createSet(deps: ActivityDeps, deployment: MachineDeployment, set: MachineSet): Promise<MachineSet> {
  return createOnce(deps, KINDS.MachineSet, set, deployment.metadata.uid ?? '');
}

/** Writes what is to change; answers the set as stored, undefined when it is gone. */
async function sync(
  deps: ActivityDeps,
  deployment: MachineDeployment,
  set: MachineSet,
  wish: SetWish,
): Promise<MachineSet | undefined> {
  if (!syncedSet(deployment, set, wish)) return set;
  const { name, namespace = '', uid } = set.metadata;
  return deps.kube.modify<MachineSet>(
    KINDS.MachineSet,
    { name, namespace },
    (now) => (now.metadata.uid === uid && !isDeleting(now) ? syncedSet(deployment, now, wish) : undefined),
    { signal: deps.scope().signal },
  );
}

async function remove(deps: ActivityDeps, { metadata }: MachineSet): Promise<void> {
  const { name, namespace = '', uid } = metadata;
  await deps.kube.delete(
    KINDS.MachineSet,
    { name, namespace },
    { ...(uid ? { uid } : {}), signal: deps.scope().signal },
  );
}
