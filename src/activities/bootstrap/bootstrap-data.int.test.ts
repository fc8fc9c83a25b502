import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { parse } from 'yaml';
import { type ApiServer, startApiServer } from '../../../test/helpers/api-server.js';
import { aCluster, aControlPlane, aKubeadmConfig, aMachine } from '../../../test/helpers/fake-objects.js';
import type { Cluster, KubeadmConfig, KubeadmControlPlane, KubeObject, Machine } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import { isFailure } from '../../domain/errors.js';
import { type KubeClient, kubeFromKubeconfigText } from '../../kube/client.js';
import { type BootstrapDeps, ensureBootstrapData, ensureCertificates, ensureKubeconfig } from './index.js';
import type { Secret } from './secrets.js';

/** The same on a real API server: schemas, immutable fields, server-side apply and the status subresource have their say. */
const MANIFESTS = fileURLToPath(new URL('../../../manifests/crd/', import.meta.url));
jest.setTimeout(120_000);

let server: ApiServer;
let kube: KubeClient;
let deps: BootstrapDeps;
let cluster: Cluster;
let controlPlane: KubeadmControlPlane;

beforeAll(async () => {
  server = await startApiServer();
  kube = kubeFromKubeconfigText(server.kubeconfig);
  const { signal } = new AbortController();
  deps = {
    kube,
    workload: () => Promise.resolve(kube),
    now: () => new Date().toISOString().replace(/\.\d{3}Z$/, 'Z'),
    scope: () => ({ signal, heartbeat: () => {} }),
  };
  for (const file of await readdir(MANIFESTS)) {
    if (/aws/.test(file)) continue;
    const crd = parse(await readFile(`${MANIFESTS}${file}`, 'utf8')) as KubeObject & { spec: Record<string, unknown> };
    // Only the stored version is used here; nobody serves the conversion webhook.
    await kube.create(KINDS.CustomResourceDefinition, {
      ...crd,
      spec: { ...crd.spec, conversion: { strategy: 'None' } },
    });
  }
  cluster = await stored(aCluster());
  controlPlane = await stored(aControlPlane(cluster, { kubeadmConfigSpec: { verbosity: 2 } }));
}, 900_000);

afterAll(async () => {
  await kube?.close();
  await server?.stop();
});

/** Creates the object with its status, as soon as its kind is served. */
async function stored<T extends KubeObject & { status?: unknown }>(object: T): Promise<T> {
  const kind = KINDS[object.kind as 'Cluster'];
  const { status, ...rest } = object;
  const { uid: _uid, generation: _generation, ...metadata } = rest.metadata;
  for (const deadline = Date.now() + 30_000; ; ) {
    try {
      const created = await kube.create<T>(kind, { ...rest, metadata } as unknown as T);
      if (status === undefined) return created;
      return await kube.mergePatch<T>(kind, created.metadata, { status }, { subresource: 'status' });
    } catch (error) {
      if (!isFailure(error, 'NotFound') || Date.now() > deadline) throw error;
      await delay(100);
    }
  }
}

async function aMachineOf(name: string, role: 'control-plane' | 'worker') {
  const machine = await stored<Machine>(
    aMachine(cluster, { name, ...(role === 'control-plane' ? { controlPlane } : {}) }),
  );
  const config = await stored<KubeadmConfig>(aKubeadmConfig(machine, { verbosity: 3 }));
  return { machine, config };
}

const read = async (name: string) =>
  (await kube.get<KubeadmConfig>(KINDS.KubeadmConfig, { namespace: 'default', name })) as KubeadmConfig;

test('certificates, kubeconfig, init data, join data: all are accepted, and a second run changes nothing', async () => {
  await ensureCertificates(deps, { cluster, controlPlane, initialized: false });
  expect(await ensureKubeconfig(deps, { cluster, controlPlane })).toMatchObject({ action: 'created' });

  const first = await aMachineOf('cp-1', 'control-plane');
  const result = await ensureBootstrapData(deps, { cluster, ...first });
  const config = await read('cp-1');
  expect(config.status).toMatchObject({
    dataSecretName: 'cp-1',
    initialization: { dataSecretCreated: true },
    observedGeneration: 1,
  });
  expect(config.status?.conditions?.map((c) => `${c.type}=${c.status}`)).toEqual([
    'CertificatesAvailable=True',
    'DataSecretAvailable=True',
    'Ready=True',
  ]);
  const version = config.metadata.resourceVersion;
  expect(await ensureBootstrapData(deps, { cluster, ...first, config })).toEqual(result);
  expect((await read('cp-1')).metadata.resourceVersion).toBe(version);

  const worker = await aMachineOf('w-1', 'worker');
  await expect(ensureBootstrapData(deps, { cluster, ...worker })).rejects.toMatchObject({ type: 'NotYet' });
  expect((await read('w-1')).status?.deprecated?.v1beta1?.conditions?.[0]).toMatchObject({
    type: 'Ready',
    status: 'False',
    severity: 'Info',
    reason: 'WaitingForControlPlaneAvailable',
  });

  cluster = await kube.mergePatch<Cluster>(
    KINDS.Cluster,
    cluster.metadata,
    { status: { initialization: { controlPlaneInitialized: true } } },
    { subresource: 'status' },
  );
  const waiting = await read('w-1');
  await ensureBootstrapData(deps, { cluster, machine: worker.machine, config: waiting });
  expect((await read('w-1')).status?.conditions?.find((c) => c.type === 'Ready')?.status).toBe('True');
  const tokens = await kube.list<Secret>(KINDS.Secret, {
    namespace: 'kube-system',
    fieldSelector: 'type=bootstrap.kubernetes.io/token',
  });
  expect(tokens).toHaveLength(1);
  expect(
    await kube.list(KINDS.ConfigMap, { namespace: 'default', fieldSelector: 'metadata.name=demo-lock' }),
  ).toHaveLength(0);
});

test('two machines that start at once: exactly one initializes', async () => {
  const other = await stored(aCluster({ name: 'race' }));
  const plane = await stored(aControlPlane(other));
  await ensureCertificates(deps, { cluster: other, controlPlane: plane, initialized: false });
  const make = async (name: string) => {
    const machine = await stored<Machine>(aMachine(other, { name, controlPlane: plane }));
    return { cluster: other, machine, config: await stored<KubeadmConfig>(aKubeadmConfig(machine)) };
  };
  const subjects = [await make('race-1'), await make('race-2'), await make('race-3')];
  const results = await Promise.allSettled(subjects.map((s) => ensureBootstrapData(deps, s)));
  expect(results.filter((r) => r.status === 'fulfilled')).toHaveLength(1);
  const reasons = results.flatMap((r) => (r.status === 'rejected' ? [(r.reason as { type: string }).type] : []));
  expect(reasons).toEqual(['NotYet', 'NotYet']);
});
