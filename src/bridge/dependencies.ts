import type { KubeObject } from '../api/types/meta.js';
import { isControlPlaneMachine, readPath } from '../domain/contract.js';
import { LABEL } from '../domain/names.js';
import { revisionNumber } from '../domain/rollout/revision.js';
import {
  ABSENT,
  clusterIsThere,
  controlPlaneGate,
  type Facts,
  factsOf,
  healthFacts,
  healthGate,
  isDue,
  isMachineGateOpen,
  machineGate,
  nodeFactsOnMachine,
  remediationFacts,
  verdictOf,
  versionFacts,
} from './facts.js';
import {
  clusterNameOf,
  controllerOf,
  parseRefKey,
  type Ref,
  reference,
  referencesOf,
  refKey,
  refOf,
} from './references.js';
import { selects } from './selection.js';
import { roleOf } from './sources.js';
import { connectionGap, controlPlaneGap, type Gap, nodeGap, nodeIlls } from './workload/gaps.js';
import type { World } from './world.js';

/** One thing the lane of an object may be waiting for. `name` is stable, for people and for comparing. */
export interface Dependency {
  readonly name: string;
  readonly facts: Facts;
}

const SETS = ['MachineSet', 'MachineDeployment', 'MachinePool', 'KubeadmControlPlane'];
const VERDICT = 'verdict of ';
const HEALTH_CHECK = 'MachineHealthCheck';
/** Begins the names of gaps that are told only when they stand for a while. */
export const SETTLING = 'settling ';
const GAPS = ['its Node', 'static pods', 'the connection'];

/** The Cluster an object belongs to, if it is there. A control plane may be named by its Cluster before anything on it names the Cluster. */
export function clusterOf(object: KubeObject, world: World): KubeObject | undefined {
  const namespace = object.metadata.namespace ?? '';
  const name = clusterNameOf(object);
  if (name !== undefined) return world.get({ kind: 'Cluster', namespace, name });
  return world.referrers(refOf(object)).find((referrer) => referrer.kind === 'Cluster');
}

/** All that can unblock the lane of `object`. Pure; what it returns decides, with the object itself, whether the lane is signalled. */
export function dependenciesOf(object: KubeObject, world: World): Dependency[] {
  const found = new Map<string, Facts>();
  const add = (ref: Ref): void => {
    const there = world.get(ref);
    found.set(refKey(ref), factsOf(there, world.now()));
    if (there && SETS.includes(ref.kind)) found.set(`${VERDICT}${refKey(ref)}`, verdictOf(there));
  };
  for (const ref of referencesOf(object)) if (roleOf(ref.kind)) add(ref);
  if (object.kind === 'Cluster') {
    for (const ref of identitiesOf(object, world)) add(ref);
    for (const member of members(object, world)) if (reportsToCluster(member)) add(refOf(member));
  } else {
    const cluster = clusterOf(object, world);
    found.set('Cluster', cluster ? clusterFactsFor(object, cluster) : ABSENT);
    for (const owned of world.ownedBy(object.metadata.uid)) if (isControlledBy(owned, object)) add(refOf(owned));
    if (object.kind === 'MachineSet') {
      const controlPlane = cluster && reference(cluster, 'spec.controlPlaneRef');
      if (controlPlane) found.set('versions of the control plane', versionFacts(cluster, world.get(controlPlane)));
      const owner = controllerOf(object);
      if (owner?.kind === 'MachineDeployment')
        found.set(
          'remediation of its deployment',
          remediationFacts(world.get({ ...refOf(object), kind: owner.kind, name: owner.name })),
        );
    }
  }
  if (object.kind === 'KubeadmControlPlane') {
    const cluster = clusterOf(object, world);
    // a rollout that the clock begins
    if (isDue(object, world.now())) found.set('time', 'due');
    for (const secret of cluster ? members(cluster, world) : []) if (isClusterSecret(secret)) add(refOf(secret));
    // Upstream keeps the control plane of a cluster until its workers are gone.
    if (object.metadata.deletionTimestamp !== undefined && cluster) {
      found.set('workers', String(members(cluster, world).some(isWorker)));
    }
  }
  if (object.kind === HEALTH_CHECK) {
    for (const machine of selectedBy(object, world))
      found.set(refKey(refOf(machine)), healthFacts(machine, object, nodeFacts(machine, object, world)));
  }
  const gap = gapOf(object, world);
  if (gap) found.set(gap.name, gap.text);
  return [...found].map(([name, facts]) => ({ name, facts })).sort((a, b) => (a.name < b.name ? -1 : 1));
}

const nodeFacts = (machine: KubeObject, check: KubeObject, world: World): Facts =>
  [nodeFactsOnMachine(machine), nodeIlls(machine, check, world)].join(',');

/** What the workload cluster says otherwise than the object's status, if anything. Pure. */
export function gapOf(object: KubeObject, world: World): (Gap & { readonly name: string }) | undefined {
  const [node, pods, connection] = GAPS as [string, string, string];
  const named = (name: string, gap: Gap | undefined) => gap && { ...gap, name: gap.urgent ? name : SETTLING + name };
  switch (object.kind) {
    case 'Machine':
      return named(node, nodeGap(object, world));
    case 'KubeadmControlPlane':
      return named(pods, controlPlaneGap(object, world));
    case 'Cluster':
      return named(connection, connectionGap(object, world));
    default:
      return undefined;
  }
}

/** Whether a dependency is a gap between a status and the workload cluster. */
export const isGap = (dependency: string): boolean => GAPS.includes(dependency.replace(SETTLING, ''));

/** Whether a Machine's Cluster can take it now. */
export const gateIsOpen = (machine: KubeObject, cluster: KubeObject): boolean =>
  isMachineGateOpen(cluster, bringsItsOwn(machine));

/** Whoever brings bootstrap data waits for the infrastructure only. */
const bringsItsOwn = (machine: KubeObject): boolean =>
  isControlPlaneMachine(machine) || readPath(machine, 'spec.bootstrap.dataSecretName') !== undefined;

function clusterFactsFor(object: KubeObject, cluster: KubeObject): Facts {
  if (object.kind === 'KubeadmControlPlane') return controlPlaneGate(cluster);
  if (object.kind === HEALTH_CHECK) return healthGate(cluster);
  // a pool brings bootstrap data of its own, or waits for the control plane
  if (object.kind === 'MachinePool') return machineGate(cluster, false);
  if (object.kind !== 'Machine') return clusterIsThere(cluster);
  return machineGate(cluster, bringsItsOwn(object));
}

/** The lanes that may be waiting for `object`, itself included when it has one: the inverse of `dependenciesOf`. Pure. */
export function lanesOf(object: KubeObject, world: World): Ref[] {
  const lanes = new Map<string, Ref>();
  const add = (ref: Ref | undefined): void => {
    if (ref && roleOf(ref.kind) === 'lane') lanes.set(refKey(ref), ref);
  };
  const self = refOf(object);
  add(self);
  for (const referrer of world.referrers(self)) {
    add(refOf(referrer));
    // An identity is named by infra clusters, which are named by Clusters.
    if (roleOf(referrer.kind) === 'infraCluster')
      for (const cluster of world.referrers(refOf(referrer))) add(refOf(cluster));
  }
  for (const owner of object.metadata.ownerReferences ?? []) {
    if (owner.controller === true || roleOf(object.kind) !== 'lane')
      add({ ...self, kind: owner.kind, name: owner.name });
    // bootstrap data belongs to a config, which belongs to a Machine
    if (object.kind === 'Secret')
      for (const of of world.referrers({ ...self, kind: owner.kind, name: owner.name })) add(refOf(of));
  }
  const cluster = clusterOf(object, world);
  if (object.kind === 'Cluster') for (const member of members(object, world)) add(refOf(member));
  if (cluster && object.kind === 'Machine') {
    for (const check of members(cluster, world))
      if (check.kind === HEALTH_CHECK && selects(check, object)) add(refOf(check));
  }
  if (cluster && object.kind === 'KubeadmControlPlane')
    for (const member of members(cluster, world)) if (member.kind === 'MachineSet') add(refOf(member));
  if (object.kind === 'MachineDeployment')
    for (const owned of world.ownedBy(object.metadata.uid)) if (isControlledBy(owned, object)) add(refOf(owned));
  if (object.kind === 'Cluster') add(reference(object, 'spec.controlPlaneRef'));
  else if (cluster && reportsToCluster(object)) add(refOf(cluster));
  if (cluster && object.kind !== 'Cluster' && (isClusterSecret(object) || isWorker(object))) {
    add(reference(cluster, 'spec.controlPlaneRef'));
  }
  return [...lanes.values()];
}

/**
 * The Machines whose Nodes may have to be marked otherwise since a MachineDeployment or MachineSet got another revision; none for any other change: their
 * status changes with each of thousands of Machines. Pure.
 */
export function lanesOfRevision(before: KubeObject, after: KubeObject, world: World): Ref[] {
  if (!['MachineDeployment', 'MachineSet'].includes(after.kind)) return [];
  if (revisionNumber(before) === revisionNumber(after)) return [];
  const below = (owner: KubeObject): KubeObject[] =>
    world.ownedBy(owner.metadata.uid).filter((owned) => isControlledBy(owned, owner));
  const sets = after.kind === 'MachineSet' ? [after] : below(after).filter((o) => o.kind === 'MachineSet');
  return sets.flatMap((set) =>
    below(set)
      .filter((o) => o.kind === 'Machine')
      .map(refOf),
  );
}

/** The lanes that may be waiting for something of a Machine's Node. Pure. */
export function lanesOfNode(machine: KubeObject, world: World): Ref[] {
  const self = refOf(machine);
  const owner = controllerOf(machine);
  const cluster = clusterOf(machine, world);
  const checks = cluster ? members(cluster, world).filter((o) => o.kind === HEALTH_CHECK && selects(o, machine)) : [];
  return [
    self,
    ...(owner?.kind === 'KubeadmControlPlane' ? [{ ...self, kind: owner.kind, name: owner.name }] : []),
    ...checks.map(refOf),
  ].filter((ref) => roleOf(ref.kind) === 'lane');
}

/** The lanes that may be waiting for the connection to a cluster, or for anything behind it. Pure. */
export function lanesOfConnection(cluster: KubeObject, world: World): Ref[] {
  const kinds = ['Machine', 'KubeadmControlPlane', HEALTH_CHECK];
  const refs = [cluster, ...members(cluster, world).filter((o) => kinds.includes(o.kind))].map(refOf);
  const controlPlane = reference(cluster, 'spec.controlPlaneRef');
  const all = new Map([...refs, ...(controlPlane ? [controlPlane] : [])].map((ref) => [refKey(ref), ref]));
  return [...all.values()].filter((ref) => roleOf(ref.kind) === 'lane');
}

/** For messages: `Machine demo-abc12`. */
export function describeDependency(dependency: string): string {
  const name = dependency.replace(VERDICT, '').replace(SETTLING, '');
  if (!name.includes('/')) return name;
  const ref = parseRefKey(name);
  return `${ref.kind} ${ref.name}`;
}

function members(cluster: KubeObject, world: World): readonly KubeObject[] {
  return world.inCluster(cluster.metadata.namespace ?? '', cluster.metadata.name);
}

/** The Machines of its Cluster that a health check is for. */
export function selectedBy(check: KubeObject, world: World): readonly KubeObject[] {
  const cluster = clusterOf(check, world);
  return cluster ? members(cluster, world).filter((o) => o.kind === 'Machine' && selects(check, o)) : [];
}

/** A MachineSet of a MachineDeployment is seen through it. */
function reportsToCluster(object: KubeObject): boolean {
  if (object.kind === 'MachineSet') return controllerOf(object)?.kind !== 'MachineDeployment';
  return ['Machine', 'MachineDeployment', 'MachinePool', 'KubeadmControlPlane'].includes(object.kind);
}

function identitiesOf(cluster: KubeObject, world: World): Ref[] {
  const infra = reference(cluster, 'spec.infrastructureRef');
  const object = infra && world.get(infra);
  return object ? referencesOf(object).filter((ref) => roleOf(ref.kind) === 'identity') : [];
}

function isControlledBy(owned: KubeObject, owner: KubeObject): boolean {
  return roleOf(owned.kind) === 'lane' && controllerOf(owned)?.uid === owner.metadata.uid;
}

function isWorker(object: KubeObject): boolean {
  if (object.kind === 'MachinePool') return true;
  return object.kind === 'Machine' && object.metadata.labels?.[LABEL.controlPlane] === undefined;
}

const CLUSTER_SECRETS = ['ca', 'etcd', 'proxy', 'sa', 'kubeconfig'];

function isClusterSecret(object: KubeObject): boolean {
  const cluster = clusterNameOf(object);
  return (
    object.kind === 'Secret' && CLUSTER_SECRETS.some((purpose) => object.metadata.name === `${cluster}-${purpose}`)
  );
}
