import {
  AttachInternetGatewayCommand,
  CreateInternetGatewayCommand,
  CreateSecurityGroupCommand,
  CreateSubnetCommand,
  CreateVolumeCommand,
  CreateVpcCommand,
  DeleteSecurityGroupCommand,
  DescribeImagesCommand,
  DescribeInstanceAttributeCommand,
  DescribeInstancesCommand,
  DescribeInstanceTypesCommand,
  DescribeNetworkInterfacesCommand,
  DescribeVolumesCommand,
  GetConsoleOutputCommand,
  type Instance,
  ModifyInstanceMetadataOptionsCommand,
  ModifyNetworkInterfaceAttributeCommand,
  ModifySubnetAttributeCommand,
  RunInstancesCommand,
  type RunInstancesCommandInput,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { MotoHandle } from './index.js';
import { errorCode, startTestMoto, type TestClients, testClients, until } from './testing.js';

jest.setTimeout(30_000);

describe('emulated instances', () => {
  let moto: MotoHandle;
  let aws: TestClients;
  let vpcId: string;
  let subnetId: string;
  let groupId: string;
  let launch: RunInstancesCommandInput;

  beforeAll(async () => {
    moto = await startTestMoto({ allMs: 100 });
    aws = testClients(moto.endpoint);
    vpcId = (await aws.ec2.send(new CreateVpcCommand({ CidrBlock: '10.0.0.0/16' }))).Vpc?.VpcId ?? '';
    const igw = await aws.ec2.send(new CreateInternetGatewayCommand({}));
    await aws.ec2.send(
      new AttachInternetGatewayCommand({
        VpcId: vpcId,
        InternetGatewayId: igw.InternetGateway?.InternetGatewayId ?? '',
      }),
    );
    const subnet = new CreateSubnetCommand({ VpcId: vpcId, CidrBlock: '10.0.1.0/24', AvailabilityZone: 'us-east-1a' });
    subnetId = (await aws.ec2.send(subnet)).Subnet?.SubnetId ?? '';
    const group = new CreateSecurityGroupCommand({ VpcId: vpcId, GroupName: 'node', Description: 'nodes' });
    groupId = (await aws.ec2.send(group)).GroupId ?? '';
    launch = {
      ImageId: await anyImage(aws),
      InstanceType: 't3.large',
      MinCount: 1,
      MaxCount: 1,
      SubnetId: subnetId,
      SecurityGroupIds: [groupId],
    };
  }, 300_000);
  afterAll(() => moto.stop());

  const run = async (extra: Partial<RunInstancesCommandInput> = {}) =>
    (await aws.ec2.send(new RunInstancesCommand({ ...launch, ...extra }))).Instances ?? [];
  const read = async (id: string): Promise<Instance> => {
    const reply = await aws.ec2.send(new DescribeInstancesCommand({ InstanceIds: [id] }));
    const instance = reply.Reservations?.[0]?.Instances?.[0];
    if (!instance) throw new Error(`no instance ${id}`);
    return instance;
  };
  const untilState = (id: string, state: string) =>
    until(
      () => read(id),
      (i) => i.State?.Name === state,
    );

  test('pass through pending to running and through shutting-down to terminated', async () => {
    const [started] = await run();
    const id = started?.InstanceId ?? '';
    expect(started?.State?.Name).toBe('pending');
    expect((await read(id)).State?.Name).toBe('pending');
    const running = await untilState(id, 'running');
    expect(running.PrivateIpAddress).toMatch(/^10\.0\.1\.\d+$/);
    const ended = await aws.ec2.send(new TerminateInstancesCommand({ InstanceIds: [id] }));
    expect(ended.TerminatingInstances?.[0]?.CurrentState?.Name).toBe('shutting-down');
    expect((await read(id)).State?.Name).toBe('shutting-down');
    const gone = await untilState(id, 'terminated');
    expect(gone.PrivateIpAddress).toBeUndefined();
    expect(gone.NetworkInterfaces ?? []).toHaveLength(0);
    expect(gone.VpcId).toBeUndefined();
    const again = await aws.ec2.send(new TerminateInstancesCommand({ InstanceIds: [id] }));
    expect(again.TerminatingInstances?.[0]?.CurrentState?.Name).toBe('terminated');
  });

  test('the same token answers the same instance in its state of now, other parameters are refused', async () => {
    const ClientToken = 'machine-1';
    const [first] = await run({ ClientToken });
    await untilState(first?.InstanceId ?? '', 'running');
    const [second] = await run({ ClientToken });
    expect(second?.InstanceId).toBe(first?.InstanceId);
    expect(second?.State?.Name).toBe('running');
    expect(await errorCode(run({ ClientToken, InstanceType: 't3.small' }))).toBe('IdempotentParameterMismatch');
    const filter = { Filters: [{ Name: 'client-token', Values: [ClientToken] }] };
    const found = await aws.ec2.send(new DescribeInstancesCommand(filter));
    expect(found.Reservations?.flatMap((r) => r.Instances ?? [])).toHaveLength(1);
  });

  test('a token is free again when the call failed', async () => {
    const ClientToken = 'machine-2';
    expect(await errorCode(run({ ClientToken, ImageId: 'ami-0123456789abcdef0' }))).toBe('InvalidAMIID.NotFound');
    const [instance] = await run({ ClientToken });
    expect(instance?.ClientToken).toBe(ClientToken);
  });

  test('unknown names are refused with the codes of AWS', async () => {
    expect(await errorCode(run({ ImageId: 'ami-0123456789abcdef0' }))).toBe('InvalidAMIID.NotFound');
    expect(await errorCode(run({ InstanceType: 't9.nano' as 't3.nano' }))).toBe('InvalidParameterValue');
    expect(await errorCode(run({ KeyName: 'nobody' }))).toBe('InvalidKeyPair.NotFound');
    expect(await errorCode(run({ SubnetId: 'subnet-0123456789abcdef0' }))).toBe('InvalidSubnetID.NotFound');
    expect(await errorCode(run({ SecurityGroupIds: ['sg-0123456789abcdef0'] }))).toBe('InvalidGroup.NotFound');
    expect(await errorCode(run({ IamInstanceProfile: { Name: 'nobody' } }))).toBe('InvalidParameterValue');
    expect(await errorCode(read('i-0123456789abcdef0'))).toBe('InvalidInstanceID.NotFound');
    expect(
      await errorCode(aws.ec2.send(new DescribeInstanceTypesCommand({ InstanceTypes: ['t9.nano' as 't3.nano'] }))),
    ).toBe('InvalidInstanceType');
    const [profiled] = await run({ IamInstanceProfile: { Name: 'nodes.cluster-api-provider-aws.sigs.k8s.io' } });
    expect(profiled?.InstanceId).toBeDefined();
  });

  test('user data is limited to 16 KiB and can be read back', async () => {
    const exact = Buffer.alloc(16_384, 'a').toString('base64');
    const [instance] = await run({ UserData: exact });
    const attribute = { InstanceId: instance?.InstanceId ?? '', Attribute: 'userData' as const };
    const reply = await aws.ec2.send(new DescribeInstanceAttributeCommand(attribute));
    expect(reply.UserData?.Value).toBe(exact);
    expect(await errorCode(run({ UserData: Buffer.alloc(16_385, 'a').toString('base64') }))).toBe(
      'InvalidParameterValue',
    );
  });

  test('keeps metadata options, disks, and the tags of every resource made at launch', async () => {
    const tags = (value: string) => [{ Key: 'Name', Value: value }];
    const [started] = await run({
      MetadataOptions: { HttpTokens: 'required', HttpPutResponseHopLimit: 2 },
      BlockDeviceMappings: [
        {
          DeviceName: '/dev/sda1',
          Ebs: { VolumeType: 'gp3', VolumeSize: 40, Throughput: 250, Iops: 4000, Encrypted: true },
        },
        { DeviceName: '/dev/sdb', Ebs: { VolumeSize: 5, DeleteOnTermination: true } },
      ],
      TagSpecifications: [
        { ResourceType: 'instance', Tags: tags('machine') },
        { ResourceType: 'volume', Tags: tags('disk') },
        { ResourceType: 'network-interface', Tags: tags('nic') },
      ],
    });
    const id = started?.InstanceId ?? '';
    const instance = await untilState(id, 'running');
    expect(instance.MetadataOptions).toMatchObject({ HttpTokens: 'required', HttpPutResponseHopLimit: 2 });
    const volumes = await aws.ec2.send(
      new DescribeVolumesCommand({ Filters: [{ Name: 'attachment.instance-id', Values: [id] }] }),
    );
    expect(volumes.Volumes).toHaveLength(2);
    const root = volumes.Volumes?.find((v) => v.Attachments?.[0]?.Device === '/dev/sda1');
    expect(root).toMatchObject({ Size: 40, VolumeType: 'gp3', Throughput: 250, Iops: 4000, Encrypted: true });
    expect(volumes.Volumes?.map((v) => v.Tags?.[0]?.Value)).toEqual(['disk', 'disk']);
    const nic = await aws.ec2.send(
      new DescribeNetworkInterfacesCommand({ Filters: [{ Name: 'attachment.instance-id', Values: [id] }] }),
    );
    expect(nic.NetworkInterfaces?.[0]?.TagSet?.[0]?.Value).toBe('nic');
    expect(nic.NetworkInterfaces?.[0]?.Attachment?.DeleteOnTermination).toBe(true);

    await aws.ec2.send(new ModifyInstanceMetadataOptionsCommand({ InstanceId: id, HttpTokens: 'optional' }));
    expect((await read(id)).MetadataOptions).toMatchObject({ HttpTokens: 'optional', HttpPutResponseHopLimit: 2 });
    await aws.ec2.send(new TerminateInstancesCommand({ InstanceIds: [id] }));
    await untilState(id, 'terminated');
    const left = await moto.admin.inventory({ type: 'volume' });
    expect(left.filter((item) => item.name === 'disk')).toEqual([]);
  });

  test('a root disk smaller than the image is refused, an unmentioned one has the size of the image', async () => {
    const small = { DeviceName: '/dev/sda1', Ebs: { VolumeSize: 4 } };
    expect(await errorCode(run({ BlockDeviceMappings: [small] }))).toBe('InvalidBlockDeviceMapping');
    const [instance] = await run();
    const mine = { Filters: [{ Name: 'attachment.instance-id', Values: [instance?.InstanceId ?? ''] }] };
    const volumes = await aws.ec2.send(new DescribeVolumesCommand(mine));
    expect(volumes.Volumes?.map((v) => [v.Size, v.VolumeType])).toEqual([[8, 'gp3']]);
  });

  test('addresses come from the subnet, skip the reserved ones, and are not given again quickly', async () => {
    const subnet = await aws.ec2.send(new CreateSubnetCommand({ VpcId: vpcId, CidrBlock: '10.0.9.0/28' }));
    const where = { SubnetId: subnet.Subnet?.SubnetId ?? '' };
    const [first] = await run(where);
    expect(first?.PrivateIpAddress).toBe('10.0.9.4');
    await aws.ec2.send(new TerminateInstancesCommand({ InstanceIds: [first?.InstanceId ?? ''] }));
    await untilState(first?.InstanceId ?? '', 'terminated');
    const [second] = await run(where);
    expect(second?.PrivateIpAddress).toBe('10.0.9.5');
    expect(await errorCode(run({ ...where, PrivateIpAddress: '10.0.9.5' }))).toBe('InvalidIPAddress.InUse');
    expect(await errorCode(run({ ...where, PrivateIpAddress: '10.0.9.1' }))).toBe('InvalidParameterValue');
    expect(await errorCode(run({ ...where, MinCount: 11, MaxCount: 11 }))).toBe('InsufficientFreeAddressesInSubnet');
    const [public1] = await run({
      SubnetId: undefined,
      SecurityGroupIds: undefined,
      NetworkInterfaces: [{ DeviceIndex: 0, SubnetId: subnetId, Groups: [groupId], AssociatePublicIpAddress: true }],
    });
    expect((await read(public1?.InstanceId ?? '')).PublicIpAddress).toMatch(/^198\.(18|19)\./);
  });

  test('instances in a public subnet get a public address, and volumes are paged', async () => {
    const made = await aws.ec2.send(new CreateSubnetCommand({ VpcId: vpcId, CidrBlock: '10.0.10.0/24' }));
    const SubnetId = made.Subnet?.SubnetId ?? '';
    await aws.ec2.send(new ModifySubnetAttributeCommand({ SubnetId, MapPublicIpOnLaunch: { Value: true } }));
    const instances = await run({ SubnetId, MinCount: 1, MaxCount: 3 });
    expect(instances.map((i) => i.AmiLaunchIndex)).toEqual([0, 1, 2]);
    expect(new Set(instances.map((i) => i.PublicIpAddress)).size).toBe(3);
    const ids = instances.map((i) => i.InstanceId ?? '');
    const filter = { Filters: [{ Name: 'attachment.instance-id', Values: ids }], MaxResults: 2 };
    const first = await aws.ec2.send(new DescribeVolumesCommand(filter));
    const second = await aws.ec2.send(new DescribeVolumesCommand({ ...filter, NextToken: first.NextToken }));
    expect([first.Volumes?.length, second.Volumes?.length, second.NextToken]).toEqual([2, 1, undefined]);
    expect(await errorCode(aws.ec2.send(new DescribeVolumesCommand({ NextToken: 'made-up' })))).toBe(
      'InvalidNextToken',
    );
  });

  test('security groups follow the primary interface and cannot go while it uses them', async () => {
    const other = new CreateSecurityGroupCommand({ VpcId: vpcId, GroupName: 'other', Description: 'other' });
    const otherId = (await aws.ec2.send(other)).GroupId ?? '';
    const [instance] = await run();
    const nic = instance?.NetworkInterfaces?.[0]?.NetworkInterfaceId ?? '';
    await aws.ec2.send(new ModifyNetworkInterfaceAttributeCommand({ NetworkInterfaceId: nic, Groups: [otherId] }));
    expect((await read(instance?.InstanceId ?? '')).SecurityGroups?.map((g) => g.GroupId)).toEqual([otherId]);
    expect(await errorCode(aws.ec2.send(new DeleteSecurityGroupCommand({ GroupId: otherId })))).toBe(
      'DependencyViolation',
    );
    await aws.ec2.send(new TerminateInstancesCommand({ InstanceIds: [instance?.InstanceId ?? ''] }));
    await untilState(instance?.InstanceId ?? '', 'terminated');
    await aws.ec2.send(new DeleteSecurityGroupCommand({ GroupId: otherId }));
  });

  test('volumes honour their token and are creating for a moment', async () => {
    const request = { AvailabilityZone: 'us-east-1a', Size: 3, VolumeType: 'gp3' as const, ClientToken: 'volume-1' };
    const first = await aws.ec2.send(new CreateVolumeCommand(request));
    expect(first.State).toBe('creating');
    const same = await until(
      () => aws.ec2.send(new CreateVolumeCommand(request)),
      (volume) => volume.State === 'available',
    );
    expect(same.VolumeId).toBe(first.VolumeId);
  });

  test('the machine host sees them and can tell that one shut down or died', async () => {
    const [a] = await run({ UserData: Buffer.from('#cloud-config').toString('base64') });
    const [b] = await run({ InstanceInitiatedShutdownBehavior: 'terminate' });
    const ids = [a?.InstanceId ?? '', b?.InstanceId ?? ''];
    await untilState(ids[0] ?? '', 'running');
    await untilState(ids[1] ?? '', 'running');
    const seen = await moto.admin.instances();
    expect(seen.items.find((i) => i.id === ids[0])).toMatchObject({
      state: 'running',
      subnetCidr: '10.0.1.0/24',
      vpcCidr: '10.0.0.0/16',
      userData: Buffer.from('#cloud-config').toString('base64'),
      launchIndex: 0,
    });
    const change = moto.admin.instances({ version: seen.version, waitMs: 20_000 });
    const printed = async (): Promise<string> => {
      const { Output } = await aws.ec2.send(new GetConsoleOutputCommand({ InstanceId: ids[0] }));
      return Buffer.from(Output ?? '', 'base64').toString();
    };
    expect(await printed()).toBe('');
    await moto.admin.reportMachine(ids[0] ?? '', 'console', 'kubeadm: error');
    expect(await printed()).toBe('kubeadm: error');
    expect((await moto.admin.instances()).version).toBe(seen.version);
    await moto.admin.reportMachine(ids[0] ?? '', 'shutdown', 'reboot: Power down');
    expect(await printed()).toBe('reboot: Power down');
    const after = await change;
    expect(after.version).not.toBe(seen.version);
    expect((await read(ids[0] ?? '')).State?.Name).toBe('stopped');
    await moto.admin.reportMachine(ids[1] ?? '', 'shutdown');
    const ended = await untilState(ids[1] ?? '', 'terminated');
    expect(ended.StateReason?.Code).toBe('Client.InstanceInitiatedShutdown');
    await moto.admin.reportMachine(ids[0] ?? '', 'died');
    await untilState(ids[0] ?? '', 'terminated');
  });
});

async function anyImage(aws: TestClients): Promise<string> {
  const named = { Filters: [{ Name: 'name', Values: ['capa-ami-ubuntu-24.04-?1.34.4-*'] }] };
  return (await aws.ec2.send(new DescribeImagesCommand(named))).Images?.[0]?.ImageId ?? '';
}
