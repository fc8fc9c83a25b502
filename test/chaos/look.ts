import type { Cluster, Machine } from '../../src/api/types/index.js';
import { KINDS } from '../../src/api/types/kinds.js';
import { untilTrue } from '../../src/cli/demo/wait.js';
import { isTrue } from '../../src/domain/conditions.js';
import { isControlPlaneMachine } from '../../src/domain/contract.js';
import { LABEL } from '../../src/domain/names.js';
import type { InventoryItem } from '../../src/sandbox/moto/types.js';
import type { Arena } from './arena.js';

/** Boots on a busy machine while processes die take long; nothing is judged by time but "never". */
export const NEVER_MS = 20 * 60_000;

export interface Target {
  readonly namespace: string;
  readonly name: string;
}

export interface Size {
  readonly controlPlane: number;
  readonly workers: number;
}

/** What has to be there, and the Machines that may not be any more. */
export interface Wanted extends Size {
  readonly departing: readonly string[];
}

/** Waits until exactly the wanted machines exist, all Available, the Cluster Available, and no workflow of it is open. */
export async function settled(
  arena: Arena,
  target: Target,
  wanted: Wanted,
  say: (line: string) => void,
): Promise<void> {
  const what = `${target.name} with ${wanted.controlPlane} + ${wanted.workers} machines`;
  await untilTrue(what, NEVER_MS, say, () => settledYet(arena, target, wanted));
}

/** Looks once whether that is so. */
export async function settledYet(
  arena: Arena,
  target: Target,
  { controlPlane, workers, departing }: Wanted,
): Promise<{ done?: true; note: string }> {
  const machines = await arena.kube.list<Machine>(KINDS.Machine, { namespace: target.namespace });
  const cluster = await arena.kube.get<Cluster>(KINDS.Cluster, target);
  const planes = machines.filter(isControlPlaneMachine);
  const others = machines.filter((m) => !isControlPlaneMachine(m));
  const available = (list: readonly Machine[]): number =>
    list.filter((m) => isTrue(m.status?.conditions, 'Available') && !m.metadata.deletionTimestamp).length;
  const counts = [planes.length, available(planes), others.length, available(others)];
  const exact = counts.join() === [controlPlane, controlPlane, workers, workers].join();
  const old = machines.filter((m) => departing.includes(m.metadata.name)).length;
  const note = `control plane ${counts[1]}/${counts[0]}, workers ${counts[3]}/${counts[2]} available${old > 0 ? `, ${old} to go` : ''}`;
  if (!exact || old > 0) return { note };
  if (!isTrue(cluster?.status?.conditions, 'Available')) return { note: `${note}; the Cluster is not` };
  const open = await openWorkflows(arena, target);
  return open.length === 0 ? { done: true, note } : { note: `still open: ${open.join(', ')}` };
}

/** Waits until the Cluster and every object of its namespace are gone and no workflow of it is open. */
export async function gone(arena: Arena, target: Target, say: (line: string) => void): Promise<void> {
  await untilTrue(`deletion of ${target.name}`, NEVER_MS, say, async () => {
    const cluster = await arena.kube.get<Cluster>(KINDS.Cluster, target);
    if (cluster) {
      const deleting = cluster.status?.conditions?.find((c) => c.type === 'Deleting');
      return { note: `${deleting?.reason ?? ''} ${deleting?.message.split('\n').join('; ') ?? ''}` };
    }
    const left = await ownedObjects(arena, target);
    if (left.length > 0) return { note: `left: ${left.join(', ')}` };
    const open = await openWorkflows(arena, target);
    return open.length === 0 ? { done: true, note: '' } : { note: `still open: ${open.join(', ')}` };
  });
}

const OWNED = [
  KINDS.KubeadmControlPlane,
  KINDS.MachineDeployment,
  KINDS.MachineSet,
  KINDS.MachineHealthCheck,
  KINDS.Machine,
  KINDS.KubeadmConfig,
  KINDS.AWSMachine,
  KINDS.AWSCluster,
  KINDS.Secret,
] as const;

/** What the Cluster owns and is there, `Machine a-xyz`. Garbage collection may take its time: what is too much is waited for. */
export async function ownedObjects(arena: Arena, { namespace, name }: Target): Promise<string[]> {
  const lists = await Promise.all(
    OWNED.map(async (kind) => {
      const scope =
        kind === KINDS.Secret ? { namespace, labelSelector: `${LABEL.clusterName}=${name}` } : { namespace };
      return (await arena.kube.list(kind, scope)).map((o) => `${kind.kind} ${o.metadata.name}`);
    }),
  );
  return lists.flat();
}

/** Open workflows of the cluster, lanes and operations. */
export async function openWorkflows(arena: Arena, { namespace, name }: Target): Promise<string[]> {
  const open: string[] = [];
  const query = `ExecutionStatus = 'Running' AND PerdureCluster = "${namespace}/${name}"`;
  for await (const info of arena.temporal.workflow.list({ query })) open.push(`${info.type} ${info.workflowId}`);
  return open.sort();
}

/** Sweeps of accounts: none may be there without a cluster. */
export async function schedules(arena: Arena): Promise<string[]> {
  const found: string[] = [];
  for await (const { scheduleId } of arena.temporal.schedule.list()) found.push(`schedule ${scheduleId}`);
  return found.sort();
}

/** Whatever runs in Temporal and is not its own housekeeping. */
export async function allOpenWorkflows(arena: Arena): Promise<string[]> {
  const open: string[] = [];
  for await (const info of arena.temporal.workflow.list({ query: "ExecutionStatus = 'Running'" }))
    if (!info.type.startsWith('temporal-sys')) open.push(`${info.type} ${info.workflowId}`);
  return open.sort();
}

export const label = (i: InventoryItem): string =>
  `${i.type} ${i.id}${i.name && i.name !== i.id ? ` (${i.name})` : ''}`;

/** What one inventory has and the other has not, for people; empty when they are equal. */
export function inventoryChanges(before: readonly InventoryItem[], after: readonly InventoryItem[]): string[] {
  const key = (i: InventoryItem): string => `${i.account}/${i.region}/${i.type}/${i.id}`;
  const had = new Set(before.map(key));
  const has = new Set(after.map(key));
  return [
    ...after.filter((i) => !had.has(key(i))).map((i) => `left over: ${label(i)}`),
    ...before.filter((i) => !has.has(key(i))).map((i) => `missing: ${label(i)}`),
  ];
}
