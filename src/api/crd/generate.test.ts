import { describe, expect, test } from '@jest/globals';
import { definitions } from './definitions.js';
import { crdFileName, crdManifest, crdYaml, DEFAULT_CLIENT_CONFIG } from './generate.js';

type Node = Record<string, unknown>;
interface Version {
  name: string;
  served: boolean;
  storage: boolean;
  additionalPrinterColumns?: { name: string }[];
  schema: { openAPIV3Schema: Node };
  subresources: Node;
}

const manifests = definitions.map((d) => crdManifest(d, DEFAULT_CLIENT_CONFIG));
const versionsOf = (manifest: (typeof manifests)[number]): Version[] => manifest.spec['versions'] as Version[];
const byName = (name: string): (typeof manifests)[number] => {
  const found = manifests.find((m) => m.metadata.name === name);
  if (!found) throw new Error(`no CRD ${name}`);
  return found;
};

/** Every schema inside a schema, with its path. */
function* nodes(schema: Node, path = ''): Generator<[string, Node]> {
  yield [path, schema];
  for (const [name, child] of Object.entries((schema['properties'] as Record<string, Node> | undefined) ?? {})) {
    yield* nodes(child, `${path}.${name}`);
  }
  for (const key of ['items', 'additionalProperties']) {
    if (typeof schema[key] === 'object') yield* nodes(schema[key] as Node, `${path}[]`);
  }
}

const schemas = manifests.flatMap((m) =>
  versionsOf(m).map((v) => [`${m.metadata.name} ${v.name}`, v.schema.openAPIV3Schema] as const),
);

describe('the CRDs', () => {
  test.each(schemas)(
    '%s: every field has a type and a description, and nothing is left open by accident',
    (_name, schema) => {
      for (const [path, node] of nodes(schema)) {
        expect(node).not.toHaveProperty('$ref');
        const open =
          node['x-kubernetes-preserve-unknown-fields'] === true || node['x-kubernetes-int-or-string'] === true;
        if (!open && typeof node['type'] !== 'string') throw new Error(`${path} has no type`);
        const described = typeof node['description'] === 'string' || path === '.metadata' || path.endsWith('[]');
        if (!described) throw new Error(`${path} has no description`);
        if (
          node['type'] === 'object' &&
          !node['properties'] &&
          !node['additionalProperties'] &&
          !open &&
          path !== '.metadata'
        ) {
          throw new Error(`${path} is an object of nothing`);
        }
      }
    },
  );

  test.each(schemas)('%s: the items of map-like lists have their keys', (_name, schema) => {
    for (const [path, node] of nodes(schema)) {
      const keys = (node['x-kubernetes-list-map-keys'] as string[] | undefined) ?? [];
      const item = node['items'] as { required?: string[]; properties?: Record<string, Node> } | undefined;
      for (const key of keys) {
        const known = item?.required?.includes(key) || item?.properties?.[key]?.['default'] !== undefined;
        if (!known) throw new Error(`${path}: key ${key} is not required`);
      }
    }
  });

  test('store one version, serve v1beta1 as deprecated where it exists', () => {
    for (const manifest of manifests) {
      const versions = versionsOf(manifest);
      expect(versions.filter((v) => v.storage).map((v) => v.name)).toEqual(['v1beta2']);
      expect(versions.every((v) => v.served)).toBe(true);
      expect(manifest.spec).toHaveProperty('names.categories', ['cluster-api']);
    }
  });

  test('ask the webhook only where versions differ', () => {
    const asked = manifests.filter((m) => 'conversion' in m.spec).map((m) => m.metadata.name);
    expect(asked).toEqual(manifests.filter((m) => versionsOf(m).length > 1).map((m) => m.metadata.name));
    expect(byName('clusters.cluster.x-k8s.io').spec['conversion']).toEqual({
      strategy: 'Webhook',
      webhook: {
        clientConfig: { service: { name: 'perdure-webhook-service', namespace: 'perdure-system', path: '/convert' } },
        conversionReviewVersions: ['v1'],
      },
    });
  });

  test('carry the labels by which Cluster API finds contract versions', () => {
    expect(byName('clusters.cluster.x-k8s.io').metadata.labels).toEqual({
      'cluster.x-k8s.io/provider': 'cluster-api',
      'clusterctl.cluster.x-k8s.io': '',
    });
    expect(byName('kubeadmcontrolplanes.controlplane.cluster.x-k8s.io').metadata.labels).toEqual({
      'cluster.x-k8s.io/provider': 'control-plane-kubeadm',
      'cluster.x-k8s.io/v1beta1': 'v1beta1',
      'cluster.x-k8s.io/v1beta2': 'v1beta2',
      'clusterctl.cluster.x-k8s.io': '',
    });
  });

  test.each([
    [
      'clusters.cluster.x-k8s.io',
      'ClusterClass, Available, CP Desired, CP Current, CP Ready, CP Available, CP Up-to-date, W Desired, W Current, W Ready, W Available, W Up-to-date, Paused, Phase, Age, Version',
    ],
    [
      'machines.cluster.x-k8s.io',
      'Cluster, Node Name, Provider ID, Failure domain, Ready, Available, Up-to-date, Internal-IP, External-IP, OS-Image, Paused, Phase, Age, Version',
    ],
    ['machinedrainrules.cluster.x-k8s.io', 'Behavior, Order, Age'],
    ['machinehealthchecks.cluster.x-k8s.io', 'Cluster, Replicas, Healthy, Paused, Age'],
    [
      'machinepools.cluster.x-k8s.io',
      'Cluster, Desired, Current, Ready, Available, Up-to-date, Paused, Phase, Age, Version',
    ],
    ['machinesets.cluster.x-k8s.io', 'Cluster, Desired, Current, Ready, Available, Up-to-date, Paused, Age, Version'],
  ])('%s shows the columns of upstream in their order', (name, columns) => {
    const version = versionsOf(byName(name)).find((v) => v.storage);
    expect(version?.additionalPrinterColumns?.map((c) => c.name).join(', ')).toBe(columns);
  });

  test('can be scaled where upstream can, with selector but for pools', () => {
    const scalable = manifests.filter((m) => versionsOf(m).every((v) => 'scale' in v.subresources));
    expect(scalable.map((m) => m.metadata.name).sort()).toEqual([
      'kubeadmcontrolplanes.controlplane.cluster.x-k8s.io',
      'machinedeployments.cluster.x-k8s.io',
      'machinepools.cluster.x-k8s.io',
      'machinesets.cluster.x-k8s.io',
    ]);
  });

  test('are the same text every time, under a name of their own', () => {
    const first = definitions[0];
    if (!first) throw new Error('there are no definitions');
    const text = (): string => crdYaml(crdManifest(first, DEFAULT_CLIENT_CONFIG));
    expect(text()).toBe(text());
    expect(crdFileName(first)).toBe('cluster.x-k8s.io_clusters.yaml');
    expect(new Set(definitions.map(crdFileName)).size).toBe(definitions.length);
  });

  test('fit into the annotation that kubectl apply writes', () => {
    for (const manifest of manifests) expect(JSON.stringify(manifest).length).toBeLessThan(262_144);
  });
});
