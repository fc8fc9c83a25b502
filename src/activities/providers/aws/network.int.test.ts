import {
  AssociateRouteTableCommand,
  AttachInternetGatewayCommand,
  AuthorizeSecurityGroupIngressCommand,
  CreateInternetGatewayCommand,
  CreateRouteCommand,
  CreateRouteTableCommand,
  CreateSecurityGroupCommand,
  CreateSubnetCommand,
  CreateTagsCommand,
  CreateVpcCommand,
  DeleteNatGatewayCommand,
  DeleteRouteCommand,
  DeleteSecurityGroupCommand,
  DeleteTagsCommand,
  DescribeSecurityGroupsCommand,
  DescribeVpcsCommand,
  RevokeSecurityGroupIngressCommand,
} from '@aws-sdk/client-ec2';
import { RemoveTagsCommand } from '@aws-sdk/client-elastic-load-balancing';
import { RemoveTagsCommand as RemoveTagsV2Command } from '@aws-sdk/client-elastic-load-balancing-v2';
import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { FakeKube } from '../../../../test/helpers/fake-kube.js';
import type { AWSCluster, AWSClusterSpec, AWSIdentityReference } from '../../../api/types/aws.js';
import { apiVersionOf, KINDS } from '../../../api/types/kinds.js';
import type { KubeObject } from '../../../api/types/meta.js';
import type { MotoHandle } from '../../../sandbox/moto/index.js';
import { startTestMoto, type TestClients, testClients } from '../../../sandbox/moto/testing.js';
import { clusterTag, TAG } from './tags.js';
import {
  type AwsProvider,
  awsClusterObjects,
  callContext,
  clusterContext,
  ensureCluster,
  removeCluster,
  testProvider,
} from './testing.js';

jest.setTimeout(120_000);

let moto: MotoHandle;
let provider: AwsProvider;
let kube: FakeKube;
let aws: TestClients;

beforeAll(async () => {
  moto = await startTestMoto({ allMs: 0 });
  aws = testClients(moto.endpoint);
});
afterAll(async () => {
  await moto.stop();
});
beforeEach(async () => {
  await moto.admin.reset();
  kube = new FakeKube();
  provider = testProvider(moto.endpoint);
});

const put = (spec: AWSClusterSpec = {}, name = 'one'): void => {
  for (const object of awsClusterObjects(name, { spec })) kube.put(object);
};
const stored = (name = 'one'): AWSCluster => {
  const found = kube.peek<AWSCluster>(KINDS.AWSCluster, { namespace: 'default', name });
  if (!found) throw new Error('no AWSCluster');
  return found;
};
const edit = (change: (cluster: AWSCluster) => void): void => {
  const object = stored();
  change(object);
  kube.put(object);
};
const groupId = (role: 'node' | 'controlplane' | 'lb'): string =>
  stored().status?.networkStatus?.securityGroups?.[role]?.id ?? '';
const inventory = async () => await moto.admin.inventory();
const identities = async (): Promise<string[]> =>
  (await inventory()).map((item) => `${item.service}/${item.type}/${item.id}`).sort();
const sweep = async () => await provider.sweep(callContext(kube), [await clusterContext(kube, 'one')]);

/** A VPC with a public and a private subnet, as a user would bring it. */
async function givenNetwork(): Promise<{ vpcId: string; open: string; closed: string }> {
  const { ec2 } = aws;
  const { Vpc } = await ec2.send(new CreateVpcCommand({ CidrBlock: '10.9.0.0/16' }));
  const VpcId = Vpc?.VpcId ?? '';
  const subnet = async (CidrBlock: string): Promise<string> =>
    (await ec2.send(new CreateSubnetCommand({ VpcId, CidrBlock, AvailabilityZone: 'us-east-1a' }))).Subnet?.SubnetId ??
    '';
  const open = await subnet('10.9.0.0/24');
  const closed = await subnet('10.9.1.0/24');
  const { InternetGateway } = await ec2.send(new CreateInternetGatewayCommand({}));
  const GatewayId = InternetGateway?.InternetGatewayId ?? '';
  await ec2.send(new AttachInternetGatewayCommand({ InternetGatewayId: GatewayId, VpcId }));
  const { RouteTable } = await ec2.send(new CreateRouteTableCommand({ VpcId }));
  const RouteTableId = RouteTable?.RouteTableId ?? '';
  await ec2.send(new CreateRouteCommand({ RouteTableId, DestinationCidrBlock: '0.0.0.0/0', GatewayId }));
  await ec2.send(new AssociateRouteTableCommand({ RouteTableId, SubnetId: open }));
  return { vpcId: VpcId, open, closed };
}

describe('a network brought by the user', () => {
  const using = ({ vpcId, open, closed }: { vpcId: string; open: string; closed: string }): AWSClusterSpec => ({
    network: { vpc: { id: vpcId }, subnets: [{ id: open }, { id: closed }] },
  });

  test('is used and tagged, and is exactly as before when the cluster is gone', async () => {
    const given = await givenNetwork();
    const before = await inventory();
    put(using(given));
    await ensureCluster(provider, kube, 'one');
    expect(stored().spec.network?.subnets).toEqual([
      expect.objectContaining({
        id: given.open,
        isPublic: true,
        availabilityZone: 'us-east-1a',
        cidrBlock: '10.9.0.0/24',
      }),
      expect.objectContaining({ id: given.closed, isPublic: false }),
    ]);
    expect(stored().spec.network?.vpc).toEqual({ id: given.vpcId, cidrBlock: '10.9.0.0/16' });
    const tags = new Map((await inventory()).map((item) => [item.id, item.tags]));
    expect(tags.get(given.open)).toEqual({ [TAG.elb]: '1', 'kubernetes.io/cluster/one': 'shared' });
    expect(tags.get(given.closed)).toEqual({ [TAG.internalElb]: '1', 'kubernetes.io/cluster/one': 'shared' });
    expect(tags.get(given.vpcId)).toEqual({});
    expect(await ensureCluster(provider, kube, 'one')).toEqual([]);
    await removeCluster(provider, kube, 'one');
    expect((await inventory()).map(({ id }) => id)).toEqual(before.map(({ id }) => id));
    const left = new Map((await inventory()).map((item) => [item.id, item.tags]));
    expect(left.get(given.open)).not.toHaveProperty(['kubernetes.io/cluster/one']);
  });

  test('may be full of tags: those that have room are set, and no cluster fails', async () => {
    const given = await givenNetwork();
    const Tags = Array.from({ length: 49 }, (_, i) => ({ Key: `k${i}`, Value: '' }));
    await aws.ec2.send(new CreateTagsCommand({ Resources: [given.open], Tags }));
    put(using(given));
    await ensureCluster(provider, kube, 'one');
    const tags = new Map((await inventory()).map((item) => [item.id, item.tags]));
    expect(tags.get(given.open)).toHaveProperty([TAG.elb]);
    expect(tags.get(given.open)).not.toHaveProperty(['kubernetes.io/cluster/one']);
    expect(tags.get(given.closed)).toHaveProperty(['kubernetes.io/cluster/one']);
    expect(await ensureCluster(provider, kube, 'one')).toEqual([]);
    await removeCluster(provider, kube, 'one');
  });

  test('stays untagged when the gate is off', async () => {
    provider = testProvider(moto.endpoint, { tagUnmanagedNetworkResources: false });
    const given = await givenNetwork();
    const before = await inventory();
    put(using(given));
    await ensureCluster(provider, kube, 'one');
    await removeCluster(provider, kube, 'one');
    expect(await inventory()).toEqual(before);
  });

  test('may bring its groups, which are neither changed nor deleted', async () => {
    const given = await givenNetwork();
    const group = new CreateSecurityGroupCommand({ VpcId: given.vpcId, GroupName: 'mine', Description: 'mine' });
    const node = (await aws.ec2.send(group)).GroupId ?? '';
    const before = await identities();
    const spec = using(given);
    put({ ...spec, network: { ...spec.network, securityGroupOverrides: { node } } });
    await ensureCluster(provider, kube, 'one');
    expect(groupId('node')).toBe(node);
    const { SecurityGroups } = await aws.ec2.send(new DescribeSecurityGroupsCommand({ GroupIds: [node] }));
    expect(SecurityGroups?.[0]?.IpPermissions).toEqual([]);
    await removeCluster(provider, kube, 'one');
    expect(await identities()).toEqual(before);
  });

  test('is shared by two clusters of one name in two namespaces', async () => {
    const given = await givenNetwork();
    const before = await identities();
    for (const namespace of ['a', 'b'])
      for (const object of awsClusterObjects('twin', { namespace, spec: using(given) })) kube.put(object);
    await ensureCluster(provider, kube, 'twin', 'a');
    await ensureCluster(provider, kube, 'twin', 'b');
    expect(await ensureCluster(provider, kube, 'twin', 'a')).toEqual([]);
    await removeCluster(provider, kube, 'twin', 'b');
    expect((await inventory()).find(({ id }) => id === given.open)?.tags).toHaveProperty(
      ['kubernetes.io/cluster/twin'],
      'shared',
    );
    expect(await ensureCluster(provider, kube, 'twin', 'a')).toEqual([]);
    await removeCluster(provider, kube, 'twin', 'a');
    expect(await identities()).toEqual(before);
  });

  test.each<[string, AWSClusterSpec, object]>([
    ['a VPC that does not exist', { network: { vpc: { id: 'vpc-0123456789abcdef0' } } }, { type: 'NotFound' }],
    ['no subnets', {}, { type: 'InvalidConfiguration', details: { field: 'spec.network.subnets' } }],
    [
      'a subnet elsewhere',
      { network: { subnets: [{ id: 'subnet-0123456789abcdef0' }] } },
      { type: 'InvalidConfiguration' },
    ],
  ])('is refused with %s', async (_, spec, failure) => {
    const { vpcId } = await givenNetwork();
    put({ network: { vpc: { id: vpcId }, ...spec.network } });
    await expect(ensureCluster(provider, kube, 'one')).rejects.toMatchObject(failure);
  });
});

test('subnets of a network of ours may be called as if they were AWS’s own', async () => {
  const zone = (id: string, availabilityZone: string, n: number, isPublic?: true) => ({
    id,
    availabilityZone,
    cidrBlock: `10.0.${n}.0/24`,
    ...(isPublic ? { isPublic } : {}),
  });
  const subnets = [
    zone('subnet-zone-1', 'us-east-1a', 0),
    zone('subnet-zone-2', 'us-east-1a', 1, true),
    zone('subnet-zone-2-2', 'us-east-1b', 2),
    zone('subnet-zone-2-3', 'us-east-1b', 3, true),
  ];
  put({ network: { subnets } });
  await ensureCluster(provider, kube, 'one');
  const made = stored().spec.network?.subnets ?? [];
  expect(made.map(({ id }) => id)).toEqual(subnets.map(({ id }) => id));
  expect(made.every(({ resourceID }) => /^subnet-[0-9a-f]{17}$/.test(resourceID ?? ''))).toBe(true);
  expect(await ensureCluster(provider, kube, 'one')).toEqual([]);
  const before = await inventory();
  await removeCluster(provider, kube, 'one');
  expect(before.filter(({ type }) => type === 'subnet')).toHaveLength(4);
  expect((await inventory()).filter(({ type }) => type === 'subnet')).toEqual([]);
});

describe('a network that was changed by hand', () => {
  test('is seen by one sweep and repaired: rules, routes, tags, NAT', async () => {
    put();
    await ensureCluster(provider, kube, 'one');
    expect(await sweep()).toEqual([]);
    const node = groupId('node');
    const open = { IpProtocol: 'tcp', FromPort: 22, ToPort: 22, IpRanges: [{ CidrIp: '0.0.0.0/0' }] };
    await aws.ec2.send(new AuthorizeSecurityGroupIngressCommand({ GroupId: node, IpPermissions: [open] }));
    const kubelet = { IpProtocol: 'tcp', FromPort: 10250, ToPort: 10250, UserIdGroupPairs: [{ GroupId: node }] };
    await aws.ec2.send(new RevokeSecurityGroupIngressCommand({ GroupId: node, IpPermissions: [kubelet] }));
    const [first, , second] = stored().spec.network?.subnets ?? [];
    await aws.ec2.send(
      new DeleteRouteCommand({ RouteTableId: first?.routeTableId, DestinationCidrBlock: '0.0.0.0/0' }),
    );
    await aws.ec2.send(new DeleteNatGatewayCommand({ NatGatewayId: second?.natGatewayId }));
    await aws.ec2.send(
      new DeleteTagsCommand({ Resources: [stored().spec.network?.vpc?.id ?? ''], Tags: [{ Key: TAG.role }] }),
    );

    const [drift, ...others] = await sweep();
    expect(others).toEqual([]);
    expect(drift).toMatchObject({ kind: 'Cluster', namespace: 'default', name: 'one' });
    expect(drift?.detail).toContain('revoke tcp 22 from 0.0.0.0/0');
    expect(drift?.detail).toContain('allow tcp 10250');
    expect(drift?.detail).toContain('route to 0.0.0.0/0 is missing');

    const repaired = await ensureCluster(provider, kube, 'one');
    expect(repaired).toContain('create nat-gateway one-nat: us-east-1b');
    expect(repaired).toContain('update vpc one-vpc: tags');
    expect(await sweep()).toEqual([]);
    expect(await ensureCluster(provider, kube, 'one')).toEqual([]);
    expect((await inventory()).filter(({ type }) => type === 'elastic-ip')).toHaveLength(3);
  });

  test('keeps the rules that the cloud controller manager put into the service group', async () => {
    put();
    await ensureCluster(provider, kube, 'one');
    const rule = { IpProtocol: 'tcp', FromPort: 80, ToPort: 80, IpRanges: [{ CidrIp: '0.0.0.0/0' }] };
    await aws.ec2.send(new AuthorizeSecurityGroupIngressCommand({ GroupId: groupId('lb'), IpPermissions: [rule] }));
    expect(await ensureCluster(provider, kube, 'one')).toEqual([]);
  });

  test('follows the spec: tags, rules, node ports, default group', async () => {
    put();
    await ensureCluster(provider, kube, 'one');
    edit(({ spec }) => {
      spec.additionalTags = { team: 'blue' };
      spec.network = { ...spec.network, nodePortIngressRuleCidrBlocks: ['10.0.0.0/8'] };
      if (spec.network.vpc) spec.network.vpc.emptyRoutesDefaultVPCSecurityGroup = true;
    });
    const lines = await ensureCluster(provider, kube, 'one');
    expect(lines).toContain('update security-group one-node: revoke tcp 30000-32767 from 0.0.0.0/0');
    expect(lines).toContain('update security-group default: revoke all rules');
    const tagged = (await inventory()).filter(
      (item) => item.tags[TAG.id] === 'id-default-one' && item.type !== 'elastic-ip',
    );
    expect(tagged.filter((item) => item.tags['team'] !== 'blue')).toEqual([]);
    expect(await ensureCluster(provider, kube, 'one')).toEqual([]);
  });
});

/** Takes our tags off all control-plane balancers. */
async function forgetBalancers(tags: { Key: string }[]): Promise<void> {
  const TagKeys = tags.map(({ Key }) => Key);
  for (const { name, arn } of (await moto.admin.loadBalancers()).items) {
    if (arn) await aws.elbv2.send(new RemoveTagsV2Command({ ResourceArns: [arn], TagKeys }));
    else await aws.elb.send(new RemoveTagsCommand({ LoadBalancerNames: [name], Tags: tags }));
  }
}

describe('a cluster taken over from upstream', () => {
  test.each<[string, AWSClusterSpec]>([
    ['classic', {}],
    ['network', { controlPlaneLoadBalancer: { loadBalancerType: 'nlb' } }],
  ])('is recognised by what its spec records, tagged, and removed whole: %s balancer', async (_, spec) => {
    const before = await identities();
    put(spec);
    await ensureCluster(provider, kube, 'one');
    const made = await identities();
    const resources = (await inventory()).filter((item) => item.tags[TAG.id] !== undefined);
    const tags = [TAG.id, TAG.key].map((Key) => ({ Key }));
    await aws.ec2.send(
      new DeleteTagsCommand({ Resources: resources.filter((r) => r.service === 'ec2').map((r) => r.id), Tags: tags }),
    );
    await forgetBalancers(tags);
    edit((cluster) => {
      // As after a move: spec stays, status and our own tags in the record do not.
      delete cluster.status;
      const vpcTags = cluster.spec.network?.vpc?.tags ?? {};
      delete vpcTags[TAG.id];
      delete vpcTags[TAG.key];
    });
    await ensureCluster(provider, kube, 'one');
    expect(await identities()).toEqual(made);
    const ours = (await inventory()).filter((item) => item.tags[clusterTag('one')] === 'owned');
    expect(ours.filter((item) => item.tags[TAG.id] !== 'id-default-one')).toEqual([]);
    expect(await ensureCluster(provider, kube, 'one')).toEqual([]);
    await removeCluster(provider, kube, 'one');
    expect(await identities()).toEqual(before);
  });
});

describe('deletion', () => {
  test('names what is in the way, stays retryable, and finishes once it is gone', async () => {
    put();
    await ensureCluster(provider, kube, 'one');
    const VpcId = stored().spec.network?.vpc?.id ?? '';
    const made = await aws.ec2.send(
      new CreateSecurityGroupCommand({ VpcId, GroupName: 'k8s-elb-x', Description: 'x' }),
    );
    const pair = { IpProtocol: 'tcp', FromPort: 80, ToPort: 80, UserIdGroupPairs: [{ GroupId: groupId('node') }] };
    await aws.ec2.send(new AuthorizeSecurityGroupIngressCommand({ GroupId: made.GroupId, IpPermissions: [pair] }));
    await expect(removeCluster(provider, kube, 'one')).rejects.toMatchObject({
      type: 'Transient',
      message: expect.stringContaining(`security group ${made.GroupId} (k8s-elb-x)`),
    });
    await aws.ec2.send(new DeleteSecurityGroupCommand({ GroupId: made.GroupId }));
    await removeCluster(provider, kube, 'one');
    expect((await inventory()).filter((item) => item.tags[TAG.id] !== undefined)).toEqual([]);
  });

  test('of a cluster that never got anything is a success', async () => {
    put();
    await removeCluster(provider, kube, 'one');
    expect(stored().status?.conditions).toContainEqual(
      expect.objectContaining({ type: 'VpcReady', status: 'False', reason: 'Deleted' }),
    );
  });
});

describe('identities', () => {
  const identity = (kind: AWSIdentityReference['kind'], name: string, spec: object): KubeObject =>
    ({ apiVersion: apiVersionOf(KINDS[kind]), kind, metadata: { name }, spec }) as KubeObject;
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'keys', namespace: 'perdure-system' },
    data: {
      AccessKeyID: Buffer.from('AKIASTATICSTATICSTAT').toString('base64'),
      SecretAccessKey: Buffer.from('s').toString('base64'),
    },
  } as KubeObject;

  test('the controller identity is made when it is missing, and only when wished', async () => {
    put();
    await ensureCluster(provider, kube, 'one');
    expect(kube.peek(KINDS.AWSClusterControllerIdentity, { name: 'default' })).toMatchObject({
      spec: { allowedNamespaces: {} },
    });
    kube = new FakeKube();
    put();
    provider = testProvider(moto.endpoint, { controllerIdentityAutoCreate: false });
    await expect(ensureCluster(provider, kube, 'one')).rejects.toMatchObject({ type: 'Unauthorized' });
  });

  test('a role is assumed with static keys, in its own account', async () => {
    kube.put(secret);
    kube.put(identity('AWSClusterStaticIdentity', 'base', { allowedNamespaces: {}, secretRef: 'keys' }));
    kube.put(
      identity('AWSClusterRoleIdentity', 'other', {
        allowedNamespaces: { list: ['default'] },
        roleARN: 'arn:aws:iam::210987654321:role/perdure',
        sourceIdentityRef: { kind: 'AWSClusterStaticIdentity', name: 'base' },
      }),
    );
    put({ identityRef: { kind: 'AWSClusterRoleIdentity', name: 'other' } });
    await ensureCluster(provider, kube, 'one');
    const accounts = new Set(
      (await inventory()).filter((item) => item.tags[TAG.id] !== undefined).map((item) => item.account),
    );
    expect([...accounts]).toEqual(['210987654321']);
    const [assume] = await moto.admin.journal({ action: 'AssumeRole' });
    expect(assume?.accessKey).toBe('AKIASTATICSTATICSTAT');
    expect(await moto.admin.journal({ action: 'AssumeRole' })).toHaveLength(1);
    expect(JSON.stringify(kube.calls)).not.toContain('SecretAccessKey":"');
  });

  test.each<[string, object | null, boolean]>([
    ['nobody is allowed', null, false],
    ['everyone is allowed', {}, true],
    ['everyone is allowed, as Go writes it', { list: null, selector: {} }, true],
    ['the list names the namespace', { list: ['default'] }, true],
    ['the list names others', { list: ['x'] }, false],
    ['the list is empty', { list: [] }, false],
    ['the selector matches', { selector: { matchLabels: { team: 'a' } } }, true],
    ['the selector does not match', { selector: { matchLabels: { team: 'b' } } }, false],
    [
      'an expression matches',
      { selector: { matchExpressions: [{ key: 'team', operator: 'In', values: ['a'] }] } },
      true,
    ],
  ])('when %s', async (_, allowedNamespaces, allowed) => {
    kube.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default', labels: { team: 'a' } } });
    kube.put(secret);
    kube.put(identity('AWSClusterStaticIdentity', 'base', { allowedNamespaces, secretRef: 'keys' }));
    put({ identityRef: { kind: 'AWSClusterStaticIdentity', name: 'base' } });
    const ctx = await clusterContext(kube, 'one');
    const [vpc] = provider.clusterTasks(ctx.infraCluster);
    if (allowed) {
      await expect(vpc?.observe(ctx)).resolves.toMatchObject({ vpc: undefined });
      return;
    }
    await expect(vpc?.observe(ctx)).rejects.toMatchObject({
      type: 'Unauthorized',
      message: expect.stringContaining('allowedNamespaces'),
    });
    expect(stored().status?.conditions).toContainEqual(
      expect.objectContaining({ type: 'PrincipalUsageAllowed', status: 'False', reason: 'PrincipalUsageUnauthorized' }),
    );
  });

  test('a loop of roles is told, not followed', async () => {
    const role = (name: string, source: string): KubeObject =>
      identity('AWSClusterRoleIdentity', name, {
        allowedNamespaces: {},
        roleARN: 'arn:aws:iam::1:role/x',
        sourceIdentityRef: { kind: 'AWSClusterRoleIdentity', name: source },
      });
    kube.put(role('a', 'b'));
    kube.put(role('b', 'a'));
    put({ identityRef: { kind: 'AWSClusterRoleIdentity', name: 'a' } });
    await expect(ensureCluster(provider, kube, 'one')).rejects.toMatchObject({
      type: 'InvalidConfiguration',
      message: expect.stringContaining('loop'),
    });
  });
});

test('what is not supported is refused before anything is made, naming the field', async () => {
  put({ controlPlaneLoadBalancer: { loadBalancerType: 'alb' } });
  const before = await aws.ec2.send(new DescribeVpcsCommand({}));
  await expect(ensureCluster(provider, kube, 'one')).rejects.toMatchObject({
    type: 'InvalidConfiguration',
    details: { field: 'spec.controlPlaneLoadBalancer.loadBalancerType' },
  });
  expect((await aws.ec2.send(new DescribeVpcsCommand({}))).Vpcs).toHaveLength(before.Vpcs?.length ?? 0);
});
