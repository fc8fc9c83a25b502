import type { AutoScalingGroup, Instance as Member } from '@aws-sdk/client-auto-scaling';
import type { Instance } from '@aws-sdk/client-ec2';
import { describe, expect, test } from '@jest/globals';
import type { AWSMachine, AWSMachinePool } from '../../../../api/types/aws.js';
import type { InstanceFate } from '../../../../domain/plan/pool-machines.js';
import { instanceFates, wantsMachines } from './machines.js';

describe('whether the instances of a pool have Machines', () => {
  const pool = (asked: string | undefined, kind?: string): AWSMachinePool =>
    ({
      metadata: { name: 'p', ...(asked === undefined ? {} : { annotations: { 'perdure.dev/pool-machines': asked } }) },
      status: kind === undefined ? {} : { infrastructureMachineKind: kind },
    }) as unknown as AWSMachinePool;
  test.each<[string, AWSMachinePool, boolean]>([
    ['not asked for', pool(undefined), false],
    ['asked for', pool('true'), true],
    ['asked for without a value', pool(''), true],
    ['asked not to', pool('false'), false],
    ['begun, asked no more', pool(undefined, 'AWSMachine'), true],
    ['begun, asked not to', pool('false', 'AWSMachine'), true],
  ])('%s', (_, of, expected) => expect(wantsMachines(of)).toBe(expected));
});

describe('what becomes of an instance', () => {
  const NOW = Date.parse('2026-01-01T01:00:00Z');
  const OLD = '2026-01-01T00:00:00Z';
  const YOUNG = '2026-01-01T00:59:00Z';
  const machine = (creationTimestamp = OLD, spec: Record<string, unknown> = { instanceID: 'i-1' }): AWSMachine =>
    ({ metadata: { name: 'm', creationTimestamp }, spec }) as unknown as AWSMachine;
  const group = (LifecycleState?: string): AutoScalingGroup => ({
    ...({} as AutoScalingGroup),
    Instances: LifecycleState === undefined ? [] : [{ InstanceId: 'i-1', LifecycleState } as Member],
  });
  const seen = (state?: string): ReadonlyMap<string, Instance> =>
    new Map(state === undefined ? [] : [['i-1', { InstanceId: 'i-1', State: { Name: state } } as Instance]]);

  test.each<[string, AutoScalingGroup | undefined, string | undefined, AWSMachine[], InstanceFate | undefined]>([
    ['serves', group('InService'), 'running', [], 'member'],
    ['starts', group('Pending'), 'pending', [], 'member'],
    ['waits for a hook before it serves', group('Pending:Wait'), 'running', [], 'member'],
    ['is on standby', group('Standby'), 'running', [machine()], 'member'],
    ['is ended by its group', group('Terminating'), 'running', [machine()], 'going'],
    ['is held by a hook before it ends', group('Terminating:Wait'), 'running', [machine()], 'going'],
    ['is being detached, and lives', group('Detaching'), 'running', [machine()], 'unclear'],
    ['is being detached, and has no Machine yet', group('Detaching'), 'running', [], 'unclear'],
    ['ended while it was being detached', group('Detaching'), 'terminated', [machine()], 'going'],
    ['is ended out of a warm pool', group('Warmed:Terminating'), 'running', [machine()], 'going'],
    ['ended, and its group does not know yet', group('InService'), 'terminated', [machine()], 'going'],
    ['ends, and its group does not know yet', group('InService'), 'shutting-down', [], 'going'],
    ['was stopped by hand', group('InService'), 'stopped', [machine()], 'unclear'],
    ['is in its group, but not shown', group('InService'), undefined, [machine()], 'unclear'],
    ['was detached, and lives', group(), 'running', [machine()], 'unclear'],
    ['left its group and ended', group(), 'terminated', [machine()], 'going'],
    ['is nowhere any more', group(), undefined, [machine()], 'going'],
    ['is not shown, but may not be shown yet', group(), undefined, [machine(YOUNG)], 'unclear'],
    ['ended with its group', undefined, 'terminated', [machine()], 'going'],
    ['outlives its group', undefined, 'running', [machine()], 'unclear'],
    [
      'is known by its provider id',
      group(),
      'terminated',
      [machine(OLD, { providerID: 'aws:///us-east-1a/i-1' })],
      'going',
    ],
    ['is named by nothing', group(), 'terminated', [machine(OLD, {})], undefined],
    ['is of nobody', group(), 'running', [], undefined],
  ])('that %s', (_, of, state, machines, fate) => {
    expect(instanceFates(of, seen(state), machines, NOW).get('i-1')).toBe(fate);
  });
});
