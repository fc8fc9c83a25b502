import type { Cluster, KubeadmConfig, KubeadmControlPlane, Machine } from '../../src/api/types/index.js';
import { ownerReference } from '../../src/domain/contract.js';
import { LABEL } from '../../src/domain/names.js';

const NAMESPACE = 'default';
const CORE = 'cluster.x-k8s.io/v1beta2';
let uids = 0;
const meta = (name: string) => ({ name, namespace: NAMESPACE, uid: `uid-${name}-${++uids}`, generation: 1 });

/** A Cluster with provisioned infrastructure and an endpoint; `change` is merged over its spec and status, one level deep. */
export function aCluster(
  change: { name?: string; spec?: Partial<Cluster['spec']>; status?: Cluster['status'] } = {},
): Cluster {
  const { name = 'demo' } = change;
  return {
    apiVersion: CORE,
    kind: 'Cluster',
    metadata: meta(name),
    spec: {
      clusterNetwork: {
        pods: { cidrBlocks: ['192.168.0.0/16'] },
        services: { cidrBlocks: ['10.96.0.0/12'] },
        serviceDomain: 'cluster.local',
      },
      controlPlaneEndpoint: { host: 'demo.example.test', port: 6443 },
      controlPlaneRef: {
        apiGroup: 'controlplane.cluster.x-k8s.io',
        kind: 'KubeadmControlPlane',
        name: `${name}-control-plane`,
      },
      ...change.spec,
    },
    status: { initialization: { infrastructureProvisioned: true }, ...change.status },
  };
}

/** A KubeadmControlPlane of `cluster`. */
export function aControlPlane(cluster: Cluster, spec: Partial<KubeadmControlPlane['spec']> = {}): KubeadmControlPlane {
  const template = { apiGroup: 'infrastructure.cluster.x-k8s.io', kind: 'AWSMachineTemplate', name: 'demo' };
  return {
    apiVersion: 'controlplane.cluster.x-k8s.io/v1beta2',
    kind: 'KubeadmControlPlane',
    metadata: {
      ...meta(`${cluster.metadata.name}-control-plane`),
      labels: { [LABEL.clusterName]: cluster.metadata.name },
    },
    spec: { version: 'v1.34.4', replicas: 1, machineTemplate: { spec: { infrastructureRef: template } }, ...spec },
  };
}

/** The control plane that `cluster` names, with a version that all of it has: workers may be made. */
export function aRunningPlane(cluster: Cluster, version = 'v1.34.4'): KubeadmControlPlane {
  return { ...aControlPlane(cluster, { version }), status: { version } };
}

/** A Machine of `cluster`; with `controlPlane` it carries the label and is controlled by it. */
export function aMachine(
  cluster: Cluster,
  change: {
    name?: string;
    controlPlane?: KubeadmControlPlane;
    spec?: Partial<Machine['spec']>;
    status?: Machine['status'];
  } = {},
): Machine {
  const { name = 'demo-1', controlPlane } = change;
  const role = controlPlane ? { [LABEL.controlPlane]: '', [LABEL.controlPlaneName]: controlPlane.metadata.name } : {};
  return {
    apiVersion: CORE,
    kind: 'Machine',
    metadata: {
      ...meta(name),
      labels: { [LABEL.clusterName]: cluster.metadata.name, ...role },
      ...(controlPlane ? { ownerReferences: [ownerReference(controlPlane, { controller: true })] } : {}),
    },
    spec: {
      clusterName: cluster.metadata.name,
      version: 'v1.34.4',
      bootstrap: { configRef: { apiGroup: 'bootstrap.cluster.x-k8s.io', kind: 'KubeadmConfig', name } },
      infrastructureRef: { apiGroup: 'infrastructure.cluster.x-k8s.io', kind: 'AWSMachine', name },
      ...change.spec,
    },
    ...(change.status ? { status: change.status } : {}),
  };
}

/** The KubeadmConfig of `machine`. */
export function aKubeadmConfig(machine: Machine, spec?: KubeadmConfig['spec']): KubeadmConfig {
  return {
    apiVersion: 'bootstrap.cluster.x-k8s.io/v1beta2',
    kind: 'KubeadmConfig',
    metadata: {
      ...meta(machine.metadata.name),
      labels: { ...machine.metadata.labels },
      ownerReferences: [ownerReference(machine, { controller: true })],
    },
    // The schema refuses an empty spec.
    ...(spec && Object.keys(spec).length > 0 ? { spec } : {}),
  };
}
