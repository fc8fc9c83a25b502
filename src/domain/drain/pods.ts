import type { KubeObject } from '../../api/types/meta.js';
import { controllerOf, readPath } from '../contract.js';
import { PerdureError } from '../errors.js';
import type { PodRule } from './rules.js';

/** What a Pod on the Node of a machine that is deleted is to the drain. */
export type PodAction =
  /** Neither evicted nor waited for. */
  | { readonly do: 'skip'; readonly why: string }
  /** Waited for until it has finished, never evicted. */
  | { readonly do: 'wait'; readonly order: 0 }
  | { readonly do: 'drain'; readonly order: number; readonly warnings: readonly string[] };

/** What the filters know besides the Pod. */
export interface DrainContext {
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** The kubelet does not answer: a Pod that should have been gone for more than a second never will be. */
  readonly unreachable: boolean;
  /** `namespace/name` of the DaemonSets there are. */
  readonly daemonSets: ReadonlySet<string>;
  /** Labels by Namespace. */
  readonly namespaces: ReadonlyMap<string, Readonly<Record<string, string>>>;
  readonly rules: readonly PodRule[];
}

const MIRROR = 'kubernetes.io/config.mirror';
const DRAIN_LABEL = 'cluster.x-k8s.io/drain';
/** How long after its time a Pod on an unreachable Node is given up. */
const SKIP_DELETED_MS = 1_000;

/** `namespace/name`, as messages and maps name Pods. */
export const podName = ({ metadata }: KubeObject): string => `${metadata.namespace ?? ''}/${metadata.name}`;

const isFinished = (pod: KubeObject): boolean =>
  ['Succeeded', 'Failed'].includes(String(readPath(pod, 'status.phase') ?? ''));

const hasLocalStorage = (pod: KubeObject): boolean => {
  const volumes = readPath(pod, 'spec.volumes');
  return Array.isArray(volumes) && volumes.some((v) => readPath(v, 'emptyDir') !== undefined);
};

/**
 * What is done with a Pod. The filters are asked in upstream's order and the first that skips or waits decides: deleted on an unreachable Node, of a
 * DaemonSet, static, by its own label, by the first rule. A Pod that is waited for and has finished is done with. Throws `Transient` for a Pod whose
 * Namespace is not known: its rules cannot be asked. Source: capi core/reconcilers/machine/drain/filters.go.
 */
export function podAction(pod: KubeObject, ctx: DrainContext): PodAction {
  const deleted = pod.metadata.deletionTimestamp;
  if (ctx.unreachable && deleted !== undefined && ctx.now - Date.parse(deleted) > SKIP_DELETED_MS)
    return skip('deleted, and its Node is unreachable');
  const finished = isFinished(pod);
  const controller = controllerOf(pod);
  const warnings: string[] = [];
  if (controller?.kind === 'DaemonSet' && !finished) {
    if (ctx.daemonSets.has(`${pod.metadata.namespace ?? ''}/${controller.name}`)) return skip('of a DaemonSet');
    warnings.push('its DaemonSet does not exist');
  }
  if (pod.metadata.annotations?.[MIRROR] !== undefined) return skip('static');
  if (!finished && hasLocalStorage(pod)) warnings.push('it has local storage');
  if (!finished && !controller) warnings.push('it has no controller');
  return byLabel(pod, finished) ?? byRule(pod, finished, warnings, ctx);
}

const skip = (why: string): PodAction => ({ do: 'skip', why });
const wait = (finished: boolean): PodAction => (finished ? skip('finished') : { do: 'wait', order: 0 });

function byLabel(pod: KubeObject, finished: boolean): PodAction | undefined {
  const value = pod.metadata.labels?.[DRAIN_LABEL]?.toLowerCase();
  if (value === 'skip') return skip(`labelled ${DRAIN_LABEL}`);
  return value === 'wait-completed' || value === 'waitcompleted' ? wait(finished) : undefined;
}

function byRule(pod: KubeObject, finished: boolean, warnings: readonly string[], ctx: DrainContext): PodAction {
  const namespace = ctx.namespaces.get(pod.metadata.namespace ?? '');
  if (!namespace)
    throw new PerdureError(
      'Transient',
      `Namespace ${pod.metadata.namespace ?? ''} of Pod ${podName(pod)} does not exist`,
    );
  const rule = ctx.rules.find((r) => r.matches(pod.metadata.labels, namespace));
  if (rule?.behavior === 'Skip') return skip(`MachineDrainRule ${rule.name}`);
  if (rule?.behavior === 'WaitCompleted') return wait(finished);
  return { do: 'drain', order: rule?.order ?? 0, warnings };
}

/** The Pods of a Node by what happens to them in one pass, each list by name. */
export interface DrainPlan {
  readonly evict: readonly KubeObject[];
  readonly evictLater: readonly KubeObject[];
  /** Deleted already, still on the Node. */
  readonly terminating: readonly KubeObject[];
  readonly wait: readonly KubeObject[];
  readonly waitLater: readonly KubeObject[];
  readonly skipped: readonly KubeObject[];
}

/** Only the lowest order among what is left is acted on: what goes later waits until all of it is gone from the Node. */
export function planDrain(pods: readonly KubeObject[], ctx: DrainContext): DrainPlan {
  const seen = pods
    .map((pod) => ({ pod, action: podAction(pod, ctx) }))
    .sort((a, b) => (podName(a.pod) < podName(b.pod) ? -1 : 1));
  const orders = seen.flatMap(({ action }) => (action.do === 'skip' ? [] : [action.order]));
  const lowest = Math.min(...orders);
  const those = (match: (pod: KubeObject, action: PodAction) => boolean): KubeObject[] =>
    seen.filter(({ pod, action }) => match(pod, action)).map(({ pod }) => pod);
  const isDeleted = (pod: KubeObject): boolean => pod.metadata.deletionTimestamp !== undefined;
  return {
    evict: those((pod, a) => a.do === 'drain' && !isDeleted(pod) && a.order === lowest),
    evictLater: those((pod, a) => a.do === 'drain' && !isDeleted(pod) && a.order !== lowest),
    terminating: those((pod, a) => a.do === 'drain' && isDeleted(pod)),
    wait: those((_, a) => a.do === 'wait' && a.order === lowest),
    waitLater: those((_, a) => a.do === 'wait' && a.order !== lowest),
    skipped: those((_, a) => a.do === 'skip'),
  };
}
