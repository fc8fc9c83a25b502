import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Machine } from '../../src/api/types/index.js';
import { KINDS } from '../../src/api/types/kinds.js';
import type { KubeObject } from '../../src/api/types/meta.js';
import { childEnvironment } from '../../src/config/config.js';
import { isControlPlaneMachine } from '../../src/domain/contract.js';
import { readCheck } from '../../src/sandbox/machines/network/balancers.js';
import { executions } from './budget.js';
import {
  apply,
  applyCluster,
  deleteCluster,
  inCloud,
  inWorkload,
  kubeconfigOf,
  manifestOf,
  NAMESPACE,
  readyNodes,
  type Shape,
  settled,
  type Wanted,
} from './cluster.js';
import { type EtcdWatch, watchEtcd } from './etcd.js';
import { documentOf, plannedTurns, planOf, turnsSeen } from './plan.js';
import { type Happening, type Recorder, recordMachines } from './recorder.js';
import { startTestSandbox, type TestSandbox, until } from './sandbox.js';
import { REQUEST_MS, startWriter, type Writer } from './writer.js';

/**
 * A cluster goes from one Kubernetes minor to the next while somebody uses it: control plane first, then workers, as a user does it with two
 * patches. Three control plane machines and two workers; with PERDURE_E2E=short one of each.
 */
const shape: Shape =
  childEnvironment()['PERDURE_E2E'] === 'short' ? { controlPlane: 1, workers: 1 } : { controlPlane: 3, workers: 2 };
const NAME = 'up';
const FROM = 'v1.33.13';
const TO = 'v1.34.4';
// CoreDNS keeps its image unless the control plane names another.
const COREDNS = 'v1.12.1';
// Joining machines have this from ConfigMap kubeadm-config, which is changed for them.
const ARGUMENT = { name: 'profiling', value: 'false' };
const clusterConfiguration = {
  dns: { imageTag: COREDNS },
  apiServer: { extraArgs: { [ARGUMENT.name]: ARGUMENT.value } },
};
const NEW: Wanted = { name: NAME, ...shape, versions: { controlPlane: TO, workers: TO } };
const WRITE_MS = 200;
const say = (line: string): void => void process.stderr.write(`${line}\n`);

let sandbox: TestSandbox;
let before: string[];
let writer: Writer;
let etcd: EtcdWatch;
let recorder: Recorder;
let old: Machine[];
let steps = 0;
let passed = 0;

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
  before = await inCloud(sandbox);
}, 1_800_000);

afterAll(async () => {
  await writer?.stop();
  await etcd?.stop();
  await recorder?.stop();
  await sandbox?.stop(passed < steps);
  if (passed < steps && sandbox) say(`logs are kept in ${sandbox.layout.logs}`);
}, 180_000);

const of = (role: Happening['role']): Happening[] => recorder.happenings.filter((h) => h.role === role);

const namesOf = (some: readonly { readonly name: string }[]): string[] => some.map(({ name }) => name).sort();

/** One made before one goes, again and again: `n` times created, deleting. */
const surge = (n: number): string[] => Array.from({ length: n }, () => ['created', 'deleting']).flat();

/** How long the sandbox's load balancer takes at most to leave a target that is gone, and a client to give up a request that hangs meanwhile; ms. */
async function failoverMs(): Promise<number> {
  const { items } = await sandbox.cloud.loadBalancers();
  const check = items.flatMap((lb) => lb.listeners).find((l) => l.port === 6443)?.healthCheck;
  if (!check) throw new Error('the load balancer of the API server has no health check');
  const { intervalMs, unhealthyThreshold, timeoutMs } = readCheck(check);
  return intervalMs * unhealthyThreshold + timeoutMs + REQUEST_MS;
}

const inKubeSystem = (kind: (typeof KINDS)['Pod'], name: string) => (kube: { get: TestSandbox['kube']['get'] }) =>
  kube.get<KubeObject & { spec?: { template?: { spec?: { containers?: { image: string }[] } } } }>(kind, {
    namespace: 'kube-system',
    name,
  });

const workloadKind = (kind: string, plural: string) => ({
  group: 'apps',
  version: 'v1',
  kind,
  plural,
  namespaced: true,
});

interface PodObject extends KubeObject {
  readonly spec?: { readonly containers?: readonly { readonly command?: readonly string[] }[] };
}

async function imageOf(kind: string, plural: string, name: string): Promise<string> {
  const object = await inWorkload(sandbox, NAME, inKubeSystem(workloadKind(kind, plural), name));
  return object?.spec?.template?.spec?.containers?.[0]?.image ?? '';
}

describe(`an upgrade from ${FROM} to ${TO}`, () => {
  step(`begins with a cluster whose nodes all run ${FROM}`, async () => {
    const wanted = { name: NAME, ...shape, versions: { controlPlane: FROM, workers: FROM } };
    await applyCluster(sandbox, wanted);
    old = await settled(sandbox, wanted, say, 1_500);
    const nodes = await readyNodes(sandbox, NAME);
    expect(Object.values(nodes)).toEqual(Array(shape.controlPlane + shape.workers).fill(FROM));
    writer = startWriter(await kubeconfigOf(sandbox, NAME), WRITE_MS);
    etcd = await watchEtcd(sandbox.layout, 1_000);
    recorder = await recordMachines(sandbox.kube, NAMESPACE, NAME);
    await until('a first write', async () => (writer.report().writes > 5 ? true : undefined));
  });

  step('the control plane is replaced machine by machine, one more before one less, oldest first', async () => {
    const manifest = documentOf(await manifestOf(NEW), 'KubeadmControlPlane', (object) => {
      const { kubeadmConfigSpec } = object['spec'] as { kubeadmConfigSpec: { clusterConfiguration: object } };
      Object.assign(kubeadmConfigSpec.clusterConfiguration, clusterConfiguration);
    });
    const planned = plannedTurns(await planOf(sandbox, manifest));
    await apply(sandbox, manifest);
    await settled(sandbox, { name: NAME, ...shape, versions: { controlPlane: TO, workers: FROM } }, say, 1_800);
    const seen = of('control plane');
    expect(turnsSeen(seen, planned)).toEqual(planned);
    expect(seen.filter((h) => h.what !== 'gone').map((h) => h.what)).toEqual(surge(shape.controlPlane));
    expect(seen.filter((h) => h.what === 'created').map((h) => h.version)).toEqual(Array(shape.controlPlane).fill(TO));
    expect(namesOf(seen.filter((h) => h.what === 'deleting'))).toEqual(
      namesOf(old.filter(isControlPlaneMachine).map((m) => m.metadata)),
    );
    say(`   as planned: ${planned.join(', ')}`);
    expect(of('worker')).toEqual([]);
    expect(recorder.leastServing['control plane']).toBeGreaterThanOrEqual(shape.controlPlane);
  });

  step('the new API servers run with what was changed along with the version', async () => {
    const wanted = `--${ARGUMENT.name}=${ARGUMENT.value}`;
    let seen = '';
    await until(
      'as many API servers with it as there are machines, and no other',
      async () => {
        // the pod of a Node that is gone is collected some time later
        const pods = await inWorkload(sandbox, NAME, (kube) =>
          kube.list<PodObject>(KINDS.Pod, { namespace: 'kube-system', labelSelector: 'component=kube-apiserver' }),
        );
        const has = pods.map((pod) => pod.spec?.containers?.[0]?.command?.includes(wanted));
        seen = JSON.stringify(has);
        return has.length === shape.controlPlane && has.every(Boolean) ? true : undefined;
      },
      { last: () => seen },
    );
  });

  step('kube-proxy and CoreDNS follow the control plane', async () => {
    let seen = '';
    await until(
      'add-ons of the new version',
      async () => {
        const images = [
          await imageOf('DaemonSet', 'daemonsets', 'kube-proxy'),
          await imageOf('Deployment', 'deployments', 'coredns'),
        ];
        seen = images.join(', ');
        return seen === `registry.k8s.io/kube-proxy:${TO}, registry.k8s.io/coredns/coredns:${COREDNS}`
          ? true
          : undefined;
      },
      { seconds: 180, last: () => seen },
    );
  });

  step('the workers are replaced machine by machine, and there is never one less', async () => {
    const manifest = documentOf(await manifestOf(NEW), 'MachineDeployment');
    const planned = plannedTurns(await planOf(sandbox, manifest));
    await apply(sandbox, manifest);
    await settled(sandbox, NEW, say, 1_800);
    const seen = of('worker');
    expect(turnsSeen(seen, planned)).toEqual(planned);
    say(`   as planned: ${planned.join(', ')}`);
    expect(seen.filter((h) => h.what !== 'gone').map((h) => h.what)).toEqual(surge(shape.workers));
    expect(seen.filter((h) => h.what === 'created').map((h) => h.version)).toEqual(Array(shape.workers).fill(TO));
    expect(recorder.leastServing.worker).toBeGreaterThanOrEqual(shape.workers);
    const nodes = await readyNodes(sandbox, NAME);
    expect(Object.values(nodes)).toEqual(Array(shape.controlPlane + shape.workers).fill(TO));
  });

  step('no write failed for longer than the load balancer needs, and etcd kept its quorum', async () => {
    const written = await writer.stop();
    say(JSON.stringify(written));
    expect(written.writes).toBeGreaterThan(100);
    expect(written.longestMs).toBeLessThanOrEqual(await failoverMs());
    await etcd.stop();
    say(`etcd was looked at ${etcd.samples.length} times`);
    expect(etcd.lost).toEqual([]);
    const voters = etcd.samples.map((s) => s.voters.length);
    expect(Math.max(...voters)).toBeLessThanOrEqual(shape.controlPlane + 1);
    expect(Math.min(...voters)).toBeGreaterThanOrEqual(shape.controlPlane);
  });

  step('afterwards nothing is left: no workflow, and with the cluster no resource', async () => {
    await until('the end of all workflows', async () => {
      const all = await executions(sandbox.temporal);
      return all.some((w) => w.status === 'RUNNING') ? undefined : true;
    });
    await deleteCluster(sandbox, NAME);
    expect(await inCloud(sandbox)).toEqual(before);
  });
});
