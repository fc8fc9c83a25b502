import type { Machine, MachineDeployment, MachineSet } from '../../api/types/index.js';
import { isDeleting, isPaused } from '../contract.js';
import { newSet } from '../machine-set.js';
import { ownedMachine } from '../owned-machine.js';
import { deletePriority } from '../plan/replicas.js';
import type { resolveStrategy } from '../plan/rollout.js';
import { forecastRollout, type RolloutTurn } from '../plan/rollout-forecast.js';
import { rolloutState } from '../status/rollout.js';
import { currentSet, expiredRollout, templateDifferences } from '../template.js';
import { instanceOf } from './cloud.js';
import { skipsOf } from './skips.js';
import type { DisruptionBudget, ManifestWorld, ObjectRef, PlanStep } from './types.js';
import { machinesUnder, setsUnder, type Wanted, type WantedCluster } from './wanted.js';

type Group = MachineDeployment | MachineSet;
type DeleteOrder = Parameters<typeof deletePriority>[1];

/** The steps of one group of workers, and how far they go at a time. */
export interface WorkerPlan {
  readonly steps: readonly PlanStep[];
  readonly budget?: DisruptionBudget;
}

/** The machines of a set in the order in which it would take them. */
function victimsOf(world: ManifestWorld, set: MachineSet, order: DeleteOrder): string[] {
  const nowMs = Date.parse(world.now);
  const machines = machinesUnder(world, set)
    .filter((m) => !isDeleting(m))
    .map((m) => ({ name: m.metadata.name, priority: deletePriority(ownedMachine(m), order, nowMs) }));
  return machines.sort((a, b) => b.priority - a.priority || a.name.localeCompare(b.name)).map((m) => m.name);
}

/** Preflight checks that hold new workers back until the control plane is where it is to be. */
function heldBackBy(world: ManifestWorld, { controlPlane }: WantedCluster, group: Group): string[] {
  if (!controlPlane) return [];
  const { live, wanted } = controlPlane;
  const { version } = wanted.spec;
  const reached = live?.status?.version ?? live?.spec.version;
  const moves = live === undefined || live.spec.version !== version || reached !== version;
  return moves && !skipsOf(world, group)('ControlPlaneIsStable') ? ['ControlPlaneIsStable'] : [];
}

interface Scene {
  readonly world: ManifestWorld;
  readonly cluster: WantedCluster;
  readonly ref: ObjectRef;
  readonly wanted: Group;
  /** Names of the sets' machines, first to go first. */
  readonly victims: ReadonlyMap<string, string[]>;
  /** Why machines of a set are not those that are wished. */
  readonly reasonOf: (set: string) => string;
}

/** Turns of a rollout as steps: first what is made, then what goes. Once a machine has to be made that the control plane holds back, all waits. */
function stepsOf({ world, cluster, ref, wanted, victims, reasonOf }: Scene, turns: readonly RolloutTurn[]): PlanStep[] {
  const held = heldBackBy(world, cluster, wanted);
  const { infrastructureRef } = wanted.spec.template.spec;
  const instance = instanceOf(world, ref.namespace, infrastructureRef);
  let waits = false;
  return turns.flatMap((turn): PlanStep[] => {
    const grows = turn.changes.filter((c) => c.by > 0);
    const shrinks = turn.changes.filter((c) => c.by < 0);
    const waited = waits;
    waits ||= grows.length > 0 && held.length > 0;
    const base = {
      kind: 'Machine' as const,
      group: ref,
      cluster: cluster.name,
      machines: { total: turn.total, available: turn.available },
    };
    const created = grows.flatMap(({ set, by }) =>
      Array.from(
        { length: by },
        (): PlanStep => ({
          ...base,
          phase: waits ? 2 : 1,
          action: 'create',
          ...(wanted.spec.template.spec.failureDomain
            ? { failureDomain: wanted.spec.template.spec.failureDomain }
            : {}),
          reason: `for MachineSet ${set}`,
          cloud: [`create ${instance}`],
          ...(held.length > 0 ? { waitsFor: held } : {}),
        }),
      ),
    );
    const deleted = shrinks.flatMap(({ set, by }) =>
      Array.from({ length: -by }, (): PlanStep => {
        const machine = victims.get(set)?.shift();
        return {
          ...base,
          // sets are sized together: what is held back in one does not hold the others up
          phase: waited ? 2 : 1,
          action: 'delete',
          ...(machine === undefined ? {} : { machine }),
          reason: reasonOf(set),
          cloud: ['terminate its instance'],
        };
      }),
    );
    return [...created, ...deleted];
  });
}

function budgetOf(
  ref: ObjectRef,
  desired: number,
  { type, surge, unavailable }: ReturnType<typeof resolveStrategy>,
  turns: readonly RolloutTurn[],
): Pick<WorkerPlan, 'budget'> {
  if (turns.length === 0) return {};
  return {
    budget: {
      group: ref,
      desired,
      strategy: type,
      maxSurge: surge,
      maxUnavailable: unavailable,
      mostMachines: Math.max(...turns.map((t) => t.total)),
      leastAvailable: Math.min(...turns.map((t) => t.available)),
    },
  };
}

/** What the lane of a MachineDeployment would do once the manifest is applied, by the planner of its rollout. */
export function deploymentPlan(
  world: ManifestWorld,
  cluster: WantedCluster,
  { ref, live, wanted }: Wanted<MachineDeployment>,
): WorkerPlan {
  if (isPaused(wanted, cluster.cluster) || isDeleting(wanted)) return { steps: [] };
  const nowMs = Date.parse(world.now);
  const { uid } = live?.metadata ?? {};
  const deployment = { ...wanted, metadata: { ...wanted.metadata, ...(uid === undefined ? {} : { uid }) } };
  const there = setsUnder(world, live);
  const existing = currentSet(
    deployment,
    there.filter((s) => !isDeleting(s)),
    nowMs,
  );
  const made = existing || deployment.spec.paused ? undefined : newSet(deployment, nowMs);
  const current = existing ?? made;
  const sets = made ? [...there, made] : there;
  const machines = there.flatMap((s) => machinesUnder(world, s));
  const state = rolloutState(deployment, sets, current, machines, false);
  const turns = forecastRollout(state);
  const order = (deployment.spec.deletion?.order as DeleteOrder | undefined) ?? 'Random';
  const reasonOf = (name: string): string => {
    const set = sets.find((s) => s.metadata.name === name);
    if (!set || set === current) return 'surplus';
    const template = set.spec.template as MachineDeployment['spec']['template'];
    const differences = templateDifferences(template, deployment.spec.template);
    if (differences.length > 0) return differences.join('; ');
    return expiredRollout(deployment, nowMs) ? 'MachineDeployment spec.rollout.after expired' : 'of another MachineSet';
  };
  const victims = new Map(there.map((s) => [s.metadata.name, victimsOf(world, s, order)]));
  const steps = stepsOf({ world, cluster, ref, wanted: deployment, victims, reasonOf }, turns);
  return { steps, ...budgetOf(ref, state.desired, state.strategy, turns) };
}

/** What the lane of a MachineSet of its own would do: it changes its size, and makes no machine anew. */
export function setPlan(
  world: ManifestWorld,
  cluster: WantedCluster,
  { ref, live, wanted }: Wanted<MachineSet>,
): WorkerPlan {
  if (isPaused(wanted, cluster.cluster) || isDeleting(wanted)) return { steps: [] };
  const machines: Machine[] = machinesUnder(world, live).filter((m) => !isDeleting(m));
  const desired = wanted.spec.replicas ?? 1;
  const by = desired - machines.length;
  if (by === 0) return { steps: [] };
  const available = machines.filter((m) => ownedMachine(m).available).length;
  const turn = { changes: [{ set: ref.name, by }], total: desired, available: available + Math.min(0, by) };
  const order = (wanted.spec.deletion?.order as DeleteOrder | undefined) ?? 'Random';
  const victims = new Map(live ? [[ref.name, victimsOf(world, live, order)]] : []);
  return { steps: stepsOf({ world, cluster, ref, wanted, victims, reasonOf: () => 'surplus' }, [turn]) };
}
