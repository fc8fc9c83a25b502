import type { KubeadmConfig, KubeadmControlPlane, Machine, MachineSet } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import type { KubeObject, ResourceKind } from '../../api/types/meta.js';
import { isDeleting } from '../../domain/contract.js';
import { ANNOTATION, LABEL } from '../../domain/names.js';
import { sameKubeadmConfig } from '../../domain/rollout/kubeadm-config-diff.js';
import { nameLabel } from '../../domain/selectors.js';
import type { ActivityDeps } from '../deps.js';
import { type ContractRef, resolveKind } from './refs.js';

interface Held {
  readonly kind: ResourceKind;
  readonly object: KubeObject;
  /** Made of what the owner has now. */
  readonly isCurrent: boolean;
}

/** Whose machines are made, the label they carry, and what they are made of. */
interface Maker {
  readonly owner: KubeObject;
  readonly label: string;
  readonly parts: readonly { readonly ref: ContractRef; isCurrent(object: KubeObject): boolean }[];
}

/**
 * Deletes what was made for Machines that never came to be: bootstrap configs and infra machines that a set or control plane still holds and that no
 * Machine refers to. Those of `names`, which are about to be made, are taken up where they are, unless they were made of something else. Safe to run twice.
 * Source: capi machineset cleanupOrphanedBootstrapConfigsInfraMachines.
 */
export async function removeOrphans(
  deps: ActivityDeps,
  owner: MachineSet | KubeadmControlPlane,
  names: readonly string[],
): Promise<void> {
  const held = await heldBy(deps, isControlPlane(owner) ? makerOfControlPlane(owner) : makerOfSet(owner));
  if (held.length === 0) return;
  const { signal } = deps.scope();
  const { namespace = '' } = owner.metadata;
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

const isControlPlane = (owner: MachineSet | KubeadmControlPlane): owner is KubeadmControlPlane =>
  owner.kind === KINDS.KubeadmControlPlane.kind;

function makerOfSet(set: MachineSet): Maker {
  const { bootstrap, infrastructureRef } = set.spec.template.spec;
  const refs = [bootstrap.configRef, infrastructureRef] as (ContractRef | undefined)[];
  return {
    owner: set,
    label: `${LABEL.setName}=${nameLabel(set.metadata.name)}`,
    parts: refs.flatMap((ref) => (ref ? [{ ref: cloned(ref), isCurrent: (o) => isCloneOf(o, ref) }] : [])),
  };
}

function makerOfControlPlane(controlPlane: KubeadmControlPlane): Maker {
  const { infrastructureRef } = controlPlane.spec.machineTemplate.spec;
  const { group: apiGroup, kind } = KINDS.KubeadmConfig;
  const { name } = controlPlane.metadata;
  return {
    owner: controlPlane,
    label: `${LABEL.controlPlaneName}=${nameLabel(name)}`,
    parts: [
      {
        ref: { apiGroup, kind, name },
        isCurrent: (o) => sameKubeadmConfig((o as KubeadmConfig).spec, controlPlane.spec.kubeadmConfigSpec),
      },
      { ref: cloned(infrastructureRef), isCurrent: (o) => isCloneOf(o, infrastructureRef) },
    ],
  };
}

const cloned = (ref: ContractRef): ContractRef => ({ ...ref, kind: ref.kind.replace(/Template$/, '') });

const isCloneOf = ({ metadata }: KubeObject, template: ContractRef): boolean =>
  metadata.annotations?.[ANNOTATION.clonedFromName] === template.name;

const nameOf = (ref: ContractRef | undefined): string => (ref ? `${ref.apiGroup}/${ref.kind}/${ref.name}` : '');

async function heldBy(deps: ActivityDeps, { owner, label, parts }: Maker): Promise<Held[]> {
  const { signal } = deps.scope();
  const { namespace = '', uid } = owner.metadata;
  const found: Held[] = [];
  for (const { ref, isCurrent } of parts) {
    const kind = await resolveKind(deps.kube, ref, signal);
    for (const object of await deps.kube.list<KubeObject>(kind, { namespace, labelSelector: label }, signal)) {
      if (isDeleting(object) || !object.metadata.ownerReferences?.some((r) => r.uid === uid)) continue;
      found.push({ kind, object, isCurrent: isCurrent(object) });
    }
  }
  return found;
}
