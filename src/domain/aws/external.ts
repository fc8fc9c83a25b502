import type { ExternalKind } from '../collect/external.js';

/** On an AWSCluster: whether external resources are collected when it goes. Source: capa api/v1beta2/types.go. */
export const GC_ANNOTATION = 'aws.cluster.x-k8s.io/external-resource-gc';
/** On an AWSCluster: which kinds, comma-separated. */
export const GC_TASKS_ANNOTATION = 'aws.cluster.x-k8s.io/external-resource-tasks-gc';

/** What is collected on AWS. Upstream knows three of these names: load-balancer, target-group, security-group. */
export const EXTERNAL_KINDS: readonly ExternalKind[] = [
  // first, so that no name points at a balancer that somebody else could have next
  { name: 'dns-record', wave: 0 },
  { name: 'load-balancer', wave: 1 },
  { name: 'target-group', wave: 2 },
  { name: 'network-interface', wave: 2 },
  { name: 'security-group', wave: 3 },
  { name: 'elastic-ip', wave: 4 },
  { name: 'ebs-volume', wave: 4, data: true, claims: true },
  { name: 'ebs-snapshot', wave: 4, data: true },
  { name: 'log-group', wave: 4, data: true },
];
