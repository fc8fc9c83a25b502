import type { KubeadmConfig, KubeadmControlPlane, Machine } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import type { Condition, KubeObject, ResourceKind } from '../../api/types/meta.js';
import { everyCondition } from '../../domain/bootstrap/component-health.js';
import { type ConditionInput, findCondition, mergeConditions } from '../../domain/conditions.js';
import { isDeleting } from '../../domain/contract.js';
import { LABEL } from '../../domain/names.js';
import type { Remediation } from '../../domain/plan/control-plane-remediation.js';
import { type MadeOf, outdatedReasons, upToDateCondition } from '../../domain/rollout/control-plane-outdated.js';
import { type InPlaceMetadata, type InPlaceSpec, withInPlace, withMetadata } from '../../domain/rollout/in-place.js';
import { nameLabel } from '../../domain/selectors.js';
import { COMPONENT_CONDITIONS, ETCD_CONDITIONS } from '../../domain/status/control-plane.js';
import type { ActivityDeps } from '../deps.js';
import type { Inspection } from '../workload/health.js';
import { readRef, resolveKind } from './refs.js';
import { applyStatus } from './write.js';

const MANAGER = 'perdure-kubeadmcontrolplane';
/** What the health check says of a machine that waits for its owner; anything else is this lane's word. */
const ASKED = 'WaitingForRemediation';

/** The machines with what each is made of. What cannot be found is left out. */
export async function readMadeOf(deps: ActivityDeps, machines: readonly Machine[]): Promise<MadeOf[]> {
  const { signal } = deps.scope();
  return Promise.all(
    machines.map(async (machine) => {
      const { namespace = '' } = machine.metadata;
      const { configRef } = machine.spec.bootstrap;
      const name = configRef?.kind === 'KubeadmConfig' ? configRef.name : undefined;
      const [config, infrastructure] = await Promise.all([
        name ? deps.kube.get<KubeadmConfig>(KINDS.KubeadmConfig, { namespace, name }, signal) : undefined,
        readRef<KubeObject>(deps.kube, machine.spec.infrastructureRef, namespace, signal),
      ]);
      return { machine, config, infrastructure };
    }),
  );
}

/** Why each machine is to be replaced, by its name; an empty list says that it is up to date. */
export function outdatedMachines(
  controlPlane: KubeadmControlPlane,
  made: readonly MadeOf[],
  now: string,
): Map<string, string[]> {
  const nowMs = Date.parse(now);
  return new Map(made.map((m) => [m.machine.metadata.name, outdatedReasons(controlPlane, m, nowMs)]));
}

/**
 * Brings what is changed without a rollout to the machines and what they are made of: labels, annotations, time-outs, readiness gates, taints. Answers
 * whether anything was. Source: capi kcp syncMachines.
 */
export async function syncMachines(
  deps: ActivityDeps,
  controlPlane: KubeadmControlPlane,
  made: readonly MadeOf[],
): Promise<boolean> {
  let changed = false;
  for (const { machine, config, infrastructure } of made) {
    const wish = inPlaceMetadata(controlPlane, machine.spec.clusterName);
    const spec = inPlaceSpec(controlPlane);
    const synced = await modifyWhen(deps, KINDS.Machine, machine, (m) => withInPlace(m, wish, spec));
    changed ||= synced;
    if (isDeleting(machine)) continue;
    if (config) await modifyWhen(deps, KINDS.KubeadmConfig, config, (c) => withMetadata(c, wish));
    if (!infrastructure) continue;
    const kind = await resolveKind(deps.kube, machine.spec.infrastructureRef, deps.scope().signal);
    await modifyWhen(deps, kind, infrastructure, (i) => withMetadata(i, wish));
  }
  return changed;
}

/** Labels and annotations of a control plane's machines. */
export function inPlaceMetadata(controlPlane: KubeadmControlPlane, clusterName: string): InPlaceMetadata {
  const { labels, annotations } = controlPlane.spec.machineTemplate.metadata ?? {};
  return {
    labels,
    annotations,
    system: {
      [LABEL.clusterName]: clusterName,
      [LABEL.controlPlane]: '',
      [LABEL.controlPlaneName]: nameLabel(controlPlane.metadata.name),
    },
  };
}

/** What else of its machines a control plane changes in place. */
export function inPlaceSpec(controlPlane: KubeadmControlPlane): InPlaceSpec {
  const { deletion, readinessGates = [], taints } = controlPlane.spec.machineTemplate.spec;
  const managedEtcd = controlPlane.spec.kubeadmConfigSpec?.clusterConfiguration?.etcd?.external === undefined;
  const gates = [...COMPONENT_CONDITIONS, ...(managedEtcd ? ETCD_CONDITIONS : [])].map((conditionType) => ({
    conditionType,
  }));
  return {
    readinessGates: [...gates, ...readinessGates],
    ...(deletion ? { deletion } : {}),
    ...(taints ? { taints } : {}),
  };
}

/** Writes what `change` makes of the object, as it is by then; nothing when that is nothing. Answers whether it meant to. */
export async function modifyWhen<T extends KubeObject>(
  deps: ActivityDeps,
  kind: ResourceKind,
  object: T,
  change: (current: T) => T | undefined,
): Promise<boolean> {
  if (!change(object)) return false;
  const { namespace = '', name, uid } = object.metadata;
  const mutate = (current: T): T | undefined => (current.metadata.uid === uid ? change(current) : undefined);
  await deps.kube.modify<T>(kind, { namespace, name }, mutate, { signal: deps.scope().signal });
  return true;
}

/** What the lane says of one machine: its components as inspected or as said before, and whether it is up to date. */
export function machineVerdicts(
  machine: Machine,
  seen: Inspection | undefined,
  outdated: readonly string[],
  managedEtcd: boolean,
): ConditionInput[] {
  const stored = machine.status?.conditions as Condition[] | undefined;
  const types = everyCondition(managedEtcd, 'Unknown', '', '').map((c) => c.type);
  const components =
    seen?.conditions.get(machine.metadata.name) ??
    types.flatMap((type) => findCondition<Condition>(stored, type) ?? []).map(inputOf);
  return [...components, upToDateCondition(outdated)];
}

/** The machine as it will be with these conditions on it. */
export function withConditions(machine: Machine, verdicts: readonly ConditionInput[], now: string): Machine {
  const stored = (machine.status?.conditions ?? []) as Condition[];
  const mine = mergeConditions(stored, verdicts, machine.metadata.generation ?? 1, now);
  const types = new Set(mine.map((c) => c.type));
  const conditions = [...stored.filter((c) => !types.has(c.type)), ...mine];
  return { ...machine, status: { ...machine.status, conditions } } as Machine;
}

/**
 * Writes the lane's conditions of each machine. With a machine that a health check wants replaced goes what becomes of that, and it goes away with the
 * trouble: the lane's word stays until then, or nobody would remember that the machine is to be replaced.
 */
export async function writeMachineConditions(
  deps: ActivityDeps,
  machines: readonly Machine[],
  verdicts: ReadonlyMap<string, readonly ConditionInput[]>,
  remediation: Remediation | undefined,
): Promise<void> {
  for (const machine of machines) {
    const owner = ownerRemediated(machine, remediation);
    if (isDeleting(machine) && !owner) continue;
    const wanted = [...(verdicts.get(machine.metadata.name) ?? []), ...(owner ? [owner] : [])];
    const conditions = mergeConditions(
      machine.status?.conditions as Condition[] | undefined,
      wanted,
      machine.metadata.generation ?? 1,
      deps.now(),
    );
    await applyStatus(
      deps.kube,
      KINDS.Machine,
      machine,
      { conditions },
      MANAGER,
      deps.scope().signal,
      isOwnWord(machine) ? ['OwnerRemediated'] : [],
    );
  }
}

function ownerRemediated(machine: Machine, remediation: Remediation | undefined): ConditionInput | undefined {
  const type = 'OwnerRemediated';
  const stored = machine.status?.conditions as Condition[] | undefined;
  const before = findCondition(stored, type);
  const sick = findCondition(stored, 'HealthCheckSucceeded')?.status === 'False';
  if (!before || !sick || !isRemediated(machine)) return undefined;
  if (isDeleting(machine)) return { type, status: 'False', reason: 'MachineDeleting', message: 'Machine is deleting' };
  if (remediation?.do === 'defer' && remediation.machine === machine.metadata.name)
    return { type, status: 'False', reason: remediation.reason, message: remediation.message };
  return isOwnWord(machine) ? inputOf(before) : undefined;
}

/** What is said about its replacement is not what the health check asked for, so its owner said it. */
export function isOwnWord(machine: Machine): boolean {
  const before = findCondition(machine.status?.conditions as Condition[] | undefined, 'OwnerRemediated');
  return before?.status === 'False' && before.reason !== ASKED;
}

function inputOf({ type, status, reason, message }: Condition): ConditionInput {
  return { type, status, reason, message };
}

/** A machine that is to be replaced, or was and recovered: something is to be said about it, or taken back. */
export function isRemediated(machine: Machine): boolean {
  const stored = machine.status?.conditions as Condition[] | undefined;
  return findCondition(stored, 'OwnerRemediated')?.status === 'False';
}
