import { expect, test } from '@jest/globals';
import { readPath } from '../../domain/contract.js';
import { rbacManifests } from './rbac.js';

test('roles of other providers reach Perdure by aggregation, as the contract says', () => {
  const all = rbacManifests();
  const named = (kind: string, name: string) => all.find((o) => o.kind === kind && o.metadata.name === name);
  const label = { 'cluster.x-k8s.io/aggregate-to-manager': 'true' };
  expect(named('ClusterRole', 'perdure-manager')?.metadata.labels).toEqual(label);
  const selectors = readPath(named('ClusterRole', 'perdure-aggregated'), 'aggregationRule.clusterRoleSelectors');
  expect(selectors).toEqual([{ matchLabels: label }]);
  expect(readPath(named('ClusterRoleBinding', 'perdure'), 'roleRef.name')).toBe('perdure-aggregated');
  expect(readPath(named('ClusterRoleBinding', 'perdure'), 'subjects.0')).toMatchObject({
    kind: 'ServiceAccount',
    name: 'perdure',
  });
});

test('no rule reaches beyond what Perdure touches', () => {
  const rules = readPath(rbacManifests(), '1.rules') as { apiGroups: string[]; resources: string[]; verbs: string[] }[];
  expect(rules.flatMap((r) => r.apiGroups).filter((g) => g === '*')).toEqual([]);
  expect(rules.flatMap((r) => r.verbs)).not.toContain('*');
  expect(rules.filter((r) => r.apiGroups.includes('')).flatMap((r) => r.resources)).not.toContain('pods');
});
