import type { Cluster, Machine } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import type { ObjectKey } from '../../api/types/meta.js';
import { controllerOf } from '../../domain/contract.js';
import { LABEL } from '../../domain/names.js';
import type { Kube } from '../../kube/kube.js';

/** `a=b,c` label selector of a cluster's objects. */
export const ofCluster = (name: string, more = ''): string =>
  `${LABEL.clusterName}=${name}${more === '' ? '' : `,${more}`}`;

export async function clusterNamed(
  kube: Kube,
  namespace: string,
  name: string,
  signal: AbortSignal,
): Promise<Cluster | undefined> {
  return kube.get<Cluster>(KINDS.Cluster, { namespace, name }, signal);
}

export async function machinesOf(
  kube: Kube,
  namespace: string,
  cluster: string,
  signal: AbortSignal,
  more = '',
): Promise<Machine[]> {
  const machines = await kube.list<Machine>(
    KINDS.Machine,
    { namespace, labelSelector: ofCluster(cluster, more) },
    signal,
  );
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
export async function readKey<T extends { apiVersion: string; kind: string; metadata: { name: string; uid?: string } }>(
  kube: Kube,
  kind: (typeof KINDS)[keyof typeof KINDS],
  key: ObjectKey,
  signal: AbortSignal,
): Promise<T | undefined> {
  const object = await kube.get<T & { metadata: { name: string } }>(
    kind,
    { namespace: key.namespace, name: key.name },
    signal,
  );
  return object && object.metadata.uid === key.uid ? object : undefined;
}
