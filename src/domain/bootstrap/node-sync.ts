import type { Machine, MachineTaint } from '../../api/types/index.js';
import type { KubeObject } from '../../api/types/meta.js';
import { controllerOf, isControlPlaneMachine, readPath } from '../contract.js';

export interface Taint {
  readonly key: string;
  readonly value?: string;
  readonly effect: string;
  readonly timeAdded?: string;
}

/** Labels and annotations of Machines that go to their Nodes besides those that always do: a pattern matches somewhere in the name, domain included. */
export interface AlsoSynced {
  readonly labels: readonly RegExp[];
  readonly annotations: readonly RegExp[];
}

export interface NodeSyncOptions {
  /** No cloud controller manager runs in the cluster: Perdure does its part of a Node's initialization. */
  readonly initializeCloud: boolean;
  /** The instance may be taken away by the cloud (status.interruptible of the infra machine); undefined leaves the label as it is. */
  readonly interruptible?: boolean;
  /** The machine belongs to an outdated revision of its deployment; undefined leaves the taint as it is. */
  readonly outdated?: boolean;
  /** Copies spec.taints of the Machine, and takes away those copied earlier. */
  readonly syncTaints?: boolean;
  readonly alsoSynced?: AlsoSynced;
}

const UNINITIALIZED: Taint = { key: 'node.cluster.x-k8s.io/uninitialized', effect: 'NoSchedule' };
const OUTDATED: Taint = { key: 'node.cluster.x-k8s.io/outdated-revision', effect: 'PreferNoSchedule' };
const CLOUD_UNINITIALIZED = 'node.cloudprovider.kubernetes.io/uninitialized';
const CONTROL_PLANE_LABEL = 'node-role.kubernetes.io/control-plane';
const INTERRUPTIBLE_LABEL = 'cluster.x-k8s.io/interruptible';
export const LABELS_FROM_MACHINE = 'cluster.x-k8s.io/labels-from-machine';
export const ANNOTATIONS_FROM_MACHINE = 'cluster.x-k8s.io/annotations-from-machine';
const TAINTS_FROM_MACHINE = 'cluster.x-k8s.io/taints-from-machine';
const NODE_DOMAIN = 'node.cluster.x-k8s.io';
const RESTRICTED_DOMAIN = 'node-restriction.kubernetes.io';

/** Our own bookkeeping on Machines changes without anybody's wish. */
const OWN_DOMAIN = 'perdure.dev';

const domainOf = (key: string): string => key.split('/')[0] ?? '';
const isWithin = (domain: string, parent: string): boolean => domain === parent || domain.endsWith(`.${parent}`);

/** Labels of a Machine that its Node carries too. Source: capi util/labels GetManagedLabels. */
export function isSyncedLabel(key: string): boolean {
  const domain = domainOf(key);
  return domain === 'node-role.kubernetes.io' || isWithin(domain, RESTRICTED_DOMAIN) || isWithin(domain, NODE_DOMAIN);
}

/** Annotations of a Machine that its Node carries too. */
export function isSyncedAnnotation(key: string): boolean {
  return isWithin(domainOf(key), NODE_DOMAIN);
}

const matchesAny = (key: string, patterns: readonly RegExp[] = []): boolean =>
  domainOf(key) !== OWN_DOMAIN && patterns.some((pattern) => pattern.test(key));

/** A JSON merge patch that brings a Node up to date, under the optimistic lock. */
export interface NodePatch {
  readonly metadata: {
    readonly resourceVersion: string | undefined;
    readonly labels: Readonly<Record<string, string | null>>;
    readonly annotations: Readonly<Record<string, string | null>>;
  };
  readonly spec?: { readonly taints?: readonly Taint[]; readonly providerID?: string };
}

/**
 * What is to change on the Node of `machine`, or undefined when nothing is. Labels and annotations that were synced earlier and are not wanted
 * any more go; all others, and all foreign taints, stay. A Node without providerID gets the machine's only when Perdure initializes nodes.
 * Source: capi machine_controller_noderef.go patchNode.
 */
export function nodePatch(machine: Machine, node: KubeObject, options: NodeSyncOptions): NodePatch | undefined {
  const taints = wantedTaints(machine, node, options);
  const labels = labelChanges(machine, node, options);
  const annotations = annotationChanges(machine, node, taints.tracked, labels.synced, options);
  const providerID =
    options.initializeCloud && !readPath(node, 'spec.providerID') ? machine.spec.providerID : undefined;
  const spec = { ...(taints.changed ? { taints: taints.list } : {}), ...(providerID ? { providerID } : {}) };
  const nothing = [labels.changes, annotations, spec].every((part) => Object.keys(part).length === 0);
  if (nothing) return undefined;
  return {
    metadata: { resourceVersion: node.metadata.resourceVersion, labels: labels.changes, annotations },
    ...(Object.keys(spec).length > 0 ? { spec } : {}),
  };
}

export interface NodeAddress {
  readonly type: string;
  readonly address: string;
}

/**
 * Addresses a Node is to have, or undefined when it has them: those of its machine, which a cloud controller manager would have written. Without
 * an InternalIP the API server cannot reach the kubelet, so `kubectl logs` and `exec` fail.
 */
export function nodeAddresses(
  machine: Machine,
  node: KubeObject,
  { initializeCloud }: NodeSyncOptions,
): readonly NodeAddress[] | undefined {
  const current = (readPath(node, 'status.addresses') ?? []) as NodeAddress[];
  const known = (machine.status?.addresses ?? []) as readonly NodeAddress[];
  const isInternal = (a: NodeAddress): boolean => a.type === 'InternalIP';
  if (!initializeCloud || current.some(isInternal) || !known.some(isInternal)) return undefined;
  const isThere = (a: NodeAddress): boolean => current.some((c) => c.type === a.type && c.address === a.address);
  return [...current, ...known.filter((a) => !isThere(a)).map(({ type, address }) => ({ type, address }))];
}

function labelChanges(machine: Machine, node: KubeObject, options: NodeSyncOptions) {
  const wanted = Object.fromEntries(
    Object.entries(machine.metadata.labels ?? {}).filter(
      ([key]) => isSyncedLabel(key) || matchesAny(key, options.alsoSynced?.labels),
    ),
  );
  const before = listOf(node.metadata.annotations?.[LABELS_FROM_MACHINE]);
  if (options.interruptible ?? before.includes(INTERRUPTIBLE_LABEL)) wanted[INTERRUPTIBLE_LABEL] = '';
  const synced = Object.keys(wanted).sort();
  // kubeadm marks its control planes itself; a Node it has not reached yet is marked here.
  if (isControlPlaneMachine(machine)) wanted[CONTROL_PLANE_LABEL] ??= node.metadata.labels?.[CONTROL_PLANE_LABEL] ?? '';
  return { synced, changes: differences(node.metadata.labels, wanted, before) };
}

function annotationChanges(
  machine: Machine,
  node: KubeObject,
  trackedTaints: string | undefined,
  syncedLabels: readonly string[],
  { alsoSynced }: NodeSyncOptions,
) {
  const owner = controllerOf(machine);
  const own: Record<string, string | undefined> = {
    'cluster.x-k8s.io/cluster-name': machine.spec.clusterName,
    'cluster.x-k8s.io/cluster-namespace': machine.metadata.namespace ?? '',
    // an instance of a pool is no object
    'cluster.x-k8s.io/machine': machine.kind === 'MachinePool' ? undefined : machine.metadata.name,
    'cluster.x-k8s.io/owner-kind': owner?.kind,
    'cluster.x-k8s.io/owner-name': owner?.name,
  };
  const synced = Object.fromEntries(
    Object.entries(machine.metadata.annotations ?? {}).filter(
      ([key]) => isSyncedAnnotation(key) || matchesAny(key, alsoSynced?.annotations),
    ),
  );
  const wanted: Record<string, string> = {
    ...Object.fromEntries(Object.entries(own).filter((entry): entry is [string, string] => entry[1] !== undefined)),
    ...synced,
    [LABELS_FROM_MACHINE]: syncedLabels.join(','),
    [ANNOTATIONS_FROM_MACHINE]: Object.keys(synced).sort().join(','),
    ...(trackedTaints === undefined ? {} : { [TAINTS_FROM_MACHINE]: trackedTaints }),
  };
  const before = [...listOf(node.metadata.annotations?.[ANNOTATIONS_FROM_MACHINE]), ...Object.keys(own)];
  return differences(node.metadata.annotations, wanted, before);
}

/** Values to set, and null for keys we set earlier that are not wanted any more. */
function differences(
  current: Readonly<Record<string, string>> | undefined,
  wanted: Readonly<Record<string, string>>,
  before: readonly string[],
): Record<string, string | null> {
  const set = Object.entries(wanted).filter(([key, value]) => current?.[key] !== value);
  const drop = before.filter((key) => wanted[key] === undefined && current?.[key] !== undefined);
  return { ...Object.fromEntries(set), ...Object.fromEntries(drop.map((key) => [key, null])) };
}

function wantedTaints(machine: Machine, node: KubeObject, options: NodeSyncOptions) {
  const current = (readPath(node, 'spec.taints') ?? []) as Taint[];
  const isTaint = (taint: Taint) => (t: Taint) => t.key === taint.key && t.effect === taint.effect;
  let list = current.filter(
    (t) => !isTaint(UNINITIALIZED)(t) && !(options.initializeCloud && t.key === CLOUD_UNINITIALIZED),
  );
  if (options.outdated === false) list = list.filter((t) => !isTaint(OUTDATED)(t));
  if (options.outdated === true && !list.some(isTaint(OUTDATED))) list = [...list, OUTDATED];
  const tracked = node.metadata.annotations?.[TAINTS_FROM_MACHINE];
  const { taints = [] } = machine.spec;
  const synced =
    options.syncTaints && (taints.length > 0 || tracked !== undefined)
      ? withMachineTaints(list, taints, tracked)
      : { list, tracked: undefined };
  return { ...synced, changed: JSON.stringify(synced.list) !== JSON.stringify(current) };
}

/** `Always` taints are kept as the Machine says, `OnInitialization` ones are set with the first sync only. */
function withMachineTaints(nodeTaints: readonly Taint[], wanted: readonly MachineTaint[], tracked: string | undefined) {
  const idOf = (t: { key: string; effect: string }): string => `${t.key}:${t.effect}`;
  const always = new Set(wanted.filter((t) => t.propagation === 'Always').map(idOf));
  const once = new Set(wanted.filter((t) => t.propagation === 'OnInitialization').map(idOf));
  const gone = new Set(listOf(tracked).filter((id) => !always.has(id) && !once.has(id)));
  const list = nodeTaints.filter((t) => !gone.has(idOf(t)));
  for (const { key, value, effect, propagation } of wanted) {
    if (propagation === 'OnInitialization' && tracked !== undefined) continue;
    const taint: Taint = { key, effect, ...(value === undefined ? {} : { value }) };
    const at = list.findIndex((t) => idOf(t) === idOf(taint));
    if (at < 0) list.push(taint);
    else if (list[at]?.value !== value) list[at] = taint;
  }
  return { list, tracked: [...always].sort().join(',') };
}

/** The names in an annotation that remembers what was synced. */
export function listOf(text: string | undefined): string[] {
  return (text ?? '').split(',').filter((item) => item !== '');
}

export type NodeMatch = { readonly node: KubeObject } | { readonly ambiguous: readonly string[] } | undefined;

/**
 * The Node of a machine: the one with its providerID. Where Perdure initializes nodes, else one without any providerID that has the name or the
 * internal address of the instance. A Node that already has another providerID is never taken. Pure.
 */
export function matchNode(nodes: readonly KubeObject[], machine: Machine, initializeCloud: boolean): NodeMatch {
  const { providerID } = machine.spec;
  if (!providerID) return undefined;
  const exact = nodes.filter((n) => readPath(n, 'spec.providerID') === providerID);
  const found =
    exact.length > 0 || !initializeCloud
      ? exact
      : nodes.filter((n) => !readPath(n, 'spec.providerID') && looksLike(n, machine));
  if (found.length > 1) return { ambiguous: found.map((n) => n.metadata.name).sort() };
  return found[0] ? { node: found[0] } : undefined;
}

function looksLike(node: KubeObject, machine: Machine): boolean {
  const known = machine.status?.addresses ?? [];
  const names = new Set(
    known.filter((a) => a.type === 'Hostname' || a.type === 'InternalDNS').map((a) => a.address.toLowerCase()),
  );
  const internal = new Set(known.filter((a) => a.type === 'InternalIP').map((a) => a.address));
  const own = (readPath(node, 'status.addresses') ?? []) as { type: string; address: string }[];
  return names.has(node.metadata.name) || own.some((a) => a.type === 'InternalIP' && internal.has(a.address));
}
