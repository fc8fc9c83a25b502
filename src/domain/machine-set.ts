import type { MachineDeployment, MachineSet } from '../api/types/index.js';
import { apiVersionOf, KINDS } from '../api/types/kinds.js';
import { ownerReference } from './contract.js';
import { ANNOTATION, LABEL } from './names.js';
import { canonicalText, type InPlaceMetadata, withMetadata } from './rollout/in-place.js';
import { setIdentity } from './template.js';

/** Annotations of a deployment that are its own business. Source: capi mdutil annotationsToSkip. */
const OWN_ANNOTATIONS = new Set<string>([
  'kubectl.kubernetes.io/last-applied-configuration',
  'machinedeployment.clusters.x-k8s.io/revision-history',
  'cluster.x-k8s.io/conversion-data',
  ANNOTATION.revision,
  ANNOTATION.desiredReplicas,
  ANNOTATION.maxReplicas,
  ANNOTATION.disableMachineCreate,
]);
const OWN_PREFIX = 'perdure.dev/';

/** What a rollout decided for one set. */
export interface SetWish {
  readonly replicas: number;
  readonly revision: number;
  /** Machines that the deployment may have while it rolls out. */
  readonly maxReplicas: number;
  /** The set of the deployment's template; the others are on their way out. */
  readonly isCurrent: boolean;
}

/**
 * The set of the deployment's template as it is created: the name follows from deployment and template, so that creating it again finds it. Source: capi
 * machinedeployment_sync.go computeDesiredMachineSet.
 */
export function newSet(deployment: MachineDeployment, nowMs: number): MachineSet {
  const { name, hash } = setIdentity(deployment, nowMs);
  const { clusterName, template, selector } = deployment.spec;
  return {
    apiVersion: apiVersionOf(KINDS.MachineSet),
    kind: 'MachineSet',
    metadata: {
      name,
      namespace: deployment.metadata.namespace ?? '',
      labels: ownLabels(deployment, hash),
      ownerReferences: [ownerReference(deployment, { controller: true })],
    },
    spec: {
      clusterName,
      replicas: 0,
      selector: { ...selector, matchLabels: { ...selector.matchLabels, [LABEL.templateHash]: hash } },
      template,
    },
  } as MachineSet;
}

const ownLabels = (deployment: MachineDeployment, hash: string | undefined): Record<string, string> => ({
  [LABEL.clusterName]: deployment.spec.clusterName,
  [LABEL.deploymentName]: deployment.metadata.name,
  ...(hash === undefined ? {} : { [LABEL.templateHash]: hash }),
});

/** Annotations that a set has from its deployment, those of the rollout included. */
function annotationsOf(deployment: MachineDeployment, wish: SetWish): Record<string, string> {
  const passed = Object.entries(deployment.metadata.annotations ?? {}).filter(
    ([key]) => !OWN_ANNOTATIONS.has(key) && !key.startsWith(OWN_PREFIX),
  );
  const onDelete = deployment.spec.rollout?.strategy?.type === 'OnDelete';
  return {
    ...Object.fromEntries(passed),
    [ANNOTATION.revision]: String(wish.revision),
    [ANNOTATION.desiredReplicas]: String(deployment.spec.replicas ?? 1),
    [ANNOTATION.maxReplicas]: String(wish.maxReplicas),
    [ANNOTATION.disableMachineCreate]: String(onDelete && !wish.isCurrent),
  };
}

/**
 * The set with its size, and with all of its deployment that changes in place; undefined when it is as wished. An old set keeps its template, but for the
 * deletion time-outs, which help its machines go. Source: capi machinedeployment_sync.go computeDesiredMachineSet.
 */
export function syncedSet(deployment: MachineDeployment, set: MachineSet, wish: SetWish): MachineSet | undefined {
  const system = ownLabels(deployment, set.metadata.labels?.[LABEL.templateHash]);
  const metadata: InPlaceMetadata = {
    labels: wish.isCurrent ? deployment.spec.template.metadata?.labels : withoutKeys(set.metadata.labels, system),
    annotations: annotationsOf(deployment, wish),
    system,
  };
  const labelled = withMetadata(set, metadata) ?? set;
  const spec = specOf(deployment, set, wish, system);
  return labelled === set && canonicalText(spec) === canonicalText(set.spec) ? undefined : { ...labelled, spec };
}

function specOf(
  deployment: MachineDeployment,
  set: MachineSet,
  wish: SetWish,
  system: Readonly<Record<string, string>>,
): MachineSet['spec'] {
  const { template, deletion, machineNaming } = deployment.spec;
  const { deletion: _, machineNaming: _n, ...kept } = set.spec;
  const { deletion: _t, ...oldTemplate } = set.spec.template.spec;
  const timeouts = template.spec.deletion === undefined ? {} : { deletion: template.spec.deletion };
  return {
    ...kept,
    replicas: wish.replicas,
    ...(deletion ? { deletion } : {}),
    ...(machineNaming ? { machineNaming } : {}),
    template: wish.isCurrent
      ? { ...template, metadata: { ...template.metadata, labels: { ...template.metadata?.labels, ...system } } }
      : { ...set.spec.template, spec: { ...oldTemplate, ...timeouts } },
  } as MachineSet['spec'];
}

function withoutKeys(
  labels: Readonly<Record<string, string>> | undefined,
  keys: Readonly<Record<string, string>>,
): Record<string, string> {
  return Object.fromEntries(Object.entries(labels ?? {}).filter(([key]) => !(key in keys)));
}
