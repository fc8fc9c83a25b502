import type { KubeObject } from '../api/types/meta.js';
import type { ConditionInput } from './conditions.js';
import { readPath } from './contract.js';

/** etcd as seen through one member. */
export interface EtcdView {
  readonly members: readonly { readonly id: string; readonly name: string; readonly learner: boolean }[];
  readonly leaderId: string;
  /** Members with an alarm raised. */
  readonly alarmed: readonly string[];
}

/** A control-plane node with the static pods of kube-system, its own and others'. */
export interface ControlPlaneNode {
  readonly name: string;
  readonly node: KubeObject | undefined;
  readonly pods: readonly KubeObject[];
}

const PODS: readonly (readonly [condition: string, component: string])[] = [
  ['APIServerPodHealthy', 'kube-apiserver'],
  ['ControllerManagerPodHealthy', 'kube-controller-manager'],
  ['SchedulerPodHealthy', 'kube-scheduler'],
];

/** Component conditions of one control-plane machine out of its static pods and its etcd member. Source: capi kcp workload_cluster_conditions.go. */
export function componentConditions(
  view: ControlPlaneNode,
  etcd: EtcdView | undefined,
  options: { readonly managedEtcd: boolean; readonly etcdError?: string },
): ConditionInput[] {
  const out = PODS.map(([type, component]) => podCondition(type, component, view));
  if (options.managedEtcd) {
    out.push(podCondition('EtcdPodHealthy', 'etcd', view));
    out.push(memberCondition(view.name, etcd, options.etcdError));
  }
  out.push(kubeadmMarks(view.node));
  return out;
}

/** All component conditions Unknown, with one reason: the workload cluster cannot be asked. */
export function unknownConditions(
  reason: 'InspectionFailed' | 'ConnectionDown',
  message: string,
  managedEtcd: boolean,
): ConditionInput[] {
  const types = [
    ...PODS.map(([t]) => t),
    ...(managedEtcd ? ['EtcdPodHealthy', 'EtcdMemberHealthy'] : []),
    'NodeKubeadmLabelsAndTaintsSet',
  ];
  return types.map((type) => ({ type, status: 'Unknown', reason, message }));
}

function podCondition(type: string, component: string, view: ControlPlaneNode): ConditionInput {
  const name = `${component}-${view.name}`;
  const pod = view.pods.find((p) => p.metadata.name === name);
  if (!pod) return { type, status: 'False', reason: 'DoesNotExist', message: `Pod ${name} does not exist` };
  if (pod.metadata.deletionTimestamp)
    return { type, status: 'False', reason: 'Deleting', message: `Pod ${name} is being deleted` };
  const phase = readPath(pod, 'status.phase');
  const ready = ((readPath(pod, 'status.conditions') ?? []) as { type: string; status: string }[]).some(
    (c) => c.type === 'Ready' && c.status === 'True',
  );
  if (phase === 'Running' && ready) return { type, status: 'True', reason: 'Running' };
  const statuses = (readPath(pod, 'status.containerStatuses') ?? []) as {
    state?: { waiting?: { reason?: string; message?: string }; terminated?: { reason?: string; message?: string } };
  }[];
  const bad = statuses.map((s) => s.state?.waiting ?? s.state?.terminated).find((s) => s !== undefined);
  const detail = bad ? [bad.reason, bad.message].filter(Boolean).join(': ') : 'waiting for startup or readiness probes';
  return phase === 'Failed' || phase === 'Succeeded'
    ? { type, status: 'False', reason: 'Failed', message: `All the containers of Pod ${name} have terminated` }
    : { type, status: 'False', reason: 'Provisioning', message: `Pod ${name}: ${detail}` };
}

function memberCondition(node: string, etcd: EtcdView | undefined, error: string | undefined): ConditionInput {
  const type = 'EtcdMemberHealthy';
  if (!etcd)
    return { type, status: 'Unknown', reason: 'InspectionFailed', message: error ?? 'etcd could not be asked' };
  const member = etcd.members.find((m) => m.name === node);
  if (!member) return { type, status: 'False', reason: 'NotHealthy', message: `etcd has no member named ${node}` };
  if (member.learner)
    return { type, status: 'False', reason: 'NotHealthy', message: `etcd member ${node} is still a learner` };
  if (etcd.alarmed.includes(member.id))
    return { type, status: 'False', reason: 'NotHealthy', message: `etcd member ${node} has an alarm raised` };
  return { type, status: 'True', reason: 'Healthy' };
}

function kubeadmMarks(node: KubeObject | undefined): ConditionInput {
  const type = 'NodeKubeadmLabelsAndTaintsSet';
  if (!node) return { type, status: 'Unknown', reason: 'InspectionFailed', message: 'the Node does not exist yet' };
  const labelled = node.metadata.labels?.['node-role.kubernetes.io/control-plane'] !== undefined;
  return labelled
    ? { type, status: 'True', reason: 'Set' }
    : { type, status: 'False', reason: 'NotSet', message: 'label node-role.kubernetes.io/control-plane is missing' };
}

/**
 * Whether the voters left once `leaving` is removed keep quorum; unhealthy ones are counted against it, and so is a learner that would stay.
 * Source: capi kcp etcd quorum projection.
 */
export function quorumAfterRemoval(
  etcd: EtcdView,
  leaving: string,
  unhealthy: ReadonlySet<string>,
): { readonly safe: boolean; readonly reason: string } {
  const voters = etcd.members.filter((m) => !m.learner && m.name !== leaving);
  const learners = etcd.members.filter((m) => m.learner && m.name !== leaving).length;
  const bad = voters.filter((m) => unhealthy.has(m.name) || m.name === '').length;
  const quorum = Math.floor(voters.length / 2) + 1;
  if (learners > 0) return { safe: false, reason: `${learners} etcd members are still learners` };
  if (voters.length === 0) return { safe: false, reason: `${leaving} is the last etcd member` };
  if (voters.length - bad < quorum)
    return {
      safe: false,
      reason: `after removing ${leaving}, ${voters.length - bad} of ${voters.length} etcd members would be healthy and quorum needs ${quorum}`,
    };
  return { safe: true, reason: '' };
}
