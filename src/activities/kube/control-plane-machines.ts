import type { KubeadmConfig, KubeadmControlPlane, Machine } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import type { Condition, KubeObject } from '../../api/types/meta.js';
import { everyCondition } from '../../domain/bootstrap/component-health.js';
import { type ConditionInput, findCondition, mergeConditions } from '../../domain/conditions.js';
import { isDeleting } from '../../domain/contract.js';
import type { Remediation } from '../../domain/plan/control-plane-remediation.js';
import { outdatedReasons, upToDateCondition } from '../../domain/rollout/control-plane-outdated.js';
import type { ActivityDeps } from '../deps.js';
import type { Inspection } from '../workload/health.js';
import { findKind } from './refs.js';
import { applyStatus } from './write.js';

const MANAGER = 'perdure-kubeadmcontrolplane';
/** What the health check says of a machine that waits for its owner; anything else is this lane's word. */
const ASKED = 'WaitingForRemediation';

/** Why each machine is to be replaced, by its name; an empty list says that it is up to date. */
export async function outdatedMachines(
  deps: ActivityDeps,
  controlPlane: KubeadmControlPlane,
  machines: readonly Machine[],
): Promise<Map<string, string[]>> {
  if (machines.length === 0) return new Map();
  const { apiGroup, kind } = controlPlane.spec.machineTemplate.spec.infrastructureRef;
  const { namespace = '' } = controlPlane.metadata;
  const { signal } = deps.scope();
  const infraKind = await findKind(deps.kube, { apiGroup, kind: kind.replace(/Template$/, '') }, signal);
  const [configs, infra] = await Promise.all([
    deps.kube.list<KubeadmConfig>(KINDS.KubeadmConfig, { namespace }, signal),
    infraKind ? deps.kube.list<KubeObject>(infraKind, { namespace }, signal) : [],
  ]);
  const configOf = new Map(configs.map((c) => [c.metadata.name, c]));
  const infraOf = new Map(infra.map((i) => [i.metadata.name, i]));
  const nowMs = Date.parse(deps.now());
  return new Map(
    machines.map((machine) => {
      const { bootstrap, infrastructureRef } = machine.spec;
      const { configRef } = bootstrap;
      const made = {
        machine,
        config: configRef?.kind === 'KubeadmConfig' ? configOf.get(configRef.name) : undefined,
        infrastructure: infrastructureRef.kind === infraKind?.kind ? infraOf.get(infrastructureRef.name) : undefined,
      };
      return [machine.metadata.name, outdatedReasons(controlPlane, made, nowMs)];
    }),
  );
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

/** What is said about its replacement is not what the health check asked for, so it was said here. */
function isOwnWord(machine: Machine): boolean {
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
