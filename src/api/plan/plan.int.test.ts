import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { stringify } from 'yaml';
import { type AdmittingApiServer, startAdmittingApiServer } from '../../../test/helpers/admitting-api-server.js';
import { aMachinePool, anInfraPool } from '../../../test/helpers/fake-owners.js';
import { aLiveCluster, type LiveCluster } from '../../../test/helpers/manifest-world.js';
import { run } from '../../../test/helpers/run-cli.js';
import { generateManifest } from '../../cli/commands/generate.js';
import type { ManifestPlan } from '../../domain/plan-manifest/types.js';
import { type KubeClient, kubeFromKubeconfigText } from '../../kube/client.js';
import { KINDS } from '../types/kinds.js';
import type { KubeObject, OwnerReference, ResourceKind } from '../types/meta.js';
import { planText } from './index.js';

const STORED = [
  KINDS.Cluster,
  KINDS.KubeadmControlPlane,
  KINDS.MachineDeployment,
  KINDS.MachineSet,
  KINDS.Machine,
  KINDS.KubeadmConfig,
  KINDS.AWSMachine,
  KINDS.AWSMachineTemplate,
  KINDS.MachinePool,
  KINDS.AWSMachinePool,
] as const;
const NEW = 'v1.34.4';

let host: AdmittingApiServer;
let kube: KubeClient;
let directory: string;
let kubeconfig: string;
let live: LiveCluster;

beforeAll(async () => {
  host = await startAdmittingApiServer();
  kube = kubeFromKubeconfigText(host.api.kubeconfig);
  directory = await mkdtemp(path.join(tmpdir(), 'perdure-plan-'));
  kubeconfig = path.join(directory, 'kubeconfig');
  await writeFile(kubeconfig, host.api.kubeconfig, { mode: 0o600 });
  live = await store(aLiveCluster());
}, 180_000);

afterAll(async () => {
  await kube?.close();
  await host?.stop();
  if (directory) await rm(directory, { recursive: true, force: true });
}, 30_000);

let before: string[];
beforeEach(async () => {
  before = await everything();
});

/** Writes the objects of a cluster in the order in which one refers to another. */
async function store(world: LiveCluster): Promise<LiveCluster> {
  const uids = new Map<string, string>();
  const create = async <T extends KubeObject>(kind: ResourceKind, object: T): Promise<T> => {
    const { uid = '', generation: _g, creationTimestamp: _c, ...metadata } = object.metadata;
    const owner = (o: OwnerReference): OwnerReference => ({ ...o, uid: uids.get(o.uid) ?? o.uid });
    const ownerReferences = metadata.ownerReferences?.map(owner);
    const spec = kind === KINDS.AWSMachine ? { spec: { instanceType: 'm5.large' } } : {};
    const wanted = { ...object, ...spec, metadata: { ...metadata, ...(ownerReferences ? { ownerReferences } : {}) } };
    const stored = await kube.create<T>(kind, wanted);
    uids.set(uid, stored.metadata.uid ?? '');
    const { status } = object as KubeObject & { status?: unknown };
    if (status === undefined) return stored;
    const { name, namespace = '' } = metadata;
    return kube.mergePatch<T>(kind, { name, namespace }, { status }, { subresource: 'status' });
  };
  for (const template of world.templates)
    await create(
      template.kind === 'AWSMachineTemplate' ? KINDS.AWSMachineTemplate : KINDS.KubeadmConfigTemplate,
      template,
    );
  for (const cluster of world.clusters) await create(KINDS.Cluster, cluster);
  const controlPlane = await create(KINDS.KubeadmControlPlane, world.controlPlane);
  const deployment = await create(KINDS.MachineDeployment, world.deployment);
  const set = await create(KINDS.MachineSet, world.set);
  for (const machine of world.machines) await create(KINDS.Machine, machine);
  for (const config of world.configs) await create(KINDS.KubeadmConfig, config);
  for (const machine of world.infrastructure) await create(KINDS.AWSMachine, machine);
  return { ...world, controlPlane, deployment, set };
}

/** Every stored object with its resourceVersion. */
async function everything(): Promise<string[]> {
  const lists = await Promise.all(STORED.map((kind) => kube.list<KubeObject>(kind)));
  return lists.flat().map((o) => `${o.kind} ${o.metadata.namespace}/${o.metadata.name} ${o.metadata.resourceVersion}`);
}

const plan = (...objects: object[]): Promise<ManifestPlan> =>
  planText(kube, objects.map((o) => stringify(o)).join('---\n'), {
    namespace: 'default',
    now: new Date().toISOString(),
    signal: new AbortController().signal,
  });

/** The control plane of the cluster as a user writes it. */
function controlPlane(version: string, change: object = {}): object {
  const { apiVersion, kind, metadata, spec } = live.controlPlane;
  return { apiVersion, kind, metadata: { name: metadata.name }, spec: { ...spec, version, ...change } };
}

function workers(version: string, change: object = {}): object {
  const { apiVersion, kind, metadata, spec } = live.deployment;
  const template = { ...spec.template, spec: { ...spec.template.spec, version } };
  return { apiVersion, kind, metadata: { name: metadata.name }, spec: { ...spec, template, ...change } };
}

test('plans an upgrade with the names of the machines, and changes nothing', async () => {
  const { steps, objects, refusals } = await plan(controlPlane(NEW), workers(NEW));
  expect(refusals).toEqual([]);
  expect(objects.map((o) => [o.kind, o.action])).toEqual([
    ['KubeadmControlPlane', 'change'],
    ['MachineDeployment', 'change'],
  ]);
  const ofPlane = steps.filter((s) => s.group.kind === 'KubeadmControlPlane' && s.kind === 'Machine');
  expect(ofPlane.map((s) => s.action)).toEqual(['create', 'delete', 'create', 'delete', 'create', 'delete']);
  expect(ofPlane.filter((s) => s.action === 'delete').map((s) => s.machine)).toEqual(['cp-1', 'cp-2', 'cp-3']);
  expect(ofPlane.filter((s) => s.action === 'create').every((s) => s.machine?.startsWith('demo-control-plane-'))).toBe(
    true,
  );
  const ofWorkers = steps.filter((s) => s.group.kind === 'MachineDeployment');
  expect(ofWorkers.map((s) => [s.phase, s.action, s.machine])).toEqual([
    [2, 'create', undefined],
    [2, 'delete', 'w-1'],
    [2, 'create', undefined],
    [2, 'delete', 'w-2'],
  ]);
  expect(steps.map((s) => s.phase)).toEqual([...steps.map((s) => s.phase)].sort());
  expect(await everything()).toEqual(before);
});

test('has refusals of admission, and names the rule', async () => {
  const { refusals, summary } = await plan(controlPlane('v1.36.0'));
  expect(refusals).toMatchObject([{ rule: 'ControlPlaneMinorStep', by: 'admission' }]);
  expect(summary.refused).toBe(true);
  const even = await plan(controlPlane(NEW, { replicas: 2 }));
  expect(even.refusals).toMatchObject([
    { object: { kind: 'KubeadmControlPlane' }, rule: 'Admission', message: expect.stringContaining('spec.replicas') },
  ]);
  expect(await everything()).toEqual(before);
});

test('reads manifests of the older version, with what admission fills in', async () => {
  const manifest = await generateManifest({
    CLUSTER_NAME: 'fresh',
    KUBERNETES_VERSION: NEW,
    CONTROL_PLANE_MACHINE_COUNT: '3',
    WORKER_MACHINE_COUNT: '2',
    AWS_REGION: 'us-east-1',
    AWS_SSH_KEY_NAME: 'default',
  });
  const options = { namespace: 'default', now: new Date().toISOString(), signal: new AbortController().signal };
  const { refusals, objects, steps, notes } = await planText(kube, manifest, options);
  expect({ refusals, notes }).toEqual({ refusals: [], notes: [] });
  expect(objects.every((o) => o.action === 'create')).toBe(true);
  expect(steps.filter((s) => s.group.kind === 'KubeadmControlPlane').map((s) => s.action)).toEqual([
    'create',
    'create',
    'create',
  ]);
  expect(steps[0]?.cloud?.[0]).toBe('create an instance of t3.large');
  expect(await everything()).toEqual(before);
});

test('takes away what kubectl applied before and the manifest does not say any more', async () => {
  const given = {
    apiVersion: 'cluster.x-k8s.io/v1beta2',
    kind: 'Cluster',
    metadata: { name: 'demo', namespace: 'default' },
  };
  const label = { labels: { team: 'a' } };
  const applied = { ...given, metadata: { ...given.metadata, ...label, annotations: {} } };
  const annotations = {
    'kubectl.kubernetes.io/last-applied-configuration': JSON.stringify(applied),
    'perdure.dev/lane': 'of others',
  };
  await kube.mergePatch(KINDS.Cluster, given.metadata, { metadata: { ...label, annotations } });
  const { objects } = await plan(given);
  expect(objects).toMatchObject([
    { action: 'change', changes: [{ field: 'metadata.labels.team', from: '"a"', effect: 'is applied' }] },
  ]);
});

test('a pool shows its launch template and its refresh, and the command prints them', async () => {
  const [cluster] = live.clusters;
  if (!cluster) throw new Error('no cluster');
  const { uid: _u, ownerReferences: _o, ...metadata } = aMachinePool(cluster).metadata;
  const pool = { ...aMachinePool(cluster, { replicas: 2 }), metadata };
  const infra = { ...anInfraPool(cluster), metadata };
  await kube.create(KINDS.AWSMachinePool, infra);
  await kube.create(KINDS.MachinePool, {
    ...pool,
    spec: {
      ...pool.spec,
      template: { ...pool.spec.template, spec: { ...pool.spec.template.spec, version: 'v1.33.5' } },
    },
  });
  const at = { name: metadata.name, namespace: 'default' };
  await kube.mergePatch(KINDS.AWSMachinePool, at, { status: { replicas: 2 } }, { subresource: 'status' });
  const stored = await everything();
  const { kind, apiVersion } = infra;
  const spec = { minSize: 0, maxSize: 5, awsLaunchTemplate: { instanceType: 'm5.large' } };
  const changed = { kind, apiVersion, metadata: { name: metadata.name }, spec };
  const { steps, notes, refusals } = await plan(changed);
  expect({ notes, refusals }).toEqual({ notes: [], refusals: [] });
  expect(steps.map((s) => [s.kind, s.action, s.group.kind])).toEqual([
    ['Pool', 'change', 'MachinePool'],
    ['Pool', 'refresh', 'MachinePool'],
  ]);
  const file = path.join(directory, 'pool.yaml');
  await writeFile(file, stringify(changed));
  const { stdout } = await run('--kubeconfig', kubeconfig, 'plan', '-f', file);
  expect(stdout).toContain('new version of the launch template: spec.awsLaunchTemplate.instanceType');
  expect(stdout).toContain('replaces 2 outdated instances: 90 % (the default) of the capacity stay healthy');
  const ahead = { ...pool, metadata: { name: metadata.name } };
  expect((await plan(ahead)).refusals).toMatchObject([{ rule: 'KubernetesVersionSkew', by: 'kubernetes' }]);
  expect(await everything()).toEqual(stored);
});

test('the command prints it, and says by its exit code what there is', async () => {
  const file = path.join(directory, 'manifest.yaml');
  const at = ['--kubeconfig', kubeconfig, 'plan', '-f', file];
  await writeFile(file, stringify(controlPlane(NEW)));
  const planned = await run(...at);
  expect(planned.code).toBe(0);
  expect(planned.stdout).toContain('etcd 3 -> 4 members: 3 of 4 voters at worst, quorum 3 holds');
  expect(planned.stdout).toContain('3 machines to create, 3 to delete; nothing has been changed');
  expect(await run(...at, '--exit-code')).toMatchObject({ code: 3 });
  const json = await run(...at, '-o', 'json');
  expect(JSON.parse(json.stdout)).toMatchObject({ summary: { machinesCreated: 3 } });
  await writeFile(file, stringify(controlPlane('v1.36.0')));
  const refused = await run(...at);
  expect(refused.code).toBe(1);
  expect(refused.stdout).toContain('ControlPlaneMinorStep');
  await writeFile(file, stringify(controlPlane(live.controlPlane.spec.version)));
  expect(await run(...at, '--exit-code')).toMatchObject({ code: 0, stdout: expect.stringContaining('nothing to do') });
  expect(await everything()).toEqual(before);
});
