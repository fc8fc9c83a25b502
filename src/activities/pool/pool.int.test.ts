import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { activityWorld, keyOf } from '../../../test/helpers/activity-world.js';
import { type ApiServer, startApiServer } from '../../../test/helpers/api-server.js';
import { aCluster, aControlPlane } from '../../../test/helpers/fake-objects.js';
import { aMachinePool, anInfraCluster, anInfraPool, infraRef } from '../../../test/helpers/fake-owners.js';
import { messageOf, verdicts } from '../../../test/helpers/status-checks.js';
import { crdManifests } from '../../api/crd/definitions.js';
import type {
  AWSMachine,
  AWSMachinePool,
  Cluster,
  KubeadmControlPlane,
  Machine,
  MachinePool,
} from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import type { KubeObject, ResourceKind } from '../../api/types/meta.js';
import { isDeleting, ownerReference, readPath } from '../../domain/contract.js';
import { ANNOTATION, FINALIZER, LABEL } from '../../domain/names.js';
import { isPoolComplete } from '../../domain/plan/machine-pool.js';
import { type KubeClient, kubeFromKubeconfigText } from '../../kube/client.js';
import type { MotoHandle } from '../../sandbox/moto/index.js';
import { startTestMoto } from '../../sandbox/moto/testing.js';
import { ensureCertificates } from '../bootstrap/index.js';
import type { ActivityDeps } from '../deps.js';
import { machineAwaitInstance, machineCreateInstance, machineDeleteInstance } from '../infra/machine.js';
import { assessCluster } from '../kube/assess-cluster.js';
import { assessMachine } from '../kube/assess-machine.js';
import { assessMachinePool } from '../kube/assess-machine-pool.js';
import { machineBootstrap, machineRemoveObjects } from '../machine/objects.js';
import { awaitDeletionStage } from '../machine/stages.js';
import { ensureCluster, testProvider } from '../providers/aws/testing.js';
import type { InfraProvider } from '../providers/port.js';
import { createRegistry } from '../providers/registry.js';
import { poolAwait, poolBootstrap, poolDelete, poolEnsure, poolLook } from './group.js';
import { poolRemoveObjects } from './objects.js';

jest.setTimeout(120_000);

const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const where = { namespace: 'default', name: 'pool' };

let server: ApiServer;
let moto: MotoHandle;
/** Management and workload cluster in one. */
let kube: KubeClient;
let deps: ActivityDeps;

beforeAll(async () => {
  [server, moto] = await Promise.all([startApiServer(), startTestMoto({ allMs: 20 })]);
  kube = kubeFromKubeconfigText(server.kubeconfig);
  const provider = testProvider(moto.endpoint);
  deps = {
    ...activityWorld().deps,
    kube,
    providers: createRegistry([provider as unknown as InfraProvider]),
    workload: async () => kube,
    now: () => new Date().toISOString().replace(/\.\d+Z$/, 'Z'),
    pollMs: 20,
  };
  for (const crd of crdManifests()) await server.request('POST', CRDS, crd);
  const { Cluster: Clusters, AWSCluster, KubeadmControlPlane: Planes, MachineDeployment, MachineSet, Machine } = KINDS;
  const { MachinePool: Pools, AWSMachinePool: Groups, KubeadmConfig, MachineDrainRule, AWSMachine: Instances } = KINDS;
  const owners = [Clusters, AWSCluster, Planes, MachineDeployment, MachineSet, Pools, Groups];
  const kinds = [...owners, Machine, Instances, KubeadmConfig, MachineDrainRule];
  const served = () => Promise.all(kinds.map((kind) => kube.list(kind)));
  while (!(await served().catch(() => undefined))) await new Promise((resolve) => setTimeout(resolve, 50));
  await makeCluster();
  await ensureCluster(provider, kube, 'demo');
}, 180_000);

afterAll(async () => {
  await kube?.close();
  await Promise.all([server?.stop(), moto?.stop()]);
}, 30_000);

async function create<T extends KubeObject>(kind: ResourceKind, object: T): Promise<T> {
  const { uid: _u, generation: _g, creationTimestamp: _c, ...metadata } = object.metadata;
  return kube.create(kind, { ...object, metadata });
}

/** A cluster whose control plane answers, as far as a pool asks. */
async function makeCluster(): Promise<void> {
  const plain = aCluster({ spec: { infrastructureRef: infraRef('AWSCluster', 'demo') } });
  plain.metadata.annotations = { [ANNOTATION.id]: 'id-of-demo' };
  const cluster = await create<Cluster>(KINDS.Cluster, plain);
  const conditions = [
    {
      type: 'ControlPlaneInitialized',
      status: 'True',
      reason: 'Initialized',
      message: '',
      lastTransitionTime: deps.now(),
    },
  ];
  const initialization = { infrastructureProvisioned: true, controlPlaneInitialized: true };
  const status = { status: { initialization, conditions } };
  await kube.mergePatch(KINDS.Cluster, { namespace: 'default', name: 'demo' }, status, { subresource: 'status' });
  const clusterConfiguration = { encryptionAlgorithm: 'ECDSA-P256' } as const;
  const controlPlane = await create<KubeadmControlPlane>(KINDS.KubeadmControlPlane, {
    ...aControlPlane(cluster, { kubeadmConfigSpec: { clusterConfiguration } }),
  });
  await create(KINDS.AWSCluster, {
    ...anInfraCluster(cluster),
    spec: { region: 'us-east-1', sshKeyName: '' },
  } as KubeObject);
  await ensureCertificates(deps, { cluster, controlPlane, initialized: false });
  await kube
    .create(KINDS.Namespace, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'kube-system' } })
    .catch(() => undefined);
}

const read = async <T extends KubeObject>(kind: ResourceKind): Promise<T> => (await kube.get<T>(kind, where)) as T;
/** Nodes that were given their providerID; an instance may end before. */
const nodes = async (): Promise<string[]> =>
  (await kube.list<KubeObject>(KINDS.Node))
    .filter((n) => readPath(n, 'spec.providerID') !== undefined)
    .map((n) => n.metadata.name)
    .sort();

/** What kubelets do: every running instance registers, without providerID, and is ready. */
async function joinAll(): Promise<void> {
  const known = (await kube.list<KubeObject>(KINDS.Node)).map((n) => n.metadata.name);
  const running = (await moto.admin.instances()).items.filter((one) => ['pending', 'running'].includes(one.state));
  for (const { privateDnsName, privateIp } of running) {
    const name = privateDnsName ?? '';
    if (known.includes(name)) continue;
    await kube.create(KINDS.Node, {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name },
      spec: { taints: [{ key: 'node.cluster.x-k8s.io/uninitialized', effect: 'NoSchedule' }] },
    } as KubeObject);
    const conditions = [{ type: 'Ready', status: 'True', reason: 'KubeletReady', lastTransitionTime: deps.now() }];
    const nodeInfo = { kubeletVersion: 'v1.34.4' };
    const addresses = [{ type: 'InternalIP', address: privateIp }];
    await kube.mergePatch(
      KINDS.Node,
      { name },
      { status: { conditions, nodeInfo, addresses } },
      { subresource: 'status' },
    );
  }
}

const machines = async (): Promise<Machine[]> =>
  (await kube.list<Machine>(KINDS.Machine)).sort((a, b) => a.metadata.name.localeCompare(b.metadata.name));

/** What the lanes of Machines do. */
async function runMachines(): Promise<void> {
  for (const machine of await machines()) {
    const key = keyOf(machine);
    if (isDeleting(machine)) {
      await awaitDeletionStage(deps, { key, stage: 'drain' });
      await machineDeleteInstance(deps, key);
      await machineRemoveObjects(deps, key);
      continue;
    }
    if (!(await assessMachine(deps, key)).provisioned) {
      await machineBootstrap(deps, key);
      await machineCreateInstance(deps, key);
      await machineAwaitInstance(deps, key);
    }
    await assessMachine(deps, key);
  }
}

/** Waits for the pool while instances join. */
async function complete(key: ReturnType<typeof keyOf>) {
  for (;;) {
    await joinAll();
    await runMachines();
    const facts = await poolLook(deps, key);
    if (facts.changes.length > 0) await poolEnsure(deps, key);
    else if (isPoolComplete(facts)) return poolAwait(deps, key);
  }
}

describe('a machine pool on a real API server and an emulated AWS', () => {
  test('is made, scaled, replaced and deleted, and every status is one the schemas take', async () => {
    const cluster = (await kube.get<Cluster>(KINDS.Cluster, { namespace: 'default', name: 'demo' })) as Cluster;
    const before = (await moto.admin.inventory()).length;
    const key = keyOf(await create(KINDS.MachinePool, aMachinePool(cluster, { replicas: 2 })));
    await create(KINDS.AWSMachinePool, anInfraPool(cluster));
    await create(KINDS.KubeadmConfig, {
      apiVersion: 'bootstrap.cluster.x-k8s.io/v1beta2',
      kind: 'KubeadmConfig',
      metadata: where,
      spec: { joinConfiguration: { nodeRegistration: { name: '{{ ds.meta_data.local_hostname }}' } } },
    } as KubeObject);
    await expect(assessMachinePool(deps, key)).resolves.toMatchObject({ provider: 'aws', bootstrapReady: false });
    await poolBootstrap(deps, key);
    await poolEnsure(deps, key);
    await expect(complete(key)).resolves.toMatchObject({ ready: 2, replicas: 2, upToDate: 2 });

    const pool = await read<MachinePool>(KINDS.MachinePool);
    expect(pool.status).toMatchObject({
      phase: 'Running',
      readyReplicas: 2,
      availableReplicas: 2,
      upToDateReplicas: 2,
    });
    expect(pool.status?.nodeRefs?.map((n) => n.name).sort()).toEqual(await nodes());
    expect(pool.spec.providerIDList).toHaveLength(2);
    expect(verdicts(pool.status)).toMatchObject({ Available: 'True Available', InfrastructureReady: 'True Ready' });
    const userData = (await moto.admin.instances()).items[0]?.userData ?? '';
    expect(Buffer.from(userData, 'base64').toString()).toContain('kubeadm join');

    const versions = async () =>
      [(await read(KINDS.MachinePool)).metadata, (await read(KINDS.AWSMachinePool)).metadata].map(
        (m) => m.resourceVersion,
      );
    const quiet = await versions();
    await poolLook(deps, key);
    expect(await versions()).toEqual(quiet);

    const clusterKey = keyOf(cluster);
    await assessCluster(deps, clusterKey);
    const counted = await kube.get<Cluster>(KINDS.Cluster, { namespace: 'default', name: 'demo' });
    expect(counted?.status?.workers).toMatchObject({
      desiredReplicas: 2,
      replicas: 2,
      readyReplicas: 2,
      availableReplicas: 2,
    });
    expect(verdicts(counted?.status)['WorkersAvailable']).toBe('True Available');

    await kube.mergePatch(KINDS.MachinePool, where, { spec: { replicas: 3 } });
    const type = { spec: { awsLaunchTemplate: { instanceType: 't3.medium' } } };
    await kube.mergePatch(KINDS.AWSMachinePool, where, type);
    await expect(complete(key)).resolves.toMatchObject({ ready: 3, upToDate: 3, desired: 3 });
    expect(await nodes()).toHaveLength(3);
    expect((await read<AWSMachinePool>(KINDS.AWSMachinePool)).status?.launchTemplateVersion).toBe('2');

    await kube.delete(KINDS.MachinePool, where);
    await poolDelete(deps, key);
    expect(verdicts(((await read(KINDS.MachinePool)) as MachinePool).status)['Deleting']).toBe('True Deleting');
    await poolRemoveObjects(deps, key);
    for (const kind of [KINDS.MachinePool, KINDS.AWSMachinePool, KINDS.KubeadmConfig])
      expect(await read(kind)).toBeUndefined();
    expect(await nodes()).toEqual([]);
    expect((await moto.admin.inventory()).length).toBe(before);
  });

  test('has a Machine for each instance where that is asked for, and loses exactly the one that is deleted', async () => {
    const cluster = (await kube.get<Cluster>(KINDS.Cluster, { namespace: 'default', name: 'demo' })) as Cluster;
    const before = (await moto.admin.inventory()).length;
    const plain = aMachinePool(cluster, { replicas: 2 });
    plain.spec.template.metadata = { labels: { tier: 'gold' } };
    plain.spec.template.spec.deletion = { nodeDrainTimeoutSeconds: 600 };
    const created = await create(KINDS.MachinePool, plain);
    const key = keyOf(created);
    const infra = anInfraPool(cluster);
    infra.metadata.annotations = { [ANNOTATION.poolMachines]: 'true' };
    await create(KINDS.AWSMachinePool, infra);
    await create(KINDS.KubeadmConfig, {
      apiVersion: 'bootstrap.cluster.x-k8s.io/v1beta2',
      kind: 'KubeadmConfig',
      metadata: where,
      spec: { joinConfiguration: { nodeRegistration: { name: '{{ ds.meta_data.local_hostname }}' } } },
    } as KubeObject);
    await poolBootstrap(deps, key);
    await poolEnsure(deps, key);
    await expect(complete(key)).resolves.toMatchObject({ ready: 2, replicas: 2, upToDate: 2 });

    const running = async (): Promise<string[]> =>
      (await moto.admin.instances()).items
        .filter((one) => ['pending', 'running'].includes(one.state))
        .map((one) => one.id)
        .sort();
    const instancesOf = async (): Promise<string[]> =>
      (await kube.list<AWSMachine>(KINDS.AWSMachine)).map((m) => m.spec.instanceID ?? '').sort();
    expect(await instancesOf()).toEqual(await running());
    expect(await running()).toHaveLength(2);
    const group = await read<AWSMachinePool>(KINDS.AWSMachinePool);
    expect(group.status?.infrastructureMachineKind).toBe('AWSMachine');
    const [first, second] = await machines();
    const awsMachine = await kube.get<AWSMachine>(KINDS.AWSMachine, {
      namespace: 'default',
      name: first?.metadata.name ?? '',
    });
    expect(awsMachine).toMatchObject({
      metadata: {
        labels: { [LABEL.poolName]: 'pool', [LABEL.clusterName]: 'demo' },
        finalizers: [FINALIZER.AWSMachine],
        ownerReferences: [
          { kind: 'AWSMachinePool', name: 'pool', uid: group.metadata.uid },
          { kind: 'Machine', name: first?.metadata.name, controller: true },
        ],
      },
      spec: { instanceType: 't3.large' },
      status: { ready: true, instanceState: 'running' },
    });
    expect(first).toMatchObject({
      metadata: {
        name: awsMachine?.metadata.name,
        labels: { [LABEL.poolName]: 'pool', [LABEL.clusterName]: 'demo', tier: 'gold' },
        ownerReferences: [ownerReference(created, { controller: true })],
      },
      spec: {
        providerID: awsMachine?.spec.providerID,
        version: 'v1.34.4',
        bootstrap: { dataSecretName: '' },
        infrastructureRef: { kind: 'AWSMachine', name: awsMachine?.metadata.name },
        deletion: { nodeDrainTimeoutSeconds: 600 },
      },
      status: { phase: 'Running' },
    });
    expect(verdicts(first?.status)).toMatchObject({ Ready: 'True Ready', UpToDate: 'True UpToDate' });
    const node = await kube.get<KubeObject>(KINDS.Node, { name: first?.status?.nodeRef?.name ?? '' });
    expect(node?.metadata.annotations).toMatchObject({
      'cluster.x-k8s.io/machine': first?.metadata.name,
      'cluster.x-k8s.io/owner-kind': 'MachinePool',
      'cluster.x-k8s.io/owner-name': 'pool',
    });
    const everything = async () =>
      [await read(KINDS.MachinePool), await read(KINDS.AWSMachinePool), node, ...(await machines())].map(
        (o) => o?.metadata.resourceVersion,
      );
    const quiet = await everything();
    await poolLook(deps, key);
    expect(await everything()).toEqual(quiet);

    // one is deleted: it, and nothing else, goes; the pool wants two, so its group makes another one
    await kube.delete(KINDS.Machine, { namespace: 'default', name: first?.metadata.name ?? '' });
    await runMachines();
    expect((await machines()).map((m) => m.metadata.name)).toEqual([second?.metadata.name]);
    await expect(complete(key)).resolves.toMatchObject({ ready: 2, replicas: 2, desired: 2 });
    expect(await instancesOf()).toEqual(await running());
    expect(await running()).not.toContain(awsMachine?.spec.instanceID);
    expect((await machines()).map((m) => m.metadata.name)).toContain(second?.metadata.name);
    expect(await nodes()).toHaveLength(2);

    // the group ends one by itself
    await kube.mergePatch(KINDS.MachinePool, where, { spec: { replicas: 1 } });
    await expect(complete(key)).resolves.toMatchObject({ ready: 1, replicas: 1 });
    for (; (await machines()).length > 1; await complete(key)) await runMachines();
    expect(await instancesOf()).toEqual(await running());

    await kube.delete(KINDS.MachinePool, where);
    await poolDelete(deps, key);
    const removed = poolRemoveObjects(deps, key);
    for (; (await machines()).length > 0; ) await runMachines();
    await removed;
    for (const kind of [KINDS.MachinePool, KINDS.AWSMachinePool, KINDS.KubeadmConfig])
      expect(await read(kind)).toBeUndefined();
    expect(await instancesOf()).toEqual([]);
    expect(await nodes()).toEqual([]);
    expect((await moto.admin.inventory()).length).toBe(before);
  });

  test('whose number is outside its sizes says so on itself', async () => {
    const cluster = (await kube.get<Cluster>(KINDS.Cluster, { namespace: 'default', name: 'demo' })) as Cluster;
    const secret = { bootstrap: { dataSecretName: 'demo-kubeconfig' } };
    const { template } = aMachinePool(cluster).spec;
    const given = { replicas: 9, template: { spec: { ...template.spec, ...secret } } };
    const key = keyOf(await create(KINDS.MachinePool, aMachinePool(cluster, given)));
    await create(KINDS.AWSMachinePool, anInfraPool(cluster));
    await kube.create(KINDS.Secret, {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { namespace: 'default', name: 'demo-kubeconfig' },
      data: { value: Buffer.from('#cloud-config\n').toString('base64') },
    } as KubeObject);
    await expect(poolEnsure(deps, key)).rejects.toMatchObject({ type: 'InvalidConfiguration' });
    await assessMachinePool(deps, key);
    const pool = await read<MachinePool>(KINDS.MachinePool);
    expect(messageOf(pool.status, 'InfrastructureReady')).toContain('spec.replicas 9');
    await kube.delete(KINDS.MachinePool, where);
    await poolDelete(deps, key);
    await poolRemoveObjects(deps, key);
    expect(await read(KINDS.MachinePool)).toBeUndefined();
  });
});
