import type {
  KubeadmControlPlane,
  Machine,
  MachineDeployment,
  MachinePool,
  MachineSet,
} from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import type { KubeObject, ObjectKey, ResourceKind } from '../../api/types/meta.js';
import { controllerOf, isControlPlaneMachine, isDeleting } from '../../domain/contract.js';
import type { OwnedMachine, ReplicaFacts } from '../../domain/facts.js';
import { FINALIZER, LABEL } from '../../domain/names.js';
import type { ActivityDeps } from '../deps.js';
import { assessControlPlane } from '../kube/assess-control-plane.js';
import { assessMachineDeployment } from '../kube/assess-machine-deployment.js';
import { assessMachineSet } from '../kube/assess-machine-set.js';
import { membersOf, readKey } from '../kube/world.js';
import { removeFinalizer } from '../kube/write.js';
import { ownerEar } from './ears.js';
import { Pace } from './pause.js';

/**
 * Waits until every named machine of a MachineSet is available or gone; keeps the owner's status current meanwhile and answers the facts it saw
 * last. A machine that was deleted while waited for ends the wait: the lane plans again.
 */
export function awaitMachines(
  deps: ActivityDeps,
  key: ObjectKey,
  names: readonly string[],
  until: 'available' | 'gone',
): Promise<ReplicaFacts> {
  return awaitOwned(
    deps,
    key,
    () => assessMachineSet(deps, key),
    names,
    until,
    (m) => m.available,
  );
}

async function awaitOwned<F extends ReplicaFacts>(
  deps: ActivityDeps,
  key: ObjectKey,
  assess: () => Promise<F>,
  names: readonly string[],
  until: string,
  isDone: (machine: OwnedMachine) => boolean,
): Promise<F> {
  const pace = new Pace(deps.pollMs, deps.scope().signal, ownerEar(deps, key));
  let most = 0;
  for (;;) {
    const facts = await assess();
    most = Math.max(most, facts.machines.length);
    const seen = new Map(facts.machines.map((m) => [m.name, m]));
    const open = names.filter((name) => {
      const machine = seen.get(name);
      if (until === 'gone') return machine !== undefined;
      return machine !== undefined && !machine.deleting && !isDone(machine);
    });
    if (!facts.exists || open.length === 0 || hasMoreToDo(facts, until, most)) return facts;
    const shown = open.slice(0, 5).join(', ') + (open.length > 5 ? ` and ${open.length - 5} more` : '');
    deps.scope().heartbeat(`waiting for ${shown} to be ${until}`);
    await pace.rest(facts);
  }
}

/**
 * Whether the lane would begin something else by now: a machine that never becomes available may have to be replaced, one may be missing while another
 * takes its time to go, or to become available. What was missing `before` already is the lane's to make in its own time.
 */
function hasMoreToDo(
  { remediate = [], blocked, machines, desired }: ReplicaFacts,
  until: string,
  before: number,
): boolean {
  if (remediate.length > 0) return true;
  const isShort = !blocked && machines.length < desired;
  return isShort && (until === 'gone' || machines.length < before);
}

/** Deletes everything an owner controls, waits until absent, drops its finalizer. For MachineDeployment, MachineSet, KubeadmControlPlane. */
export async function teardownOwner(deps: ActivityDeps, key: ObjectKey): Promise<void> {
  const { kube } = deps;
  const { signal } = deps.scope();
  const pace = new Pace(deps.pollMs, signal, ownerEar(deps, key));
  for (;;) {
    const kind = KINDS[key.kind as 'MachineDeployment' | 'MachineSet' | 'KubeadmControlPlane'];
    const owner = await readKey<KubeObject>(kube, kind, key, signal);
    if (!owner) return;
    const children = await childrenOf(deps, owner);
    const blocked = key.kind === 'KubeadmControlPlane' && (await workersExist(deps, owner as KubeadmControlPlane));
    if (children.length === 0 && !blocked) {
      // others may still hold it: it says that nothing is left to do here
      await reassess(deps, key);
      await removeFinalizer(kube, kind, owner, FINALIZER[key.kind as keyof typeof FINALIZER], signal);
      return;
    }
    for (const { kind: childKind, object } of blocked ? [] : children) {
      const { name, uid } = object.metadata;
      if (isDeleting(object)) continue;
      await kube.delete(childKind, { namespace: key.namespace, name }, { ...(uid ? { uid } : {}), signal });
    }
    deps.scope().heartbeat(blocked ? 'worker machines still exist' : `${children.length} children left`);
    await reassess(deps, key);
    await pace.rest([children.length, blocked]);
  }
}

async function reassess(deps: ActivityDeps, key: ObjectKey): Promise<void> {
  if (key.kind === 'KubeadmControlPlane') await assessControlPlane(deps, key);
  else if (key.kind === 'MachineSet') await assessMachineSet(deps, key);
  else await assessMachineDeployment(deps, key);
}

async function childrenOf(
  deps: ActivityDeps,
  owner: KubeObject,
): Promise<{ kind: ResourceKind; object: KubeObject }[]> {
  const { signal } = deps.scope();
  const childKind = owner.kind === 'MachineDeployment' ? KINDS.MachineSet : KINDS.Machine;
  const all = await deps.kube.list<MachineSet | Machine | MachineDeployment>(
    childKind,
    { namespace: owner.metadata.namespace ?? '' },
    signal,
  );
  return all.filter((o) => controllerOf(o)?.uid === owner.metadata.uid).map((object) => ({ kind: childKind, object }));
}

/** Whether the cluster of a control plane has workers, which would have no API server without it. */
async function workersExist(deps: ActivityDeps, controlPlane: KubeadmControlPlane): Promise<boolean> {
  const { namespace = '', uid } = controlPlane.metadata;
  for (const cluster of await clustersOf(deps, controlPlane)) {
    const machines = await membersOf<Machine>(deps.kube, KINDS.Machine, namespace, cluster, deps.scope().signal);
    // its own machines are none, even where somebody dropped their labels
    if (machines.some((m) => !isControlPlaneMachine(m) && controllerOf(m)?.uid !== uid)) return true;
    const pools = await membersOf<MachinePool>(deps.kube, KINDS.MachinePool, namespace, cluster, deps.scope().signal);
    if (pools.length > 0) return true;
  }
  return false;
}

/** Names of the clusters of a control plane: its owner's, or else those its machines name, or else its label's, which anybody may write or drop. */
async function clustersOf(deps: ActivityDeps, controlPlane: KubeadmControlPlane): Promise<string[]> {
  const { namespace = '', uid, labels, ownerReferences = [] } = controlPlane.metadata;
  const owner = ownerReferences.find((o) => o.kind === 'Cluster')?.name;
  if (owner !== undefined) return [owner];
  const machines = await deps.kube.list<Machine>(KINDS.Machine, { namespace }, deps.scope().signal);
  const named = machines.filter((m) => controllerOf(m)?.uid === uid).map((m) => m.spec.clusterName);
  const label = labels?.[LABEL.clusterName];
  const names = named.length === 0 && label !== undefined ? [label] : named;
  return [...new Set(names)].sort();
}
