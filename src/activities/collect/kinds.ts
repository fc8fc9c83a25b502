import type { ResourceKind } from '../../api/types/meta.js';

const kind = (group: string, version: string, name: string, plural: string, namespaced = true): ResourceKind => ({
  group,
  version,
  kind: name,
  plural,
  namespaced,
});

/** What stands for resources in the cloud inside a workload cluster, and what keeps more of it from being made. */
export const WORKLOAD = {
  Service: kind('', 'v1', 'Service', 'services'),
  Ingress: kind('networking.k8s.io', 'v1', 'Ingress', 'ingresses'),
  Gateway: kind('gateway.networking.k8s.io', 'v1', 'Gateway', 'gateways'),
  TargetGroupBinding: kind('elbv2.k8s.aws', 'v1beta1', 'TargetGroupBinding', 'targetgroupbindings'),
  PersistentVolume: kind('', 'v1', 'PersistentVolume', 'persistentvolumes', false),
  PersistentVolumeClaim: kind('', 'v1', 'PersistentVolumeClaim', 'persistentvolumeclaims'),
  VolumeSnapshotContent: kind(
    'snapshot.storage.k8s.io',
    'v1',
    'VolumeSnapshotContent',
    'volumesnapshotcontents',
    false,
  ),
  ValidatingAdmissionPolicy: kind(
    'admissionregistration.k8s.io',
    'v1',
    'ValidatingAdmissionPolicy',
    'validatingadmissionpolicies',
    false,
  ),
  ValidatingAdmissionPolicyBinding: kind(
    'admissionregistration.k8s.io',
    'v1',
    'ValidatingAdmissionPolicyBinding',
    'validatingadmissionpolicybindings',
    false,
  ),
} as const satisfies Record<string, ResourceKind>;
