import type { KubeadmControlPlane } from '../../../api/types/index.js';
import { KINDS } from '../../../api/types/kinds.js';
import { isFailure } from '../../../domain/errors.js';
import { kubeadmPermissions } from '../../../domain/upkeep/permissions.js';
import type { Kube } from '../../../kube/kube.js';
import { titleOf, UPKEEP_MANAGER } from './parts.js';

/**
 * Makes the roles and bindings that machines of the control plane's version need to join. What is there under their names stays as it is. Idempotent.
 * Source: capi EnsureKubeadmPermissions.
 */
export async function ensureKubeadmPermissions(
  workload: Kube,
  controlPlane: KubeadmControlPlane,
  signal: AbortSignal,
): Promise<void> {
  for (const object of kubeadmPermissions(titleOf(controlPlane), controlPlane.spec.version)) {
    const kind = object.kind === 'ClusterRole' ? KINDS.ClusterRole : KINDS.ClusterRoleBinding;
    if (await workload.get(kind, { name: object.metadata.name }, signal)) continue;
    try {
      await workload.create(kind, object, { fieldManager: UPKEEP_MANAGER, signal });
    } catch (error) {
      // made by somebody else in between
      if (!isFailure(error, 'Conflict') || error.details['alreadyExists'] !== true) throw error;
    }
  }
}
