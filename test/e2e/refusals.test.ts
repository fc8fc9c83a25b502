import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { KINDS } from '../../src/api/types/kinds.js';
import type { KubeObject } from '../../src/api/types/meta.js';
import { findCondition } from '../../src/domain/conditions.js';
import { laneId } from '../../src/domain/names.js';
import {
  clusterObjects,
  conditionsOf,
  controlPlaneObject,
  create,
  identitySecret,
  machineObjects,
  machineTemplate,
  staticIdentity,
  untilCondition,
} from './objects.js';
import { startTestSandbox, type TestSandbox, until } from './sandbox.js';
import { skipTime } from './skip-time.js';

/** What users get wrong, and what clouds do to them, end to end on real servers with instances that are not booted. */
let sandbox: TestSandbox;
const BASE = { namespace: 'default', name: 'base' };

beforeAll(async () => {
  sandbox = await startTestSandbox({ machines: 'none', cloudDelay: 20 });
  await create(sandbox.kube, clusterObjects(BASE));
  await untilCondition(sandbox.kube, KINDS.Cluster, BASE, 'InfrastructureReady', 'Ready');
}, 900_000);
afterAll(async () => {
  await sandbox?.stop();
}, 120_000);

const at = (name: string, namespace = 'default') => ({ namespace, name });

/** Ids of everything in the emulated cloud that carries a tag value. */
async function tagged(value: string): Promise<string[]> {
  const all = await sandbox.cloud.inventory();
  return all.filter((item) => Object.values(item.tags).includes(value)).map((item) => `${item.type} ${item.id}`);
}

async function idOf(ref: { namespace: string; name: string }): Promise<string> {
  const cluster = await sandbox.kube.get<KubeObject>(KINDS.Cluster, ref);
  return cluster?.metadata.annotations?.['perdure.dev/id'] ?? '';
}

/** Runs of the lane and of its operations that are open. */
async function openWorkflows(object: KubeObject): Promise<string[]> {
  const { namespace = '', name, uid = '' } = object.metadata;
  const id = laneId({ kind: object.kind, namespace, name, uid });
  const open: string[] = [];
  for await (const w of sandbox.temporal.workflow.list({ query: "ExecutionStatus = 'Running'" })) {
    if (w.workflowId.startsWith(id)) open.push(w.workflowId);
  }
  return open;
}

describe('machines', () => {
  test('an image that does not exist is named with its field, and asked for once', async () => {
    await create(sandbox.kube, machineObjects(BASE, 'bad-image', { ami: { id: 'ami-0123456789abcdef0' } }));
    const condition = await untilCondition(
      sandbox.kube,
      KINDS.Machine,
      at('bad-image'),
      'InfrastructureReady',
      'InvalidConfiguration',
    );
    expect(condition.status).toBe('False');
    expect(condition.message).toContain('AWSMachine default/bad-image');
    expect(condition.message).toContain('ami-0123456789abcdef0');
    expect(condition.message).toMatch(/ami\.id.*to an image of this region/);
    const machine = await sandbox.kube.get<KubeObject>(KINDS.Machine, at('bad-image'));
    await until('the lane to end', async () =>
      (await openWorkflows(machine as KubeObject)).length === 0 ? true : undefined,
    );
    const calls = await sandbox.cloud.journal({ action: 'RunInstances', error: 'InvalidAMIID.NotFound' });
    expect(calls).toHaveLength(1);
  });

  test('an instance type that the region does not offer is named with its field', async () => {
    await create(sandbox.kube, machineObjects(BASE, 'bad-type', { instanceType: 't9.huge' }));
    const condition = await untilCondition(
      sandbox.kube,
      KINDS.Machine,
      at('bad-type'),
      'InfrastructureReady',
      'InvalidConfiguration',
    );
    expect(condition.message).toBe(
      'AWSMachine default/bad-type: spec.instanceType t9.huge is not offered in us-east-1; choose another',
    );
  });

  test('missing capacity is told with the object, and an attempt follows when there is some', async () => {
    await sandbox.cloud.addFault({
      id: 'capacity',
      action: 'RunInstances',
      params: { InstanceType: 'm5.large' },
      effect: {
        kind: 'error',
        code: 'InsufficientInstanceCapacity',
        message: 'no m5.large in us-east-1a',
        status: 500,
      },
    });
    await create(sandbox.kube, machineObjects(BASE, 'no-room', { instanceType: 'm5.large' }));
    const condition = await untilCondition(
      sandbox.kube,
      KINDS.Machine,
      at('no-room'),
      'InfrastructureReady',
      'InsufficientCapacity',
    );
    expect(condition.message).toContain('AWSMachine default/no-room');
    expect(condition.message).toContain('no m5.large in us-east-1a');
    expect(condition.message).toContain('choose another zone or instance type, or wait');
    await sandbox.cloud.removeFault('capacity');
    const machine = await sandbox.kube.get<KubeObject>(KINDS.Machine, at('no-room'));
    await skipTime(sandbox.temporal, machine as KubeObject);
    await untilCondition(sandbox.kube, KINDS.Machine, at('no-room'), 'InfrastructureReady', 'Ready');
  });
});

describe('identities', () => {
  test('a static identity without its Secret says which Secret and which keys', async () => {
    await create(sandbox.kube, [
      staticIdentity('no-secret', 'nowhere', {}),
      ...clusterObjects(at('no-secret'), { identityRef: { kind: 'AWSClusterStaticIdentity', name: 'no-secret' } }),
    ]);
    const condition = await untilCondition(
      sandbox.kube,
      KINDS.Cluster,
      at('no-secret'),
      'InfrastructureReady',
      'Unauthorized',
    );
    expect(condition.message).toContain(
      'AWSClusterStaticIdentity/no-secret: secret perdure-system/nowhere must hold AccessKeyID and SecretAccessKey; create or complete it',
    );
    const principal = await untilCondition(
      sandbox.kube,
      KINDS.AWSCluster,
      at('no-secret'),
      'PrincipalCredentialRetrieved',
      'PrincipalCredentialRetrievalFailed',
    );
    expect(principal.status).toBe('False');
  });

  test('a namespace that an identity does not allow is named, with the field to change', async () => {
    await create(sandbox.kube, [
      identitySecret('elsewhere', 'AKIAELSEWHERE0000000'),
      staticIdentity('elsewhere', 'elsewhere', { list: ['another'] }),
      ...clusterObjects(at('not-allowed'), { identityRef: { kind: 'AWSClusterStaticIdentity', name: 'elsewhere' } }),
    ]);
    const condition = await untilCondition(
      sandbox.kube,
      KINDS.Cluster,
      at('not-allowed'),
      'InfrastructureReady',
      'Unauthorized',
    );
    expect(condition.message).toContain(
      'AWSClusterStaticIdentity/elsewhere: spec.allowedNamespaces does not allow namespace default; add it to the list or label the namespace',
    );
    const usage = await untilCondition(
      sandbox.kube,
      KINDS.AWSCluster,
      at('not-allowed'),
      'PrincipalUsageAllowed',
      'PrincipalUsageUnauthorized',
    );
    expect(usage.status).toBe('False');
    expect(await sandbox.cloud.journal({ accessKey: 'AKIAELSEWHERE0000000' })).toHaveLength(0);
  });

  test('expired credentials are told, and work goes on when they are good again', async () => {
    await sandbox.cloud.addFault({
      id: 'expired',
      accessKey: 'AKIAEXPIRED000000000',
      effect: {
        kind: 'error',
        code: 'ExpiredToken',
        message: 'The security token included in the request is expired',
        status: 403,
      },
    });
    await create(sandbox.kube, [
      identitySecret('expired', 'AKIAEXPIRED000000000'),
      staticIdentity('expired', 'expired', {}),
      ...clusterObjects(at('expired'), { identityRef: { kind: 'AWSClusterStaticIdentity', name: 'expired' } }),
    ]);
    const condition = await untilCondition(
      sandbox.kube,
      KINDS.Cluster,
      at('expired'),
      'InfrastructureReady',
      'Unauthorized',
    );
    expect(condition.message).toContain('AWSCluster default/expired');
    expect(condition.message).toContain('ExpiredToken');
    expect(condition.message).toContain('renew the credentials of the identity of the AWSCluster');
    await sandbox.cloud.removeFault('expired');
    const cluster = await sandbox.kube.get<KubeObject>(KINDS.Cluster, at('expired'));
    await skipTime(sandbox.temporal, cluster as KubeObject);
    await untilCondition(sandbox.kube, KINDS.Cluster, at('expired'), 'InfrastructureReady', 'Ready');
  });
});

describe('clusters', () => {
  test('a quota is told with its remedy, does not make the lane run hot, and is tried again by itself', async () => {
    const fault = { id: 'quota', action: 'CreateVpc', params: { CidrBlock: '10.77.0.0/16' } };
    await sandbox.cloud.addFault({
      ...fault,
      effect: { kind: 'error', code: 'VpcLimitExceeded', message: 'The maximum number of VPCs has been reached.' },
    });
    await create(sandbox.kube, clusterObjects(at('quota'), { network: { vpc: { cidrBlock: '10.77.0.0/16' } } }));
    const condition = await untilCondition(
      sandbox.kube,
      KINDS.Cluster,
      at('quota'),
      'InfrastructureReady',
      'QuotaExceeded',
    );
    expect(condition.message).toContain('AWSCluster default/quota');
    expect(condition.message).toContain('CreateVpc: VpcLimitExceeded: The maximum number of VPCs has been reached.');
    expect(condition.message).toContain('request a higher service quota or free resources of this kind');
    const [stored] = (await sandbox.cloud.faults()).filter((f) => f.id === 'quota');
    expect(stored?.fired).toBe(1);
    await sandbox.cloud.removeFault('quota');
    const cluster = await sandbox.kube.get<KubeObject>(KINDS.Cluster, at('quota'));
    await skipTime(sandbox.temporal, cluster as KubeObject);
    await untilCondition(sandbox.kube, KINDS.Cluster, at('quota'), 'InfrastructureReady', 'Ready');
  });

  test('a template that does not exist is named on the control plane that asks for it', async () => {
    const ref = { apiGroup: 'controlplane.cluster.x-k8s.io', kind: 'KubeadmControlPlane', name: 'no-template' };
    await create(sandbox.kube, [
      ...clusterObjects(at('no-template'), {}, { controlPlaneRef: ref }),
      controlPlaneObject(at('no-template'), 'nowhere'),
    ]);
    const message =
      'AWSMachineTemplate nowhere does not exist; create it, or correct spec.machineTemplate.spec.infrastructureRef';
    const seen = async (type: string, text: string): Promise<true | undefined> => {
      const conditions = await conditionsOf(sandbox.kube, KINDS.KubeadmControlPlane, at('no-template'));
      return findCondition(conditions, type)?.message.includes(text) ? true : undefined;
    };
    await until('the reason on the control plane', () => seen('ScalingUp', message));
    // Somebody makes it: nothing else is needed.
    await create(sandbox.kube, [machineTemplate(at('nowhere'), { instanceType: 't3.large' })]);
    const machines = { namespace: 'default', labelSelector: 'cluster.x-k8s.io/cluster-name=no-template' };
    await until('a control plane machine', async () =>
      (await sandbox.kube.list(KINDS.Machine, machines)).length === 1 ? true : undefined,
    );
  });

  test.each([
    [
      'a pod range that is none',
      {},
      { clusterNetwork: { pods: { cidrBlocks: ['192.168.0.0'] } } },
      'spec.clusterNetwork.pods.cidrBlocks[0]: Invalid value: "192.168.0.0"',
    ],
    [
      'a VPC range that is none',
      { network: { vpc: { cidrBlock: '10.0.0.0/33' } } },
      {},
      'spec.network.vpc.cidrBlock: Invalid value: "10.0.0.0/33"',
    ],
    [
      'a subnet outside its VPC',
      {
        network: {
          vpc: { cidrBlock: '10.1.0.0/16' },
          subnets: [{ id: 'a', cidrBlock: '10.2.0.0/24', availabilityZone: 'us-east-1a' }],
        },
      },
      {},
      'spec.network.subnets[0].cidrBlock: Invalid value: "10.2.0.0/24"',
    ],
  ])('%s is refused at admission, by field and value', async (_, infra, cluster, message) => {
    const attempt = create(sandbox.kube, clusterObjects(at('refused'), infra, cluster));
    await expect(attempt).rejects.toMatchObject({
      name: 'PerdureError',
      type: 'InvalidConfiguration',
      message: expect.stringContaining(message),
    });
    await sandbox.kube.delete(KINDS.AWSCluster, at('refused'));
  });

  test('two clusters of one name in two namespaces keep apart: the deletion of one leaves the other whole', async () => {
    for (const namespace of ['left', 'right'])
      await sandbox.kube.create(KINDS.Namespace, {
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: { name: namespace },
      });
    const [left, right] = [at('twin', 'left'), at('twin', 'right')];
    await create(sandbox.kube, clusterObjects(left));
    await untilCondition(sandbox.kube, KINDS.Cluster, left, 'InfrastructureReady', 'Ready');
    const id = await idOf(left);
    const before = await tagged(id);
    expect(before.length).toBeGreaterThan(15);
    const all = await sandbox.cloud.inventory();

    await create(sandbox.kube, clusterObjects(right));
    await untilCondition(sandbox.kube, KINDS.Cluster, right, 'InfrastructureReady', 'Ready');
    const other = await idOf(right);
    expect(other).not.toBe(id);
    expect(await tagged(id)).toEqual(before);
    expect(await tagged(other)).toHaveLength(before.length);

    await sandbox.kube.delete(KINDS.Cluster, right);
    await until('the second cluster to be gone', async () =>
      (await sandbox.kube.get(KINDS.Cluster, right)) ? undefined : true,
    );
    expect(await tagged(id)).toEqual(before);
    expect(await tagged(other)).toEqual([]);
    expect(await sandbox.cloud.inventory()).toEqual(all);
  });

  // The last one: it empties the emulated account.
  test('a VPC that vanishes is told on the Cluster and never silently made again', async () => {
    const vpc = (await sandbox.cloud.inventory({ type: 'vpc' })).find((item) =>
      Object.values(item.tags).includes('base-vpc'),
    );
    expect(vpc).toBeDefined();
    await sandbox.cloud.reset();
    const queue = 'perdure-aws-controller-default-us-east-1';
    await sandbox.temporal.workflow.execute('DriftSweep', {
      workflowId: 'test-sweep',
      taskQueue: 'perdure',
      args: [{ provider: 'aws', queue }],
    });
    const condition = await untilCondition(sandbox.kube, KINDS.Cluster, BASE, 'InfrastructureReady', 'NotFound');
    expect(condition.status).toBe('False');
    expect(condition.message).toBe(
      `AWSCluster default/base: the VPC of spec.network.vpc.id, ${vpc?.id}, does not exist; correct the id, or delete and create the cluster anew`,
    );
    expect(await sandbox.cloud.journal({ action: 'CreateVpc' })).toEqual([]);
    expect(await sandbox.cloud.inventory({ type: 'vpc' })).toEqual([]);
  });
});
