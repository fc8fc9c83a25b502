import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Cluster, Machine } from '../../src/api/types/index.js';
import { KINDS } from '../../src/api/types/kinds.js';
import type { Condition } from '../../src/api/types/meta.js';
import { type DemoReport, runDemo } from '../../src/cli/demo/demo.js';
import { childEnvironment } from '../../src/config/config.js';
import { findCondition, isTrue } from '../../src/domain/conditions.js';
import { ANNOTATION } from '../../src/domain/names.js';
import type { JournalCall } from '../../src/sandbox/moto/types.js';
import { KUBERNETES_VERSION } from '../../src/sandbox/tools/index.js';
import { OPERATIONS } from '../../src/workflows/names.js';
import { type Execution, eventsByMachine, executions } from './budget.js';
import { type Meddler, meddlerOf } from './drift.js';
import { clusterObjects, controlPlaneObject, create, machineTemplate, untilCondition } from './objects.js';
import { startTestSandbox, type TestSandbox, until } from './sandbox.js';
import { ensureBrowser, lookAtPng, takePicture } from './screenshot.js';

/**
 * A whole cluster life on machines that boot: created, looked at while nothing happens, tampered with, scaled, deleted; and a machine that never
 * gets that far. One control plane machine and one worker; with PERDURE_E2E=full three and two, scaled both ways. PERDURE_UPDATE_DOCS=1 renews the picture in the documentation.
 */
const env = childEnvironment();
const full = env['PERDURE_E2E'] === 'full';
const shape = full ? { controlPlane: 3, workers: 2 } : { controlPlane: 1, workers: 1 };
const QUEUE = 'perdure-aws-controller-default-us-east-1';
const DEMO = { namespace: 'default', name: 'demo' };
// What lets an instance read its bootstrap data.
const PROFILE = 'control-plane.cluster-api-provider-aws.sigs.k8s.io';
const DOCS = fileURLToPath(new URL('../../docs/images/temporal-ui.png', import.meta.url));
const say = (line: string): void => void process.stderr.write(`${line}\n`);

let sandbox: TestSandbox;
let meddler: Meddler;
let life: Promise<DemoReport>;
let converged: Promise<void>;
let goOn = (): void => undefined;
let sweeps = 0;
let steps = 0;
let passed = 0;

/** A test that counts: what is left of a life that failed is kept. */
function step(name: string, work: () => Promise<void>): void {
  steps++;
  test(name, async () => {
    await work();
    passed++;
  });
}

beforeAll(async () => {
  sandbox = await startTestSandbox({ machines: 'native', cloudDelay: 1_000, say });
  meddler = meddlerOf(sandbox.endpoints.aws, DEMO.name);
  let reached = (): void => undefined;
  const arrived = new Promise<void>((resolve) => {
    reached = resolve;
  });
  const told = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  const { layout, endpoints, kubectl } = sandbox;
  const beforeDelete = async (): Promise<void> => {
    reached();
    await told;
  };
  life = runDemo({ layout, endpoints, kubectl, say, ...shape, kubernetesVersion: KUBERNETES_VERSION, beforeDelete });
  life.catch(() => undefined); // awaited by the last test; a failure before that shows in `converged`
  converged = Promise.race([arrived, life.then(() => undefined)]);
}, 1_800_000);

afterAll(async () => {
  goOn();
  meddler?.close();
  await sandbox?.stop(passed < steps);
  if (passed < steps && sandbox) say(`logs are kept in ${sandbox.layout.logs}`);
}, 180_000);

async function idle(): Promise<Execution[]> {
  return until('the end of all workflows', async () => {
    const all = await executions(sandbox.temporal);
    return all.some((w) => w.status === 'RUNNING') ? undefined : all;
  });
}

/** Runs one sweep of the account now; answers its result and the cloud calls that were made meanwhile. */
async function sweep(): Promise<{ checked: number; drifted: number; calls: readonly JournalCall[] }> {
  const { sequence } = await sandbox.cloud.journalSummary();
  const options = {
    workflowId: `test-sweep-${++sweeps}`,
    taskQueue: 'perdure',
    args: [{ provider: 'aws', queue: QUEUE }],
  };
  const result = (await sandbox.temporal.workflow.execute('DriftSweep', options)) as {
    checked: number;
    drifted: number;
  };
  return { ...result, calls: await sandbox.cloud.journal({ since: sequence }) };
}

const machinesNow = (): Promise<Machine[]> => sandbox.kube.list<Machine>(KINDS.Machine, { namespace: DEMO.namespace });

/** Creates a cluster whose only machine never becomes a node; answers that machine. */
async function brokenMachine(name: string, kubeadm: object): Promise<{ namespace: string; name: string }> {
  const ref = { namespace: 'default', name };
  const controlPlaneRef = { apiGroup: 'controlplane.cluster.x-k8s.io', kind: 'KubeadmControlPlane', name };
  await create(sandbox.kube, [
    machineTemplate(ref, { instanceType: 't3.large', iamInstanceProfile: PROFILE }),
    controlPlaneObject(ref, name, kubeadm),
    ...clusterObjects(ref, {}, { controlPlaneRef }),
  ]);
  const labelSelector = `cluster.x-k8s.io/cluster-name=${name}`;
  const machine = await until(
    `the machine of cluster ${name}`,
    async () => (await sandbox.kube.list<Machine>(KINDS.Machine, { namespace: 'default', labelSelector }))[0],
    { seconds: 600 },
  );
  return { namespace: 'default', name: machine.metadata.name };
}

describe('the life of a cluster', () => {
  step('its machines become Ready nodes, and when it is there nothing is left open', async () => {
    await converged;
    const machines = await machinesNow();
    expect(machines).toHaveLength(2); // the long life has been scaled down by now
    for (const machine of machines) expect(isTrue(machine.status?.conditions, 'Available')).toBe(true);
    const cluster = await sandbox.kube.get<Cluster>(KINDS.Cluster, DEMO);
    expect(isTrue(cluster?.status?.conditions, 'Available')).toBe(true);
    const all = await idle();
    say(`executions ${all.length}, events ${all.reduce((n, w) => n + w.events, 0)}`);
  });

  step('to provision a machine costs at most 60 events of history', async () => {
    const byMachine = eventsByMachine(await idle());
    say([...byMachine].map(([id, cost]) => `${id}: ${JSON.stringify(cost)}`).join('\n'));
    for (const machine of await machinesNow()) {
      const cost = byMachine.get(`machine/${DEMO.namespace}/${machine.metadata.name}/${machine.metadata.uid}`);
      expect(cost).toBeDefined();
      expect(cost?.provisioned).toBeLessThanOrEqual(60);
    }
  });

  step('in the steady state a sweep makes at most four calls, none of which changes anything', async () => {
    const schedule = sandbox.temporal.schedule.getHandle(`drift/${QUEUE}`);
    const { spec } = await schedule.describe();
    expect(spec.intervals?.[0]?.every).toBe(10 * 60_000);
    await schedule.pause('the test sweeps itself'); // the scheduled one would be counted too
    for (let i = 0; i < 2; i++) {
      const { checked, drifted, calls } = await sweep();
      expect({ checked, drifted }).toEqual({ checked: 1, drifted: 0 });
      expect(calls.filter((c) => c.mutating)).toEqual([]);
      expect(calls.length).toBeLessThanOrEqual(4);
    }
    await idle();
  });

  step('what a stranger deletes is found by a sweep and put back', async () => {
    const before = await meddler.look();
    const gone = await meddler.meddle();
    const broken = await meddler.look();
    expect(broken.rules).not.toEqual(before.rules);
    expect(broken.routes).not.toEqual(before.routes);
    expect(broken.targets).not.toContain(gone.targets[0]);
    const { drifted } = await sweep();
    expect(drifted).toBe(2); // the Cluster and the control plane Machine
    let seen = broken;
    await until(
      'the network as it was',
      async () => {
        seen = await meddler.look();
        return JSON.stringify(seen) === JSON.stringify(before) ? true : undefined;
      },
      { last: () => JSON.stringify({ wanted: before, seen }, null, 1) },
    );
    const all = await idle();
    const repairs = all.filter((w) => w.type === 'RepairInfrastructure' || w.type === 'RepairMachine');
    expect(repairs.map((w) => `${w.type} ${w.status}`).sort()).toEqual([
      'RepairInfrastructure COMPLETED',
      'RepairMachine COMPLETED',
    ]);
    const cluster = await sandbox.kube.get<Cluster>(KINDS.Cluster, DEMO);
    expect(cluster?.metadata.annotations?.[ANNOTATION.drift]).toBeUndefined();
    await until('the cluster to be available again', async () => {
      const now = await sandbox.kube.get<Cluster>(KINDS.Cluster, DEMO);
      return isTrue(now?.status?.conditions, 'Available') ? true : undefined;
    });
    const settled = await sweep();
    expect(settled.drifted).toBe(0);
    expect(settled.calls.filter((c) => c.mutating)).toEqual([]);
  });

  step(
    'a machine that ends before it became a node, or on which kubeadm fails, is told with the end of its console',
    async () => {
      const lost = await brokenMachine('lost', { preKubeadmCommands: ['poweroff'] });
      const refused = await brokenMachine('refused', {
        initConfiguration: { nodeRegistration: { criSocket: 'unix:///run/nowhere.sock' } },
      });
      const told = await untilCondition(
        sandbox.kube,
        KINDS.Machine,
        lost,
        'InfrastructureReady',
        'BootstrapFailed',
        600,
      );
      expect(told.message).toContain(`of Machine default/${lost.name} is stopped and never became a node`);
      expect(told.message).toContain('delete the Machine to replace it; its console ends: ');
      expect(told.message).toContain('Powering off.');
      let message = '';
      await until(
        "kubeadm's own words",
        async () => {
          const machine = await sandbox.kube.get<Machine>(KINDS.Machine, refused);
          message = findCondition(machine?.status?.conditions as Condition[] | undefined, 'NodeReady')?.message ?? '';
          return message.includes('console ends: ') ? true : undefined;
        },
        { seconds: 600, last: () => message },
      );
      expect(message).toContain('unix:///run/nowhere.sock');
      expect(message).toContain('[preflight]');
      for (const name of ['lost', 'refused']) await sandbox.kube.delete(KINDS.Cluster, { namespace: 'default', name });
      for (const name of ['lost', 'refused'])
        await until(
          `the end of cluster ${name}`,
          async () => ((await sandbox.kube.get(KINDS.Cluster, { namespace: 'default', name })) ? undefined : true),
          { seconds: 600 },
        );
    },
  );

  step('deleted, it leaves the emulated cloud as it was, and no workflow open', async () => {
    goOn();
    const report = await life;
    const ready = report.nodes.split('\n').filter((line) => /\sReady\s/.test(line));
    expect(ready).toHaveLength(shape.controlPlane + shape.workers);
    expect(report.phases.map((p) => p.name)).toContain('delete');
    const types = new Set(report.costs.map((c) => c.type));
    for (const operation of [
      'CreateCluster',
      'ProvisionMachine',
      'ScaleControlPlane',
      'ScaleWorkers',
      'DeleteMachine',
      'DeleteCluster',
    ]) {
      expect(types).toContain(operation);
    }
    expect(await executions(sandbox.temporal).then((all) => all.filter((w) => w.status === 'RUNNING'))).toEqual([]);
    const unknown = [...types].filter((t) => /^[A-Z]/.test(t) && !(OPERATIONS as readonly string[]).includes(t));
    expect(unknown).toEqual([]);
  });

  step("Temporal's UI lists the operations by name", async () => {
    const browser = await ensureBrowser(say);
    const update = env['PERDURE_UPDATE_DOCS'] === '1';
    const file = update ? DOCS : path.join(sandbox.layout.root, 'temporal-ui.png');
    await mkdir(path.dirname(file), { recursive: true });
    const query = encodeURIComponent('PerdureOperation IS NOT NULL');
    const url = `${sandbox.endpoints.ui}/namespaces/default/workflows?query=${query}`;
    await takePicture(
      browser,
      {
        url,
        width: 1400,
        height: 900,
        shows: ['CreateCluster', 'ProvisionMachine', 'ScaleWorkers', 'ScaleControlPlane', 'DeleteCluster'],
      },
      file,
    );
    const picture = await lookAtPng(file);
    expect(picture).toMatchObject({ width: 1400, height: 900 });
    expect(picture.distinctRows).toBeGreaterThan(200);
  });
});
