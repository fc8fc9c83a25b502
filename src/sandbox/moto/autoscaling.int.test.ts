import {
  CancelInstanceRefreshCommand,
  CreateAutoScalingGroupCommand,
  type CreateAutoScalingGroupCommandInput,
  DeleteAutoScalingGroupCommand,
  DescribeAutoScalingGroupsCommand,
  DescribeAutoScalingInstancesCommand,
  DescribeInstanceRefreshesCommand,
  DescribeLifecycleHooksCommand,
  SetDesiredCapacityCommand,
  StartInstanceRefreshCommand,
  TerminateInstanceInAutoScalingGroupCommand,
  UpdateAutoScalingGroupCommand,
} from '@aws-sdk/client-auto-scaling';
import {
  CreateLaunchTemplateCommand,
  CreateSubnetCommand,
  CreateVpcCommand,
  DescribeImagesCommand,
  DescribeInstancesCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { MotoHandle } from './index.js';
import { startTestMoto, type TestClients, testClients, until } from './testing.js';

jest.setTimeout(60_000);

let moto: MotoHandle;
let aws: TestClients;
let subnets: string[];

beforeAll(async () => {
  moto = await startTestMoto({ allMs: 30 });
  aws = testClients(moto.endpoint);
});
afterAll(async () => {
  await moto.stop();
});
beforeEach(async () => {
  await moto.admin.reset();
  const { Vpc } = await aws.ec2.send(new CreateVpcCommand({ CidrBlock: '10.0.0.0/16' }));
  subnets = [];
  for (const [i, AvailabilityZone] of ['us-east-1a', 'us-east-1b'].entries()) {
    const { Subnet } = await aws.ec2.send(
      new CreateSubnetCommand({ VpcId: Vpc?.VpcId, CidrBlock: `10.0.${i}.0/24`, AvailabilityZone }),
    );
    subnets.push(Subnet?.SubnetId ?? '');
  }
  const { Images = [] } = await aws.ec2.send(new DescribeImagesCommand({}));
  await aws.ec2.send(
    new CreateLaunchTemplateCommand({
      LaunchTemplateName: 't',
      LaunchTemplateData: { ImageId: Images[0]?.ImageId ?? '', InstanceType: 't3.small', UserData: 'YQ==' },
    }),
  );
});

const make = (change: Partial<CreateAutoScalingGroupCommandInput> = {}) =>
  aws.autoscaling.send(
    new CreateAutoScalingGroupCommand({
      AutoScalingGroupName: 'g',
      MinSize: 0,
      MaxSize: 4,
      DesiredCapacity: 2,
      LaunchTemplate: { LaunchTemplateName: 't', Version: '$Latest' },
      VPCZoneIdentifier: subnets.join(', '),
      ...change,
    }),
  );
const group = async () =>
  (await aws.autoscaling.send(new DescribeAutoScalingGroupsCommand({ AutoScalingGroupNames: ['g'] })))
    .AutoScalingGroups?.[0];
const states = async (): Promise<string[]> =>
  ((await group())?.Instances ?? []).map((one) => one.LifecycleState ?? '').sort();
const inService = (count: number) =>
  until(states, (list) => list.length === count && list.every((state) => state === 'InService'));
const refreshes = async () =>
  (await aws.autoscaling.send(new DescribeInstanceRefreshesCommand({ AutoScalingGroupName: 'g' }))).InstanceRefreshes ??
  [];
const start = () =>
  aws.autoscaling.send(
    new StartInstanceRefreshCommand({ AutoScalingGroupName: 'g', Preferences: { MinHealthyPercentage: 50 } }),
  );

describe('an emulated Auto Scaling group', () => {
  test('spreads its instances over the subnets, from the version of the template it names, and tells which', async () => {
    await make();
    expect(await states()).toEqual(['Pending', 'Pending']);
    await inService(2);
    const instances = (await group())?.Instances ?? [];
    expect(instances.map((one) => one.AvailabilityZone).sort()).toEqual(['us-east-1a', 'us-east-1b']);
    expect(instances.map((one) => one.LaunchTemplate?.Version)).toEqual(['1', '1']);
    const { Reservations = [] } = await aws.ec2.send(new DescribeInstancesCommand({}));
    const tags = Reservations.flatMap((r) => r.Instances ?? []).map((one) => one.Tags ?? []);
    for (const list of tags) expect(list).toContainEqual({ Key: 'aws:autoscaling:groupName', Value: 'g' });
  });

  test('refuses a second of its name, a number outside its sizes, and to be deleted with instances unless forced', async () => {
    await make();
    await expect(make()).rejects.toMatchObject({ name: 'AlreadyExistsFault' });
    await expect(make({ AutoScalingGroupName: 'h', DesiredCapacity: 5 })).rejects.toMatchObject({
      Code: 'ValidationError',
    });
    const more = new SetDesiredCapacityCommand({ AutoScalingGroupName: 'g', DesiredCapacity: 5 });
    await expect(aws.autoscaling.send(more)).rejects.toMatchObject({ Code: 'ValidationError' });
    const plain = new DeleteAutoScalingGroupCommand({ AutoScalingGroupName: 'g' });
    await expect(aws.autoscaling.send(plain)).rejects.toMatchObject({ name: 'ResourceInUseFault' });
    // long enough to be seen by a test that is given little of the processor
    await moto.admin.setDelays({ allMs: 1_500 });
    await aws.autoscaling.send(new DeleteAutoScalingGroupCommand({ AutoScalingGroupName: 'g', ForceDelete: true }));
    expect((await group())?.Status).toBe('Delete in progress');
    await moto.admin.setDelays({ allMs: 30 });
    await until(group, (found) => found === undefined);
  });

  test('launches another instance for one that somebody ended, and ends those that are too many', async () => {
    await make();
    await inService(2);
    const lost = (await group())?.Instances?.[0]?.InstanceId ?? '';
    await aws.ec2.send(new TerminateInstancesCommand({ InstanceIds: [lost] }));
    expect(await states()).toEqual(['InService', 'Terminating']);
    await inService(2);
    expect((await group())?.Instances?.map((one) => one.InstanceId)).not.toContain(lost);
    await aws.autoscaling.send(new SetDesiredCapacityCommand({ AutoScalingGroupName: 'g', DesiredCapacity: 1 }));
    await inService(1);
  });

  test('ends the instance it is told to, with a smaller number or for another one, never below its least', async () => {
    await make({ MinSize: 1 });
    await inService(2);
    const [first = '', second = ''] = ((await group())?.Instances ?? []).map((one) => one.InstanceId);
    const end = (InstanceId: string, ShouldDecrementDesiredCapacity: boolean) =>
      aws.autoscaling.send(
        new TerminateInstanceInAutoScalingGroupCommand({ InstanceId, ShouldDecrementDesiredCapacity }),
      );
    await end(first, true);
    const { AutoScalingInstances } = await aws.autoscaling.send(
      new DescribeAutoScalingInstancesCommand({ InstanceIds: [first] }),
    );
    expect(AutoScalingInstances).toMatchObject([{ AutoScalingGroupName: 'g', LifecycleState: 'Terminating' }]);
    expect((await group())?.DesiredCapacity).toBe(1);
    await inService(1);
    expect((await group())?.Instances?.[0]?.InstanceId).toBe(second);
    await expect(end(second, true)).rejects.toMatchObject({ Code: 'ValidationError' });
    await end(second, false);
    expect((await group())?.DesiredCapacity).toBe(1);
    await inService(1);
    expect((await group())?.Instances?.[0]?.InstanceId).not.toBe(second);
    await expect(end('i-unknown', true)).rejects.toMatchObject({ Code: 'ValidationError' });
  });

  test('keeps hooks it is made with, and settings that a change does not name', async () => {
    const hook = {
      LifecycleHookName: 'h',
      LifecycleTransition: 'autoscaling:EC2_INSTANCE_TERMINATING',
      NotificationMetadata: 'x',
    };
    await make({
      LifecycleHookSpecificationList: [hook],
      DefaultInstanceWarmup: 7,
      CapacityRebalance: true,
      DefaultCooldown: 9,
    });
    await aws.autoscaling.send(new UpdateAutoScalingGroupCommand({ AutoScalingGroupName: 'g', MaxSize: 6 }));
    expect(await group()).toMatchObject({
      MaxSize: 6,
      DefaultInstanceWarmup: 7,
      CapacityRebalance: true,
      DefaultCooldown: 9,
      LaunchTemplate: { LaunchTemplateName: 't' },
    });
    const { LifecycleHooks } = await aws.autoscaling.send(
      new DescribeLifecycleHooksCommand({ AutoScalingGroupName: 'g' }),
    );
    expect(LifecycleHooks).toEqual([
      expect.objectContaining({ ...hook, DefaultResult: 'ABANDON', HeartbeatTimeout: 3600 }),
    ]);
    expect(LifecycleHooks?.[0]).not.toHaveProperty('RoleARN');
  });

  test('replaces its instances a few at a time, one refresh at once', async () => {
    await make();
    await inService(2);
    const old = (await group())?.Instances?.map((one) => one.InstanceId) ?? [];
    await start();
    await expect(start()).rejects.toMatchObject({ name: 'InstanceRefreshInProgressFault' });
    const seen = await until(refreshes, ([first]) => first?.Status === 'Successful');
    expect(seen[0]).toMatchObject({
      PercentageComplete: 100,
      InstancesToUpdate: 0,
      Preferences: { MinHealthyPercentage: 50 },
    });
    expect(seen[0]?.StartTime).toBeInstanceOf(Date);
    await inService(2);
    for (const one of (await group())?.Instances ?? []) expect(old).not.toContain(one.InstanceId);
  });

  test('stops a refresh that is cancelled, where it is', async () => {
    await make();
    await inService(2);
    await moto.admin.setDelays({ refreshStepMs: 60_000 });
    await start();
    await aws.autoscaling.send(new CancelInstanceRefreshCommand({ AutoScalingGroupName: 'g' }));
    expect((await refreshes()).map((r) => r.Status)).toEqual(['Cancelling']);
    await moto.admin.setDelays({ allMs: 30 });
    await make({ AutoScalingGroupName: 'h' });
    await expect(
      aws.autoscaling.send(new CancelInstanceRefreshCommand({ AutoScalingGroupName: 'h' })),
    ).rejects.toMatchObject({
      name: 'ActiveInstanceRefreshNotFoundFault',
    });
  });
});
