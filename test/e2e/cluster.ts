import type { Cluster, Machine } from '../../src/api/types/index.js';
import { KINDS } from '../../src/api/types/kinds.js';
import type { KubeObject } from '../../src/api/types/meta.js';
import { generateManifest } from '../../src/cli/commands/generate.js';
import { runProgram } from '../../src/cli/demo/wait.js';
import { workloadKubeconfig } from '../../src/cli/lib/kubeconfig.js';
import { listOperations } from '../../src/cli/lib/operations.js';
import { isTrue } from '../../src/domain/conditions.js';
import { isControlPlaneMachine } from '../../src/domain/contract.js';
import { LABEL } from '../../src/domain/names.js';
import { type KubeClient, kubeFromKubeconfigText } from '../../src/kube/client.js';
import { type TestSandbox, until } from './sandbox.js';

export const NAMESPACE = 'default';

export interface Shape {
  readonly controlPlane: number;
  readonly workers: number;
}

export interface Wanted extends Shape {
  readonly name: string;
  /** Kubernetes version of control plane and workers. */
  readonly versions: { readonly controlPlane: string; readonly workers: string };
}

/** The default flavour. */
export const manifestOf = ({ name, controlPlane, workers, versions }: Wanted): Promise<string> =>
  generateManifest({
    CLUSTER_NAME: name,
    NAMESPACE,
    AWS_REGION: 'us-east-1',
    AWS_SSH_KEY_NAME: 'default',
    KUBERNETES_VERSION: versions.controlPlane,
    CONTROL_PLANE_MACHINE_COUNT: String(controlPlane),
    WORKER_MACHINE_COUNT: String(workers),
  });

/** Applies a manifest, as users do. */
export async function apply(sandbox: TestSandbox, manifest: string): Promise<void> {
  await runProgram(sandbox.kubectl, ['--kubeconfig', sandbox.layout.kubeconfig, 'apply', '-f', '-'], manifest);
}

/** Applies the default flavour. */
export const applyCluster = async (sandbox: TestSandbox, wanted: Wanted): Promise<void> =>
  apply(sandbox, await manifestOf(wanted));

/** Machines of a cluster now. */
export const machinesOf = (kube: KubeClient, cluster: string): Promise<Machine[]> =>
  kube.list<Machine>(KINDS.Machine, { namespace: NAMESPACE, labelSelector: `${LABEL.clusterName}=${cluster}` });

const available = (m: Machine): boolean => isTrue(m.status?.conditions, 'Available') && !m.metadata.deletionTimestamp;

/** Waits until exactly the wanted machines exist, all Available and of their version, and the cluster is Available; says what it waits for. */
export async function settled(
  sandbox: TestSandbox,
  wanted: Wanted,
  say: (line: string) => void,
  seconds: number,
): Promise<Machine[]> {
  let last = '';
  return await until(
    `${wanted.controlPlane} + ${wanted.workers} machines of ${wanted.versions.controlPlane} and ${wanted.versions.workers}`,
    async () => {
      const machines = await machinesOf(sandbox.kube, wanted.name);
      const planes = machines.filter(isControlPlaneMachine);
      const workers = machines.filter((m) => !isControlPlaneMachine(m));
      const right = (list: readonly Machine[], version: string): number =>
        list.filter((m) => available(m) && m.spec.version === version).length;
      const seen = [right(planes, wanted.versions.controlPlane), right(workers, wanted.versions.workers)];
      const cluster = await sandbox.kube.get<Cluster>(KINDS.Cluster, { namespace: NAMESPACE, name: wanted.name });
      if (
        planes.length === wanted.controlPlane &&
        workers.length === wanted.workers &&
        seen[0] === wanted.controlPlane &&
        seen[1] === wanted.workers &&
        isTrue(cluster?.status?.conditions, 'Available')
      )
        return machines;
      const running = await listOperations(sandbox.temporal, {
        cluster: `${NAMESPACE}/${wanted.name}`,
        running: true,
        limit: 6,
      });
      const waits = running.map(
        ({ operation, progress }) => `${operation}${progress?.waitingFor ? ` waits for ${progress.waitingFor}` : ''}`,
      );
      const now = `${seen[0]}/${wanted.controlPlane} and ${seen[1]}/${wanted.workers} right, ${planes.length} + ${workers.length} there; ${[...new Set(waits)].join('; ')}`;
      if (now !== last) say(`   ${now}`);
      last = now;
      return undefined;
    },
    { seconds, last: () => last },
  );
}

/** The cluster's kubeconfig as a user on this host gets it. */
export const kubeconfigOf = (sandbox: TestSandbox, name: string): Promise<string> =>
  workloadKubeconfig({ dir: sandbox.layout.root, namespace: NAMESPACE }, name);

/** Runs `work` with a client of the workload cluster. */
export async function inWorkload<T>(
  sandbox: TestSandbox,
  name: string,
  work: (kube: KubeClient) => Promise<T>,
): Promise<T> {
  const kube = kubeFromKubeconfigText(await kubeconfigOf(sandbox, name));
  try {
    return await work(kube);
  } finally {
    await kube.close();
  }
}

export interface NodeObject extends KubeObject {
  readonly status?: {
    readonly nodeInfo?: { readonly kubeletVersion: string };
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

/** Name → kubelet version of the Ready nodes. */
export async function readyNodes(sandbox: TestSandbox, name: string): Promise<Record<string, string>> {
  const nodes = await inWorkload(sandbox, name, (kube) => kube.list<NodeObject>(KINDS.Node));
  const ready = nodes.filter((n) => n.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True'));
  return Object.fromEntries(ready.map((n) => [n.metadata.name, n.status?.nodeInfo?.kubeletVersion ?? '']));
}

/** Deletes a cluster and waits until it is gone. */
export async function deleteCluster(sandbox: TestSandbox, name: string): Promise<void> {
  await sandbox.kube.delete(KINDS.Cluster, { namespace: NAMESPACE, name });
  await until(
    `the end of cluster ${name}`,
    async () => ((await sandbox.kube.get(KINDS.Cluster, { namespace: NAMESPACE, name })) ? undefined : true),
    { seconds: 900 },
  );
}

/** What is in the cloud, sorted. */
export async function inCloud(sandbox: TestSandbox): Promise<string[]> {
  return (await sandbox.cloud.inventory()).map((item) => `${item.type} ${item.id}`).sort();
}
