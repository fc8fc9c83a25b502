import type { KubeadmControlPlane } from '../types/index.js';
import { KINDS } from '../types/kinds.js';
import type { AdmissionRequest, AdmissionResponse } from './admission.js';
import { invalidStatus, plainStatus } from './field-errors.js';
import { isObject } from './json.js';
import { checkReplicas, hasExternalEtcd } from './kubeadm-control-plane-spec.js';

/** Reads a KubeadmControlPlane, undefined when absent. */
export type ReadControlPlane = (namespace: string, name: string) => Promise<KubeadmControlPlane | undefined>;

/**
 * Answers a review of `kubeadmcontrolplanes/scale`: the same rules for replicas as on the object itself, since `kubectl scale` bypasses it.
 * Source: controlplane/kubeadm/webhooks/admission/kubeadmcontrolplane_scale.go.
 */
export async function validateScale(request: AdmissionRequest, read: ReadControlPlane): Promise<AdmissionResponse> {
  const { uid, object } = request;
  const spec = isObject(object) && isObject(object['spec']) ? object['spec'] : {};
  const metadata = isObject(object) && isObject(object['metadata']) ? object['metadata'] : {};
  const name = String(metadata['name'] ?? request.name ?? '');
  const namespace = String(metadata['namespace'] ?? request.namespace ?? '');
  const controlPlane = await read(namespace, name);
  if (!controlPlane) {
    const message = `cannot check the scale of KubeadmControlPlane ${namespace}/${name}: it does not exist`;
    return { uid, allowed: false, status: plainStatus(404, 'NotFound', message) };
  }
  // The scale subresource leaves a zero out.
  const replicas = typeof spec['replicas'] === 'number' ? spec['replicas'] : 0;
  const external = hasExternalEtcd(controlPlane.spec.kubeadmConfigSpec?.clusterConfiguration);
  const errors = checkReplicas(replicas, external, 'spec.replicas');
  if (errors.length === 0) return { uid, allowed: true };
  const { group, kind } = KINDS.KubeadmControlPlane;
  return { uid, allowed: false, status: invalidStatus({ group, kind, name }, errors) };
}
