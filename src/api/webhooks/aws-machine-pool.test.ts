import { describe, expect, test } from '@jest/globals';
import type { AWSLaunchTemplate, AWSLifecycleHook, AWSMachinePool, AWSMachinePoolSpec } from '../types/aws.js';
import { defaultAWSMachinePool, validateAWSMachinePool } from './aws-machine-pool.js';
import { DEFAULT_GATES } from './context.js';

const ctx = { dryRun: false, gates: DEFAULT_GATES };

function pool(spec: Partial<AWSMachinePoolSpec> = {}, template: Partial<AWSLaunchTemplate> = {}): AWSMachinePool {
  return {
    apiVersion: 'infrastructure.cluster.x-k8s.io/v1beta2',
    kind: 'AWSMachinePool',
    metadata: { name: 'p', namespace: 'ns' },
    spec: { minSize: 1, maxSize: 3, awsLaunchTemplate: { instanceType: 'm5.large', ...template }, ...spec },
  };
}

const hook = (more: Partial<AWSLifecycleHook>): Partial<AWSMachinePoolSpec> => ({
  lifecycleHooks: [{ name: 'h', lifecycleTransition: 'autoscaling:EC2_INSTANCE_LAUNCHING', ...more }],
});

test('defaults of AWSMachinePool: cool-down and warm-up of five minutes', () => {
  expect(defaultAWSMachinePool(pool()).spec).toMatchObject({ defaultCoolDown: '300s', defaultInstanceWarmup: '300s' });
  expect(defaultAWSMachinePool(pool({ defaultCoolDown: '1m' })).spec.defaultCoolDown).toBe('1m');
  expect(defaultAWSMachinePool(pool({ ignition: {} })).spec.ignition?.storageType).toBe('UnencryptedUserData');
});

const overrides = [{ instanceType: 'm5.large' }, { instanceType: 'm6i.large' }];

describe('validation of AWSMachinePool', () => {
  test.each<[string, AWSMachinePool]>([
    ['the least', pool()],
    ['instance types in overrides alone', pool({ mixedInstancesPolicy: { overrides }, awsLaunchTemplate: {} })],
    ['spot', pool({}, { spotMarketOptions: { maxPrice: '1' } })],
    ['a hook with a target', pool(hook({ notificationTargetARN: 'a', roleARN: 'b', heartbeatTimeout: '30s' }))],
    ['health within bounds', pool({ refreshPreferences: { minHealthyPercentage: 90, maxHealthyPercentage: 190 } })],
  ])('admits %s', (_, object) => {
    expect(validateAWSMachinePool(object, undefined, ctx).errors).toEqual([]);
  });

  const at = 'spec.awsLaunchTemplate';
  test.each<[string, AWSMachinePool, string]>([
    ['a least above the most', pool({ minSize: 4 }), 'spec.minSize'],
    ['no instance type', pool({ awsLaunchTemplate: {} }), `${at}.instanceType`],
    [
      'spot with a policy',
      pool({ mixedInstancesPolicy: { overrides } }, { spotMarketOptions: {} }),
      `${at}.spotMarketOptions`,
    ],
    [
      'an instance type twice',
      pool({ mixedInstancesPolicy: { overrides: [...overrides, { instanceType: 'm5.large' }] } }),
      'spec.mixedInstancesPolicy.overrides[2].instanceType',
    ],
    ['a volume without iops', pool({}, { rootVolume: { size: 8, type: 'io1' } }), `${at}.rootVolume.iops`],
    [
      'a subnet by id and filters',
      pool({ subnets: [{ id: 'a', filters: [{ name: 'b', values: [] }] }] }),
      'spec.subnets[0]',
    ],
    [
      'a group by id and filters',
      pool({}, { additionalSecurityGroups: [{ id: 'a', filters: [{ name: 'b', values: [] }] }] }),
      `${at}.additionalSecurityGroups[0]`,
    ],
    ['a key name with a blank', pool({}, { sshKeyName: ' a' }), `${at}.sshKeyName`],
    ['a tag of AWS', pool({ additionalTags: { 'aws:x': '' } }), 'spec.additionalTags'],
    ['a cool-down that is none', pool({ defaultCoolDown: 'soon' }), 'spec.defaultCoolDown'],
    ['a negative warm-up', pool({ defaultInstanceWarmup: '-1s' }), 'spec.defaultInstanceWarmup'],
    [
      'a most without a least',
      pool({ refreshPreferences: { maxHealthyPercentage: 110 } }),
      'spec.refreshPreferences.minHealthyPercentage',
    ],
    [
      'health out of bounds',
      pool({ refreshPreferences: { minHealthyPercentage: 50, maxHealthyPercentage: 200 } }),
      'spec.refreshPreferences.maxHealthyPercentage',
    ],
    ['a hook without name', pool(hook({ name: '' })), 'spec.lifecycleHooks[0].name'],
    ['a target without role', pool(hook({ notificationTargetARN: 'a' })), 'spec.lifecycleHooks[0].roleARN'],
    ['a role without target', pool(hook({ roleARN: 'a' })), 'spec.lifecycleHooks[0].notificationTargetARN'],
    ['a short heartbeat', pool(hook({ heartbeatTimeout: '29s' })), 'spec.lifecycleHooks[0].heartbeatTimeout'],
    ['a long heartbeat', pool(hook({ heartbeatTimeout: '49h' })), 'spec.lifecycleHooks[0].heartbeatTimeout'],
    ['a capacity block without reservation', pool({}, { marketType: 'CapacityBlock' }), `${at}.capacityReservationId`],
    ['Ignition without its gate', pool({ ignition: {} }), 'spec.ignition'],
  ])('refuses %s', (_, object, path) => {
    expect(validateAWSMachinePool(object, undefined, ctx).errors).toMatchObject([{ path }]);
  });
});
