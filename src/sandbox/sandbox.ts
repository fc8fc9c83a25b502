import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { stringify } from 'yaml';
import { crdManifests } from '../api/crd/definitions.js';
import { KINDS } from '../api/types/kinds.js';
import type { KubeObject } from '../api/types/meta.js';
import { webhookConfigurations } from '../api/webhooks/configurations.js';
import { kubeFromKubeconfigFile } from '../kube/client.js';
import { type Component, recordedComponents, stopComponent } from './component.js';
import { apiServer, controllerManager, etcd, tlsOk } from './components/control-plane.js';
import {
  bridge,
  type Entry,
  machineHost,
  NAMESPACE,
  type ProcessEnv,
  temporal,
  webhooks,
  workers,
} from './components/perdure.js';
import { freePorts, readJson, writeAtomic } from './files.js';
import type { Endpoints, Layout } from './layout.js';
import { startMoto, stopMoto } from './moto/index.js';
import { followNames } from './names.js';
import { ensureSandboxPki, type SandboxPki } from './pki.js';
import { seedAws } from './seed-aws.js';
import { type Supervision, supervise } from './supervisor.js';

export interface SandboxOptions {
  readonly layout: Layout;
  readonly cacheDir: string;
  /** Absolute paths of the tools by name. */
  readonly tools: Readonly<Record<string, string>>;
  /** Root tree of the machines; absent: instances run without machines. */
  readonly machineTree?: string;
  readonly python: string;
  /** Delays of the emulated cloud, milliseconds. */
  readonly delays: Readonly<Record<string, number>>;
  readonly ports: Partial<Record<'apiServer' | 'temporal' | 'ui' | 'aws', number>>;
  readonly say: (line: string) => void;
  /** Other entries for Perdure's own processes: a test puts faults into them. */
  readonly entries?: { readonly bridge?: Entry; readonly workers?: Entry };
  /** How many worker processes there are; one when absent. */
  readonly workerProcesses?: number;
  /** Environment for child processes: PATH and HOME at least. */
  readonly env: Readonly<Record<string, string>>;
}

export const COMPONENTS = [
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'temporal',
  'machine-host',
  'webhooks',
  'bridge',
  'workers',
] as const;

/** Ports are chosen once per state directory and kept, so that kubeconfigs stay valid over restarts. */
async function chooseEndpoints(layout: Layout, ports: SandboxOptions['ports']): Promise<Endpoints> {
  const kept = await readJson<Endpoints>(layout.endpoints);
  if (kept) return kept;
  const free = await freePorts(10);
  const at = (i: number, wanted?: number): string => `127.0.0.1:${wanted ?? free[i]}`;
  const endpoints: Endpoints = {
    apiServer: `https://${at(0, ports.apiServer)}`,
    etcd: `http://${at(1)}`,
    etcdPeer: `http://${at(2)}`,
    temporal: at(3, ports.temporal),
    ui: `http://${at(4, ports.ui)}`,
    aws: `http://${at(5, ports.aws)}`,
    webhooks: `https://${at(6)}`,
    bridgeHealth: `http://${at(7)}`,
    workerHealth: `http://${at(8)}`,
  };
  await writeAtomic(layout.endpoints, JSON.stringify({ ...endpoints, kcm: free[9] }, null, 2), 0o644);
  return endpoints;
}

export interface RunningSandbox {
  readonly endpoints: Endpoints;
  readonly supervision: Supervision;
  stop(): Promise<void>;
}

/** Starts every part in order, each ready before the next needs it. Run again in the same directory it goes on with what is there. */
export async function startSandbox(options: SandboxOptions): Promise<RunningSandbox> {
  const { layout, tools, say } = options;
  const endpoints = await chooseEndpoints(layout, options.ports);
  const pki = await ensureSandboxPki(layout);
  await writeKubeconfig(layout.kubeconfig, endpoints, pki);
  const supervision = supervise(layout, say);
  const names = new AbortController();
  const stopAll = async (): Promise<void> => {
    names.abort();
    await supervision.stop();
    await stopMoto(layout.moto);
  };
  try {
    const step = async (label: string, work: () => Promise<unknown>): Promise<void> => {
      const begun = Date.now();
      await work();
      say(`${label.padEnd(34)} ${((Date.now() - begun) / 1000).toFixed(1)} s`);
    };
    const env = processEnv(options, endpoints, pki);
    const perdure = { layout, endpoints, env };
    const control = async (): Promise<void> => {
      await step('etcd', () => supervision.start(etcd(tool(tools, 'etcd'), layout, endpoints)));
      await step('Kubernetes API server', () =>
        supervision.start(apiServer(tool(tools, 'kube-apiserver'), pki, endpoints)),
      );
      const kcm = (await readJson<{ kcm: number }>(layout.endpoints))?.kcm ?? 0;
      await supervision.start(controllerManager(tool(tools, 'kube-controller-manager'), layout.kubeconfig, kcm));
      await step('webhooks', () =>
        supervision.start(webhooks(perdure, () => tlsOk(`${endpoints.webhooks}/healthz`, pki))),
      );
      await step('CRDs and admission', () => installApi(layout, endpoints, pki));
    };
    await Promise.all([
      control(),
      step('Temporal with UI', () => supervision.start(temporal(tool(tools, 'temporal-dev'), layout, endpoints))),
      step('emulated AWS', async () => {
        await startMoto({
          dir: layout.moto,
          cacheDir: options.cacheDir,
          port: Number(new URL(endpoints.aws).port),
          delays: options.delays,
          python: options.python,
        });
        await seedAws(endpoints.aws);
      }),
    ]);
    if (options.machineTree)
      await step('machine host', () => supervision.start(machineHost(perdure, () => hostReady(layout))));
    else void followNames(layout, endpoints.aws, names.signal);
    await step('workers', () => supervision.start(workers(perdure, options.entries?.workers)));
    for (const replica of await workerReplicas(options, perdure))
      await step(replica.name, () => supervision.start(replica));
    await step('bridge', () => supervision.start(bridge(perdure, options.entries?.bridge)));
    supervision.watch();
    return { endpoints, supervision, stop: stopAll };
  } catch (error) {
    await stopAll();
    throw error;
  }
}

/** The worker processes beyond the first, each with a health address of its own. */
async function workerReplicas(options: SandboxOptions, perdure: ProcessEnv): Promise<Component[]> {
  const ports = await freePorts((options.workerProcesses ?? 1) - 1);
  return ports.map((port, i) => {
    const endpoints = { ...perdure.endpoints, workerHealth: `http://127.0.0.1:${port}` };
    return { ...workers({ ...perdure, endpoints }, options.entries?.workers), name: `workers-${i + 2}` };
  });
}

function tool(tools: Readonly<Record<string, string>>, name: string): string {
  const found = tools[name];
  if (!found) throw new Error(`tool ${name} was not built`);
  return found;
}

const hostReady = async (layout: Layout): Promise<boolean> =>
  (await readJson(path.join(layout.machines, 'host.json'))) !== undefined;

/** The settings of Perdure's own processes. */
function processEnv(options: SandboxOptions, endpoints: Endpoints, pki: SandboxPki): Record<string, string> {
  const { layout } = options;
  return {
    ...options.env,
    PERDURE_KUBECONFIG: layout.kubeconfig,
    PERDURE_TEMPORAL_ADDRESS: endpoints.temporal,
    PERDURE_TEMPORAL_NAMESPACE: NAMESPACE,
    PERDURE_TEMPORAL_UI_URL: endpoints.ui,
    PERDURE_AWS_ENDPOINT: endpoints.aws,
    PERDURE_AWS_SERVICE_ENDPOINTS: `*:*=${endpoints.aws}`,
    PERDURE_HOSTS_FILE: path.join(layout.machines, 'hosts.json'),
    PERDURE_NODE_INITIALIZATION: 'perdure',
    PERDURE_WEBHOOK_ADDRESS: new URL(endpoints.webhooks).host,
    PERDURE_WEBHOOK_CERT_DIR: path.dirname(pki.webhooks.cert),
    PERDURE_SANDBOX_DIR: layout.root,
    ...(options.machineTree ? { PERDURE_MACHINE_TREE: options.machineTree } : {}),
    AWS_ACCESS_KEY_ID: 'AKIASANDBOX000000000',
    AWS_SECRET_ACCESS_KEY: 'sandbox',
    AWS_REGION: 'us-east-1',
  };
}

async function writeKubeconfig(file: string, endpoints: Endpoints, pki: SandboxPki): Promise<void> {
  const data = async (p: string): Promise<string> => (await readFile(p)).toString('base64');
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'perdure-sandbox',
    clusters: [
      {
        name: 'perdure-sandbox',
        cluster: { server: endpoints.apiServer, 'certificate-authority-data': await data(pki.ca) },
      },
    ],
    users: [
      {
        name: 'admin',
        user: { 'client-certificate-data': await data(pki.admin.cert), 'client-key-data': await data(pki.admin.key) },
      },
    ],
    contexts: [{ name: 'perdure-sandbox', context: { cluster: 'perdure-sandbox', user: 'admin' } }],
  };
  await writeAtomic(file, stringify(config));
}

/** CRDs with conversion, admission configurations, Perdure's namespace; applied, so that a new version updates what is there. */
async function installApi(layout: Layout, endpoints: Endpoints, pki: SandboxPki): Promise<void> {
  const kube = kubeFromKubeconfigFile(layout.kubeconfig);
  const caBundle = (await readFile(pki.ca)).toString('base64');
  const apply = (
    kind: { group: string; version: string; kind: string; plural: string; namespaced: boolean },
    object: KubeObject,
  ) => kube.apply(kind, object as KubeObject & Record<string, unknown>, { fieldManager: 'perdure-install' });
  for (const crd of crdManifests({ clientConfig: { url: `${endpoints.webhooks}/convert`, caBundle } }))
    await apply(KINDS.CustomResourceDefinition, crd as KubeObject);
  await apply(KINDS.Namespace, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'perdure-system' } });
  await established(kube);
  for (const config of webhookConfigurations({ url: endpoints.webhooks, caBundle })) {
    const plural =
      config.kind === 'MutatingWebhookConfiguration'
        ? 'mutatingwebhookconfigurations'
        : 'validatingwebhookconfigurations';
    await apply(
      { group: 'admissionregistration.k8s.io', version: 'v1', kind: config.kind, plural, namespaced: false },
      config,
    );
  }
  await kube.close();
}

async function established(kube: ReturnType<typeof kubeFromKubeconfigFile>): Promise<void> {
  for (;;) {
    const crds = await kube.list<KubeObject & { status?: { conditions?: { type: string; status: string }[] } }>(
      KINDS.CustomResourceDefinition,
    );
    const waiting = crds.filter(
      (c) => !c.status?.conditions?.some((x) => x.type === 'Established' && x.status === 'True'),
    );
    if (waiting.length === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Stops the parts of a sandbox whose supervisor is gone, and cleans what its machine host left. */
export async function sweepSandbox(layout: Layout, cleanupMachines: (dir: string) => Promise<void>): Promise<void> {
  const others = (await recordedComponents(layout)).filter((name) => !COMPONENTS.some((known) => known === name));
  for (const name of [...others, ...[...COMPONENTS].reverse()])
    await stopComponent(layout, name, name.startsWith('workers') ? 25_000 : 10_000);
  await stopMoto(layout.moto);
  await cleanupMachines(layout.machines);
}
