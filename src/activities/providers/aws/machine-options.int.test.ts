import { gunzipSync } from 'node:zlib';
import { DescribeInstancesCommand } from '@aws-sdk/client-ec2';
import {
  CreateBucketCommand,
  GetBucketPolicyCommand,
  GetObjectCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { FakeKube } from '../../../../test/helpers/fake-kube.js';
import type { AWSCluster, AWSClusterSpec, AWSMachine, AWSMachinePool } from '../../../api/types/aws.js';
import type { Machine } from '../../../api/types/core.js';
import { KINDS } from '../../../api/types/kinds.js';
import type { KubeObject } from '../../../api/types/meta.js';
import type { InventoryItem, MotoHandle } from '../../../sandbox/moto/index.js';
import { startTestMoto, type TestClients, testClients } from '../../../sandbox/moto/testing.js';
import { TAG } from './tags.js';
import {
  type AwsProvider,
  awsClusterObjects,
  awsMachineObjects,
  awsPoolObjects,
  ensureCluster,
  type MachineWish,
  machineContext,
  poolContext,
  removeCluster,
  retried,
  testProvider,
} from './testing.js';

jest.setTimeout(120_000);

let moto: MotoHandle;
let provider: AwsProvider;
let kube: FakeKube;
let aws: TestClients;
let s3: S3Client;
let ssm: SSMClient;

beforeAll(async () => {
  moto = await startTestMoto({ allMs: 0 });
  aws = testClients(moto.endpoint);
  const credentials = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'anything' };
  const config = { endpoint: moto.endpoint, region: 'us-east-1', credentials, maxAttempts: 1 };
  s3 = new S3Client({ ...config, forcePathStyle: true });
  ssm = new SSMClient(config);
});
afterAll(async () => {
  await moto.stop();
});
beforeEach(async () => {
  await moto.admin.reset();
  kube = new FakeKube();
  provider = testProvider(moto.endpoint);
});

const putCluster = (spec: AWSClusterSpec = {}): void => {
  for (const object of awsClusterObjects('one', { spec: { sshKeyName: '', ...spec } })) kube.put(object);
};
const cluster = async (spec: AWSClusterSpec = {}): Promise<void> => {
  putCluster(spec);
  await ensureCluster(provider, kube, 'one');
};
const put = (name: string, wish: Partial<MachineWish> = {}): void => {
  for (const object of awsMachineObjects(name, { cluster: 'one', ...wish })) kube.put(object);
};
const stored = (name: string): AWSMachine => {
  const found = kube.peek<AWSMachine>(KINDS.AWSMachine, { namespace: 'default', name });
  if (!found) throw new Error('no AWSMachine');
  return found;
};
const storedCluster = (): AWSCluster => {
  const found = kube.peek<AWSCluster>(KINDS.AWSCluster, { namespace: 'default', name: 'one' });
  if (!found) throw new Error('no AWSCluster');
  return found;
};
const create = async (name: string) =>
  await retried(async () => provider.createInstance(await machineContext(kube, name)));
const observe = async (name: string) =>
  await retried(async () => provider.observeInstance(await machineContext(kube, name)));
const destroyOnce = async (name: string) =>
  await retried(async () => provider.deleteInstance(await machineContext(kube, name)));
const destroy = async (name: string): Promise<void> => {
  for (;;) {
    const { state } = await destroyOnce(name);
    if (state === 'absent' || state === 'terminated') return;
  }
};
const items = async (type: string): Promise<readonly InventoryItem[]> => await moto.admin.inventory({ type });
const identities = async (): Promise<string[]> =>
  (await moto.admin.inventory()).map((item) => `${item.service}/${item.type}/${item.id}`).sort();
const userData = async (): Promise<string> => {
  const living = (await moto.admin.instances()).items.filter(
    (one) => one.state === 'running' || one.state === 'pending',
  );
  return Buffer.from(living[0]?.userData ?? '', 'base64').toString();
};
const live = async (name: string) => {
  const InstanceIds = [stored(name).spec.instanceID ?? ''];
  const { Reservations } = await aws.ec2.send(new DescribeInstancesCommand({ InstanceIds }));
  return Reservations?.[0]?.Instances?.[0];
};
/** Says that the machine's node has joined. */
const join = (name: string): void => {
  const machine = kube.peek<Machine>(KINDS.Machine, { namespace: 'default', name });
  if (machine) kube.put({ ...machine, status: { nodeRef: { name } } });
};
const withIgnition = (name: string, data: string): void => {
  kube.put({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: `${name}-bootstrap`, namespace: 'default' },
    data: { value: Buffer.from(data).toString('base64'), format: Buffer.from('ignition').toString('base64') },
  } as KubeObject);
};

describe('bootstrap data in the parameter store', () => {
  test('is cut to its size, read back whole, and removed once the node has joined', async () => {
    await cluster();
    const before = await identities();
    // incompressible, so that one value does not hold it
    const noise = Array.from({ length: 6_000 }, (_, i) =>
      Math.sin(i + 1)
        .toString(36)
        .slice(2),
    ).join('');
    put('w', {
      data: `#cloud-config\n# ${noise}\n`,
      spec: { cloudInit: { secureSecretsBackend: 'ssm-parameter-store' } },
    });
    await create('w');
    const { secretPrefix = '', secretCount = 0 } = stored('w').spec.cloudInit ?? {};
    expect(secretPrefix).toMatch(/^\/cluster\.x-k8s\.io\//);
    expect(secretCount).toBeGreaterThan(1);
    const values = await Promise.all(
      Array.from({ length: secretCount }, async (_, i) => {
        const { Parameter } = await ssm.send(
          new GetParameterCommand({ Name: `${secretPrefix}/${i}`, WithDecryption: true }),
        );
        expect(Parameter?.Type).toBe('SecureString');
        expect(Parameter?.Value?.length).toBeLessThanOrEqual(4_096);
        return Buffer.from(Parameter?.Value ?? '', 'base64');
      }),
    );
    expect(gunzipSync(Buffer.concat(values)).toString()).toContain(noise);
    expect(await userData()).toContain('aws ssm');
    join('w');
    await observe('w');
    expect(await items('parameter')).toEqual([]);
    await destroy('w');
    expect(await identities()).toEqual(before);
  });

  test('stored before a crash is stored again, not beside', async () => {
    await cluster();
    put('w', { spec: { cloudInit: { secureSecretsBackend: 'ssm-parameter-store' } } });
    await moto.admin.addFault({
      action: 'RunInstances',
      effect: { kind: 'error', code: 'InternalError', status: 500 },
      count: 1,
    });
    await create('w');
    expect(await items('parameter')).toHaveLength(1);
  });
});

describe('a dedicated host of its own', () => {
  const host: Partial<MachineWish> = {
    spec: { tenancy: 'host', hostAffinity: 'host', dynamicHostAllocation: { tags: { licence: 'x' } } },
  };

  test('is allocated in the zone of the machine, tagged, recorded, and given back after the instance', async () => {
    await cluster();
    const before = await identities();
    put('w', { ...host, failureDomain: 'us-east-1b' });
    await create('w');
    const [made] = await items('dedicated-host');
    expect(made?.tags).toMatchObject({ licence: 'x', [TAG.machineId]: 'machine-id-default-w' });
    expect(stored('w').status?.dedicatedHost).toEqual({ id: made?.id });
    expect((await live('w'))?.Placement).toMatchObject({ HostId: made?.id, AvailabilityZone: 'us-east-1b' });
    await observe('w');
    await moto.admin.setDelays({ instanceShuttingDownMs: 1_500 });
    expect(await destroyOnce('w')).toMatchObject({ state: 'terminating' });
    expect(await items('dedicated-host')).toHaveLength(1);
    await destroy('w');
    expect(await identities()).toEqual(before);
  });

  test.each(['AllocateHosts', 'RunInstances'])('is one, whose answer to %s was lost', async (action) => {
    await cluster();
    put('w', host);
    await moto.admin.addFault({ action, effect: { kind: 'dropAfter' }, count: 1 });
    await create('w');
    expect(await items('dedicated-host')).toHaveLength(1);
    await destroy('w');
    expect(await items('dedicated-host')).toEqual([]);
  });

  test('goes also when the machine never got an instance', async () => {
    await cluster();
    put('w', host);
    const effect = { kind: 'error', code: 'InsufficientHostCapacity', status: 400 } as const;
    await moto.admin.addFault({ action: 'RunInstances', effect });
    await expect(create('w')).rejects.toMatchObject({ type: 'InsufficientCapacity' });
    expect(await items('dedicated-host')).toHaveLength(1);
    await destroy('w');
    expect(await items('dedicated-host')).toEqual([]);
  });
});

test('an address of the user’s pool is associated once the instance runs, and given back with it', async () => {
  await cluster();
  const before = await identities();
  const elasticIpPool = {
    publicIpv4Pool: 'ipv4pool-ec2-0a4a4a4a4a4a4a4a4',
    publicIpv4PoolFallbackOrder: 'none',
  } as const;
  put('w', { spec: { publicIP: true, elasticIpPool } });
  await create('w');
  await moto.admin.addFault({ action: 'AllocateAddress', effect: { kind: 'dropAfter' }, count: 1 });
  await observe('w');
  await observe('w');
  expect((await live('w'))?.PublicIpAddress).toBeDefined();
  const ours = (await items('elastic-ip')).filter((item) => item.tags[TAG.machineId] !== undefined);
  expect(ours).toHaveLength(1);
  const since = (await moto.admin.journalSummary()).sequence;
  await observe('w');
  expect((await moto.admin.journal({ since })).map((call) => call.action)).not.toContain('DescribeAddresses');
  await destroy('w');
  expect(await identities()).toEqual(before);
});

test('options of the CPU reach the instance; behind a balancer that uses IPv6 a control plane has a first address of it', async () => {
  await cluster({ network: { vpc: { ipv6: {} } }, controlPlaneLoadBalancer: { loadBalancerType: 'nlb' } });
  put('cp', {
    controlPlane: true,
    spec: { instanceType: 'm6a.large', cpuOptions: { confidentialCompute: 'AMDEncryptedVirtualizationNestedPaging' } },
  });
  await create('cp');
  await observe('cp');
  expect((await live('cp'))?.CpuOptions).toMatchObject({ AmdSevSnp: 'enabled' });
  expect(stored('cp').status?.addresses).toContainEqual({ type: 'InternalIP', address: expect.stringContaining(':') });
  expect((await live('cp'))?.NetworkInterfaces?.[0]?.Ipv6Addresses?.[0]?.IsPrimaryIpv6).toBe(true);
  const [balancer] = (await moto.admin.loadBalancers()).items;
  expect(balancer?.listeners[0]?.targets).toHaveLength(1);
});

test('an image for EKS that AWS does not publish is refused, naming the field', async () => {
  await cluster();
  put('w', { spec: { ami: { eksLookupType: 'AmazonLinux2023' } } });
  await expect(create('w')).rejects.toMatchObject({
    type: 'InvalidConfiguration',
    details: { field: 'spec.ami.eksLookupType' },
  });
});

describe('the bucket of a cluster', () => {
  const s3Bucket = {
    name: 'perdure-one',
    controlPlaneIAMInstanceProfile: 'control-plane.cluster-api-provider-aws.sigs.k8s.io',
    nodesIAMInstanceProfiles: ['nodes.cluster-api-provider-aws.sigs.k8s.io'],
  };
  const store = (Key: string) => s3.send(new PutObjectCommand({ Bucket: 'perdure-one', Key, Body: 'x' }));

  test('is made with tags, policy and expiry, in its region, with an endpoint in the VPC, and goes with what is in it', async () => {
    const before = await identities();
    await cluster({ s3Bucket, region: 'eu-west-1' });
    expect(await ensureCluster(provider, kube, 'one')).toEqual([]);
    const [bucket] = await items('bucket');
    expect(bucket?.tags).toMatchObject({ [TAG.id]: 'id-default-one' });
    expect(await items('vpc-endpoint')).toHaveLength(1);
    const { Policy = '' } = await s3.send(new GetBucketPolicyCommand({ Bucket: 'perdure-one' }));
    expect(JSON.parse(Policy).Statement.map((one: { Sid: string }) => one.Sid)).toEqual([
      'ForceSSLOnlyAccess',
      'control-plane',
      'nodes.cluster-api-provider-aws.sigs.k8s.io',
      'nodes.cluster-api-provider-aws.sigs.k8s.io-pools',
    ]);
    expect(storedCluster().status?.conditions).toContainEqual(
      expect.objectContaining({ type: 'S3BucketCreated', status: 'True' }),
    );
    await store('node/a');
    await store('machine-pool/b/c');
    await removeCluster(provider, kube, 'one');
    expect(await identities()).toEqual(before);
  });

  test('that died before it had its tags is still ours', async () => {
    putCluster({ s3Bucket });
    const effect = { kind: 'error', code: 'AccessDenied', status: 403 } as const;
    await moto.admin.addFault({ id: 'tags', action: 'PutBucketTagging', effect });
    await expect(ensureCluster(provider, kube, 'one')).rejects.toMatchObject({ type: 'Unauthorized' });
    await moto.admin.clearFaults();
    await removeCluster(provider, kube, 'one');
    expect(await items('bucket')).toEqual([]);
  });

  test('brought by the user is used, and neither changed nor deleted', async () => {
    await s3.send(new CreateBucketCommand({ Bucket: 'perdure-one' }));
    await cluster({ s3Bucket });
    expect(await ensureCluster(provider, kube, 'one')).toEqual([]);
    await store('node/a');
    await removeCluster(provider, kube, 'one');
    expect((await items('bucket')).map(({ id, tags }) => [id, tags])).toEqual([['perdure-one', {}]]);
  });

  describe('holds the Ignition config of machines', () => {
    const body = async (Key: string): Promise<string> =>
      (await (await s3.send(new GetObjectCommand({ Bucket: 'perdure-one', Key }))).Body?.transformToString()) ?? '';

    test('who get one that points to it, and is emptied once they have joined', async () => {
      await cluster({ s3Bucket });
      put('cp', { controlPlane: true, spec: { ignition: { version: '2.3' } } });
      withIgnition('cp', '{"ignition":{"version":"2.3.0"},"storage":{}}');
      await create('cp');
      expect(JSON.parse(await userData())).toEqual({
        ignition: { version: '2.3.0', config: { append: [{ source: 's3://perdure-one/control-plane/cp' }] } },
      });
      expect(await body('control-plane/cp')).toContain('"storage"');
      join('cp');
      await observe('cp');
      expect(await items('object')).toEqual([]);
    });

    test('with proxy and authorities for version 3', async () => {
      await cluster({ s3Bucket });
      const proxy = { httpsProxy: 'http://proxy:3128', noProxy: ['10.0.0.0/8'] };
      const tls = { certificateAuthorities: ['https://ca.example.com/ca.pem'] };
      put('w', { spec: { ignition: { version: '3.4', proxy, tls } } });
      withIgnition('w', '{}');
      await create('w');
      expect(JSON.parse(await userData())).toEqual({
        ignition: {
          version: '3.4.0',
          config: { merge: [{ source: 's3://perdure-one/node/w' }] },
          proxy,
          security: { tls: { certificateAuthorities: [{ source: 'https://ca.example.com/ca.pem' }] } },
        },
      });
      await destroy('w');
      expect(await items('object')).toEqual([]);
    });

    test('behind a URL that serves for a while, where the bucket says so', async () => {
      await cluster({ s3Bucket: { name: 'perdure-one', presignedURLDuration: '1h30m' } });
      put('w', { spec: { ignition: {} } });
      withIgnition('w', '{"a":1}');
      await create('w');
      const { source } = JSON.parse(await userData()).ignition.config.append[0];
      expect(source).toContain('X-Amz-Expires=5400');
      expect(await (await fetch(source)).text()).toBe('{"a":1}');
      expect(JSON.stringify(stored('w'))).not.toContain('X-Amz');
    });

    test('of pools by its content, with no call when nothing changes', async () => {
      await cluster({ s3Bucket });
      const spec = { ignition: { storageType: 'ClusterObjectStore' as const } };
      for (const object of awsPoolObjects('p', { cluster: 'one', spec })) kube.put(object);
      withIgnition('p', '{"pool":1}');
      await retried(async () => provider.pools?.ensure(await poolContext(kube, 'p')));
      const [object] = await items('object');
      expect(object?.name).toMatch(/^machine-pool\/p\/[0-9a-f]{64}$/);
      const since = (await moto.admin.journalSummary()).sequence;
      await retried(async () => provider.pools?.ensure(await poolContext(kube, 'p')));
      expect(await moto.admin.journal({ since, mutating: true })).toEqual([]);
      expect(kube.peek<AWSMachinePool>(KINDS.AWSMachinePool, { namespace: 'default', name: 'p' })).toBeDefined();
    });
  });

  test('is not needed where the config goes into the user data, and its lack is told where it does not', async () => {
    await cluster();
    put('w', { spec: { ignition: { storageType: 'UnencryptedUserData' } } });
    withIgnition('w', '{"b":2}');
    await create('w');
    expect(await userData()).toBe('{"b":2}');
    put('x', { spec: { ignition: {} } });
    withIgnition('x', '{}');
    await expect(create('x')).rejects.toMatchObject({
      type: 'InvalidConfiguration',
      details: { field: 'spec.ignition.storageType' },
    });
  });
});
