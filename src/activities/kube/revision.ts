import type { Machine, MachineDeployment, MachineSet } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import type { NodeSyncOptions } from '../../domain/bootstrap/node-sync.js';
import { controllerOf } from '../../domain/contract.js';
import { isOutdatedRevision } from '../../domain/rollout/revision.js';
import type { ActivityDeps } from '../deps.js';

/** Whether a Machine is of an outdated revision, as the sync of its Node takes it: empty when its set or deployment is gone. Reads only. */
export async function revisionOf(deps: ActivityDeps, machine: Machine): Promise<Pick<NodeSyncOptions, 'outdated'>> {
  const { namespace = '' } = machine.metadata;
  const { signal } = deps.scope();
  const owner = controllerOf(machine);
  const set =
    owner?.kind === KINDS.MachineSet.kind
      ? await deps.kube.get<MachineSet>(KINDS.MachineSet, { namespace, name: owner.name }, signal)
      : undefined;
  const above = set && controllerOf(set);
  const deployment =
    above?.kind === KINDS.MachineDeployment.kind
      ? await deps.kube.get<MachineDeployment>(KINDS.MachineDeployment, { namespace, name: above.name }, signal)
      : undefined;
  const outdated = isOutdatedRevision(machine, set, deployment);
  return outdated === undefined ? {} : { outdated };
}
