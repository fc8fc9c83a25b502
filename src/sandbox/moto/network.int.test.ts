import {
  AllocateAddressCommand,
  AllocateHostsCommand,
  AssociateRouteTableCommand,
  AttachInternetGatewayCommand,
  CreateCarrierGatewayCommand,
  CreateEgressOnlyInternetGatewayCommand,
  CreateInternetGatewayCommand,
  CreateLaunchTemplateCommand,
  CreateLaunchTemplateVersionCommand,
  CreateNatGatewayCommand,
  CreateNetworkInterfaceCommand,
  CreateRouteCommand,
  CreateRouteTableCommand,
  CreateSubnetCommand,
  CreateVpcCommand,
  CreateVpcEndpointCommand,
  DeleteInternetGatewayCommand,
  DeleteLaunchTemplateVersionsCommand,
  DeleteNatGatewayCommand,
  DeleteNetworkInterfaceCommand,
  DeleteRouteTableCommand,
  DeleteSubnetCommand,
  DeleteVpcCommand,
  DeleteVpcEndpointsCommand,
  DescribeAddressesCommand,
  DescribeDhcpOptionsCommand,
  DescribeIpamPoolsCommand,
  DescribeLaunchTemplateVersionsCommand,
  DescribeNatGatewaysCommand,
  DescribeRouteTablesCommand,
  DescribeSubnetsCommand,
  DescribeVpcEndpointsCommand,
  DescribeVpcsCommand,
  DetachInternetGatewayCommand,
  DisassociateAddressCommand,
  ModifySubnetAttributeCommand,
  ReleaseAddressCommand,
  ReleaseHostsCommand,
  ReplaceRouteCommand,
} from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { MotoHandle } from './index.js';
import { errorCode, startTestMoto, type TestClients, testClients, until } from './testing.js';

jest.setTimeout(30_000);

describe('emulated network', () => {
  let moto: MotoHandle;
  let aws: TestClients;

  beforeAll(async () => {
    moto = await startTestMoto({ allMs: 100 });
    aws = testClients(moto.endpoint, 'eu-west-1');
  }, 300_000);
  afterAll(() => moto.stop());

  const newVpc = async (ipv6 = false) => {
    const request = { CidrBlock: '10.0.0.0/16', ...(ipv6 ? { AmazonProvidedIpv6CidrBlock: true } : {}) };
    const vpc = (await aws.ec2.send(new CreateVpcCommand(request))).Vpc;
    return { id: vpc?.VpcId ?? '', vpc };
  };
  const newSubnet = async (VpcId: string, CidrBlock = '10.0.0.0/24', AvailabilityZone = 'eu-west-1a') =>
    (await aws.ec2.send(new CreateSubnetCommand({ VpcId, CidrBlock, AvailabilityZone }))).Subnet?.SubnetId ?? '';
  const newGateway = async (VpcId: string) => {
    const igw = await aws.ec2.send(new CreateInternetGatewayCommand({}));
    const InternetGatewayId = igw.InternetGateway?.InternetGatewayId ?? '';
    await aws.ec2.send(new AttachInternetGatewayCommand({ VpcId, InternetGatewayId }));
    return InternetGatewayId;
  };
  const newAddress = async () => (await aws.ec2.send(new AllocateAddressCommand({ Domain: 'vpc' }))).AllocationId ?? '';
  const readNat = async (id: string) =>
    (await aws.ec2.send(new DescribeNatGatewaysCommand({ NatGatewayIds: [id] }))).NatGateways?.[0];
  const untilNat = (id: string, state: string) =>
    until(
      () => readNat(id),
      (nat) => nat?.State === state,
    );

  test('a network is taken down only in order', async () => {
    const before = await moto.admin.inventory();
    const { id: VpcId } = await newVpc();
    const SubnetId = await newSubnet(VpcId);
    const InternetGatewayId = await newGateway(VpcId);
    const AllocationId = await newAddress();
    const nat = await aws.ec2.send(new CreateNatGatewayCommand({ SubnetId, AllocationId }));
    const NatGatewayId = nat.NatGateway?.NatGatewayId ?? '';
    expect(nat.NatGateway?.State).toBe('pending');
    const available = await untilNat(NatGatewayId, 'available');
    const address = available?.NatGatewayAddresses?.[0];
    expect(address).toMatchObject({ AllocationId, PrivateIp: '10.0.0.4' });
    expect(address?.PublicIp).toMatch(/^198\.(18|19)\./);
    const table = await aws.ec2.send(new CreateRouteTableCommand({ VpcId }));
    const RouteTableId = table.RouteTable?.RouteTableId ?? '';
    const association = await aws.ec2.send(new AssociateRouteTableCommand({ RouteTableId, SubnetId }));
    expect(association.AssociationId).toBeDefined();

    expect(await errorCode(aws.ec2.send(new DeleteVpcCommand({ VpcId })))).toBe('DependencyViolation');
    expect(await errorCode(aws.ec2.send(new DeleteSubnetCommand({ SubnetId })))).toBe('DependencyViolation');
    expect(await errorCode(aws.ec2.send(new DeleteRouteTableCommand({ RouteTableId })))).toBe('DependencyViolation');
    const detach = () => aws.ec2.send(new DetachInternetGatewayCommand({ VpcId, InternetGatewayId }));
    expect(await errorCode(detach())).toBe('DependencyViolation');
    expect(await errorCode(aws.ec2.send(new DeleteInternetGatewayCommand({ InternetGatewayId })))).toBe(
      'DependencyViolation',
    );
    expect(await errorCode(aws.ec2.send(new ReleaseAddressCommand({ AllocationId })))).toBe('InvalidIPAddress.InUse');
    const described = await aws.ec2.send(new DescribeAddressesCommand({ AllocationIds: [AllocationId] }));
    const AssociationId = described.Addresses?.[0]?.AssociationId ?? '';
    expect(await errorCode(aws.ec2.send(new DisassociateAddressCommand({ AssociationId })))).toBe('AuthFailure');

    await aws.ec2.send(new DeleteNatGatewayCommand({ NatGatewayId }));
    expect((await readNat(NatGatewayId))?.State).toBe('deleting');
    expect(await errorCode(aws.ec2.send(new DeleteSubnetCommand({ SubnetId })))).toBe('DependencyViolation');
    await untilNat(NatGatewayId, 'deleted');
    const freed = await aws.ec2.send(new DescribeAddressesCommand({ AllocationIds: [AllocationId] }));
    expect(freed.Addresses?.[0]?.AssociationId).toBeUndefined();
    await aws.ec2.send(new ReleaseAddressCommand({ AllocationId }));
    await detach();
    await aws.ec2.send(new DeleteInternetGatewayCommand({ InternetGatewayId }));
    await aws.ec2.send(new DeleteSubnetCommand({ SubnetId }));
    expect(await errorCode(aws.ec2.send(new DeleteVpcCommand({ VpcId })))).toBe('DependencyViolation');
    await aws.ec2.send(new DeleteRouteTableCommand({ RouteTableId }));
    await aws.ec2.send(new DeleteVpcCommand({ VpcId }));
    expect(await moto.admin.inventory()).toEqual(before);
    expect(await errorCode(aws.ec2.send(new DescribeVpcsCommand({ VpcIds: [VpcId] })))).toBe('InvalidVpcID.NotFound');
  });

  test('NAT gateways honour tokens and fail as AWS lets them fail', async () => {
    const { id: VpcId } = await newVpc();
    const SubnetId = await newSubnet(VpcId);
    const AllocationId = await newAddress();
    const orphan = await aws.ec2.send(new CreateNatGatewayCommand({ SubnetId, AllocationId }));
    const failed = await untilNat(orphan.NatGateway?.NatGatewayId ?? '', 'failed');
    expect(failed?.FailureCode).toBe('Gateway.NotAttached');
    await newGateway(VpcId);
    const request = { SubnetId, AllocationId, ClientToken: 'nat-1' };
    const first = (await aws.ec2.send(new CreateNatGatewayCommand(request))).NatGateway?.NatGatewayId ?? '';
    await untilNat(first, 'available');
    const again = await aws.ec2.send(new CreateNatGatewayCommand(request));
    expect(again.NatGateway).toMatchObject({ NatGatewayId: first, State: 'available' });
    const changed = new CreateNatGatewayCommand({ ...request, ConnectivityType: 'private' });
    expect(await errorCode(aws.ec2.send(changed))).toBe('IdempotentParameterMismatch');
    const second = await aws.ec2.send(new CreateNatGatewayCommand({ SubnetId, AllocationId }));
    const taken = await untilNat(second.NatGateway?.NatGatewayId ?? '', 'failed');
    expect(taken?.FailureCode).toBe('Resource.AlreadyAssociated');
    expect(await errorCode(readNat('nat-0123456789abcdef0'))).toBe('NatGatewayNotFound');
    const filter = {
      Filter: [
        { Name: 'vpc-id', Values: [VpcId] },
        { Name: 'state', Values: ['pending', 'available'] },
      ],
    };
    const found = await aws.ec2.send(new DescribeNatGatewaysCommand(filter));
    expect(found.NatGateways?.map((n) => n.NatGatewayId)).toEqual([first]);
  });

  test('tokens work on every other call that takes one', async () => {
    const { id: VpcId } = await newVpc();
    const twice = async <T>(send: (ClientToken: string) => Promise<T>, id: (reply: T) => unknown, name: string) => {
      const [a, b, c] = [await send(name), await send(name), await send(`${name}-other`)];
      expect([name, id(a)]).toEqual([name, id(b)]);
      expect(id(c)).not.toEqual(id(a));
    };
    const { ec2 } = aws;
    await twice(
      (ClientToken) => ec2.send(new CreateRouteTableCommand({ VpcId, ClientToken })),
      (r) => r.RouteTable?.RouteTableId,
      'rtb',
    );
    await twice(
      (ClientToken) => ec2.send(new CreateEgressOnlyInternetGatewayCommand({ VpcId, ClientToken })),
      (r) => r.EgressOnlyInternetGateway?.EgressOnlyInternetGatewayId,
      'eigw',
    );
    await twice(
      (ClientToken) => ec2.send(new CreateCarrierGatewayCommand({ VpcId, ClientToken })),
      (r) => r.CarrierGateway?.CarrierGatewayId,
      'cagw',
    );
    await twice(
      (ClientToken) =>
        ec2.send(
          new AllocateHostsCommand({
            AvailabilityZone: 'eu-west-1a',
            InstanceType: 'm5.large',
            Quantity: 1,
            ClientToken,
          }),
        ),
      (r) => r.HostIds,
      'host',
    );
    await twice(
      (ClientToken) =>
        ec2.send(new CreateVpcEndpointCommand({ VpcId, ServiceName: 'com.amazonaws.eu-west-1.s3', ClientToken })),
      (r) => r.VpcEndpoint?.VpcEndpointId,
      'vpce',
    );
    const template = {
      LaunchTemplateName: 'lt',
      LaunchTemplateData: { InstanceType: 't3.large' as const },
      ClientToken: 'lt',
    };
    const one = await ec2.send(new CreateLaunchTemplateCommand(template));
    const two = await ec2.send(new CreateLaunchTemplateCommand(template));
    expect(two.LaunchTemplate?.LaunchTemplateId).toBe(one.LaunchTemplate?.LaunchTemplateId);
    const mismatch = new CreateRouteTableCommand({ VpcId: (await newVpc()).id, ClientToken: 'rtb' });
    expect(await errorCode(ec2.send(mismatch))).toBe('IdempotentParameterMismatch');
  });

  test('routes need targets of their network, are replaced, and turn into black holes', async () => {
    const { id: VpcId } = await newVpc();
    const SubnetId = await newSubnet(VpcId);
    const igw = await newGateway(VpcId);
    const stranger = await newGateway((await newVpc()).id);
    const table = await aws.ec2.send(new CreateRouteTableCommand({ VpcId }));
    const RouteTableId = table.RouteTable?.RouteTableId ?? '';
    const route = { RouteTableId, DestinationCidrBlock: '0.0.0.0/0' };
    expect(await errorCode(aws.ec2.send(new ReplaceRouteCommand({ ...route, GatewayId: igw })))).toBe(
      'InvalidParameterValue',
    );
    expect(await errorCode(aws.ec2.send(new CreateRouteCommand({ ...route, GatewayId: stranger })))).toBe(
      'InvalidParameterValue',
    );
    const ghost = new CreateRouteCommand({ ...route, NatGatewayId: 'nat-0123456789abcdef0' });
    expect(await errorCode(aws.ec2.send(ghost))).toBe('InvalidNatGatewayID.NotFound');
    await aws.ec2.send(new CreateRouteCommand({ ...route, GatewayId: igw }));
    expect(await errorCode(aws.ec2.send(new CreateRouteCommand({ ...route, GatewayId: igw })))).toBe(
      'RouteAlreadyExists',
    );
    const nat = await aws.ec2.send(new CreateNatGatewayCommand({ SubnetId, AllocationId: await newAddress() }));
    const NatGatewayId = nat.NatGateway?.NatGatewayId ?? '';
    await untilNat(NatGatewayId, 'available');
    await aws.ec2.send(new ReplaceRouteCommand({ ...route, NatGatewayId }));
    const read = async () => {
      const reply = await aws.ec2.send(new DescribeRouteTablesCommand({ RouteTableIds: [RouteTableId] }));
      return reply.RouteTables?.[0]?.Routes?.find((r) => r.DestinationCidrBlock === '0.0.0.0/0');
    };
    expect(await read()).toMatchObject({ NatGatewayId, State: 'active' });
    await aws.ec2.send(new DeleteNatGatewayCommand({ NatGatewayId }));
    await untilNat(NatGatewayId, 'deleted');
    expect((await read())?.State).toBe('blackhole');

    const other = await aws.ec2.send(new CreateRouteTableCommand({ VpcId }));
    await aws.ec2.send(new AssociateRouteTableCommand({ RouteTableId, SubnetId }));
    const conflict = { RouteTableId: other.RouteTable?.RouteTableId ?? '', SubnetId };
    expect(await errorCode(aws.ec2.send(new AssociateRouteTableCommand(conflict)))).toBe('Resource.AlreadyAssociated');
  });

  test('subnets show IPv6 state and every launch attribute', async () => {
    const { id: VpcId, vpc } = await newVpc(true);
    const prefix = vpc?.Ipv6CidrBlockAssociationSet?.[0]?.Ipv6CidrBlock ?? '';
    const request = { VpcId, CidrBlock: '10.0.1.0/24', Ipv6CidrBlock: prefix.replace('::/56', '::/64') };
    const SubnetId = (await aws.ec2.send(new CreateSubnetCommand(request))).Subnet?.SubnetId ?? '';
    for (const change of [
      { AssignIpv6AddressOnCreation: { Value: true } },
      { EnableDns64: { Value: true } },
      { MapPublicIpOnLaunch: { Value: true } },
      { PrivateDnsHostnameTypeOnLaunch: 'resource-name' as const },
      { EnableResourceNameDnsAAAARecordOnLaunch: { Value: true } },
    ]) {
      await aws.ec2.send(new ModifySubnetAttributeCommand({ SubnetId, ...change }));
    }
    const reply = await aws.ec2.send(new DescribeSubnetsCommand({ SubnetIds: [SubnetId] }));
    expect(reply.Subnets?.[0]).toMatchObject({
      AssignIpv6AddressOnCreation: true,
      EnableDns64: true,
      MapPublicIpOnLaunch: true,
      PrivateDnsNameOptionsOnLaunch: { HostnameType: 'resource-name', EnableResourceNameDnsAAAARecord: true },
      Ipv6CidrBlockAssociationSet: [{ Ipv6CidrBlockState: { State: 'associated' } }],
    });
    const abroad = new CreateSubnetCommand({ VpcId, CidrBlock: '10.0.2.0/24', AvailabilityZone: 'us-east-1a' });
    expect(await errorCode(aws.ec2.send(abroad))).toBe('InvalidParameterValue');
  });

  test('a VPC starts with the default DHCP options of its region', async () => {
    const { vpc } = await newVpc();
    const id = vpc?.DhcpOptionsId ?? '';
    expect(id).toMatch(/^dopt-/);
    const reply = await aws.ec2.send(new DescribeDhcpOptionsCommand({ DhcpOptionsIds: [id] }));
    const domain = reply.DhcpOptions?.[0]?.DhcpConfigurations?.find((c) => c.Key === 'domain-name');
    expect(domain?.Values?.[0]?.Value).toBe('eu-west-1.compute.internal');
  });

  test('endpoints take time to leave and keep the VPC meanwhile', async () => {
    const { id: VpcId } = await newVpc();
    const made = await aws.ec2.send(new CreateVpcEndpointCommand({ VpcId, ServiceName: 'com.amazonaws.eu-west-1.s3' }));
    const id = made.VpcEndpoint?.VpcEndpointId ?? '';
    expect(made.VpcEndpoint).toMatchObject({ State: 'available', VpcEndpointType: 'Gateway' });
    expect(await errorCode(aws.ec2.send(new DeleteVpcCommand({ VpcId })))).toBe('DependencyViolation');
    await aws.ec2.send(new DeleteVpcEndpointsCommand({ VpcEndpointIds: [id] }));
    await until(
      () => aws.ec2.send(new DescribeVpcEndpointsCommand({ Filters: [{ Name: 'vpc-id', Values: [VpcId] }] })),
      (reply) => reply.VpcEndpoints?.length === 0,
    );
    const gone = await aws.ec2.send(new DeleteVpcEndpointsCommand({ VpcEndpointIds: [id] }));
    expect(gone.Unsuccessful?.[0]?.Error?.Code).toBe('InvalidVpcEndpoint.NotFound');
    await aws.ec2.send(new DeleteVpcCommand({ VpcId }));
  });

  test('a free interface keeps its subnet until it is deleted', async () => {
    const { id: VpcId } = await newVpc();
    const SubnetId = await newSubnet(VpcId);
    const nic = await aws.ec2.send(new CreateNetworkInterfaceCommand({ SubnetId }));
    expect(nic.NetworkInterface?.PrivateIpAddress).toBe('10.0.0.4');
    expect(await errorCode(aws.ec2.send(new DeleteSubnetCommand({ SubnetId })))).toBe('DependencyViolation');
    const NetworkInterfaceId = nic.NetworkInterface?.NetworkInterfaceId ?? '';
    await aws.ec2.send(new DeleteNetworkInterfaceCommand({ NetworkInterfaceId }));
    await aws.ec2.send(new DeleteSubnetCommand({ SubnetId }));
  });

  test('dedicated hosts, pools and template versions answer like AWS', async () => {
    const request = { AvailabilityZone: 'eu-west-1a', InstanceType: 'm5.large', Quantity: 1 };
    const hosts = await aws.ec2.send(new AllocateHostsCommand(request));
    const HostIds = [...(hosts.HostIds ?? []), 'h-0123456789abcdef0'];
    const released = await aws.ec2.send(new ReleaseHostsCommand({ HostIds }));
    expect(released.Successful).toEqual(hosts.HostIds);
    expect(released.Unsuccessful?.[0]?.ResourceId).toBe('h-0123456789abcdef0');
    const { IpamPools = [] } = await aws.ec2.send(new DescribeIpamPoolsCommand({}));
    expect(IpamPools.map(({ AddressFamily }) => AddressFamily)).toEqual(['ipv4', 'ipv6']);
    const unknown = new DescribeIpamPoolsCommand({ IpamPoolIds: ['ipam-pool-0123456789abcdef0'] });
    expect(await errorCode(aws.ec2.send(unknown))).toBe('InvalidIpamPoolId.NotFound');

    const data = (InstanceType: 't3.large' | 't3.small' | 't3.micro') => ({ LaunchTemplateData: { InstanceType } });
    const template = await aws.ec2.send(
      new CreateLaunchTemplateCommand({ LaunchTemplateName: 'v', ...data('t3.large') }),
    );
    const LaunchTemplateId = template.LaunchTemplate?.LaunchTemplateId ?? '';
    await aws.ec2.send(new CreateLaunchTemplateVersionCommand({ LaunchTemplateId, ...data('t3.small') }));
    const removal = await aws.ec2.send(
      new DeleteLaunchTemplateVersionsCommand({ LaunchTemplateId, Versions: ['1', '2'] }),
    );
    expect(removal.SuccessfullyDeletedLaunchTemplateVersions?.map((v) => v.VersionNumber)).toEqual([2]);
    expect(removal.UnsuccessfullyDeletedLaunchTemplateVersions?.map((v) => v.VersionNumber)).toEqual([1]);
    const third = await aws.ec2.send(new CreateLaunchTemplateVersionCommand({ LaunchTemplateId, ...data('t3.micro') }));
    expect(third.LaunchTemplateVersion?.VersionNumber).toBe(3);
    const latest = { LaunchTemplateId, MinVersion: '1', MaxVersion: '$Latest' };
    const versions = await aws.ec2.send(new DescribeLaunchTemplateVersionsCommand(latest));
    expect(versions.LaunchTemplateVersions?.map((v) => v.VersionNumber).sort()).toEqual([1, 3]);
  });
});
