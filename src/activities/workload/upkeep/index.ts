import type { Cluster, KubeadmControlPlane } from '../../../api/types/index.js';
import { KINDS } from '../../../api/types/kinds.js';
import type { ObjectKey } from '../../../api/types/meta.js';
import { isDeleting, isPaused } from '../../../domain/contract.js';
import type { ActivityDeps } from '../../deps.js';
import { clusterOf } from '../../kube/assess-control-plane.js';
import { machinesControlledBy, readKey } from '../../kube/world.js';
import { machinesWithoutExpiry, noteExpiries, type ReadExpiry } from './certificates.js';
import { updateCoreDns } from './coredns.js';
import type { UpkeepDeps } from './due.js';
import { updateKubeProxy } from './kube-proxy.js';
import { syncKubeadmConfig } from './kubeadm-config.js';
import { ensureKubeadmPermissions } from './permissions.js';

/**
 * Prepares a workload cluster for machines of the control plane's version: permissions, then the configuration they read when they join. Before the first
 * new machine of a rollout. Writes nothing when all is there. Throws what keeps it from that.
 */
export async function prepareUpgrade(
  deps: UpkeepDeps,
  cluster: Cluster,
  controlPlane: KubeadmControlPlane,
): Promise<void> {
  const { signal } = deps.scope();
  const workload = await deps.workload(cluster, signal);
  await ensureKubeadmPermissions(workload, controlPlane, signal);
  await syncKubeadmConfig(workload, controlPlane, signal);
}

/**
 * Brings what kubeadm installed once, kube-proxy and CoreDNS, to the control plane's version and notes when its certificates expire. Once no rollout is
 * pending. Each is tried whatever becomes of the others; the first failure is thrown at the end. Writes nothing when nothing differs.
 */
export async function finishUpgrade(
  deps: UpkeepDeps,
  cluster: Cluster,
  controlPlane: KubeadmControlPlane,
  read?: ReadExpiry,
): Promise<void> {
  const { signal } = deps.scope();
  const { namespace = '', uid = '' } = controlPlane.metadata;
  const workload = await deps.workload(cluster, signal);
  const expiries = async (): Promise<void> => {
    const owner = { namespace, uid, kind: controlPlane.kind };
    const machines = await machinesControlledBy(deps.kube, owner, cluster.metadata.name, signal);
    const unknown = await machinesWithoutExpiry(deps.kube, cluster, machines, signal);
    await noteExpiries(deps.kube, workload, unknown, signal, read);
  };
  const parts = [
    () => updateKubeProxy(workload, controlPlane, signal),
    () => updateCoreDns(workload, controlPlane, signal),
    expiries,
  ];
  const errors: unknown[] = [];
  for (const part of parts) {
    await part().catch((error: unknown) => errors.push(error));
    signal.throwIfAborted();
  }
  if (errors.length > 0) throw errors[0];
}

/** `prepareUpgrade` for the control plane of a key; nothing when it is gone, paused, or on its way out. */
export const prepareControlPlaneUpgrade = (deps: ActivityDeps, key: ObjectKey): Promise<void> =>
  onControlPlane(deps, key, prepareUpgrade);

/** `finishUpgrade` likewise. */
export const finishControlPlaneUpgrade = (deps: ActivityDeps, key: ObjectKey): Promise<void> =>
  onControlPlane(deps, key, (d, cluster, controlPlane) => finishUpgrade(d, cluster, controlPlane));

async function onControlPlane(
  deps: ActivityDeps,
  key: ObjectKey,
  work: (deps: UpkeepDeps, cluster: Cluster, controlPlane: KubeadmControlPlane) => Promise<void>,
): Promise<void> {
  const { signal } = deps.scope();
  const controlPlane = await readKey<KubeadmControlPlane>(deps.kube, KINDS.KubeadmControlPlane, key, signal);
  const cluster = controlPlane && (await clusterOf(deps, controlPlane));
  if (!controlPlane || !cluster || isDeleting(controlPlane) || isDeleting(cluster)) return;
  if (isPaused(controlPlane, cluster)) return;
  await work(deps, cluster, controlPlane);
}
