import type { Machine, MachineDeployment, MachineSet } from '../../api/types/index.js';
import type { Condition, KubeObject } from '../../api/types/meta.js';
import { type NodeSyncOptions, nodePatch } from '../../domain/bootstrap/node-sync.js';
import { podCondition } from '../../domain/bootstrap/static-pods.js';
import { findCondition } from '../../domain/conditions.js';
import { readPath } from '../../domain/contract.js';
import { isOutdatedRevision } from '../../domain/rollout/revision.js';
import { NODE_INFO, nodeConditions, toNodeView } from '../../domain/status/node.js';
import { clusterNameOf, controllerOf } from '../references.js';
import type { Workload, World } from '../world.js';

/**
 * What a status says otherwise than the workload cluster. While both agree there is no gap and nothing to look at: so heartbeats, and a lane's own
 * work, wake nobody, and a bridge that begins wakes only whom something happened to.
 */
export interface Gap {
  readonly text: string;
  /** Something got worse. The rest is told only when it stands for a while: an operation that follows it tells it itself. */
  readonly urgent: boolean;
}

/** Between a Machine and its Node. None before the Machine had one: its operation waits for that, and a machine that waits is not woken by it. Pure. */
export function nodeGap(machine: KubeObject, world: World): Gap | undefined {
  if (!hasNode(machine) || machine.metadata.deletionTimestamp !== undefined) return undefined;
  const workload = workloadOf(machine, world);
  if (!workload) return undefined;
  if (workload.link === 'dark') return unlessSaid(machine, 'NodeHealthy', 'ConnectionDown');
  if (workload.link !== 'up' || !workload.listed) return undefined;
  const node = workload.nodeOf(machine);
  if (!node) return unlessSaid(machine, 'NodeHealthy', 'NodeDeleted');
  const told = nodeConditions(toNodeView(node)).map((c) => ({ ...c, stored: conditionOf(machine, c.type) }));
  const differing = told.filter((c) => saying(c) !== (c.stored ? saying(c.stored) : ''));
  const others = [
    ...(readPath(machine, 'status.nodeRef.name') === node.metadata.name ? [] : ['name']),
    ...(sameInfo(machine, node) ? [] : [`nodeInfo ${JSON.stringify(readPath(node, 'status.nodeInfo'))}`]),
    ...marksGap(machine as Machine, node, {
      ...outdatedOf(machine as Machine, world),
      ...(world.alsoSynced ? { alsoSynced: world.alsoSynced } : {}),
    }),
  ];
  if (differing.length + others.length === 0) return undefined;
  const text = [...differing.map((c) => `${c.type} ${saying(c)}`), ...others].join('; ');
  return { text, urgent: differing.some((c) => c.stored?.status === 'True') };
}

/** Between a control plane's Machines and their static pods, and what is said of a control plane that cannot be reached. Pure. */
export function controlPlaneGap(controlPlane: KubeObject, world: World): Gap | undefined {
  if (controlPlane.metadata.deletionTimestamp !== undefined) return undefined;
  const members = world
    .ownedBy(controlPlane.metadata.uid)
    .filter((m) => m.kind === 'Machine' && hasNode(m) && m.metadata.deletionTimestamp === undefined);
  const [first] = members;
  const workload = first && workloadOf(first, world);
  if (!workload) return undefined;
  const type = 'ControlPlaneComponentsHealthy';
  if (workload.link === 'dark') return unlessSaid(controlPlane, type, 'ConnectionDown');
  if (workload.link !== 'up' || !workload.listed) return undefined;
  const lines = members.flatMap((machine) => {
    const node = workload.nodeOf(machine);
    return node ? componentGaps(machine, node, workload.pods()) : [];
  });
  if (conditionOf(controlPlane, type)?.reason === 'ConnectionDown') lines.push('connected');
  return lines.length === 0 ? undefined : { text: lines.join('; '), urgent: false };
}

/** Between a Cluster's RemoteConnectionProbe and the bridge's own connection. Pure. */
export function connectionGap(cluster: KubeObject, world: World): Gap | undefined {
  if (cluster.metadata.deletionTimestamp !== undefined) return undefined;
  const link = world.workload(cluster.metadata.namespace ?? '', cluster.metadata.name)?.link;
  const said = conditionOf(cluster, 'RemoteConnectionProbe')?.status;
  if (link === 'up' && said !== 'True') return { text: 'up', urgent: false };
  if ((link === 'lost' || link === 'dark') && said === 'True') return { text: 'lost', urgent: true };
  return undefined;
}

/**
 * What ails a Machine's Node in the eyes of a health check: its conditions that are in a state the check calls unhealthy, since when, and whether it is
 * gone. Empty while nothing does, or nobody follows the cluster: so Nodes that are well wake no health check. Pure.
 */
export function nodeIlls(machine: KubeObject, check: KubeObject, world: World): string {
  const workload = workloadOf(machine, world);
  if (!workload?.listed) return '';
  const node = workload.nodeOf(machine);
  if (!node) return hasNode(machine) ? 'deleted' : '';
  const conditions = (readPath(node, 'status.conditions') ?? []) as readonly Condition[];
  const watched = (readPath(check, 'spec.checks.unhealthyNodeConditions') ?? []) as readonly Condition[];
  return conditions
    .filter((c) => watched.some(({ type, status }) => type === c.type && status === c.status))
    .map((c) => `${c.type}=${c.status} since ${c.lastTransitionTime ?? ''}`)
    .sort()
    .join(',');
}

const hasNode = (machine: KubeObject): boolean => readPath(machine, 'status.nodeRef.name') !== undefined;

function workloadOf(member: KubeObject, world: World): Workload | undefined {
  const cluster = clusterNameOf(member);
  return cluster === undefined ? undefined : world.workload(member.metadata.namespace ?? '', cluster);
}

function conditionOf(object: KubeObject, type: string): Condition | undefined {
  return findCondition(readPath(object, 'status.conditions') as Condition[] | undefined, type);
}

function unlessSaid(object: KubeObject, type: string, reason: string): Gap | undefined {
  return conditionOf(object, type)?.reason === reason ? undefined : { text: reason, urgent: true };
}

interface Said {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message?: string;
}

/** Status, reason, and for its health which conditions of the Node are named: its messages are not kept. */
function saying({ type, status, reason, message = '' }: Said): string {
  const named = type === 'NodeHealthy' ? [...message.matchAll(/^\* Node\.(\w+)/gm)].map((match) => match[1]) : [];
  // one line for all of them names none
  const pressures = status === 'False' && !named.includes('AllConditions') ? named.sort().join(',') : '';
  return `${status}/${reason}${pressures === '' ? '' : `/${pressures}`}`;
}

function sameInfo(machine: KubeObject, node: KubeObject): boolean {
  const [stored, told] = [machine, node].map((o) => readPath(o, 'status.nodeInfo') ?? {});
  return NODE_INFO.every((key) => JSON.stringify(readPath(stored, key)) === JSON.stringify(readPath(told, key)));
}

/** Labels, annotations and taints that the Machine's lane keeps in step. What it alone knows is taken as it is on the Node. */
function marksGap(machine: Machine, node: KubeObject, known: Partial<NodeSyncOptions>): string[] {
  const interruptible = node.metadata.labels?.['cluster.x-k8s.io/interruptible'] !== undefined;
  const patch = nodePatch(machine, node, { initializeCloud: false, syncTaints: true, interruptible, ...known });
  if (!patch) return [];
  const { labels, annotations } = patch.metadata;
  return [`marks ${JSON.stringify([labels, annotations, patch.spec ?? {}])}`];
}

/** Said of a Machine by the revisions of its set and deployment. A rollout opens a gap once, which its lane closes. */
function outdatedOf(machine: Machine, world: World): Pick<NodeSyncOptions, 'outdated'> {
  const above = (object: KubeObject | undefined, kind: string): KubeObject | undefined => {
    const owner = object && controllerOf(object);
    return owner?.kind === kind
      ? world.get({ kind, namespace: machine.metadata.namespace ?? '', name: owner.name })
      : undefined;
  };
  const set = above(machine, 'MachineSet') as MachineSet | undefined;
  const outdated = isOutdatedRevision(machine, set, above(set, 'MachineDeployment') as MachineDeployment | undefined);
  return outdated === undefined ? {} : { outdated };
}

const COMPONENTS = {
  APIServerPodHealthy: 'kube-apiserver',
  ControllerManagerPodHealthy: 'kube-controller-manager',
  SchedulerPodHealthy: 'kube-scheduler',
  EtcdPodHealthy: 'etcd',
} as const;

function componentGaps(machine: KubeObject, node: KubeObject, pods: readonly KubeObject[]): string[] {
  return Object.entries(COMPONENTS).flatMap(([type, component]) => {
    const stored = conditionOf(machine, type);
    if (!stored) return [];
    const now = podCondition(type, component, node, pods);
    return now.status === stored.status ? [] : [`${machine.metadata.name} ${type} ${now.status}`];
  });
}
