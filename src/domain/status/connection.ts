import type { Cluster } from '../../api/types/index.js';
import type { Condition } from '../../api/types/meta.js';
import { findCondition } from '../conditions.js';

/** RemoteConnectionProbe is False this long after the last answer. Upstream: --remote-connection-grace-period. */
export const PROBE_GRACE_SECONDS = 50;
/** What was last seen of Nodes and etcd stands this long after the last answer. Upstream: --remote-conditions-grace-period. */
export const CONDITIONS_GRACE_SECONDS = 300;

/** Whether what was last seen of a workload cluster that does not answer now still stands. */
export interface Hold {
  readonly holds: boolean;
  /** Seconds until it does not; absent when that is not known: whoever notices that the connection is lost wakes the lanes. */
  readonly forSeconds?: number;
}

/**
 * Judges by the later of: the last answer this process got (`lastAnswerMs`), the time RemoteConnectionProbe turned False, and the control plane's
 * initialization. While the condition is True, somebody reaches the cluster: then it stands. Times are milliseconds since the epoch. Pure.
 */
export function holdOf(cluster: Cluster, lastAnswerMs: number | undefined, nowMs: number): Hold {
  const conditions = cluster.status?.conditions as Condition[] | undefined;
  const probe = findCondition(conditions, 'RemoteConnectionProbe');
  if (probe?.status === 'True') return { holds: true };
  const since = [
    lastAnswerMs,
    turned(probe, PROBE_GRACE_SECONDS),
    turned(findCondition(conditions, 'ControlPlaneInitialized'), 0),
  ].filter((ms) => ms !== undefined);
  if (since.length === 0) return { holds: true };
  const forSeconds = CONDITIONS_GRACE_SECONDS - Math.floor((nowMs - Math.max(...since)) / 1_000);
  return forSeconds > 0 ? { holds: true, forSeconds } : { holds: false };
}

/** Seconds that RemoteConnectionProbe stays True after a probe that failed; 0: it is False now. */
export function probeGraceSeconds(lastAnswerMs: number | undefined, nowMs: number): number {
  if (lastAnswerMs === undefined) return 0;
  return Math.max(0, PROBE_GRACE_SECONDS - Math.floor((nowMs - lastAnswerMs) / 1_000));
}

function turned(condition: Condition | undefined, earlierSeconds: number): number | undefined {
  const ms = Date.parse(condition?.lastTransitionTime ?? '') - earlierSeconds * 1_000;
  return Number.isNaN(ms) ? undefined : ms;
}
