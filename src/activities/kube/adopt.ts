import type { KubeadmControlPlane, Machine } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import { parseKubernetesVersion } from '../../domain/bootstrap/kubeadm-version.js';
import { controllerOf, isControlPlaneMachine, isDeleting, ownerReference } from '../../domain/contract.js';
import { isFailure } from '../../domain/errors.js';
import type { ActivityDeps } from '../deps.js';
import { ensureMetadata } from './write.js';

/**
 * Makes a control plane the controller of its cluster's control plane machines that nobody controls: those whose ownerReference was removed, and those
 * made by hand. Only what it could have made is taken: bootstrapped by kubeadm, at most one minor version away. Source: capi kcp adoptMachines.
 */
export async function adoptMachines(
  deps: ActivityDeps,
  controlPlane: KubeadmControlPlane,
  members: readonly Machine[],
): Promise<void> {
  const owner = ownerReference(controlPlane, { controller: true });
  for (const machine of members) {
    if (!isControlPlaneMachine(machine) || controllerOf(machine) || isDeleting(machine)) continue;
    if (machine.spec.bootstrap.configRef?.kind !== 'KubeadmConfig' || !isClose(machine, controlPlane)) {
      deps.event(
        controlPlane,
        'Warning',
        'AdoptionFailed',
        `Machine ${machine.metadata.name} was not made by kubeadm, or its version is more than one minor away from ${controlPlane.spec.version}`,
      );
      continue;
    }
    await ensureMetadata(deps.kube, KINDS.Machine, machine, { owner }, deps.scope().signal);
  }
}

function isClose(machine: Machine, controlPlane: KubeadmControlPlane): boolean {
  const minorOf = (what: string, version: string | undefined): number =>
    parseKubernetesVersion(what, 'spec.version', version).minor;
  try {
    return (
      Math.abs(minorOf('Machine', machine.spec.version) - minorOf('KubeadmControlPlane', controlPlane.spec.version)) <=
      1
    );
  } catch (error) {
    if (isFailure(error, 'InvalidConfiguration')) return false;
    throw error;
  }
}
