import { describe, expect, test } from '@jest/globals';
import { aCluster, aControlPlane, aMachine } from '../../../test/helpers/fake-objects.js';
import { aMachineDeployment, aMachinePool, aMachineSet } from '../../../test/helpers/fake-owners.js';
import { expectValid, messageOf, verdicts } from '../../../test/helpers/status-checks.js';
import type { Cluster } from '../../api/types/index.js';
import type { Condition, KubeObject } from '../../api/types/meta.js';
import { type ClusterStatusInput, clusterStatus } from './cluster.js';

const NOW = '2026-01-01T00:00:00Z';
const infrastructureRef = { apiGroup: 'infrastructure.cluster.x-k8s.io', kind: 'AWSCluster', name: 'demo' };
const { controlPlaneEndpoint: _, ...unset } = aCluster({ spec: { infrastructureRef } }).spec;
const bare: Cluster = { ...aCluster(), spec: unset, status: {} };
const endpoint = { host: 'lb', port: 6443 };
const cluster: Cluster = { ...bare, spec: { ...bare.spec, controlPlaneEndpoint: endpoint } };
const infra = (status: unknown): KubeObject =>
  ({ apiVersion: 'x/v1', kind: 'AWSCluster', metadata: { name: 'demo' }, spec: {}, status }) as KubeObject;
const condition = (type: string, status: 'True' | 'False' | 'Unknown', message = ''): Condition => ({
  type,
  status,
  reason: 'R',
  message,
  lastTransitionTime: NOW,
});
const provisioned = infra({
  initialization: { provisioned: true },
  failureDomains: { b: { controlPlane: true }, a: {} },
});
const controlPlane = (...conditions: Condition[]) => ({
  ...aControlPlane(cluster, { replicas: 3 }),
  status: { initialization: { controlPlaneInitialized: true }, conditions },
});
const deployment = (...conditions: Condition[]) => ({
  ...aMachineDeployment(cluster, { replicas: 2 }),
  status: { conditions },
});

function status(change: Partial<ClusterStatusInput> = {}) {
  const input: ClusterStatusInput = {
    cluster,
    infrastructure: undefined,
    controlPlane: undefined,
    deployments: [],
    machines: [],
    failure: undefined,
    paused: false,
    now: NOW,
    ...change,
  };
  const result = clusterStatus(input);
  expectValid(input.cluster, result);
  return result;
}

const healthy: Partial<ClusterStatusInput> = {
  infrastructure: provisioned,
  controlPlane: controlPlane(condition('Available', 'True')),
  deployments: [deployment(condition('Available', 'True'))],
  connection: { ok: true, message: '' },
};

describe('the status of a cluster', () => {
  test('of which nothing exists says so', () => {
    const result = status({ cluster: bare });
    expect(verdicts(result)).toMatchObject({
      InfrastructureReady: 'False ObjectDoesNotExist',
      ControlPlaneInitialized: 'Unknown ObjectDoesNotExist',
      ControlPlaneAvailable: 'False ObjectDoesNotExist',
      WorkersAvailable: 'True NoWorkers',
      ControlPlaneMachinesReady: 'True NoReplicas',
      RemoteConnectionProbe: 'False ProbeFailed',
      Deleting: 'False NotDeleting',
      Paused: 'False NotPaused',
      Available: 'False NotAvailable',
    });
    expect(result.phase).toBe('Provisioning');
  });

  test('counts the instances of its pools among its workers, and is available with them', () => {
    const counts = { replicas: 2, readyReplicas: 2, availableReplicas: 1, upToDateReplicas: 2 };
    const versions = [{ version: 'v1.34.4', replicas: 2 }];
    const pool = (available: 'True' | 'False') => ({
      ...aMachinePool(cluster, { replicas: 3 }),
      status: { ...counts, versions, conditions: [condition('Available', available, 'two are missing')] },
    });
    const result = status({ ...healthy, deployments: [], pools: [pool('True')] });
    expect(result.workers).toEqual({ desiredReplicas: 3, ...counts, versions });
    expect(verdicts(result)['WorkersAvailable']).toBe('True Available');
    const missing = status({ ...healthy, pools: [pool('False')] });
    expect(verdicts(missing)['WorkersAvailable']).toBe('False NotAvailable');
    expect(messageOf(missing, 'WorkersAvailable')).toContain('two are missing');
  });

  describe('whose machines are made by hand', () => {
    const { controlPlaneRef: _ref, ...spec } = cluster.spec;
    const standalone: Cluster = { ...cluster, spec };
    const labels = { 'cluster.x-k8s.io/control-plane': '' };
    const made = (node: boolean) => {
      const machine = aMachine(standalone, { name: 'cp', status: node ? { nodeRef: { name: 'n' } } : {} });
      return { ...machine, metadata: { ...machine.metadata, labels } };
    };

    test('waits for the first node of its control plane', () => {
      const result = status({ cluster: standalone, machines: [made(false)] });
      expect(verdicts(result)).toMatchObject({
        ControlPlaneInitialized: 'False NotInitialized',
        ControlPlaneAvailable: 'False NotAvailable',
      });
      expect(messageOf(result, 'ControlPlaneAvailable')).toContain('first control plane machine');
    });

    test('counts sets and machines that have no deployment', () => {
      const set = {
        ...aMachineSet(standalone, { replicas: 3 }),
        status: { conditions: [condition('ScalingUp', 'True', 'm')] },
      };
      const result = status({
        cluster: standalone,
        sets: [set],
        machines: [made(true), aMachine(standalone, { name: 'w' })],
      });
      expect(verdicts(result)).toMatchObject({
        ControlPlaneInitialized: 'True Initialized',
        ControlPlaneAvailable: 'True Available',
        ScalingUp: 'True ScalingUp',
      });
      expect(result.controlPlane).toMatchObject({
        desiredReplicas: 1,
        replicas: 1,
        versions: [{ version: 'v1.34.4', replicas: 1 }],
      });
      expect(result.workers).toMatchObject({ desiredReplicas: 4, replicas: 1 });
    });
  });

  test('that is well is Available, with all it learned', () => {
    const result = status(healthy);
    expect(verdicts(result)).toMatchObject({ Available: 'True Available', InfrastructureReady: 'True Ready' });
    expect(result).toMatchObject({
      phase: 'Provisioned',
      initialization: { infrastructureProvisioned: true, controlPlaneInitialized: true },
      failureDomains: [{ name: 'a' }, { name: 'b', controlPlane: true }],
      controlPlane: { desiredReplicas: 3, replicas: 0 },
      workers: { desiredReplicas: 2, replicas: 0 },
      observedGeneration: 1,
    });
    const legacy = (result.deprecated?.v1beta1?.conditions ?? []).map((c) => `${c.type} ${c.status}`);
    expect(legacy).toEqual([
      'Ready True',
      'ControlPlaneInitialized True',
      'ControlPlaneReady True',
      'InfrastructureReady True',
    ]);
  });

  test.each<[string, Partial<ClusterStatusInput>, string]>([
    ['nothing to refer to', { cluster: { ...bare, spec: { paused: false } } }, 'Pending'],
    ['no infrastructure', { cluster: bare }, 'Provisioning'],
    ['no endpoint', { cluster: bare, infrastructure: provisioned }, 'Provisioning'],
    ['both', { infrastructure: provisioned }, 'Provisioned'],
    ['a deletion', { cluster: { ...cluster, metadata: { ...cluster.metadata, deletionTimestamp: NOW } } }, 'Deleting'],
  ])('with %s has its phase', (_, change, phase) => {
    expect(status(change).phase).toBe(phase);
  });

  test('never goes back on what was once provisioned or initialized', () => {
    const once = status(healthy);
    const later = status({ cluster: { ...cluster, status: once } });
    expect(later).toMatchObject({ initialization: once.initialization, failureDomains: once.failureDomains });
    expect(verdicts(later)['InfrastructureReady']).toBe('False ObjectDeleted');
  });

  test.each<[string, Partial<ClusterStatusInput>, string, string]>([
    [
      'its infrastructure',
      { infrastructure: infra({ conditions: [condition('Ready', 'False', 'no subnet')] }) },
      'InfrastructureReady',
      'no subnet',
    ],
    [
      'its control plane',
      { controlPlane: controlPlane(condition('Available', 'False', 'no quorum')) },
      'ControlPlaneAvailable',
      'no quorum',
    ],
    [
      'a deployment',
      { deployments: [deployment(condition('Available', 'False', '0 of 2'))] },
      'WorkersAvailable',
      '0 of 2',
    ],
    ['its API server', { connection: { ok: false, message: 'refused' } }, 'RemoteConnectionProbe', 'refused'],
  ])('is not Available when %s is not', (_, change, type, message) => {
    const result = status({ ...healthy, ...change });
    expect(verdicts(result)['Available']).toMatch(/^(False|Unknown)/);
    expect(messageOf(result, type)).toContain(message);
    expect(messageOf(result, 'Available')).toContain(message);
  });

  test('counts availability gates', () => {
    const gated = { ...cluster, spec: { ...cluster.spec, availabilityGates: [{ conditionType: 'Mine' }] } };
    expect(verdicts(status({ ...healthy, cluster: gated }))['Available']).toBe('Unknown AvailableUnknown');
    const told = { ...gated, status: { conditions: [condition('Mine', 'True')] } };
    expect(verdicts(status({ ...healthy, cluster: told }))['Available']).toBe('True Available');
  });

  test('shows a failed operation and a refused object where they belong', () => {
    const failure = {
      operation: 'CreateCluster',
      type: 'QuotaExceeded',
      message: 'too many VPCs',
      attempt: 'a',
    } as const;
    const result = status({ infrastructure: infra({}), failure, refused: { controlPlane: 'theirs' } });
    expect(verdicts(result)).toMatchObject({
      InfrastructureReady: 'False QuotaExceeded',
      ControlPlaneAvailable: 'False OwnershipConflict',
    });
    expect(verdicts(status({ refused: { infrastructure: 'theirs' } }))['InfrastructureReady']).toBe(
      'False OwnershipConflict',
    );
  });

  test('adds up what its parts do', () => {
    const rolling = controlPlane(condition('RollingOut', 'True', '1 of 3'));
    const result = status({
      ...healthy,
      controlPlane: rolling,
      deployments: [deployment(condition('ScalingUp', 'True', 'from 1 to 2'), condition('ScalingDown', 'False'))],
    });
    expect(verdicts(result)).toMatchObject({
      RollingOut: 'True RollingOut',
      ScalingUp: 'True ScalingUp',
      ScalingDown: 'False NotScalingDown',
    });
    expect(messageOf(result, 'RollingOut')).toBe('* KubeadmControlPlane demo-control-plane: 1 of 3');
  });

  test('does not know what a part of it has not said, and needs no such word of its control plane', () => {
    const result = status({ ...healthy, deployments: [deployment(condition('RollingOut', 'Unknown', 'is not read'))] });
    expect(verdicts(result)).toMatchObject({
      RollingOut: 'Unknown RollingOutUnknown',
      ScalingUp: 'Unknown ScalingUpUnknown',
      ScalingDown: 'Unknown ScalingDownUnknown',
    });
    expect(messageOf(result, 'RollingOut')).toContain('is not read');
    expect(messageOf(result, 'ScalingUp')).toMatch(/: Condition ScalingUp not yet reported$/);
    expect(verdicts(status({ ...healthy, deployments: [] }))['ScalingUp']).toBe('False NotScalingUp');
  });

  test('tells what its machines say of themselves, by what they are for', () => {
    const said = (name: string, controlPlaneMachine: boolean, ready: 'True' | 'False') => {
      const machine = aMachine(cluster, {
        name,
        ...(controlPlaneMachine ? { controlPlane: aControlPlane(cluster) } : {}),
      });
      return { ...machine, status: { conditions: [condition('Ready', ready), condition('UpToDate', ready)] } };
    };
    const group = (controlPlaneMachine: boolean, ready: 'True' | 'False') =>
      verdicts(status({ machines: [said('m', controlPlaneMachine, ready)] }));
    expect(group(true, 'True')).toMatchObject({
      ControlPlaneMachinesReady: 'True Ready',
      ControlPlaneMachinesUpToDate: 'True UpToDate',
      WorkerMachinesReady: 'True NoReplicas',
    });
    expect(group(true, 'False')).toMatchObject({ ControlPlaneMachinesUpToDate: 'False NotUpToDate' });
    expect(group(false, 'True')).toMatchObject({
      WorkerMachinesReady: 'True Ready',
      WorkerMachinesUpToDate: 'True UpToDate',
    });
    expect(group(false, 'False')).toMatchObject({
      WorkerMachinesReady: 'False NotReady',
      WorkerMachinesUpToDate: 'False NotUpToDate',
    });
  });

  test('is remediating while one of its machines is replaced for its health', () => {
    const machine = aMachine(cluster, { name: 'ill' });
    const ill = [condition('HealthCheckSucceeded', 'False'), condition('OwnerRemediated', 'False', 'is replaced')];
    const result = status({ machines: [{ ...machine, status: { conditions: ill } }] });
    expect(verdicts(result)['Remediating']).toBe('True Remediating');
    expect(messageOf(result, 'Remediating')).toBe('* Machine ill: is replaced');
  });

  test('does not believe a condition that is none', () => {
    const odd = { type: 'Ready', status: 'Perhaps' };
    const result = status({
      infrastructure: infra({ conditions: [odd] }),
      controlPlane: controlPlane({ ...condition('Available', 'True'), status: 'Perhaps' as 'True' }),
    });
    expect(verdicts(result)).toMatchObject({
      InfrastructureReady: 'Unknown InvalidConditionReported',
      ControlPlaneAvailable: 'Unknown InvalidConditionReported',
    });
  });

  test('tells workers from control plane machines', () => {
    const machines = [
      aMachine(cluster, { name: 'w' }),
      aMachine(cluster, { name: 'c', controlPlane: aControlPlane(cluster) }),
    ];
    expect(status({ machines })).toMatchObject({ controlPlane: { replicas: 1 }, workers: { replicas: 1 } });
  });

  test('says what a deletion waits for', () => {
    const going = { ...cluster, metadata: { ...cluster.metadata, deletionTimestamp: NOW } };
    const deletion = { reason: 'WaitingForControlPlaneDeletion', message: '3 machines' };
    expect(verdicts(status({ cluster: going, deletion }))['Deleting']).toBe('True WaitingForControlPlaneDeletion');
  });

  test.each<[string, Partial<ClusterStatusInput>]>([
    ['new', { cluster: bare }],
    ['well', healthy],
  ])('that is %s does not change when it is made again from itself, later', (_, change) => {
    const once = status(change);
    const stored = { ...(change.cluster ?? cluster), status: once };
    expect(status({ ...change, cluster: stored, now: '2027-01-01T00:00:00Z' })).toEqual(once);
  });
});
