import type { KubeObject, Machine } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import { matchNode, type NodeSyncOptions, nodeAddresses, nodePatch } from '../../domain/bootstrap/node-sync.js';
import { readPath } from '../../domain/contract.js';
import { isFailure, PerdureError } from '../../domain/errors.js';
import type { Kube } from '../../kube/kube.js';

const CONFLICT_ATTEMPTS = 3;

/**
 * Finds the Node of a machine in its workload cluster and brings its labels, annotations and taints up to date; where no cloud controller runs
 * it also sets spec.providerID and status.addresses. Answers the Node, or undefined when there is none yet. Throws `InvalidConfiguration` when several Nodes match.
 * Idempotent; writes nothing when nothing is to change.
 */
export async function syncNode(
  workload: Kube,
  machine: Machine,
  initializeCloud: boolean,
  signal: AbortSignal,
  more: Omit<NodeSyncOptions, 'initializeCloud'> = {},
): Promise<KubeObject | undefined> {
  for (let attempt = 1; ; attempt++) {
    const node = await findNode(workload, machine, initializeCloud, signal);
    if (node === undefined) return undefined;
    const ref = { name: node.metadata.name };
    const addresses = nodeAddresses(machine, node, { ...more, initializeCloud });
    const patch = nodePatch(machine, node, { ...more, initializeCloud });
    try {
      let now = node;
      if (patch) now = await workload.mergePatch<KubeObject>(KINDS.Node, ref, patch, { signal });
      if (addresses)
        now = await workload.mergePatch(KINDS.Node, ref, { status: { addresses } }, { signal, subresource: 'status' });
      return now;
    } catch (error) {
      // The kubelet writes its Node too: read again and go on. A Node that went in between is found missing.
      if (isFailure(error, 'NotFound')) return undefined;
      if (!isFailure(error, 'Conflict') || attempt >= CONFLICT_ATTEMPTS) throw error;
    }
  }
}

/** The Node of a machine, or undefined. Throws `InvalidConfiguration` naming them when several match. */
export async function findNode(
  workload: Kube,
  machine: Machine,
  initializeCloud: boolean,
  signal: AbortSignal,
): Promise<KubeObject | undefined> {
  const { providerID } = machine.spec;
  if (!providerID) return undefined;
  const known = machine.status?.nodeRef?.name;
  const named = known ? await workload.get<KubeObject>(KINDS.Node, { name: known }, signal) : undefined;
  if (named && readPath(named, 'spec.providerID') === providerID) return named;
  const match = matchNode(await workload.list<KubeObject>(KINDS.Node, {}, signal), machine, initializeCloud);
  if (match === undefined || 'node' in match) return match?.node;
  throw new PerdureError(
    'InvalidConfiguration',
    `several Nodes match machine ${machine.metadata.namespace}/${machine.metadata.name} (spec.providerID ${providerID}): ${match.ambiguous.join(', ')}; delete those that no instance stands behind`,
    { details: { field: 'spec.providerID', value: providerID } },
  );
}

/** kubeadm has finished its init: ConfigMap kube-system/kubeadm-config exists. "Cannot ask" throws. */
export async function clusterInitialized(workload: Kube, signal: AbortSignal): Promise<boolean> {
  return (
    (await workload.get(KINDS.ConfigMap, { namespace: 'kube-system', name: 'kubeadm-config' }, signal)) !== undefined
  );
}
