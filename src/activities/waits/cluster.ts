import type { Cluster, Machine, MachineDeployment, MachinePool, MachineSet } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import type { KubeObject, ObjectKey, ResourceKind } from '../../api/types/meta.js';
import { findCondition } from '../../domain/conditions.js';
import {
  controllerOf,
  foreignOwner,
  isControlPlaneMachine,
  isManagedElsewhere,
  isProvisioned,
  readPath,
} from '../../domain/contract.js';
import type { ClusterFacts } from '../../domain/facts.js';
import { FINALIZER } from '../../domain/names.js';
import { infrastructureDiffers } from '../../domain/plan/cluster.js';
import type { ActivityDeps } from '../deps.js';
import { assessCluster } from '../kube/assess-cluster.js';
import { type ContractRef, findKind, readRef, resolveKind } from '../kube/refs.js';
import { membersOf, readKey } from '../kube/world.js';
import { removeFinalizer } from '../kube/write.js';
import { clusterEar, objectEar } from './ears.js';
import { Pace, pause } from './pause.js';

/** Kinds of our providers' infra clusters. */
const infraKinds = ({ providers }: ActivityDeps): ResourceKind[] => providers.all.map((p) => p.clusterKind);

/**
 * Keeps the Cluster's status current until it is available with every wanted machine, or until its infrastructure needs another look first: its spec was changed, or a sweep
 * found a difference. The heartbeat names what is awaited.
 */
export async function awaitClusterAvailable(deps: ActivityDeps, key: ObjectKey): Promise<ClusterFacts> {
  const pace = new Pace(deps.pollMs, deps.scope().signal, clusterEar(deps, key, infraKinds(deps)));
  for (;;) {
    const facts = await assessCluster(deps, key);
    // A deletion or a pause cancels this call; returning would show the operation as done.
    if (!facts.exists || facts.complete || infrastructureDiffers(facts)) return facts;
    const cluster = await readKey<Cluster>(deps.kube, KINDS.Cluster, key, deps.scope().signal);
    const available = findCondition(cluster?.status?.conditions, 'Available');
    deps.scope().heartbeat(available?.message?.slice(0, 500) ?? 'waiting');
    await pace.rest([facts, available?.message]);
  }
}

/** Who waits for an infra object, and where it names that. */
const OWNERS = {
  infraCluster: { kind: KINDS.Cluster, path: 'spec.infrastructureRef' },
  infraMachine: { kind: KINDS.Machine, path: 'spec.infrastructureRef' },
  infraPool: { kind: KINDS.MachinePool, path: 'spec.template.spec.infrastructureRef' },
} as const;

/** Follows the public contract of a third-party infra object until it is provisioned. */
export async function awaitContract(
  deps: ActivityDeps,
  key: ObjectKey,
  what: 'infraCluster' | 'infraMachine' | 'infraPool',
): Promise<void> {
  const { signal } = deps.scope();
  const { kind: ownerKind, path } = OWNERS[what];
  let pace: Pace | undefined;
  for (;;) {
    const owner = await readKey<KubeObject>(deps.kube, ownerKind, key, signal);
    const ref = readPath(owner, path) as ContractRef | undefined;
    if (!owner || !ref) return;
    const kind = await resolveKind(deps.kube, ref, signal);
    const infra = await deps.kube.get<KubeObject>(kind, { namespace: key.namespace, name: ref.name }, signal);
    if (infra && !foreignOwner(infra, owner) && isProvisioned(infra)) return;
    deps.scope().heartbeat(`${ref.kind} ${ref.name} ${infra ? 'is not provisioned yet' : 'does not exist yet'}`);
    const beside = { metadata: { namespace: key.namespace, name: ref.name } };
    const watched = [
      { kind: ownerKind, object: owner },
      { kind, object: beside },
    ];
    pace ??= new Pace(deps.pollMs, signal, objectEar(deps, watched));
    await pace.rest(infra?.metadata.resourceVersion);
  }
}

/**
 * Deletes deployments, pools, stand-alone sets and stand-alone workers of a cluster and waits until no pool and no worker Machine exists. They are known by label or by
 * spec.clusterName: a label that was edited away must not leave machines behind.
 */
export async function deleteWorkers(deps: ActivityDeps, key: ObjectKey): Promise<void> {
  const { kube } = deps;
  const { signal } = deps.scope();
  const pace = new Pace(deps.pollMs, signal, clusterEar(deps, key));
  for (;;) {
    // a younger Cluster of that name is not ours to empty
    if (!(await readKey<Cluster>(kube, KINDS.Cluster, key, signal))) return;
    const [deployments, pools, sets, machines] = await Promise.all([
      membersOf<MachineDeployment>(kube, KINDS.MachineDeployment, key.namespace, key.name, signal),
      membersOf<MachinePool>(kube, KINDS.MachinePool, key.namespace, key.name, signal),
      membersOf<MachineSet>(kube, KINDS.MachineSet, key.namespace, key.name, signal),
      membersOf<Machine>(kube, KINDS.Machine, key.namespace, key.name, signal),
    ]);
    const workers = machines.filter((m) => !isControlPlaneMachine(m));
    if (deployments.length + pools.length + sets.length + workers.length === 0) return;
    for (const d of deployments) await deleteOnce(deps, KINDS.MachineDeployment, d);
    for (const p of pools) await deleteOnce(deps, KINDS.MachinePool, p);
    for (const s of sets.filter((x) => !controllerOf(x))) await deleteOnce(deps, KINDS.MachineSet, s);
    for (const m of workers.filter((x) => !controllerOf(x))) await deleteOnce(deps, KINDS.Machine, m);
    deps
      .scope()
      .heartbeat(
        `${deployments.length} MachineDeployments, ${pools.length} MachinePools, ${sets.length} MachineSets, ${workers.length} worker Machines left`,
      );
    await pace.rest(await assessCluster(deps, key));
  }
}

async function deleteOnce(deps: ActivityDeps, kind: ResourceKind, object: KubeObject): Promise<void> {
  if (object.metadata.deletionTimestamp) return;
  const uid = object.metadata.uid;
  await deps.kube.delete(
    kind,
    { namespace: object.metadata.namespace ?? '', name: object.metadata.name },
    { ...(uid ? { uid } : {}), signal: deps.scope().signal },
  );
}

/** Deletes the control plane object (and stand-alone control-plane machines) and waits until they are absent. */
export async function deleteControlPlane(deps: ActivityDeps, key: ObjectKey): Promise<void> {
  const { signal } = deps.scope();
  const pace = new Pace(deps.pollMs, signal, clusterEar(deps, key));
  for (;;) {
    const cluster = await readKey<Cluster>(deps.kube, KINDS.Cluster, key, signal);
    if (!cluster) return;
    const ref = cluster.spec.controlPlaneRef;
    const kind = ref && (await findKind(deps.kube, ref, signal));
    const found = kind && (await readRef<KubeObject>(deps.kube, ref, key.namespace, signal));
    const controlPlane = found && !foreignOwner(found, cluster) ? found : undefined;
    const all = await membersOf<Machine>(deps.kube, KINDS.Machine, key.namespace, key.name, signal);
    const machines = all.filter(isControlPlaneMachine);
    if (!controlPlane && machines.length === 0) return;
    if (kind && controlPlane) await deleteOnce(deps, kind, controlPlane);
    else for (const m of machines) await deleteOnce(deps, KINDS.Machine, m);
    deps.scope().heartbeat(`control plane ${ref?.name ?? ''}: ${machines.length} machines left`);
    await pace.rest([machines.length, await assessCluster(deps, key)]);
  }
}

/** Deletes the infra object, waits until it is absent, then drops the Cluster's finalizer. Somebody else's infra object stays. */
export async function clusterFinalize(deps: ActivityDeps, key: ObjectKey): Promise<void> {
  const { kube } = deps;
  const { signal } = deps.scope();
  const cluster = await readKey<Cluster>(kube, KINDS.Cluster, key, signal);
  if (!cluster) return;
  const ref = cluster.spec.infrastructureRef;
  const kind = ref && (await findKind(kube, ref, signal));
  const finalizer = ref && deps.providers.forCluster(ref) && (FINALIZER as Record<string, string>)[ref.kind];
  while (kind) {
    const infra = await readRef<KubeObject>(kube, ref, key.namespace, signal);
    if (!infra || foreignOwner(infra, cluster)) break;
    if (!(await readKey<Cluster>(kube, KINDS.Cluster, key, signal))) return;
    await deleteOnce(deps, kind, infra);
    if (finalizer && !isManagedElsewhere(infra)) await removeFinalizer(kube, kind, infra, finalizer, signal);
    deps.scope().heartbeat(`${infra.kind} ${infra.metadata.name} is being deleted`);
    await pause(Math.min(100, deps.pollMs), signal);
  }
  // others may still hold it: it says that nothing is left to do here
  await assessCluster(deps, key);
  await removeFinalizer(kube, KINDS.Cluster, cluster, FINALIZER.Cluster, signal);
}
