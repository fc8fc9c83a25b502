import type { Machine } from '../types/index.js';
import type { AdmissionContext } from './context.js';
import { type FieldError, forbidden, required, type Verdict, verdict } from './field-errors.js';
import { ensureObject } from './json.js';
import { checkTaints, checkVersion, isDefined, withVersionPrefix } from './object-fields.js';

const CLUSTER_NAME = 'cluster.x-k8s.io/cluster-name';
const POOL_NAME = 'cluster.x-k8s.io/pool-name';
const CONTROL_PLANE = 'cluster.x-k8s.io/control-plane';
/** How long a Node is tried to be deleted, unless said otherwise. */
export const NODE_DELETION_TIMEOUT_SECONDS = 10;

/** Sets the label by which objects are found by their cluster. */
export function labelWithCluster(object: { metadata: Machine['metadata']; spec: { clusterName: string } }): void {
  ensureObject(ensureObject(object, 'metadata'), 'labels')[CLUSTER_NAME] = object.spec.clusterName;
}

/** A copy with the cluster label, the version in normal form and the node deletion timeout. */
export function defaultMachine(machine: Machine): Machine {
  const out = structuredClone(machine);
  const spec = ensureObject(out, 'spec');
  if (typeof spec.clusterName === 'string') labelWithCluster(out);
  if (typeof spec.version === 'string') spec.version = withVersionPrefix(spec.version);
  ensureObject(spec, 'deletion').nodeDeletionTimeoutSeconds ??= NODE_DELETION_TIMEOUT_SECONDS;
  return out;
}

function isPoolOwned(machine: Machine): boolean {
  const { labels, ownerReferences } = machine.metadata;
  return labels?.[POOL_NAME] !== undefined || (ownerReferences ?? []).some((owner) => owner.kind === 'MachinePool');
}

/** Where bootstrap data comes from has to be said; `path` is that of the Machine's spec. */
export function checkBootstrap(bootstrap: Machine['spec']['bootstrap'] | undefined, path: string): FieldError[] {
  if (isDefined(bootstrap?.configRef) || bootstrap?.dataSecretName !== undefined) return [];
  return [required(`${path}.bootstrap`, 'set configRef, or dataSecretName of a Secret of your own')];
}

/** Rules for one Machine, and with `old` for the change. Source: cluster-api core/webhooks/admission/machine.go. */
export function validateMachine(machine: Machine, old: Machine | undefined, ctx: AdmissionContext): Verdict {
  const { spec, metadata } = machine;
  const worker = metadata.labels?.[CONTROL_PLANE] === undefined;
  const errors = isPoolOwned(machine) ? [] : checkBootstrap(spec.bootstrap, 'spec');
  if (old && old.spec.clusterName !== spec.clusterName) {
    errors.push(forbidden('spec.clusterName', `cannot be changed from ${old.spec.clusterName}: make another Machine`));
  }
  if (spec.version) errors.push(...checkVersion(spec.version, 'spec.version'));
  return verdict([...errors, ...checkTaints(spec.taints, 'spec.taints', ctx, worker)]);
}
