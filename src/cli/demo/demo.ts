import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Client } from '@temporalio/client';
import type { Cluster, Machine } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import { isTrue } from '../../domain/conditions.js';
import { isControlPlaneMachine } from '../../domain/contract.js';
import { PerdureError } from '../../domain/errors.js';
import { LABEL } from '../../domain/names.js';
import type { KubeClient } from '../../kube/client.js';
import { kubeFromKubeconfigFile } from '../../kube/client.js';
import type { Endpoints, Layout } from '../../sandbox/layout.js';
import { MotoAdmin } from '../../sandbox/moto/index.js';
import { generateManifest } from '../commands/generate.js';
import { connectTemporal } from '../lib/connect.js';
import { workloadKubeconfig } from '../lib/kubeconfig.js';
import { listOperations } from '../lib/operations.js';
import { table } from '../lib/output.js';
import { type Phase, phase, workflowCosts } from './measure.js';
import { runProgram, untilTrue } from './wait.js';

const NAME = 'demo';
const NAMESPACE = 'default';
const BOOT_TIMEOUT_MS = 15 * 60_000;

export interface DemoInput {
  readonly layout: Layout;
  readonly endpoints: Endpoints;
  readonly kubectl: string;
  readonly say: (line: string) => void;
  readonly controlPlane: number;
  readonly workers: number;
  /** One that the sandbox's machines can run. */
  readonly kubernetesVersion: string;
  /** Called while operations are listed in the UI, before the cluster is deleted. */
  readonly beforeDelete?: () => Promise<void>;
}

export interface DemoReport {
  readonly phases: readonly Phase[];
  readonly nodes: string;
  readonly calls: readonly { readonly action: string; readonly count: number }[];
  readonly mutatingCalls: number;
  readonly costs: Awaited<ReturnType<typeof workflowCosts>>['costs'];
}

/** The main job from manifest to empty cloud: create, watch it come up, scale both ways, delete, compare inventories. Throws when any part fails. */
export async function runDemo(input: DemoInput): Promise<DemoReport> {
  const { layout, endpoints, say } = input;
  const phases: Phase[] = [];
  const admin = new MotoAdmin(endpoints.aws);
  const kube = kubeFromKubeconfigFile(layout.kubeconfig);
  const temporal = await connectTemporal({ dir: layout.root });
  try {
    const before = await admin.inventory();
    const manifest = await generateManifest({
      CLUSTER_NAME: NAME,
      NAMESPACE,
      AWS_REGION: 'us-east-1',
      AWS_SSH_KEY_NAME: 'default',
      KUBERNETES_VERSION: input.kubernetesVersion,
      CONTROL_PLANE_MACHINE_COUNT: String(input.controlPlane),
      WORKER_MACHINE_COUNT: String(input.workers),
    });
    const nodes = await phase(phases, `create ${input.controlPlane} + ${input.workers}`, say, async () => {
      say(await runProgram(input.kubectl, ['--kubeconfig', layout.kubeconfig, 'apply', '-f', '-'], manifest));
      await settled(input, kube, temporal, input.controlPlane, input.workers);
      return readyNodes(input, input.controlPlane + input.workers);
    });
    for (const workers of input.workers === 2 ? [4, 1] : []) {
      await phase(phases, `scale workers to ${workers}`, say, async () => {
        await kube.mergePatch(
          KINDS.MachineDeployment,
          { namespace: NAMESPACE, name: `${NAME}-md-0` },
          { spec: { replicas: workers } },
          { subresource: 'scale' },
        );
        await settled(input, kube, temporal, input.controlPlane, workers);
        await readyNodes(input, input.controlPlane + workers);
      });
    }
    if (input.controlPlane > 1) {
      await phase(phases, `scale control plane ${input.controlPlane} to 1`, say, async () => {
        await kube.mergePatch(
          KINDS.KubeadmControlPlane,
          { namespace: NAMESPACE, name: `${NAME}-control-plane` },
          { spec: { replicas: 1 } },
          { subresource: 'scale' },
        );
        await settled(input, kube, temporal, 1, input.workers === 2 ? 1 : input.workers);
        await readyNodes(input, 1 + (input.workers === 2 ? 1 : input.workers));
      });
    }
    await input.beforeDelete?.();
    await phase(phases, 'delete', say, async () => {
      await kube.delete(KINDS.Cluster, { namespace: NAMESPACE, name: NAME });
      await untilTrue('deletion of the cluster', 10 * 60_000, say, async () => {
        const cluster = await kube.get<Cluster>(KINDS.Cluster, { namespace: NAMESPACE, name: NAME });
        if (!cluster) return { done: true, note: '' };
        const deleting = cluster.status?.conditions?.find((c) => c.type === 'Deleting');
        return { note: `${deleting?.reason ?? ''} ${deleting?.message.split('\n')[0] ?? ''}` };
      });
      const after = await admin.inventory();
      const left = after.filter((a) => !before.some((b) => b.type === a.type && b.id === a.id));
      const lost = before.filter((b) => !after.some((a) => a.type === b.type && a.id === b.id));
      if (left.length + lost.length > 0) {
        throw new PerdureError(
          'Bug',
          `the cloud is not as before: left ${JSON.stringify(left.map((l) => `${l.type} ${l.id} ${l.name ?? ''}`))}, missing ${JSON.stringify(lost.map((l) => `${l.type} ${l.id}`))}`,
        );
      }
      say(`   inventory of the emulated cloud equals what it was before: ${after.length} resources`);
    });
    const { costs } = await untilTrue('the end of all workflows', 60_000, say, async () => {
      const found = await workflowCosts(temporal);
      return found.open.length === 0 ? { done: found, note: '' } : { note: `still open: ${found.open.join(', ')}` };
    });
    const summary = await admin.journalSummary();
    const calls = Object.entries(summary.actions).map(([action, count]) => ({ action, count }));
    return { phases, nodes, calls, mutatingCalls: summary.mutating, costs };
  } finally {
    await kube.close();
    await temporal.connection.close();
  }
}

/** Waits until the wanted machines are Available and no other exists; prints what the operations wait for meanwhile. */
async function settled(
  input: DemoInput,
  kube: KubeClient,
  temporal: Client,
  controlPlane: number,
  workers: number,
): Promise<void> {
  await untilTrue(`${controlPlane} + ${workers} machines`, BOOT_TIMEOUT_MS, input.say, async () => {
    const machines = await kube.list<Machine>(KINDS.Machine, {
      namespace: NAMESPACE,
      labelSelector: `${LABEL.clusterName}=${NAME}`,
    });
    const cluster = await kube.get<Cluster>(KINDS.Cluster, { namespace: NAMESPACE, name: NAME });
    const planes = machines.filter(isControlPlaneMachine);
    const others = machines.filter((m) => !isControlPlaneMachine(m));
    const available = (list: readonly Machine[]): number =>
      list.filter((m) => isTrue(m.status?.conditions, 'Available') && !m.metadata.deletionTimestamp).length;
    const exact =
      planes.length === controlPlane &&
      others.length === workers &&
      available(planes) === controlPlane &&
      available(others) === workers;
    if (exact && isTrue(cluster?.status?.conditions, 'Available')) return { done: true, note: '' };
    const running = await listOperations(temporal, { cluster: `${NAMESPACE}/${NAME}`, running: true, limit: 6 });
    const waits = running.map(
      (o) => `${o.operation}${o.progress?.waitingFor ? ` waits for ${o.progress.waitingFor}` : ''}`,
    );
    return {
      note: `control plane ${available(planes)}/${controlPlane}, workers ${available(others)}/${workers}; ${[...new Set(waits)].slice(0, 3).join('; ')}`,
    };
  });
}

/** `kubectl get nodes` of the workload cluster once it shows exactly `count` Ready nodes. */
async function readyNodes(input: DemoInput, count: number): Promise<string> {
  const file = path.join(input.layout.root, `${NAME}.kubeconfig`);
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, await workloadKubeconfig({ dir: input.layout.root, namespace: NAMESPACE }, NAME), {
    mode: 0o600,
  });
  const text = await untilTrue(`${count} Ready nodes`, 5 * 60_000, input.say, async () => {
    const out = await runProgram(input.kubectl, ['--kubeconfig', file, 'get', 'nodes', '-o', 'wide']);
    const lines = out.trim().split('\n').slice(1);
    const ready = lines.filter((l) => /\sReady\s/.test(l)).length;
    return ready === count && lines.length === count
      ? { done: out, note: '' }
      : { note: `${ready} of ${count} nodes Ready (${lines.length} listed)` };
  });
  input.say(`\n$ kubectl --kubeconfig ${file} get nodes\n${text}`);
  return text;
}

/** The report as people read it. */
export function renderReport(report: DemoReport): string {
  const total = report.calls.reduce((n, c) => n + c.count, 0);
  return [
    '\nPhases',
    table(
      ['PHASE', 'SECONDS'],
      report.phases.map((p) => [p.name, (p.ms / 1000).toFixed(1)]),
    ),
    `\nCloud calls: ${total}, of which ${report.mutatingCalls} mutating`,
    table(
      ['ACTION', 'CALLS'],
      [...report.calls].sort((a, b) => b.count - a.count).map((c) => [c.action, String(c.count)]),
    ),
    '\nHistory events by workflow',
    table(
      ['WORKFLOW', 'RUNS', 'EVENTS', 'LONGEST'],
      report.costs.map((c) => [c.type, String(c.runs), String(c.events), String(c.most)]),
    ),
  ].join('\n');
}
