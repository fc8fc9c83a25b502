import type { Cluster, Machine, MachineDrainRule } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import type { KubeObject } from '../../api/types/meta.js';
import { readPath } from '../../domain/contract.js';
import type { DrainLeft, VolumesLeft } from '../../domain/drain/message.js';
import { type DrainContext, type DrainPlan, planDrain, podName } from '../../domain/drain/pods.js';
import { rulesFor } from '../../domain/drain/rules.js';
import { attachedNames, attachmentsOf, claimsOf, volumesLeft } from '../../domain/drain/volumes.js';
import { isFailure, PerdureError } from '../../domain/errors.js';
import { statusCode } from '../../kube/errors.js';
import type { Kube } from '../../kube/kube.js';
import type { ActivityDeps } from '../deps.js';

/** Whose Node is drained. */
export interface DrainSubject {
  readonly machine: Machine;
  readonly cluster: Cluster;
  readonly nodeName: string;
}

const NOTHING: DrainLeft = { terminating: [], failed: new Map(), waiting: [], evictLater: [], waitLater: [] };
/** Evictions of one pass take no longer; the next goes on. */
const EVICTIONS_MS = 10_000;
const LATE = 'eviction timeout of 10s reached, eviction will be retried';
const TERMINATING_NAMESPACE =
  'Cannot evict pod from terminating namespace: unable to create eviction (kube-controller-manager should set deletionTimestamp)';

/** The kubelet has not reported for long: its Pods never go, its volumes are never detached. */
function isUnreachable(node: KubeObject): boolean {
  const conditions = readPath(node, 'status.conditions');
  return Array.isArray(conditions) && conditions.some((c) => c.type === 'Ready' && c.status === 'Unknown');
}

/**
 * One pass: cordons the Node, evicts the Pods whose turn it is, answers what is left. A Node that is gone has nothing left. Throws `Transient` when the
 * workload cluster cannot be asked, `InvalidConfiguration` for a MachineDrainRule that cannot be read. Safe to repeat. Source: capi drainNode.
 */
export async function drainPass(deps: ActivityDeps, subject: DrainSubject): Promise<DrainLeft> {
  const { signal, heartbeat } = deps.scope();
  const workload = await deps.workload(subject.cluster, signal);
  const node = await workload.get<KubeObject>(KINDS.Node, { name: subject.nodeName }, signal);
  if (!node) return NOTHING;
  if (readPath(node, 'spec.unschedulable') !== true && !(await cordon(workload, subject.nodeName, signal)))
    return NOTHING;
  const unreachable = isUnreachable(node);
  const plan = await lookAtPods(deps, workload, subject, unreachable);
  const late = AbortSignal.any([signal, AbortSignal.timeout(EVICTIONS_MS)]);
  const terminating = plan.terminating.map(podName);
  const failed = new Map<string, string[]>();
  for (const pod of plan.evict) {
    const name = podName(pod);
    heartbeat(`evict Pod ${name}`);
    const problem = late.aborted ? LATE : await evict(workload, pod, unreachable, late);
    signal.throwIfAborted();
    if (problem === 'gone') continue;
    if (problem === undefined) terminating.push(name);
    else failed.set(problem, [...(failed.get(problem) ?? []), name]);
  }
  return {
    terminating: terminating.sort(),
    failed,
    waiting: plan.wait.map(podName),
    evictLater: plan.evictLater.map(podName),
    waitLater: plan.waitLater.map(podName),
  };
}

/** False when the Node went in between. */
async function cordon(workload: Kube, name: string, signal: AbortSignal): Promise<boolean> {
  try {
    await workload.mergePatch(KINDS.Node, { name }, { spec: { unschedulable: true } }, { signal });
    return true;
  } catch (error) {
    if (isFailure(error, 'NotFound')) return false;
    throw error;
  }
}

async function lookAtPods(
  deps: ActivityDeps,
  workload: Kube,
  { machine, cluster, nodeName }: DrainSubject,
  unreachable: boolean,
): Promise<DrainPlan> {
  const { signal } = deps.scope();
  const namespace = machine.metadata.namespace ?? '';
  const [pods, daemonSets, namespaces, rules] = await Promise.all([
    workload.list<KubeObject>(KINDS.Pod, { fieldSelector: `spec.nodeName=${nodeName}` }, signal),
    workload.list<KubeObject>(KINDS.DaemonSet, {}, signal),
    workload.list<KubeObject>(KINDS.Namespace, {}, signal),
    deps.kube.list<MachineDrainRule>(KINDS.MachineDrainRule, { namespace }, signal),
  ]);
  const context: DrainContext = {
    now: Date.parse(deps.now()),
    unreachable,
    daemonSets: new Set(daemonSets.map(podName)),
    namespaces: new Map(namespaces.map((n) => [n.metadata.name, n.metadata.labels ?? {}])),
    rules: rulesFor(rules, machine, cluster),
  };
  return planDrain(pods, context);
}

/** Why the Pod could not be evicted, `gone` when it is no longer there, undefined when its eviction began. */
async function evict(
  workload: Kube,
  pod: KubeObject,
  unreachable: boolean,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { name, namespace = '', uid } = pod.metadata;
  const body = {
    apiVersion: 'policy/v1',
    kind: 'Eviction',
    metadata: { name, namespace },
    deleteOptions: {
      ...(uid ? { preconditions: { uid } } : {}),
      // nobody is there to let it end in its own time
      ...(unreachable ? { gracePeriodSeconds: 1 } : {}),
    },
  };
  try {
    const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(name)}/eviction`;
    await workload.raw('POST', path, body, signal);
    return undefined;
  } catch (error) {
    if (isFailure(error, 'NotFound')) return 'gone';
    return signal.aborted ? LATE : reasonOf(error);
  }
}

/** In the API server's own words where it answered; the causes name the PodDisruptionBudget. */
function reasonOf(error: unknown): string {
  if (!(error instanceof PerdureError)) throw error;
  const said = String(error.details['said'] ?? error.message);
  const code = statusCode(error);
  if (code === 403 && error.details['cause'] === 'NamespaceTerminating') return TERMINATING_NAMESPACE;
  const causes = code === 429 ? error.details['causes'] : undefined;
  return causes === undefined ? said : `${said} ${causes}`;
}

/**
 * The volumes still attached to the Node, those of Pods that the drain leaves excepted; undefined when there is nothing to wait for: the Node is gone, or its
 * kubelet does not answer and would never detach. Reads only. Throws as `drainPass`.
 */
export async function attachedVolumes(deps: ActivityDeps, subject: DrainSubject): Promise<VolumesLeft | undefined> {
  const { signal } = deps.scope();
  const workload = await deps.workload(subject.cluster, signal);
  const node = await workload.get<KubeObject>(KINDS.Node, { name: subject.nodeName }, signal);
  if (!node || isUnreachable(node)) return undefined;
  const attachments = await workload.list<KubeObject>(KINDS.VolumeAttachment, {}, signal);
  if (attachedNames(node).length === 0 && attachmentsOf(subject.nodeName, attachments).length === 0) return undefined;
  const [{ skipped }, persistentVolumes] = await Promise.all([
    lookAtPods(deps, workload, subject, false),
    workload.list<KubeObject>(KINDS.PersistentVolume, {}, signal),
  ]);
  return volumesLeft({ node, attachments, persistentVolumes, kept: new Set(skipped.flatMap(claimsOf)) });
}
