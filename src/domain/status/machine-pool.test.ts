import { describe, expect, test } from '@jest/globals';
import { aCluster } from '../../../test/helpers/fake-objects.js';
import { aMachinePool, anInfraPool } from '../../../test/helpers/fake-owners.js';
import { expectValid, messageOf, verdicts } from '../../../test/helpers/status-checks.js';
import type { MachinePool } from '../../api/types/index.js';
import type { KubeObject } from '../../api/types/meta.js';
import { ANNOTATION } from '../names.js';
import { type MachinePoolStatusInput, machinePoolStatus } from './machine-pool.js';

const NOW = '2026-01-01T00:10:00Z';
const cluster = aCluster();
const pool = aMachinePool(cluster, { replicas: 2 });
const made = {
  kind: 'KubeadmConfig',
  apiVersion: 'b/v1',
  metadata: { name: 'pool' },
  status: { initialization: { dataSecretCreated: true } },
} as KubeObject;
const infra = (replicas: number, more: Record<string, unknown> = {}) =>
  anInfraPool(cluster, { status: { ready: true, replicas, ...more } });
function node(name: string, change: { ready?: boolean; since?: string; kubelet?: string } = {}): KubeObject {
  const { ready = true, since = '2026-01-01T00:00:00Z', kubelet = 'v1.34.4' } = change;
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, uid: `uid-${name}` },
    spec: { providerID: `aws:///us-east-1a/i-${name}` },
    status: {
      nodeInfo: { kubeletVersion: kubelet },
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False', reason: 'R', lastTransitionTime: since }],
    },
  } as KubeObject;
}
const of = (input: Partial<MachinePoolStatusInput> = {}) =>
  machinePoolStatus({
    pool,
    infrastructure: infra(2),
    bootstrap: made,
    nodes: [node('a'), node('b')],
    failure: undefined,
    paused: false,
    now: NOW,
    ...input,
  });

describe('the status of a machine pool', () => {
  test('says what it knows of its bootstrap data and infrastructure', () => {
    const { spec } = pool;
    const withBootstrap = (bootstrap: object) => ({
      ...pool,
      spec: { ...spec, template: { ...spec.template, spec: { ...spec.template.spec, bootstrap } } },
    });
    expect(verdicts(of({ pool: withBootstrap({ dataSecretName: 'mine' }) }))['BootstrapConfigReady']).toBe(
      'True DataSecretProvided',
    );
    expect(verdicts(of({ pool: withBootstrap({}) }))['BootstrapConfigReady']).toBe('False NotReady');
    const odd = { conditions: [{ type: 'Ready', status: 'Perhaps' }] };
    const unread = of({
      bootstrap: { ...made, status: odd } as never,
      infrastructure: { ...infra(2), status: odd } as never,
    });
    expect(verdicts(unread)).toMatchObject({
      BootstrapConfigReady: 'Unknown InvalidConditionReported',
      InfrastructureReady: 'Unknown InvalidConditionReported',
    });
  });

  test('that is paused says so', () => {
    expect(verdicts(of({ paused: true }))['Paused']).toBe('True Paused');
  });

  test('that has all it wants counts Nodes, and every condition is good', () => {
    const status = of();
    expect(status).toMatchObject({
      phase: 'Running',
      replicas: 2,
      readyReplicas: 2,
      availableReplicas: 2,
      upToDateReplicas: 2,
      versions: [{ version: 'v1.34.4', replicas: 2 }],
      nodeRefs: [
        { kind: 'Node', name: 'a' },
        { kind: 'Node', name: 'b' },
      ],
      initialization: { bootstrapDataSecretCreated: true, infrastructureProvisioned: true },
    });
    expect(verdicts(status)).toEqual({
      Available: 'True Available',
      BootstrapConfigReady: 'True Ready',
      Deleting: 'False NotDeleting',
      InfrastructureReady: 'True Ready',
      MachinesReady: 'True Ready',
      MachinesUpToDate: 'True UpToDate',
      Paused: 'False NotPaused',
      ScalingDown: 'False NotScalingDown',
      ScalingUp: 'False NotScalingUp',
    });
    const legacy = status.deprecated?.v1beta1?.conditions ?? [];
    expect(legacy.map((c) => `${c.type}=${c.status}`)).toEqual([
      'Ready=True',
      'BootstrapReady=True',
      'InfrastructureReady=True',
      'ReplicasReady=True',
    ]);
    expectValid(pool, status);
  });

  test.each<[string, Partial<MachinePoolStatusInput>, string]>([
    ['without bootstrap data', { bootstrap: undefined, infrastructure: undefined, nodes: [] }, 'Pending'],
    ['without infrastructure', { infrastructure: anInfraPool(cluster), nodes: [] }, 'Provisioning'],
    ['without a Node', { nodes: [] }, 'Provisioned'],
    ['with too few ready Nodes', { nodes: [node('a'), node('b', { ready: false })] }, 'ScalingUp'],
    ['with too many', { nodes: [node('a'), node('b'), node('c')], infrastructure: infra(3) }, 'ScalingDown'],
    ['on its way out', { pool: { ...pool, metadata: { ...pool.metadata, deletionTimestamp: NOW } } }, 'Deleting'],
    [
      'that somebody else sizes',
      {
        pool: { ...pool, metadata: { ...pool.metadata, annotations: { [ANNOTATION.replicasManagedBy]: '' } } },
        nodes: [node('a')],
      },
      'Scaling',
    ],
  ])('%s has its phase', (_, input, phase) => {
    const status = of(input);
    expect(status.phase).toBe(phase);
    expectValid(pool, status);
  });

  test('counts a Node as available after minReadySeconds only', () => {
    const { template } = pool.spec;
    const slow: MachinePool = {
      ...pool,
      spec: { ...pool.spec, template: { ...template, spec: { ...template.spec, minReadySeconds: 60 } } },
    };
    const nodes = [node('a'), node('b', { since: '2026-01-01T00:09:30Z' })];
    const status = of({ pool: slow, nodes });
    expect(status).toMatchObject({ readyReplicas: 2, availableReplicas: 1 });
    expect(verdicts(status)['Available']).toBe('False NotAvailable');
    expect(messageOf(status, 'Available')).toBe('1 available replicas, at least 2 required');
  });

  test('counts instances of an earlier template, and kubelets of another version, as not up-to-date', () => {
    const marked = infra(3);
    marked.metadata.annotations = { [ANNOTATION.outdatedInstances]: 'i-a,i-x' };
    const status = of({ infrastructure: marked, nodes: [node('a'), node('b'), node('c', { kubelet: 'v1.33.1' })] });
    expect(status.upToDateReplicas).toBe(1);
    expect(verdicts(status)['MachinesUpToDate']).toBe('False NotUpToDate');
  });

  test('keeps what was known while the workload cluster does not answer', () => {
    const status = of({ pool: { ...pool, status: of() }, nodes: undefined, infrastructure: infra(1) });
    expect(status).toMatchObject({ replicas: 1, readyReplicas: 1, nodeRefs: [{ name: 'a' }, { name: 'b' }] });
  });

  test('tells what failed, whose child was refused, and copies the failure of its infrastructure', () => {
    const failure = {
      operation: 'ProvisionMachinePool',
      type: 'QuotaExceeded',
      message: 'no more',
      attempt: 'a',
    } as const;
    const failed = of({
      failure,
      infrastructure: infra(0, { failureReason: 'CreateError', failureMessage: 'x' }),
      nodes: [],
    });
    expect(verdicts(failed)).toMatchObject({ InfrastructureReady: 'False NotReady', ScalingUp: 'True ScalingUp' });
    expect(messageOf(failed, 'InfrastructureReady')).toBe('QuotaExceeded: no more');
    expect(failed.deprecated?.v1beta1).toMatchObject({ failureReason: 'CreateError', failureMessage: 'x' });
    const refused = of({ refused: { infrastructure: 'it is theirs' }, infrastructure: undefined });
    expect(verdicts(refused)['InfrastructureReady']).toBe('False OwnershipConflict');
    const gone = of({ pool: { ...pool, status: of() }, infrastructure: undefined, bootstrap: undefined });
    expect(verdicts(gone)).toMatchObject({
      InfrastructureReady: 'False ObjectDeleted',
      BootstrapConfigReady: 'False ObjectDeleted',
    });
  });
});
