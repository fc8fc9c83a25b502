import { describe, expect, test } from '@jest/globals';
import { aCluster, aControlPlane, aMachine } from '../../../test/helpers/fake-objects.js';
import { expectValid, messageOf, verdicts } from '../../../test/helpers/status-checks.js';
import type { Machine } from '../../api/types/index.js';
import { type ControlPlaneStatusInput, controlPlaneStatus, isControlPlaneMachineHealthy } from './control-plane.js';

const NOW = '2026-01-01T00:00:00Z';
const cluster = aCluster();
const controlPlane = aControlPlane(cluster, { replicas: 3 });
const COMPONENTS = ['APIServerPodHealthy', 'ControllerManagerPodHealthy', 'SchedulerPodHealthy'];
const ETCD = ['EtcdPodHealthy', 'EtcdMemberHealthy'];
const machine = (name: string, without: readonly string[] = []): Machine =>
  aMachine(cluster, {
    name,
    controlPlane,
    status: {
      conditions: [...COMPONENTS, ...ETCD, 'Ready', 'Available', 'UpToDate', 'NodeReady'].map((type) => ({
        type,
        status: without.includes(type) ? 'False' : 'True',
        reason: 'R',
        message: without.includes(type) ? `${type} is bad` : '',
        lastTransitionTime: NOW,
      })),
    },
  });
const members = (...healthy: boolean[]) => healthy.map((h, i) => ({ name: `n${i}`, healthy: h }));
const three = ['a', 'b', 'c'].map((n) => machine(n));

function status(change: Partial<ControlPlaneStatusInput> = {}) {
  const input: ControlPlaneStatusInput = {
    controlPlane,
    machines: three,
    selector: 'a=b',
    managedEtcd: true,
    etcdMembers: members(true, true, true),
    initialized: true,
    certificates: { type: 'CertificatesAvailable', status: 'True', reason: 'Available' },
    workersExist: false,
    failure: undefined,
    paused: false,
    now: NOW,
    step: { kind: 'done' },
    ...change,
  };
  const result = controlPlaneStatus(input);
  expectValid(input.controlPlane, result);
  return result;
}

describe('the status of a control plane', () => {
  test('that is well is Available, with versions and counts', () => {
    const result = status();
    expect(verdicts(result)).toMatchObject({
      Available: 'True Available',
      Initialized: 'True Initialized',
      EtcdClusterHealthy: 'True Healthy',
      ControlPlaneComponentsHealthy: 'True Healthy',
      MachinesReady: 'True Ready',
      RollingOut: 'False NotRollingOut',
      ScalingUp: 'False NotScalingUp',
    });
    expect(result).toMatchObject({
      replicas: 3,
      version: 'v1.34.4',
      versions: [{ version: 'v1.34.4', replicas: 3 }],
      initialization: { controlPlaneInitialized: true },
      deprecated: { v1beta1: { readyReplicas: 3, updatedReplicas: 3, unavailableReplicas: 0 } },
    });
  });

  test.each<[string, Partial<ControlPlaneStatusInput>, string, string]>([
    ['it is not initialized', { initialized: false }, 'False NotAvailable', 'not yet initialized'],
    ['it cannot be asked', { connectionError: 'refused' }, 'Unknown InspectionFailed', 'refused'],
    [
      'certificates are missing',
      { certificates: { type: 'CertificatesAvailable', status: 'False', reason: 'NotAvailable' } },
      'False NotAvailable',
      'certificates',
    ],
    ['no machine is whole', { machines: [machine('a', ['SchedulerPodHealthy'])] }, 'False NotAvailable', 'no Machines'],
    ['there are no machines', { machines: [] }, 'False NotAvailable', 'no Machines'],
    [
      'etcd has lost its quorum',
      { etcdMembers: members(true, false, false) },
      'False NotAvailable',
      '1 of 3 etcd members',
    ],
    ['etcd could not be read', { etcdMembers: undefined as never }, 'Unknown InspectionFailed', 'could not be read'],
    [
      'it is being deleted',
      { controlPlane: { ...controlPlane, metadata: { ...controlPlane.metadata, deletionTimestamp: NOW } } },
      'False NotAvailable',
      'deletionTimestamp',
    ],
  ])('is not Available when %s', (_, change, verdict, message) => {
    const result = status(change);
    expect(verdicts(result)['Available']).toBe(verdict);
    expect(messageOf(result, 'Available')).toContain(message);
  });

  test('is Available while most of its members are well', () => {
    const machines = [...three.slice(1), machine('a', ['EtcdMemberHealthy'])];
    const result = status({ machines, etcdMembers: members(true, true, false) });
    expect(verdicts(result)).toMatchObject({ Available: 'True Available', EtcdClusterHealthy: 'False NotHealthy' });
    expect(messageOf(result, 'EtcdClusterHealthy')).toBe('* Machine a: EtcdMemberHealthy is bad');
  });

  test('leaves an external etcd to its owner', () => {
    const machines = [machine('a', ETCD)];
    const result = status({ machines, managedEtcd: false, etcdMembers: undefined as never });
    expect(verdicts(result)).toMatchObject({ Available: 'True Available' });
    expect(verdicts(result)).not.toHaveProperty('EtcdClusterHealthy');
    const old = result.deprecated?.v1beta1?.conditions?.find((c) => c.type === 'EtcdClusterHealthy');
    expect(old).toMatchObject({ status: 'True' });
  });

  test('tells of nodes and etcd members that no machine stands behind', () => {
    const result = status({
      mismatches: { nodes: ['Node x has no Machine'], members: ['Etcd member y has no Machine'] },
    });
    expect(verdicts(result)).toMatchObject({
      ControlPlaneComponentsHealthy: 'False NotHealthy',
      EtcdClusterHealthy: 'False NotHealthy',
    });
    expect(messageOf(result, 'EtcdClusterHealthy')).toBe('* Etcd member y has no Machine');
  });

  test('is of unknown health before there is anything to ask', () => {
    const unasked = {
      EtcdClusterHealthy: 'Unknown InspectionFailed',
      ControlPlaneComponentsHealthy: 'Unknown InspectionFailed',
    };
    expect(verdicts(status({ initialized: false }))).toMatchObject(unasked);
    expect(verdicts(status({ machines: [] }))).toMatchObject({ EtcdClusterHealthy: 'Unknown HealthUnknown' });
    expect(verdicts(status({ connectionError: 'x' }))).toMatchObject({ EtcdClusterHealthy: 'Unknown ConnectionDown' });
  });

  test('keeps what was said last while the connection only just broke, and says Unknown of what was never said', () => {
    const before = { ...controlPlane, status: status() };
    const down = { connectionError: 'refused' };
    expect(verdicts(status({ controlPlane: before, ...down, held: true }))).toMatchObject({
      Available: 'True Available',
      EtcdClusterHealthy: 'True Healthy',
      ControlPlaneComponentsHealthy: 'True Healthy',
    });
    for (const change of [{ controlPlane: before }, { held: true }]) {
      expect(verdicts(status({ ...down, ...change }))).toMatchObject({
        Available: 'Unknown InspectionFailed',
        EtcdClusterHealthy: 'Unknown ConnectionDown',
      });
    }
  });

  test('tells scaling and rolling out, and why it does not get on', () => {
    const failure = {
      operation: 'ScaleControlPlane',
      type: 'InsufficientCapacity',
      message: 'none',
      attempt: 'a',
    } as const;
    const result = status({ machines: [machine('a', ['UpToDate'])], failure });
    expect(messageOf(result, 'ScalingUp')).toBe('Scaling up from 1 to 3 replicas\n* InsufficientCapacity: none');
    expect(messageOf(result, 'RollingOut')).toBe('Rolling out 1 not up-to-date replicas\nUpToDate is bad');
  });

  test('tells what its deletion waits for', () => {
    const going = { ...controlPlane, metadata: { ...controlPlane.metadata, deletionTimestamp: NOW } };
    const deleting = (workersExist: boolean) => verdicts(status({ controlPlane: going, workersExist }))['Deleting'];
    expect([deleting(true), deleting(false)]).toEqual([
      'True WaitingForWorkersDeletion',
      'True WaitingForMachineDeletion',
    ]);
  });

  test.each<[string, Partial<ControlPlaneStatusInput>]>([
    ['well', {}],
    ['new', { machines: [], initialized: false }],
    ['silent', { connectionError: 'x' }],
  ])('that is %s does not change when it is made again from itself, later', (_, change) => {
    const once = status(change);
    const stored = { ...controlPlane, status: once };
    expect(status({ ...change, controlPlane: stored, now: '2027-01-01T00:00:00Z' })).toEqual(once);
  });
});

test('a machine is healthy when every component is, etcd only where it is ours', () => {
  expect(isControlPlaneMachineHealthy(machine('a'), true)).toBe(true);
  expect(isControlPlaneMachineHealthy(machine('a', ['EtcdPodHealthy']), true)).toBe(false);
  expect(isControlPlaneMachineHealthy(machine('a', ['EtcdPodHealthy']), false)).toBe(true);
  expect(isControlPlaneMachineHealthy(aMachine(cluster), false)).toBe(false);
});

describe('the conditions of a control plane', () => {
  test('that rolls out says how many machines and why, a version first', () => {
    const messages = ['* KubeadmConfig is not up-to-date', '* Version v1.33.0, v1.34.4 required'];
    const old = three.slice(0, 2).map((m, i) => {
      const conditions = (m.status?.conditions ?? []).map((c) =>
        c.type === 'UpToDate' ? { ...c, status: 'False' as const, message: messages[i] ?? '' } : c,
      );
      return { ...m, status: { ...m.status, conditions } } as Machine;
    });
    const step = {
      kind: 'await',
      name: 'c',
      until: 'healthy',
      reason: 'r',
      unblock: 'u',
      about: ['components', 'etcd'],
    } as const;
    const result = status({
      machines: [...old, machine('c')],
      step,
      controlPlane: aControlPlane(cluster, { replicas: 5 }),
    });
    expect(messageOf(result, 'RollingOut')).toBe(
      'Rolling out 2 not up-to-date replicas\n* Version v1.33.0, v1.34.4 required\n* KubeadmConfig is not up-to-date',
    );
    expect(messageOf(result, 'ScalingUp')).toBe(
      'Scaling up from 3 to 5 replicas\n* waiting for control plane components to become healthy\n* waiting for etcd cluster to become healthy',
    );
  });

  test('whose template is gone says that it could not grow', () => {
    const missingTemplate = { kind: 'AWSMachineTemplate', name: 'demo' };
    expect(messageOf(status({ missingTemplate }), 'ScalingUp')).toBe(
      'Scaling up would be blocked because AWSMachineTemplate demo does not exist; create it, or correct spec.machineTemplate.spec.infrastructureRef',
    );
  });

  test('that replaces a machine for its health says what becomes of it, and what was last', () => {
    const verdict = (type: string, reason: string, message = '') => ({
      ...{ type, status: 'False', reason, message, lastTransitionTime: NOW },
    });
    const sick = (...more: ReturnType<typeof verdict>[]): Machine => {
      const m = machine('a');
      const conditions = [...(m.status?.conditions ?? []), verdict('HealthCheckSucceeded', 'UnhealthyNode'), ...more];
      return { ...m, status: { ...m.status, conditions } } as Machine;
    };
    const lastRemediation = { machine: 'old', timestamp: NOW, retryCount: 2 };
    const asked = status({
      machines: [sick(verdict('OwnerRemediated', 'RemediationDeferred', 'later')), machine('b')],
      lastRemediation,
    });
    expect(verdicts(asked)['Remediating']).toBe('True Remediating');
    expect(messageOf(asked, 'Remediating')).toBe('* Machine a: later');
    expect(asked.lastRemediation).toEqual({ machine: 'old', time: NOW, retryCount: 2 });
    const left = status({ machines: [sick(), machine('b')] });
    expect(verdicts(left)['Remediating']).toBe('False NotRemediating');
    expect(messageOf(left, 'Remediating')).toBe(
      'Machine a is not healthy (not to be remediated by KubeadmControlPlane)',
    );
  });
});
