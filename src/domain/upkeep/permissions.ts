import { apiVersionOf, KINDS } from '../../api/types/kinds.js';
import type { KubeObject } from '../../api/types/meta.js';
import { parseKubernetesVersion } from '../bootstrap/kubeadm-version.js';

const RBAC = 'rbac.authorization.k8s.io';

export interface ClusterRole extends KubeObject {
  rules: { apiGroups: string[]; resources: string[]; verbs: string[] }[];
}

export interface ClusterRoleBinding extends KubeObject {
  roleRef: { apiGroup: string; kind: string; name: string };
  subjects: { apiGroup: string; kind: 'Group' | 'User'; name: string }[];
}

function binding(name: string, role: string, kind: 'Group' | 'User', subject: string): ClusterRoleBinding {
  return {
    apiVersion: apiVersionOf(KINDS.ClusterRoleBinding),
    kind: 'ClusterRoleBinding',
    metadata: { name },
    roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name: role },
    subjects: [{ apiGroup: RBAC, kind, name: subject }],
  };
}

const GET_NODES = 'kubeadm:get-nodes';
const getNodes: ClusterRole = {
  apiVersion: apiVersionOf(KINDS.ClusterRole),
  kind: 'ClusterRole',
  metadata: { name: GET_NODES },
  rules: [{ apiGroups: [''], resources: ['nodes'], verbs: ['get'] }],
};

/**
 * What kubeadm has made since some minor, and `kubeadm upgrade` would add to an older cluster: needed up to and including that minor, and before it
 * since kubeadm's patch releases may bring it earlier. Source: capi EnsureKubeadmPermissions; kubeadm phases/bootstraptoken/node, kubeconfig.
 */
const SINCE: readonly { readonly minor: number; readonly object: ClusterRoleBinding }[] = [
  {
    minor: 29,
    object: binding('kubeadm:cluster-admins', 'cluster-admin', 'Group', 'kubeadm:cluster-admins'),
  },
  {
    minor: 37,
    object: binding(
      'kubeadm:apiserver-kubelet-client',
      'system:kubelet-api-admin',
      'User',
      'kube-apiserver-kubelet-client',
    ),
  },
];

/** Roles and bindings that machines of `version` need to join a cluster which an older kubeadm made. `object` names the control plane in errors. */
export function kubeadmPermissions(object: string, version: string): (ClusterRole | ClusterRoleBinding)[] {
  const { minor } = parseKubernetesVersion(object, 'spec.version', version);
  return [
    // every joining machine looks whether its node is there already
    getNodes,
    binding(GET_NODES, GET_NODES, 'Group', 'system:bootstrappers:kubeadm:default-node-token'),
    ...SINCE.filter((s) => minor <= s.minor).map((s) => s.object),
  ];
}

const ENDPOINT_SLICES = { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['list', 'watch'] };

/** The role of CoreDNS with the permission to watch EndpointSlices, which it needs since 1.8.1; undefined when it has it. */
export function withEndpointSlices(role: ClusterRole): ClusterRole | undefined {
  const has = (role.rules ?? []).some(
    (rule) =>
      rule.apiGroups?.some((g) => g === 'discovery.k8s.io' || g === '*') &&
      rule.resources?.some((r) => r === 'endpointslices' || r === '*') &&
      ENDPOINT_SLICES.verbs.every((v) => rule.verbs?.some((w) => w === v || w === '*')),
  );
  return has ? undefined : { ...role, rules: [...(role.rules ?? []), ENDPOINT_SLICES] };
}
