import { describe, expect, test } from '@jest/globals';
import { parseAllDocuments } from 'yaml';
import { run } from '../../../test/helpers/run-cli.js';
import type { KubeObject } from '../../api/types/meta.js';
import { components } from './init.js';

interface Role extends KubeObject {
  readonly rules?: readonly { readonly apiGroups: string[]; readonly resources: string[]; readonly verbs: string[] }[];
}

describe('init --dry-run', () => {
  test('prints manifests that are valid YAML, each with kind, name and the labels clusterctl looks for', async () => {
    const { code, stdout } = await run('init', '--dry-run');
    expect(code).toBe(0);
    const docs = parseAllDocuments(stdout);
    for (const doc of docs) expect(doc.errors).toEqual([]);
    const objects = docs.map((doc) => doc.toJS() as KubeObject);
    expect(objects.length).toBeGreaterThan(20);
    for (const { apiVersion, kind, metadata } of objects) {
      expect(apiVersion).toMatch(/^v1$|\/v1$/);
      expect(kind).not.toBe('');
      expect(metadata.labels).toMatchObject({
        'clusterctl.cluster.x-k8s.io': '',
        'cluster.x-k8s.io/provider': expect.stringMatching(/^[a-z-]+$/),
      });
    }
    const names = objects.map((o) => `${o.kind} ${o.metadata.name}`);
    expect(new Set(names).size).toBe(names.length);
    expect(names).toEqual(
      expect.arrayContaining([
        'Namespace perdure-system',
        'ServiceAccount perdure',
        'ClusterRole perdure-manager',
        'ClusterRole perdure-aggregated',
        'ClusterRoleBinding perdure',
        'Service perdure-webhook-service',
        'MutatingWebhookConfiguration perdure-mutating-webhook-configuration',
        'ValidatingWebhookConfiguration perdure-validating-webhook-configuration',
        'CustomResourceDefinition clusters.cluster.x-k8s.io',
      ]),
    );
    expect(JSON.parse((await run('init', '--dry-run', '-o', 'json')).stdout)).toEqual(objects);
  });

  test('grants what Perdure touches, and no wildcard verbs or groups', () => {
    const roles = components(undefined).filter((o) => o.kind === 'ClusterRole') as Role[];
    const rules = roles.flatMap((r) => r.rules ?? []);
    for (const { verbs, apiGroups } of rules) expect([...verbs, ...apiGroups]).not.toContain('*');
    const granted = rules.flatMap((r) => r.apiGroups.flatMap((g) => r.resources.map((x) => `${g}/${x}`)));
    expect(granted).toEqual(
      expect.arrayContaining(['cluster.x-k8s.io/*', '/secrets', '/events', 'coordination.k8s.io/leases']),
    );
  });

  test('keeps the labels that objects have of their own', () => {
    const objects = components(undefined);
    const labels = (name: string) => objects.find((o) => o.metadata.name === name)?.metadata.labels;
    expect(labels('perdure-manager')).toMatchObject({ 'cluster.x-k8s.io/aggregate-to-manager': 'true' });
    expect(labels('awsclusters.infrastructure.cluster.x-k8s.io')).toMatchObject({
      'cluster.x-k8s.io/provider': 'infrastructure-aws',
    });
    expect(labels('perdure-system')).toMatchObject({ 'cluster.x-k8s.io/provider': 'perdure' });
  });

  test('sends conversion and admission to a URL when there is one', () => {
    const text = JSON.stringify(components({ url: 'https://hooks:9443', caBundle: 'Q0E=' }));
    expect(text).toContain('"url":"https://hooks:9443/convert"');
    expect(text).not.toContain('"service":{');
  });
});
