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

  test('says which of its machines are not up-to-date', () => {
    const result = status([machine('a', '!UpToDate'), well('b')]);
    expect(verdicts(result)['MachinesUpToDate']).toBe('False NotUpToDate');
    expect(messageOf(result, 'MachinesUpToDate')).toContain('Machine a');
  });

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
    expect(messageOf(result, 'ScalingUp')).toBe(
      'Scaling up from 1 to 2 replicas is blocked because:\n* QuotaExceeded: no more',
    );
  });

  test.each<[string, number, Partial<Parameters<typeof machineSetStatus>[0]>, string, string | undefined]>([
    ['by checks', 1, { blocked: ['one', 'two'] }, 'True ScalingUp', ' is blocked because:\n* one\n* two'],
    ['by a template', 1, { missing: ['K'] }, 'True ScalingUp', ' is blocked because:\n* K does not exist'],
    [
      'by both',
      1,
      { blocked: ['one'], missing: ['K', 'L'] },
      'True ScalingUp',
      ' is blocked because:\n* one\n* K and L do not exist',
    ],
    ['by nothing', 1, {}, 'True ScalingUp', ''],
  ])('grows, held up %s', (_, machines, change, verdict, reasons) => {
    const result = status(Array(machines).fill(well('a')), change);
    expect(verdicts(result)['ScalingUp']).toBe(verdict);
    expect(messageOf(result, 'ScalingUp')).toBe(`Scaling up from 1 to 2 replicas${reasons}`);
  });

  test('of its full size says that it could not grow without its templates', () => {
    const result = status([well('a'), well('b')], { missing: ['K'], blocked: ['one'] });
    expect(verdicts(result)['ScalingUp']).toBe('False NotScalingUp');
    expect(messageOf(result, 'ScalingUp')).toBe('Scaling up would be blocked because K does not exist');
  });

  test('tells clients of v1beta1 which checks fail, as long as machines are missing', () => {
    const created = (machines: Machine[]) =>
      status(machines, { preflight: ['one', 'two'] }).deprecated?.v1beta1?.conditions?.find(
        (c) => c.type === 'MachinesCreated',
      );
    expect(created([well('a')])).toMatchObject({
      status: 'False',
      reason: 'PreflightCheckFailed',
      message: 'one; two',
    });
    expect(created([well('a'), well('b')])).toMatchObject({ status: 'True' });
  });

  test('says which machines take long to go', () => {
    const since = (name: string, deletionTimestamp: string): Machine => {
      const machine = well(name);
      return { ...machine, metadata: { ...machine.metadata, deletionTimestamp } };
    };
    const machines = [well('a'), well('b'), since('c', '2025-12-31T23:44:00Z'), since('d', '2025-12-31T23:46:00Z')];
    const stale = '\n* Machine c is in deletion since more than 15m';
    expect(messageOf(status(machines), 'ScalingDown')).toBe(`Scaling down from 4 to 2 replicas${stale}`);
    const going = { ...set, metadata: { ...set.metadata, deletionTimestamp: NOW } };
    const deleting = (of: Machine[]) => messageOf(status(of, { set: going }), 'Deleting');
    expect(deleting(machines)).toBe(`Deleting 4 Machines${stale}`);
    expect(deleting([well('a')])).toBe('Deleting 1 Machine');
    expect(deleting([])).toBe('Deletion completed');
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

  test('is remediating while one of its machines is replaced for its health', () => {
    const result = status([machine('a', '!HealthCheckSucceeded', '!OwnerRemediated'), well('b')]);
    expect(verdicts(result)['Remediating']).toBe('True Remediating');
  });

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
