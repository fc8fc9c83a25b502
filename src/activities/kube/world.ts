import type { Cluster, Machine } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import type { KubeObject, ObjectKey, ResourceKind } from '../../api/types/meta.js';
import { controllerOf } from '../../domain/contract.js';
import { LABEL } from '../../domain/names.js';
import type { Kube } from '../../kube/kube.js';

/** Label selector of a cluster's objects. */
export const ofCluster = (name: string): string => `${LABEL.clusterName}=${name}`;

/** The Cluster of that name, if it exists. */
export async function clusterNamed(
  kube: Kube,
  namespace: string,
  name: string,
  signal: AbortSignal,
): Promise<Cluster | undefined> {
  return kube.get<Cluster>(KINDS.Cluster, { namespace, name }, signal);
}

/** All Machines labelled as a cluster's, by name. */
export async function machinesOf(
  kube: Kube,
  namespace: string,
  cluster: string,
  signal: AbortSignal,
): Promise<Machine[]> {
  const machines = await kube.list<Machine>(KINDS.Machine, { namespace, labelSelector: ofCluster(cluster) }, signal);
  return machines.sort((a, b) => a.metadata.name.localeCompare(b.metadata.name));
}

/** Machines this owner controls, whatever their labels say now: labels edited away must not make machines invisible (capi#14217). */
export async function machinesControlledBy(
  kube: Kube,
  owner: { namespace: string; uid: string; kind: string },
  cluster: string,
  signal: AbortSignal,
): Promise<Machine[]> {
  const all = await kube.list<Machine>(KINDS.Machine, { namespace: owner.namespace }, signal);
  return all
    .filter(
      (m) =>
        m.spec.clusterName === cluster && controllerOf(m)?.uid === owner.uid && controllerOf(m)?.kind === owner.kind,
    )
    .sort((a, b) => a.metadata.name.localeCompare(b.metadata.name));
}

/** The object of a key, or undefined when absent or when the name belongs to a younger object. */
export async function readKey<T extends KubeObject>(
  kube: Kube,
  kind: ResourceKind,
  key: ObjectKey,
  signal: AbortSignal,
): Promise<T | undefined> {
  const object = await kube.get<T>(kind, { namespace: key.namespace, name: key.name }, signal);
  return object?.metadata.uid === key.uid ? object : undefined;
}

/** Objects of a kind that say by label or by spec.clusterName that they belong to a cluster, by name: for teardown, which must miss none. */
export async function membersOf<T extends KubeObject & { spec: { clusterName: string } }>(
  kube: Kube,
  kind: ResourceKind,
  namespace: string,
  cluster: string,
  signal: AbortSignal,
): Promise<T[]> {
  const all = await kube.list<T>(kind, { namespace }, signal);
  return all
    .filter((o) => o.metadata.labels?.[LABEL.clusterName] === cluster || o.spec.clusterName === cluster)
    .sort((a, b) => a.metadata.name.localeCompare(b.metadata.name));
}
