import { mkdir, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Machine, MachineDeployment } from '../src/api/types/index.js';
import { apiVersionOf, KINDS } from '../src/api/types/kinds.js';
import type { KubeObject } from '../src/api/types/meta.js';
import { table } from '../src/cli/lib/output.js';
import { isFailure } from '../src/domain/errors.js';
import { kubeFromKubeconfigText } from '../src/kube/client.js';
import { executions } from '../test/e2e/budget.js';
import { startTestSandbox, type TestSandbox, until } from '../test/e2e/sandbox.js';
import { startApiServer } from '../test/helpers/api-server.js';
import {
  FAKE,
  FAKE_API_VERSION,
  FAKE_GROUP,
  type FakeProviderRun,
  fakeDefinitions,
  runFakeProvider,
} from './fake-provider.js';
import { apiRequests, difference, type Usage, usages, used } from './processes.js';

const RESULTS = fileURLToPath(new URL('./results/', import.meta.url));
const NAMESPACE = 'default';
const NAME = 'scale';
const say = (line: string): void => void process.stderr.write(`${line}\n`);

const USAGE = `usage: npm run test:scale -- [options]

One MachineDeployment on a fake provider goes 0 -> N -> rolling change -> 0; prints wall time, events, peak memory and API
server requests of each step, and fails when a machine was made twice, too many were there at once, or any is left.

  --machines N    default 1000
  --surge P       maxSurge and maxUnavailable of the rolling change (default 10%)
`;

interface Phase {
  readonly name: string;
  readonly seconds: number;
  readonly events: number;
  readonly executions: number;
  readonly longestHistory: number;
  readonly requests: number;
  readonly byVerb: Readonly<Record<string, number>>;
  readonly processes: readonly Usage[];
}

const meta = (name: string, more: object = {}) => ({ name, namespace: NAMESPACE, ...more });
const ref = (kind: string, name: string) => ({ apiGroup: FAKE_GROUP, kind, name });

/** Everything of the cluster: a control plane machine made by hand, a kubeconfig of the user, an empty deployment. */
function manifests(kubeconfig: string, surge: string): (KubeObject & Record<string, unknown>)[] {
  const labels = { 'cluster.x-k8s.io/cluster-name': NAME };
  const bootstrap = { dataSecretName: 'none' };
  const core = apiVersionOf(KINDS.Cluster);
  const fake = (kind: string, name: string, spec: object = {}) => ({
    apiVersion: FAKE_API_VERSION,
    kind,
    metadata: meta(name),
    spec,
  });
  return [
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: meta(`${NAME}-kubeconfig`, { labels }),
      type: 'cluster.x-k8s.io/secret',
      stringData: { value: kubeconfig },
    },
    fake('FakeCluster', NAME, { controlPlaneEndpoint: { host: '127.0.0.1', port: 6443 } }),
    fake('FakeMachine', `${NAME}-cp`),
    fake('FakeMachineTemplate', 'one', { template: { spec: {} } }),
    fake('FakeMachineTemplate', 'two', { template: { spec: {} } }),
    { apiVersion: core, kind: 'Cluster', metadata: meta(NAME), spec: { infrastructureRef: ref('FakeCluster', NAME) } },
    {
      apiVersion: core,
      kind: 'Machine',
      metadata: meta(`${NAME}-cp`, { labels: { ...labels, 'cluster.x-k8s.io/control-plane': '' } }),
      spec: { clusterName: NAME, bootstrap, infrastructureRef: ref('FakeMachine', `${NAME}-cp`) },
    },
    {
      apiVersion: core,
      kind: 'MachineDeployment',
      metadata: meta(NAME),
      spec: {
        clusterName: NAME,
        replicas: 0,
        rollout: { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: surge, maxUnavailable: surge } } },
        template: { spec: { clusterName: NAME, bootstrap, infrastructureRef: ref('FakeMachineTemplate', 'one') } },
      },
    },
  ];
}

const KIND_OF: Readonly<Record<string, (typeof KINDS)[keyof typeof KINDS] | (typeof FAKE)[keyof typeof FAKE]>> = {
  ...KINDS,
  FakeCluster: FAKE.cluster,
  FakeMachine: FAKE.machine,
  FakeMachineTemplate: FAKE.template,
};

async function apply(sandbox: TestSandbox, objects: readonly (KubeObject & Record<string, unknown>)[]): Promise<void> {
  for (const object of objects) {
    const kind = KIND_OF[object.kind];
    if (!kind) throw new Error(`kind ${object.kind} is unknown here`);
    // A definition that was just made is not served at once.
    await until(`${object.kind} ${object.metadata.name} to be applied`, async () => {
      try {
        await sandbox.kube.apply(kind, object, { fieldManager: 'bench' });
        return true;
      } catch (error) {
        if (isFailure(error, 'NotFound')) return undefined;
        throw error;
      }
    });
  }
}

/** Counts machines by one list, seldom: it is not to be counted with the rest. */
async function settled(sandbox: TestSandbox, wanted: number): Promise<void> {
  await until(
    `${wanted} available machines`,
    async () => {
      const deployment = await sandbox.kube.get<MachineDeployment>(KINDS.MachineDeployment, meta(NAME));
      const { replicas, availableReplicas, upToDateReplicas, observedGeneration } = deployment?.status ?? {};
      say(`  ${replicas ?? 0} machines, ${availableReplicas ?? 0} available, ${upToDateReplicas ?? 0} up to date`);
      const all = [replicas, availableReplicas, upToDateReplicas].every((n) => (n ?? 0) === wanted);
      return all && observedGeneration === deployment?.metadata.generation ? true : undefined;
    },
    { seconds: 3_600, everyMs: 5_000 },
  );
}

/** Does something, waits until it has settled and no workflow is open, and says what that cost. */
async function phase(
  sandbox: TestSandbox,
  name: string,
  work: () => Promise<void>,
  done: () => Promise<void>,
): Promise<Phase> {
  const { layout, kubectl, temporal, cloud } = sandbox;
  const moto = (await cloud.ready()).pid;
  say(`${name} ...`);
  const [before, requests, earlier] = await Promise.all([
    usages(layout, moto),
    apiRequests(kubectl, layout.kubeconfig),
    executions(temporal),
  ]);
  const known = new Map(earlier.map((w) => [w.runId, w.events]));
  const begun = Date.now();
  await work();
  await done();
  const seconds = Math.round((Date.now() - begun) / 100) / 10;
  const all = await until(
    'the end of all workflows',
    async () => {
      const found = await executions(temporal);
      return found.some((w) => w.status === 'RUNNING') ? undefined : found;
    },
    { seconds: 600, everyMs: 2_000 },
  );
  const mine = all.filter((w) => (known.get(w.runId) ?? 0) < w.events);
  const byVerb = difference(requests, await apiRequests(kubectl, layout.kubeconfig));
  return {
    name,
    seconds,
    events: mine.reduce((n, w) => n + w.events - (known.get(w.runId) ?? 0), 0),
    executions: mine.length,
    longestHistory: Math.max(0, ...mine.map((w) => w.events)),
    requests: Object.values(byVerb).reduce((n, v) => n + v, 0),
    byVerb,
    processes: used(before, await usages(layout, moto)),
  };
}

function print(machines: number, surge: string, phases: readonly Phase[], provider: FakeProviderRun): string {
  const rows = phases.map((p) => [
    p.name,
    p.seconds.toFixed(1),
    String(p.events),
    (p.events / machines).toFixed(1),
    String(p.longestHistory),
    String(p.requests),
    (p.requests / machines).toFixed(1),
  ]);
  const names = phases[0]?.processes.map((p) => p.name) ?? [];
  const usage = names.map((name) => [
    name,
    ...phases.map((p) => (p.processes.find((u) => u.name === name)?.cpuSeconds ?? 0).toFixed(1)),
    String(Math.max(...phases.map((p) => p.processes.find((u) => u.name === name)?.peakMiB ?? 0))),
  ]);
  return `${[
    `\n${machines} machines, maxSurge and maxUnavailable ${surge}; at most ${provider.peak() - 1} there at once, ${provider.made.size - 1} made`,
    table(['STEP', 'SECONDS', 'EVENTS', 'A MACHINE', 'LONGEST HISTORY', 'API REQUESTS', 'A MACHINE'], rows),
    '',
    table(['PROCESS', ...phases.map((p) => `CPU S, ${p.name}`), 'PEAK MiB'], usage),
  ].join('\n')}\n`;
}

/** Throws when a bound was broken. */
async function judge(sandbox: TestSandbox, provider: FakeProviderRun, machines: number, surge: number): Promise<void> {
  const twice = [...provider.made].filter(([, n]) => n > 1).map(([name]) => name);
  if (twice.length > 0) throw new Error(`made twice: ${twice.slice(0, 5).join(', ')}`);
  // one more is the control plane's
  if (provider.peak() - 1 > machines + surge)
    throw new Error(`${provider.peak() - 1} machines were there at once, more than ${machines} + ${surge}`);
  const left = await sandbox.kube.list<Machine>(KINDS.Machine, { namespace: NAMESPACE });
  const infra = await sandbox.kube.list(FAKE.machine, { namespace: NAMESPACE });
  if (left.length !== 1 || infra.length !== 1)
    throw new Error(`${left.length - 1} Machines and ${infra.length - 1} infra machines are left`);
}

/** The steps, one after the other. */
async function steps(sandbox: TestSandbox, machines: number): Promise<Phase[]> {
  const deploy = async (spec: object): Promise<void> =>
    void (await sandbox.kube.mergePatch(KINDS.MachineDeployment, meta(NAME), { spec }));
  const step = (name: string, spec: object, wanted: number): Promise<Phase> =>
    phase(
      sandbox,
      name,
      () => deploy(spec),
      () => settled(sandbox, wanted),
    );
  const other = { template: { spec: { infrastructureRef: ref('FakeMachineTemplate', 'two') } } };
  await settled(sandbox, 0);
  return [
    await step(`0 to ${machines}`, { replicas: machines }, machines),
    await step('rolling change', other, machines),
    await step(`${machines} to 0`, { replicas: 0 }, 0),
  ];
}

/** Rejects when somebody ends the run: what was started is to be stopped. */
const interrupted = (): Promise<never> =>
  new Promise((_, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      process.once(signal, () => reject(new Error(`ended by ${signal}`)));
  });

/** Runs the steps, prints the table, keeps the numbers in bench/results. */
export async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      machines: { type: 'string', default: '1000' },
      surge: { type: 'string', default: '10%' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const machines = Number(values.machines);
  const { surge } = values;
  const extra = surge.endsWith('%') ? Math.ceil((machines * Number(surge.slice(0, -1))) / 100) : Number(surge);
  if (!(Number.isInteger(machines) && machines > 0 && Number.isInteger(extra)))
    throw new Error(
      `--machines ${values.machines} --surge ${surge}: a whole number, and a number or percent, are wanted`,
    );
  const workloadServer = await startApiServer();
  const workload = kubeFromKubeconfigText(workloadServer.kubeconfig);
  const sandbox = await startTestSandbox({ machines: 'none', cloudDelay: 0, say });
  let provider: FakeProviderRun | undefined;
  let failed = true;
  try {
    await apply(sandbox, fakeDefinitions());
    provider = runFakeProvider(sandbox.kube, workload);
    await apply(sandbox, manifests(workloadServer.kubeconfig, surge));
    const phases = await Promise.race([steps(sandbox, machines), interrupted()]);
    process.stdout.write(print(machines, surge, phases, provider));
    await judge(sandbox, provider, machines, extra);
    await mkdir(RESULTS, { recursive: true });
    const machine = { cores: cpus().length, cpu: cpus()[0]?.model ?? '', node: process.version };
    const result = { date: new Date().toISOString().slice(0, 10), machine, machines, surge, phases };
    await writeFile(path.join(RESULTS, `scale-${machines}.json`), `${JSON.stringify(result, null, 2)}\n`);
    failed = false;
    return 0;
  } finally {
    await provider?.stop();
    await sandbox.stop(failed);
    await workload.close();
    await workloadServer.stop();
    if (failed) say(`logs are kept in ${sandbox.layout.logs}`);
  }
}
