import type { ResourceKind } from './meta.js';

const namespaced = (group: string, version: string, kind: string, plural: string): ResourceKind => ({
  group,
  version,
  kind,
  plural,
  namespaced: true,
});
const clusterScoped = (group: string, version: string, kind: string, plural: string): ResourceKind => ({
  group,
  version,
  kind,
  plural,
  namespaced: false,
});

export const CORE_GROUP = 'cluster.x-k8s.io';
export const BOOTSTRAP_GROUP = 'bootstrap.cluster.x-k8s.io';
export const CONTROL_PLANE_GROUP = 'controlplane.cluster.x-k8s.io';
export const INFRASTRUCTURE_GROUP = 'infrastructure.cluster.x-k8s.io';

/** The kinds Perdure serves, at the version it stores and works with, plus the built-in ones it touches. */
export const KINDS = {
  Cluster: namespaced(CORE_GROUP, 'v1beta2', 'Cluster', 'clusters'),
  Machine: namespaced(CORE_GROUP, 'v1beta2', 'Machine', 'machines'),
  MachineSet: namespaced(CORE_GROUP, 'v1beta2', 'MachineSet', 'machinesets'),
  MachineDeployment: namespaced(CORE_GROUP, 'v1beta2', 'MachineDeployment', 'machinedeployments'),
  MachinePool: namespaced(CORE_GROUP, 'v1beta2', 'MachinePool', 'machinepools'),
  MachineDrainRule: namespaced(CORE_GROUP, 'v1beta2', 'MachineDrainRule', 'machinedrainrules'),
  MachineHealthCheck: namespaced(CORE_GROUP, 'v1beta2', 'MachineHealthCheck', 'machinehealthchecks'),
  KubeadmConfig: namespaced(BOOTSTRAP_GROUP, 'v1beta2', 'KubeadmConfig', 'kubeadmconfigs'),
  KubeadmConfigTemplate: namespaced(BOOTSTRAP_GROUP, 'v1beta2', 'KubeadmConfigTemplate', 'kubeadmconfigtemplates'),
  KubeadmControlPlane: namespaced(CONTROL_PLANE_GROUP, 'v1beta2', 'KubeadmControlPlane', 'kubeadmcontrolplanes'),
  KubeadmControlPlaneTemplate: namespaced(
    CONTROL_PLANE_GROUP,
    'v1beta2',
    'KubeadmControlPlaneTemplate',
    'kubeadmcontrolplanetemplates',
  ),
  AWSCluster: namespaced(INFRASTRUCTURE_GROUP, 'v1beta2', 'AWSCluster', 'awsclusters'),
  AWSClusterTemplate: namespaced(INFRASTRUCTURE_GROUP, 'v1beta2', 'AWSClusterTemplate', 'awsclustertemplates'),
  AWSMachine: namespaced(INFRASTRUCTURE_GROUP, 'v1beta2', 'AWSMachine', 'awsmachines'),
  AWSMachineTemplate: namespaced(INFRASTRUCTURE_GROUP, 'v1beta2', 'AWSMachineTemplate', 'awsmachinetemplates'),
  AWSMachinePool: namespaced(INFRASTRUCTURE_GROUP, 'v1beta2', 'AWSMachinePool', 'awsmachinepools'),
  AWSClusterControllerIdentity: clusterScoped(
    INFRASTRUCTURE_GROUP,
    'v1beta2',
    'AWSClusterControllerIdentity',
    'awsclustercontrolleridentities',
  ),
  AWSClusterRoleIdentity: clusterScoped(
    INFRASTRUCTURE_GROUP,
    'v1beta2',
    'AWSClusterRoleIdentity',
    'awsclusterroleidentities',
  ),
  AWSClusterStaticIdentity: clusterScoped(
    INFRASTRUCTURE_GROUP,
    'v1beta2',
    'AWSClusterStaticIdentity',
    'awsclusterstaticidentities',
  ),
  Secret: namespaced('', 'v1', 'Secret', 'secrets'),
  ConfigMap: namespaced('', 'v1', 'ConfigMap', 'configmaps'),
  Namespace: clusterScoped('', 'v1', 'Namespace', 'namespaces'),
  Node: clusterScoped('', 'v1', 'Node', 'nodes'),
  Pod: namespaced('', 'v1', 'Pod', 'pods'),
  PersistentVolume: clusterScoped('', 'v1', 'PersistentVolume', 'persistentvolumes'),
  VolumeAttachment: clusterScoped('storage.k8s.io', 'v1', 'VolumeAttachment', 'volumeattachments'),
  Event: namespaced('', 'v1', 'Event', 'events'),
  DaemonSet: namespaced('apps', 'v1', 'DaemonSet', 'daemonsets'),
  Deployment: namespaced('apps', 'v1', 'Deployment', 'deployments'),
  ClusterRole: clusterScoped('rbac.authorization.k8s.io', 'v1', 'ClusterRole', 'clusterroles'),
  ClusterRoleBinding: clusterScoped('rbac.authorization.k8s.io', 'v1', 'ClusterRoleBinding', 'clusterrolebindings'),
  Lease: namespaced('coordination.k8s.io', 'v1', 'Lease', 'leases'),
  CustomResourceDefinition: clusterScoped(
    'apiextensions.k8s.io',
    'v1',
    'CustomResourceDefinition',
    'customresourcedefinitions',
  ),
} as const satisfies Record<string, ResourceKind>;

/** `group/version`, or just the version for the core group. */
export function apiVersionOf(kind: ResourceKind): string {
  return kind.group === '' ? kind.version : `${kind.group}/${kind.version}`;
}
