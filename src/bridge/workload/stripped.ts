import type { KubeObject } from '../../api/types/meta.js';
import {
  ANNOTATIONS_FROM_MACHINE,
  isSyncedAnnotation,
  isSyncedLabel,
  LABELS_FROM_MACHINE,
  listOf,
} from '../../domain/bootstrap/node-sync.js';
import { readPath } from '../../domain/contract.js';
import { NODE_INFO } from '../../domain/status/node.js';

const OURS = 'cluster.x-k8s.io/';

/**
 * What of a Node anybody acts on: identity, marks, conditions without their heartbeats and messages (some count seconds), kubelet. Images and all
 * that the kubelet renews go: they are most of a Node, and thousands are kept.
 */
export function strippedNode(node: KubeObject): KubeObject {
  const { name, uid, resourceVersion, deletionTimestamp, labels = {}, annotations = {} } = node.metadata;
  const taints = (readPath(node, 'spec.taints') ?? []) as readonly Record<string, unknown>[];
  const conditions = (readPath(node, 'status.conditions') ?? []) as readonly Record<string, unknown>[];
  const [also, alsoNoted] = [LABELS_FROM_MACHINE, ANNOTATIONS_FROM_MACHINE].map((n) => new Set(listOf(annotations[n])));
  const stripped = {
    apiVersion: node.apiVersion,
    kind: node.kind,
    metadata: {
      name,
      labels: kept(labels, (key) => isSyncedLabel(key) || also?.has(key) || key.startsWith(OURS)),
      annotations: kept(annotations, (key) => isSyncedAnnotation(key) || alsoNoted?.has(key) || key.startsWith(OURS)),
      ...pick({ uid, resourceVersion, deletionTimestamp }, ['uid', 'resourceVersion', 'deletionTimestamp']),
    },
    spec: {
      ...pick(readPath(node, 'spec'), ['providerID', 'unschedulable']),
      taints: taints.map((taint) => pick(taint, ['key', 'value', 'effect'])),
    },
    status: {
      conditions: conditions.map((c) => pick(c, ['type', 'status', 'reason', 'lastTransitionTime'])),
      nodeInfo: pick(readPath(node, 'status.nodeInfo'), NODE_INFO),
    },
  };
  return stripped as KubeObject;
}

/** What of a control plane's static pod its health is judged by. */
export function strippedPod(pod: KubeObject): KubeObject {
  const conditions = (readPath(pod, 'status.conditions') ?? []) as readonly Record<string, unknown>[];
  const containers = (readPath(pod, 'status.containerStatuses') ?? []) as readonly Record<string, unknown>[];
  const stripped = {
    apiVersion: pod.apiVersion,
    kind: pod.kind,
    metadata: pick(pod.metadata, ['namespace', 'name', 'uid', 'resourceVersion']),
    status: {
      phase: readPath(pod, 'status.phase'),
      conditions: conditions.map((c) => pick(c, ['type', 'status'])),
      containerStatuses: containers.map((c) => ({
        state: {
          ...reasonOf(c, 'state.waiting'),
          ...reasonOf(c, 'state.terminated'),
        },
        lastState: { terminated: pick(readPath(c, 'lastState.terminated'), ['exitCode']) },
      })),
    },
  };
  return stripped as unknown as KubeObject;
}

/** Whether two versions of an object say the same but for the version. */
export function saysTheSame(a: KubeObject, b: KubeObject): boolean {
  return text(a) === text(b);
}

function text(object: KubeObject): string {
  const { resourceVersion: _, ...metadata } = object.metadata;
  return JSON.stringify({ ...object, metadata });
}

function reasonOf(status: unknown, path: 'state.waiting' | 'state.terminated'): Record<string, unknown> {
  const state = readPath(status, path);
  return state === undefined ? {} : { [path.slice('state.'.length)]: pick(state, ['reason']) };
}

function pick(from: unknown, keys: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(
    keys.map((key) => [key, readPath(from, key)] as const).filter(([, value]) => value !== undefined),
  );
}

function kept(
  record: Readonly<Record<string, string>>,
  keep: (key: string) => boolean | undefined,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(record)
      .filter(([key]) => keep(key))
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}
