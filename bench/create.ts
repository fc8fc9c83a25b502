import { mkdir, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Cluster } from '../src/api/types/index.js';
import { KINDS } from '../src/api/types/kinds.js';
import { generateManifest } from '../src/cli/commands/generate.js';
import { runProgram } from '../src/cli/demo/wait.js';
import { workloadKubeconfig } from '../src/cli/lib/kubeconfig.js';
import { isTrue } from '../src/domain/conditions.js';
import type { JournalCall } from '../src/sandbox/moto/types.js';
import { KUBERNETES_VERSION } from '../src/sandbox/tools/index.js';
import { type Execution, eventsByMachine, executions } from '../test/e2e/budget.js';
import { startTestSandbox, type TestSandbox, until } from '../test/e2e/sandbox.js';
import { apiRequests, difference, usages, used } from './processes.js';
import { type CreateResult, print } from './report.js';
import { type Span, split } from './timeline.js';

const RESULTS = fileURLToPath(new URL('./results/', import.meta.url));
const QUEUE = 'perdure-aws-controller-default-us-east-1';
const NAME = 'bench';
const REF = { namespace: 'default', name: NAME };
const say = (line: string): void => void process.stderr.write(`${line}\n`);

const USAGE = `usage: npm run bench:create -- [options]

Creates a cluster in a sandbox, from kubectl apply to Available, and says where the time went and what it cost; then
lets ten minutes' worth of work for an idle cluster happen and counts again. Needs root, for machines.

  --shape N+M         control plane machines and workers (default 1+2)
  --cloud-delay MS    how long the emulated cloud takes for state changes (default 1000)
`;

/** Seconds of looking at processes of which nothing is asked. */
const IDLE_SECONDS = 30;
const QUIET_SECONDS = 15;

function shapeOf(text: string): { controlPlane: number; workers: number } {
  const [, planes, workers] = /^([1-9]\d*)\+(\d+)$/.exec(text) ?? [];
  if (planes === undefined || workers === undefined) throw new Error(`--shape ${text} is not N+M, e.g. 1+2 or 3+3`);
  return { controlPlane: Number(planes), workers: Number(workers) };
}

/** Resolves when the Cluster is Available, by one watch: looking again and again would be counted with the rest. */
async function available(sandbox: TestSandbox): Promise<number> {
  for (;;) {
    const list = await sandbox.kube.listAll<Cluster>(KINDS.Cluster, { namespace: REF.namespace });
    const ready = (c: Cluster): boolean => c.metadata.name === NAME && isTrue(c.status?.conditions, 'Available');
    if (list.items.some(ready)) return Date.now();
    const events = sandbox.kube.watch<Cluster>(KINDS.Cluster, {
      namespace: REF.namespace,
      resourceVersion: list.resourceVersion,
      timeoutSeconds: 300,
    });
    for await (const event of events) if (event.type !== 'BOOKMARK' && ready(event.object)) return Date.now();
  }
}

const eventsOf = (all: readonly Execution[]): number => all.reduce((n, w) => n + w.events, 0);

/** Until no workflow is open and none has been for a while: what comes just after a change belongs to it. */
async function idle(sandbox: TestSandbox): Promise<Execution[]> {
  let last = { events: -1, since: Date.now() };
  return until('the end of all workflows', async () => {
    const all = await executions(sandbox.temporal);
    const events = all.some((w) => w.status === 'RUNNING') ? -1 : eventsOf(all);
    if (events < 0 || events !== last.events) last = { events, since: Date.now() };
    return events >= 0 && Date.now() - last.since > QUIET_SECONDS * 1_000 ? all : undefined;
  });
}

const SLOW_CALLS = new Set(['CreateNatGateway', 'CreateLoadBalancer', 'RunInstances']);

/** When the cloud was changing states: from the end of the call for as long as the emulator is set to take. */
function cloudSpans(calls: readonly JournalCall[], delayMs: number): Span[] {
  return calls
    .filter((c) => SLOW_CALLS.has(c.action) && c.status === 200)
    .map((c) => Date.parse(c.time) + c.durationMs)
    .map((from) => ({ from, to: from + delayMs }));
}

interface Conditioned {
  readonly metadata: { readonly name: string };
  readonly spec: { readonly providerID?: string; readonly nodeName?: string };
  readonly status: { readonly conditions: readonly { readonly type: string; readonly lastTransitionTime: string }[] };
}

/** When it became Ready, which is told in whole seconds. */
function readyAt({ metadata, status }: Conditioned): number {
  const ready = status.conditions.find((c) => c.type === 'Ready');
  if (!ready) throw new Error(`${metadata.name} is not Ready`);
  return Date.parse(ready.lastTransitionTime) + 1_000;
}

/** When machines booted: from "running" until the node is Ready and so are kubeadm's static pods on it, which take 10 s for their start-up probes alone. */
async function bootSpans(sandbox: TestSandbox, kubeconfig: string, delayMs: number): Promise<Span[]> {
  const list = async (...what: string[]): Promise<readonly Conditioned[]> => {
    const text = await runProgram(sandbox.kubectl, ['--kubeconfig', kubeconfig, 'get', ...what, '-o', 'json']);
    return (JSON.parse(text) as { items: readonly Conditioned[] }).items;
  };
  const nodes = await list('nodes');
  const pods = await list('pods', '-n', 'kube-system', '-l', 'tier=control-plane');
  const { items } = await sandbox.cloud.instances();
  return nodes.map((node) => {
    const id = node.spec.providerID?.split('/').at(-1);
    const instance = items.find((i) => i.id === id);
    if (!instance) throw new Error(`node ${node.metadata.name} has no instance`);
    const there = [node, ...pods.filter((p) => p.spec.nodeName === node.metadata.name)];
    return { from: Date.parse(instance.launchTime) + delayMs, to: Math.max(...there.map(readyAt)) };
  });
}

/** How many there are of each kind, most first. */
function countBy<T>(list: readonly T[], nameOf: (one: T) => string): Record<string, number> {
  const counts = new Map<string, number>();
  for (const one of list) counts.set(nameOf(one), (counts.get(nameOf(one)) ?? 0) + 1);
  return Object.fromEntries([...counts].sort((a, b) => b[1] - a[1]));
}

async function measureCreate(
  sandbox: TestSandbox,
  shape: string,
  delayMs: number,
): Promise<Omit<CreateResult, 'idle' | 'deletion'>> {
  const { controlPlane, workers } = shapeOf(shape);
  const { layout, kubectl, cloud } = sandbox;
  const manifest = await generateManifest({
    CLUSTER_NAME: NAME,
    NAMESPACE: REF.namespace,
    AWS_REGION: 'us-east-1',
    AWS_SSH_KEY_NAME: 'default',
    KUBERNETES_VERSION,
    CONTROL_PLANE_MACHINE_COUNT: String(controlPlane),
    WORKER_MACHINE_COUNT: String(workers),
  });
  const moto = (await cloud.ready()).pid;
  const [before, requests, { sequence }] = await Promise.all([
    usages(layout, moto),
    apiRequests(kubectl, layout.kubeconfig),
    cloud.journalSummary(),
  ]);
  const from = Date.now();
  await runProgram(kubectl, ['--kubeconfig', layout.kubeconfig, 'apply', '-f', '-'], manifest);
  const whole = { from, to: await available(sandbox) };
  const after = await usages(layout, moto);
  const answered = difference(requests, await apiRequests(kubectl, layout.kubeconfig));
  const all = await idle(sandbox);
  const calls = await cloud.journal({ since: sequence });
  const kubeconfig = path.join(layout.root, `${NAME}.kubeconfig`);
  await writeFile(kubeconfig, await workloadKubeconfig({ dir: layout.root, namespace: REF.namespace }, NAME), {
    mode: 0o600,
  });
  const types = new Map<string, { runs: number; events: number }>();
  for (const w of all) {
    const seen = types.get(w.type) ?? { runs: 0, events: 0 };
    types.set(w.type, { runs: seen.runs + 1, events: seen.events + w.events });
  }
  return {
    shape,
    cloudDelayMs: delayMs,
    time: split(whole, cloudSpans(calls, delayMs), await bootSpans(sandbox, kubeconfig, delayMs)),
    calls: {
      total: calls.length,
      mutating: calls.filter((c) => c.mutating).length,
      failed: countBy(
        calls.filter((c) => c.error !== ''),
        (c) => `${c.action} ${c.error}`,
      ),
      actions: countBy(calls, (c) => `${c.service}:${c.action}`),
    },
    events: {
      total: eventsOf(all),
      executions: all.length,
      types: Object.fromEntries([...types].sort((a, b) => b[1].events - a[1].events)),
      machines: Object.fromEntries(eventsByMachine(all)),
    },
    apiRequests: { total: Object.values(answered).reduce((n, v) => n + v, 0), byVerb: answered },
    processes: used(before, after),
  };
}

/** What ten idle minutes bring: one sweep of the account. Its schedule is paused, and it is run once. */
async function measureIdle(sandbox: TestSandbox): Promise<CreateResult['idle']> {
  const { layout, kubectl, cloud, temporal } = sandbox;
  await temporal.schedule.getHandle(`drift/${QUEUE}`).pause('the benchmark sweeps itself');
  const open = (await executions(temporal)).filter((w) => w.status === 'RUNNING').length;
  const eventsBefore = eventsOf(await executions(temporal));
  const moto = (await cloud.ready()).pid;
  const [{ sequence }, before, requests] = await Promise.all([
    cloud.journalSummary(),
    usages(layout, moto),
    apiRequests(kubectl, layout.kubeconfig),
  ]);
  await delay(IDLE_SECONDS * 1_000);
  const after = await usages(layout, moto);
  await temporal.workflow.execute('DriftSweep', {
    workflowId: 'bench-sweep',
    taskQueue: 'perdure',
    args: [{ provider: 'aws', queue: QUEUE }],
  });
  const answered = difference(requests, await apiRequests(kubectl, layout.kubeconfig));
  const calls = await cloud.journal({ since: sequence });
  const eventsAfter = eventsOf(await idle(sandbox));
  return {
    openWorkflows: open,
    callsPerTenMinutes: calls.length,
    mutatingPerTenMinutes: calls.filter((c) => c.mutating).length,
    eventsPerTenMinutes: eventsAfter - eventsBefore,
    apiRequests: answered,
    seconds: IDLE_SECONDS,
    processes: used(before, after),
  };
}

async function measureDeletion(sandbox: TestSandbox): Promise<CreateResult['deletion']> {
  const { kube, cloud, temporal } = sandbox;
  const before = eventsOf(await executions(temporal));
  const { sequence } = await cloud.journalSummary();
  const begun = Date.now();
  await kube.delete(KINDS.Cluster, REF);
  await until('the end of the cluster', async () => ((await kube.get(KINDS.Cluster, REF)) ? undefined : true), {
    seconds: 600,
  });
  const ms = Date.now() - begun;
  const calls = await cloud.journal({ since: sequence });
  return {
    ms,
    calls: calls.length,
    mutating: calls.filter((c) => c.mutating).length,
    events: eventsOf(await idle(sandbox)) - before,
  };
}

/** Runs the benchmark, prints its table and keeps the numbers in bench/results. */
export async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      shape: { type: 'string', default: '1+2' },
      'cloud-delay': { type: 'string', default: '1000' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  shapeOf(values.shape);
  const delayMs = Number(values['cloud-delay']);
  const sandbox = await startTestSandbox({ machines: 'native', cloudDelay: delayMs, say });
  let failed = true;
  try {
    const created = await measureCreate(sandbox, values.shape, delayMs);
    const idleCost = await measureIdle(sandbox);
    const result: CreateResult = { ...created, idle: idleCost, deletion: await measureDeletion(sandbox) };
    const [cpu] = cpus();
    const machine = {
      cores: cpus().length,
      cpu: cpu?.model ?? '',
      node: process.version,
      kubernetes: KUBERNETES_VERSION,
    };
    await mkdir(RESULTS, { recursive: true });
    await writeFile(
      path.join(RESULTS, `create-${values.shape}.json`),
      `${JSON.stringify({ date: new Date().toISOString().slice(0, 10), machine, ...result }, null, 2)}\n`,
    );
    process.stdout.write(print(result));
    failed = false;
    return 0;
  } finally {
    await sandbox.stop(failed);
    if (failed) say(`logs are kept in ${sandbox.layout.logs}`);
  }
}
