import type { KubeObject } from '../../api/types/meta.js';

const NAMESPACE = 'perdure-system';
const ALL = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete'];

/** Rules of Perdure's processes; other providers' kinds come by aggregation, as upstream's contract says. */
const RULES = [
  {
    apiGroups: [
      'cluster.x-k8s.io',
      'bootstrap.cluster.x-k8s.io',
      'controlplane.cluster.x-k8s.io',
      'infrastructure.cluster.x-k8s.io',
    ],
    resources: ['*'],
    verbs: ALL,
  },
  { apiGroups: [''], resources: ['secrets', 'configmaps', 'events'], verbs: ALL },
  { apiGroups: [''], resources: ['namespaces'], verbs: ['get', 'list', 'watch'] },
  { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ALL },
  { apiGroups: ['apiextensions.k8s.io'], resources: ['customresourcedefinitions'], verbs: ['get', 'list', 'watch'] },
];

/** Service account, role and binding of Perdure, with the label upstream aggregates third-party provider roles by. */
export function rbacManifests(): (KubeObject & Record<string, unknown>)[] {
  const rbac = 'rbac.authorization.k8s.io';
  const bind = (name: string, role: string) => ({
    apiVersion: `${rbac}/v1`,
    kind: 'ClusterRoleBinding',
    metadata: { name },
    roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: role },
    subjects: [{ kind: 'ServiceAccount', name: 'perdure', namespace: NAMESPACE }],
  });
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'perdure', namespace: NAMESPACE } },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'ClusterRole',
      metadata: { name: 'perdure-manager', labels: { 'cluster.x-k8s.io/aggregate-to-manager': 'true' } },
      rules: RULES,
    },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'ClusterRole',
      metadata: { name: 'perdure-aggregated' },
      aggregationRule: { clusterRoleSelectors: [{ matchLabels: { 'cluster.x-k8s.io/aggregate-to-manager': 'true' } }] },
    },
    bind('perdure', 'perdure-aggregated'),
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'perdure-webhook-service', namespace: NAMESPACE },
      spec: { ports: [{ port: 443, targetPort: 9443 }], selector: { 'app.kubernetes.io/name': 'perdure-webhooks' } },
    },
  ];
}
