import type { KubeadmControlPlane } from '../../../api/types/index.js';
import { KINDS } from '../../../api/types/kinds.js';
import type { KubeObject } from '../../../api/types/meta.js';
import { PerdureError } from '../../../domain/errors.js';

/** Field manager of what is kept up inside workload clusters. */
export const UPKEEP_MANAGER = 'perdure-upkeep';
export const SYSTEM = 'kube-system';
export const KUBEADM_CONFIG = { namespace: SYSTEM, name: 'kubeadm-config' };

export interface ConfigMap extends KubeObject {
  data?: Record<string, string>;
}

interface Container {
  readonly name: string;
  readonly image?: string;
}

interface Volume {
  readonly name: string;
  readonly configMap?: { readonly name?: string; readonly items?: readonly { key: string; path: string }[] };
}

/** A DaemonSet or Deployment, as far as its pods' images and volumes go. */
export interface PodOwner extends KubeObject {
  spec: {
    template: { spec: { containers: readonly Container[]; volumes?: readonly Volume[] } };
  };
}

/** How errors name a control plane. */
export const titleOf = ({ metadata }: KubeadmControlPlane): string =>
  `kubeadmcontrolplane ${metadata.namespace ?? ''}/${metadata.name}`;

/** The image of a container, or undefined without that container. */
export function imageOf(owner: PodOwner | undefined, container: string): string | undefined {
  return owner?.spec.template.spec.containers.find((c) => c.name === container)?.image;
}

/** The same with another image for a container. */
export function withImage<T extends PodOwner>(owner: T, container: string, image: string): T {
  const { template } = owner.spec;
  const containers = template.spec.containers.map((c) => (c.name === container ? { ...c, image } : c));
  return { ...owner, spec: { ...owner.spec, template: { ...template, spec: { ...template.spec, containers } } } };
}

/** Somebody changed an object between our read and our write: the whole is planned again. */
export function changedMeanwhile(what: string): PerdureError {
  return new PerdureError(
    'Conflict',
    `${what} of the workload cluster was changed while it was updated; trying again`,
    {
      retryAfterMs: 1_000,
    },
  );
}

/** ConfigMap kubeadm-config is missing, or has not what kubeadm writes into it. */
export function noKubeadmConfig(controlPlane: KubeadmControlPlane, problem: string): PerdureError {
  return new PerdureError(
    'NotFound',
    `${titleOf(controlPlane)}: ConfigMap ${SYSTEM}/${KUBEADM_CONFIG.name} of the workload cluster ${problem}; machines cannot join without it: restore it with kubeadm init phase upload-config`,
    { details: { object: `${KINDS.ConfigMap.kind} ${SYSTEM}/${KUBEADM_CONFIG.name}` } },
  );
}
