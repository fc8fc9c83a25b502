import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { stringify } from 'yaml';
import { crdManifests } from '../api/crd/definitions.js';
import { KINDS } from '../api/types/kinds.js';
import type { KubeObject } from '../api/types/meta.js';
import { webhookConfigurations } from '../api/webhooks/configurations.js';
import { PerdureError } from '../domain/errors.js';
import { kubeFromKubeconfigFile } from '../kube/client.js';
import type { Component } from './component.js';
import { apiServer, controllerManager, etcd, tlsOk } from './components/control-plane.js';
import { emulatedAws } from './components/emulated-aws.js';
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
import { chooseEndpoints, type Ports, portOf } from './endpoints.js';
import { readJson, writeAtomic } from './files.js';
import type { Endpoints, Layout } from './layout.js';
import { ensureVenv } from './moto/index.js';
import { followNames } from './names.js';
import { ensureSandboxPki, type SandboxPki } from './pki.js';
import { freePorts } from './ports.js';
import { type Supervision, supervise } from './supervisor.js';
import { stopLeftovers } from './sweep.js';

const ESTABLISHED_MS = 60_000;

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
  readonly ports: Ports;
  /** Limits of the machine host; its own defaults when absent. */
  readonly caps?: { readonly maxMachines?: number; readonly memoryMiB?: number };
  readonly say: (line: string) => void;
  /** Other entries for Perdure's own processes: a test puts faults into them. */
  readonly entries?: { readonly bridge?: Entry; readonly workers?: Entry };
  /** How many worker processes there are; one when absent. */
  readonly workerProcesses?: number;
  /** Environment for child processes: PATH and HOME at least. */
  readonly env: Readonly<Record<string, string>>;
  /** Ends a start that is under way: what it began is stopped. */
  readonly signal?: AbortSignal;
}

export interface RunningSandbox {
  readonly endpoints: Endpoints;
  readonly supervision: Supervision;
  stop(): Promise<void>;
}

/**
 * Starts every part in order, each ready before the next needs it. Run again in the same directory it goes on with what is there. When it fails, or
 * `signal` aborts, everything it began is stopped before it rejects.
 */
export async function startSandbox(options: SandboxOptions): Promise<RunningSandbox> {
  const { layout, say, signal } = options;
  const resumed = existsSync(layout.etcd);
  await stopLeftovers(layout);
  const endpoints = await chooseEndpoints(layout, options.ports, say);
  const pki = await ensureSandboxPki(layout);
  await writeKubeconfig(layout.kubeconfig, endpoints, pki);
  const supervision = supervise(layout, { say, resumed });
  const names = new AbortController();
  const stop = async (): Promise<void> => {
    names.abort();
    await supervision.stop();
  };
  try {
    await untilAborted(startParts({ options, endpoints, pki, supervision, names: names.signal }), signal);
    supervision.watch();
    return { endpoints, supervision, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

interface Start {
  readonly options: SandboxOptions;
  readonly endpoints: Endpoints;
  readonly pki: SandboxPki;
  readonly supervision: Supervision;
  readonly names: AbortSignal;
}

async function startParts(start: Start): Promise<void> {
  const { options, endpoints, pki, supervision, names } = start;
  const { layout, tools } = options;
  const perdure = { layout, endpoints, env: processEnv(options, endpoints, pki) };
  const step = stepper(options.say);
  const run = (label: string, component: Component): Promise<void> => step(label, () => supervision.start(component));
  await Promise.all([
    startManagementCluster(start, perdure, step),
    run('Temporal with UI', temporal(tool(tools, 'temporal-dev'), layout, endpoints)),
    step('emulated AWS', async () => {
      const { cacheDir, python, delays } = options;
      const interpreter = await ensureVenv({ cacheDir, python });
      await supervision.start(emulatedAws(layout, endpoints, { interpreter, cacheDir, delays }));
    }),
  ]);
  if (options.machineTree)
    await run(
      'machine host',
      machineHost(perdure, () => hostReady(layout), options.caps),
    );
  else void followNames(layout, endpoints.aws, names);
  await run('workers', workers(perdure, options.entries?.workers));
  for (const replica of await workerReplicas(options, perdure)) await run(replica.name, replica);
  await run('bridge', bridge(perdure, options.entries?.bridge));
}

type Step = (label: string, work: () => Promise<unknown>) => Promise<void>;

async function startManagementCluster(
  { options, endpoints, pki, supervision }: Start,
  perdure: ProcessEnv,
  step: Step,
): Promise<void> {
  const { layout, tools } = options;
  const { start } = supervision;
  await step('etcd', () => start(etcd(tool(tools, 'etcd'), layout, endpoints)));
  await step('Kubernetes API server', () => start(apiServer(tool(tools, 'kube-apiserver'), pki, endpoints)));
  const kcmPort = portOf(endpoints.controllerManager);
  await Promise.all([
    start(controllerManager(tool(tools, 'kube-controller-manager'), layout.kubeconfig, kcmPort)),
    (async () => {
      await step('webhooks', () => start(webhooks(perdure, () => tlsOk(`${endpoints.webhooks}/healthz`, pki))));
      await step('CRDs and admission', () => installApi(layout, endpoints, pki));
    })(),
  ]);
}

/** Says how long each step took. */
function stepper(say: (line: string) => void): Step {
  return async (label, work) => {
    const begun = Date.now();
    await work();
    say(`${label.padEnd(34)} ${((Date.now() - begun) / 1000).toFixed(1)} s`);
  };
}

/** `work`, or a rejection as soon as `signal` aborts. */
async function untilAborted(work: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (!signal) return work;
  signal.throwIfAborted();
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
  await Promise.race([work, aborted]);
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
  if (!found) throw new PerdureError('Bug', `tool ${name} was not built`);
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
  const end = Date.now() + ESTABLISHED_MS;
  for (;;) {
    const crds = await kube.list<KubeObject & { status?: { conditions?: { type: string; status: string }[] } }>(
      KINDS.CustomResourceDefinition,
    );
    const waiting = crds.filter(
      (c) => !c.status?.conditions?.some((x) => x.type === 'Established' && x.status === 'True'),
    );
    if (waiting.length === 0) return;
    if (Date.now() > end) {
      const names = waiting.map((c) => c.metadata.name).join(', ');
      throw new PerdureError('Transient', `the API server does not serve ${names} after ${ESTABLISHED_MS / 1000} s`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
