import type { Cluster, Machine } from '../../api/types/index.js';
import type { Condition, KubeObject } from '../../api/types/meta.js';
import { isTrue } from '../../domain/conditions.js';
import { isDeleting, ownerReference } from '../../domain/contract.js';
import type { OwnedMachine } from '../../domain/facts.js';
import { ANNOTATION } from '../../domain/names.js';
import type { ActivityDeps } from '../deps.js';
import { type ContractRef, readRef, resolveKind } from './refs.js';
import { ensureMetadata } from './write.js';

/** How a planner sees one machine. */
export function ownedMachine(machine: Machine, healthy: boolean): OwnedMachine {
  const conditions = machine.status?.conditions as Condition[] | undefined;
  return {
    name: machine.metadata.name,
    deleting: isDeleting(machine),
    ready: isTrue(conditions, 'Ready'),
    hasNode: machine.status?.nodeRef !== undefined,
    available: isTrue(conditions, 'Available'),
    healthy,
    upToDate: isTrue(conditions, 'UpToDate'),
    deleteFirst: machine.metadata.annotations?.[ANNOTATION.deleteMachine] !== undefined,
    createdAt: machine.metadata.creationTimestamp ?? '',
    ...(machine.spec.failureDomain ? { failureDomain: machine.spec.failureDomain } : {}),
  };
}

/**
 * Templates are kept by the Cluster so that they move and disappear with it; several clusters may share one. Answers the template, undefined when
 * it does not exist.
 */
export async function ownTemplate(
  deps: ActivityDeps,
  cluster: Cluster | undefined,
  namespace: string,
  ref: ContractRef | undefined,
): Promise<KubeObject | undefined> {
  const { signal } = deps.scope();
  const template = await readRef<KubeObject>(deps.kube, ref, namespace, signal);
  if (!cluster || !ref || !template || isDeleting(template)) return template;
  const owner = ownerReference(cluster, { controller: false });
  return ensureMetadata(deps.kube, await resolveKind(deps.kube, ref, signal), template, { owner }, signal);
}
