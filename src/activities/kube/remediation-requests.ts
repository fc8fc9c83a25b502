import type { Machine, MachineHealthCheckSpec } from '../../api/types/index.js';
import type { Condition, KubeObject, ResourceKind } from '../../api/types/meta.js';
import { type ConditionInput, findCondition } from '../../domain/conditions.js';
import { isDeleting, ownerReference, pluralOf } from '../../domain/contract.js';
import { EXTERNALLY_REMEDIATED, externalCondition } from '../../domain/health/plan.js';
import { LABEL } from '../../domain/names.js';
import type { ActivityDeps } from '../deps.js';
import { clonedObject, createOnce } from './clone.js';

type TemplateRef = NonNullable<NonNullable<MachineHealthCheckSpec['remediation']>['templateRef']>;

/** Why nobody could be asked to remediate. */
export interface RemediationTrouble {
  /** Condition of v1beta1 that says so. */
  readonly legacyType: 'ExternalRemediationTemplateAvailable' | 'ExternalRemediationRequestAvailable';
  readonly legacyReason: 'ExternalRemediationTemplateNotFound' | 'ExternalRemediationRequestCreationFailed';
  readonly message: string;
}

interface RequestInput {
  readonly machine: Machine;
  readonly templateRef: TemplateRef;
  /** What else the health check says on the Machine. */
  readonly conditions: readonly ConditionInput[];
  /** Writes the health check's conditions on the Machine. */
  write(conditions: readonly ConditionInput[]): Promise<void>;
}

/** Templates name their version themselves: remediation providers follow no contract that would tell it. */
function kindsOf({ apiVersion, kind }: TemplateRef): {
  readonly template: ResourceKind;
  readonly request: ResourceKind;
} {
  const [group = '', version = ''] = apiVersion.split('/');
  const of = (name: string): ResourceKind => ({ group, version, kind: name, plural: pluralOf(name), namespaced: true });
  return { template: of(kind), request: of(kind.replace(/Template$/, '')) };
}

/**
 * Asks somebody else to remediate a Machine: a clone of the template under the Machine's name, owned by it. One that exists is enough. The intent is on
 * the Machine before the request exists, so that recovery finds it. Safe to run twice. Source: capi patchUnhealthyTargets.
 */
export async function requestRemediation(
  deps: ActivityDeps,
  { machine, templateRef, conditions, write }: RequestInput,
): Promise<RemediationTrouble | undefined> {
  const { signal } = deps.scope();
  const { name, namespace = '' } = machine.metadata;
  const kinds = kindsOf(templateRef);
  const others = conditions.filter((c) => c.type !== EXTERNALLY_REMEDIATED);
  const say = (condition: ConditionInput): Promise<void> => write([...others, condition]);
  const existing = await deps.kube.get<KubeObject>(kinds.request, { namespace, name }, signal);
  if (existing) {
    await say(externalCondition());
    return isDeleting(existing)
      ? creationTrouble(`${kinds.request.kind} ${name} of before is still being deleted`)
      : undefined;
  }
  const template = await deps.kube.get<KubeObject>(kinds.template, { namespace, name: templateRef.name }, signal);
  if (!template) {
    const message = `Error retrieving remediation template ${templateRef.kind} ${templateRef.name}: it does not exist in namespace ${namespace}; create it or correct spec.remediation.templateRef`;
    await say(externalCondition({ reason: 'RemediationTemplateNotFound', message }));
    return {
      legacyType: 'ExternalRemediationTemplateAvailable',
      legacyReason: 'ExternalRemediationTemplateNotFound',
      message,
    };
  }
  if (!findCondition(machine.status?.conditions as Condition[] | undefined, EXTERNALLY_REMEDIATED))
    await say(externalCondition());
  const request = clonedObject(template, kinds.request, {
    template: { apiGroup: kinds.template.group, kind: templateRef.kind, name: templateRef.name },
    namespace,
    name,
    owner: ownerReference(machine, { controller: false }),
    labels: { [LABEL.clusterName]: machine.spec.clusterName },
    identity: false,
  });
  try {
    await createOnce(deps, kinds.request, request, machine.metadata.uid ?? '');
  } catch (error) {
    signal.throwIfAborted();
    const reason = error instanceof Error ? error.message : String(error);
    const message = `Error creating remediation request ${kinds.request.kind} ${name}: ${reason}`;
    await say(externalCondition({ reason: 'RemediationRequestCreationFailed', message }));
    return creationTrouble(message);
  }
  await say(externalCondition());
  return undefined;
}

function creationTrouble(message: string): RemediationTrouble {
  return {
    legacyType: 'ExternalRemediationRequestAvailable',
    legacyReason: 'ExternalRemediationRequestCreationFailed',
    message,
  };
}

/** Deletes the request made for a Machine that is healthy again; somebody else's object of that name stays. Looks only where one was asked for. */
export async function endRemediation(deps: ActivityDeps, machine: Machine, templateRef: TemplateRef): Promise<void> {
  if (!findCondition(machine.status?.conditions as Condition[] | undefined, EXTERNALLY_REMEDIATED)) return;
  const { signal } = deps.scope();
  const { name, namespace = '', uid } = machine.metadata;
  const { request: kind } = kindsOf(templateRef);
  const request = await deps.kube.get<KubeObject>(kind, { namespace, name }, signal);
  if (!request || isDeleting(request)) return;
  if (!request.metadata.ownerReferences?.some((o) => o.uid === uid)) return;
  const precondition = request.metadata.uid ? { uid: request.metadata.uid } : {};
  await deps.kube.delete(kind, { namespace, name }, { ...precondition, signal });
}
