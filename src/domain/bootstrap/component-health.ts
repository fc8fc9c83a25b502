import type { Machine } from '../../api/types/index.js';
import type { KubeObject } from '../../api/types/meta.js';
import type { ConditionInput } from '../conditions.js';
import { isDeleting, readPath } from '../contract.js';
import type { EtcdMember } from './etcd-quorum.js';
import { podCondition } from './static-pods.js';

/** etcd as one member sees it, or why it could not be asked. */
export type EtcdObservation =
  | {
      readonly members: readonly EtcdMember[];
      readonly alarms: readonly { readonly memberId: string; readonly name: string }[];
    }
  | { readonly error: string };

/** One control plane machine and what was found of it in the workload cluster. */
export interface ComponentsView {
  readonly machine: Machine;
  /** The Node named by the machine's nodeRef; undefined when there is none. */
  readonly node: KubeObject | undefined;
  /** Static pods of kube-system, of this and other nodes. */
  readonly pods: readonly KubeObject[];
  /** Undefined with an external etcd. */
  readonly etcd: EtcdObservation | undefined;
  /** kubeadm was told, or left, to put its taint on the node. */
  readonly wantsTaint: boolean;
}

const COMPONENTS = [
  ['APIServerPodHealthy', 'kube-apiserver'],
  ['ControllerManagerPodHealthy', 'kube-controller-manager'],
  ['SchedulerPodHealthy', 'kube-scheduler'],
] as const;
const ETCD_POD = ['EtcdPodHealthy', 'etcd'] as const;
const MEMBER = 'EtcdMemberHealthy';
const MARKS = 'NodeKubeadmLabelsAndTaintsSet';
const CONTROL_PLANE = 'node-role.kubernetes.io/control-plane';

interface Taint {
  readonly key: string;
  readonly effect: string;
}

/**
 * The conditions of one control plane machine that speak of its components. Source: capi controlplane/kubeadm/pkg/workload_cluster_conditions.go;
 * reasons and messages are upstream's.
 */
export function componentConditions(view: ComponentsView): ConditionInput[] {
  const { machine, node } = view;
  const managed = view.etcd !== undefined;
  if (isDeleting(machine)) {
    const gone = everyCondition(managed, 'False', 'Deleting', 'Machine is deleting');
    return node ? [...gone.filter((c) => c.type !== MARKS), marksCondition(view, node)] : gone;
  }
  const blind = whyBlind(view);
  if (blind !== undefined) {
    const unknown = everyCondition(managed, 'Unknown', 'InspectionFailed', blind);
    // etcd answers for its member even when the Node does not say anything.
    return machine.status?.nodeRef && managed
      ? [...unknown.filter((c) => c.type !== MEMBER), memberCondition(view)]
      : unknown;
  }
  const pods = podTypes(managed).map(([type, component]) =>
    podCondition(type, component, node as KubeObject, view.pods),
  );
  return [...pods, ...(managed ? [memberCondition(view)] : []), marksCondition(view, node as KubeObject)];
}

/** All component conditions with one answer: the workload cluster cannot be reached, or inspection makes no sense. */
export function everyCondition(
  managedEtcd: boolean,
  status: 'False' | 'Unknown',
  reason: string,
  message: string,
): ConditionInput[] {
  const types = [...podTypes(managedEtcd).map(([type]) => type), ...(managedEtcd ? [MEMBER] : []), MARKS];
  return types.map((type) => ({ type, status, reason, message }));
}

function podTypes(managedEtcd: boolean): (readonly [type: string, component: string])[] {
  return [...COMPONENTS, ...(managedEtcd ? [ETCD_POD] : [])];
}

/** Why nothing can be said about the machine's pods, or undefined when it can. */
function whyBlind({ machine, node }: ComponentsView): string | undefined {
  const name = machine.status?.nodeRef?.name;
  if (name === undefined) {
    return machine.spec.providerID
      ? `Waiting for a Node with spec.providerID ${machine.spec.providerID} to exist`
      : `Waiting for ${machine.spec.infrastructureRef.kind} to report spec.providerID`;
  }
  if (node === undefined) return `Node ${name} does not exist`;
  const unreachable = taintsOf(node).some(
    (t) => t.key === 'node.kubernetes.io/unreachable' && t.effect === 'NoExecute',
  );
  return unreachable ? `Node ${name} is unreachable` : undefined;
}

function memberCondition({ machine, etcd }: ComponentsView): ConditionInput {
  const type = MEMBER;
  const node = machine.status?.nodeRef?.name ?? '';
  if (etcd === undefined || 'error' in etcd) {
    return {
      type,
      status: 'Unknown',
      reason: 'InspectionFailed',
      message: `Failed to connect to etcd: ${etcd?.error ?? 'not asked'}`,
    };
  }
  const bad = (message: string): ConditionInput => ({ type, status: 'False', reason: 'NotHealthy', message });
  const member = etcd.members.find((m) => m.name === node);
  if (member === undefined) {
    const names = etcd.members.map((m) => m.name || `name not set yet for member with id ${m.id}`);
    return bad(
      `Etcd reports the cluster is composed by [${names.join(' ')}], but the etcd member hosted on Machine ${machine.metadata.name} (${node}) is not included`,
    );
  }
  if (member.learner) return bad('Waiting for learner etcd member to be promoted');
  const alarms = etcd.alarms.filter((a) => a.memberId === member.id).map((a) => a.name);
  return alarms.length > 0
    ? bad(`Etcd reports alarms: ${alarms.join(', ')}`)
    : { type, status: 'True', reason: 'Healthy' };
}

function marksCondition({ machine, wantsTaint }: ComponentsView, node: KubeObject): ConditionInput {
  const tainted = taintsOf(node).some((t) => t.key === CONTROL_PLANE && t.effect === 'NoSchedule');
  const asked =
    wantsTaint || (machine.spec.taints ?? []).some((t) => t.key === CONTROL_PLANE && t.effect === 'NoSchedule');
  const missing = [
    ...(node.metadata.labels?.[CONTROL_PLANE] === undefined ? [`the ${CONTROL_PLANE} label`] : []),
    ...(asked && !tainted ? [`the ${CONTROL_PLANE}:NoSchedule taint`] : []),
  ];
  if (missing.length === 0) return { type: MARKS, status: 'True', reason: 'Set' };
  return {
    type: MARKS,
    status: 'False',
    reason: 'NotSet',
    message: `Node ${node.metadata.name} does not have ${missing.join(' and ')}`,
  };
}

function taintsOf(node: KubeObject): readonly Taint[] {
  return (readPath(node, 'spec.taints') ?? []) as Taint[];
}

/** What does not fit together between Machines, Nodes and etcd members; for the control plane's own conditions. */
export function mismatches(
  machines: readonly Machine[],
  controlPlaneNodes: readonly string[],
  members: readonly EtcdMember[] | undefined,
): { readonly nodes: string[]; readonly members: string[] } {
  const hosted = new Set(machines.map((m) => m.status?.nodeRef?.name));
  const provisioning = machines.some((m) => m.status?.nodeRef === undefined);
  // While a machine starts, a Node or member without Machine may be its own.
  const nodes = provisioning ? [] : controlPlaneNodes.filter((name) => !hosted.has(name));
  const strays = (members ?? []).filter((m) => !hosted.has(m.name));
  return {
    nodes: nodes.map((name) => `Control plane Node ${name} does not have a corresponding Machine`),
    members: strays.map(
      (m) => `Etcd member ${m.name || `${m.id} (Name not yet assigned)`} does not have a corresponding Machine`,
    ),
  };
}
