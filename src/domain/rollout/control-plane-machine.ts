import type { Machine } from '../../api/types/index.js';
import type { Condition } from '../../api/types/meta.js';
import { findCondition, isTrue } from '../conditions.js';
import { isDeleting } from '../contract.js';
import type { ControlPlaneMachine, Problem, RemediationRecord } from '../facts.js';
import { ANNOTATION } from '../names.js';
import { COMPONENT_CONDITIONS, ETCD_CONDITIONS } from '../status/control-plane.js';

const MESSAGE_LIMIT = 160;

const conditionsOf = (machine: Machine): Condition[] | undefined =>
  machine.status?.conditions as Condition[] | undefined;

/** How a control plane's planner sees one of its machines; `outdated` says why it is to be replaced. */
export function controlPlaneMachine(
  machine: Machine,
  managedEtcd: boolean,
  outdated: readonly string[],
): ControlPlaneMachine {
  const conditions = conditionsOf(machine);
  const problems = problemsOf(machine, managedEtcd);
  const node = machine.status?.nodeRef?.name;
  const urgency = urgencyOf(machine, managedEtcd);
  const record = recordOf(machine.metadata.annotations?.[ANNOTATION.remediationFor]);
  return {
    name: machine.metadata.name,
    deleting: isDeleting(machine),
    ready: isTrue(conditions, 'Ready'),
    hasNode: node !== undefined,
    available: isTrue(conditions, 'Available'),
    healthy: problems.length === 0,
    upToDate: outdated.length === 0,
    deleteFirst: machine.metadata.annotations?.[ANNOTATION.deleteMachine] !== undefined,
    createdAt: machine.metadata.creationTimestamp ?? '',
    ...(machine.spec.failureDomain ? { failureDomain: machine.spec.failureDomain } : {}),
    ...(node === undefined ? {} : { node }),
    outdated,
    problems,
    etcdHealthy: isTrue(conditions, 'EtcdMemberHealthy'),
    sick: findCondition(conditions, 'HealthCheckSucceeded')?.status === 'False',
    ...(urgency === undefined ? {} : { urgency }),
    ...(record ? { remediationFor: record } : {}),
  };
}

/** The preflight predicates that a machine fails, in upstream's words. Source: capi kcp scale.go preflightCheckCondition. */
export function problemsOf(machine: Machine, managedEtcd: boolean): Problem[] {
  const { name } = machine.metadata;
  if (machine.status?.nodeRef === undefined) {
    const message = `Machine ${name} does not have a corresponding Node yet (Machine.status.nodeRef not set)`;
    return [{ about: 'components', message }];
  }
  const types = [...COMPONENT_CONDITIONS, ...(managedEtcd ? ETCD_CONDITIONS : [])];
  return types.flatMap((type): Problem[] => {
    const condition = findCondition(conditionsOf(machine), type);
    if (condition?.status === 'True') return [];
    const about = type === 'EtcdMemberHealthy' ? 'etcd' : 'components';
    if (!condition) return [{ about, message: `Machine ${name} does not have ${type} condition` }];
    const verdict = condition.status === 'False' ? 'false' : 'unknown';
    const detail = (condition.message || condition.reason).slice(0, MESSAGE_LIMIT);
    return [{ about, message: `Machine ${name} reports ${type} condition is ${verdict} (${detail})` }];
  });
}

/**
 * How urgently a machine that a health check wants replaced is to be: who asks for it by annotation comes first, then what never became a Node, then the
 * one with the worse trouble. Undefined when nobody wants it replaced by its control plane. Source: capi kcp remediation.go getMachineToBeRemediated.
 */
export function urgencyOf(machine: Machine, managedEtcd: boolean): number | undefined {
  const conditions = conditionsOf(machine);
  const flagged = ['HealthCheckSucceeded', 'OwnerRemediated'].every(
    (type) => findCondition(conditions, type)?.status === 'False',
  );
  if (!flagged) return undefined;
  const troubles = [
    machine.metadata.annotations?.[ANNOTATION.remediateMachine] !== undefined,
    machine.status?.nodeRef === undefined,
    managedEtcd && !isTrue(conditions, 'EtcdMemberHealthy'),
    managedEtcd && !isTrue(conditions, 'EtcdPodHealthy'),
    !isTrue(conditions, 'APIServerPodHealthy'),
    !isTrue(conditions, 'ControllerManagerPodHealthy'),
    !isTrue(conditions, 'SchedulerPodHealthy'),
    !isTrue(conditions, 'NodeKubeadmLabelsAndTaintsSet'),
  ];
  return troubles.reduce((rank, trouble) => rank * 2 + (trouble ? 1 : 0), 0);
}

/** The record in an annotation; undefined when there is none, or when it is none that we or upstream wrote. */
export function recordOf(annotation: string | undefined): RemediationRecord | undefined {
  if (annotation === undefined) return undefined;
  try {
    const { machine, timestamp, retryCount } = JSON.parse(annotation) as Partial<RemediationRecord>;
    if (typeof machine !== 'string' || machine === '' || Number.isNaN(Date.parse(timestamp ?? ''))) return undefined;
    return { machine, timestamp: timestamp ?? '', retryCount: typeof retryCount === 'number' ? retryCount : 0 };
  } catch {
    // edited by hand into something else: as good as absent
    return undefined;
  }
}

/** The text of the annotation. */
export function recordText({ machine, timestamp, retryCount }: RemediationRecord): string {
  return JSON.stringify({ machine, timestamp, retryCount });
}

/** Whether the machine that takes the place of the replaced one exists: made for it, or made since. */
export function isReplaced(record: RemediationRecord, machines: readonly Machine[]): boolean {
  return machines.some((m) => {
    if (m.metadata.name === record.machine) return false;
    const of = recordOf(m.metadata.annotations?.[ANNOTATION.remediationFor]);
    const madeFor = of?.machine === record.machine && of.timestamp === record.timestamp;
    return madeFor || Date.parse(m.metadata.creationTimestamp ?? '') > Date.parse(record.timestamp);
  });
}

/** The replacement in progress, else the latest one that a machine was made for; for the status. */
export function lastRemediation(
  current: RemediationRecord | undefined,
  machines: readonly Machine[],
): RemediationRecord | undefined {
  if (current) return current;
  return machines
    .map((m) => recordOf(m.metadata.annotations?.[ANNOTATION.remediationFor]))
    .filter((r) => r !== undefined)
    .sort((a, b) => Date.parse(b.timestamp) - Date.parse(a.timestamp))[0];
}
