import type { Cluster, MachineDeployment, MachinePool, MachineSet } from '../../src/api/types/index.js';
import type { KubeObject } from '../../src/api/types/meta.js';
import { LABEL } from '../../src/domain/names.js';

const CORE = 'cluster.x-k8s.io/v1beta2';
const INFRA = 'infrastructure.cluster.x-k8s.io';
const BOOTSTRAP = 'bootstrap.cluster.x-k8s.io';
let uids = 0;

function meta(cluster: Cluster, name: string) {
  const namespace = cluster.metadata.namespace ?? 'default';
  return { name, namespace, uid: `uid-${name}-${++uids}`, generation: 1, creationTimestamp: '2026-01-01T00:00:00Z' };
}

const template = (cluster: Cluster): MachineSet['spec']['template'] => ({
  metadata: { labels: { pool: 'blue' }, annotations: { note: 'kept' } },
  spec: {
    clusterName: cluster.metadata.name,
    version: 'v1.34.4',
    bootstrap: { configRef: { apiGroup: BOOTSTRAP, kind: 'KubeadmConfigTemplate', name: 'workers' } },
    infrastructureRef: { apiGroup: INFRA, kind: 'AWSMachineTemplate', name: 'workers' },
  },
});

/** A MachineSet of `cluster` made from the templates of `theTemplates`. */
export function aMachineSet(cluster: Cluster, spec: Partial<MachineSet['spec']> = {}, name = 'workers'): MachineSet {
  const clusterName = cluster.metadata.name;
  return {
    apiVersion: CORE,
    kind: 'MachineSet',
    metadata: { ...meta(cluster, name), labels: { [LABEL.clusterName]: clusterName } },
    spec: {
      clusterName,
      replicas: 1,
      selector: { matchLabels: { pool: 'blue' } },
      template: template(cluster),
      ...spec,
    },
  };
}

/** A MachinePool of `cluster` on an AWSMachinePool and a KubeadmConfig of the same name. */
export function aMachinePool(cluster: Cluster, spec: Partial<MachinePool['spec']> = {}, name = 'pool'): MachinePool {
  const clusterName = cluster.metadata.name;
  return {
    apiVersion: CORE,
    kind: 'MachinePool',
    metadata: { ...meta(cluster, name), labels: { [LABEL.clusterName]: clusterName } },
    spec: {
      clusterName,
      replicas: 1,
      template: {
        spec: {
          clusterName,
          version: 'v1.34.4',
          bootstrap: { configRef: { apiGroup: BOOTSTRAP, kind: 'KubeadmConfig', name } },
          infrastructureRef: { apiGroup: INFRA, kind: 'AWSMachinePool', name },
        },
      },
      ...spec,
    },
  };
}

/** The AWSMachinePool of that name; `change` is merged over the object. */
export function anInfraPool(cluster: Cluster, change: Record<string, unknown> = {}, name = 'pool'): KubeObject {
  return {
    apiVersion: `${INFRA}/v1beta2`,
    kind: 'AWSMachinePool',
    metadata: { ...meta(cluster, name), labels: { [LABEL.clusterName]: cluster.metadata.name } },
    spec: { minSize: 0, maxSize: 5, awsLaunchTemplate: { instanceType: 't3.large' } },
    ...change,
  } as KubeObject;
}

/** A MachineDeployment of `cluster` made from the templates of `theTemplates`. */
export function aMachineDeployment(
  cluster: Cluster,
  spec: Partial<MachineDeployment['spec']> = {},
  name = 'workers',
): MachineDeployment {
  const clusterName = cluster.metadata.name;
  return {
    apiVersion: CORE,
    kind: 'MachineDeployment',
    metadata: { ...meta(cluster, name), labels: { [LABEL.clusterName]: clusterName } },
    spec: {
      clusterName,
      replicas: 1,
      selector: { matchLabels: { pool: 'blue' } },
      template: template(cluster),
      ...spec,
    },
  };
}

/** The templates that sets, deployments (`workers`) and control planes (`demo`) of these helpers refer to. */
export function theTemplates(cluster: Cluster): KubeObject[] {
  const infra = (name: string) => ({
    apiVersion: `${INFRA}/v1beta2`,
    kind: 'AWSMachineTemplate',
    metadata: meta(cluster, name),
    spec: {
      template: {
        metadata: { labels: { from: 'template' }, annotations: { from: 'template' } },
        spec: { instanceType: 'm5.large' },
      },
    },
  });
  const bootstrap = {
    apiVersion: `${BOOTSTRAP}/v1beta2`,
    kind: 'KubeadmConfigTemplate',
    metadata: meta(cluster, 'workers'),
    spec: { template: { spec: { joinConfiguration: { nodeRegistration: { name: '{{ local_hostname }}' } } } } },
  };
  return [infra('workers'), infra('demo'), bootstrap];
}

/** An AWSCluster of the cluster's name; with `status` as given. */
export function anInfraCluster(
  cluster: Cluster,
  status?: unknown,
  metadata: Partial<KubeObject['metadata']> = {},
): KubeObject {
  const object = {
    apiVersion: `${INFRA}/v1beta2`,
    kind: 'AWSCluster',
    metadata: { ...meta(cluster, cluster.metadata.name), ...metadata },
    spec: { region: 'eu-west-1' },
    ...(status ? { status } : {}),
  };
  return object;
}

/** An AWSMachine; with `status` as given. */
export function anInfraMachine(cluster: Cluster, name: string, status?: unknown, spec: unknown = {}): KubeObject {
  const object = {
    apiVersion: `${INFRA}/v1beta2`,
    kind: 'AWSMachine',
    metadata: meta(cluster, name),
    spec,
    ...(status ? { status } : {}),
  };
  return object;
}

/** The reference to an infra object of the helpers above. */
export const infraRef = (kind: 'AWSCluster' | 'AWSMachine', name: string) => ({ apiGroup: INFRA, kind, name });
