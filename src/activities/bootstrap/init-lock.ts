import type { Cluster, KubeObject, Machine } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import { ownerReference } from '../../domain/contract.js';
import { isFailure } from '../../domain/errors.js';
import { LABEL } from '../../domain/names.js';
import type { Kube } from '../../kube/kube.js';
import { BOOTSTRAP_MANAGER } from './secrets.js';

interface ConfigMap extends KubeObject {
  data?: Record<string, string>;
}

interface LockInput {
  readonly kube: Kube;
  readonly cluster: Cluster;
  readonly signal?: AbortSignal | undefined;
}

const INFORMATION_KEY = 'lock-information';

/** Whether the lock is ours now, or who holds it. */
export type LockResult = { readonly held: true } | { readonly held: false; readonly holder: string };

/**
 * Takes the lock that lets exactly one machine run `kubeadm init`: ConfigMap `<cluster>-lock`, created if absent, re-entrant for the machine
 * that holds it. A holder that no longer exists loses it; the next attempt may take it. The same object as upstream's, so both respect it.
 * Source: capi bootstrap/kubeadm/pkg/locking.
 */
export async function acquireInitLock(input: LockInput & { readonly machine: Machine }): Promise<LockResult> {
  const { kube, cluster, machine, signal } = input;
  const ref = lockRef(cluster);
  const current = await kube.get<ConfigMap>(KINDS.ConfigMap, ref, signal);
  if (current !== undefined) return await reenter(input, current);
  const lock: ConfigMap = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      ...ref,
      labels: { [LABEL.clusterName]: cluster.metadata.name },
      ownerReferences: [ownerReference(cluster, { controller: false })],
    },
    data: { [INFORMATION_KEY]: JSON.stringify({ machineName: machine.metadata.name }) },
  };
  try {
    await kube.create(KINDS.ConfigMap, lock, { fieldManager: BOOTSTRAP_MANAGER, ...(signal ? { signal } : {}) });
    return { held: true };
  } catch (error) {
    if (!isFailure(error, 'Conflict')) throw error;
    const winner = await kube.get<ConfigMap>(KINDS.ConfigMap, ref, signal);
    return holderOf(winner) === machine.metadata.name
      ? { held: true }
      : { held: false, holder: holderOf(winner) ?? 'another machine' };
  }
}

async function reenter(input: LockInput & { readonly machine: Machine }, lock: ConfigMap): Promise<LockResult> {
  const { kube, cluster, machine, signal } = input;
  const holder = holderOf(lock);
  if (holder === machine.metadata.name) return { held: true };
  const holding =
    holder === undefined
      ? undefined
      : await kube.get<Machine>(KINDS.Machine, { namespace: cluster.metadata.namespace ?? '', name: holder }, signal);
  if (holding === undefined) await remove(input, lock);
  return { held: false, holder: holder ?? 'a machine that cannot be read from it' };
}

/** Frees the lock, whoever holds it: done once the control plane is initialized. Absent is success. */
export async function releaseInitLock(input: LockInput): Promise<void> {
  const lock = await input.kube.get<ConfigMap>(KINDS.ConfigMap, lockRef(input.cluster), input.signal);
  if (lock !== undefined) await remove(input, lock);
}

/** Frees the lock if `machine` holds it: done when its bootstrap data cannot be rendered, so that another machine may try. */
export async function releaseInitLockOf(input: LockInput & { readonly machine: Machine }): Promise<void> {
  const lock = await input.kube.get<ConfigMap>(KINDS.ConfigMap, lockRef(input.cluster), input.signal);
  if (lock !== undefined && holderOf(lock) === input.machine.metadata.name) await remove(input, lock);
}

async function remove({ kube, signal }: LockInput, lock: ConfigMap): Promise<void> {
  const { uid } = lock.metadata;
  // By uid: a lock that another machine took meanwhile is not ours to free.
  await kube.delete(KINDS.ConfigMap, lock.metadata, { ...(uid ? { uid } : {}), ...(signal ? { signal } : {}) });
}

function lockRef(cluster: Cluster): { namespace: string; name: string } {
  return { namespace: cluster.metadata.namespace ?? '', name: `${cluster.metadata.name}-lock` };
}

function holderOf(lock: ConfigMap | undefined): string | undefined {
  try {
    const information = JSON.parse(lock?.data?.[INFORMATION_KEY] ?? '') as { machineName?: unknown };
    return typeof information.machineName === 'string' && information.machineName !== ''
      ? information.machineName
      : undefined;
  } catch {
    return undefined; // Edited by hand or torn: nobody can prove to hold it.
  }
}
