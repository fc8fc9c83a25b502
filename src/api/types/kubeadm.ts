import type { Static } from '@sinclair/typebox';
import type { clusterConfiguration } from '../schema/bootstrap/cluster-configuration.js';
import type { files, users } from '../schema/bootstrap/host.js';
import type {
  kubeadmConfigSpecSchema,
  kubeadmConfigStatusSchema,
  kubeadmConfigTemplateSpecSchema,
} from '../schema/bootstrap/kubeadm-config.js';
import type { initConfiguration, joinConfiguration, nodeTaint } from '../schema/bootstrap/node-configuration.js';
import type {
  kubeadmControlPlaneSpecSchema,
  kubeadmControlPlaneStatusSchema,
  kubeadmControlPlaneTemplateSpecSchema,
} from '../schema/controlplane/kubeadm-control-plane.js';
import type { KubeObject } from './meta.js';

/** Static types of the kubeadm bootstrap and control plane groups, version v1beta2, read off the schemas. */

export type KubeadmConfigSpec = Static<typeof kubeadmConfigSpecSchema>;
export type KubeadmConfigStatus = Static<typeof kubeadmConfigStatusSchema>;
export type ClusterConfiguration = Static<ReturnType<typeof clusterConfiguration>>;
export type InitConfiguration = Static<ReturnType<typeof initConfiguration>>;
export type JoinConfiguration = Static<ReturnType<typeof joinConfiguration>>;
export type NodeRegistrationOptions = NonNullable<JoinConfiguration['nodeRegistration']>;
/** A command line argument: name without dashes, and value. */
export type Arg = NonNullable<NodeRegistrationOptions['kubeletExtraArgs']>[number];
/** corev1.Taint. */
export type NodeTaint = Static<ReturnType<typeof nodeTaint>>;
export type BootstrapToken = NonNullable<InitConfiguration['bootstrapTokens']>[number];
export type Discovery = NonNullable<JoinConfiguration['discovery']>;
/** A file of the bootstrap data. */
export type KubeadmFile = Static<ReturnType<typeof files>>[number];
/** A user of the bootstrap data. */
export type KubeadmUser = Static<ReturnType<typeof users>>[number];

export interface KubeadmConfig extends KubeObject {
  spec?: KubeadmConfigSpec;
  status?: KubeadmConfigStatus;
}

export type KubeadmConfigTemplateSpec = Static<typeof kubeadmConfigTemplateSpecSchema>;

export interface KubeadmConfigTemplate extends KubeObject {
  spec?: KubeadmConfigTemplateSpec;
}

export type KubeadmControlPlaneSpec = Static<typeof kubeadmControlPlaneSpecSchema>;
export type KubeadmControlPlaneStatus = Static<typeof kubeadmControlPlaneStatusSchema>;

export interface KubeadmControlPlane extends KubeObject {
  spec: KubeadmControlPlaneSpec;
  status?: KubeadmControlPlaneStatus;
}

export type KubeadmControlPlaneTemplateSpec = Static<typeof kubeadmControlPlaneTemplateSpecSchema>;

export interface KubeadmControlPlaneTemplate extends KubeObject {
  spec?: KubeadmControlPlaneTemplateSpec;
}
