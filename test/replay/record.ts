import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Client } from '@temporalio/client';
import { KINDS } from '../../src/api/types/kinds.js';
import type { KubeObject } from '../../src/api/types/meta.js';
import { runDemo } from '../../src/cli/demo/demo.js';
import { ANNOTATION } from '../../src/domain/names.js';
import { KUBERNETES_VERSION } from '../../src/sandbox/tools/index.js';
import { meddlerOf } from '../e2e/drift.js';
import { clusterObjects, create, healthCheckObject, machineObjects, untilCondition } from '../e2e/objects.js';
import { startTestSandbox, type TestSandbox, until } from '../e2e/sandbox.js';
import { casesOf } from './cases.js';
import { dayTwo } from './day-two.js';
import { assertAnonymous, render, scrub } from './history.js';
import { historyToJson } from './proto-json.js';

const HISTORIES = fileURLToPath(new URL('./histories/', import.meta.url));
const QUEUE = 'perdure-aws-controller-default-us-east-1';
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const at = (name: string) => ({ namespace: 'default', name });

async function idle(client: Client): Promise<void> {
  await until('the end of all workflows', async () => {
    for await (const w of client.workflow.list({ query: "ExecutionStatus = 'Running'" }))
      if (!w.type.startsWith('temporal-sys')) return undefined;
    return true;
  });
}

const gone = (s: TestSandbox, ref: { namespace: string; name: string }): Promise<true> =>
  until(`the end of cluster ${ref.name}`, async () => ((await s.kube.get(KINDS.Cluster, ref)) ? undefined : true), {
    seconds: 600,
  });

/** Paused before anything was made; goes on when the pause ends, and is deleted. */
async function paused(s: TestSandbox): Promise<void> {
  await create(s.kube, clusterObjects(at('paused'), {}, { paused: true }));
  await untilCondition(s.kube, KINDS.Cluster, at('paused'), 'Paused', 'Paused');
  await idle(s.temporal);
  await s.kube.mergePatch(KINDS.Cluster, at('paused'), { spec: { paused: false } });
  await untilCondition(s.kube, KINDS.Cluster, at('paused'), 'InfrastructureReady', 'Ready');
  await s.kube.mergePatch(KINDS.Cluster, at('paused'), { spec: { paused: true } });
  await untilCondition(s.kube, KINDS.Cluster, at('paused'), 'Paused', 'Paused');
  await s.kube.mergePatch(KINDS.Cluster, at('paused'), { spec: { paused: false } });
  await s.kube.delete(KINDS.Cluster, at('paused'));
  await gone(s, at('paused'));
}

/** Deleted while its NAT gateways are under way. */
async function interrupted(s: TestSandbox): Promise<void> {
  await s.cloud.addFault({ id: 'slow', action: 'CreateNatGateway', effect: { kind: 'delay', ms: 5_000 } });
  await create(s.kube, clusterObjects(at('interrupted')));
  await until('the first NAT gateway to be asked for', async () => {
    const [fault] = (await s.cloud.faults()).filter((f) => f.id === 'slow');
    return (fault?.fired ?? 0) > 0 ? true : undefined;
  });
  await s.kube.delete(KINDS.Cluster, at('interrupted'));
  await gone(s, at('interrupted'));
  await s.cloud.removeFault('slow');
}

/** Refused by a quota, tried again by a person, then machines that fail, one for good and one until a person asks again; all deleted. */
async function refused(s: TestSandbox): Promise<void> {
  const retry = (kind: typeof KINDS.Cluster, name: string): Promise<KubeObject> =>
    s.kube.mergePatch(kind, at(name), { metadata: { annotations: { [ANNOTATION.retry]: '1' } } });
  await s.cloud.addFault({ id: 'quota', action: 'CreateVpc', effect: { kind: 'error', code: 'VpcLimitExceeded' } });
  await create(s.kube, clusterObjects(at('refused')));
  await untilCondition(s.kube, KINDS.Cluster, at('refused'), 'InfrastructureReady', 'QuotaExceeded');
  await s.cloud.removeFault('quota');
  await retry(KINDS.Cluster, 'refused');
  await untilCondition(s.kube, KINDS.Cluster, at('refused'), 'InfrastructureReady', 'Ready');
  await s.cloud.addFault({
    id: 'full',
    action: 'RunInstances',
    params: { InstanceType: 'm5.large' },
    effect: { kind: 'error', code: 'InsufficientInstanceCapacity' },
  });
  await create(s.kube, machineObjects(at('refused'), 'refused-type', { instanceType: 't9.huge' }));
  await create(s.kube, machineObjects(at('refused'), 'refused-full', { instanceType: 'm5.large' }));
  await untilCondition(s.kube, KINDS.Machine, at('refused-type'), 'InfrastructureReady', 'InvalidConfiguration');
  await untilCondition(s.kube, KINDS.Machine, at('refused-full'), 'InfrastructureReady', 'InsufficientCapacity');
  await s.cloud.removeFault('full');
  await retry(KINDS.Machine as unknown as typeof KINDS.Cluster, 'refused-full');
  await untilCondition(s.kube, KINDS.Machine, at('refused-full'), 'InfrastructureReady', 'Ready');
  await create(s.kube, [healthCheckObject(at('refused'))]);
  await untilCondition(s.kube, KINDS.MachineHealthCheck, at('refused'), 'RemediationAllowed', 'RemediationAllowed');
  await s.kube.delete(KINDS.MachineHealthCheck, at('refused'));
  await s.kube.delete(KINDS.Cluster, at('refused'));
  await gone(s, at('refused'));
}

/** A health check looks at all machines of a cluster once. */
async function checked(s: TestSandbox, name: string): Promise<void> {
  await create(s.kube, [healthCheckObject(at(name))]);
  await untilCondition(s.kube, KINDS.MachineHealthCheck, at(name), 'RemediationAllowed', 'RemediationAllowed');
  await idle(s.temporal);
  await s.kube.delete(KINDS.MachineHealthCheck, at(name));
}

/** Sweeps and repairs while the demo's cluster is there. */
async function repaired(s: TestSandbox): Promise<void> {
  await idle(s.temporal);
  await checked(s, 'demo');
  const meddler = meddlerOf(s.endpoints.aws, 'demo');
  try {
    const before = JSON.stringify(await meddler.look());
    await meddler.meddle();
    await s.temporal.workflow.execute('DriftSweep', {
      workflowId: 'drift-sweep/now',
      taskQueue: 'perdure',
      args: [{ provider: 'aws', queue: QUEUE }],
    });
    await until('the network as it was', async () =>
      JSON.stringify(await meddler.look()) === before ? true : undefined,
    );
  } finally {
    meddler.close();
  }
}

async function keep(s: TestSandbox, scenario: (workflowId: string) => string): Promise<void> {
  await idle(s.temporal);
  for (const one of await casesOf(s.temporal, scenario)) {
    const history = await s.temporal.workflow.getHandle(one.workflowId, one.runId).fetchHistory();
    const clean = scrub(historyToJson(history)) as { events?: unknown[] };
    assertAnonymous(`${one.type}/${one.name}`, clean, [s.layout.root]);
    const dir = path.join(HISTORIES, one.type);
    await mkdir(dir, { recursive: true });
    await writeFile(path.join(dir, `${one.name}.json`), render(one.workflowId, clean));
    say(`${one.type}/${one.name}: ${one.events} events`);
  }
}

/** `cluster/default/NAME/…` and `machine/default/NAME-…/…` → NAME, when it is a scenario. */
const scenarioOf = (workflowId: string): string =>
  /^\w+\/default\/(paused|interrupted|refused)\b/.exec(workflowId)?.[1] ?? '';

async function inSandbox(machines: 'native' | 'none', work: (s: TestSandbox) => Promise<void>): Promise<void> {
  const sandbox = await startTestSandbox({ machines, cloudDelay: machines === 'none' ? 20 : 1_000, say });
  let failed = true;
  try {
    await work(sandbox);
    failed = false;
  } finally {
    await sandbox.stop(failed);
    if (failed) say(`logs are kept in ${sandbox.layout.logs}`);
  }
}

/** Lives everything and replaces all histories. `--no-machines` keeps those of machines that boot. */
export async function main(args: readonly string[]): Promise<number> {
  const withMachines = !args.includes('--no-machines');
  if (withMachines) await rm(HISTORIES, { recursive: true, force: true });
  await inSandbox('none', async (s) => {
    await paused(s);
    await interrupted(s);
    await refused(s);
    await keep(s, scenarioOf);
  });
  if (!withMachines) return 0;
  await inSandbox('native', async (s) => {
    const { layout, endpoints, kubectl } = s;
    await runDemo({
      layout,
      endpoints,
      kubectl,
      say,
      controlPlane: 3,
      workers: 2,
      kubernetesVersion: KUBERNETES_VERSION,
      beforeDelete: () => repaired(s),
    });
    await dayTwo(s, say);
    await keep(s, scenarioOf);
  });
  return 0;
}
