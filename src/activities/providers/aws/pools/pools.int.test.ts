import { createHash } from 'node:crypto';
import {
  CreateAutoScalingGroupCommand,
  DescribeAutoScalingGroupsCommand,
  DescribeInstanceRefreshesCommand,
  DescribeLifecycleHooksCommand,
  SetDesiredCapacityCommand,
} from '@aws-sdk/client-auto-scaling';
import { CreateLaunchTemplateCommand, DescribeLaunchTemplateVersionsCommand } from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { FakeKube } from '../../../../../test/helpers/fake-kube.js';
import type { AWSMachinePool, AWSMachinePoolSpec } from '../../../../api/types/aws.js';
import type { MachinePool } from '../../../../api/types/core.js';
import { KINDS } from '../../../../api/types/kinds.js';
import { ANNOTATION } from '../../../../domain/names.js';
import type { EmulatedInstance, MotoHandle } from '../../../../sandbox/moto/index.js';
import { startTestMoto, testClients, until } from '../../../../sandbox/moto/testing.js';
import type { PoolObservation } from '../../port.js';
import { TAG } from '../tags.js';
import {
  type AwsProvider,
  awsClusterObjects,
  awsPoolObjects,
  clusterContext,
  ensureCluster,
  type PoolWish,
  poolContext,
  removeCluster,
  retried,
  testProvider,
} from '../testing.js';

jest.setTimeout(120_000);

let moto: MotoHandle;
let provider: AwsProvider;
let kube: FakeKube;
let clean: string[];

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
  for (const object of awsClusterObjects('one', { spec: { sshKeyName: '' } })) kube.put(object);
  await ensureCluster(provider, kube, 'one');
  clean = await identities();
});

const where = (name: string) => ({ namespace: 'default', name });
const put = (name: string, wish: Partial<PoolWish> = {}): void => {
  for (const object of awsPoolObjects(name, { cluster: 'one', ...wish })) kube.put(object);
};
const stored = (name: string): AWSMachinePool =>
  kube.peek<AWSMachinePool>(KINDS.AWSMachinePool, where(name)) as AWSMachinePool;
const change = (name: string, edit: (spec: AWSMachinePoolSpec) => void): void => {
  const object = structuredClone(stored(name));
  edit(object.spec);
  kube.put(object);
};
const resize = (name: string, replicas: number): void => {
  const pool = kube.peek<MachinePool>(KINDS.MachinePool, where(name)) as MachinePool;
  kube.put({ ...pool, spec: { ...pool.spec, replicas } });
};
const pools = () => {
  if (!provider.pools) throw new Error('the provider has no pools');
  return provider.pools;
};
const ensure = (name: string) => retried(async () => pools().ensure(await poolContext(kube, name)));
const observe = (name: string) => retried(async () => pools().observe(await poolContext(kube, name)));
const remove = (name: string) => retried(async () => pools().remove(await poolContext(kube, name)));
/** What the lane does until there is nothing left to do. */
async function settle(name: string): Promise<PoolObservation> {
  for (let turn = 0; ; turn++) {
    const seen = await observe(name);
    if (seen.changes.length > 0) await ensure(name);
    else if (seen.waitingFor === undefined) return seen;
    if (turn > 150) throw new Error(`does not settle: ${JSON.stringify(seen)}`);
  }
}
const destroy = (name: string) =>
  until(
    () => remove(name),
    ({ state }) => state === 'absent',
  );
const identities = async (): Promise<string[]> =>
  (await moto.admin.inventory()).map((item) => `${item.service}/${item.type}/${item.id}`).sort();
const aws = () => testClients(moto.endpoint);
const groups = async () =>
  (await aws().autoscaling.send(new DescribeAutoScalingGroupsCommand({}))).AutoScalingGroups ?? [];
const living = async (): Promise<readonly EmulatedInstance[]> =>
  (await moto.admin.instances()).items.filter((one) => !['terminated', 'shutting-down'].includes(one.state));
const conditions = (name: string): string[] =>
  (stored(name).status?.conditions ?? []).map((c) => `${c.type}=${c.status}${c.reason ? ` ${c.reason}` : ''}`);
const sequence = async (): Promise<number> => (await moto.admin.journalSummary()).sequence;
const writes = async (since: number): Promise<string[]> =>
  (await moto.admin.journal({ since, mutating: true })).map((call) => call.action);

describe('a pool', () => {
  test('is made with its launch template, spread over the private subnets, published, quiet, and gone without a trace', async () => {
    put('p', { replicas: 3, spec: { additionalTags: { team: 'a' } }, data: '#cloud-config\nhello: pool\n' });
    expect((await ensure('p')).changes).toEqual(['create launch template', 'create group']);
    const seen = await settle('p');
    expect(seen).toMatchObject({ state: 'present', desired: 3 });
    const instances = await living();
    expect(instances).toHaveLength(3);
    expect(new Set(instances.map((one) => one.subnetId)).size).toBe(3);
    expect(Buffer.from(instances[0]?.userData ?? '', 'base64').toString()).toContain('hello: pool');
    expect(instances[0]?.tags).toMatchObject({
      Name: 'p',
      team: 'a',
      [TAG.id]: 'id-default-one',
      [TAG.poolId]: 'pool-id-default-p',
      'aws:autoscaling:groupName': 'p',
    });
    const ids = instances.map((one) => `aws:///${one.availabilityZone}/${one.id}`).sort();
    expect(seen.instances.map((one) => one.providerID).sort()).toEqual(ids);
    expect(seen.instances[0]?.addresses.map((a) => a.type)).toContain('InternalIP');
    expect(stored('p')).toMatchObject({
      spec: { providerIDList: ids, providerID: (await groups())[0]?.AutoScalingGroupARN },
      status: { ready: true, replicas: 3, initialization: { provisioned: true }, launchTemplateVersion: '1' },
    });
    expect(stored('p').status?.instances).toHaveLength(3);
    expect(conditions('p')).toEqual([
      'Ready=True',
      'ASGReady=True',
      'LaunchTemplateReady=True',
      'PostLaunchTemplateUpdateOperationSuccess=True',
      'PreLaunchTemplateUpdateCheckSuccess=True',
    ]);

    const since = await sequence();
    const before = kube.writes().length;
    expect((await ensure('p')).changes).toEqual([]);
    await observe('p');
    expect(await writes(since)).toEqual([]);
    expect(kube.writes().slice(before)).toEqual([]);

    await destroy('p');
    expect(await living()).toEqual([]);
    expect(await identities()).toEqual(clean);
    expect(conditions('p')).toContain('ASGReady=False ASGDeletionInProgress');
    expect((await remove('p')).state).toBe('absent');
    await removeCluster(provider, kube, 'one');
  });

  test('follows the number of replicas and every setting of the group', async () => {
    put('p', { replicas: 1 });
    await settle('p');
    resize('p', 4);
    expect((await observe('p')).changes).toEqual(['desired capacity 1 to 4']);
    await settle('p');
    expect(await living()).toHaveLength(4);
    resize('p', 2);
    change('p', (spec) => {
      spec.maxSize = 8;
      spec.defaultCoolDown = '60s';
      spec.capacityRebalance = true;
      spec.availabilityZones = ['us-east-1a'];
      spec.suspendProcesses = { processes: { azRebalance: true } };
      spec.lifecycleHooks = [
        { name: 'h', lifecycleTransition: 'autoscaling:EC2_INSTANCE_TERMINATING', heartbeatTimeout: '60s' },
      ];
    });
    const { changes } = await ensure('p');
    expect(changes).toEqual(
      expect.arrayContaining([
        'maxSize 5 to 8',
        'desired capacity 4 to 2',
        'cool-down 300 to 60',
        'capacity rebalance false to true',
        'suspend AZRebalance',
        'lifecycle hook h',
      ]),
    );
    await settle('p');
    const [group] = await groups();
    expect(group).toMatchObject({ MaxSize: 8, DesiredCapacity: 2, DefaultCooldown: 60, CapacityRebalance: true });
    expect(group?.SuspendedProcesses?.map((p) => p.ProcessName)).toEqual(['AZRebalance']);
    expect(await living()).toHaveLength(2);
    expect(conditions('p')).toContain('LifecycleHookReady=True');
    change('p', (spec) => {
      spec.suspendProcesses = {};
      spec.lifecycleHooks = [];
    });
    expect((await ensure('p')).changes).toEqual(['delete lifecycle hook h', 'resume AZRebalance']);
    const { LifecycleHooks } = await aws().autoscaling.send(
      new DescribeLifecycleHooksCommand({ AutoScalingGroupName: 'p' }),
    );
    expect(LifecycleHooks).toEqual([]);
    expect((await observe('p')).changes).toEqual([]);
  });

  test('takes instance types and shares of a mixed policy', async () => {
    const spec: Partial<AWSMachinePoolSpec> = {
      awsLaunchTemplate: {},
      mixedInstancesPolicy: {
        instancesDistribution: { onDemandBaseCapacity: 1, onDemandPercentageAboveBaseCapacity: 50 },
        overrides: [{ instanceType: 't3.small' }, { instanceType: 't3.medium' }],
      },
    };
    put('p', { replicas: 2, spec });
    await settle('p');
    expect((await living()).map((one) => one.instanceType)).toEqual(['t3.small', 't3.small']);
    expect((await groups())[0]?.MixedInstancesPolicy?.InstancesDistribution).toMatchObject({ OnDemandBaseCapacity: 1 });
    change('p', ({ mixedInstancesPolicy: policy }) => {
      if (policy) policy.overrides = [{ instanceType: 't3.medium' }];
    });
    expect((await observe('p')).changes).toEqual(['mixed instances policy']);
    await settle('p');
    change('p', (all) => {
      delete all.mixedInstancesPolicy;
      all.awsLaunchTemplate.instanceType = 't3.large';
    });
    await settle('p');
    expect((await living()).map((one) => one.instanceType)).toEqual(['t3.large', 't3.large']);
  });

  test('that somebody else sizes is left its number, and tells it', async () => {
    put('p', { replicas: 1, external: true, spec: { minSize: 1 } });
    await settle('p');
    await aws().autoscaling.send(new SetDesiredCapacityCommand({ AutoScalingGroupName: 'p', DesiredCapacity: 3 }));
    const seen = await observe('p');
    expect(seen).toMatchObject({ desired: 3, changes: [] });
    expect((await ensure('p')).changes).toEqual([]);
    expect(await living()).toHaveLength(3);
  });

  test('whose instance was ended by others gets another one, which is published', async () => {
    put('p', { replicas: 2 });
    await settle('p');
    const [lost] = await living();
    await moto.admin.reportMachine(lost?.id ?? '', 'died');
    const seen = await until(
      () => observe('p'),
      ({ instances }) => instances.length === 2,
    );
    expect(seen.instances.map((one) => one.providerID).join()).not.toContain(lost?.id);
    expect(stored('p').status?.replicas).toBe(2);
  });

  test.each<[string, Partial<PoolWish>, string]>([
    ['a number outside its sizes', { replicas: 9 }, 'spec.replicas 9'],
    [
      'an unknown image',
      { spec: { awsLaunchTemplate: { instanceType: 't3.large', imageLookupFormat: 'none-*' } } },
      'no image named',
    ],
    ['zones without a subnet', { spec: { availabilityZones: ['us-east-1z'] } }, 'no private subnet in us-east-1z'],
    ['user data that is too large', { data: randomText(40_000) }, '16384'],
  ])('with %s is refused by name, and a look tells it', async (_, wish, text) => {
    put('p', wish);
    await expect(ensure('p')).rejects.toMatchObject({
      type: 'InvalidConfiguration',
      message: expect.stringContaining(text),
    });
    expect((await observe('p')).changes[0] ?? '').toMatch(new RegExp(`create|${text}`));
    expect(await living()).toEqual([]);
    expect(await identities()).toEqual(clean);
  });
});

/** Text that does not pack well. */
function randomText(length: number): string {
  const blocks = Array.from({ length: Math.ceil(length / 64) }, (_, i) =>
    createHash('sha256').update(String(i)).digest('hex'),
  );
  return blocks.join('').slice(0, length);
}

describe('a changed launch template', () => {
  const versions = async () =>
    (await aws().ec2.send(new DescribeLaunchTemplateVersionsCommand({ LaunchTemplateName: 'p' })))
      .LaunchTemplateVersions ?? [];
  const refreshes = async () =>
    (await aws().autoscaling.send(new DescribeInstanceRefreshesCommand({ AutoScalingGroupName: 'p' })))
      .InstanceRefreshes ?? [];

  test('becomes a version, and its instances are replaced by one refresh', async () => {
    await moto.admin.setDelays({ refreshStepMs: 100 });
    put('p', { replicas: 3, spec: { refreshPreferences: { minHealthyPercentage: 50 } } });
    await settle('p');
    const old = (await living()).map((one) => one.id);
    change('p', ({ awsLaunchTemplate }) => {
      awsLaunchTemplate.instanceType = 't3.medium';
    });
    expect((await observe('p')).changes).toEqual(['new version of the launch template (template)']);
    expect((await ensure('p')).changes).toEqual([
      'new version of the launch template (template)',
      'replace outdated instances',
    ]);
    expect(conditions('p')).toContain('InstanceRefreshStarted=True');
    expect(stored('p').metadata.annotations?.[ANNOTATION.outdatedInstances]).toContain(old[0]);
    await settle('p');
    expect((await refreshes()).map((r) => r.Status)).toEqual(['Successful']);
    expect((await refreshes())[0]?.Preferences).toMatchObject({ MinHealthyPercentage: 50 });
    const now = await living();
    expect(now.map((one) => one.instanceType)).toEqual(['t3.medium', 't3.medium', 't3.medium']);
    expect(now.some((one) => old.includes(one.id))).toBe(false);
    expect(stored('p').metadata.annotations).not.toHaveProperty(ANNOTATION.outdatedInstances);
    expect(stored('p').status?.instances?.map((one) => one.version)).toEqual(['2', '2', '2']);
    expect(conditions('p')).toContain('InstanceRefreshStarted=True');
    await moto.admin.setDelays({ refreshStepMs: 0 });
  });

  test('by its user data only becomes a version and replaces nothing', async () => {
    put('p', { replicas: 1, data: 'a' });
    await settle('p');
    const [first] = await living();
    const [, , secret] = awsPoolObjects('p', { cluster: 'one', data: 'b' });
    kube.put(secret);
    expect((await ensure('p')).changes).toEqual(['new version of the launch template (user data)']);
    expect((await settle('p')).waitingFor).toBeUndefined();
    expect((await living()).map((one) => one.id)).toEqual([first?.id]);
    expect(await refreshes()).toEqual([]);
  });

  test('that changes again while instances are replaced cancels that and begins anew', async () => {
    await moto.admin.setDelays({ refreshStepMs: 2000 });
    put('p', { replicas: 2 });
    await settle('p');
    for (const type of ['t3.medium', 't3.small']) {
      change('p', ({ awsLaunchTemplate }) => {
        awsLaunchTemplate.instanceType = type;
      });
      await ensure('p');
    }
    await moto.admin.setDelays({ refreshStepMs: 0 });
    // by now it may be over
    expect((await refreshes()).map((r) => r.Status)).toEqual([expect.stringMatching(/^Cancell(ing|ed)$/)]);
    await settle('p');
    expect((await refreshes()).map((r) => r.Status)).toEqual(['Successful', 'Cancelled']);
    expect((await living()).map((one) => one.instanceType)).toEqual(['t3.small', 't3.small']);
  });

  test('replaces nothing where that is disabled, and says so', async () => {
    put('p', { replicas: 1, spec: { refreshPreferences: { disable: true } } });
    await settle('p');
    const [first] = await living();
    change('p', ({ awsLaunchTemplate }) => {
      awsLaunchTemplate.instanceType = 't3.medium';
    });
    await settle('p');
    expect((await living()).map((one) => one.id)).toEqual([first?.id]);
    expect(conditions('p')).toContain(
      'PostLaunchTemplateUpdateOperationSuccess=False PostLaunchTemplateUpdateOperationFailed',
    );
    change('p', (spec) => {
      delete spec.refreshPreferences;
    });
    expect((await observe('p')).changes).toEqual(['replace 1 outdated instances']);
  });

  test('leaves few versions behind', async () => {
    put('p', { replicas: 1, data: '0' });
    await settle('p');
    for (const data of ['1', '2', '3', '4', '5']) {
      const [, , secret] = awsPoolObjects('p', { cluster: 'one', data });
      kube.put(secret);
      await ensure('p');
    }
    expect((await versions()).map((v) => v.VersionNumber).sort()).toEqual([1, 5, 6]);
    expect((await observe('p')).changes).toEqual([]);
  });
});

describe('an attempt that dies', () => {
  test.each([
    'CreateLaunchTemplate',
    'CreateAutoScalingGroup',
    'CreateLaunchTemplateVersion',
    'StartInstanceRefresh',
    'UpdateAutoScalingGroup',
    'DeleteAutoScalingGroup',
    'DeleteLaunchTemplate',
  ])('when the answer of %s is lost leaves everything once, and goes on', async (action) => {
    put('p', { replicas: 2 });
    await moto.admin.addFault({ action, nth: 1, effect: { kind: 'dropAfter' } });
    await settle('p');
    change('p', (spec) => {
      spec.maxSize = 6;
      spec.awsLaunchTemplate.instanceType = 't3.medium';
    });
    await settle('p');
    expect(await groups()).toHaveLength(1);
    expect((await living()).map((one) => one.instanceType)).toEqual(['t3.medium', 't3.medium']);
    const { InstanceRefreshes = [] } = await aws().autoscaling.send(
      new DescribeInstanceRefreshesCommand({ AutoScalingGroupName: 'p' }),
    );
    expect(InstanceRefreshes.map((r) => r.Status)).toEqual(['Successful']);
    await destroy('p');
    expect(await identities()).toEqual(clean);
  });

  test('leaves everything once when nothing could be recorded', async () => {
    put('p', { replicas: 2 });
    let deaths = 3;
    const stop = kube.before((call) => {
      if (call.verb === 'update' && call.kind === 'AWSMachinePool' && deaths-- > 0) throw new Error('killed here');
    });
    for (let i = 0; i < 3; i++) await ensure('p').catch(() => undefined);
    stop();
    await settle('p');
    expect(await groups()).toHaveLength(1);
    expect(await living()).toHaveLength(2);
    await destroy('p');
    expect(await identities()).toEqual(clean);
  });
});

describe("somebody else's group", () => {
  const template = {
    LaunchTemplateName: 'p',
    LaunchTemplateData: { ImageId: 'ami-1', InstanceType: 't3.nano' as const },
  };

  test('of the same name is neither taken nor removed: the pool gets another name', async () => {
    await aws().ec2.send(new CreateLaunchTemplateCommand(template));
    await aws().autoscaling.send(
      new CreateAutoScalingGroupCommand({
        AutoScalingGroupName: 'p',
        MinSize: 0,
        MaxSize: 1,
        DesiredCapacity: 0,
        LaunchTemplate: { LaunchTemplateName: 'p' },
        AvailabilityZones: ['us-east-1a'],
      }),
    );
    const theirs = await identities();
    put('p', { replicas: 1 });
    await settle('p');
    const names = (await groups()).map((group) => group.AutoScalingGroupName).sort();
    expect(names).toEqual(['p', expect.stringMatching(/^p-[0-9a-z]{6}$/)]);
    expect(await living()).toHaveLength(1);
    await destroy('p');
    expect(await identities()).toEqual(theirs);
  });

  test('whose pool of another cluster has the same name is left alone', async () => {
    put('p', { replicas: 1 });
    await settle('p');
    for (const object of awsClusterObjects('two', { namespace: 'other', spec: { sshKeyName: '' } })) kube.put(object);
    await ensureCluster(provider, kube, 'two', 'other');
    for (const object of awsPoolObjects('p', { cluster: 'two', namespace: 'other', replicas: 1 })) kube.put(object);
    const theirs = () => poolContext(kube, 'p', 'other');
    await retried(async () => pools().ensure(await theirs()));
    expect(await groups()).toHaveLength(2);
    await until(
      async () => pools().remove(await theirs()),
      ({ state }) => state === 'absent',
    );
    expect((await groups()).map((group) => group.AutoScalingGroupName)).toEqual(['p']);
    expect(await living()).toHaveLength(1);
    expect((await provider.listOwned(await clusterContext(kube, 'one'))).map((one) => one.type)).toEqual(
      expect.arrayContaining(['autoscaling/autoScalingGroup', 'launch-template', 'instance']),
    );
  });
});
