import type { KubeadmControlPlane, Machine, MachineDeployment, MachineSet } from '../../src/api/types/index.js';
import type { KubeObject } from '../../src/api/types/meta.js';
import { ownerReference } from '../../src/domain/contract.js';
import { ANNOTATION, LABEL } from '../../src/domain/names.js';
import type { ManifestDocument, ManifestWorld } from '../../src/domain/plan-manifest/types.js';
import { COMPONENT_CONDITIONS, ETCD_CONDITIONS } from '../../src/domain/status/control-plane.js';
import { aCondition } from './fake-health.js';
import { aCluster, aControlPlane, aKubeadmConfig, aMachine } from './fake-objects.js';
import { aMachineDeployment, aMachineSet, theTemplates } from './fake-owners.js';

const OLD = 'v1.33.5';
const AZS = ['a', 'b', 'c'];

/** What a healthy machine says of itself. */
export const WELL = [
  'Ready',
  'Available',
  'HealthCheckSucceeded',
  'NodeHealthy',
  ...COMPONENT_CONDITIONS,
  ...ETCD_CONDITIONS,
].map((type) => aCondition(type, 'True'));

function running(machine: Machine, at: string): Machine {
  const { name } = machine.metadata;
  return {
    ...machine,
    metadata: { ...machine.metadata, creationTimestamp: at },
    status: { nodeRef: { name: `node-${name}` }, conditions: WELL },
  } as Machine;
}

const clonedFrom = (machine: Machine, template: string): KubeObject => ({
  apiVersion: 'infrastructure.cluster.x-k8s.io/v1beta2',
  kind: 'AWSMachine',
  metadata: {
    name: machine.metadata.name,
    namespace: 'default',
    annotations: {
      [ANNOTATION.clonedFromName]: template,
      [ANNOTATION.clonedFromGroupKind]: 'AWSMachineTemplate.infrastructure.cluster.x-k8s.io',
    },
  },
});

/** A cluster that runs: control plane and workers of one version, in a namespace of its own world. */
export interface LiveCluster extends Omit<ManifestWorld, 'documents'> {
  readonly controlPlane: KubeadmControlPlane;
  readonly deployment: MachineDeployment;
  readonly set: MachineSet;
}

/** A running cluster of `planes` control plane machines and `workers` workers, all of v1.33.5. */
export function aLiveCluster(planes = 3, workers = 2): LiveCluster {
  const domains = AZS.map((name) => ({ name, controlPlane: true }));
  const cluster = aCluster({ status: { failureDomains: domains } as never });
  const plane = aControlPlane(cluster, { version: OLD, replicas: planes });
  const controlPlane = {
    ...plane,
    status: { initialization: { controlPlaneInitialized: true } },
  } as KubeadmControlPlane;
  const template = (of: MachineDeployment): MachineDeployment['spec']['template'] => ({
    ...of.spec.template,
    spec: { ...of.spec.template.spec, version: OLD },
  });
  const plain = aMachineDeployment(cluster);
  const deployment = { ...plain, spec: { ...plain.spec, replicas: workers, template: template(plain) } };
  const bare = aMachineSet(cluster, { replicas: workers, template: template(plain) }, 'workers-1');
  const ownerReferences = [ownerReference(deployment, { controller: true })];
  const labels = { ...bare.metadata.labels, [LABEL.deploymentName]: 'workers' };
  const set = { ...bare, metadata: { ...bare.metadata, labels, ownerReferences } };
  const mine = Array.from({ length: planes }, (_, i) =>
    running(
      aMachine(cluster, {
        name: `cp-${i + 1}`,
        controlPlane,
        spec: { version: OLD, failureDomain: AZS[i % AZS.length] ?? 'a' },
      }),
      `2026-01-0${i + 1}T00:00:00Z`,
    ),
  );
  const theirs = Array.from({ length: workers }, (_, i) => {
    const machine = running(aMachine(cluster, { name: `w-${i + 1}`, spec: { version: OLD } }), '2026-01-05T00:00:00Z');
    const metadata = { ...machine.metadata, ownerReferences: [ownerReference(set, { controller: true })] };
    return { ...machine, metadata } as Machine;
  });
  return {
    ...{ controlPlane, deployment, set },
    now: '2026-02-01T00:00:00Z',
    clusters: [cluster],
    controlPlanes: [controlPlane],
    deployments: [deployment],
    sets: [set],
    pools: [],
    infraPools: [],
    machines: [...mine, ...theirs],
    configs: mine.map((m) => aKubeadmConfig(m, { joinConfiguration: { nodeRegistration: { name: 'node' } } })),
    infrastructure: [...mine.map((m) => clonedFrom(m, 'demo')), ...theirs.map((m) => clonedFrom(m, 'workers'))],
    templates: theTemplates(cluster),
  };
}

/** A document that the API server took. */
export function aDocument(live: KubeObject | undefined, wanted: KubeObject, refusal?: string): ManifestDocument {
  const { kind, metadata } = wanted;
  return {
    ref: { kind, namespace: metadata.namespace ?? '', name: metadata.name },
    ...(live ? { live } : {}),
    wanted,
    ...(refusal === undefined ? {} : { refusal }),
  };
}

/** The control plane with another spec. */
export const withPlane = (
  of: KubeadmControlPlane,
  spec: Partial<KubeadmControlPlane['spec']>,
): KubeadmControlPlane => ({ ...of, spec: { ...of.spec, ...spec } });

/** The deployment with another spec, and with fields of its machines changed. */
export const withWorkers = (
  of: MachineDeployment,
  machine: Partial<MachineDeployment['spec']['template']['spec']>,
  spec: Partial<MachineDeployment['spec']> = {},
): MachineDeployment => ({
  ...of,
  spec: { ...of.spec, ...spec, template: { ...of.spec.template, spec: { ...of.spec.template.spec, ...machine } } },
});
