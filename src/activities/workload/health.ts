import type { Cluster, KubeadmConfig, KubeObject, Machine } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import type { Condition } from '../../api/types/meta.js';
import {
  componentConditions,
  type EtcdObservation,
  everyCondition,
  mismatches,
} from '../../domain/bootstrap/component-health.js';
import { type ConditionInput, findCondition } from '../../domain/conditions.js';
import { isDeleting } from '../../domain/contract.js';
import { PerdureError } from '../../domain/errors.js';
import { LABEL } from '../../domain/names.js';
import { holdOf } from '../../domain/status/connection.js';
import type { KubeClient } from '../../kube/client.js';
import type { Kube } from '../../kube/kube.js';
import type { KeyPair } from '../bootstrap/pki.js';
import { type Secret, secretText } from '../bootstrap/secrets.js';
import type { ActivityDeps } from '../deps.js';
import { type EtcdClient, type EtcdState, openEtcd } from './etcd.js';
import { clusterInitialized } from './nodes.js';

/** What inspection needs of the activities' dependencies. */
export type InspectionDeps = Pick<ActivityDeps, 'kube' | 'workload' | 'workloadAnswered' | 'scope' | 'now'>;

/** What a control plane looks like from inside its workload cluster. */
export interface Inspection {
  /** kubeadm has finished its init: ConfigMap kube-system/kubeadm-config exists. */
  readonly initialized: boolean;
  readonly etcd?: EtcdState;
  readonly connectionError?: string;
  /** The connection broke only just now: the conditions are those that were last seen. */
  readonly held?: boolean;
  /** Component conditions by Machine name. */
  readonly conditions: ReadonlyMap<string, readonly ConditionInput[]>;
  /** Nodes and etcd members that no Machine stands behind, as sentences; empty when all fits. */
  readonly mismatches: { readonly nodes: readonly string[]; readonly members: readonly string[] };
}

/** Opens the member on a node; replaced in tests. */
export type OpenEtcd = (
  workload: KubeClient,
  node: string,
  authority: KeyPair,
  signal: AbortSignal,
) => Promise<EtcdClient>;

const CONTROL_PLANE = 'node-role.kubernetes.io/control-plane';
const NONE = { nodes: [], members: [] };

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
const nodeNameOf = (machine: Machine): string | undefined => machine.status?.nodeRef?.name;

/** Reads static pods, Nodes and etcd of a control plane. "Cannot ask" is its own answer; nothing here is ever read as absent by mistake. */
export async function inspectControlPlane(
  deps: InspectionDeps,
  cluster: Cluster,
  machines: readonly Machine[],
  managedEtcd: boolean,
  open: OpenEtcd = openEtcd,
): Promise<Inspection> {
  const { signal } = deps.scope();
  try {
    const workload = await deps.workload(cluster, signal);
    const [initialized, nodes, pods, taints] = await Promise.all([
      clusterInitialized(workload, signal),
      controlPlaneNodes(workload, machines, signal),
      workload.list<KubeObject>(KINDS.Pod, { namespace: 'kube-system', labelSelector: 'tier=control-plane' }, signal),
      machinesWithTaint(deps.kube, cluster, machines, signal),
    ]);
    const etcd = managedEtcd ? await observeEtcd(deps, cluster, workload, machines, open) : undefined;
    const conditions = machines.map((machine) => {
      const node = nodes.find((n) => n.metadata.name === nodeNameOf(machine));
      const view = { machine, node, pods, etcd, wantsTaint: taints.has(machine.metadata.name) };
      return [machine.metadata.name, componentConditions(view)] as const;
    });
    const labelled = nodes.filter((n) => n.metadata.labels?.[CONTROL_PLANE] !== undefined).map((n) => n.metadata.name);
    const state = etcd !== undefined && 'members' in etcd ? (etcd as EtcdState) : undefined;
    return {
      initialized,
      conditions: new Map(conditions),
      mismatches: mismatches(machines, labelled, state?.members),
      ...(state ? { etcd: state } : {}),
    };
  } catch (error) {
    signal.throwIfAborted();
    const text = messageOf(error);
    const down = everyCondition(managedEtcd, 'Unknown', 'ConnectionDown', text);
    const { holds } = holdOf(cluster, deps.workloadAnswered?.(cluster), Date.parse(deps.now()));
    return {
      initialized: false,
      connectionError: text,
      ...(holds ? { held: true } : {}),
      conditions: new Map(machines.map((m) => [m.metadata.name, holds ? down.map((c) => lastSeen(m, c)) : down])),
      mismatches: NONE,
    };
  }
}

/** The condition of that type as it is stored, else the one given. */
function lastSeen(machine: Machine, otherwise: ConditionInput): ConditionInput {
  const stored = findCondition(machine.status?.conditions as Condition[] | undefined, otherwise.type);
  return stored
    ? { type: stored.type, status: stored.status, reason: stored.reason, message: stored.message }
    : otherwise;
}

/** Nodes labelled as control planes, and those of our machines that lost the label. */
async function controlPlaneNodes(
  workload: Kube,
  machines: readonly Machine[],
  signal: AbortSignal,
): Promise<KubeObject[]> {
  const labelled = await workload.list<KubeObject>(KINDS.Node, { labelSelector: CONTROL_PLANE }, signal);
  const known = new Set(labelled.map((n) => n.metadata.name));
  const unlabelled = machines.map(nodeNameOf).filter((name): name is string => name !== undefined && !known.has(name));
  const others = await Promise.all(unlabelled.map((name) => workload.get<KubeObject>(KINDS.Node, { name }, signal)));
  return [...labelled, ...others.filter((n) => n !== undefined)];
}

/** Machines whose kubeadm configuration asks for the control plane taint: by naming it, or by leaving the default. */
async function machinesWithTaint(
  kube: Kube,
  cluster: Cluster,
  machines: readonly Machine[],
  signal: AbortSignal,
): Promise<Set<string>> {
  const { namespace = '', name } = cluster.metadata;
  const configs = await kube.list<KubeadmConfig>(
    KINDS.KubeadmConfig,
    { namespace, labelSelector: `${LABEL.clusterName}=${name}` },
    signal,
  );
  const byName = new Map(configs.map((c) => [c.metadata.name, c]));
  return new Set(
    machines
      .filter((m) => asksForTaint(byName.get(m.spec.bootstrap.configRef?.name ?? '')))
      .map((m) => m.metadata.name),
  );
}

function asksForTaint(config: KubeadmConfig | undefined): boolean {
  if (config === undefined) return false;
  const { joinConfiguration, initConfiguration } = config.spec ?? {};
  const half = joinConfiguration?.controlPlane === undefined ? initConfiguration : joinConfiguration;
  const taints = half?.nodeRegistration?.taints;
  return taints === undefined || taints.some((t) => t.key === CONTROL_PLANE && t.effect === 'NoSchedule');
}

/** Asks the members one after the other until one answers for all, those last known as healthy first. */
async function observeEtcd(
  deps: InspectionDeps,
  cluster: Cluster,
  workload: KubeClient,
  machines: readonly Machine[],
  open: OpenEtcd,
): Promise<EtcdObservation | EtcdState> {
  const { signal } = deps.scope();
  const candidates = machines.filter((m) => nodeNameOf(m) !== undefined).sort((a, b) => rank(a) - rank(b));
  if (candidates.length === 0) return { error: 'no Machine has a Node yet' };
  const errors: string[] = [];
  try {
    const authority = await etcdAuthority(deps, cluster);
    for (const machine of candidates) {
      const seen = await viewFrom(open, workload, nodeNameOf(machine) ?? '', authority, signal);
      if (!('error' in seen)) return seen;
      errors.push(seen.error);
    }
  } catch (error) {
    signal.throwIfAborted();
    errors.push(messageOf(error));
  }
  return { error: errors.join('; ') };
}

function rank(machine: Machine): number {
  const healthy = machine.status?.conditions?.some((c) => c.type === 'EtcdMemberHealthy' && c.status === 'True');
  return (isDeleting(machine) ? 2 : 0) + (healthy ? 0 : 1);
}

async function viewFrom(
  open: OpenEtcd,
  workload: KubeClient,
  node: string,
  authority: KeyPair,
  signal: AbortSignal,
): Promise<EtcdState | { error: string }> {
  let client: EtcdClient | undefined;
  try {
    client = await open(workload, node, authority, signal);
    return await client.view();
  } catch (error) {
    signal.throwIfAborted();
    return { error: messageOf(error) };
  } finally {
    await client?.close();
  }
}

/**
 * Certificate authority of the cluster's etcd, from Secret `<cluster>-etcd`. Holds a secret. Throws `NotFound` when the Secret or one of its
 * keys is missing.
 */
export async function etcdAuthority(deps: Pick<InspectionDeps, 'kube' | 'scope'>, cluster: Cluster): Promise<KeyPair> {
  const { namespace = '', name } = cluster.metadata;
  const secret = await deps.kube.get<Secret>(KINDS.Secret, { namespace, name: `${name}-etcd` }, deps.scope().signal);
  const cert = secret && secretText(secret, 'tls.crt');
  const key = secret && secretText(secret, 'tls.key');
  if (cert && key) return { cert, key };
  throw new PerdureError(
    'NotFound',
    `secret ${namespace}/${name}-etcd (etcd CA) ${secret ? 'lacks tls.crt or tls.key' : 'is missing'}; restore it from a backup`,
  );
}
