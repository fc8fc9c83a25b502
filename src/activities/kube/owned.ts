import type { Cluster } from '../../api/types/index.js';
import type { KubeObject } from '../../api/types/meta.js';
import { isDeleting, ownerReference } from '../../domain/contract.js';
import type { ActivityDeps } from '../deps.js';
import { type ContractRef, readRef, resolveKind } from './refs.js';
import { ensureMetadata } from './write.js';

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
