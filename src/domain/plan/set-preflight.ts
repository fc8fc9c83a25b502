import type { Cluster, MachineSet } from '../../api/types/index.js';
import type { KubeObject } from '../../api/types/meta.js';
import { readPath } from '../contract.js';
import { ANNOTATION } from '../names.js';
import { controlPlaneSkew, kubeadmSkew, kubernetesSkew, type SkewViolation } from './skew.js';

/** What a set's preflight checks look at. */
export interface SetPreflightInput {
  readonly set: MachineSet;
  readonly cluster: Cluster;
  /** The object that spec.controlPlaneRef of the Cluster names. One without a version is not checked. */
  readonly controlPlane: KubeObject | undefined;
  readonly bootstrapTemplate: KubeObject | undefined;
}

/**
 * The checks before a set makes or replaces machines that fail now, as sentences: the control plane has a version and is not changing it, and the
 * versions may be beside each other. Checks named by the set's annotation, or that of its bootstrap template, are skipped. Source: capi
 * machineset_preflight.go.
 */
export function setPreflight(input: SetPreflightInput): string[] {
  const { set, cluster, controlPlane } = input;
  const { controlPlaneRef: ref } = cluster.spec;
  const skipped = skippedChecks(set, input.bootstrapTemplate);
  if (!ref || skipped.has('All')) return [];
  if (!controlPlane)
    return [`${ref.kind} ${set.metadata.namespace}/${ref.name} does not exist; machines are made once it does`];
  const version = readPath(controlPlane, 'spec.version');
  if (typeof version !== 'string') return [];
  const { version: workers, bootstrap } = set.spec.template.spec;
  const kubeadm = bootstrap.configRef?.kind === 'KubeadmConfigTemplate';
  const topology = cluster.spec.topology !== undefined;
  const violations = [
    kubernetesSkew(version, workers),
    kubeadm ? kubeadmSkew(version, workers) : undefined,
    topology ? controlPlaneSkew(version, workers) : undefined,
  ].filter((v): v is SkewViolation => v !== undefined);
  const unstable = instability(cluster, controlPlane, version);
  const failed = [
    ...(unstable === undefined ? [] : [{ check: 'ControlPlaneIsStable', text: unstable }]),
    ...violations.map(({ rule, message, remedy }) => ({ check: rule, text: `${message}; ${remedy}` })),
  ];
  return failed.filter((f) => !skipped.has(f.check)).map((f) => `${f.text} ("${f.check}" preflight check failed)`);
}

/** Names of the preflight checks that are turned off by the first of the objects that says anything of it. */
export function skippedChecks(...objects: readonly (KubeObject | undefined)[]): ReadonlySet<string> {
  const skip = objects.map((o) => o?.metadata.annotations?.[ANNOTATION.skipPreflight]).find(Boolean);
  return new Set((skip ?? '').split(',').map((name) => name.trim()));
}

/** Why the control plane is not to be relied on yet; undefined when it is. Source: capi contract ControlPlane IsProvisioning, IsUpgrading. */
function instability(cluster: Cluster, controlPlane: KubeObject, version: string): string | undefined {
  const name = `${controlPlane.kind} ${controlPlane.metadata.namespace}/${controlPlane.metadata.name}`;
  const step = cluster.metadata.annotations?.[ANNOTATION.upgradeStep];
  const wanted = readPath(cluster, 'spec.topology.version');
  if (typeof wanted === 'string' && wanted !== version && step !== version)
    return `${name} has a pending version upgrade to ${step || wanted}; machines are made once it is there`;
  const reached = readPath(controlPlane, 'status.version');
  if (typeof reached !== 'string' || reached === '')
    return `${name} is provisioning; machines are made once it has one`;
  return isOlder(reached, version)
    ? `${name} is upgrading; machines are made once all of it is at ${version}`
    : undefined;
}

/** Numbers first; of the same ones a release is newer than what came before it. */
function isOlder(version: string, than: string): boolean {
  const [a, b] = [version, than].map((v) => v.replace(/\+.*$/, '').split(/-(.*)/));
  const [numbers, before] = [a?.[0] ?? '', b?.[0] ?? ''];
  const byNumber = numbers.localeCompare(before, 'en', { numeric: true });
  if (byNumber !== 0) return byNumber < 0;
  const [mine, theirs] = [a?.[1], b?.[1]];
  if (mine === undefined || theirs === undefined) return mine !== undefined && theirs === undefined;
  return mine.localeCompare(theirs, 'en', { numeric: true }) < 0;
}
