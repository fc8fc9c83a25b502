/** What stands in the way after a pass of the drain; Pods as `namespace/name`. */
export interface DrainLeft {
  readonly terminating: readonly string[];
  /** Pods by why they could not be evicted. */
  readonly failed: ReadonlyMap<string, readonly string[]>;
  readonly waiting: readonly string[];
  readonly evictLater: readonly string[];
  readonly waitLater: readonly string[];
}

/** As the eviction API says it, and as tools look for it in conditions. */
const BUDGET = "cannot evict pod as it would violate the pod's disruption budget.";
const BUDGET_OF_API = /Cannot evict pod as it would violate the pod's disruption budget\./g;
const PODS_PER_LINE = 3;
const FAILURES = 5;
const VOLUMES_PER_LINE = 5;

/** The first `most` names, and how many more there are. */
export function listed(names: readonly string[], most: number): string {
  const rest = names.length - most;
  return [...names.slice(0, most), ...(rest > 0 ? [`... (${rest} more)`] : [])].join(', ');
}

const pods = (names: readonly string[]): string =>
  `${names.length > 1 ? 'Pods' : 'Pod'} ${listed(names, PODS_PER_LINE)}`;

export const isDrained = (left: DrainLeft): boolean =>
  [left.terminating, left.waiting, left.evictLater, left.waitLater].every((l) => l.length === 0) &&
  left.failed.size === 0;

/** The message of condition Deleting while pods are left; upstream's words, since tools look for them. Source: capi drain.ConditionMessage. */
export function drainMessage(left: DrainLeft, startedAt: string): string {
  const lines = [drainBegun(startedAt)];
  if (left.terminating.length > 0)
    lines.push(`* ${pods(left.terminating)}: deletionTimestamp set, but still not removed from the Node`);
  const failures = [...left.failed].sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [why, names] of failures.slice(0, FAILURES)) {
    const text = why.replace(BUDGET_OF_API, BUDGET);
    lines.push(`* ${pods(names)}: ${text.startsWith(BUDGET) ? text : `failed to evict Pod, ${text}`}`);
  }
  const others = failures.slice(FAILURES).reduce((sum, [, names]) => sum + names.length, 0);
  if (others > 0) lines.push(`* ${others} ${others > 1 ? 'Pods' : 'Pod'} with other issues`);
  if (left.waiting.length > 0) lines.push(`* ${pods(left.waiting)}: waiting for completion`);
  const after = 'After above Pods have been removed from the Node';
  if (left.evictLater.length > 0)
    lines.push(`${after}, the following Pods will be evicted: ${listed(left.evictLater, PODS_PER_LINE)}`);
  if (left.waitLater.length > 0)
    lines.push(
      `${after}, waiting for the following Pods to complete without eviction: ${listed(left.waitLater, PODS_PER_LINE)}`,
    );
  return lines.join('\n');
}

/** The same before the first pass, or when a pass failed. */
export const drainBegun = (startedAt: string): string => `Drain not completed yet (started at ${startedAt}):`;

/** Volumes that are still attached to a Node, sorted. */
export interface VolumesLeft {
  readonly claims: readonly string[];
  /** PersistentVolumes that no claim holds. */
  readonly unclaimed: readonly string[];
  /** Names in the Node's status without a PersistentVolume. */
  readonly ofNode: readonly string[];
  /** What VolumeAttachments name and no PersistentVolume is called. */
  readonly ofAttachments: readonly string[];
}

export const isDetached = (left: VolumesLeft): boolean =>
  [left.claims, left.unclaimed, left.ofNode, left.ofAttachments].every((l) => l.length === 0);

/** The message of condition Deleting while volumes are attached; upstream's words. */
export function volumesMessage(left: VolumesLeft, startedAt: string): string {
  const line = (text: string, names: readonly string[]): string[] =>
    names.length > 0 ? [`* ${text}: ${listed(names, VOLUMES_PER_LINE)}`] : [];
  return [
    `Waiting for Node volumes to be detached (started at ${startedAt})`,
    ...line('PersistentVolumeClaims', left.claims),
    ...line('PersistentVolumes without a .spec.claimRef to a PersistentVolumeClaim', left.unclaimed),
    ...line('Node with .status.volumesAttached entries not matching a PersistentVolume', left.ofNode),
    ...line(
      'VolumeAttachment with .spec.source.persistentVolumeName not matching a PersistentVolume',
      left.ofAttachments,
    ),
  ].join('\n');
}

/** What makes a drain take long, as far as its message tells; in the order of upstream. */
export function drainDelays(message: string): string[] {
  const signs: readonly (readonly [string, string])[] = [
    [BUDGET, 'PodDisruptionBudgets'],
    ['deletionTimestamp set, but still not removed from the Node', 'Pods not terminating'],
    ['failed to evict Pod', 'Pod eviction errors'],
    ['waiting for completion', 'Pods not completed yet'],
  ];
  return signs.filter(([sign]) => message.includes(sign)).map(([, cause]) => cause);
}
