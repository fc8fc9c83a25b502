import type { Condition, KubeObject } from '../api/types/meta.js';
import { findCondition } from '../domain/conditions.js';
import { endpointOf, isControlPlaneInitialized, readPath } from '../domain/contract.js';
import { ANNOTATION } from '../domain/names.js';
import { wishOf } from '../domain/user-spec.js';
import { roleOf } from './sources.js';

/**
 * What of one object can unblock another one's lane, as short text. Anything left out can change as often as it likes without waking anybody:
 * so the lanes' own status writes go nowhere unless somebody waits for what they say.
 */
export type Facts = string;

/** Stands for an object that is not there. */
export const ABSENT: Facts = 'absent';

/** What a control plane waits for on its Cluster. */
export function controlPlaneGate(cluster: KubeObject): Facts {
  const endpoint = endpointOf(cluster);
  return facts(cluster, [
    readPath(cluster, 'status.initialization.infrastructureProvisioned') === true,
    endpoint ? `${endpoint.host}:${endpoint.port}` : '',
  ]);
}

/** What sets and deployments wait for on their Cluster: that it is there. */
export const clusterIsThere = (cluster: KubeObject): Facts => facts(cluster, []);

/** What a Machine waits for on its Cluster: one gate, so that the steps on the way to it wake nobody. */
export function machineGate(cluster: KubeObject, early: boolean): Facts {
  return facts(cluster, [isMachineGateOpen(cluster, early)]);
}

export function isMachineGateOpen(cluster: KubeObject, early: boolean): boolean {
  const provisioned = readPath(cluster, 'status.initialization.infrastructureProvisioned') === true;
  return provisioned && (early || isInitialized(cluster));
}

/** What the owner of a Machine and its Cluster wait for on it. */
export function machineFacts(machine: KubeObject): Facts {
  return facts(machine, [
    ...['Ready', 'Available', 'UpToDate', 'NodeReady', 'NodeHealthy', 'HealthCheckSucceeded', 'OwnerRemediated'].map(
      (type) => status(machine, type),
    ),
    readPath(machine, 'status.nodeRef.name'),
    machine.metadata.annotations?.[ANNOTATION.deleteMachine] !== undefined,
  ]);
}

/** What a health check waits for on its Cluster: from when on Machines are judged. */
export function healthGate(cluster: KubeObject): Facts {
  return facts(cluster, [status(cluster, 'ControlPlaneInitialized'), status(cluster, 'InfrastructureReady')]);
}

/**
 * What a health check looks at on a Machine it selects. The conditions it writes itself are not in it, but that an owner is done with a Machine: then it
 * may have to be asked again. `node`: what is known of the Machine's Node, if anything.
 */
export function healthFacts(machine: KubeObject, check: KubeObject, node: Facts): Facts {
  const { annotations = {} } = machine.metadata;
  const watched = readPath(check, 'spec.checks.unhealthyMachineConditions');
  const types = Array.isArray(watched) ? watched.map((c) => String(readPath(c, 'type'))).sort() : [];
  return facts(machine, [
    ...[ANNOTATION.remediateMachine, ANNOTATION.skipRemediation, ANNOTATION.paused].map(
      (a) => annotations[a] !== undefined,
    ),
    readPath(machine, 'status.nodeRef.name'),
    status(machine, 'InfrastructureReady'),
    node,
    ...[...new Set(types)].map((type) => since(machine, type)),
    status(machine, 'OwnerRemediated') === 'True' ? 'remediated' : '',
  ]);
}

/** What a Machine's own conditions say of its Node. */
export function nodeFactsOnMachine(machine: KubeObject): Facts {
  const healthy = condition(machine, 'NodeHealthy');
  return [status(machine, 'NodeReady'), healthy?.status ?? '', healthy?.reason ?? ''].join(',');
}

/**
 * Gates and health verdicts that others write on an object, when its own summary does not say the same yet. While both agree, all good or not, there
 * is nothing to look at: a machine that starts passes five gates and wakes nobody. Without a Node it cannot be ready, whatever they say; who waits for
 * the Node looks at them then.
 */
export function gateFacts(object: KubeObject): Facts {
  const gates = [...list(object, 'spec.readinessGates'), ...list(object, 'spec.availabilityGates')];
  const verdicts = object.kind === 'Machine' ? ['HealthCheckSucceeded', 'OwnerRemediated'] : [];
  const known = [
    ...gates.map((type) => [type, status(object, type)] as const),
    ...verdicts.map((type) => [type, status(object, type)] as const).filter(([, s]) => s !== ''),
  ];
  if (known.length === 0) return '';
  const good = known.every(([, s]) => s === 'True');
  if (good && object.kind === 'Machine' && readPath(object, 'status.nodeRef') === undefined) return '';
  const summary = status(object, object.kind === 'Machine' ? 'Ready' : 'Available') === 'True';
  return good === summary ? '' : known.map(([type, s]) => `${type}=${s}`).join(',');
}

function list(object: KubeObject, path: string): string[] {
  const gates = readPath(object, path);
  return Array.isArray(gates) ? gates.map((g) => String(readPath(g, 'conditionType'))) : [];
}

/** What the owner of a set of replicas and its Cluster wait for on it. */
export function replicaFacts(object: KubeObject): Facts {
  return facts(object, [
    readPath(object, 'spec.replicas'),
    ...['replicas', 'readyReplicas', 'availableReplicas', 'upToDateReplicas', 'version'].map((f) =>
      readPath(object, `status.${f}`),
    ),
    status(object, 'Available'),
    isControlPlaneInitialized(object),
  ]);
}

/** The versions a control plane is to have and has: what the preflight checks of MachineSets look at. */
export function versionFacts(cluster: KubeObject, controlPlane: KubeObject | undefined): Facts {
  if (!controlPlane) return ABSENT;
  return facts(controlPlane, [
    readPath(controlPlane, 'spec.version'),
    readPath(controlPlane, 'status.version'),
    readPath(cluster, 'spec.topology.version'),
    cluster.metadata.annotations?.[ANNOTATION.upgradeStep],
  ]);
}

/** What the remediation of a MachineSet goes by on its MachineDeployment. */
export function remediationFacts(deployment: KubeObject | undefined): Facts {
  return deployment ? facts(deployment, [readPath(deployment, 'spec.remediation.maxInFlight')]) : ABSENT;
}

/** What is told at once of a set of replicas, while its counters may lag: whether it is available, all there, and whether it failed. */
export function verdictOf(object: KubeObject): Facts {
  const wanted = readPath(object, 'spec.replicas') ?? 1;
  const complete = ['replicas', 'availableReplicas'].every((f) => (readPath(object, `status.${f}`) ?? 0) === wanted);
  const failed = object.metadata.annotations?.[ANNOTATION.lastFailure] !== undefined;
  return facts(object, [status(object, 'Available'), complete, ...(failed ? ['failed'] : [])]);
}

/** What a lane waits for on an object it depends on, by the role of that object's kind. */
export function factsOf(object: KubeObject | undefined, nowMs: number): Facts {
  if (!object) return ABSENT;
  switch (roleOf(object.kind)) {
    case 'lane':
      if (object.kind === 'Cluster') return clusterIsThere(object);
      return object.kind === 'Machine' ? machineFacts(object) : replicaFacts(object);
    case 'bootstrap':
    case 'infraMachine':
    case 'infraCluster':
      // Its operation follows what becomes of it; the lane is woken by what people do to it, and by a date it has to show.
      return facts(object, [
        wishOf(object),
        readPath(object, 'status.failureReason'),
        object.metadata.annotations?.[ANNOTATION.certificatesExpiry],
      ]);
    case 'identity':
      return facts(object, [object.metadata.generation]);
    case 'secret':
      // That they are there, whether they are the same ones, and whether it is time to renew them.
      return facts(object, isDue(object, nowMs) ? ['due'] : []);
    default:
      // Templates: that they are there, whether they are the same ones, and which preflight checks they spare their sets.
      return facts(object, [object.metadata.annotations?.[ANNOTATION.skipPreflight]]);
  }
}

/** A Secret whose contents are to be renewed by now, or a control plane of which a machine is. */
export function isDue({ metadata }: KubeObject, nowMs: number): boolean {
  return Date.parse(metadata.annotations?.[ANNOTATION.renewAfter] ?? '') < nowMs;
}

/** The boolean or the condition: third parties write one or the other first. */
function isInitialized(cluster: KubeObject): boolean {
  return isControlPlaneInitialized(cluster) || status(cluster, 'ControlPlaneInitialized') === 'True';
}

function facts(object: KubeObject, values: readonly unknown[]): Facts {
  const deleting = object.metadata.deletionTimestamp === undefined ? '' : 'deleting';
  return [object.metadata.uid, deleting, ...values].map((value) => String(value ?? '')).join('|');
}

function condition(object: KubeObject, type: string): Condition | undefined {
  return findCondition(readPath(object, 'status.conditions') as Condition[] | undefined, type);
}

function status(object: KubeObject, type: string): string {
  return condition(object, type)?.status ?? '';
}

function since(object: KubeObject, type: string): string {
  const found = condition(object, type);
  return found ? `${found.status}@${found.lastTransitionTime}` : '';
}
