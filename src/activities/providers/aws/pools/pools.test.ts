import type { AutoScalingGroup, InstanceRefresh, LifecycleHook } from '@aws-sdk/client-auto-scaling';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { AWSMachinePoolSpec } from '../../../../api/types/aws.js';
import { type GroupInput, groupChanges, groupRequest, groupWish, hookChanges, processChanges } from './group.js';
import { type RefreshFacts, type RefreshStep, refreshRequest, refreshStep } from './refresh.js';
import type { PoolState } from './state.js';
import { poolConditions } from './status.js';
import {
  currentRun,
  descriptionOf,
  digestsOf,
  isOutdated,
  prunable,
  readDescription,
  type TemplateInput,
  templateData,
  type Versions,
  versionNeeded,
} from './template.js';

const input = (change: Partial<TemplateInput> = {}): TemplateInput => ({
  what: 'AWSMachinePool default/p',
  spec: { instanceType: 't3.large' },
  image: { id: 'ami-1', rootDeviceName: '/dev/sda1', rootSize: 8 },
  groups: ['sg-1'],
  userData: 'YQ==',
  tags: { Name: 'p' },
  clusterSshKey: undefined,
  ...change,
});

describe('a launch template', () => {
  test('holds what a machine is launched with, but neither a place nor a token', () => {
    expect(templateData(input({ spec: { instanceType: 't3.large', enclaveOptions: { enabled: true } } }))).toEqual({
      ImageId: 'ami-1',
      InstanceType: 't3.large',
      UserData: 'YQ==',
      KeyName: 'default',
      SecurityGroupIds: ['sg-1'],
      EnclaveOptions: { Enabled: true },
      MetadataOptions: {
        HttpEndpoint: 'enabled',
        HttpProtocolIpv6: 'disabled',
        HttpPutResponseHopLimit: 1,
        HttpTokens: 'optional',
        InstanceMetadataTags: 'disabled',
      },
      TagSpecifications: ['instance', 'volume', 'network-interface'].map((ResourceType) => ({
        ResourceType,
        Tags: [{ Key: 'Name', Value: 'p' }],
      })),
    });
  });

  test('leaves the instance type to a mixed policy, and never holds what the controller fills in', () => {
    const plain = templateData(input({ spec: {} }));
    expect(plain).not.toHaveProperty('InstanceType');
    expect(templateData(input({ spec: { name: 'x', versionNumber: 7 } }))).toEqual(plain);
  });

  test('is told apart by its digests: user data by one, all else by the other, order by none', () => {
    const base = digestsOf(templateData(input()), 's');
    expect(readDescription(descriptionOf(base))).toEqual(base);
    expect(digestsOf(templateData(input({ userData: 'Yg==' })), 's')).toEqual({
      ...base,
      data: expect.not.stringMatching(base.data),
    });
    expect(digestsOf(templateData(input({ tags: { Name: 'q' } })), 's').spec).not.toBe(base.spec);
    expect(digestsOf({ InstanceType: 't3.nano', ImageId: 'x' }, 's')).toEqual(
      digestsOf({ ImageId: 'x', InstanceType: 't3.nano' }, 's'),
    );
    expect(digestsOf(templateData(input()), 'other').spec).not.toBe(base.spec);
    expect(readDescription('made by hand')).toBeUndefined();
  });
});

const hash = (letter: string): string => letter.repeat(20);
/** `ab` is a version of template a with user data b; `?` was made by somebody else. */
const versions = (...list: string[]): Versions =>
  list.map((text, i) => ({
    VersionNumber: i + 1,
    DefaultVersion: i === 0,
    CreateTime: new Date(Date.UTC(2026, 0, 1, 0, i)),
    VersionDescription: text === '?' ? 'x' : descriptionOf({ spec: hash(text.charAt(0)), data: hash(text.charAt(1)) }),
  }));
const wanted = (text: string) => ({ spec: hash(text.charAt(0)), data: hash(text.charAt(1)) });

describe('versions of a launch template', () => {
  test.each<[string[], string, string | undefined]>([
    [['aa'], 'aa', undefined],
    [['aa'], 'ab', 'user data'],
    [['aa'], 'ba', 'template'],
    [['aa', 'ba'], 'aa', 'template'],
    [['?'], 'aa', 'template'],
  ])('%p, wanted %s: needed is %s', (given, wish, needed) => {
    expect(versionNeeded(versions(...given), wanted(wish))).toBe(needed);
  });

  test('know since when the template of today is the wished one', () => {
    const all = versions('aa', 'ba', 'aa', 'ab', 'ac');
    expect(currentRun(all, hash('a'))?.VersionNumber).toBe(3);
    expect(currentRun(all, hash('b'))).toBeUndefined();
    expect(['1', '2', '3', '9', undefined].map((v) => isOutdated(all, hash('a'), v))).toEqual([
      false,
      true,
      false,
      true,
      true,
    ]);
  });

  test('are deleted unless they are the default, in use, the newest, or where the current ones begin', () => {
    const all = versions('aa', 'ab', 'ba', 'bb', 'bc', 'bd');
    expect(prunable(all, new Set(['2']), hash('b'))).toEqual(['4']);
    expect(prunable(all, new Set(), hash('b'))).toEqual(['4']);
    expect(prunable(versions('aa', 'ab', 'ac', 'ba', 'bb', 'bc'), new Set(), hash('b'))).toEqual(['2']);
  });

  test('that are kept always tell the same of today, whatever is deleted', () => {
    const some = fc.array(fc.constantFrom('aa', 'ab', 'ba', 'bb'), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(some, (list) => {
        const all = versions(...list);
        const spec = hash((list.at(-1) ?? '').charAt(0));
        const gone = new Set(prunable(all, new Set(), spec));
        const left = all.filter((v) => !gone.has(String(v.VersionNumber)));
        expect(currentRun(left, spec)).toEqual(currentRun(all, spec));
        expect(left.at(-1)).toEqual(all.at(-1));
      }),
    );
  });
});

const pool: AWSMachinePoolSpec = { minSize: 1, maxSize: 5, awsLaunchTemplate: {} };
const wish = (spec: Partial<AWSMachinePoolSpec> = {}, more: Partial<GroupInput> = {}) =>
  groupWish({
    what: 'AWSMachinePool default/p',
    spec: { ...pool, ...spec },
    replicas: 2,
    external: false,
    subnets: ['subnet-b', 'subnet-a'],
    templateId: 'lt-1',
    ...more,
  });
/** The group as AWS shows it after the request. */
const shown = (of: ReturnType<typeof wish>): AutoScalingGroup => groupRequest(of) as AutoScalingGroup;

describe('a group', () => {
  test('that was just made or changed differs in nothing', () => {
    const size = fc.integer({ min: 1, max: 5 });
    fc.assert(
      fc.property(size, size, fc.boolean(), fc.boolean(), (replicas, seconds, external, mixed) => {
        const spec: Partial<AWSMachinePoolSpec> = {
          defaultCoolDown: `${seconds}m`,
          ...(mixed ? { mixedInstancesPolicy: { overrides: [{ instanceType: 't3.nano' }] } } : {}),
        };
        const made = wish(spec, { replicas, external });
        expect(groupChanges(shown(made), made)).toEqual([]);
        expect(groupRequest(made).DesiredCapacity).toBe(external ? undefined : replicas);
      }),
    );
  });

  test('tells every difference', () => {
    const changed = wish(
      { minSize: 0, maxSize: 9, defaultInstanceWarmup: '10s' },
      { replicas: 3, templateId: 'lt-2', subnets: ['subnet-c'] },
    );
    expect(groupChanges(shown(wish()), changed)).toEqual([
      'minSize 1 to 0',
      'maxSize 5 to 9',
      'desired capacity 2 to 3',
      'warm-up 300 to 10',
      'subnets to subnet-c',
      'launch template',
    ]);
  });

  test('is not asked for more or fewer instances than its sizes allow, unless somebody else sizes it', () => {
    expect(() => wish({}, { replicas: 6 })).toThrow(
      'spec.replicas 6 of its MachinePool is not between spec.minSize 1 and spec.maxSize 5',
    );
    expect(wish({}, { replicas: 6, external: true })).not.toHaveProperty('desired');
  });

  test.each<[string, AWSMachinePoolSpec['suspendProcesses'], string[], string[], string[]]>([
    ['speaks of none: people decide', undefined, ['Launch'], [], []],
    ['wants none suspended', {}, ['Launch', 'Terminate'], [], ['Launch', 'Terminate']],
    ['wants one', { processes: { azRebalance: true } }, ['Launch'], ['AZRebalance'], ['Launch']],
    [
      'wants all but one',
      { all: true, processes: { launch: false } },
      ['Launch', 'HealthCheck', 'InstanceRefresh', 'ReplaceUnhealthy', 'ScheduledActions'],
      ['AZRebalance', 'AddToLoadBalancer', 'AlarmNotification', 'Terminate'],
      ['Launch'],
    ],
  ])('whose spec %s', (_, suspendProcesses, live, suspend, resume) => {
    const SuspendedProcesses = live.map((ProcessName) => ({ ProcessName }));
    expect(processChanges({ SuspendedProcesses }, suspendProcesses ? { suspendProcesses } : {})).toEqual({
      suspend,
      resume,
    });
  });

  test('whose hooks have the defaults of AWS needs no change (capa#5762)', () => {
    const transition = 'autoscaling:EC2_INSTANCE_LAUNCHING';
    const live: LifecycleHook[] = [
      { LifecycleHookName: 'a', LifecycleTransition: transition, HeartbeatTimeout: 3600, DefaultResult: 'ABANDON' },
      { LifecycleHookName: 'b', LifecycleTransition: transition },
    ];
    expect(hookChanges(live, [{ name: 'a', lifecycleTransition: transition }])).toEqual({ put: [], remove: ['b'] });
    const { put } = hookChanges(live, [{ name: 'a', lifecycleTransition: transition, heartbeatTimeout: '1m' }]);
    expect(put).toEqual([expect.objectContaining({ LifecycleHookName: 'a', HeartbeatTimeout: 60 })]);
  });
});

describe('the next step of replacing instances', () => {
  const since = new Date('2026-01-01T10:00:00Z');
  const refresh = (Status: string, minutes: number, InstanceRefreshId = 'r'): InstanceRefresh => ({
    InstanceRefreshId,
    Status: Status as 'Pending',
    StartTime: new Date(since.getTime() + minutes * 60_000),
  });
  test.each<[string, Partial<RefreshFacts>, string]>([
    ['is none while nothing is outdated', { outdated: 0 }, 'none'],
    ['is none where that is disabled', { preferences: { disable: true } }, 'none'],
    ['is to start one', {}, 'start'],
    ['is to start one after one for an earlier template', { refreshes: [refresh('Successful', -5)] }, 'start'],
    [
      'is to wait for the one that was begun, also by an attempt that died',
      { refreshes: [refresh('InProgress', 1)] },
      'wait',
    ],
    [
      'is to wait while only the last instances are checked',
      { outdated: 0, refreshes: [refresh('InProgress', 1)] },
      'wait',
    ],
    ['is to cancel one for an earlier template', { refreshes: [refresh('InProgress', -1)] }, 'cancel'],
    [
      'is to cancel one that was noted for an earlier template, begun in the same second',
      { refreshes: [refresh('Pending', 0)], begun: { id: 'r', current: false } },
      'cancel',
    ],
    ['is to wait until a cancelled one has ended', { refreshes: [refresh('Cancelling', -1)] }, 'wait'],
    ['is a person’s after one that failed', { refreshes: [refresh('Failed', 1), refresh('Successful', -9)] }, 'failed'],
    ['is a person’s after one that a person cancelled', { refreshes: [refresh('Cancelled', 1)] }, 'failed'],
  ])('%s', (_, facts, kind) => {
    expect(refreshStep({ outdated: 2, since, refreshes: [], preferences: {}, ...facts }).kind).toBe(kind);
  });

  test('is told with how far it is, and what it failed by', () => {
    const running = { ...refresh('InProgress', 1), PercentageComplete: 40 };
    const facts = { outdated: 1, since, preferences: {} };
    expect(refreshStep({ ...facts, refreshes: [running] })).toEqual({
      kind: 'wait',
      text: 'instance refresh InProgress 40 %',
    });
    const failed = { ...refresh('Failed', 1), StatusReason: 'no capacity' };
    expect(refreshStep({ ...facts, refreshes: [failed] })).toMatchObject({
      text: 'instance refresh Failed: no capacity; 1 instances are outdated',
    });
  });

  test('asks for what the spec prefers only', () => {
    expect(refreshRequest({})).toEqual({ Strategy: 'Rolling', Preferences: {} });
    expect(
      refreshRequest({ minHealthyPercentage: 80, maxHealthyPercentage: 120, instanceWarmup: 5 }).Preferences,
    ).toEqual({
      MinHealthyPercentage: 80,
      MaxHealthyPercentage: 120,
      InstanceWarmup: 5,
    });
  });
});

test('the conditions of a pool tell how far the replacement of its instances is', () => {
  const state = {
    template: {},
    versions: [],
    group: {},
    hooks: [],
    refreshes: [],
    taken: { templates: [], groups: [] },
  };
  const of = (step: RefreshStep) =>
    poolConditions(state as unknown as PoolState, step, { deleting: false, outdated: 1 }).map((c) =>
      [c.type, c.status, c.reason].filter(Boolean).join(' '),
    );
  expect(of({ kind: 'cancel', id: 'r' })).toEqual(
    expect.arrayContaining([
      'InstanceRefreshStarted False InstanceRefreshNotReady',
      'PreLaunchTemplateUpdateCheckSuccess False PreLaunchTemplateUpdateCheckFailed',
    ]),
  );
  expect(of({ kind: 'failed', text: 'no capacity' })).toEqual(
    expect.arrayContaining([
      'InstanceRefreshStarted False InstanceRefreshFailed',
      'PostLaunchTemplateUpdateOperationSuccess False PostLaunchTemplateUpdateOperationFailed',
    ]),
  );
});
