import type { Machine } from '../api/types/index.js';
import type { KubeObject } from '../api/types/meta.js';
import { controllerOf, isControlPlaneMachine, readPath } from './contract.js';

export const UNINITIALIZED_TAINT = 'node.cluster.x-k8s.io/uninitialized';
export const CLOUD_UNINITIALIZED_TAINT = 'node.cloudprovider.kubernetes.io/uninitialized';
const CONTROL_PLANE = 'node-role.kubernetes.io/control-plane';

export interface Taint {
  readonly key: string;
  readonly value?: string;
  readonly effect: string;
}

export interface NodeWish {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly dropLabels: readonly string[];
  readonly taints: readonly Taint[] | undefined;
}

/** Labels of a Machine that its Node carries too. Source: capi machine_controller_noderef.go. */
export function isSyncedLabel(key: string): boolean {
  const domain = key.includes('/') ? (key.split('/')[0] ?? '') : '';
  return (
    key.startsWith('node-role.kubernetes.io') ||
    domain === 'node-restriction.kubernetes.io' ||
    domain.endsWith('.node-restriction.kubernetes.io') ||
    domain === 'node.cluster.x-k8s.io' ||
    domain.endsWith('.node.cluster.x-k8s.io')
  );
}

const taintsOf = (node: KubeObject): Taint[] => (readPath(node, 'spec.taints') ?? []) as Taint[];

/**
 * What the Node of a machine should say: ownership annotations, synced labels (those synced earlier and no longer wanted go), no
 * uninitialized taint, and for control-plane nodes kubeadm's label. Pure; `undefined` when the Node already says it.
 */
export function nodeWish(
  machine: Machine,
  node: KubeObject,
  options: { readonly initializeCloud: boolean },
): NodeWish | undefined {
  const synced = Object.fromEntries(Object.entries(machine.metadata.labels ?? {}).filter(([k]) => isSyncedLabel(k)));
  const labels: Record<string, string> = {
    ...synced,
    ...(isControlPlaneMachine(machine) ? { [CONTROL_PLANE]: '' } : {}),
  };
  const before = (node.metadata.annotations?.['cluster.x-k8s.io/labels-from-machine'] ?? '')
    .split(',')
    .filter((k) => k !== '');
  const dropLabels = before.filter((k) => synced[k] === undefined && node.metadata.labels?.[k] !== undefined);
  const owner = controllerOf(machine);
  const annotations: Record<string, string> = {
    'cluster.x-k8s.io/cluster-name': machine.spec.clusterName,
    'cluster.x-k8s.io/cluster-namespace': machine.metadata.namespace ?? '',
    'cluster.x-k8s.io/machine': machine.metadata.name,
    'cluster.x-k8s.io/labels-from-machine': Object.keys(synced).sort().join(','),
    ...(owner ? { 'cluster.x-k8s.io/owner-kind': owner.kind, 'cluster.x-k8s.io/owner-name': owner.name } : {}),
  };
  const drop = new Set([UNINITIALIZED_TAINT, ...(options.initializeCloud ? [CLOUD_UNINITIALIZED_TAINT] : [])]);
  const taints = taintsOf(node).filter((t) => !drop.has(t.key));
  const tainted = taints.length !== taintsOf(node).length;
  const same =
    Object.entries(labels).every(([k, v]) => node.metadata.labels?.[k] === v) &&
    Object.entries(annotations).every(([k, v]) => node.metadata.annotations?.[k] === v) &&
    dropLabels.length === 0 &&
    !tainted;
  return same ? undefined : { labels, annotations, dropLabels, taints: tainted ? taints : undefined };
}

/** Addresses a Machine is known by, for finding a Node that has no providerID yet. */
export function matchesAddresses(
  node: KubeObject,
  addresses: readonly { readonly type: string; readonly address: string }[],
): boolean {
  const internal = new Set(addresses.filter((a) => a.type === 'InternalIP').map((a) => a.address));
  const names = new Set(
    addresses.filter((a) => a.type === 'Hostname' || a.type === 'InternalDNS').map((a) => a.address),
  );
  const own = (readPath(node, 'status.addresses') ?? []) as { type: string; address: string }[];
  return names.has(node.metadata.name) || own.some((a) => a.type === 'InternalIP' && internal.has(a.address));
}

/** The Node of a machine: by providerID, else (where we initialize nodes) one without any that has the instance's address. More than one is an error. */
export function findNode(
  nodes: readonly KubeObject[],
  machine: Machine,
  initializeCloud: boolean,
): KubeObject | 'ambiguous' | undefined {
  const providerID = machine.spec.providerID;
  if (!providerID) return undefined;
  const exact = nodes.filter((n) => readPath(n, 'spec.providerID') === providerID);
  if (exact.length > 1) return 'ambiguous';
  if (exact[0] || !initializeCloud) return exact[0];
  const addresses = (machine.status?.addresses ?? []) as { type: string; address: string }[];
  const similar = nodes.filter((n) => !readPath(n, 'spec.providerID') && matchesAddresses(n, addresses));
  return similar.length > 1 ? 'ambiguous' : similar[0];
}
