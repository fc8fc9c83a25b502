import { describe, expect, test } from '@jest/globals';
import type { Static, TSchema } from '@sinclair/typebox';
import { Ajv, type ValidateFunction } from 'ajv';
import { awsDefinitions } from '../../crd/aws-definitions.js';
import { crdManifest, DEFAULT_CLIENT_CONFIG, plainSchema } from '../../crd/generate.js';
import type {
  AWSClusterControllerIdentity,
  AWSClusterRoleIdentity,
  AWSClusterSpec,
  AWSClusterStaticIdentity,
  AWSClusterStatus,
  AWSClusterTemplate,
  AWSMachinePoolSpec,
  AWSMachinePoolStatus,
  AWSMachineSpec,
  AWSMachineStatus,
  AWSMachineTemplate,
} from '../../types/aws.js';
import { KINDS } from '../../types/kinds.js';
import { AWS_CLUSTER, type AWS_CLUSTER_TEMPLATE } from './aws-cluster.js';
import {
  type AWS_CLUSTER_CONTROLLER_IDENTITY,
  AWS_CLUSTER_ROLE_IDENTITY,
  AWS_CLUSTER_STATIC_IDENTITY,
} from './aws-identity.js';
import { AWS_MACHINE, AWS_MACHINE_TEMPLATE } from './aws-machine.js';
import { AWS_MACHINE_POOL } from './aws-machine-pool.js';

type Json = Record<string, unknown>;

/** The hand-written types and the schemas are checked against each other by the compiler: what one writes, the other takes. */
type Takes<Schema, Type> = [Type] extends [Schema] ? true : never;
const agree: readonly true[] = [
  true satisfies Takes<Static<typeof AWS_CLUSTER.spec>, AWSClusterSpec>,
  true satisfies Takes<Static<typeof AWS_CLUSTER.status>, AWSClusterStatus>,
  true satisfies Takes<Static<typeof AWS_CLUSTER_TEMPLATE.spec>, AWSClusterTemplate['spec']>,
  true satisfies Takes<Static<typeof AWS_MACHINE.spec>, AWSMachineSpec>,
  true satisfies Takes<Static<typeof AWS_MACHINE.status>, AWSMachineStatus>,
  true satisfies Takes<Static<typeof AWS_MACHINE_POOL.spec>, AWSMachinePoolSpec>,
  true satisfies Takes<Static<typeof AWS_MACHINE_POOL.status>, AWSMachinePoolStatus>,
  true satisfies Takes<Static<typeof AWS_MACHINE_TEMPLATE.spec>, AWSMachineTemplate['spec']>,
  true satisfies Takes<Static<typeof AWS_MACHINE_TEMPLATE.status>, NonNullable<AWSMachineTemplate['status']>>,
  true satisfies Takes<
    Static<typeof AWS_CLUSTER_CONTROLLER_IDENTITY.spec>,
    NonNullable<AWSClusterControllerIdentity['spec']>
  >,
  true satisfies Takes<Static<typeof AWS_CLUSTER_ROLE_IDENTITY.spec>, AWSClusterRoleIdentity['spec']>,
  true satisfies Takes<Static<typeof AWS_CLUSTER_STATIC_IDENTITY.spec>, AWSClusterStaticIdentity['spec']>,
  true satisfies Takes<AWSMachineSpec, Static<typeof AWS_MACHINE.spec>>,
  true satisfies Takes<AWSClusterSpec, Static<typeof AWS_CLUSTER.spec>>,
];

/** Each schema with its path, depth first. */
function nodes(schema: Json, path: string): [string, Json][] {
  const properties = Object.entries((schema['properties'] ?? {}) as Record<string, Json>);
  return [
    [path, schema],
    ...properties.flatMap(([name, part]) => nodes(part, `${path}.${name}`)),
    ...(schema['items'] ? nodes(schema['items'] as Json, `${path}[]`) : []),
    ...(schema['additionalProperties'] ? nodes(schema['additionalProperties'] as Json, `${path}{}`) : []),
  ];
}

function allNodes(): [string, Json][] {
  return awsDefinitions.flatMap(({ kind, versions }) =>
    versions.flatMap(({ spec, status }) => [
      ...nodes(plainSchema(spec), `${kind}.spec`),
      ...(status ? nodes(plainSchema(status), `${kind}.status`) : []),
    ]),
  );
}

const ajv = new Ajv({ strict: false, validateFormats: false });
const compiled = new Map<TSchema, ValidateFunction>();

function accepts(schema: TSchema, value: unknown): boolean {
  const known = compiled.get(schema) ?? ajv.compile(plainSchema(schema));
  compiled.set(schema, known);
  return known(value) as boolean;
}

describe('schemas of the AWS kinds', () => {
  test('agree with the hand-written types', () => {
    expect(agree.every(Boolean)).toBe(true);
  });

  test('are structural: every field has a type, lists have items, objects say what is in them', () => {
    const bad = allNodes().filter(([, schema]) => {
      if (schema['x-kubernetes-int-or-string'] === true) return false;
      if (schema['type'] === 'array') return schema['items'] === undefined;
      if (schema['type'] === 'object')
        return schema['properties'] === undefined && schema['additionalProperties'] === undefined;
      return !['string', 'integer', 'boolean'].includes(String(schema['type']));
    });
    expect(bad.map(([path]) => path)).toEqual([]);
  });

  test('explain every field', () => {
    const silent = allNodes().filter(
      ([path, schema]) => !path.endsWith('{}') && typeof schema['description'] !== 'string',
    );
    expect(silent.map(([path]) => path)).toEqual([]);
  });

  test('have exactly these defaults, since a new stored default can break what exists', () => {
    const defaults = allNodes()
      .filter(
        ([path, schema]) =>
          'default' in schema && /^AWS(Cluster|Machine)\./.test(path) && !path.includes('.status.bastion'),
      )
      .map(([path, schema]) => `${path} = ${String(schema['default'])}`);
    expect(defaults.sort()).toEqual(
      [
        ...['controlPlaneLoadBalancer', 'secondaryControlPlaneLoadBalancer'].flatMap((lb) => [
          `AWSCluster.spec.${lb}.additionalListeners[].protocol = TCP`,
        ]),
        'AWSCluster.spec.controlPlaneLoadBalancer.loadBalancerType = classic',
        'AWSCluster.spec.controlPlaneLoadBalancer.scheme = internet-facing',
        'AWSCluster.spec.secondaryControlPlaneLoadBalancer.loadBalancerType = nlb',
        'AWSCluster.spec.secondaryControlPlaneLoadBalancer.scheme = internal',
        'AWSCluster.spec.network.vpc.availabilityZoneSelection = Ordered',
        'AWSCluster.spec.network.vpc.availabilityZoneUsageLimit = 3',
        'AWSCluster.spec.network.vpc.subnetSchema = PreferPrivate',
        'AWSCluster.status.ready = false',
        'AWSMachine.spec.hostAffinity = default',
        'AWSMachine.spec.ignition.storageType = ClusterObjectStore',
        'AWSMachine.spec.instanceMetadataOptions.httpEndpoint = enabled',
        'AWSMachine.spec.instanceMetadataOptions.httpProtocolIpv6 = disabled',
        'AWSMachine.spec.instanceMetadataOptions.httpPutResponseHopLimit = 1',
        'AWSMachine.spec.instanceMetadataOptions.httpTokens = optional',
        'AWSMachine.spec.instanceMetadataOptions.instanceMetadataTags = disabled',
      ].sort(),
    );
  });

  test('of templates have no rule that compares with the stored object: a topology controller may dry-run changes', () => {
    const rules = allNodes()
      .filter(([path]) => path.includes('Template.'))
      .flatMap(([, schema]) => (schema['x-kubernetes-validations'] ?? []) as { rule: string }[]);
    expect(rules.filter(({ rule }) => rule.includes('oldSelf'))).toEqual([]);
  });

  test.each<[string, TSchema, unknown, boolean]>([
    ['a load balancer name', AWS_CLUSTER.spec, { controlPlaneLoadBalancer: { name: 'a-b' } }, true],
    [
      'a load balancer name with a hyphen at the end',
      AWS_CLUSTER.spec,
      { controlPlaneLoadBalancer: { name: 'a-' } },
      false,
    ],
    ['a long load balancer name', AWS_CLUSTER.spec, { controlPlaneLoadBalancer: { name: 'a'.repeat(33) } }, false],
    ['an unknown load balancer type', AWS_CLUSTER.spec, { controlPlaneLoadBalancer: { loadBalancerType: 'x' } }, false],
    [
      'a slow health check',
      AWS_CLUSTER.spec,
      { controlPlaneLoadBalancer: { healthCheck: { intervalSeconds: 301 } } },
      false,
    ],
    ['a subnet without id', AWS_CLUSTER.spec, { network: { subnets: [{}] } }, false],
    ['no zones', AWS_CLUSTER.spec, { network: { vpc: { availabilityZoneUsageLimit: 0 } } }, false],
    ['IPv6 by presence', AWS_CLUSTER.spec, { network: { vpc: { ipv6: {} } } }, true],
    [
      'a rule without description',
      AWS_CLUSTER.spec,
      { network: { additionalNodeIngressRules: [{ protocol: 'tcp', fromPort: 1, toPort: 1 }] } },
      false,
    ],
    [
      'an unknown protocol',
      AWS_CLUSTER.spec,
      { network: { additionalNodeIngressRules: [{ description: '', protocol: 'x', fromPort: 1, toPort: 1 }] } },
      false,
    ],
    ['a bucket name in capitals', AWS_CLUSTER.spec, { s3Bucket: { name: 'Bucket' } }, false],
    ['an identity of another kind', AWS_CLUSTER.spec, { identityRef: { kind: 'Secret', name: 'a' } }, false],
    ['no instance type', AWS_MACHINE.spec, {}, false],
    ['a short instance type', AWS_MACHINE.spec, { instanceType: 'm' }, false],
    ['a small volume', AWS_MACHINE.spec, { instanceType: 'm5.large', rootVolume: { size: 7 } }, false],
    [
      'three network interfaces',
      AWS_MACHINE.spec,
      { instanceType: 'm5.large', networkInterfaces: ['a', 'b', 'c'] },
      false,
    ],
    ['partition eight', AWS_MACHINE.spec, { instanceType: 'm5.large', placementGroupPartition: 8 }, false],
    ['a host id', AWS_MACHINE.spec, { instanceType: 'm5.large', hostID: 'h-0123456789abcdef0' }, true],
    ['a bad host id', AWS_MACHINE.spec, { instanceType: 'm5.large', hostID: 'h-1' }, false],
    ['empty CPU options', AWS_MACHINE.spec, { instanceType: 'm5.large', cpuOptions: {} }, false],
    [
      'an unknown Ignition version',
      AWS_MACHINE.spec,
      { instanceType: 'm5.large', ignition: { version: '1.0' } },
      false,
    ],
    ['a pool without launch template', AWS_MACHINE_POOL.spec, { minSize: 1, maxSize: 2 }, false],
    ['a pool', AWS_MACHINE_POOL.spec, { minSize: 0, maxSize: 2, awsLaunchTemplate: {} }, true],
    ['a pool of at most none', AWS_MACHINE_POOL.spec, { minSize: 0, maxSize: 0, awsLaunchTemplate: {} }, false],
    ['a short role session', AWS_CLUSTER_ROLE_IDENTITY.spec, { roleARN: 'a', durationSeconds: 899 }, false],
    ['no secret', AWS_CLUSTER_STATIC_IDENTITY.spec, {}, false],
    ['capacity as number and text', AWS_MACHINE_TEMPLATE.status, { capacity: { cpu: 2, memory: '4Gi' } }, true],
    ['capacity that is none', AWS_MACHINE_TEMPLATE.status, { capacity: { cpu: 'two' } }, false],
  ])('judge %s', (_, schema, value, expected) => {
    expect(accepts(schema, value)).toBe(expected);
  });
});

describe('definitions of the AWS kinds', () => {
  test('cover every AWS kind with upstream short names', () => {
    const names = Object.fromEntries(awsDefinitions.map((d) => [d.kind, d.shortNames]));
    expect(names).toEqual({
      AWSCluster: ['awsc'],
      AWSClusterTemplate: ['awsct'],
      AWSMachine: ['awsm'],
      AWSMachineTemplate: ['awsmt'],
      AWSMachinePool: ['awsmp'],
      AWSClusterControllerIdentity: ['awsci'],
      AWSClusterRoleIdentity: ['awsri'],
      AWSClusterStaticIdentity: ['awssi'],
    });
    const known = Object.keys(KINDS).filter((kind) => kind.startsWith('AWS'));
    expect(Object.keys(names).sort()).toEqual(known.sort());
  });

  test('serve one version that fulfils both contracts, without conversion', () => {
    for (const definition of awsDefinitions) {
      const manifest = crdManifest(definition, DEFAULT_CLIENT_CONFIG);
      expect(manifest.metadata.labels).toMatchObject({
        'cluster.x-k8s.io/v1beta1': 'v1beta2',
        'cluster.x-k8s.io/v1beta2': 'v1beta2',
        'cluster.x-k8s.io/provider': 'infrastructure-aws',
      });
      expect(manifest.spec['conversion']).toBeUndefined();
      expect(manifest.spec['versions']).toEqual([
        expect.objectContaining({ name: 'v1beta2', served: true, storage: true }),
      ]);
    }
  });
});
