import { describe, expect, test } from '@jest/globals';
import { aCluster, aControlPlane, aKubeadmConfig, aMachine } from '../../../test/helpers/fake-objects.js';
import { expectValid, messageOf, verdicts } from '../../../test/helpers/status-checks.js';
import type { Machine } from '../../api/types/index.js';
import type { KubeObject } from '../../api/types/meta.js';
import { ANNOTATION, LABEL } from '../names.js';
import { availableInSeconds, type MachineStatusInput, machineStatus } from './machine.js';
import type { NodeView } from './node.js';

const NOW = '2026-01-01T00:01:00Z';
const cluster = aCluster();
const fresh = aMachine(cluster);
const withData = (change: Partial<Machine> = {}): Machine => ({
  ...fresh,
  ...change,
  spec: { ...fresh.spec, bootstrap: { ...fresh.spec.bootstrap, dataSecretName: 's' }, providerID: 'p', ...change.spec },
});
const infra = (status: unknown): KubeObject =>
  ({ apiVersion: 'x/v1', kind: 'AWSMachine', metadata: { name: 'm' }, spec: {}, status }) as KubeObject;
const provisioned = infra({
  initialization: { provisioned: true },
  addresses: [{ type: 'InternalIP', address: '10.0.0.1' }],
  failureDomain: 'a',
});
const node = (...conditions: NodeView['conditions']): NodeView => ({ name: 'n', conditions });
const readyNode = node({ type: 'Ready', status: 'True' });

function status(machine: Machine, change: Partial<MachineStatusInput> = {}) {
  const input = { machine, infrastructure: undefined, bootstrap: undefined, node: undefined, failure: undefined };
  const result = machineStatus({ ...input, paused: false, now: NOW, ...change });
  expectValid(machine, result);
  return result;
}

describe('the status of a machine', () => {
  test('without anything tells what is missing', () => {
    const result = status(fresh);
    expect(verdicts(result)).toMatchObject({
      BootstrapConfigReady: 'False ObjectDoesNotExist',
      InfrastructureReady: 'False ObjectDoesNotExist',
      NodeReady: 'Unknown InspectionFailed',
      NodeHealthy: 'Unknown InspectionFailed',
      Deleting: 'False NotDeleting',
      Updating: 'False NotUpdating',
      Paused: 'False NotPaused',
      Ready: 'False NotReady',
      Available: 'False NotReady',
    });
    expect(result).toMatchObject({ phase: 'Pending', observedGeneration: 1, lastUpdated: NOW });
  });

  test('whose bootstrap data is given by the user needs no config', () => {
    const { bootstrap: _, ...spec } = fresh.spec;
    const given = { ...fresh, spec: { ...spec, bootstrap: { dataSecretName: 'mine' } } };
    expect(verdicts(status(given))['BootstrapConfigReady']).toBe('True DataSecretProvided');
  });

  test('does not believe a condition that is none', () => {
    const odd = { conditions: [{ type: 'Ready', status: 'Perhaps' }] };
    const result = status(fresh, {
      infrastructure: infra(odd),
      bootstrap: { ...aKubeadmConfig(fresh), status: odd } as never,
    });
    expect(verdicts(result)).toMatchObject({
      BootstrapConfigReady: 'Unknown InvalidConditionReported',
      InfrastructureReady: 'Unknown InvalidConditionReported',
    });
    expect(messageOf(result, 'InfrastructureReady')).toContain('"Perhaps"');
  });

  test('that runs is Ready and Available, and mirrors its infra machine and its node', () => {
    const texts = ['architecture', 'bootID', 'containerRuntimeVersion', 'kernelVersion', 'kubeProxyVersion'];
    const more = ['kubeletVersion', 'machineID', 'operatingSystem', 'osImage', 'systemUUID'];
    const info = Object.fromEntries([...texts, ...more].map((name) => [name, `the ${name}`]));
    const result = status(withData(), {
      infrastructure: provisioned,
      node: { ...readyNode, nodeInfo: info } as NodeView,
    });
    expect(verdicts(result)).toMatchObject({ Ready: 'True Ready', Available: 'True Available' });
    expect(result).toMatchObject({
      phase: 'Running',
      nodeInfo: info,
      nodeRef: { name: 'n' },
      failureDomain: 'a',
      addresses: [{ type: 'InternalIP', address: '10.0.0.1' }],
      initialization: { bootstrapDataSecretCreated: true, infrastructureProvisioned: true },
      deprecated: {
        v1beta1: { conditions: expect.arrayContaining([expect.objectContaining({ type: 'Ready', status: 'True' })]) },
      },
    });
  });

  test.each<[string, Machine, Partial<MachineStatusInput>, string]>([
    ['without data', fresh, {}, 'Pending'],
    ['with data', withData({ spec: { providerID: undefined } as never }), {}, 'Provisioning'],
    ['with an instance', withData(), { infrastructure: provisioned }, 'Provisioned'],
    ['with a node', withData(), { infrastructure: provisioned, node: readyNode }, 'Running'],
    ['with a deletion', { ...fresh, metadata: { ...fresh.metadata, deletionTimestamp: NOW } }, {}, 'Deleting'],
  ])('%s has its phase', (_, machine, change, phase) => {
    const { providerID, ...spec } = machine.spec;
    const cleaned = providerID === undefined ? { ...machine, spec } : machine;
    expect(status(cleaned as Machine, change).phase).toBe(phase);
  });

  test('of a control plane says when its certificates expire, as the machine or else its config does', () => {
    const expiry = (date: string) => ({ [ANNOTATION.certificatesExpiry]: date });
    const config = aKubeadmConfig(fresh);
    const bootstrap = { ...config, metadata: { ...config.metadata, annotations: expiry('2027-01-01T00:00:00Z') } };
    const role = { ...fresh.metadata.labels, [LABEL.controlPlane]: '' };
    const own = { ...fresh, metadata: { ...fresh.metadata, labels: role } };
    const told = { ...own, metadata: { ...own.metadata, annotations: expiry('2028-01-01T00:00:00Z') } };
    expect(status(own, { bootstrap }).certificatesExpiryDate).toBe('2027-01-01T00:00:00Z');
    expect(status(told, { bootstrap }).certificatesExpiryDate).toBe('2028-01-01T00:00:00Z');
    expect(status(own)).not.toHaveProperty('certificatesExpiryDate');
    expect(status(fresh, { bootstrap })).not.toHaveProperty('certificatesExpiryDate');
  });

  test('stays provisioned and keeps what it learned when its infra machine and node cannot be read', () => {
    const machine = withData();
    const before = status(machine, { infrastructure: provisioned, node: readyNode });
    const after = status({ ...machine, status: before }, { connectionError: 'refused', infrastructure: undefined });
    expect(after).toMatchObject({
      initialization: { infrastructureProvisioned: true },
      nodeRef: { name: 'n' },
      addresses: before.addresses,
      failureDomain: 'a',
      lastUpdated: NOW,
    });
    expect(verdicts(after)).toMatchObject({
      InfrastructureReady: 'False ObjectDeleted',
      NodeHealthy: 'Unknown ConnectionDown',
    });
  });

  test.each<[string, Partial<MachineStatusInput>, string, string]>([
    ['a node nobody has seen', {}, 'Unknown InspectionFailed', 'Waiting for a Node with spec.providerID p to exist'],
    ['a node nobody has seen, with a hint', { nodeHint: 'console' }, 'Unknown InspectionFailed', 'to exist: console'],
    [
      'a node that is not ready',
      { node: node({ type: 'Ready', status: 'False', message: 'no CNI' }) },
      'False NodeNotHealthy',
      '* Node.Ready: no CNI',
    ],
    [
      'a node that fell silent',
      { node: node({ type: 'Ready', status: 'Unknown', message: 'silent' }) },
      'Unknown NodeHealthyUnknown',
      '* Node.Ready: silent',
    ],
    ['a node that says nothing yet', { node: node() }, 'Unknown NodeHealthyUnknown', 'Condition not yet reported'],
    [
      'a node under pressure',
      { node: node({ type: 'Ready', status: 'True' }, { type: 'DiskPressure', status: 'True', message: 'full' }) },
      'False NodeNotHealthy',
      '* Node.DiskPressure: full',
    ],
  ])('judges %s', (_, change, verdict, message) => {
    const result = status(withData(), { infrastructure: provisioned, ...change });
    expect(verdicts(result)['NodeHealthy']).toBe(verdict);
    expect(messageOf(result, 'NodeHealthy')).toContain(message);
  });

  test('keeps what was last seen of the node while the connection only just broke, and only then', () => {
    const machine = withData();
    const before = status(machine, { infrastructure: provisioned, node: readyNode });
    const down = { connectionError: 'refused', infrastructure: provisioned };
    const later = (change: Partial<MachineStatusInput>) =>
      verdicts(status({ ...machine, status: before }, { ...down, ...change }));
    expect(later({ held: true })).toMatchObject({ NodeReady: 'True NodeReady', NodeHealthy: 'True NodeHealthy' });
    expect(later({})).toMatchObject({ NodeReady: 'Unknown ConnectionDown', NodeHealthy: 'Unknown ConnectionDown' });
    const { conditions: _, ...unset } = before;
    const first = status({ ...machine, status: unset }, { ...down, held: true });
    expect(verdicts(first)['NodeHealthy']).toBe('Unknown ConnectionDown');
  });

  test('tells a deleted node from one that cannot be asked', () => {
    const machine = { ...withData(), status: { nodeRef: { name: 'n' } } };
    expect(verdicts(status(machine, { infrastructure: provisioned }))['NodeHealthy']).toBe('False NodeDeleted');
    expect(verdicts(status(machine, { connectionError: 'x' }))['NodeHealthy']).toBe('Unknown ConnectionDown');
  });

  test('counts readiness gates and health checks that others report', () => {
    const spec = { ...withData().spec, readinessGates: [{ conditionType: 'Gate' }] };
    const condition = (type: string, state: 'True' | 'False') => ({
      type,
      status: state,
      reason: 'R',
      message: `${type} says so`,
      lastTransitionTime: NOW,
    });
    const run = { infrastructure: provisioned, node: readyNode };
    const machine = (...conditions: ReturnType<typeof condition>[]): Machine => ({
      ...fresh,
      spec,
      status: { conditions },
    });
    expect(verdicts(status(machine(), run))['Ready']).toBe('Unknown ReadyUnknown');
    expect(verdicts(status(machine(condition('Gate', 'True')), run))['Ready']).toBe('True Ready');
    const ill = status(machine(condition('Gate', 'True'), condition('HealthCheckSucceeded', 'False')), run);
    expect(messageOf(ill, 'Ready')).toBe('* HealthCheckSucceeded: HealthCheckSucceeded says so');
    expect(ill.conditions?.map((c) => c.type)).not.toContain('Gate');
  });

  test('says what health checks and owners say to clients of v1beta1 too, in their words', () => {
    const condition = (type: string, reason: string, message: string) =>
      ({ type, status: 'False', reason, message, lastTransitionTime: NOW }) as const;
    const legacy = (...conditions: ReturnType<typeof condition>[]) =>
      status({ ...fresh, status: { conditions } }, {}).deprecated?.v1beta1?.conditions?.filter((c) =>
        ['HealthCheckSucceeded', 'OwnerRemediated'].includes(c.type),
      );
    const failed = condition('HealthCheckSucceeded', 'NodeDeleted', 'Health check failed: Node n has been deleted');
    const severity = 'Warning';
    const common = { status: 'False', severity, lastTransitionTime: NOW };
    expect(legacy(failed, condition('OwnerRemediated', 'WaitingForRemediation', ''))).toEqual([
      { ...common, type: 'HealthCheckSucceeded', reason: 'NodeNotFound', message: 'Node n has been deleted' },
      { ...common, type: 'OwnerRemediated', reason: 'WaitingForRemediation' },
    ]);
    expect(legacy()).toEqual([]);
  });

  test('shows a failed operation where it belongs', () => {
    const failure = {
      operation: 'ProvisionMachine',
      type: 'InsufficientCapacity',
      message: 'none left',
      attempt: 'a',
    } as const;
    const result = status(withData(), { infrastructure: infra({}), failure });
    expect(verdicts(result)['InfrastructureReady']).toBe('False InsufficientCapacity');
    expect(messageOf(result, 'InfrastructureReady')).toBe('none left');
    expect(verdicts(status(fresh, { bootstrap: infra({}), failure }))['BootstrapConfigReady']).toBe(
      'False InsufficientCapacity',
    );
  });

  test('says whose a refused object is', () => {
    const result = status(fresh, { refused: { infrastructure: 'AWSMachine m belongs to Machine other' } });
    expect(verdicts(result)['InfrastructureReady']).toBe('False OwnershipConflict');
    expect(messageOf(result, 'Ready')).toContain('AWSMachine m belongs to Machine other');
  });

  describe('that is deleted', () => {
    const machine = { ...withData(), metadata: { ...fresh.metadata, deletionTimestamp: NOW } };
    const deletion = { reason: 'DrainingNode', message: 'Drain not completed yet (started at x):\n* Pod a/b: stuck' };

    test('says what it waits for; Ready tells only the stage, so that summaries stay short', () => {
      const result = status(machine, { deletion });
      expect(verdicts(result)['Deleting']).toBe('True DrainingNode');
      expect(messageOf(result, 'Deleting')).toBe(deletion.message);
      expect(messageOf(result, 'Ready')).toContain('* Deleting: Machine deletion in progress, stage: DrainingNode');
    });

    test('says so to clients of v1beta1 too', () => {
      const begun = { ...machine, status: { deletion: { nodeDrainStartTime: NOW } } };
      const legacy = (result: typeof begun.status): unknown[] =>
        (result as Machine['status'])?.deprecated?.v1beta1?.conditions?.map((c) => `${c.type} ${c.status}`) ?? [];
      expect(legacy(status(begun, { deletion }) as never)).toContain('DrainingSucceeded False');
      const volumes = { reason: 'WaitingForVolumeDetach', message: 'one' };
      expect(legacy(status(begun, { deletion: volumes }) as never)).toEqual(
        expect.arrayContaining(['DrainingSucceeded True', 'VolumeDetachSucceeded False']),
      );
    });

    test('keeps what it waits for until something else is known', () => {
      const before = { ...machine, status: status(machine, { deletion }) };
      expect(messageOf(status(before), 'Deleting')).toBe(deletion.message);
      const failure = { operation: 'DeleteMachine', type: 'Unauthorized', message: 'no keys', attempt: 'a' } as const;
      expect(verdicts(status(before, { failure }))['Deleting']).toBe('True DrainingNode');
      expect(messageOf(status(before, { failure }), 'Deleting')).toBe('Unauthorized: no keys');
      const bug = status(machine, { failure: { ...failure, type: 'Bug' } });
      expect(verdicts(bug)['Deleting']).toBe('True InternalError');
      expect(messageOf(status(machine), 'Deleting')).toBe('Deletion started');
    });
  });

  test('does not change when it is made again from itself, later', () => {
    const machine = withData();
    for (const change of [{}, { infrastructure: provisioned }, { infrastructure: provisioned, node: readyNode }]) {
      const once = status(machine, change);
      expect(status({ ...machine, status: once }, { ...change, now: '2026-01-02T00:00:00Z' })).toEqual(once);
    }
  });
});

describe('availability', () => {
  const slow = { ...withData(), spec: { ...withData().spec, minReadySeconds: 30 } };
  const run = { infrastructure: provisioned, node: readyNode };

  test('begins minReadySeconds after Ready', () => {
    const early = status(slow, run);
    expect(verdicts(early)['Available']).toBe('False WaitingForMinReadySeconds');
    const later = status({ ...slow, status: early }, { ...run, now: '2026-01-01T00:01:30Z' });
    expect(verdicts(later)['Available']).toBe('True Available');
  });

  test.each([
    ['2026-01-01T00:01:00Z', 30],
    ['2026-01-01T00:01:29Z', 1],
    ['2026-01-01T00:01:30Z', 0],
    ['2026-01-01T00:09:00Z', 0],
  ])('at %s comes in %i s', (now, seconds) => {
    const ready = status(slow, run).conditions?.find((c) => c.type === 'Ready');
    expect(availableInSeconds(slow, ready as never, now)).toBe(seconds);
  });

  test('of a machine that is not ready is not waited for', () => {
    expect(availableInSeconds(slow, undefined, NOW)).toBe(0);
  });
});

test('machines of a control plane have the same status', () => {
  const machine = aMachine(cluster, { controlPlane: aControlPlane(cluster) });
  expect(status(machine).phase).toBe('Pending');
});
