import type { KubeObject } from '../../api/types/meta.js';
import type { ConditionInput } from '../conditions.js';
import { readPath } from '../contract.js';

interface ContainerStatus {
  readonly state?: {
    readonly waiting?: { readonly reason?: string };
    readonly terminated?: { readonly reason?: string };
  };
  readonly lastState?: { readonly terminated?: { readonly exitCode?: number } };
}

const ALL_TERMINATED = 'All the containers have been terminated';

/** State of the static pod of one component on one node. Source: capi workload_cluster_conditions.go updateStaticPodCondition. */
export function podCondition(
  type: string,
  component: string,
  node: KubeObject,
  pods: readonly KubeObject[],
): ConditionInput {
  if (conditionOf(node, 'Ready') === 'Unknown') {
    return {
      type,
      status: 'Unknown',
      reason: 'InspectionFailed',
      message: 'Node Ready condition is Unknown, Pod data might be stale',
    };
  }
  const name = `${component}-${node.metadata.name}`;
  const pod = pods.find((p) => p.metadata.name === name);
  if (pod === undefined) return { type, status: 'False', reason: 'DoesNotExist', message: 'Pod does not exist' };
  switch (readPath(pod, 'status.phase')) {
    case 'Pending':
      return { type, status: 'False', reason: 'Provisioning', ...withMessage(pendingMessage(pod)) };
    case 'Running':
      return running(type, pod);
    case 'Succeeded':
    case 'Failed':
      return { type, status: 'False', reason: 'Failed', message: ALL_TERMINATED };
    default:
      return { type, status: 'Unknown', reason: 'InspectionFailed', message: 'Pod is reporting Unknown status' };
  }
}

function pendingMessage(pod: KubeObject): string {
  if (conditionOf(pod, 'PodScheduled') !== 'True') return 'Waiting to be scheduled';
  if (conditionOf(pod, 'Initialized') !== 'True') return 'Running init containers';
  // What a static pod waits for most: an image that cannot be pulled.
  return containersOf(pod)
    .map((c) => c.state?.waiting?.reason)
    .filter(Boolean)
    .join(', ');
}

function running(type: string, pod: KubeObject): ConditionInput {
  if (conditionOf(pod, 'Ready') === 'True') return { type, status: 'True', reason: 'Running' };
  const containers = containersOf(pod);
  const waiting = containers.map((c) => c.state?.waiting?.reason).filter((r) => r !== undefined);
  if (waiting.length > 0) {
    const crashed = containers.some((c) => (c.lastState?.terminated?.exitCode ?? 0) !== 0);
    return { type, status: 'False', reason: crashed ? 'Failed' : 'Provisioning', message: waiting.join(', ') };
  }
  const terminated = containers.map((c) => c.state?.terminated?.reason).filter((r) => r !== undefined);
  if (terminated.length > 0) return { type, status: 'False', reason: 'Failed', message: terminated.join(', ') };
  return { type, status: 'False', reason: 'Provisioning', message: 'Waiting for startup or readiness probes' };
}

function withMessage(message: string): { message?: string } {
  return message === '' ? {} : { message };
}

function containersOf(pod: KubeObject): readonly ContainerStatus[] {
  return (readPath(pod, 'status.containerStatuses') ?? []) as ContainerStatus[];
}

function conditionOf(object: KubeObject, type: string): string | undefined {
  const conditions = (readPath(object, 'status.conditions') ?? []) as { type: string; status: string }[];
  return conditions.find((c) => c.type === type)?.status;
}
