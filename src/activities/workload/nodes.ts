import type { Machine } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import type { KubeObject } from '../../api/types/meta.js';
import { readPath } from '../../domain/contract.js';
import { PerdureError } from '../../domain/errors.js';
import { findNode, nodeWish } from '../../domain/node-rules.js';
import type { Kube } from '../../kube/kube.js';

/**
 * Finds the Node of a machine in its workload cluster and brings its labels, annotations and taints up to date; where no cloud controller runs
 * it also sets spec.providerID. Answers the Node, or undefined when there is none yet. Idempotent.
 */
export async function syncNode(
  workload: Kube,
  machine: Machine,
  initializeCloud: boolean,
  signal: AbortSignal,
): Promise<KubeObject | undefined> {
  const known = machine.status?.nodeRef?.name;
  const named = known ? await workload.get<KubeObject>(KINDS.Node, { name: known }, signal) : undefined;
  const nodes =
    named && readPath(named, 'spec.providerID') === machine.spec.providerID
      ? [named]
      : await workload.list<KubeObject>(KINDS.Node, {}, signal);
  const found = findNode(nodes, machine, initializeCloud);
  if (found === 'ambiguous') {
    throw new PerdureError(
      'InvalidConfiguration',
      `several Nodes match Machine ${machine.metadata.namespace}/${machine.metadata.name} (spec.providerID ${machine.spec.providerID}); delete the wrong one`,
    );
  }
  if (!found) return undefined;
  let node = found;
  if (!readPath(node, 'spec.providerID') && initializeCloud) {
    node = await workload.mergePatch<KubeObject>(
      KINDS.Node,
      { name: node.metadata.name },
      { metadata: { resourceVersion: node.metadata.resourceVersion }, spec: { providerID: machine.spec.providerID } },
      { signal },
    );
  }
  const wish = nodeWish(machine, node, { initializeCloud });
  if (!wish) return node;
  return workload.mergePatch<KubeObject>(
    KINDS.Node,
    { name: node.metadata.name },
    {
      metadata: {
        resourceVersion: node.metadata.resourceVersion,
        labels: { ...wish.labels, ...Object.fromEntries(wish.dropLabels.map((k) => [k, null])) },
        annotations: wish.annotations,
      },
      ...(wish.taints ? { spec: { taints: wish.taints } } : {}),
    },
    { signal },
  );
}
