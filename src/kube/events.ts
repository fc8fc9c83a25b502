import { createHash } from 'node:crypto';
import { KINDS } from '../api/types/kinds.js';
import type { KubeObject } from '../api/types/meta.js';
import { isFailure } from '../domain/errors.js';
import type { Log } from '../telemetry/log.js';
import type { Kube } from './kube.js';

export interface EventRecorderOptions {
  readonly kube: Pick<Kube, 'create' | 'modify'>;
  /** Shown as the event's source, e.g. `perdure`. */
  readonly component: string;
  readonly log: Log;
  /** Events per object before they are dropped, and how fast that budget refills. Default 25, one per 5 min: client-go's numbers. */
  readonly burst?: number;
  readonly refillMs?: number;
  readonly now?: () => number;
}

export interface EventRecorder {
  /**
   * Records an event on `object` for `kubectl describe`. The same event again counts up instead of making another, across processes and
   * restarts. Best effort: failures are logged, never thrown, since no operation may fail for want of an event.
   */
  record(
    object: KubeObject,
    type: 'Normal' | 'Warning',
    reason: string,
    message: string,
    signal?: AbortSignal,
  ): Promise<void>;
}

interface CoreEvent extends KubeObject {
  type: string;
  reason: string;
  message: string;
  count: number;
  firstTimestamp: string;
  lastTimestamp: string;
  involvedObject: Record<string, string>;
  source: { component: string };
  reportingComponent: string;
  reportingInstance: string;
}

interface Similar {
  readonly messages: Set<string>;
  since: number;
}

const MESSAGE_LIMIT = 1_024;
const AGGREGATE_AFTER = 10;
const AGGREGATE_WINDOW_MS = 600_000;
const TRACKED_LIMIT = 4_096;

/** Source of the rules: client-go tools/record (EventCorrelator). */
export function eventRecorder(options: EventRecorderOptions): EventRecorder {
  const { kube, log } = options;
  const now = options.now ?? Date.now;
  const budget = objectBudget(options.burst ?? 25, options.refillMs ?? 300_000, now);
  const aggregate = aggregator(now);

  return {
    async record(object, type, reason, message, signal) {
      const owner = `${object.metadata.uid ?? ''}/${object.kind}/${object.metadata.namespace ?? ''}/${object.metadata.name}`;
      if (!budget(owner)) return;
      const event = render(
        object,
        type,
        reason,
        aggregate(`${owner}/${type}/${reason}`, message),
        options.component,
        now(),
      );
      const write = signal ? { signal } : {};
      const again = async (): Promise<CoreEvent | undefined> =>
        await kube.modify<CoreEvent>(
          KINDS.Event,
          event.metadata,
          (stored) => ({
            ...stored,
            count: (stored.count ?? 1) + 1,
            lastTimestamp: event.lastTimestamp,
            message: event.message,
          }),
          write,
        );
      try {
        if (await again()) return;
        await kube.create(KINDS.Event, event, write).catch(async (error: unknown) => {
          if (!isFailure(error, 'Conflict')) throw error;
          await again();
        });
      } catch (error) {
        if (!signal?.aborted) log.warn('could not record event', { object: owner, reason, error });
      }
    },
  };
}

function render(
  object: KubeObject,
  type: string,
  reason: string,
  text: { readonly message: string; readonly key: string },
  component: string,
  now: number,
): CoreEvent {
  const { name, uid = '', resourceVersion = '' } = object.metadata;
  const namespace = object.metadata.namespace ?? 'default';
  const time = new Date(now).toISOString().replace(/\.\d+Z$/, 'Z');
  const hash = createHash('sha256')
    .update([uid, type, reason, text.key, component].join('\0'))
    .digest('hex')
    .slice(0, 16);
  return {
    apiVersion: 'v1',
    kind: 'Event',
    // Derived from the content: a repeated call finds the event it made before.
    metadata: { namespace, name: `${name.slice(0, 230)}.${hash}` },
    type,
    reason,
    message: text.message.slice(0, MESSAGE_LIMIT),
    count: 1,
    firstTimestamp: time,
    lastTimestamp: time,
    involvedObject: {
      apiVersion: object.apiVersion,
      kind: object.kind,
      namespace: object.metadata.namespace ?? '',
      name,
      uid,
      resourceVersion,
    },
    source: { component },
    reportingComponent: component,
    reportingInstance: component,
  };
}

/** After ten different messages for one reason within ten minutes the rest share one event. */
function aggregator(
  now: () => number,
): (group: string, message: string) => { readonly message: string; readonly key: string } {
  const groups = new Map<string, Similar>();
  return (group, message) => {
    const known = groups.get(group);
    const similar =
      known && now() - known.since < AGGREGATE_WINDOW_MS ? known : { messages: new Set<string>(), since: now() };
    remember(groups, group, similar);
    if (similar.messages.has(message)) return { message, key: message };
    if (similar.messages.size >= AGGREGATE_AFTER) {
      return { message: `(combined from similar events): ${message}`, key: '(combined)' };
    }
    similar.messages.add(message);
    return { message, key: message };
  };
}

function objectBudget(burst: number, refillMs: number, now: () => number): (owner: string) => boolean {
  const buckets = new Map<string, { tokens: number; at: number }>();
  return (owner) => {
    const bucket = buckets.get(owner) ?? { tokens: burst, at: now() };
    bucket.tokens = Math.min(burst, bucket.tokens + (now() - bucket.at) / refillMs);
    bucket.at = now();
    remember(buckets, owner, bucket);
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  };
}

/** Least recently used goes first when the map is full. */
function remember<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key);
  map.set(key, value);
  if (map.size <= TRACKED_LIMIT) return;
  const oldest = map.keys().next();
  if (!oldest.done) map.delete(oldest.value);
}
