import { describe, expect, test } from '@jest/globals';
import { aCluster, aMachine } from '../../../test/helpers/fake-objects.js';
import { aMachineDeployment, aMachineSet } from '../../../test/helpers/fake-owners.js';
import { expectValid, messageOf, verdicts } from '../../../test/helpers/status-checks.js';
import type { Machine } from '../../api/types/index.js';
import { machineDeploymentStatus, machineSetStatus, scalingConditions, versionsOf } from './replicas.js';

const NOW = '2026-01-01T00:00:00Z';
const cluster = aCluster();
const deployment = aMachineDeployment(cluster, { replicas: 2 });
const set = aMachineSet(cluster, { replicas: 2 });
const machine = (name: string, ...types: string[]): Machine =>
  aMachine(cluster, {
    name,
    status: {
      conditions: types.map((t) => ({
        type: t.replace('!', ''),
        status: t.startsWith('!') ? 'False' : 'True',
        reason: 'R',
        message: '',
        lastTransitionTime: NOW,
      })),
    },
  });
const well = (name: string): Machine => machine(name, 'Ready', 'Available', 'UpToDate', 'NodeReady');

describe('the status of a machine set', () => {
  const status = (machines: Machine[], change: Partial<Parameters<typeof machineSetStatus>[0]> = {}) => {
    const input = { set, machines, selector: 'a=b', paused: false, failure: undefined, now: NOW, ...change };
    const result = machineSetStatus(input);
    expectValid(input.set, result);
    return result;
  };

  test('has no versions while no machine tells one: the schema wants at least one', () => {
    const { version: _, ...spec } = well('a').spec;
    expect(status([{ ...well('a'), spec }])).not.toHaveProperty('versions');
  });

  test('counts machines by their conditions, and for v1beta1 by their nodes', () => {
    const result = status([well('a'), machine('b', 'NodeReady', 'UpToDate')]);
    expect(result).toMatchObject({
      selector: 'a=b',
      replicas: 2,
      readyReplicas: 1,
      availableReplicas: 1,
      upToDateReplicas: 2,
      observedGeneration: 1,
      deprecated: { v1beta1: { readyReplicas: 2, availableReplicas: 2, fullyLabeledReplicas: 2 } },
    });
    expect(verdicts(result)).toMatchObject({
      MachinesReady: 'Unknown ReadyUnknown',
      MachinesUpToDate: 'True UpToDate',
    });
  });

  test('says why it does not grow', () => {
    const failure = { operation: 'ScaleWorkers', type: 'QuotaExceeded', message: 'no more', attempt: 'a' } as const;
    const result = status([well('a')], { failure });
    expect(verdicts(result)['ScalingUp']).toBe('True ScalingUp');
    expect(messageOf(result, 'ScalingUp')).toBe('Scaling up from 1 to 2 replicas\n* QuotaExceeded: no more');
  });

  test('shrinks to nothing when deleted', () => {
    const going = { ...set, metadata: { ...set.metadata, deletionTimestamp: NOW } };
    expect(verdicts(status([well('a')], { set: going }))).toMatchObject({
      ScalingDown: 'True ScalingDown',
      Deleting: 'True Deleting',
    });
  });

  test('does not change when it is made again from itself, later', () => {
    const once = status([well('a'), machine('b')]);
    const again = status([well('a'), machine('b')], { set: { ...set, status: once }, now: '2027-01-01T00:00:00Z' });
    expect(again).toEqual(once);
  });
});

describe('the status of a machine deployment', () => {
  const status = (machines: Machine[], change: Partial<Parameters<typeof machineDeploymentStatus>[0]> = {}) => {
    const input = { deployment, sets: [set], machines, selector: 'a=b', paused: false, now: NOW, ...change };
    const result = machineDeploymentStatus(input);
    expectValid(input.deployment, result);
    return result;
  };

  test.each<[string, Machine[], Record<string, string>, string]>([
    ['none', [], { Available: 'False NotAvailable', ScalingUp: 'True ScalingUp' }, 'ScalingUp'],
    ['all', [well('a'), well('b')], { Available: 'True Available', RollingOut: 'False NotRollingOut' }, 'Running'],
    ['too many', ['a', 'b', 'c'].map(well), { ScalingDown: 'True ScalingDown' }, 'ScalingDown'],
    ['not all ready', [well('a'), machine('b')], { Available: 'False NotAvailable' }, 'ScalingUp'],
    [
      'outdated',
      [well('a'), machine('b', '!UpToDate')],
      { RollingOut: 'True RollingOut', MachinesUpToDate: 'False NotUpToDate' },
      'ScalingUp',
    ],
  ])('with %s of its machines', (_, machines, conditions, phase) => {
    const result = status(machines);
    expect(verdicts(result)).toMatchObject(conditions);
    expect(result.phase).toBe(phase);
  });

  test.each<[string, object, string]>([
    ['none', { maxSurge: 1 }, 'False NotAvailable'],
    ['a number', { maxUnavailable: 1 }, 'True Available'],
    ['a percentage, rounded down', { maxUnavailable: '49%' }, 'False NotAvailable'],
    ['a percentage', { maxUnavailable: '50%' }, 'True Available'],
    ['nothing, with no surge either', { maxUnavailable: 0, maxSurge: 0 }, 'True Available'],
    ['nothing, with a surge', { maxUnavailable: 0, maxSurge: '1%' }, 'False NotAvailable'],
  ])('may miss %s', (_, rollingUpdate, verdict) => {
    const strategy = { type: 'RollingUpdate', rollingUpdate };
    const lenient = { ...deployment, spec: { ...deployment.spec, rollout: { strategy } } } as typeof deployment;
    expect(verdicts(status([well('a')], { deployment: lenient }))['Available']).toBe(verdict);
  });

  test('tells what keeps its set from growing', () => {
    const failure = {
      operation: 'ScaleWorkers',
      type: 'InvalidConfiguration',
      message: 'no such template',
      attempt: 'a',
    };
    const annotations = { 'perdure.dev/last-failure': JSON.stringify(failure) };
    const failed = { ...set, metadata: { ...set.metadata, annotations } };
    expect(messageOf(status([], { sets: [failed] }), 'ScalingUp')).toContain('InvalidConfiguration: no such template');
  });

  test('tells how many are missing', () => {
    expect(messageOf(status([well('a')]), 'Available')).toBe(
      '1 available replicas, at least 2 required (spec.replicas is 2)',
    );
  });

  test('does not change when it is made again from itself, later', () => {
    const once = status([well('a'), machine('b', '!UpToDate')]);
    const stored = { ...deployment, status: once };
    expect(status([well('a'), machine('b', '!UpToDate')], { deployment: stored, now: '2027-01-01T00:00:00Z' })).toEqual(
      once,
    );
  });
});

test('versions are those of the kubelets, lowest first', () => {
  const running = (name: string, kubeletVersion: string): Machine => ({
    ...well(name),
    status: { nodeInfo: { kubeletVersion } as never },
  });
  const machines = [running('a', 'v1.34.10'), running('b', 'v1.34.9'), running('c', 'v1.34.10'), well('d')];
  expect(versionsOf(machines)).toEqual([
    { version: 'v1.34.4', replicas: 1 },
    { version: 'v1.34.9', replicas: 1 },
    { version: 'v1.34.10', replicas: 2 },
  ]);
});

test('nothing scales at the desired size', () => {
  expect(scalingConditions(3, 3, false).map((c) => c.status)).toEqual(['False', 'False']);
});
