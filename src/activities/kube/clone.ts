import { apiVersionOf, KINDS } from '../../api/types/kinds.js';
import type { KubeObject, OwnerReference, ResourceKind, Unstructured } from '../../api/types/meta.js';
import { controllerOf, isDeleting, readPath } from '../../domain/contract.js';
import { isFailure, notYet, PerdureError } from '../../domain/errors.js';
import { ANNOTATION } from '../../domain/names.js';
import type { ActivityDeps } from '../deps.js';
import { newId } from './assess-cluster.js';
import { type ContractRef, resolveKind } from './refs.js';

/** What to clone, and for whom. */
export interface CloneRequest {
  readonly template: ContractRef;
  readonly namespace: string;
  readonly name: string;
  /** Holds the clone until its Machine exists and becomes its controller. */
  readonly owner: OwnerReference;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Gives the clone a `perdure.dev/id`. */
  readonly identity: boolean;
}

/**
 * Clones `<Kind>Template` to `<Kind>` under the given name; an existing clone of ours is taken as it is. Answers the new object's reference.
 * Throws `InvalidConfiguration` for a missing template, `OwnershipConflict` for somebody else's object of that name.
 */
export async function cloneFromTemplate(deps: ActivityDeps, request: CloneRequest): Promise<ContractRef> {
  const { signal } = deps.scope();
  const templateKind = await resolveKind(deps.kube, request.template, signal);
  const template = await deps.kube.get<Unstructured>(
    templateKind,
    { namespace: request.namespace, name: request.template.name },
    signal,
  );
  if (!template) {
    throw new PerdureError(
      'InvalidConfiguration',
      `${request.owner.kind} ${request.namespace}/${request.owner.name}: ${fieldOf(request)} names ${request.template.kind} ${request.template.name}, which does not exist; create it or correct the reference`,
      { details: { field: fieldOf(request), value: request.template.name } },
    );
  }
  const target: ContractRef = {
    apiGroup: request.template.apiGroup,
    kind: request.template.kind.replace(/Template$/, ''),
    name: request.name,
  };
  const kind = await resolveKind(deps.kube, target, signal);
  await createOnce(deps, kind, clonedObject(template, kind, request), request.owner.uid);
  return target;
}

/** The clone of `template` as it is to be created, an object of `kind`. */
export function clonedObject(template: KubeObject, kind: ResourceKind, request: CloneRequest): Unstructured {
  const meta = (readPath(template, 'spec.template.metadata') ?? {}) as {
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
  };
  return {
    apiVersion: apiVersionOf(kind),
    kind: kind.kind,
    metadata: {
      name: request.name,
      namespace: request.namespace,
      labels: { ...meta.labels, ...request.labels },
      annotations: {
        ...meta.annotations,
        ...request.annotations,
        [ANNOTATION.clonedFromName]: request.template.name,
        [ANNOTATION.clonedFromGroupKind]: `${request.template.kind}.${request.template.apiGroup}`,
        ...(request.identity ? { [ANNOTATION.id]: newId() } : {}),
      },
      ownerReferences: [request.owner],
    },
    spec: (readPath(template, 'spec.template.spec') ?? {}) as Record<string, unknown>,
  };
}

/** Where the owner names the template. */
function fieldOf({ owner, template }: CloneRequest): string {
  if (owner.kind === 'KubeadmControlPlane') return 'spec.machineTemplate.spec.infrastructureRef';
  return `spec.template.spec.${template.apiGroup.startsWith('bootstrap.') ? 'bootstrap.configRef' : 'infrastructureRef'}`;
}

/**
 * Creates, or finds what an earlier run of the same step created. Throws `OwnershipConflict` for somebody else's object of that name, `NotYet`
 * for one of ours that is on its way out. A Machine may have taken its clone over already: then that Machine's controller must be the owner.
 */
export async function createOnce<T extends KubeObject>(
  deps: ActivityDeps,
  kind: Parameters<ActivityDeps['kube']['create']>[0],
  object: T,
  ownerUid: string,
): Promise<T> {
  const { signal } = deps.scope();
  try {
    return await deps.kube.create<T>(kind, object, { fieldManager: 'perdure', signal });
  } catch (error) {
    if (!isFailure(error, 'Conflict')) throw error;
    const { name, namespace = '' } = object.metadata;
    const existing = await deps.kube.get<T>(kind, { name, namespace }, signal);
    if (!existing) throw error;
    if (!(await belongsTo(deps, existing, ownerUid))) {
      const owner = controllerOf(existing) ?? existing.metadata.ownerReferences?.[0];
      throw new PerdureError(
        'OwnershipConflict',
        `${kind.kind} ${namespace}/${name} exists and belongs to ${owner ? `${owner.kind} ${owner.name}` : 'nobody'}; rename or delete it`,
      );
    }
    if (isDeleting(existing)) throw notYet(`${kind.kind} ${namespace}/${name} of before is still being deleted`);
    return existing;
  }
}

async function belongsTo(deps: ActivityDeps, object: KubeObject, ownerUid: string): Promise<boolean> {
  if (object.metadata.ownerReferences?.some((o) => o.uid === ownerUid)) return true;
  const holder = controllerOf(object);
  if (holder?.kind !== 'Machine' || holder.name !== object.metadata.name) return false;
  const ref = { namespace: object.metadata.namespace ?? '', name: holder.name };
  const machine = await deps.kube.get(KINDS.Machine, ref, deps.scope().signal);
  return machine?.metadata.uid === holder.uid && controllerOf(machine)?.uid === ownerUid;
}
