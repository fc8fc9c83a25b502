import type { Machine } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import type { ObjectKey } from '../../api/types/meta.js';
import { controllerOf, isDeleting } from '../../domain/contract.js';
import type { RemediationRecord } from '../../domain/facts.js';
import type { ActivityDeps } from '../deps.js';
import { removeControlPlaneMachine } from '../machine/control-plane.js';
import { deleteMachines } from './machines.js';
import { beginRemediation } from './remediation-record.js';

/**
 * Replaces an unhealthy control plane machine, first half: what is begun is written on the control plane, then the Machine is deleted. Killed in
 * between, the record is found and the deletion is made up for; it never happens unrecorded. Another replacement that was begun meanwhile stands.
 */
export async function remediateControlPlaneMachine(
  deps: ActivityDeps,
  key: ObjectKey,
  record: RemediationRecord,
): Promise<void> {
  const { signal } = deps.scope();
  const machine = await deps.kube.get<Machine>(
    KINDS.Machine,
    { namespace: key.namespace, name: record.machine },
    signal,
  );
  if (!machine || isDeleting(machine) || controllerOf(machine)?.uid !== key.uid) return;
  const controlPlane = await beginRemediation(deps, key, record);
  if (!controlPlane) return;
  const initialized = controlPlane.status?.initialization?.controlPlaneInitialized === true;
  // before that there is no member to take out and nobody to hand leadership to
  if (initialized) await removeControlPlaneMachine(deps, key, record.machine);
  else await deleteMachines(deps, key, [record.machine]);
  const message = `Replacing unhealthy machine ${record.machine} (retry ${record.retryCount})`;
  deps.event(controlPlane, 'Normal', 'MachineRemediation', message);
}
