import type { AutoScalingGroup, Instance as Member } from '@aws-sdk/client-auto-scaling';
import type { Instance } from '@aws-sdk/client-ec2';
import { describe, expect, test } from '@jest/globals';
import type { MachinePool } from '../../../../api/types/core.js';
import type { MachineScope } from '../machine-scope.js';
import { isTooMany, leaveGroup } from './leave.js';

type Change = 'sized elsewhere' | 'deleting';
const pool = (replicas?: number, ...changes: Change[]): MachinePool =>
  ({
    metadata: {
      name: 'p',
      ...(changes.includes('deleting') ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}),
      ...(changes.includes('sized elsewhere')
        ? { annotations: { 'cluster.x-k8s.io/replicas-managed-by': 'external-autoscaler' } }
        : {}),
    },
    spec: replicas === undefined ? {} : { replicas },
  }) as unknown as MachinePool;

describe('whether a group is to have an instance less when one of its Machines goes', () => {
  test.each<[string, desired: number, least: number, MachinePool | undefined, boolean]>([
    ['more than the pool wants', 3, 0, pool(2), true],
    ['as many as it wants', 2, 0, pool(2), false],
    ['fewer than it wants', 1, 0, pool(2), false],
    ['one more than one, which is what is wanted when nothing is said', 2, 0, pool(), true],
    ['none wanted', 1, 0, pool(0), true],
    ['too many, but no fewer allowed', 3, 3, pool(2), false],
    ['too many, by an autoscaler that decides itself', 3, 0, pool(2, 'sized elsewhere'), false],
    ['of a pool that goes', 2, 0, pool(2, 'deleting'), true],
    ['of a pool that goes and an autoscaler sized', 2, 0, pool(2, 'deleting', 'sized elsewhere'), true],
    ['of a pool that goes, at its minimum', 1, 1, pool(2, 'deleting'), false],
    ['of a pool that is gone', 2, 0, undefined, true],
    ['an empty group', 0, 0, pool(0), false],
  ])('%s: %d instances, at least %d', (_, DesiredCapacity, MinSize, of, expected) => {
    expect(isTooMany({ DesiredCapacity, MinSize } as AutoScalingGroup, of)).toBe(expected);
  });
});

describe('an instance that leaves its group', () => {
  const instance: Instance = { InstanceId: 'i-1', Tags: [{ Key: 'aws:autoscaling:groupName', Value: 'g' }] };
  const member = (LifecycleState: NonNullable<Member['LifecycleState']>): Member =>
    ({ InstanceId: 'i-1', LifecycleState }) as Member;

  /** Calls that end an instance, each with whether the group is to have one less; the first of them fails with `refusal`. */
  async function leaves(
    of: Instance,
    group: Partial<AutoScalingGroup> | undefined,
    refusal?: string,
  ): Promise<{ ended: boolean[]; state: string | undefined }> {
    const ended: boolean[] = [];
    const owner = {
      kind: 'MachinePool',
      name: 'p',
      uid: 'u',
      controller: true,
      apiVersion: 'cluster.x-k8s.io/v1beta2',
    };
    const scope = {
      label: 'AWSMachine default/p-1',
      aws: {
        autoscaling: {
          describeAutoScalingGroups: async () => ({ AutoScalingGroups: group ? [group] : [] }),
          terminateInstanceInAutoScalingGroup: async (call: { ShouldDecrementDesiredCapacity: boolean }) => {
            ended.push(call.ShouldDecrementDesiredCapacity);
            if (refusal && ended.length === 1) throw Object.assign(new Error(refusal), { name: refusal });
          },
        },
      },
      ctx: {
        machine: { metadata: { name: 'p-1', namespace: 'default', ownerReferences: [owner] } },
        kube: { get: async () => pool(1) },
        signal: new AbortController().signal,
        log: { info: () => undefined },
      },
    } as unknown as MachineScope;
    const left = await leaveGroup(scope, of);
    return { ended, state: left?.State?.Name };
  }
  const big = { DesiredCapacity: 3, MinSize: 0 };

  test.each<[string, Instance, Partial<AutoScalingGroup> | undefined, ended: boolean[], state: string | undefined]>([
    ['is ended with its place', instance, { ...big, Instances: [member('InService')] }, [true], 'shutting-down'],
    [
      'is ended and made up for',
      instance,
      { DesiredCapacity: 1, Instances: [member('InService')] },
      [false],
      'shutting-down',
    ],
    ['is ended before it serves', instance, { ...big, Instances: [member('Pending:Wait')] }, [true], 'shutting-down'],
    [
      'is left to a hook that holds its end',
      instance,
      { ...big, Instances: [member('Terminating:Wait')] },
      [],
      undefined,
    ],
    ['is left to the group that ends it', instance, { ...big, Instances: [member('Terminating')] }, [], undefined],
    [
      'is not of the group once it is being detached',
      instance,
      { ...big, Instances: [member('Detaching')] },
      [],
      undefined,
    ],
    ['is not of a group that does not have it', instance, { ...big, Instances: [] }, [], undefined],
    ['is not of a group that is gone', instance, undefined, [], undefined],
    [
      'is of no group without its tag',
      { InstanceId: 'i-1' },
      { ...big, Instances: [member('InService')] },
      [],
      undefined,
    ],
  ])('%s', async (_, of, group, ended, state) => {
    await expect(leaves(of, group)).resolves.toEqual({ ended, state });
  });

  test('keeps its place when the group has come to its minimum meanwhile', async () => {
    const group = { ...big, Instances: [member('InService')] };
    await expect(leaves(instance, group, 'ValidationError')).resolves.toEqual({
      ended: [true, false],
      state: 'shutting-down',
    });
  });

  test('fails with what the cloud says else', async () => {
    const group = { ...big, Instances: [member('InService')] };
    await expect(leaves(instance, group, 'ScalingActivityInProgress')).rejects.toThrow('ScalingActivityInProgress');
  });
});
