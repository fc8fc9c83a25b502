import { KINDS } from '../api/types/kinds.js';
import type { ResourceKind } from '../api/types/meta.js';
import { LABEL } from '../domain/names.js';

/** What a kind is to the lanes; mapping and facts go by it, so that a provider only adds rows. */
export type Role = 'lane' | 'bootstrap' | 'infraCluster' | 'infraMachine' | 'template' | 'identity' | 'secret';

export interface Source {
  readonly kind: ResourceKind;
  readonly role: Role;
  /** The bridge is not ready before these are listed; others may be missing from the API server. */
  readonly required: boolean;
  /** Content is never transferred. */
  readonly metadataOnly?: boolean;
  readonly labelSelector?: string;
  /** Shown as search attribute of the clusters that use this kind. */
  readonly provider?: string;
}

const CORE: readonly Source[] = [
  { kind: KINDS.Cluster, role: 'lane', required: true },
  { kind: KINDS.KubeadmControlPlane, role: 'lane', required: true },
  { kind: KINDS.MachineDeployment, role: 'lane', required: true },
  { kind: KINDS.MachineSet, role: 'lane', required: true },
  { kind: KINDS.Machine, role: 'lane', required: true },
  { kind: KINDS.MachinePool, role: 'lane', required: true },
  { kind: KINDS.MachineHealthCheck, role: 'lane', required: true },
  { kind: KINDS.KubeadmConfig, role: 'bootstrap', required: true },
  { kind: KINDS.KubeadmConfigTemplate, role: 'template', required: false, metadataOnly: true },
  // Certificates and kubeconfigs of clusters; names and owners are all that is looked at.
  { kind: KINDS.Secret, role: 'secret', required: false, metadataOnly: true, labelSelector: LABEL.clusterName },
];

const AWS: readonly Source[] = [
  { kind: KINDS.AWSCluster, role: 'infraCluster', required: false, provider: 'aws' },
  { kind: KINDS.AWSMachine, role: 'infraMachine', required: false, provider: 'aws' },
  { kind: KINDS.AWSMachinePool, role: 'infraMachine', required: false, provider: 'aws' },
  { kind: KINDS.AWSMachineTemplate, role: 'template', required: false, metadataOnly: true },
  { kind: KINDS.AWSClusterControllerIdentity, role: 'identity', required: false },
  { kind: KINDS.AWSClusterRoleIdentity, role: 'identity', required: false },
  { kind: KINDS.AWSClusterStaticIdentity, role: 'identity', required: false },
];

/** Every kind the bridge watches. A new provider is a new list here. */
export const SOURCES: readonly Source[] = [...CORE, ...AWS];

const BY_KIND = new Map(SOURCES.map((source) => [source.kind.kind, source]));

/** The source of a kind; undefined for kinds that are not watched, such as other people's providers. */
export function sourceOf(kind: string): Source | undefined {
  return BY_KIND.get(kind);
}

export function roleOf(kind: string): Role | undefined {
  return BY_KIND.get(kind)?.role;
}
