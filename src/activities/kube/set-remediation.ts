import type { Machine, MachineDeployment, MachineSet } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import type { Condition } from '../../api/types/meta.js';
import { type ConditionInput, findCondition, mergeConditions } from '../../domain/conditions.js';
import { controllerOf, isDeleting } from '../../domain/contract.js';
import {
  isCurrentSet,
  isToBeRemediated,
  maxInFlightOf,
  planSetRemediation,
  type SetRemediation,
} from '../../domain/plan/set-remediation.js';
import type { ActivityDeps } from '../deps.js';
import { isOwnWord, isRemediated, withConditions } from './control-plane-machines.js';
import { readKey } from './world.js';
import { applyStatus } from './write.js';

const MANAGER = 'perdure-machineset';

/** What becomes of a set's unhealthy machines. `preflight`: checks that fail, as sentences. */
export async function lookAtRemediation(
  deps: ActivityDeps,
  set: MachineSet,
  machines: readonly Machine[],
  preflight: readonly string[],
): Promise<SetRemediation> {
  const deployment = machines.some(isToBeRemediated) ? await deploymentOf(deps, set) : undefined;
  const maxInFlight = deployment && maxInFlightOf(deployment);
  return planSetRemediation({
    machines,
    isCurrent: isCurrentSet(set, deployment),
    ...(maxInFlight ? { maxInFlight } : {}),
    preflight,
  });
}

async function deploymentOf(deps: ActivityDeps, set: MachineSet): Promise<MachineDeployment | undefined> {
  const owner = controllerOf(set);
  if (owner?.kind !== 'MachineDeployment') return undefined;
  const { namespace = '' } = set.metadata;
  const key = { kind: owner.kind, namespace, name: owner.name, uid: owner.uid };
  return readKey<MachineDeployment>(deps.kube, KINDS.MachineDeployment, key, deps.scope().signal);
}

/**
 * Says on machines why they are not replaced yet, and takes the set's word back from those that have recovered. The word on one that is replaced stays until
 * it is gone, or nobody would count it. Answers the machines as they are then.
 */
export async function writeRemediation(
  deps: ActivityDeps,
  machines: readonly Machine[],
  { deferred }: SetRemediation,
): Promise<Machine[]> {
  const told: Machine[] = [];
  for (const machine of machines) {
    const word = deferred.get(machine.metadata.name);
    if (word) {
      await say(deps, machine, [word]);
      told.push(withConditions(machine, [word], deps.now()));
    } else {
      if (hasRecovered(machine)) await say(deps, machine, []);
      told.push(machine);
    }
  }
  return told;
}

function hasRecovered(machine: Machine): boolean {
  const conditions = machine.status?.conditions as Condition[] | undefined;
  const healthy = findCondition(conditions, 'HealthCheckSucceeded')?.status === 'True';
  return healthy && !isDeleting(machine) && isRemediated(machine) && isOwnWord(machine);
}

/** The whole of what a set says on one of its machines. */
export async function say(deps: ActivityDeps, machine: Machine, words: readonly ConditionInput[]): Promise<void> {
  const before = machine.status?.conditions as Condition[] | undefined;
  const conditions = mergeConditions(before, words, machine.metadata.generation ?? 1, deps.now());
  const { signal } = deps.scope();
  await applyStatus(deps.kube, KINDS.Machine, machine, { conditions }, MANAGER, signal, ['OwnerRemediated']);
}
