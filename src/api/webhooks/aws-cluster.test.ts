import { describe, expect, test } from '@jest/globals';
import type { AWSCluster, AWSClusterSpec } from '../types/aws.js';
import { defaultAWSCluster, validateAWSCluster } from './aws-cluster.js';
import { DEFAULT_GATES } from './context.js';

const ctx = { dryRun: false, gates: DEFAULT_GATES };
const ignition = { dryRun: false, gates: { ...DEFAULT_GATES, BootstrapFormatIgnition: true } };

function cluster(spec: AWSClusterSpec, annotations: Record<string, string> = {}): AWSCluster {
  return {
    apiVersion: 'infrastructure.cluster.x-k8s.io/v1beta2',
    kind: 'AWSCluster',
    metadata: { name: 'c', namespace: 'ns', annotations },
    spec,
  };
}

/** `path: part of the message` of each error. */
function errorsOf(spec: AWSClusterSpec, context = ctx): string[] {
  return validateAWSCluster(defaultAWSCluster(cluster(spec)), undefined, context).errors.map(
    (e) => `${e.path}: ${e.message}`,
  );
}

const CALICO = [
  { description: 'bgp (calico)', protocol: 'tcp', fromPort: 179, toPort: 179 },
  { description: 'IP-in-IP (calico)', protocol: '4', fromPort: -1, toPort: 65_535 },
];

describe('defaults of AWSCluster', () => {
  test('an empty spec gets Calico rules, the identity of the controller and a classic internet-facing load balancer', () => {
    expect(defaultAWSCluster(cluster({})).spec).toEqual({
      network: { cni: { cniIngressRules: CALICO } },
      identityRef: { kind: 'AWSClusterControllerIdentity', name: 'default' },
      controlPlaneLoadBalancer: { scheme: 'internet-facing', loadBalancerType: 'classic' },
    });
  });

  test('a missing spec is made', () => {
    const { spec: _, ...bare } = cluster({});
    expect(defaultAWSCluster(bare as AWSCluster).spec.identityRef?.name).toBe('default');
  });

  test('an empty network plug-in block means no rules', () => {
    expect(defaultAWSCluster(cluster({ network: { cni: {} } })).spec.network?.cni).toEqual({});
  });

  test('what is given stays', () => {
    const spec: AWSClusterSpec = {
      identityRef: { kind: 'AWSClusterRoleIdentity', name: 'r' },
      controlPlaneLoadBalancer: { scheme: 'internal', loadBalancerType: 'nlb' },
    };
    expect(defaultAWSCluster(cluster(spec)).spec).toMatchObject(spec);
  });

  test('a second load balancer is an internal network load balancer', () => {
    const spec = defaultAWSCluster(cluster({ secondaryControlPlaneLoadBalancer: { name: 'in' } })).spec;
    expect(spec.secondaryControlPlaneLoadBalancer).toEqual({ name: 'in', scheme: 'internal', loadBalancerType: 'nlb' });
  });
});

const ACCEPTED: [string, AWSClusterSpec][] = [
  ['an empty spec', {}],
  ['region and key', { region: 'eu-west-1', sshKeyName: 'my key' }],
  ['no key', { sshKeyName: '' }],
  ['tags', { additionalTags: { 'cost/center': 'a b+c-d=e.f:g@h' } }],
  ['a bastion with blocks', { bastion: { enabled: true, allowedCIDRBlocks: ['10.0.0.0/8', '2001:db8::/32'] } }],
  ['a bastion without rules', { bastion: { enabled: true, disableIngressRules: true } }],
];

const REFUSED: [string, AWSClusterSpec, string][] = [
  [
    'a bastion with blocks and without rules',
    { bastion: { disableIngressRules: true, allowedCIDRBlocks: ['10.0.0.0/8'] } },
    'spec.bastion.allowedCIDRBlocks',
  ],
  [
    'a bastion block that is none',
    { bastion: { allowedCIDRBlocks: ['10.0.0.0/8', '10.0.0.0'] } },
    'spec.bastion.allowedCIDRBlocks[1]',
  ],
  ['a key name with a blank in front', { sshKeyName: ' key' }, 'spec.sshKeyName'],
  ['a key name that is not ASCII', { sshKeyName: 'schlüssel' }, 'spec.sshKeyName'],
  ['a tag key reserved by AWS', { additionalTags: { 'aws:x': 'y' } }, 'reserved by AWS'],
  ['a tag key with a bad character', { additionalTags: { 'a*': 'y' } }, 'spec.additionalTags'],
  ['a tag value with a bad character', { additionalTags: { a: 'y!' } }, 'spec.additionalTags'],
  ['an empty tag key', { additionalTags: { '': 'y' } }, 'cannot be empty'],
  ['a long tag key', { additionalTags: { ['k'.repeat(129)]: 'y' } }, '128'],
  ['a long tag value', { additionalTags: { k: 'y'.repeat(257) } }, '256'],
  [
    'too many tags',
    { additionalTags: Object.fromEntries(Array.from({ length: 51 }, (_, i) => [`k${i}`, ''])) },
    'at most 50',
  ],
  [
    'a bucket without the gate',
    { s3Bucket: { name: 'bucket', presignedURLDuration: '1h' } },
    'BootstrapFormatIgnition',
  ],
];

describe('admission of a new AWSCluster', () => {
  test.each(ACCEPTED)('accepts %s', (_, spec) => {
    expect(errorsOf(spec)).toEqual([]);
  });

  test.each(REFUSED)('refuses %s', (_, spec, part) => {
    expect(errorsOf(spec)).toEqual([expect.stringContaining(part)]);
  });

  test('with the gate a bucket needs profiles or presigned URLs, and no address as its name', () => {
    expect(errorsOf({ s3Bucket: { name: 'bucket', presignedURLDuration: '1h' } }, ignition)).toEqual([]);
    expect(errorsOf({ s3Bucket: { name: '10.0.0.1' } }, ignition)).toEqual([
      expect.stringContaining('spec.s3Bucket.name'),
      expect.stringContaining('spec.s3Bucket.controlPlaneIAMInstanceProfile'),
      expect.stringContaining('spec.s3Bucket.nodesIAMInstanceProfiles'),
    ]);
    const profiles = { name: 'bucket', controlPlaneIAMInstanceProfile: 'p', nodesIAMInstanceProfiles: ['n', ''] };
    expect(errorsOf({ s3Bucket: profiles }, ignition)).toEqual([
      expect.stringContaining('nodesIAMInstanceProfiles[1]'),
    ]);
  });

  test('warns of classic load balancers and of their SSL checks', () => {
    const made = defaultAWSCluster(cluster({ controlPlaneLoadBalancer: { healthCheckProtocol: 'SSL' } }));
    expect(validateAWSCluster(made, undefined, ctx).warnings).toEqual([
      expect.stringContaining('deprecated'),
      expect.stringContaining('SSL'),
    ]);
    const nlb = defaultAWSCluster(cluster({ controlPlaneLoadBalancer: { loadBalancerType: 'nlb' } }));
    expect(validateAWSCluster(nlb, undefined, ctx).warnings).toEqual([]);
  });
});

function updateErrors(
  from: AWSClusterSpec,
  to: AWSClusterSpec,
  annotations: [Record<string, string>?, Record<string, string>?] = [],
): string[] {
  const old = defaultAWSCluster(cluster(from, annotations[0]));
  const made = cluster(defaultAWSCluster(cluster(to)).spec, annotations[1]);
  return validateAWSCluster(made, old, ctx).errors.map((e) => `${e.path}: ${e.message}`);
}

const CHANGES: [string, AWSClusterSpec, AWSClusterSpec, string | undefined][] = [
  ['nothing', { region: 'r' }, { region: 'r' }, undefined],
  ['the endpoint being filled in', {}, { controlPlaneEndpoint: { host: 'h', port: 6443 } }, undefined],
  [
    'an empty endpoint being filled in',
    { controlPlaneEndpoint: { host: '', port: 0 } },
    { controlPlaneEndpoint: { host: 'h', port: 6443 } },
    undefined,
  ],
  ['the VPC id being filled in', { network: { vpc: { id: '' } } }, { network: { vpc: { id: 'vpc-1' } } }, undefined],
  ['tags', { additionalTags: { a: 'b' } }, { additionalTags: { c: 'd' } }, undefined],
  [
    'another identity',
    { identityRef: { kind: 'AWSClusterStaticIdentity', name: 'a' } },
    { identityRef: { kind: 'AWSClusterRoleIdentity', name: 'b' } },
    undefined,
  ],
  ['the region', { region: 'r' }, { region: 's' }, 'spec.region'],
  ['the region being removed', { region: 'r' }, {}, 'spec.region'],
  [
    'the endpoint',
    { controlPlaneEndpoint: { host: 'h', port: 6443 } },
    { controlPlaneEndpoint: { host: 'i', port: 6443 } },
    'spec.controlPlaneEndpoint',
  ],
  ['the endpoint being removed', { controlPlaneEndpoint: { host: 'h', port: 6443 } }, {}, 'spec.controlPlaneEndpoint'],
  ['the VPC', { network: { vpc: { id: 'vpc-1' } } }, { network: { vpc: { id: 'vpc-2' } } }, 'spec.network.vpc.id'],
  ['the VPC being removed', { network: { vpc: { id: 'vpc-1' } } }, {}, 'spec.network.vpc.id'],
  ['a bad tag', {}, { additionalTags: { 'aws:x': 'y' } }, 'spec.additionalTags'],
];

describe('change of an AWSCluster', () => {
  test.each(CHANGES)('judges %s', (_, from, to, part) => {
    expect(updateErrors(from, to)).toEqual(part === undefined ? [] : [expect.stringContaining(part)]);
  });

  test('an identity cannot be removed past the defaults', () => {
    const old = defaultAWSCluster(cluster({}));
    const { identityRef: _, ...spec } = old.spec;
    expect(validateAWSCluster(cluster(spec), old, ctx).errors.map((e) => e.path)).toEqual(['spec.identityRef']);
  });

  test('the external management annotation cannot be removed', () => {
    const managed = { 'cluster.x-k8s.io/managed-by': 'x' };
    expect(updateErrors({}, {}, [managed, managed])).toEqual([]);
    expect(updateErrors({}, {}, [managed, {}])).toEqual([expect.stringContaining('metadata.annotations')]);
  });

  test.each([
    ['load-balancer,target-group,security-group', 0],
    ['', 0],
    ['load-balancer,volumes', 1],
  ])('garbage collection tasks %j give %d errors', (tasks, count) => {
    const annotations = { 'aws.cluster.x-k8s.io/external-resource-tasks-gc': tasks };
    expect(updateErrors({}, {}, [{}, annotations])).toHaveLength(count);
  });

  test('warns again only when the load balancer changed', () => {
    const old = defaultAWSCluster(cluster({}));
    expect(validateAWSCluster(old, old, ctx).warnings).toEqual([]);
    const changed = defaultAWSCluster(cluster({ controlPlaneLoadBalancer: { crossZoneLoadBalancing: true } }));
    expect(validateAWSCluster(changed, old, ctx).warnings).toHaveLength(1);
  });
});
