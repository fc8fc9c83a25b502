import type { KubeObject } from '../api/types/meta.js';
import { isPaused, keyOf } from '../domain/contract.js';
import { LABEL } from '../domain/names.js';
import { LANES, laneId } from '../workflows/names.js';
import { clusterOf } from './dependencies.js';
import type { LaneSignal } from './lane-port.js';
import type { Priority } from './queue.js';
import { clusterNameOf, reference } from './references.js';
import { sourceOf } from './sources.js';
import type { World } from './world.js';

const KEYWORD_LIMIT = 250;

/** Deletions first, then what clusters stand on, then the rest. The same order holds in the queue and in Temporal. */
export function priorityOf(object: KubeObject): Priority {
  if (object.metadata.deletionTimestamp !== undefined) return 1;
  if (object.kind === 'Cluster' || object.kind === 'KubeadmControlPlane') return 2;
  return object.metadata.labels?.[LABEL.controlPlane] === undefined ? 3 : 2;
}

/** The signal for the lane of `object`. Pure. Under 1 kB, no secrets: names, counters and a reason. */
export function signalFor(object: KubeObject, world: World, reason: string): LaneSignal {
  const key = keyOf(object);
  const workflowType = LANES[object.kind];
  if (workflowType === undefined) throw new Error(`kind ${object.kind} has no lane`);
  const cluster = `${key.namespace}/${clusterOf(object, world)?.metadata.name ?? clusterNameOf(object) ?? key.name}`;
  const provider = providerOf(object, world);
  const resource = sourceOf(object.kind)?.kind;
  return {
    workflowType,
    workflowId: laneId(key),
    input: { key },
    change: {
      generation: object.metadata.generation ?? 0,
      deleting: object.metadata.deletionTimestamp !== undefined,
      ...(isPaused(object, clusterOf(object, world)) ? { paused: true } : {}),
      reason,
    },
    summary: `${key.kind} ${key.namespace}/${key.name}`,
    details: [
      `\`kubectl -n ${key.namespace} describe ${resource ? `${resource.plural}.${resource.group}` : key.kind.toLowerCase()} ${key.name}\``,
      `opened because: ${reason}`,
    ].join('\n\n'),
    memo: { apiVersion: object.apiVersion, kind: key.kind, namespace: key.namespace, name: key.name, uid: key.uid },
    attributes: {
      PerdureCluster: cluster.slice(0, KEYWORD_LIMIT),
      PerdureKind: key.kind,
      PerdureObject: `${key.namespace}/${key.name}`.slice(0, KEYWORD_LIMIT),
      ...(provider === undefined ? {} : { PerdureProvider: provider }),
    },
    priority: priorityOf(object),
    fairnessKey: cluster.slice(0, 64),
  };
}

function providerOf(object: KubeObject, world: World): string | undefined {
  for (const at of [object, clusterOf(object, world)]) {
    const paths = ['spec.infrastructureRef', 'spec.template.spec.infrastructureRef'];
    const ref = at && paths.map((path) => reference(at, path)).find((found) => found !== undefined);
    const provider = ref && sourceOf(ref.kind)?.provider;
    if (provider !== undefined) return provider;
  }
  return undefined;
}
