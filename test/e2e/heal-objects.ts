import type { Machine } from '../../src/api/types/index.js';
import { KINDS } from '../../src/api/types/kinds.js';
import type { NamespacedName } from '../../src/api/types/meta.js';
import type { KubeClient } from '../../src/kube/client.js';
import { NAMESPACE } from './cluster.js';
import type { Loose } from './objects.js';

const CORE = 'cluster.x-k8s.io';
const BOOTSTRAP = 'bootstrap.cluster.x-k8s.io';
const INFRASTRUCTURE = 'infrastructure.cluster.x-k8s.io';

/**
 * How long a Node may be silent or not Ready, and a machine without Node, before it is replaced. Far below what one would use, but two cores boot
 * machines slowly while something else runs: what merely starts must be left alone.
 */
export const PATIENCE = { silentSeconds: 10, notReadySeconds: 120, startupSeconds: 240, brokenSeconds: 75 };

/** A MachineHealthCheck for the machines with these labels. */
export const healthCheck = (
  cluster: string,
  name: string,
  matchLabels: Record<string, string>,
  startupSeconds = PATIENCE.startupSeconds,
): Loose => ({
  apiVersion: `${CORE}/v1beta2`,
  kind: 'MachineHealthCheck',
  metadata: { namespace: NAMESPACE, name },
  spec: {
    clusterName: cluster,
    selector: { matchLabels },
    checks: {
      nodeStartupTimeoutSeconds: startupSeconds,
      unhealthyNodeConditions: [
        { type: 'Ready', status: 'Unknown', timeoutSeconds: PATIENCE.silentSeconds },
        { type: 'Ready', status: 'False', timeoutSeconds: PATIENCE.notReadySeconds },
      ],
    },
  },
});

/** A KubeadmConfigTemplate for workers that run `commands` before kubeadm. */
export const configTemplate = (name: string, commands: readonly string[]): Loose => ({
  apiVersion: `${BOOTSTRAP}/v1beta2`,
  kind: 'KubeadmConfigTemplate',
  metadata: { namespace: NAMESPACE, name },
  spec: {
    template: {
      spec: {
        ...(commands.length > 0 ? { preKubeadmCommands: commands } : {}),
        joinConfiguration: {
          nodeRegistration: {
            name: '{{ ds.meta_data.local_hostname }}',
            kubeletExtraArgs: [{ name: 'cloud-provider', value: 'external' }],
          },
        },
      },
    },
  },
});

/** One more MachineDeployment of a cluster of the default flavour, with bootstrap data of its own. */
export const deployment = (cluster: string, name: string, config: string, version: string): Loose => ({
  apiVersion: `${CORE}/v1beta2`,
  kind: 'MachineDeployment',
  metadata: { namespace: NAMESPACE, name },
  spec: {
    clusterName: cluster,
    replicas: 1,
    selector: { matchLabels: {} },
    template: {
      spec: {
        clusterName: cluster,
        version,
        bootstrap: { configRef: { apiGroup: BOOTSTRAP, kind: 'KubeadmConfigTemplate', name: config } },
        infrastructureRef: { apiGroup: INFRASTRUCTURE, kind: 'AWSMachineTemplate', name: `${cluster}-md-0` },
      },
    },
  },
});

const IDLE = 'idle';

/** Runs one pod on the node `node` that may never be missing: every drain of that node waits for it. */
export async function guardedPod(workload: KubeClient, node: string, image: string): Promise<void> {
  const labels = { app: IDLE };
  const metadata = { namespace: 'default', name: IDLE };
  const deployments = { group: 'apps', version: 'v1', kind: 'Deployment', plural: 'deployments', namespaced: true };
  const budgets = {
    group: 'policy',
    version: 'v1',
    kind: 'PodDisruptionBudget',
    plural: 'poddisruptionbudgets',
    namespaced: true,
  };
  const selector = { matchLabels: labels };
  await workload.create<Loose>(budgets, {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata,
    spec: { minAvailable: 1, selector },
  });
  const spec = {
    nodeSelector: { 'kubernetes.io/hostname': node },
    containers: [{ name: IDLE, image, imagePullPolicy: 'IfNotPresent' }],
  };
  await workload.create<Loose>(deployments, {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata,
    spec: { replicas: 1, selector, template: { metadata: { labels }, spec } },
  });
}

/** Whether the guarded pod runs. */
export async function guardedPodRuns(workload: KubeClient): Promise<boolean> {
  const pods = await workload.list<Loose & { status?: { phase?: string } }>(KINDS.Pod, {
    namespace: 'default',
    labelSelector: `app=${IDLE}`,
  });
  return pods.some((pod) => pod.status?.phase === 'Running');
}

/** How often containers of a pod were started again. */
export async function restartsOf(workload: KubeClient, pod: Required<NamespacedName>): Promise<number> {
  const found = await workload.get<Loose & { status?: { containerStatuses?: { restartCount: number }[] } }>(
    KINDS.Pod,
    pod,
  );
  return (found?.status?.containerStatuses ?? []).reduce((n, { restartCount }) => n + restartCount, 0);
}

/** Machines of one MachineDeployment. */
export const machinesOfDeployment = (kube: KubeClient, deploymentName: string): Promise<Machine[]> =>
  kube.list<Machine>(KINDS.Machine, {
    namespace: NAMESPACE,
    labelSelector: `${CORE}/deployment-name=${deploymentName}`,
  });
