import type { Machine } from '../../api/types/index.js';
import type { KubeObject } from '../../api/types/meta.js';
import { controllerOf, isDeleting } from '../contract.js';
import { ANNOTATION } from '../names.js';

/** Which of the waits before an instance goes apply to a Machine that is deleted, seen at one moment. */
export interface DeletionOutlook {
  readonly preDrainHooks: boolean;
  readonly drain: boolean;
  readonly volumes: boolean;
  /** Hooks of others; the one of the control plane is `member`. */
  readonly preTerminateHooks: boolean;
  /** It has to leave its control plane before its instance goes. */
  readonly member: boolean;
}

/** Nothing is waited for: the instance may go. */
export const NOTHING_TO_WAIT_FOR: DeletionOutlook = {
  preDrainHooks: false,
  drain: false,
  volumes: false,
  preTerminateHooks: false,
  member: false,
};

export const PRE_DRAIN_HOOK = 'pre-drain.delete.hook.machine.cluster.x-k8s.io';
export const PRE_TERMINATE_HOOK = 'pre-terminate.delete.hook.machine.cluster.x-k8s.io';

/** Annotations of a Machine that hold its deletion at a stage, sorted. */
export const hooksOf = (machine: Machine, prefix: string): string[] =>
  Object.keys(machine.metadata.annotations ?? {})
    .filter((key) => key.startsWith(prefix))
    .sort();

/** The pre-terminate hook that is ours to remove: it stands for the member of a control plane of ours. */
export const isOwnHook = (machine: Machine, hook: string): boolean =>
  hook === ANNOTATION.kcpCleanup && controllerOf(machine)?.kind === 'KubeadmControlPlane';

/** Pre-terminate hooks that somebody else has to remove. */
export const foreignHooks = (machine: Machine): string[] =>
  hooksOf(machine, PRE_TERMINATE_HOOK).filter((hook) => !isOwnHook(machine, hook));

/** What decides whether the Node of a machine may be drained and deleted. */
export interface NodeView {
  readonly clusterDeleting: boolean;
  readonly nodeName: string | undefined;
  /** Absent: there is no such object. */
  readonly controlPlane?: { readonly deleting: boolean; readonly external: boolean };
  /** Control plane Machines of the cluster that are not being deleted. */
  readonly controlPlaneMachines: number;
}

/** Why a Node is left alone, or undefined when it may be drained and deleted. Source: capi machine isDeleteNodeAllowed. */
export function nodeIsLeftAlone(view: NodeView): string | undefined {
  if (view.clusterDeleting) return 'the cluster is being deleted';
  if (view.nodeName === undefined) return 'the machine has no Node';
  if (view.controlPlane?.deleting) return 'the control plane is being deleted';
  if (view.controlPlane?.external) return undefined;
  return view.controlPlaneMachines === 0 ? 'no control plane machine is left' : undefined;
}

const isOver = (since: string | undefined, seconds: number | undefined, now: number): boolean =>
  since !== undefined && seconds !== undefined && seconds > 0 && now - Date.parse(since) >= seconds * 1000;

/** What the outlook is made of. */
export interface OutlookInput {
  readonly machine: Machine;
  readonly infrastructure: KubeObject | undefined;
  /** Its Node may be drained and deleted. */
  readonly node: boolean;
  readonly member: boolean;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/**
 * Which waits apply. Once the wait for pre-terminate hooks began nothing is drained any more: the API server that would be asked may be going (capi#11591); the
 * same where the instance goes or has gone already.
 */
export function deletionOutlook({ machine, infrastructure, node, member, now }: OutlookInput): DeletionOutlook {
  const { annotations = {} } = machine.metadata;
  const times = machine.status?.deletion;
  const limits = machine.spec.deletion;
  const early =
    node &&
    times?.waitForPreTerminateHookStartTime === undefined &&
    infrastructure !== undefined &&
    !isDeleting(infrastructure);
  return {
    preDrainHooks: node && hooksOf(machine, PRE_DRAIN_HOOK).length > 0,
    drain:
      early &&
      annotations[ANNOTATION.excludeNodeDraining] === undefined &&
      !isOver(times?.nodeDrainStartTime, limits?.nodeDrainTimeoutSeconds, now),
    volumes:
      early &&
      annotations[ANNOTATION.excludeVolumeDetach] === undefined &&
      !isOver(times?.waitForNodeVolumeDetachStartTime, limits?.nodeVolumeDetachTimeoutSeconds, now),
    preTerminateHooks: foreignHooks(machine).length > 0,
    member,
  };
}
