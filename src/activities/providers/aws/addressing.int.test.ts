import {
  AssociateRouteTableCommand,
  AttachInternetGatewayCommand,
  CreateInternetGatewayCommand,
  CreateRouteCommand,
  CreateRouteTableCommand,
  CreateSubnetCommand,
  CreateVpcCommand,
  DeleteEgressOnlyInternetGatewayCommand,
  DescribeRouteTablesCommand,
  DescribeSecurityGroupsCommand,
  DescribeSubnetsCommand,
  DescribeVpcsCommand,
} from '@aws-sdk/client-ec2';
import { DescribeTargetGroupsCommand } from '@aws-sdk/client-elastic-load-balancing-v2';
import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { FakeKube } from '../../../../test/helpers/fake-kube.js';
import type { AWSCluster, AWSClusterSpec } from '../../../api/types/aws.js';
import { KINDS } from '../../../api/types/kinds.js';
import type { MotoHandle } from '../../../sandbox/moto/index.js';
import { startTestMoto, type TestClients, testClients } from '../../../sandbox/moto/testing.js';
import { TAG } from './tags.js';
import { type AwsProvider, awsClusterObjects, ensureCluster, removeCluster, testProvider } from './testing.js';

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

const put = (spec: AWSClusterSpec = {}): void => {
  for (const object of awsClusterObjects('one', { spec })) kube.put(object);
};
const stored = (): AWSCluster => {
  const found = kube.peek<AWSCluster>(KINDS.AWSCluster, { namespace: 'default', name: 'one' });
  if (!found) throw new Error('no AWSCluster');
  return found;
};
const identities = async (): Promise<string[]> =>
  (await moto.admin.inventory()).map((item) => `${item.service}/${item.type}/${item.id}`).sort();
const count = async (type: string): Promise<number> =>
  (await moto.admin.inventory()).filter((item) => item.type === type).length;

/** Makes the cluster, sees that nothing is left to do, and returns what was done. */
async function settled(spec: AWSClusterSpec): Promise<string[]> {
  put(spec);
  const lines = await ensureCluster(provider, kube, 'one');
  expect(await ensureCluster(provider, kube, 'one')).toEqual([]);
  return lines;
}

const vpcOf = async () =>
  (await aws.ec2.send(new DescribeVpcsCommand({ VpcIds: [stored().spec.network?.vpc?.id ?? ''] }))).Vpcs?.[0];

/** Routes by subnet, local ones left out: `destination target`. */
async function routes(): Promise<Record<string, string[]>> {
  const { RouteTables = [] } = await aws.ec2.send(new DescribeRouteTablesCommand({}));
  return Object.fromEntries(
    (stored().spec.network?.subnets ?? []).map((subnet) => {
      const table = RouteTables.find(({ RouteTableId }) => RouteTableId === subnet.routeTableId);
      const lines = (table?.Routes ?? [])
        .filter((route) => route.GatewayId !== 'local')
        .map((route) => {
          const { GatewayId, NatGatewayId, CarrierGatewayId, EgressOnlyInternetGatewayId } = route;
          const target = GatewayId ?? NatGatewayId ?? CarrierGatewayId ?? EgressOnlyInternetGatewayId ?? '';
          return `${route.DestinationCidrBlock ?? route.DestinationIpv6CidrBlock} ${target.split('-')[0]}`;
        });
      return [subnet.id, lines.sort()];
    }),
  );
}

const sources = async (role: 'node' | 'apiserver-lb' | 'bastion'): Promise<string[]> => {
  const id = stored().status?.networkStatus?.securityGroups?.[role]?.id ?? '';
  const { SecurityGroups } = await aws.ec2.send(new DescribeSecurityGroupsCommand({ GroupIds: [id] }));
  return (SecurityGroups?.[0]?.IpPermissions ?? []).flatMap((one) => [
    ...(one.IpRanges ?? []).map((range) => `${one.FromPort} ${range.CidrIp}`),
    ...(one.Ipv6Ranges ?? []).map((range) => `${one.FromPort} ${range.CidrIpv6}`),
  ]);
};

describe('IPv6', () => {
  test('a VPC of both families: a block of Amazon, a /64 for each subnet, two ways out, rules of both families', async () => {
    const before = await identities();
    await settled({
      network: { vpc: { ipv6: {}, availabilityZoneUsageLimit: 2 } },
      controlPlaneLoadBalancer: { loadBalancerType: 'nlb' },
    });
    const { vpc, subnets = [] } = stored().spec.network ?? {};
    expect(vpc?.ipv6).toEqual({
      cidrBlock: expect.stringMatching(/::\/56$/),
      poolId: 'Amazon',
      egressOnlyInternetGatewayId: expect.stringMatching(/^eigw-/),
    });
    expect(new Set(subnets.map((subnet) => subnet.ipv6CidrBlock)).size).toBe(4);
    expect(await routes()).toEqual({
      'one-subnet-public-us-east-1a': ['0.0.0.0/0 igw', '::/0 igw'],
      'one-subnet-public-us-east-1b': ['0.0.0.0/0 igw', '::/0 igw'],
      'one-subnet-private-us-east-1a': ['0.0.0.0/0 nat', '::/0 eigw'],
      'one-subnet-private-us-east-1b': ['0.0.0.0/0 nat', '::/0 eigw'],
    });
    const { Subnets = [] } = await aws.ec2.send(
      new DescribeSubnetsCommand({ Filters: [{ Name: 'vpc-id', Values: [vpc?.id ?? ''] }] }),
    );
    expect(Subnets.map((subnet) => subnet.AssignIpv6AddressOnCreation)).toEqual([true, true, true, true]);
    expect(await sources('node')).toEqual(expect.arrayContaining(['30000 0.0.0.0/0', '30000 ::/0']));
    expect(await sources('apiserver-lb')).toEqual(['6443 0.0.0.0/0', '6443 ::/0']);
    const { TargetGroups = [] } = await aws.elbv2.send(new DescribeTargetGroupsCommand({}));
    expect(TargetGroups.map((group) => group.IpAddressType)).toEqual(['ipv6']);
    expect(stored().status?.networkStatus?.apiServerElb?.loadBalancerIPAddressType).toBe('dualstack');
    await removeCluster(provider, kube, 'one');
    expect(await identities()).toEqual(before);
  });

  test('listed subnets get the /64 they leave open; one without IPv4 reaches IPv4 by NAT64', async () => {
    await settled({
      network: {
        vpc: { ipv6: {} },
        subnets: [
          { id: 'open', availabilityZone: 'us-east-1a', cidrBlock: '10.0.0.0/24', isPublic: true, isIpv6: true },
          { id: 'six', availabilityZone: 'us-east-1a', isIpv6: true },
          { id: 'four', availabilityZone: 'us-east-1a', cidrBlock: '10.0.1.0/24' },
        ],
      },
    });
    const [open, six, four] = stored().spec.network?.subnets ?? [];
    expect(open?.ipv6CidrBlock).toMatch(/::\/64$/);
    expect(six?.ipv6CidrBlock).not.toBe(open?.ipv6CidrBlock);
    expect(four?.ipv6CidrBlock).toBeUndefined();
    expect(await routes()).toEqual({
      open: ['0.0.0.0/0 igw', '::/0 igw'],
      six: ['64:ff9b::/96 nat', '::/0 eigw'],
      four: ['0.0.0.0/0 nat'],
    });
    const { Subnets } = await aws.ec2.send(new DescribeSubnetsCommand({ SubnetIds: [six?.resourceID ?? ''] }));
    expect(Subnets?.[0]).toMatchObject({ Ipv6Native: true, EnableDns64: true });
  });

  test('an egress-only gateway that was deleted comes back, and its routes with it', async () => {
    await settled({ network: { vpc: { ipv6: {}, availabilityZoneUsageLimit: 1 } } });
    const id = stored().spec.network?.vpc?.ipv6?.egressOnlyInternetGatewayId ?? '';
    await aws.ec2.send(new DeleteEgressOnlyInternetGatewayCommand({ EgressOnlyInternetGatewayId: id }));
    const lines = await ensureCluster(provider, kube, 'one');
    expect(lines).toContain('update route-table one-rt-private-us-east-1a: route to ::/0 is wrong');
    expect(stored().spec.network?.vpc?.ipv6?.egressOnlyInternetGatewayId).not.toBe(id);
    expect(await ensureCluster(provider, kube, 'one')).toEqual([]);
  });

  test('a block of a pool of the user’s', async () => {
    await settled({
      network: {
        vpc: { ipv6: { poolId: 'ipv6pool-ec2-0a6a6a6a6a6a6a6a6', cidrBlock: '2600:1f16:8000::/56' } },
      },
    });
    expect((await vpcOf())?.Ipv6CidrBlockAssociationSet?.[0]).toMatchObject({ Ipv6CidrBlock: '2600:1f16:8000::/56' });
  });

  test('a VPC of the user’s without IPv6 is refused, naming the field', async () => {
    const { Vpc } = await aws.ec2.send(new CreateVpcCommand({ CidrBlock: '10.9.0.0/16' }));
    put({ network: { vpc: { id: Vpc?.VpcId ?? '', ipv6: {} } } });
    await expect(ensureCluster(provider, kube, 'one')).rejects.toMatchObject({
      type: 'InvalidConfiguration',
      details: { field: 'spec.network.vpc.ipv6' },
    });
  });
});

describe('pools', () => {
  test('both blocks of the VPC come from IPAM pools, one by its name; they are recorded beside the pools', async () => {
    await settled({
      network: {
        vpc: {
          ipamPool: { name: 'perdure-ipv4', netmaskLength: 20 },
          ipv6: { ipamPool: { id: 'ipam-pool-0a6a6a6a6a6a6a6a6' } },
        },
      },
    });
    expect(stored().spec.network?.vpc).toMatchObject({
      cidrBlock: '10.64.0.0/20',
      ipamPool: { name: 'perdure-ipv4', netmaskLength: 20 },
      ipv6: { cidrBlock: '2600:1f14:4000::/56', ipamPool: { id: 'ipam-pool-0a6a6a6a6a6a6a6a6' } },
    });
  });

  test('a name that no pool has is refused, naming the field', async () => {
    put({ network: { vpc: { ipamPool: { name: 'nobody' } } } });
    await expect(ensureCluster(provider, kube, 'one')).rejects.toMatchObject({
      type: 'InvalidConfiguration',
      details: { field: 'spec.network.vpc.ipamPool.name', value: 'nobody' },
    });
  });

  test('addresses of NAT gateways and of the open balancer come from the user’s pool, and go with the cluster', async () => {
    const before = await identities();
    const elasticIpPool = {
      publicIpv4Pool: 'ipv4pool-ec2-0a4a4a4a4a4a4a4a4',
      publicIpv4PoolFallbackOrder: 'none',
    } as const;
    await settled({
      network: { vpc: { elasticIpPool, availabilityZoneUsageLimit: 2 } },
      controlPlaneLoadBalancer: { loadBalancerType: 'nlb' },
    });
    expect(await count('elastic-ip')).toBe(4);
    const asked = await moto.admin.journal({ action: 'AllocateAddress' });
    expect(asked).toHaveLength(4);
    await removeCluster(provider, kube, 'one');
    expect(await identities()).toEqual(before);
  });

  test('an address allocated before a crash is the one the balancer gets', async () => {
    await moto.admin.addFault({
      action: 'CreateLoadBalancer',
      effect: { kind: 'error', code: 'InternalError', status: 500 },
      count: 1,
    });
    const elasticIpPool = {
      publicIpv4Pool: 'ipv4pool-ec2-0a4a4a4a4a4a4a4a4',
      publicIpv4PoolFallbackOrder: 'none',
    } as const;
    await settled({
      network: { vpc: { elasticIpPool, availabilityZoneUsageLimit: 1 } },
      controlPlaneLoadBalancer: { loadBalancerType: 'nlb' },
    });
    expect(await count('elastic-ip')).toBe(2);
  });
});

describe('secondary blocks', () => {
  test('are associated with a VPC of ours, can hold subnets, and are open to the cluster', async () => {
    const before = await identities();
    await settled({
      network: {
        vpc: { secondaryCidrBlocks: [{ ipv4CidrBlock: '100.64.0.0/16' }] },
        subnets: [
          { id: 'open', availabilityZone: 'us-east-1a', cidrBlock: '10.0.0.0/24', isPublic: true },
          { id: 'far', availabilityZone: 'us-east-1a', cidrBlock: '100.64.1.0/24' },
        ],
      },
      controlPlaneLoadBalancer: { loadBalancerType: 'nlb', scheme: 'internal' },
    });
    expect((await vpcOf())?.CidrBlockAssociationSet?.map((one) => one.CidrBlock)).toEqual([
      '10.0.0.0/16',
      '100.64.0.0/16',
    ]);
    expect(await sources('apiserver-lb')).toContain('6443 100.64.0.0/16');
    expect(stored().status?.conditions).toContainEqual(
      expect.objectContaining({ type: 'SecondaryCidrsReady', status: 'True' }),
    );
    await removeCluster(provider, kube, 'one');
    expect(await identities()).toEqual(before);
  });

  test('are taken off a VPC of the user’s only where they were put on', async () => {
    const { ec2 } = aws;
    const { Vpc } = await ec2.send(new CreateVpcCommand({ CidrBlock: '10.9.0.0/16' }));
    const VpcId = Vpc?.VpcId ?? '';
    const make = async (CidrBlock: string): Promise<string> =>
      (await ec2.send(new CreateSubnetCommand({ VpcId, CidrBlock, AvailabilityZone: 'us-east-1a' }))).Subnet
        ?.SubnetId ?? '';
    const [open, closed] = [await make('10.9.0.0/24'), await make('10.9.1.0/24')];
    const { InternetGateway } = await ec2.send(new CreateInternetGatewayCommand({}));
    const GatewayId = InternetGateway?.InternetGatewayId ?? '';
    await ec2.send(new AttachInternetGatewayCommand({ InternetGatewayId: GatewayId, VpcId }));
    const { RouteTable } = await ec2.send(new CreateRouteTableCommand({ VpcId }));
    const RouteTableId = RouteTable?.RouteTableId ?? '';
    await ec2.send(new CreateRouteCommand({ RouteTableId, DestinationCidrBlock: '0.0.0.0/0', GatewayId }));
    await ec2.send(new AssociateRouteTableCommand({ RouteTableId, SubnetId: open }));
    await settled({
      network: {
        vpc: { id: VpcId, secondaryCidrBlocks: [{ ipv4CidrBlock: '10.9.0.0/16' }, { ipv4CidrBlock: '100.64.0.0/16' }] },
        subnets: [{ id: open }, { id: closed }],
      },
    });
    await removeCluster(provider, kube, 'one');
    const left = (await vpcOf())?.CidrBlockAssociationSet ?? [];
    const associated = left.filter((one) => one.CidrBlockState?.State === 'associated');
    expect(associated.map((one) => one.CidrBlock)).toEqual(['10.9.0.0/16']);
  });
});

describe('edge zones', () => {
  const base = [
    { id: 'open', availabilityZone: 'us-east-1a', cidrBlock: '10.0.0.0/24', isPublic: true },
    { id: 'closed', availabilityZone: 'us-east-1a', cidrBlock: '10.0.1.0/24' },
  ];

  test('are recorded with their parent, go out through it, and hold neither balancers nor control planes', async () => {
    const before = await identities();
    await settled({
      network: {
        subnets: [
          ...base,
          { id: 'local', availabilityZone: 'us-east-1-bos-1a', cidrBlock: '10.0.2.0/24' },
          { id: 'wave', availabilityZone: 'us-east-1-wl1-bos-wlz-1', cidrBlock: '10.0.3.0/24', isPublic: true },
          { id: 'wave-in', availabilityZone: 'us-east-1-wl1-bos-wlz-1', cidrBlock: '10.0.4.0/24' },
        ],
      },
    });
    const { vpc, subnets = [] } = stored().spec.network ?? {};
    expect(vpc?.carrierGatewayId).toMatch(/^cagw-/);
    expect(subnets.find(({ id }) => id === 'local')).toMatchObject({
      zoneType: 'local-zone',
      parentZoneName: 'us-east-1a',
    });
    expect(await routes()).toEqual({
      open: ['0.0.0.0/0 igw'],
      closed: ['0.0.0.0/0 nat'],
      local: ['0.0.0.0/0 nat'],
      wave: ['0.0.0.0/0 cagw'],
      'wave-in': ['0.0.0.0/0 nat'],
    });
    expect(await count('natgateway')).toBe(1);
    expect(Object.keys(stored().status?.failureDomains ?? {})).toEqual(['us-east-1a']);
    const tags = (await moto.admin.inventory({ type: 'subnet' })).filter((item) => item.tags['kubernetes.io/role/elb']);
    expect(tags.map((item) => item.id)).toEqual([subnets[0]?.resourceID]);
    await removeCluster(provider, kube, 'one');
    expect(await identities()).toEqual(before);
  });

  test('one the account has not opted into is refused, naming the field', async () => {
    put({
      network: { subnets: [...base, { id: 'no', availabilityZone: 'us-east-1-chi-1a', cidrBlock: '10.0.2.0/24' }] },
    });
    await expect(ensureCluster(provider, kube, 'one')).rejects.toMatchObject({
      type: 'InvalidConfiguration',
      details: { field: 'spec.network.subnets[].availabilityZone', value: 'us-east-1-chi-1a' },
    });
  });
});

describe('a bastion', () => {
  const bastion = async () => (await moto.admin.instances()).items.filter((one) => one.tags[TAG.role] === 'bastion');

  test('runs in a public subnet, is reached from where the spec says, and reaches the machines', async () => {
    const before = await identities();
    const lines = await settled({ bastion: { enabled: true, allowedCIDRBlocks: ['9.0.0.0/8'] }, sshKeyName: '' });
    expect(lines).toContain('create bastion one-bastion: t2.micro');
    expect(stored().status?.bastion).toMatchObject({
      instanceState: 'running',
      type: 't2.micro',
      publicIp: expect.any(String),
    });
    expect(await sources('bastion')).toEqual(['22 9.0.0.0/8']);
    expect(stored().status?.conditions).toContainEqual(
      expect.objectContaining({ type: 'BastionHostReady', status: 'True' }),
    );
    await removeCluster(provider, kube, 'one');
    expect(await identities()).toEqual(before);
  });

  test('goes when it is turned off', async () => {
    await settled({ bastion: { enabled: true }, sshKeyName: '' });
    const object = stored();
    object.spec.bastion = { enabled: false };
    kube.put(object);
    const lines = await ensureCluster(provider, kube, 'one');
    expect(lines).toContainEqual(expect.stringMatching(/^delete bastion one-bastion/));
    expect(stored().status?.bastion).toBeUndefined();
    expect((await bastion()).filter((one) => one.state !== 'terminated')).toEqual([]);
    expect(await ensureCluster(provider, kube, 'one')).toEqual([]);
  });

  test('whose answer was lost is not made twice', async () => {
    await moto.admin.addFault({ action: 'RunInstances', effect: { kind: 'dropAfter' }, count: 1 });
    await settled({ bastion: { enabled: true }, sshKeyName: '' });
    expect(await bastion()).toHaveLength(1);
  });
});
