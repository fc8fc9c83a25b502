import { createHash } from 'node:crypto';
import type { KubeObject } from '../api/types/meta.js';
import { ANNOTATION, LABEL } from '../domain/names.js';
import { wishOf } from '../domain/user-spec.js';
import { type Dependency, describeDependency, isGap, SETTLING } from './dependencies.js';
import { gateFacts } from './facts.js';

/** All that a lane would look at, condensed. Equal tokens: nothing to tell the lane. */
export interface Token {
  readonly hash: string;
  /** Part name to value; compared to say what changed. */
  readonly parts: ReadonlyMap<string, string>;
}

/** Written by machines for their own use; nobody acts on them. */
const NOISE = [
  'kubectl.kubernetes.io/last-applied-configuration',
  'cluster.x-k8s.io/conversion-data',
  'controlplane.cluster.x-k8s.io/kubeadm-cluster-configuration',
];
const NOISE_PREFIXES = ['perdure.dev/', 'machinedeployment.clusters.x-k8s.io/', 'deployment.kubernetes.io/'];

function isNoise(annotation: string): boolean {
  if (annotation === ANNOTATION.retry || annotation === ANNOTATION.drift) return false;
  return NOISE.includes(annotation) || NOISE_PREFIXES.some((prefix) => annotation.startsWith(prefix));
}

/**
 * The token of an object. While it is paused nothing but that counts: one signal when it is paused, one when it goes on, none between, deletion
 * included, as upstream. Pure.
 */
export function tokenFor(object: KubeObject, dependencies: readonly Dependency[], paused: boolean): Token {
  const parts = new Map<string, string>([['paused', String(paused)]]);
  if (!paused) {
    const { deletionTimestamp, labels = {}, annotations = {} } = object.metadata;
    parts.set('wish', wishOf(object));
    parts.set('deleting', deletionTimestamp ?? '');
    const acted = Object.fromEntries(Object.entries(annotations).filter(([name]) => !isNoise(name)));
    // The lane itself labels what it takes into a cluster; nobody waits for that.
    const { [LABEL.clusterName]: _cluster, ...others } = labels;
    parts.set('metadata', digest(canonical(others) + canonical(acted)));
    const gates = gateFacts(object);
    if (gates !== '') parts.set('gates', gates);
    for (const { name, facts } of dependencies) parts.set(`on ${name}`, facts);
  }
  const text = [...parts].map(([name, value]) => `${name}=${value}`).sort();
  return { hash: digest(text.join('\n')), parts };
}

/** Kinds whose state is only summed up by the lane above them, or, for Secrets, only looked after. */
const SUMMED_UP = ['Machine', 'MachineSet', 'MachineDeployment', 'MachinePool', 'KubeadmControlPlane', 'Secret'];

const ofGap = (part: string): boolean => part === 'gates' || (part.startsWith('on ') && isGap(part.slice(3)));

/** True when all that differs is that an object's own status says by now what its gates, or its workload cluster, say. */
export function onlySettled(before: Token, after: Token): boolean {
  const names = differing(before, after);
  return names.length > 0 && names.every((name) => ofGap(name) && !after.parts.has(name));
}

/** True when what is new is only what an operation that runs would tell by itself in a moment. */
export function onlySettling(before: Token, after: Token): boolean {
  return differing(before, after).every((name) => canSettle(name, after));
}

const canSettle = (part: string, after: Token): boolean =>
  ofGap(part) && (!after.parts.has(part) || part.startsWith(`on ${SETTLING}`));

/** Whether the workload cluster says otherwise than the object's status. */
export function hasGap(token: Token): boolean {
  return [...token.parts.keys()].some((part) => part !== 'gates' && ofGap(part));
}

/** True when all that differs are facts of objects below: nothing a lane must act on at once. */
export function onlyChildrenChanged(before: Token, after: Token): boolean {
  return differing(before, after).every(
    (name) => name === 'gates' || canSettle(name, after) || SUMMED_UP.some((kind) => name.startsWith(`on ${kind}/`)),
  );
}

function differing(before: Token, after: Token): string[] {
  const names = new Set([...before.parts.keys(), ...after.parts.keys()]);
  return [...names].filter((name) => before.parts.get(name) !== after.parts.get(name));
}

const REASON_LIMIT = 200;

/** What changed from one token to the next, for people: the reason that travels with the signal. */
export function reasonFor(before: Token | undefined, after: Token): string {
  if (!before) {
    if (after.parts.get('paused') === 'true') return 'paused';
    return after.parts.get('deleting') ? 'deletion requested' : 'not converged yet';
  }
  const changed = new Set(differing(before, after));
  if (changed.has('paused')) return after.parts.get('paused') === 'true' ? 'paused' : 'resumed';
  const reasons: string[] = [];
  if (changed.has('deleting')) reasons.push('deletion requested');
  if (changed.has('wish')) reasons.push('spec changed');
  if (changed.has('gates')) reasons.push('a readiness or availability gate changed');
  if (changed.has('metadata')) reasons.push('labels or annotations changed');
  const others = [
    ...new Set([...changed].filter((name) => name.startsWith('on ')).map((name) => describeDependency(name.slice(3)))),
  ];
  if (others.length > 0)
    reasons.push(
      `${others.slice(0, 3).join(', ')}${others.length > 3 ? ` and ${others.length - 3} more` : ''} changed`,
    );
  return reasons.join('; ').slice(0, REASON_LIMIT);
}

function canonical(record: Readonly<Record<string, string>>): string {
  return JSON.stringify(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 22);
}
