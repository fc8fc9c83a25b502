import {
  AuthorizeSecurityGroupIngressCommand,
  CreateSecurityGroupCommand,
  CreateVpcCommand,
  DeleteSecurityGroupCommand,
  DescribeSecurityGroupsCommand,
  RevokeSecurityGroupIngressCommand,
} from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { MotoHandle } from './index.js';
import { errorCode, startTestMoto, type TestClients, testClients } from './testing.js';

jest.setTimeout(30_000);

describe('emulated security groups', () => {
  let moto: MotoHandle;
  let aws: TestClients;

  beforeAll(async () => {
    moto = await startTestMoto({ allMs: 0 });
    aws = testClients(moto.endpoint, 'eu-west-1');
  }, 300_000);
  afterAll(() => moto.stop());

  const newVpc = async () => {
    const made = await aws.ec2.send(new CreateVpcCommand({ CidrBlock: '10.0.0.0/16' }));
    return { id: made.Vpc?.VpcId ?? '' };
  };

  test('security groups accept protocols without ports, change as a whole, and hold on to each other', async () => {
    const { id: VpcId } = await newVpc();
    const make = async (GroupName: string) =>
      (await aws.ec2.send(new CreateSecurityGroupCommand({ VpcId, GroupName, Description: GroupName }))).GroupId ?? '';
    const [a, b] = [await make('a'), await make('b')];
    const read = async (id: string) =>
      (await aws.ec2.send(new DescribeSecurityGroupsCommand({ GroupIds: [id] }))).SecurityGroups?.[0]?.IpPermissions ??
      [];
    const fromB = [{ GroupId: b, Description: 'from b' }];
    await aws.ec2.send(
      new AuthorizeSecurityGroupIngressCommand({
        GroupId: a,
        IpPermissions: [
          { IpProtocol: '4', UserIdGroupPairs: fromB },
          { IpProtocol: '50', FromPort: -1, ToPort: 65_535, IpRanges: [{ CidrIp: '10.0.0.0/16' }] },
          { IpProtocol: 'tcp', FromPort: 22, ToPort: 22, UserIdGroupPairs: fromB },
        ],
      }),
    );
    const rules = await read(a);
    expect(rules.map((r) => [r.IpProtocol, r.FromPort, r.ToPort])).toEqual([
      ['4', undefined, undefined],
      ['50', undefined, undefined],
      ['tcp', 22, 22],
    ]);
    const half = [
      { IpProtocol: 'tcp', FromPort: 80, ToPort: 80, IpRanges: [{ CidrIp: '0.0.0.0/0' }] },
      { IpProtocol: 'tcp', FromPort: 22, ToPort: 22, UserIdGroupPairs: [{ GroupId: b }] },
    ];
    const authorize = new AuthorizeSecurityGroupIngressCommand({ GroupId: a, IpPermissions: half });
    expect(await errorCode(aws.ec2.send(authorize))).toBe('InvalidPermission.Duplicate');
    expect(await read(a)).toHaveLength(3);
    const noPorts = new AuthorizeSecurityGroupIngressCommand({
      GroupId: a,
      IpPermissions: [{ IpProtocol: 'tcp', IpRanges: [{ CidrIp: '0.0.0.0/0' }] }],
    });
    expect(await errorCode(aws.ec2.send(noPorts))).toBe('InvalidParameterValue');

    expect(await errorCode(aws.ec2.send(new DeleteSecurityGroupCommand({ GroupId: b })))).toBe('DependencyViolation');
    const revoke = (IpPermissions: object[]) =>
      aws.ec2.send(new RevokeSecurityGroupIngressCommand({ GroupId: a, IpPermissions }));
    expect(await errorCode(revoke(half))).toBe('InvalidPermission.NotFound');
    await revoke([
      { IpProtocol: 'tcp', FromPort: 22, ToPort: 22, UserIdGroupPairs: [{ GroupId: b }] },
      { IpProtocol: '4', UserIdGroupPairs: [{ GroupId: b }] },
    ]);
    await aws.ec2.send(new DeleteSecurityGroupCommand({ GroupId: b }));
    await aws.ec2.send(new DeleteSecurityGroupCommand({ GroupId: a }));
    expect(await errorCode(aws.ec2.send(new DeleteSecurityGroupCommand({ GroupId: a })))).toBe('InvalidGroup.NotFound');
    const defaults = {
      Filters: [
        { Name: 'vpc-id', Values: [VpcId] },
        { Name: 'group-name', Values: ['default'] },
      ],
    };
    const [group] = (await aws.ec2.send(new DescribeSecurityGroupsCommand(defaults))).SecurityGroups ?? [];
    const removeDefault = new DeleteSecurityGroupCommand({ GroupId: group?.GroupId ?? '' });
    expect(await errorCode(aws.ec2.send(removeDefault))).toBe('CannotDelete');
    expect(await errorCode(make('sg-abc'))).toBe('InvalidParameterValue');
  });

  test('security groups are paged', async () => {
    const { id: VpcId } = await newVpc();
    for (const GroupName of ['p1', 'p2', 'p3', 'p4', 'p5', 'p6']) {
      await aws.ec2.send(new CreateSecurityGroupCommand({ VpcId, GroupName, Description: 'x' }));
    }
    const Filters = [{ Name: 'vpc-id', Values: [VpcId] }];
    const names: (string | undefined)[] = [];
    let NextToken: string | undefined;
    do {
      const page: {
        NextToken?: string | undefined;
        SecurityGroups?: { GroupName?: string | undefined }[] | undefined;
      } = await aws.ec2.send(new DescribeSecurityGroupsCommand({ Filters, MaxResults: 5, NextToken }));
      expect(page.SecurityGroups?.length).toBeLessThanOrEqual(5);
      names.push(...(page.SecurityGroups ?? []).map((g) => g.GroupName));
      NextToken = page.NextToken;
    } while (NextToken);
    expect(names.sort()).toEqual(['default', 'p1', 'p2', 'p3', 'p4', 'p5', 'p6']);
  });
});
