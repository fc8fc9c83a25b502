import { gunzipSync } from 'node:zlib';
import { DeleteTagsCommand, TerminateInstancesCommand } from '@aws-sdk/client-ec2';
import { DeregisterInstancesFromLoadBalancerCommand } from '@aws-sdk/client-elastic-load-balancing';
import { GetSecretValueCommand } from '@aws-sdk/client-secrets-manager';
import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { FakeKube } from '../../../../test/helpers/fake-kube.js';
import type { AWSClusterSpec, AWSMachine } from '../../../api/types/aws.js';
import type { Machine } from '../../../api/types/core.js';
import { KINDS } from '../../../api/types/kinds.js';
import { PerdureError } from '../../../domain/errors.js';
import type { EmulatedInstance, MotoHandle } from '../../../sandbox/moto/index.js';
import { startTestMoto, testClients } from '../../../sandbox/moto/testing.js';
import { TAG } from './tags.js';
import {
  type AwsProvider,
  awsClusterObjects,
  awsMachineObjects,
  callContext,
  clusterContext,
  ensureCluster,
  type MachineWish,
  machineContext,
  removeCluster,
  retried,
  testProvider,
} from './testing.js';

jest.setTimeout(120_000);

let moto: MotoHandle;
let provider: AwsProvider;
let kube: FakeKube;

beforeAll(async () => {
  moto = await startTestMoto({ allMs: 0 });
});
afterAll(async () => {
  await moto.stop();
});
beforeEach(async () => {
  await moto.admin.reset();
  kube = new FakeKube();
  provider = testProvider(moto.endpoint);
});

const cluster = async (spec: AWSClusterSpec = {}): Promise<void> => {
  for (const object of awsClusterObjects('one', { spec: { sshKeyName: '', ...spec } })) kube.put(object);
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
const machineOf = (name: string): Machine => {
  const found = kube.peek<Machine>(KINDS.Machine, { namespace: 'default', name });
  if (!found) throw new Error('no Machine');
  return found;
};
const change = (name: string, edit: (machine: AWSMachine) => void): void => {
  const object = stored(name);
  edit(object);
  kube.put(object);
};
const create = async (name: string) =>
  await retried(async () => provider.createInstance(await machineContext(kube, name)));
const observe = async (name: string, explain = false) =>
  await retried(async () => provider.observeInstance(await machineContext(kube, name), explain));
const destroy = async (name: string) => {
  for (;;) {
    const seen = await retried(async () => provider.deleteInstance(await machineContext(kube, name)));
    if (seen.state === 'absent' || seen.state === 'terminated') return;
  }
};
const living = async (): Promise<readonly EmulatedInstance[]> =>
  (await moto.admin.instances()).items.filter((one) => !['terminated', 'shutting-down'].includes(one.state));
const registered = async (): Promise<string[]> =>
  (await moto.admin.loadBalancers()).items
    .flatMap((one) =>
      one.listeners.flatMap((listener) => listener.targets.map((target) => `${listener.port}/${target.instanceId}`)),
    )
    .sort();
const identities = async (): Promise<string[]> =>
  (await moto.admin.inventory()).map((item) => `${item.service}/${item.type}/${item.id}`).sort();
const calls = async (since: number): Promise<string[]> =>
  (await moto.admin.journal({ since })).map((call) => call.action);
const now = async (): Promise<number> => (await moto.admin.journalSummary()).sequence;

describe.each<[string, AWSClusterSpec, number[]]>([
  ['classic balancer', {}, [6443]],
  [
    'network balancer',
    { controlPlaneLoadBalancer: { loadBalancerType: 'nlb', additionalListeners: [{ port: 8132 }] } },
    [6443, 8132],
  ],
])('machines behind a %s', (_, spec, ports) => {
  test('are made, registered, published, quiet when nothing changes, and gone at the end', async () => {
    await cluster(spec);
    const before = await identities();
    put('cp', { controlPlane: true, failureDomain: 'us-east-1b' });
    put('w', { spec: { publicIP: true } });
    const made = await create('cp');
    expect(made).toMatchObject({ providerID: expect.stringMatching(/^aws:\/\/\/us-east-1b\/i-/) });
    await create('w');
    expect(await observe('cp')).toMatchObject({ state: 'running', failureDomain: 'us-east-1b' });
    await observe('w');
    const id = stored('cp').spec.instanceID;
    expect(await registered()).toEqual(ports.map((port) => `${port}/${id}`));
    expect(stored('cp')).toMatchObject({
      spec: { providerID: `aws:///us-east-1b/${id}` },
      status: {
        ready: true,
        initialization: { provisioned: true },
        instanceState: 'running',
        failureDomain: 'us-east-1b',
        addresses: expect.arrayContaining([{ type: 'InternalIP', address: expect.stringMatching(/^10\.0\./) }]),
      },
    });
    expect(stored('cp').status?.conditions?.map(({ type, status }) => `${type}=${status}`)).toEqual([
      'Ready=True',
      'ELBAttached=True',
      'InstanceReady=True',
      'SecurityGroupsReady=True',
    ]);
    expect(stored('w').status?.addresses?.map(({ type }) => type)).toContain('ExternalIP');

    const since = await now();
    const writes = kube.writes().length;
    await Promise.all([observe('cp'), observe('w')]);
    expect(await moto.admin.journal({ since, mutating: true })).toEqual([]);
    expect((await calls(since)).filter((action) => action === 'DescribeInstances')).toHaveLength(1);
    expect(kube.writes().slice(writes)).toEqual([]);

    await destroy('cp');
    await destroy('w');
    expect(await registered()).toEqual([]);
    expect(await identities()).toEqual(before);
    expect(stored('cp').status).toMatchObject({
      ready: false,
      instanceState: expect.stringMatching(/shutting-down|terminated/),
    });
  });

  test('leave the balancer when the Machine is to go, before the instance does', async () => {
    await cluster(spec);
    put('cp', { controlPlane: true });
    await create('cp');
    await observe('cp');
    expect(await registered()).toHaveLength(ports.length);
    const machine = kube.peek<Machine>(KINDS.Machine, { namespace: 'default', name: 'cp' });
    if (machine) kube.put({ ...machine, metadata: { ...machine.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } });
    expect(await observe('cp')).toMatchObject({ state: 'running' });
    expect(await registered()).toEqual([]);
  });
});

describe('a whole cluster', () => {
  test('of one control plane and two workers costs at most 170 calls to make, and 4 to sweep', async () => {
    await cluster();
    put('cp', { controlPlane: true });
    put('w1');
    put('w2');
    for (const name of ['cp', 'w1', 'w2']) await create(name);
    await Promise.all(['cp', 'w1', 'w2'].map((name) => observe(name)));
    expect((await moto.admin.journalSummary()).total).toBeLessThan(100);
    const since = await now();
    const ctx = await clusterContext(kube, 'one');
    expect(await provider.sweep(callContext(kube), [ctx])).toEqual([]);
    expect((await calls(since)).sort()).toEqual([
      'DescribeInstances',
      'DescribeLoadBalancers',
      'DescribeRouteTables',
      'DescribeSecurityGroups',
    ]);
    const found = await provider.listOwned(ctx);
    for (const id of [
      'vpc-',
      'eipalloc-',
      'i-',
      'vol-',
      'nat-',
      'arn:aws:elasticloadbalancing:',
      'arn:aws:secretsmanager:',
    ]) {
      expect(found).toContainEqual(
        expect.objectContaining({ id: expect.stringContaining(id), clusterId: 'id-default-one' }),
      );
    }
  });
});

describe('an attempt that dies', () => {
  test.each([
    ['the answer of RunInstances is lost', 'RunInstances'],
    ['the answer of CreateSecret is lost', 'CreateSecret'],
  ])('leaves one instance when %s', async (_, action) => {
    await cluster();
    put('w');
    await moto.admin.addFault({ action, nth: 1, effect: { kind: 'dropAfter' } });
    await create('w');
    await create('w');
    expect(await living()).toHaveLength(1);
    expect(stored('w').spec.instanceID).toBe((await living())[0]?.id);
  });

  test('leaves one instance when its id could not be recorded, and the next look finds it', async () => {
    await cluster();
    put('w');
    kube.before((call) => {
      const spec = (call.body as AWSMachine | undefined)?.spec;
      if (call.verb === 'update' && call.kind === 'AWSMachine' && spec?.instanceID)
        throw new PerdureError('Unauthorized', 'killed here');
    });
    await expect(create('w')).rejects.toMatchObject({ type: 'Unauthorized' });
    await expect(create('w')).rejects.toMatchObject({ type: 'Unauthorized' });
    expect(await living()).toHaveLength(1);
    await destroy('w');
    expect(await living()).toHaveLength(0);
  });

  test.each<[string, MachineWish['spec']]>([
    ['with the same parameters', {}],
    ['with others, which EC2 refuses', { additionalTags: { changed: 'since' } }],
  ])('asks with a token: blind to its tags and %s, it gets the same instance', async (_, spec) => {
    await cluster();
    put('w');
    await create('w');
    const first = stored('w').spec.instanceID ?? '';
    await testClients(moto.endpoint).ec2.send(
      new DeleteTagsCommand({ Resources: [first], Tags: [{ Key: TAG.machineId }] }),
    );
    put('w', { spec: spec ?? {} });
    await create('w');
    expect(stored('w').spec.instanceID).toBe(first);
    expect(await living()).toHaveLength(1);
  });
});

describe('bootstrap data', () => {
  const secretOf = async (name: string): Promise<string> => {
    const { secretPrefix } = stored(name).spec.cloudInit ?? {};
    const { SecretBinary } = await testClients(moto.endpoint).secrets.send(
      new GetSecretValueCommand({ SecretId: `${secretPrefix}-0` }),
    );
    return gunzipSync(SecretBinary ?? Buffer.alloc(0)).toString();
  };

  test('is kept in Secrets Manager and removed once the node has joined', async () => {
    await cluster();
    put('w', { data: '#cloud-config\nruncmd: [secret]\n' });
    await create('w');
    expect(await secretOf('w')).toBe('#cloud-config\nruncmd: [secret]\n');
    const userData = Buffer.from((await living())[0]?.userData ?? '', 'base64').toString();
    expect(userData).toContain('text/cloud-boothook');
    expect(userData).toContain(stored('w').spec.cloudInit?.secretPrefix);
    const machine = kube.peek<Machine>(KINDS.Machine, { namespace: 'default', name: 'w' });
    if (machine) kube.put({ ...machine, status: { nodeRef: { name: 'w' } } });
    const before = (await moto.admin.inventory()).filter(({ type }) => type === 'secret').length;
    await observe('w');
    expect((await moto.admin.inventory()).filter(({ type }) => type === 'secret')).toHaveLength(before - 1);
    expect(stored('w').spec.cloudInit).toEqual({});
  });

  test('goes into user data, compressed or not, when the store is skipped', async () => {
    await cluster();
    put('a', { data: 'plain', spec: { cloudInit: { insecureSkipSecretsManager: true } } });
    put('b', { data: 'plain', spec: { uncompressedUserData: true, cloudInit: { insecureSkipSecretsManager: true } } });
    await create('a');
    await create('b');
    const data = new Map(
      (await living()).map((one) => [one.tags[TAG.name], Buffer.from(one.userData ?? '', 'base64')]),
    );
    expect(gunzipSync(data.get('a') ?? Buffer.alloc(0)).toString()).toBe('plain');
    expect(data.get('b')?.toString()).toBe('plain');
  });

  test('too large for EC2 is refused before anything is made', async () => {
    await cluster();
    const spec = { uncompressedUserData: true, cloudInit: { insecureSkipSecretsManager: true } };
    put('w', { data: 'x'.repeat(20_000), spec });
    await expect(create('w')).rejects.toMatchObject({
      type: 'InvalidConfiguration',
      message: expect.stringContaining('16384'),
    });
    expect(await living()).toHaveLength(0);
  });
});

describe('a machine that differs from its wish', () => {
  test('gets tags, groups and metadata options, on volumes too, and loses those wished no more', async () => {
    await cluster();
    put('w', { spec: { additionalTags: { keep: '1', drop: '1' } } });
    await create('w');
    await observe('w');
    const group = stored('w');
    const extra = (await moto.admin.inventory()).find((item) => item.name === 'one-controlplane')?.id ?? '';
    change('w', ({ spec }) => {
      spec.additionalTags = { keep: '2' };
      spec.additionalSecurityGroups = [{ id: extra }];
      spec.instanceMetadataOptions = { httpTokens: 'required', httpPutResponseHopLimit: 2 };
    });
    await observe('w');
    const [instance] = await living();
    expect(instance?.tags).toMatchObject({ keep: '2', [TAG.machineId]: 'machine-id-default-w' });
    expect(instance?.tags['drop']).toBeUndefined();
    expect(instance?.securityGroups).toContain(extra);
    expect(instance?.metadataOptions).toMatchObject({ httpTokens: 'required', httpPutResponseHopLimit: 2 });
    const volumes = (await moto.admin.inventory()).filter(({ type }) => type === 'volume');
    expect(volumes.map(({ tags }) => tags['keep'])).toEqual(['2']);
    change('w', ({ spec }) => {
      delete spec.additionalSecurityGroups;
    });
    await observe('w');
    expect((await living())[0]?.securityGroups).not.toContain(extra);
    expect(group.spec.instanceID).toBe(stored('w').spec.instanceID);
    const since = await now();
    await observe('w');
    expect(await moto.admin.journal({ since, mutating: true })).toEqual([]);
  });

  test('taken over from upstream gets our tags, on volumes too, and stays the same instance', async () => {
    await cluster();
    put('w');
    await create('w');
    await observe('w');
    const made = (await moto.admin.inventory()).filter(
      (item) => item.tags[TAG.machineId] === 'machine-id-default-w' && item.service === 'ec2',
    );
    const Tags = [TAG.id, TAG.machineId].map((Key) => ({ Key }));
    await testClients(moto.endpoint).ec2.send(new DeleteTagsCommand({ Resources: made.map(({ id }) => id), Tags }));
    change('w', (machine) => {
      delete machine.spec.instanceID;
      machine.metadata.annotations = { 'perdure.dev/id': 'machine-id-default-w' };
    });
    await create('w');
    await observe('w');
    expect(await living()).toHaveLength(1);
    const after = (await moto.admin.inventory()).filter((item) => item.tags[TAG.machineId] === 'machine-id-default-w');
    expect(after.map(({ type }) => type)).toEqual(expect.arrayContaining(['instance', 'volume']));
    expect(stored('w').spec.instanceID).toBe((await living())[0]?.id);
  });

  test('is asked for its console when somebody waits for its node, without secrets, and not otherwise', async () => {
    await cluster();
    put('w');
    await create('w');
    const id = stored('w').spec.instanceID ?? '';
    const console_ = 'kubeadm join --token 7n20c9.5btkylii2enb2fkr: preflight checks failed';
    await moto.admin.reportMachine(id, 'console', console_);
    expect(await observe('w')).not.toHaveProperty('console');
    expect(await observe('w', true)).toMatchObject({
      state: 'running',
      console: 'kubeadm join --token ***: preflight checks failed',
    });
  });

  test('is told when the instance was terminated by others, and is not made again', async () => {
    await cluster();
    put('cp', { controlPlane: true });
    await create('cp');
    await observe('cp');
    await testClients(moto.endpoint).ec2.send(
      new TerminateInstancesCommand({ InstanceIds: [stored('cp').spec.instanceID ?? ''] }),
    );
    const drifts = await provider.sweep(callContext(kube), [await clusterContext(kube, 'one')]);
    expect(drifts).toEqual([expect.objectContaining({ kind: 'Machine', name: 'cp', namespace: 'default' })]);
    expect((await observe('cp')).state).toMatch(/terminat/);
    expect(stored('cp').status).toMatchObject({ ready: false, failureReason: 'UpdateError' });
    await create('cp');
    expect(await living()).toHaveLength(0);
  });

  test('is registered again after a sweep saw that it was taken out of the balancer', async () => {
    await cluster();
    put('cp', { controlPlane: true });
    await create('cp');
    await observe('cp');
    const InstanceId = stored('cp').spec.instanceID ?? '';
    const { elb } = testClients(moto.endpoint);
    await elb.send(
      new DeregisterInstancesFromLoadBalancerCommand({
        LoadBalancerName: 'one-apiserver',
        Instances: [{ InstanceId }],
      }),
    );
    expect(await provider.sweep(callContext(kube), [await clusterContext(kube, 'one')])).toEqual([
      expect.objectContaining({ kind: 'Machine', name: 'cp', detail: expect.stringContaining('not registered') }),
    ]);
    await observe('cp');
    expect(await registered()).toEqual([`6443/${InstanceId}`]);
  });
});

describe('ownership and errors', () => {
  test("another machine's instance is neither changed nor ended", async () => {
    await cluster();
    put('mine');
    await create('mine');
    put('thief', { spec: { instanceID: stored('mine').spec.instanceID ?? '', additionalTags: { stolen: 'yes' } } });
    await expect(observe('thief')).rejects.toMatchObject({ type: 'OwnershipConflict' });
    await expect(destroy('thief')).rejects.toMatchObject({ type: 'OwnershipConflict' });
    expect((await living())[0]?.tags['stolen']).toBeUndefined();
  });

  test('a machine can be deleted after its AWSCluster is gone', async () => {
    await cluster();
    put('w');
    await create('w');
    await observe('w');
    kube.remove(KINDS.AWSCluster, { namespace: 'default', name: 'one' });
    await destroy('w');
    expect(await living()).toHaveLength(0);
  });

  test.each([
    ['InsufficientInstanceCapacity', 'InsufficientCapacity'],
    ['VcpuLimitExceeded', 'QuotaExceeded'],
    ['RequestLimitExceeded', 'Throttled'],
    ['InvalidAMIID.NotFound', 'InvalidConfiguration'],
    ['UnauthorizedOperation', 'Unauthorized'],
  ])('RunInstances answering %s ends as %s', async (code, type) => {
    await cluster();
    put('w');
    await moto.admin.addFault({ action: 'RunInstances', effect: { kind: 'error', code } });
    // once: an account that is throttled is not called again for a while
    const attempt = provider.createInstance(await machineContext(kube, 'w'));
    await expect(attempt).rejects.toMatchObject({ type, details: { code } });
    await moto.admin.clearFaults();
    await destroy('w');
    await removeCluster(provider, kube, 'one');
  });

  test('a failure domain without subnets is refused with the field', async () => {
    await cluster();
    put('w', { failureDomain: 'us-east-1f' });
    await expect(create('w')).rejects.toMatchObject({
      type: 'InvalidConfiguration',
      details: { field: 'Machine.spec.failureDomain' },
    });
  });

  test('an image is looked up by version, base OS and architecture', async () => {
    await cluster();
    put('w', { spec: { ami: {} } });
    await create('w');
    const chosen = (await living())[0]?.imageId;
    expect(chosen).toMatch(/^ami-/);
    put('x', { spec: { ami: {}, imageLookupBaseOS: 'plan9' } });
    await expect(create('x')).rejects.toMatchObject({
      type: 'InvalidConfiguration',
      message: expect.stringContaining('capa-ami-plan9-?1.34.4-*'),
    });
    put('y', { spec: { ami: {} } });
    kube.put({ ...machineOf('y'), spec: { ...machineOf('y').spec, version: 'v1.30.0' } });
    await expect(create('y')).rejects.toMatchObject({
      type: 'InvalidConfiguration',
      message: expect.stringContaining('; of other Kubernetes versions there are images: v1.34.4, v1.33.13; set'),
    });
  });

  test('a key pair that does not exist is refused with its remedy', async () => {
    await cluster();
    put('w', { spec: { sshKeyName: 'nobodys' } });
    await expect(create('w')).rejects.toMatchObject({
      type: 'InvalidConfiguration',
      message: expect.stringContaining('sshKeyName'),
    });
  });
});
