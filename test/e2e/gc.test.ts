import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { WORKLOAD } from '../../src/activities/collect/kinds.js';
import { KINDS } from '../../src/api/types/kinds.js';
import type { KubeObject } from '../../src/api/types/meta.js';
import type { ReportLine } from '../../src/domain/collect/report.js';
import { isControlPlaneMachine, readPath } from '../../src/domain/contract.js';
import { testClients } from '../../src/sandbox/moto/testing.js';
import { sandboxStatus } from '../../src/sandbox/status.js';
import { KUBERNETES_VERSION } from '../../src/sandbox/tools/index.js';
import { type CloudController, startCloudController } from '../helpers/aws-ccm.js';
import {
  allow,
  cniInterface,
  dataResources,
  defaultGroup,
  lbcResources,
  type Place,
  sharedVpc,
} from '../helpers/external-resources.js';
import { perdureJson } from '../helpers/perdure.js';
import {
  apply,
  deleteCluster,
  inCloud,
  inWorkload,
  kubeconfigOf,
  machinesOf,
  manifestOf,
  NAMESPACE,
  settled,
} from './cluster.js';
import { killMachine, machineBehind } from './machine-faults.js';
import { startTestSandbox, type TestSandbox, until } from './sandbox.js';

/**
 * Two clusters share a VPC, and each has what its controllers made: load balancers that the real cloud controller manager made for Services, what the load balancer
 * controller, the network plug-in and the CSI driver would make. One goes while it answers, under kills; the other when its API server is dead, under throttling.
 */
const LIVE = 'goes';
const DEAD = 'stays';
const SHAPE = { controlPlane: 1, workers: 0 };
const VERSIONS = { controlPlane: KUBERNETES_VERSION, workers: KUBERNETES_VERSION };
const KINDS_WITH_DATA =
  'load-balancer,target-group,network-interface,security-group,elastic-ip,ebs-volume,ebs-snapshot';
const say = (line: string): void => void process.stderr.write(`${line}\n`);

let sandbox: TestSandbox;
let clients: ReturnType<typeof testClients>;
let before: string[];
let place: Place;
let withBoth: string[];
const controllers = new Map<string, CloudController>();
const made = new Map<string, Record<string, string>>();
let planned: Report;
let steps = 0;
let passed = 0;

interface Report {
  readonly summary: string;
  readonly report: readonly ReportLine[];
}

function step(name: string, work: () => Promise<void>): void {
  steps++;
  test(name, async () => {
    const begun = Date.now();
    await work();
    passed++;
    say(`== ${name}: ${((Date.now() - begun) / 1000).toFixed(0)} s`);
  });
}

beforeAll(async () => {
  sandbox = await startTestSandbox({ machines: 'native', cloudDelay: 1_000, say });
  clients = testClients(sandbox.endpoints.aws);
  place = await sharedVpc(clients);
  before = await inCloud(sandbox);
}, 1_800_000);

afterAll(async () => {
  for (const controller of controllers.values()) await controller.stop();
  await sandbox?.stop(passed < steps);
  if (passed < steps && sandbox) say(`logs are kept in ${sandbox.layout.logs}`);
}, 180_000);

/** The default flavour in the shared VPC, reachable from inside only. */
async function manifest(name: string): Promise<string> {
  const text = await manifestOf({ name, ...SHAPE, versions: VERSIONS });
  const network = [
    '  network:',
    '    vpc:',
    `      id: ${place.vpc}`,
    '    subnets:',
    ...place.subnets.map((id) => `      - id: ${id}`),
    '  controlPlaneLoadBalancer:',
    '    scheme: internal',
  ].join('\n');
  return text.replace('  controlPlaneLoadBalancer:', network);
}

const service = (name: string, annotations: Record<string, string>): KubeObject =>
  ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      namespace: 'default',
      name,
      annotations: { 'service.beta.kubernetes.io/aws-load-balancer-internal': 'true', ...annotations },
    },
    spec: { type: 'LoadBalancer', ports: [{ port: 80 }], selector: { app: 'web' } },
  }) as KubeObject;

/** Has the cloud controller manager make two load balancers, and makes what other controllers would. */
async function fill(name: string): Promise<void> {
  const kubeconfig = await kubeconfigOf(sandbox, name);
  const endpoint = sandbox.endpoints.aws;
  const controller = await startCloudController({
    kubeconfig,
    endpoint,
    cluster: name,
    vpc: place.vpc,
    subnet: place.subnets[0],
  });
  controllers.set(name, controller);
  await inWorkload(sandbox, name, async (kube) => {
    await kube.create(WORKLOAD.Service, service('classic', {}));
    await kube.create(
      WORKLOAD.Service,
      service('network', { 'service.beta.kubernetes.io/aws-load-balancer-type': 'nlb' }),
    );
    let last = '';
    await until(
      `load balancers of ${name}`,
      async () => {
        const services = await kube.list<KubeObject>(WORKLOAD.Service, { namespace: 'default' });
        const hosts = services.flatMap((one) => readPath(one, 'status.loadBalancer.ingress') ?? []);
        last = (await controller.log()).split('\n').slice(-15).join('\n');
        return hosts.length === 2 ? true : undefined;
      },
      { seconds: 180, last: () => last },
    );
  });
  const lbc = await lbcResources(clients, place, name);
  const data = await dataResources(clients, name);
  const eni = await cniInterface(clients, place, name);
  await allow(clients, await defaultGroup(clients, place.vpc), lbc.ids['lbc/managed'] ?? '');
  made.set(name, { ...lbc.ids, ...data.ids, eni });
}

const HELD = 'held';
/** Long enough for a look, and for a kill, while the call is on its way. */
const HOLD_MS = 2_000;

/** What a collection changes. None of it is asked for again once it has happened, so that a kill at each comes to an end. */
const CHANGES = [
  ...['DeleteLoadBalancer', 'DeleteTargetGroup', 'DeleteNetworkInterface', 'DeleteSecurityGroup', 'ReleaseAddress'],
  ...['RevokeSecurityGroupIngress', 'RevokeSecurityGroupEgress', 'DeleteVolume', 'DeleteSnapshot'],
];

/**
 * Kills the workers at every change of a collection: each call is held on its way, and whoever made it dies without the answer. It happens all the same.
 * The sandbox starts the workers again. Answers how often, and how many calls were met.
 */
async function killing(signal: AbortSignal): Promise<{ readonly kills: number; readonly calls: number }> {
  await sandbox.cloud.addFault({ id: HELD, action: CHANGES, effect: { kind: 'delay', ms: HOLD_MS } });
  let kills = 0;
  let calls = 0;
  let last: number | undefined;
  while (!signal.aborted) {
    const seen = (await sandbox.cloud.faults()).find(({ id }) => id === HELD)?.seen ?? 0;
    const worker = (await sandboxStatus(sandbox.layout)).components.find((c) => c.name === 'workers');
    if (seen > calls && worker?.pid && worker.pid !== last) {
      calls = seen;
      last = worker.pid;
      process.kill(worker.pid, 'SIGKILL');
      kills++;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await sandbox.cloud.removeFault(HELD);
  return { kills, calls };
}

/** What the collection of a cluster that is gone says became of each. */
async function reported(name: string): Promise<Report> {
  for await (const w of sandbox.temporal.workflow.list({
    query: `WorkflowType = 'CollectExternalResources' AND ExecutionStatus = 'Completed'`,
  }))
    if (w.workflowId.includes(`/${name}/`) && w.workflowId.endsWith('-sweep'))
      return (await sandbox.temporal.workflow.getHandle(w.workflowId, w.runId).result()) as Report;
  throw new Error(`no collection of ${name} is known`);
}

const idsOf = (report: readonly ReportLine[], ...fates: ReportLine['fate'][]): string[] =>
  report
    .filter((line) => fates.includes(line.fate))
    .map((line) => `${line.kind} ${line.id}`)
    .sort();

const gcPlan = (name: string): Promise<Report> => perdureJson<Report>('gc', 'plan', name, '--dir', sandbox.layout.root);

describe('what clusters made in their cloud', () => {
  step('is made: by the cloud controller manager, and as other controllers do', async () => {
    for (const name of [LIVE, DEAD]) await apply(sandbox, await manifest(name));
    for (const name of [LIVE, DEAD]) await settled(sandbox, { name, ...SHAPE, versions: VERSIONS }, say, 1_200);
    for (const name of [LIVE, DEAD]) await fill(name);
    withBoth = await inCloud(sandbox);
  });

  step('is foretold by perdure gc plan, which changes nothing', async () => {
    planned = await gcPlan(LIVE);
    say(`   ${planned.summary}`);
    const { volume, snapshot } = dataOf(LIVE);
    expect(idsOf(planned.report, 'keep')).toEqual([`ebs-snapshot ${snapshot}`, `ebs-volume ${volume}`]);
    expect(idsOf(planned.report, 'refused')).toEqual([]);
    const kinds = new Map<string, number>();
    for (const { kind, fate } of planned.report) if (fate === 'delete') kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    expect(Object.fromEntries(kinds)).toEqual({
      'load-balancer': 3,
      'target-group': 2,
      'network-interface': 1,
      'security-group': 3,
      'elastic-ip': 1,
    });
    expect(await inCloud(sandbox)).toEqual(withBoth);
  });

  step('goes with its cluster and nothing else does, though the workers die at every change', async () => {
    const stays = (await gcPlan(DEAD)).report;
    const over = new AbortController();
    const killed = killing(over.signal);
    await deleteCluster(sandbox, LIVE);
    over.abort();
    const { kills, calls } = await killed;
    say(`   ${kills} kills, at ${calls} changes in the cloud`);
    expect(kills).toBeGreaterThan(5);
    const { report, summary } = await reported(LIVE);
    say(`   ${summary}`);
    expect(idsOf(report, 'gone')).toEqual(idsOf(planned.report, 'delete'));
    expect(idsOf(report, 'keep')).toEqual(idsOf(planned.report, 'keep'));
    expect(idsOf(report, 'delete', 'refused')).toEqual([]);
    expect((await gcPlan(DEAD)).report).toEqual(stays);
    await controllers.get(LIVE)?.stop();
    controllers.delete(LIVE);
  });

  step('goes with a cluster whose API server is dead, under throttling; volumes too where asked', async () => {
    await controllers.get(DEAD)?.stop();
    controllers.delete(DEAD);
    const tasks = { 'aws.cluster.x-k8s.io/external-resource-tasks-gc': KINDS_WITH_DATA };
    const at = { namespace: NAMESPACE, name: DEAD };
    await sandbox.kube.mergePatch(KINDS.AWSCluster, at, { metadata: { annotations: tasks } });
    const [plane] = (await machinesOf(sandbox.kube, DEAD)).filter(isControlPlaneMachine);
    if (!plane) throw new Error('no control plane machine');
    killMachine(machineBehind(sandbox.layout, plane));
    for (const action of ['DescribeLoadBalancers', 'DeleteLoadBalancer', 'DeleteSecurityGroup', 'DescribeTags'])
      await sandbox.cloud.addFault({
        id: `throttle-${action}`,
        action,
        nth: [1, 2, 4, 7],
        effect: { kind: 'error', code: 'RequestLimitExceeded' },
      });
    await deleteCluster(sandbox, DEAD);
    await sandbox.cloud.clearFaults();
    const { report, summary } = await reported(DEAD);
    say(`   ${summary}`);
    expect(idsOf(report, 'delete', 'keep', 'refused')).toEqual([]);
    const { volume, snapshot } = dataOf(LIVE);
    const left = (await inCloud(sandbox)).filter((item) => !before.includes(item));
    expect(left).toEqual([`snapshot ${snapshot}`, `volume ${volume}`].sort());
    expect(before.filter((item) => !withBoth.includes(item))).toEqual([]);
  });
});

function dataOf(name: string): { readonly volume: string; readonly snapshot: string } {
  const ids = made.get(name) ?? {};
  return { volume: ids['data/volume'] ?? '', snapshot: ids['data/snapshot'] ?? '' };
}
