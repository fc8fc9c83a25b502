import type { KubeadmControlPlane, Machine } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import { parseKubernetesVersion } from '../../domain/bootstrap/kubeadm-version.js';
import { controllerOf, isControlPlaneMachine, isDeleting, ownerReference, sameOwner } from '../../domain/contract.js';
import { isFailure } from '../../domain/errors.js';
import { ANNOTATION, LABEL } from '../../domain/names.js';
import { nameLabel } from '../../domain/selectors.js';
import type { ActivityDeps } from '../deps.js';
import { ensureMetadata } from './write.js';

/**
 * Makes a control plane the controller of its cluster's control plane machines that nobody controls: those whose ownerReference was removed, those whose
 * owner of the same name is gone (restore), and those made by hand. Their certificates it takes with its other ones. Only what it could have made is taken:
 * bootstrapped by kubeadm, at most one minor version away. Answers whether it took any. Source: capi kcp adoptMachines.
 */
export async function adoptMachines(
  deps: ActivityDeps,
  controlPlane: KubeadmControlPlane,
  members: readonly Machine[],
): Promise<boolean> {
  const owner = ownerReference(controlPlane, { controller: true });
  let adopted = false;
  for (const machine of members) {
    const controller = controllerOf(machine);
    if (!isControlPlaneMachine(machine) || isDeleting(machine)) continue;
    if (controller && (!sameOwner(controller, owner) || controller.uid === owner.uid)) continue;
    const { configRef } = machine.spec.bootstrap;
    if (configRef?.kind !== 'KubeadmConfig' || !isClose(machine, controlPlane)) {
      const { version } = controlPlane.spec;
      const message = `Could not adopt Machine ${machine.metadata.name}: it is not bootstrapped by a KubeadmConfig, or its version (${machine.spec.version}) is outside supported +/- one minor version skew from KCP's (${version})`;
      deps.event(controlPlane, 'Warning', 'AdoptionFailed', message);
      continue;
    }
    const labels = { [LABEL.controlPlaneName]: nameLabel(controlPlane.metadata.name) };
    const annotations = { [ANNOTATION.kcpCleanup]: '' };
    await ensureMetadata(deps.kube, KINDS.Machine, machine, { owner, labels, annotations }, deps.scope().signal);
    adopted = true;
  }
  return adopted;
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
