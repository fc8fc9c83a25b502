import type { Machine, MachineSet } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import type { KubeObject, ResourceKind } from '../../api/types/meta.js';
import { isDeleting } from '../../domain/contract.js';
import { ANNOTATION, LABEL } from '../../domain/names.js';
import { nameLabel } from '../../domain/selectors.js';
import type { ActivityDeps } from '../deps.js';
import { type ContractRef, resolveKind } from './refs.js';

interface Held {
  readonly kind: ResourceKind;
  readonly object: KubeObject;
  /** Cloned from the template that the set has now. */
  readonly isCurrent: boolean;
}

/**
 * Deletes what was made for Machines of a set that never came to be: bootstrap configs and infra machines that the set still holds and that no Machine
 * refers to. Those of `names`, which are about to be made, are taken up where they are, unless they come from another template. Safe to run twice. Source:
 * capi machineset cleanupOrphanedBootstrapConfigsInfraMachines.
 */
export async function removeOrphans(deps: ActivityDeps, set: MachineSet, names: readonly string[]): Promise<void> {
  const held = await heldBy(deps, set);
  if (held.length === 0) return;
  const { signal } = deps.scope();
  const { namespace = '' } = set.metadata;
  // read after what is held: a Machine that took its own over since is seen
  const machines = await deps.kube.list<Machine>(KINDS.Machine, { namespace }, signal);
  const used = new Set(machines.flatMap(({ spec }) => [spec.bootstrap.configRef, spec.infrastructureRef].map(nameOf)));
  for (const { kind, object, isCurrent } of held) {
    const { name, uid } = object.metadata;
    if (used.has(nameOf({ apiGroup: kind.group, kind: kind.kind, name })) || (isCurrent && names.includes(name)))
      continue;
    deps.scope().heartbeat(`delete ${kind.kind} ${name}, which no Machine has`);
    await deps.kube.delete(kind, { namespace, name }, { ...(uid ? { uid } : {}), signal });
  }
}

const nameOf = (ref: ContractRef | undefined): string => (ref ? `${ref.apiGroup}/${ref.kind}/${ref.name}` : '');

async function heldBy(deps: ActivityDeps, set: MachineSet): Promise<Held[]> {
  const { signal } = deps.scope();
  const { namespace = '', name, uid } = set.metadata;
  const { bootstrap, infrastructureRef } = set.spec.template.spec;
  const found: Held[] = [];
  for (const ref of [bootstrap.configRef, infrastructureRef] as (ContractRef | undefined)[]) {
    if (!ref) continue;
    const kind = await resolveKind(deps.kube, { ...ref, kind: ref.kind.replace(/Template$/, '') }, signal);
    const query = { namespace, labelSelector: `${LABEL.setName}=${nameLabel(name)}` };
    for (const object of await deps.kube.list<KubeObject>(kind, query, signal)) {
      if (isDeleting(object) || !object.metadata.ownerReferences?.some((r) => r.uid === uid)) continue;
      found.push({ kind, object, isCurrent: object.metadata.annotations?.[ANNOTATION.clonedFromName] === ref.name });
    }
  }
  return found;
}
