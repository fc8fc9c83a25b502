import {
  AllocateAddressCommand,
  CreateVpcCommand,
  DescribeVpcsCommand,
  RunInstancesCommand,
} from '@aws-sdk/client-ec2';
import { DescribeLoadBalancersCommand } from '@aws-sdk/client-elastic-load-balancing';
import { GetResourcesCommand } from '@aws-sdk/client-resource-groups-tagging-api';
import { CreateSecretCommand, DeleteSecretCommand } from '@aws-sdk/client-secrets-manager';
import { AssumeRoleCommand, GetCallerIdentityCommand } from '@aws-sdk/client-sts';
import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { MotoHandle } from './index.js';
import { errorCode, startTestMoto, type TestClients, testClients } from './testing.js';

jest.setTimeout(30_000);

describe('admin side of the emulated AWS', () => {
  let moto: MotoHandle;
  let aws: TestClients;

  beforeAll(async () => {
    moto = await startTestMoto({ allMs: 0 });
    aws = testClients(moto.endpoint);
  }, 300_000);
  beforeEach(() => moto.admin.reset());
  afterAll(() => moto.stop());

  const makeVpc = () => aws.ec2.send(new CreateVpcCommand({ CidrBlock: '10.0.0.0/16' }));
  const listVpcs = () => aws.ec2.send(new DescribeVpcsCommand({}));

  test('errors are answered for chosen calls only, in the wire format of each service', async () => {
    const rule = await moto.admin.addFault({
      service: 'ec2',
      action: 'CreateVpc',
      nth: [1, 3],
      effect: { kind: 'error', code: 'VpcLimitExceeded', message: 'the maximum number of VPCs has been reached.' },
    });
    expect(await errorCode(makeVpc())).toBe('VpcLimitExceeded');
    await makeVpc();
    expect(await errorCode(makeVpc())).toBe('VpcLimitExceeded');
    await listVpcs();
    expect(await moto.admin.faults()).toMatchObject([{ id: rule.id, seen: 3, fired: 2 }]);
    await moto.admin.removeFault(rule.id);
    await makeVpc();

    const denied = { kind: 'error', code: 'AccessDenied', status: 403 } as const;
    await moto.admin.addFault({ service: ['elb', 'sts', 'secretsmanager', 'tagging'], effect: denied });
    expect(await errorCode(aws.elb.send(new DescribeLoadBalancersCommand({})))).toBe('AccessDenied');
    expect(await errorCode(aws.sts.send(new GetCallerIdentityCommand({})))).toBe('AccessDenied');
    expect(await errorCode(aws.tagging.send(new GetResourcesCommand({})))).toBe('AccessDenied');
    expect(await errorCode(aws.secrets.send(new CreateSecretCommand({ Name: 'x', SecretString: 'y' })))).toBe(
      'AccessDenied',
    );
  });

  test('quotas, capacity and expired credentials can be scripted by parameter and key', async () => {
    const capacity = { kind: 'error', code: 'InsufficientInstanceCapacity', status: 500 } as const;
    await moto.admin.addFault({ action: 'RunInstances', params: { InstanceType: 'm5.*' }, effect: capacity });
    const launch = new RunInstancesCommand({ ImageId: 'ami-1', InstanceType: 'm5.large', MinCount: 1, MaxCount: 1 });
    expect(await errorCode(aws.ec2.send(launch))).toBe('InsufficientInstanceCapacity');
    await moto.admin.addFault({ action: 'AllocateAddress', effect: { kind: 'error', code: 'AddressLimitExceeded' } });
    expect(await errorCode(aws.ec2.send(new AllocateAddressCommand({})))).toBe('AddressLimitExceeded');
    const stale = testClients(moto.endpoint, 'us-east-1', {
      accessKeyId: 'AKIAEXPIREDEXPIRED12',
      secretAccessKey: 'x',
    });
    await moto.admin.addFault({
      accessKey: 'AKIAEXPIRED*',
      effect: { kind: 'error', code: 'ExpiredToken', status: 403 },
    });
    expect(await errorCode(stale.sts.send(new GetCallerIdentityCommand({})))).toBe('ExpiredToken');
    await aws.sts.send(new GetCallerIdentityCommand({}));
  });

  test('a dropped answer leaves the resource behind, a dropped request does not', async () => {
    await moto.admin.addFault({ action: 'CreateVpc', count: 1, effect: { kind: 'dropAfter' } });
    await expect(makeVpc()).rejects.toThrow();
    expect(await moto.admin.inventory({ type: 'vpc' })).toHaveLength(1);
    await moto.admin.addFault({ action: 'CreateVpc', count: 1, effect: { kind: 'dropBefore' } });
    await expect(makeVpc()).rejects.toThrow();
    expect(await moto.admin.inventory({ type: 'vpc' })).toHaveLength(1);
    await makeVpc();
    expect(await moto.admin.inventory({ type: 'vpc' })).toHaveLength(2);
    expect((await moto.admin.journal({ action: 'CreateVpc' })).map((call) => call.status)).toEqual([0, 0, 200]);
  });

  test('throttling is a token bucket with the error of the service', async () => {
    await moto.admin.addFault({
      id: 'slow',
      service: 'ec2',
      effect: { kind: 'throttle', ratePerSecond: 0.001, burst: 2 },
    });
    await moto.admin.addFault({ service: 'elb', effect: { kind: 'throttle', ratePerSecond: 0.001, burst: 1 } });
    await listVpcs();
    await listVpcs();
    expect(await errorCode(listVpcs())).toBe('RequestLimitExceeded');
    await aws.elb.send(new DescribeLoadBalancersCommand({}));
    expect(await errorCode(aws.elb.send(new DescribeLoadBalancersCommand({})))).toBe('Throttling');
    const [throttled] = await moto.admin.journal({ error: 'RequestLimitExceeded' });
    expect(throttled).toMatchObject({ status: 503, fault: 'slow' });
  });

  test('chance is repeatable and delays add up', async () => {
    const coin = {
      action: 'DescribeVpcs',
      probability: 0.5,
      seed: 7,
      effect: { kind: 'error', code: 'Unavailable', status: 503 },
    } as const;
    const play = async () => {
      await moto.admin.addFault({ id: 'coin', ...coin });
      const tosses = [];
      for (let i = 0; i < 12; i += 1)
        tosses.push(
          await listVpcs().then(
            () => 'ok',
            () => 'failed',
          ),
        );
      return tosses;
    };
    const first = await play();
    expect(new Set(first)).toEqual(new Set(['ok', 'failed']));
    expect(await play()).toEqual(first);
    await moto.admin.clearFaults();
    await moto.admin.addFault({ action: 'DescribeVpcs', effect: { kind: 'delay', ms: 30 } });
    await moto.admin.addFault({ action: 'DescribeVpcs', effect: { kind: 'delay', ms: 40 } });
    await listVpcs();
    const [call] = await moto.admin.journal({ action: 'DescribeVpcs', limit: 1 });
    expect(call?.durationMs).toBeGreaterThanOrEqual(70);
    await expect(moto.admin.addFault({ effect: { kind: 'error' } as never })).rejects.toThrow('code');
  });

  test('the journal tells who called what, counts, and filters', async () => {
    await makeVpc();
    await listVpcs();
    const summary = await moto.admin.journalSummary();
    expect(summary).toMatchObject({ total: 2, mutating: 1, actions: { 'ec2:CreateVpc': 1, 'ec2:DescribeVpcs': 1 } });
    const [write] = await moto.admin.journal({ mutating: true });
    expect(write).toMatchObject({
      action: 'CreateVpc',
      accessKey: 'AKIAIOSFODNN7EXAMPLE',
      account: '123456789012',
      region: 'us-east-1',
    });
    expect(write?.requestId).toMatch(/\S/);
    expect(await moto.admin.journal({ since: write?.sequence ?? 0 })).toHaveLength(1);
    await moto.admin.clearJournal();
    expect((await moto.admin.journalSummary()).total).toBe(0);
  });

  test('roles of other accounts are assumed, and their resources are their own', async () => {
    const role = { RoleArn: 'arn:aws:iam::222233334444:role/perdure', RoleSessionName: 'test' };
    const { Credentials } = await aws.sts.send(new AssumeRoleCommand(role));
    const theirs = testClients(moto.endpoint, 'us-east-1', {
      accessKeyId: Credentials?.AccessKeyId ?? '',
      secretAccessKey: Credentials?.SecretAccessKey ?? '',
      sessionToken: Credentials?.SessionToken ?? '',
    });
    expect((await theirs.sts.send(new GetCallerIdentityCommand({}))).Account).toBe('222233334444');
    await theirs.ec2.send(new CreateVpcCommand({ CidrBlock: '10.9.0.0/16' }));
    await makeVpc();
    const mine = await moto.admin.inventory({ account: '123456789012', type: 'vpc' });
    const others = await moto.admin.inventory({ account: '222233334444', type: 'vpc' });
    expect([mine.length, others.length]).toEqual([1, 1]);
    const [call] = await moto.admin.journal({ account: '222233334444', action: 'CreateVpc' });
    expect(call?.caller).toBe('arn:aws:sts::222233334444:assumed-role/perdure/test');
  });

  test('the inventory is empty for a fresh account, and secrets come and go in it', async () => {
    await listVpcs();
    expect(await moto.admin.inventory()).toEqual([]);
    const request = {
      Name: 'aws.cluster.x-k8s.io/a-0',
      SecretString: 'data',
      ClientRequestToken: '6f1f4b1e-6d8d-4a0e-9f64-0d1a7f1a2b3c',
    };
    const made = await aws.secrets.send(new CreateSecretCommand(request));
    expect((await aws.secrets.send(new CreateSecretCommand(request))).ARN).toBe(made.ARN);
    const changed = new CreateSecretCommand({ ...request, SecretString: 'other' });
    expect(await errorCode(aws.secrets.send(changed))).toBe('ResourceExistsException');
    expect(await moto.admin.inventory()).toMatchObject([{ service: 'secretsmanager', name: request.Name }]);
    await aws.secrets.send(new DeleteSecretCommand({ SecretId: request.Name, ForceDeleteWithoutRecovery: true }));
    expect(await moto.admin.inventory()).toEqual([]);
  });

  test('delays change at run time, unknown ones are refused, reset restores them', async () => {
    expect(await moto.admin.setDelays({ natPendingMs: 5 })).toMatchObject({ natPendingMs: 5, instancePendingMs: 0 });
    await expect(moto.admin.setDelays({ napMs: 5 } as never)).rejects.toThrow("unknown delay 'napMs'");
    await moto.admin.reset();
    expect((await moto.admin.ready()).delays.natPendingMs).toBe(0);
  });
});
