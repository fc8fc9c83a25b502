import {
  AttachInternetGatewayCommand,
  CreateInternetGatewayCommand,
  CreateSecurityGroupCommand,
  CreateSubnetCommand,
  CreateVpcCommand,
  DeleteSecurityGroupCommand,
  DeleteSubnetCommand,
  DescribeImagesCommand,
  DescribeInstancesCommand,
  RunInstancesCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import {
  ConfigureHealthCheckCommand,
  CreateLoadBalancerCommand as CreateClassicCommand,
  DeleteLoadBalancerCommand as DeleteClassicCommand,
  DescribeLoadBalancersCommand as DescribeClassicCommand,
  DescribeInstanceHealthCommand,
  RegisterInstancesWithLoadBalancerCommand,
} from '@aws-sdk/client-elastic-load-balancing';
import {
  CreateListenerCommand,
  CreateLoadBalancerCommand,
  CreateTargetGroupCommand,
  DeleteLoadBalancerCommand,
  DeleteTargetGroupCommand,
  DeregisterTargetsCommand,
  DescribeLoadBalancersCommand,
  DescribeTagsCommand,
  DescribeTargetGroupsCommand,
  DescribeTargetHealthCommand,
  type LoadBalancerTypeEnum,
  RegisterTargetsCommand,
  SetSecurityGroupsCommand,
  SetSubnetsCommand,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { GetResourcesCommand } from '@aws-sdk/client-resource-groups-tagging-api';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { MotoHandle } from './index.js';
import { errorCode, startTestMoto, type TestClients, testClients, until } from './testing.js';

jest.setTimeout(30_000);

describe('emulated load balancers', () => {
  let moto: MotoHandle;
  let aws: TestClients;
  let VpcId: string;
  let subnets: string[];
  let group: string;

  beforeAll(async () => {
    moto = await startTestMoto({ allMs: 100 });
    aws = testClients(moto.endpoint, 'eu-central-1');
    VpcId = (await aws.ec2.send(new CreateVpcCommand({ CidrBlock: '10.0.0.0/16' }))).Vpc?.VpcId ?? '';
    subnets = [];
    for (const [index, zone] of ['a', 'b', 'c'].entries()) {
      const where = { VpcId, CidrBlock: `10.0.${index}.0/24`, AvailabilityZone: `eu-central-1${zone}` };
      subnets.push((await aws.ec2.send(new CreateSubnetCommand(where))).Subnet?.SubnetId ?? '');
    }
    group = await newGroup('apiserver-lb');
    expect(await errorCode(newV2('early'))).toBe('InvalidSubnetException');
    const igw = await aws.ec2.send(new CreateInternetGatewayCommand({}));
    const InternetGatewayId = igw.InternetGateway?.InternetGatewayId ?? '';
    await aws.ec2.send(new AttachInternetGatewayCommand({ VpcId, InternetGatewayId }));
  }, 300_000);
  afterAll(() => moto.stop());

  const newGroup = async (GroupName: string) =>
    (await aws.ec2.send(new CreateSecurityGroupCommand({ VpcId, GroupName, Description: 'x' }))).GroupId ?? '';
  const newV2 = async (Name: string, extra: object = {}, Type: LoadBalancerTypeEnum = 'network') => {
    const request = { Name, Type, Subnets: subnets.slice(0, 2), SecurityGroups: [group], ...extra };
    const [lb] = (await aws.elbv2.send(new CreateLoadBalancerCommand(request))).LoadBalancers ?? [];
    return { arn: lb?.LoadBalancerArn ?? '', lb };
  };
  const newTargets = async (Name: string, extra: object = {}) => {
    const request = {
      Name,
      Protocol: 'TCP' as const,
      Port: 6443,
      VpcId,
      HealthCheckIntervalSeconds: 5,
      HealthCheckTimeoutSeconds: 4,
    };
    const reply = await aws.elbv2.send(new CreateTargetGroupCommand({ ...request, ...extra }));
    return reply.TargetGroups?.[0]?.TargetGroupArn ?? '';
  };
  const listen = async (LoadBalancerArn: string, TargetGroupArn: string, Port = 6443) => {
    const DefaultActions = [{ Type: 'forward' as const, TargetGroupArn }];
    const reply = await aws.elbv2.send(
      new CreateListenerCommand({ LoadBalancerArn, Protocol: 'TCP', Port, DefaultActions }),
    );
    return reply.Listeners?.[0]?.ListenerArn ?? '';
  };
  const newInstance = async () => {
    const images = await aws.ec2.send(
      new DescribeImagesCommand({ Filters: [{ Name: 'name', Values: ['capa-ami-*'] }] }),
    );
    const request = {
      ImageId: images.Images?.[0]?.ImageId ?? '',
      InstanceType: 't3.large' as const,
      MinCount: 1,
      MaxCount: 1,
    };
    const made = await aws.ec2.send(new RunInstancesCommand({ ...request, SubnetId: subnets[0] }));
    const id = made.Instances?.[0]?.InstanceId ?? '';
    await until(
      () => aws.ec2.send(new DescribeInstancesCommand({ InstanceIds: [id] })),
      (reply) => reply.Reservations?.[0]?.Instances?.[0]?.State?.Name === 'running',
    );
    return { id, ip: made.Instances?.[0]?.PrivateIpAddress ?? '' };
  };
  const health = async (TargetGroupArn: string) =>
    (await aws.elbv2.send(new DescribeTargetHealthCommand({ TargetGroupArn }))).TargetHealthDescriptions?.map((d) => ({
      id: d.Target?.Id,
      state: d.TargetHealth?.State,
      reason: d.TargetHealth?.Reason,
    })) ?? [];

  test('network load balancers have ARNs and names of their kind and are provisioning first', async () => {
    const { arn, lb } = await newV2('kube-api');
    expect(arn).toMatch(/^arn:aws:elasticloadbalancing:eu-central-1:\d{12}:loadbalancer\/net\/kube-api\/[0-9a-f]{16}$/);
    expect(lb?.DNSName).toMatch(/^kube-api-[0-9a-f]{16}\.elb\.eu-central-1\.amazonaws\.com$/);
    expect(lb?.State?.Code).toBe('provisioning');
    await until(
      () => aws.elbv2.send(new DescribeLoadBalancersCommand({ Names: ['kube-api'] })),
      (reply) => reply.LoadBalancers?.[0]?.State?.Code === 'active',
    );
    expect(await errorCode(aws.elbv2.send(new DescribeLoadBalancersCommand({ Names: ['nobody'] })))).toBe(
      'LoadBalancerNotFoundException',
    );
    const { lb: alb } = await newV2('web', { Scheme: 'internal' }, 'application');
    expect(alb?.LoadBalancerArn).toContain(':loadbalancer/app/web/');
    expect(alb?.DNSName).toMatch(/^internal-web-\d+\.eu-central-1\.elb\.amazonaws\.com$/);
  });

  test('the same name with equal settings answers the existing one, tags or not; other settings are refused', async () => {
    const first = await newV2('twice', { Tags: [{ Key: 'owner', Value: 'a' }] });
    const second = await newV2('twice', { Tags: [{ Key: 'owner', Value: 'b' }] });
    expect(second.arn).toBe(first.arn);
    const tags = await aws.elbv2.send(new DescribeTagsCommand({ ResourceArns: [first.arn] }));
    expect(tags.TagDescriptions?.[0]?.Tags).toEqual([{ Key: 'owner', Value: 'a' }]);
    expect(await errorCode(newV2('twice', { Scheme: 'internal' }))).toBe('DuplicateLoadBalancerNameException');
    expect(await errorCode(newV2('twice', { Subnets: subnets }))).toBe('DuplicateLoadBalancerNameException');
  });

  test('target groups and listeners are found again by equal settings, refused for others', async () => {
    const { arn } = await newV2('listeners');
    const none = await aws.elbv2.send(new DescribeTargetGroupsCommand({ LoadBalancerArn: arn }));
    expect(none.TargetGroups).toEqual([]);
    const targets = await newTargets('listeners-1');
    expect(await newTargets('listeners-1')).toBe(targets);
    expect(await errorCode(newTargets('listeners-1', { Port: 443 }))).toBe('DuplicateTargetGroupNameException');
    const listener = await listen(arn, targets);
    expect(listener).toContain(':listener/net/listeners/');
    expect(await listen(arn, targets)).toBe(listener);
    expect(await errorCode(listen(arn, await newTargets('listeners-2')))).toBe('DuplicateListenerException');
    const linked = await aws.elbv2.send(new DescribeTargetGroupsCommand({ LoadBalancerArn: arn }));
    expect(linked.TargetGroups?.map((t) => t.LoadBalancerArns)).toEqual([[arn]]);
    const other = await newV2('listeners-b');
    expect(await errorCode(listen(other.arn, targets))).toBe('TargetGroupAssociationLimitException');
    const removeTargets = () => aws.elbv2.send(new DeleteTargetGroupCommand({ TargetGroupArn: targets }));
    expect(await errorCode(removeTargets())).toBe('ResourceInUseException');
    await aws.elbv2.send(new DeleteLoadBalancerCommand({ LoadBalancerArn: arn }));
    await removeTargets();
    await removeTargets();
    await aws.elbv2.send(new DeleteLoadBalancerCommand({ LoadBalancerArn: arn }));
  });

  test('network load balancers take one zone, and groups only when made with some', async () => {
    const bare = await newV2('bare', { SecurityGroups: undefined, Subnets: subnets.slice(0, 1) });
    const set = new SetSecurityGroupsCommand({ LoadBalancerArn: bare.arn, SecurityGroups: [group] });
    expect(await errorCode(aws.elbv2.send(set))).toBe('InvalidConfigurationRequestException');
    await aws.elbv2.send(new SetSubnetsCommand({ LoadBalancerArn: bare.arn, Subnets: subnets.slice(1, 2) }));
    expect(await errorCode(newV2('narrow', { Subnets: subnets.slice(0, 1) }, 'application'))).toBe('ValidationError');
  });

  test('health of targets follows the machine', async () => {
    const { arn } = await newV2('health');
    const targets = await newTargets('health');
    const machine = await newInstance();
    const register = (Id: string) =>
      aws.elbv2.send(new RegisterTargetsCommand({ TargetGroupArn: targets, Targets: [{ Id }] }));
    expect(await errorCode(register('i-0123456789abcdef0'))).toBe('InvalidTargetException');
    await register(machine.id);
    await register(machine.id);
    expect(await health(targets)).toEqual([{ id: machine.id, state: 'unused', reason: 'Target.NotInUse' }]);
    await listen(arn, targets);
    await until(
      () => health(targets),
      (found) => found[0]?.reason === 'Elb.InitialHealthChecking',
    );
    await moto.admin.setHealth([{ target: machine.ip, port: 6443, healthy: true }]);
    expect(await health(targets)).toEqual([{ id: machine.id, state: 'healthy', reason: undefined }]);
    await moto.admin.setHealth([{ target: machine.ip, port: 6443, healthy: false }]);
    expect(await health(targets)).toEqual([
      { id: machine.id, state: 'unhealthy', reason: 'Target.FailedHealthChecks' },
    ]);

    const feed = await moto.admin.loadBalancers({ region: 'eu-central-1' });
    expect(feed.items.find((lb) => lb.name === 'health')).toMatchObject({
      type: 'network',
      addresses: [{ subnetId: expect.any(String) }, { privateIp: expect.stringMatching(/^10\.0\./) }],
      listeners: [
        {
          port: 6443,
          targets: [{ instanceId: machine.id, ip: machine.ip, port: 6443, state: 'running' }],
          healthCheck: { intervalSeconds: 5 },
        },
      ],
    });
    await aws.elbv2.send(new DeregisterTargetsCommand({ TargetGroupArn: targets, Targets: [{ Id: machine.id }] }));
    expect((await health(targets))[0]?.state).toBe('draining');
    await until(
      () => health(targets),
      (found) => found.length === 0,
    );
    await aws.elbv2.send(new DeregisterTargetsCommand({ TargetGroupArn: targets, Targets: [{ Id: machine.id }] }));
    await register(machine.id);
    await aws.ec2.send(new TerminateInstancesCommand({ InstanceIds: [machine.id] }));
    await until(
      () => health(targets),
      (found) => found.length === 0,
    );
  });

  test('subnets and groups stay in use until the interfaces of a deleted load balancer are gone', async () => {
    const where = { VpcId, CidrBlock: '10.0.50.0/24', AvailabilityZone: 'eu-central-1a' };
    const SubnetId = (await aws.ec2.send(new CreateSubnetCommand(where))).Subnet?.SubnetId ?? '';
    const GroupId = await newGroup('short-lived');
    const { arn } = await newV2('short-lived', { Subnets: [SubnetId], SecurityGroups: [GroupId] });
    const removeSubnet = () => aws.ec2.send(new DeleteSubnetCommand({ SubnetId }));
    const removeGroup = () => aws.ec2.send(new DeleteSecurityGroupCommand({ GroupId }));
    expect(await errorCode(removeSubnet())).toBe('DependencyViolation');
    expect(await errorCode(removeGroup())).toBe('DependencyViolation');
    await aws.elbv2.send(new DeleteLoadBalancerCommand({ LoadBalancerArn: arn }));
    expect(await errorCode(removeGroup())).toBe('DependencyViolation');
    await until(
      () =>
        removeSubnet().then(
          () => true,
          () => false,
        ),
      (done) => done,
    );
    await removeGroup();
  });

  test('classic load balancers: names, health, groups', async () => {
    const request = {
      LoadBalancerName: 'classic',
      Listeners: [{ Protocol: 'TCP', LoadBalancerPort: 6443, InstanceProtocol: 'TCP', InstancePort: 6443 }],
      Subnets: subnets.slice(0, 2),
      SecurityGroups: [group],
      Tags: [{ Key: 'owner', Value: 'a' }],
    };
    const first = await aws.elb.send(new CreateClassicCommand(request));
    expect(first.DNSName).toMatch(/^classic-\d+\.eu-central-1\.elb\.amazonaws\.com$/);
    const again = await aws.elb.send(new CreateClassicCommand(request));
    expect(again.DNSName).toBe(first.DNSName);
    for (const change of [{ Subnets: subnets }, { Tags: [{ Key: 'owner', Value: 'b' }] }]) {
      const other = new CreateClassicCommand({ ...request, ...change });
      expect(await errorCode(aws.elb.send(other))).toBe('DuplicateAccessPointNameException');
    }
    const unknown = new DescribeClassicCommand({ LoadBalancerNames: ['nobody'] });
    expect(await errorCode(aws.elb.send(unknown))).toBe('AccessPointNotFoundException');
    const described = await aws.elb.send(new DescribeClassicCommand({ LoadBalancerNames: ['classic'] }));
    expect(described.LoadBalancerDescriptions?.[0]?.AvailabilityZones).toEqual(['eu-central-1a', 'eu-central-1b']);

    const machine = await newInstance();
    const register = (InstanceId: string) =>
      aws.elb.send(
        new RegisterInstancesWithLoadBalancerCommand({ LoadBalancerName: 'classic', Instances: [{ InstanceId }] }),
      );
    expect(await errorCode(register('i-0123456789abcdef0'))).toBe('InvalidEndPointException');
    await register(machine.id);
    expect((await register(machine.id)).Instances).toHaveLength(1);
    const HealthCheck = { Target: 'TCP:6443', Interval: 5, Timeout: 4, HealthyThreshold: 2, UnhealthyThreshold: 6 };
    await aws.elb.send(new ConfigureHealthCheckCommand({ LoadBalancerName: 'classic', HealthCheck }));
    const state = async () =>
      (await aws.elb.send(new DescribeInstanceHealthCommand({ LoadBalancerName: 'classic' }))).InstanceStates?.[0]
        ?.State;
    expect(await state()).toBe('OutOfService');
    await moto.admin.setHealth([{ target: machine.id, healthy: true }]);
    expect(await state()).toBe('InService');

    const tagged = await aws.tagging.send(
      new GetResourcesCommand({
        ResourceTypeFilters: ['elasticloadbalancing:loadbalancer'],
        TagFilters: [{ Key: 'owner' }],
      }),
    );
    const arns = tagged.ResourceTagMappingList?.map((entry) => entry.ResourceARN ?? '') ?? [];
    expect(arns.some((arn) => arn.endsWith(':loadbalancer/classic'))).toBe(true);
    expect(arns.some((arn) => arn.includes(':loadbalancer/net/twice/'))).toBe(true);

    await aws.ec2.send(new TerminateInstancesCommand({ InstanceIds: [machine.id] }));
    expect(await state()).toBeUndefined();
    await aws.elb.send(new DeleteClassicCommand({ LoadBalancerName: 'classic' }));
    await aws.elb.send(new DeleteClassicCommand({ LoadBalancerName: 'classic' }));
    expect(await moto.admin.inventory({ service: 'elb' })).toEqual([]);
  });
});
