import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { activityWorld, keyOf } from '../../../test/helpers/activity-world.js';
import { type ApiServer, startApiServer } from '../../../test/helpers/api-server.js';
import { aCluster, aControlPlane } from '../../../test/helpers/fake-objects.js';
import { aMachineDeployment, anInfraCluster, infraRef, theTemplates } from '../../../test/helpers/fake-owners.js';
import { verdicts } from '../../../test/helpers/status-checks.js';
import { crdManifests } from '../../api/crd/definitions.js';
import type { Cluster, KubeadmControlPlane, Machine, MachineDeployment, MachineSet } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import type { KubeObject, ResourceKind } from '../../api/types/meta.js';
import { PerdureError } from '../../domain/errors.js';
import { type KubeClient, kubeFromKubeconfigText } from '../../kube/client.js';
import type { ActivityDeps } from '../deps.js';
import { assessCluster } from './assess-cluster.js';
import { assessControlPlane } from './assess-control-plane.js';
import { assessMachine } from './assess-machine.js';
import { assessMachineDeployment } from './assess-machine-deployment.js';
import { assessMachineSet } from './assess-machine-set.js';
import { createControlPlaneMachine, createWorkerMachines } from './machines.js';
import { createReporter, recordFailure } from './report.js';
import { remediateMachines } from './set-replacement.js';
import { applyStatus } from './write.js';

const WRITTEN = [
  KINDS.Cluster,
  KINDS.KubeadmControlPlane,
  KINDS.MachineDeployment,
  KINDS.MachineSet,
  KINDS.Machine,
  KINDS.KubeadmConfig,
  KINDS.AWSCluster,
  KINDS.AWSMachine,
  KINDS.AWSMachineTemplate,
  KINDS.KubeadmConfigTemplate,
  KINDS.Secret,
  // looked at with the others
  KINDS.MachinePool,
] as const;
const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

let server: ApiServer;
let kube: KubeClient;
let deps: ActivityDeps;
let now = '2026-01-01T00:00:00Z';
let built: Awaited<ReturnType<typeof build>>;

beforeAll(async () => {
  server = await startApiServer();
  kube = kubeFromKubeconfigText(server.kubeconfig);
  deps = {
    ...activityWorld({ unreachable: new PerdureError('Transient', 'no route to host') }).deps,
    kube,
    now: () => now,
  };
  const crds = crdManifests();
  for (const crd of crds) await server.request('POST', CRDS, crd);
  for (const crd of crds) while (!(await established(crd.metadata.name))) await new Promise((r) => setTimeout(r, 50));
  // an established kind still answers 429 until its storage is set up
  while (!(await versions().catch(() => undefined))) await new Promise((r) => setTimeout(r, 50));
  built = await build();
}, 180_000);

afterAll(async () => {
  await kube?.close();
  await server?.stop();
}, 30_000);

async function established(name: string): Promise<boolean> {
  const { status } = await server.request<{ status?: { conditions?: { type: string; status: string }[] } }>(
    'GET',
    `${CRDS}/${name}`,
  );
  return status?.conditions?.some((c) => c.type === 'Established' && c.status === 'True') ?? false;
}

async function create<T extends KubeObject>(kind: ResourceKind, object: T): Promise<T> {
  const { uid: _u, generation: _g, creationTimestamp: _c, ...metadata } = object.metadata;
  return kube.create(kind, { ...object, metadata });
}

/** resourceVersion of every object that activities write. */
async function versions(): Promise<Record<string, string>> {
  const lists = await Promise.all(WRITTEN.map((kind) => kube.list<KubeObject>(kind)));
  return Object.fromEntries(
    lists.flat().map((o) => [`${o.kind}/${o.metadata.name}`, o.metadata.resourceVersion ?? '']),
  );
}

const clusterConfiguration = { encryptionAlgorithm: 'ECDSA-P256' } as const;
const plain = aCluster({ spec: { infrastructureRef: infraRef('AWSCluster', 'demo') } });

/** A whole cluster whose workload API cannot be reached; keys of what has a lane. */
async function build() {
  const cluster = await create<Cluster>(KINDS.Cluster, plain);
  const controlPlane = await create<KubeadmControlPlane>(KINDS.KubeadmControlPlane, {
    ...aControlPlane(cluster, { kubeadmConfigSpec: { clusterConfiguration } }),
  });
  const deployment = await create<MachineDeployment>(KINDS.MachineDeployment, aMachineDeployment(cluster));
  await create(KINDS.AWSCluster, anInfraCluster(cluster));
  for (const template of theTemplates(cluster)) {
    await create(KINDS[template.kind as 'AWSMachineTemplate' | 'KubeadmConfigTemplate'], template);
  }
  const key = keyOf(cluster);
  await assessCluster(deps, key);
  await assessControlPlane(deps, keyOf(controlPlane));
  await createControlPlaneMachine(deps, keyOf(controlPlane), { name: 'cp-1', failureDomain: 'a' });
  await assessMachineDeployment(deps, keyOf(deployment));
  const [set] = await kube.list<MachineSet>(KINDS.MachineSet);
  const setKey = keyOf(set as MachineSet);
  await createWorkerMachines(deps, setKey, ['worker-1']);
  const machines = (await kube.list<Machine>(KINDS.Machine)).map(keyOf);
  const assessAll = async (): Promise<void> => {
    await assessCluster(deps, key);
    await assessControlPlane(deps, keyOf(controlPlane));
    await assessMachineDeployment(deps, keyOf(deployment));
    await assessMachineSet(deps, setKey);
    for (const machine of machines) await assessMachine(deps, machine);
  };
  return { key, setKey, machines, assessAll, cluster };
}

describe('activities on a real API server', () => {
  test('make a cluster whose every object the schemas take', async () => {
    await built.assessAll();
    expect(Object.keys(await versions()).sort()).toEqual([
      'AWSCluster/demo',
      'AWSMachine/cp-1',
      'AWSMachine/worker-1',
      'AWSMachineTemplate/demo',
      'AWSMachineTemplate/workers',
      'Cluster/demo',
      'KubeadmConfig/cp-1',
      'KubeadmConfig/worker-1',
      'KubeadmConfigTemplate/workers',
      'KubeadmControlPlane/demo-control-plane',
      'Machine/cp-1',
      'Machine/worker-1',
      'MachineDeployment/workers',
      expect.stringMatching(/^MachineSet\/workers-/),
      'Secret/demo-ca',
      'Secret/demo-etcd',
      'Secret/demo-kubeconfig',
      'Secret/demo-proxy',
      'Secret/demo-sa',
    ]);
  });

  test('come to rest: looking again, later, changes no version', async () => {
    for (let i = 0; i < 2; i++) await built.assessAll();
    const before = await versions();
    now = '2026-01-02T00:00:00Z';
    await built.assessAll();
    await createWorkerMachines(deps, built.setKey, ['worker-1']);
    expect(await versions()).toEqual(before);
  });

  test('make nothing twice when they are run again', async () => {
    const before = Object.keys(await versions());
    await createControlPlaneMachine(
      deps,
      keyOf((await kube.list<KubeadmControlPlane>(KINDS.KubeadmControlPlane))[0] as KubeObject),
      { name: 'cp-1', failureDomain: 'a' },
    );
    expect(Object.keys(await versions())).toEqual(before);
  });

  test('write to what is paused its Paused condition only, and lose nothing by it', async () => {
    const status = async () => (await kube.get<Cluster>(KINDS.Cluster, { namespace: 'default', name: 'demo' }))?.status;
    const pause = (paused: boolean) =>
      kube.mergePatch(KINDS.Cluster, { namespace: 'default', name: 'demo' }, { spec: { paused } });
    const before = await status();
    await pause(true);
    await built.assessAll();
    const paused = await status();
    expect(verdicts(paused)).toEqual({ ...verdicts(before), Paused: 'True Paused' });
    expect({ ...paused, conditions: [] }).toEqual({ ...before, conditions: [] });
    const [machine] = await kube.list<Machine>(KINDS.Machine);
    expect(verdicts(machine?.status)['Paused']).toBe('True Paused');
    expect(machine?.status?.phase).toBe('Pending');
    await pause(false);
    await built.assessAll();
    expect(verdicts(await status())).toEqual(verdicts(before));
  });

  test('show failing attempts beside the status and take them away alone', async () => {
    const [machine] = built.machines;
    if (!machine) throw new Error('no machine');
    const reporter = createReporter(kube, () => now, deps.log);
    const status = async () => verdicts((await kube.get<Machine>(KINDS.Machine, machine))?.status);
    const before = await status();
    await reporter.failing(machine, 'infraEnsure', 3, new PerdureError('Transient', 'connection reset'));
    expect(await status()).toEqual({ ...before, OperationRetrying: 'True Transient' });
    await assessMachine(deps, machine);
    await reporter.recovered(machine);
    expect(await status()).toEqual(before);
  });

  test('leave a younger object of the same name alone', async () => {
    const [machine] = built.machines;
    if (!machine) throw new Error('no machine');
    const before = await versions();
    const old = { ...machine, uid: '00000000-0000-4000-8000-000000000000' };
    await expect(assessMachine(deps, old)).resolves.toMatchObject({ exists: false });
    await recordFailure(deps, old, { operation: 'X', type: 'NotFound', message: 'm', attempt: 'a' });
    expect(await versions()).toEqual(before);
  });

  test('take the word on a machine over from a health check, give it back, and delete what they marked', async () => {
    const ref = { namespace: 'default', name: 'worker-1' };
    const stored = async () => (await kube.get<Machine>(KINDS.Machine, ref)) as Machine;
    const asked = async (status: 'True' | 'False') => {
      const condition = (type: string, reason: string) => ({
        ...{ type, status, reason, message: '', lastTransitionTime: now },
      });
      const owner = status === 'False' ? [condition('OwnerRemediated', 'WaitingForRemediation')] : [];
      const conditions = [condition('HealthCheckSucceeded', 'UnhealthyNode'), ...owner];
      const { signal } = deps.scope();
      await applyStatus(kube, KINDS.Machine, await stored(), { conditions }, 'a-health-check', signal, [
        'OwnerRemediated',
      ]);
    };
    const word = async () => verdicts((await stored()).status)['OwnerRemediated'];
    const limit = (maxInFlight: number) =>
      kube.mergePatch(
        KINDS.MachineDeployment,
        { namespace: 'default', name: 'workers' },
        { spec: { remediation: { maxInFlight } } },
      );
    await limit(0);
    await asked('False');
    await assessMachineSet(deps, built.setKey);
    expect(await word()).toBe('False RemediationDeferred');
    await asked('True');
    await assessMachineSet(deps, built.setKey);
    expect(await word()).toBeUndefined();
    await limit(1);
    await asked('False');
    await remediateMachines(deps, built.setKey, ['worker-1']);
    expect(await word()).toBe('False MachineDeleting');
    expect((await stored()).metadata.deletionTimestamp).toBeDefined();
  });
});
