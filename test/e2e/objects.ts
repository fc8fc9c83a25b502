import { KINDS } from '../../src/api/types/kinds.js';
import type { Condition, KubeObject, NamespacedName, ResourceKind } from '../../src/api/types/meta.js';
import { findCondition } from '../../src/domain/conditions.js';
import { readPath } from '../../src/domain/contract.js';
import type { KubeClient } from '../../src/kube/client.js';
import { until } from './sandbox.js';

export type Loose = KubeObject & Record<string, unknown>;

const CORE = 'cluster.x-k8s.io';
const INFRASTRUCTURE = 'infrastructure.cluster.x-k8s.io';

/** A Cluster and its AWSCluster. `spec` goes into the AWSCluster, `cluster` into the Cluster. */
export function clusterObjects(ref: Required<NamespacedName>, spec: object = {}, cluster: object = {}): Loose[] {
  const infrastructureRef = { apiGroup: INFRASTRUCTURE, kind: 'AWSCluster', name: ref.name };
  return [
    {
      apiVersion: `${INFRASTRUCTURE}/v1beta2`,
      kind: 'AWSCluster',
      metadata: { ...ref },
      spec: {
        region: 'us-east-1',
        sshKeyName: 'default',
        controlPlaneLoadBalancer: { loadBalancerType: 'nlb' },
        ...spec,
      },
    },
    {
      apiVersion: `${CORE}/v1beta2`,
      kind: 'Cluster',
      metadata: { ...ref },
      spec: { clusterNetwork: { pods: { cidrBlocks: ['192.168.0.0/16'] } }, infrastructureRef, ...cluster },
    },
  ];
}

/** A Machine with bootstrap data of its own, so that it needs no control plane; `spec` goes into its AWSMachine. */
export function machineObjects(cluster: Required<NamespacedName>, name: string, spec: object): Loose[] {
  const metadata = { namespace: cluster.namespace, name };
  return [
    {
      apiVersion: `${INFRASTRUCTURE}/v1beta2`,
      kind: 'AWSMachine',
      metadata,
      spec: { instanceType: 't3.large', ...spec },
    },
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { ...metadata, labels: { [`${CORE}/cluster-name`]: cluster.name } },
      type: `${CORE}/secret`,
      stringData: { value: '#cloud-config\n{}\n' },
    },
    {
      apiVersion: `${CORE}/v1beta2`,
      kind: 'Machine',
      metadata,
      spec: {
        clusterName: cluster.name,
        version: 'v1.34.4',
        bootstrap: { dataSecretName: name },
        infrastructureRef: { apiGroup: INFRASTRUCTURE, kind: 'AWSMachine', name },
      },
    },
  ];
}

/** A control plane that names a template; the template is not among the objects. `kubeadm` goes into its kubeadmConfigSpec. */
export function controlPlaneObject(ref: Required<NamespacedName>, template: string, kubeadm: object = {}): Loose {
  return {
    apiVersion: 'controlplane.cluster.x-k8s.io/v1beta2',
    kind: 'KubeadmControlPlane',
    metadata: { ...ref },
    spec: {
      replicas: 1,
      version: 'v1.34.4',
      machineTemplate: {
        spec: { infrastructureRef: { apiGroup: INFRASTRUCTURE, kind: 'AWSMachineTemplate', name: template } },
      },
      kubeadmConfigSpec: { format: 'cloud-config', ...kubeadm },
    },
  };
}

/** An AWSMachineTemplate. */
export const machineTemplate = (ref: Required<NamespacedName>, spec: object): Loose => ({
  apiVersion: `${INFRASTRUCTURE}/v1beta2`,
  kind: 'AWSMachineTemplate',
  metadata: { ...ref },
  spec: { template: { spec } },
});

/** An AWSClusterStaticIdentity. */
export const staticIdentity = (name: string, secretRef: string, allowedNamespaces: object): Loose => ({
  apiVersion: `${INFRASTRUCTURE}/v1beta2`,
  kind: 'AWSClusterStaticIdentity',
  metadata: { name },
  spec: { secretRef, allowedNamespaces },
});

/** The Secret of a static identity. */
export const identitySecret = (name: string, accessKey: string): Loose => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { namespace: 'perdure-system', name },
  stringData: { AccessKeyID: accessKey, SecretAccessKey: 'not-a-secret' },
});

/** A MachineHealthCheck of all machines of the cluster of its name. */
export const healthCheckObject = (ref: Required<NamespacedName>): Loose => ({
  apiVersion: `${CORE}/v1beta2`,
  kind: 'MachineHealthCheck',
  metadata: { ...ref },
  spec: {
    clusterName: ref.name,
    selector: { matchLabels: { [`${CORE}/cluster-name`]: ref.name } },
    checks: { unhealthyNodeConditions: [{ type: 'Ready', status: 'Unknown', timeoutSeconds: 300 }] },
  },
});

const kindOf = (object: KubeObject): ResourceKind => {
  const kind = (KINDS as Record<string, ResourceKind>)[object.kind];
  if (!kind) throw new Error(`kind ${object.kind} is not known to the tests`);
  return kind;
};

/** Creates objects in the order given. */
export async function create(kube: KubeClient, objects: readonly Loose[]): Promise<void> {
  for (const object of objects) await kube.create(kindOf(object), object);
}

/** Conditions of an object now; those of contract v1beta1 when it has no others. */
export async function conditionsOf(
  kube: KubeClient,
  kind: ResourceKind,
  ref: NamespacedName,
): Promise<readonly Condition[]> {
  const object = await kube.get<Loose>(kind, ref);
  return (readPath(object, 'status.conditions') ?? []) as Condition[];
}

/** Waits until the condition `type` has `reason` and answers it. */
export function untilCondition(
  kube: KubeClient,
  kind: ResourceKind,
  ref: NamespacedName,
  type: string,
  reason: string,
  seconds = 120,
): Promise<Condition> {
  let seen: readonly Condition[] = [];
  return until(
    `${kind.kind} ${ref.namespace ?? ''}/${ref.name}: condition ${type} with reason ${reason}`,
    async () => {
      seen = await conditionsOf(kube, kind, ref);
      const found = findCondition(seen, type);
      return found?.reason === reason ? found : undefined;
    },
    { seconds, last: () => seen.map((c) => `${c.type}=${c.status} ${c.reason}: ${c.message}`).join('\n  ') },
  );
}
