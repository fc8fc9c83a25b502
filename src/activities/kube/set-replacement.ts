import type { Machine } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import type { ObjectKey } from '../../api/types/meta.js';
import { controllerOf, isDeleting } from '../../domain/contract.js';
import { isToBeRemediated, remediationBegun } from '../../domain/plan/set-remediation.js';
import type { ActivityDeps } from '../deps.js';
import { assessMachineSet } from './assess-machine-set.js';
import { inParallel } from './parallel.js';
import { say } from './set-remediation.js';

/** Machines marked and deleted at once. */
const WIDTH = 8;

/**
 * Replaces unhealthy machines, first half: each says that it is being deleted for its health, then it is deleted. Decided anew from what is there, so that
 * limits hold whenever it runs; of `names` only. Killed in between, the mark is found and the deletion is made up for.
 */
export async function remediateMachines(deps: ActivityDeps, key: ObjectKey, names: readonly string[]): Promise<void> {
  const { signal } = deps.scope();
  const { remediate = [], paused, deleting } = await assessMachineSet(deps, key);
  if (paused || deleting) return;
  const due = remediate.filter((name) => names.includes(name));
  await inParallel(due, WIDTH, async (name) => {
    deps.scope().heartbeat(`replace machine ${name}`);
    const ref = { namespace: key.namespace, name };
    const machine = await deps.kube.get<Machine>(KINDS.Machine, ref, signal);
    if (!machine || isDeleting(machine) || controllerOf(machine)?.uid !== key.uid || !isToBeRemediated(machine)) return;
    await say(deps, machine, [remediationBegun]);
    const { uid } = machine.metadata;
    await deps.kube.delete(KINDS.Machine, ref, { ...(uid ? { uid } : {}), signal });
    deps.event(machine, 'Normal', 'MachineRemediation', `Deleting Machine ${name} (remediating unhealthy Machine)`);
  });
}
