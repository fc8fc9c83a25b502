import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { Client, Connection } from '@temporalio/client';
import { type ApiServer, freePorts, startApiServer } from '../../test/helpers/api-server.js';
import { toolPath } from '../../test/helpers/tools.js';
import { KINDS } from '../api/types/kinds.js';
import type { KubeObject, ResourceKind } from '../api/types/meta.js';
import { FEATURES } from '../config/features.js';
import { type KubeClient, kubeFromKubeconfigText } from '../kube/client.js';
import { type Bridge, type BridgeConfig, type BridgeParts, startBridge } from './bridge.js';
import { SOURCES } from './sources.js';

type Loose = KubeObject & { spec?: Record<string, unknown>; status?: Record<string, unknown> };

/** What a Node says of itself before a kubelet does: every text is required. */
const NO_INFO = Object.fromEntries(
  [
    'architecture',
    'bootID',
    'containerRuntimeVersion',
    'kernelVersion',
    'kubeProxyVersion',
    'kubeletVersion',
    'machineID',
    'operatingSystem',
    'osImage',
    'systemUUID',
  ].map((key) => [key, '']),
);
let server: ApiServer;
let kube: KubeClient;
let directory: string;
let port: number;
let temporal: ChildProcess | undefined;
const bridges: Bridge[] = [];

beforeAll(async () => {
  server = await startApiServer();
  kube = kubeFromKubeconfigText(server.kubeconfig);
  directory = await mkdtemp(join(tmpdir(), 'perdure-bridge-'));
  [port] = (await freePorts(1)) as [number];
  // The AWS kinds stay uninstalled: a bridge must work beside providers that are not there.
  const kinds = SOURCES.map((s) => s.kind).filter(
    (k) => k.group.endsWith('cluster.x-k8s.io') && !k.kind.startsWith('AWS'),
  );
  for (const kind of kinds) await kube.create(KINDS.CustomResourceDefinition, looseCrd(kind));
  for (const kind of kinds) await eventually(() => kube.list(kind));
}, 120_000);

afterEach(async () => {
  for (const bridge of bridges.splice(0)) await bridge.stop();
}, 30_000);

afterAll(async () => {
  await stopTemporal();
  await kube?.close();
  await server?.stop();
  await rm(directory, { recursive: true, force: true });
}, 60_000);

/** Repeats `work` until it succeeds; after 40 s its last failure is the test's. */
async function eventually<T>(work: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + 40_000;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await delay(50);
    }
  }
}

function looseCrd(kind: ResourceKind): KubeObject {
  const open = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  const version = {
    name: kind.version,
    served: true,
    storage: true,
    subresources: { status: {} },
    schema: { openAPIV3Schema: { type: 'object', properties: { spec: open, status: open } } },
  };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: `${kind.plural}.${kind.group}`,
      annotations: { 'api-approved.kubernetes.io': 'unapproved, test' },
    },
    spec: {
      group: kind.group,
      scope: 'Namespaced',
      names: { kind: kind.kind, plural: kind.plural },
      versions: [version],
    },
  } as KubeObject;
}

async function startTemporal(): Promise<void> {
  const args = [
    '-port',
    String(port),
    '-headless',
    '-db-filename',
    join(directory, 'temporal.db'),
    '-log-level',
    'error',
  ];
  for (const name of ['Cluster', 'Kind', 'Object', 'Provider'])
    args.push('-search-attribute', `Perdure${name}=Keyword`);
  temporal = spawn(await toolPath('temporal-dev'), args, { stdio: 'ignore' });
  await eventually(async () => {
    const connection = await Connection.connect({ address: `127.0.0.1:${port}`, connectTimeout: 500 });
    await connection.workflowService.describeNamespace({ namespace: 'default' }).finally(() => connection.close());
  });
}

async function stopTemporal(): Promise<void> {
  const child = temporal;
  temporal = undefined;
  if (!child || child.exitCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'close');
}

async function bridge(more: Partial<BridgeConfig> = {}, parts: BridgeParts = {}): Promise<Bridge> {
  const config: BridgeConfig = {
    temporal: { address: `127.0.0.1:${port}`, namespace: 'default' },
    kube: {},
    watch: { namespaces: [] },
    leaderElection: { enabled: false, namespace: 'default', name: 'perdure-bridge' },
    features: FEATURES,
    identity: 'test',
    ...more,
  };
  const started = await startBridge(config, { kube, ...parts });
  bridges.push(started);
  return started;
}

function object(kind: ResourceKind, name: string, spec: Record<string, unknown>): Loose {
  return {
    apiVersion: `${kind.group}/${kind.version}`,
    kind: kind.kind,
    metadata: { namespace: 'default', name },
    spec,
  };
}

async function withStatus(kind: ResourceKind, name: string, status: Record<string, unknown>): Promise<void> {
  await kube.mergePatch(kind, { namespace: 'default', name }, { status }, { subresource: 'status' });
}

const laneOf = (o: KubeObject): string => `${o.kind.toLowerCase()}/default/${o.metadata.name}/${o.metadata.uid ?? ''}`;

async function withClient<T>(work: (client: Client) => Promise<T>): Promise<T> {
  const connection = await Connection.connect({ address: `127.0.0.1:${port}` });
  return await work(new Client({ connection })).finally(() => connection.close());
}

async function signalsOf(lane: string): Promise<{ generation: number; reason: string; deleting: boolean }[]> {
  const { events } = await withClient((client) => client.workflow.getHandle(lane).fetchHistory());
  const payloads = (events ?? []).map((e) => e.workflowExecutionSignaledEventAttributes?.input?.payloads?.[0]?.data);
  return payloads
    .filter((data) => data !== undefined && data !== null)
    .map((data) => JSON.parse(Buffer.from(data).toString()));
}

test('carries changes to lanes, across an outage of Temporal, and leaves what is converged alone', async () => {
  const done = await kube.create(KINDS.Cluster, object(KINDS.Cluster, 'done', {}));
  const available = {
    type: 'Available',
    status: 'True',
    reason: 'A',
    message: '',
    lastTransitionTime: '2026-01-01T00:00:00Z',
  };
  await withStatus(KINDS.Cluster, 'done', { observedGeneration: 1, conditions: [available] });
  const fresh = await kube.create(KINDS.Cluster, object(KINDS.Cluster, 'fresh', {}));
  const lane = laneOf(fresh);

  // Temporal is not up yet: the bridge starts, says so, and waits.
  const running = await bridge();
  await eventually(async () => {
    const { ready, details } = running.ready();
    expect(ready).toBe(true);
    expect(String(details['degraded'])).toContain('Temporal is unavailable');
  });
  await startTemporal();
  await eventually(async () => expect(await signalsOf(lane)).toHaveLength(1));
  expect(await signalsOf(lane)).toEqual([{ generation: 1, deleting: false, reason: 'not converged yet' }]);
  await eventually(async () => expect(running.ready().details['degraded']).toEqual([]));

  // Our own status write and bookkeeping say nothing new; a machine of the cluster does, and opens its own lane.
  await withStatus(KINDS.Cluster, 'fresh', { observedGeneration: 1, phase: 'Provisioning' });
  await kube.mergePatch(KINDS.Cluster, fresh.metadata as { name: string }, {
    metadata: { annotations: { 'perdure.dev/id': 'x', 'perdure.dev/available-since': '2026-01-01T00:00:00Z' } },
  });
  const machine = await kube.create(KINDS.Machine, object(KINDS.Machine, 'm', { clusterName: 'fresh' }));
  await eventually(async () => expect(await signalsOf(lane)).toHaveLength(2));
  expect((await signalsOf(lane))[1]).toMatchObject({ reason: 'Machine m changed' });

  // Temporal goes away; what changes meanwhile arrives when it is back, once.
  await stopTemporal();
  await kube.mergePatch(KINDS.Machine, machine.metadata as { name: string }, { spec: { version: 'v1' } });
  await eventually(async () =>
    expect(String(running.ready().details['degraded'])).toContain('Temporal is unavailable'),
  );
  await kube.mergePatch(KINDS.Machine, machine.metadata as { name: string }, { spec: { version: 'v2' } });
  await startTemporal();
  await eventually(async () => expect((await signalsOf(laneOf(machine))).at(-1)).toMatchObject({ generation: 3 }));

  await kube.mergePatch(KINDS.Machine, machine.metadata as { name: string }, { metadata: { finalizers: ['x.dev/f'] } });
  await kube.delete(KINDS.Machine, machine.metadata);
  await eventually(async () => expect((await signalsOf(laneOf(machine))).at(-1)).toMatchObject({ deleting: true }));
  await kube.mergePatch(KINDS.Machine, machine.metadata as { name: string }, { metadata: { finalizers: null } });

  const description = await withClient((client) => client.workflow.getHandle(laneOf(machine)).describe());
  expect(description).toMatchObject({
    type: 'machineLane',
    taskQueue: 'perdure',
    memo: { kind: 'Machine', namespace: 'default', name: 'm' },
  });
  expect(await description.staticSummary()).toBe('Machine default/m');
  const found = description.typedSearchAttributes.getAll().map(({ key, value }) => [key.name, value]);
  expect(found).toEqual(
    expect.arrayContaining([
      ['PerdureCluster', 'default/fresh'],
      ['PerdureKind', 'Machine'],
      ['PerdureObject', 'default/m'],
    ]),
  );
  await expect(signalsOf(laneOf(done))).rejects.toThrow('not found');
}, 120_000);

test('tells what is not converged again when Temporal comes back knowing nothing', async () => {
  if (!temporal) await startTemporal();
  const cluster = await kube.create(KINDS.Cluster, object(KINDS.Cluster, 'lost', {}));
  const lane = laneOf(cluster);
  await bridge({}, { tuning: { probeEveryMs: 50 } });
  await eventually(async () => expect(await signalsOf(lane)).toHaveLength(1));
  await stopTemporal();
  for (const suffix of ['', '-wal', '-shm']) await rm(join(directory, `temporal.db${suffix}`), { force: true });
  await startTemporal();
  await eventually(async () => expect(await signalsOf(lane)).not.toHaveLength(0));
}, 60_000);

test('one of two bridges leads, and the other takes over with everything listed anew', async () => {
  if (!temporal) await startTemporal();
  const election = { leaderElection: { enabled: true, namespace: 'default', name: 'pair' } };
  const quick = { tuning: { retryPeriodMs: 50 } };
  const first = await bridge({ ...election, identity: 'first' }, quick);
  await eventually(async () => expect(first.ready()).toMatchObject({ ready: true, details: { role: 'leader' } }));
  const second = await bridge({ ...election, identity: 'second' }, quick);
  await eventually(async () => {
    expect(second.ready()).toMatchObject({ ready: true, details: { role: 'standby', leader: 'first' } });
  });
  await first.stop();
  await eventually(async () => expect(second.ready()).toMatchObject({ ready: true, details: { role: 'leader' } }));
  const late = await kube.create(KINDS.Cluster, object(KINDS.Cluster, 'late', {}));
  await eventually(async () => expect(await signalsOf(laneOf(late))).toHaveLength(1));
}, 60_000);

test('a Node that falls ill wakes the lane of its converged Machine, and that of one that goes too', async () => {
  if (!temporal) await startTemporal();
  const condition = (type: string, reason = type) => ({
    type,
    status: 'True',
    reason,
    message: '',
    lastTransitionTime: '2026-01-01T00:00:00Z',
  });
  const cluster = await kube.create(KINDS.Cluster, object(KINDS.Cluster, 'watched', {}));
  const initialization = { infrastructureProvisioned: true, controlPlaneInitialized: true };
  const answers = [condition('Available'), condition('RemoteConnectionProbe')];
  await withStatus(KINDS.Cluster, 'watched', { observedGeneration: 1, initialization, conditions: answers });
  const nodeStatus = (status: string) => ({ conditions: [{ type: 'Ready', status, reason: 'R' }] });
  const machines: KubeObject[] = [];
  for (const name of ['ill', 'gone']) {
    const spec = { clusterName: 'watched', providerID: `test:///${name}` };
    machines.push(await kube.create(KINDS.Machine, object(KINDS.Machine, name, spec)));
    const conditions = ['Ready', 'Available', 'NodeReady', 'NodeHealthy'].map((type) => condition(type));
    const annotations = {
      'cluster.x-k8s.io/cluster-name': 'watched',
      'cluster.x-k8s.io/cluster-namespace': 'default',
      'cluster.x-k8s.io/machine': name,
      'cluster.x-k8s.io/labels-from-machine': '',
      'cluster.x-k8s.io/annotations-from-machine': '',
    };
    await kube.create<Loose>(KINDS.Node, {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name, annotations },
      spec: { providerID: `test:///${name}` },
    });
    await kube.mergePatch(KINDS.Node, { name }, { status: nodeStatus('True') }, { subresource: 'status' });
    // the API server itself taints a Node that is new
    await kube.mergePatch(KINDS.Node, { name }, { spec: { taints: null } });
    await withStatus(KINDS.Machine, name, { observedGeneration: 1, nodeRef: { name }, nodeInfo: NO_INFO, conditions });
  }
  await kube.create<KubeObject & { data: unknown }>(KINDS.Secret, {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      namespace: 'default',
      name: 'watched-kubeconfig',
      labels: { 'cluster.x-k8s.io/cluster-name': 'watched' },
    },
    data: { value: Buffer.from(server.kubeconfig).toString('base64') },
  });
  const running = await bridge();
  await eventually(async () => {
    expect(running.ready().details['workloads']).toEqual({ connected: 1, disconnected: 0, nodes: 2 });
  });
  const [ill, gone] = machines.map(laneOf) as [string, string];
  await expect(signalsOf(ill)).rejects.toThrow('not found');

  await kube.mergePatch(KINDS.Node, { name: 'ill' }, { status: nodeStatus('False') }, { subresource: 'status' });
  await eventually(async () => expect(await signalsOf(ill)).toHaveLength(1));
  expect(await signalsOf(ill)).toEqual([{ generation: 1, deleting: false, reason: 'its Node changed' }]);
  await kube.delete(KINDS.Node, { name: 'gone' });
  await eventually(async () => expect(await signalsOf(gone)).toHaveLength(1));
  await expect(signalsOf(laneOf(cluster))).rejects.toThrow('not found');
}, 60_000);
