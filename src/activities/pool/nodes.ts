import type { Cluster, Machine, MachinePool } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import type { Condition, KubeObject } from '../../api/types/meta.js';
import {
  type AlsoSynced,
  matchNode,
  type NodeSyncOptions,
  nodeAddresses,
  nodePatch,
} from '../../domain/bootstrap/node-sync.js';
import { isTrue } from '../../domain/conditions.js';
import { readPath } from '../../domain/contract.js';
import { isFailure } from '../../domain/errors.js';
import type { Kube } from '../../kube/kube.js';
import type { ActivityDeps } from '../deps.js';
import { unlessGone } from '../kube/write.js';
import { memberOf } from './subject.js';

/** An instance of a pool, as far as its Node is concerned. */
export interface Member {
  readonly providerID: string;
  readonly addresses?: readonly { readonly type: string; readonly address: string }[];
  readonly interruptible?: boolean;
}

const OWNER_KIND = 'cluster.x-k8s.io/owner-kind';
const OWNER_NAME = 'cluster.x-k8s.io/owner-name';

/**
 * Finds the Nodes of a pool's instances and brings labels, annotations and taints up to date; with `initialize` a Node without providerID gets that of the
 * instance whose name or address it has. Where an instance has a Machine, its Node is brought in line with that. Answers those that are there, by name. Idempotent; writes nothing when nothing is to change.
 */
export async function syncPoolNodes(
  workload: Kube,
  pool: MachinePool,
  members: readonly Member[],
  initialize: boolean,
  signal: AbortSignal,
  machines: readonly Machine[] = [],
  alsoSynced?: AlsoSynced,
): Promise<KubeObject[]> {
  if (members.length === 0) return [];
  const all = await workload.list<KubeObject>(KINDS.Node, {}, signal);
  const found: KubeObject[] = [];
  for (const member of members) {
    const { providerID, addresses = [], interruptible = false } = member;
    const known = machines.find((m) => m.spec.providerID === providerID);
    const machine = known ?? memberOf(pool, { providerID, addresses });
    const match = matchNode(all, machine, initialize);
    if (!match || !('node' in match)) continue;
    const options = {
      initializeCloud: initialize,
      ...(interruptible ? { interruptible } : {}),
      ...(alsoSynced ? { alsoSynced } : {}),
    };
    const node = await brought(workload, machine, match.node, options, signal);
    if (node) found.push(node);
  }
  return found.sort((a, b) => a.metadata.name.localeCompare(b.metadata.name));
}

/** The Node as it should be. One that its kubelet wrote to meanwhile is left for the next look. */
async function brought(
  workload: Kube,
  machine: ReturnType<typeof memberOf>,
  node: KubeObject,
  options: NodeSyncOptions,
  signal: AbortSignal,
): Promise<KubeObject | undefined> {
  const ref = { name: node.metadata.name };
  const patch = nodePatch(machine, node, options);
  const addresses = nodeAddresses(machine, node, options);
  try {
    let now: KubeObject = node;
    if (patch) now = await workload.mergePatch<KubeObject>(KINDS.Node, ref, patch, { signal });
    if (addresses)
      now = await workload.mergePatch(KINDS.Node, ref, { status: { addresses } }, { signal, subresource: 'status' });
    return now;
  } catch (error) {
    if (isFailure(error, 'NotFound')) return undefined;
    if (isFailure(error, 'Conflict')) return node;
    throw error;
  }
}

/**
 * Deletes Nodes that were the pool's and whose instance is in it no more; with none given, all of them. Nodes that never carried the pool's name are left alone:
 * nobody knows whose they are. So are those of `machines` that still answer: their Machines drain and delete them. Source: capi
 * machinepool_controller_noderef.go deleteRetiredNodes.
 */
export async function removeRetiredNodes(
  workload: Kube,
  pool: MachinePool,
  providerIDs: readonly string[],
  signal: AbortSignal,
  machines: readonly Machine[] = [],
): Promise<string[]> {
  const listed = new Set(providerIDs);
  const drained = new Set(machines.map((m) => m.spec.providerID));
  const nodes = await workload.list<KubeObject>(KINDS.Node, {}, signal);
  const retired = nodes.filter(({ metadata: { annotations = {} }, ...node }) => {
    const providerID = readPath(node, 'spec.providerID');
    return (
      annotations[OWNER_KIND] === 'MachinePool' &&
      annotations[OWNER_NAME] === pool.metadata.name &&
      annotations['cluster.x-k8s.io/cluster-namespace'] === pool.metadata.namespace &&
      typeof providerID === 'string' &&
      !listed.has(providerID) &&
      !(drained.has(providerID) && isReady(node))
    );
  });
  for (const { metadata } of retired) {
    const { name, uid } = metadata;
    await unlessGone(workload.delete(KINDS.Node, { name }, { ...(uid ? { uid } : {}), signal }));
  }
  return retired.map((n) => n.metadata.name);
}

const isReady = (node: object): boolean =>
  isTrue(readPath(node, 'status.conditions') as Condition[] | undefined, 'Ready');

/** A client of the workload cluster, or why there is none: not known is not absent. */
export async function workloadOf(
  deps: ActivityDeps,
  cluster: Cluster,
): Promise<{ readonly workload: Kube } | { readonly why: string }> {
  const { signal } = deps.scope();
  try {
    return { workload: await deps.workload(cluster, signal) };
  } catch (error) {
    signal.throwIfAborted();
    return { why: error instanceof Error ? error.message : String(error) };
  }
}
