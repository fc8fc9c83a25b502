import {
  atomicList,
  block,
  bounded,
  flag,
  int32,
  int64,
  list,
  listMap,
  obj,
  oneOf,
  type Schema,
  seconds,
  stringMap,
  text,
  time,
} from './lib.js';

/** What several v1beta2 kinds share. Source: cluster-api api/core/v1beta2 common_types.go, condition_types.go, machine_types.go. */

const LABEL_PATTERN = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
export const DNS_LABEL = `^${LABEL_PATTERN}$`;
export const DNS_SUBDOMAIN = `^${LABEL_PATTERN}(\\.${LABEL_PATTERN})*$`;
const KIND_NAME = '^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$';
/** metav1.Condition types. */
export const CONDITION_TYPE = `^(${LABEL_PATTERN}(\\.${LABEL_PATTERN})*/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$`;
const CONDITION_REASON = '^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$';
const TAINT_KEY = `^(${LABEL_PATTERN}(\\.${LABEL_PATTERN})*\\/)?([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$`;
const TAINT_VALUE = '^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$';
const API_VERSION = `^${LABEL_PATTERN}(\\.${LABEL_PATTERN})*\\/[a-z]([-a-z0-9]*[a-z0-9])?$`;

export function objectName(description: string): Schema<string> {
  return bounded(description, 253, { pattern: DNS_SUBDOMAIN });
}

export function clusterName(): Schema<string> {
  return bounded('Name of the Cluster this object belongs to.', 63);
}

/** ContractVersionedObjectReference: an object in the same namespace, its version found by the contract labels of its CRD. */
export function contractRef(what: string) {
  return obj(`Reference to ${what}, in the same namespace.`, {
    apiGroup: bounded('API group of the object; its version is found by the contract.', 253, {
      pattern: DNS_SUBDOMAIN,
    }),
    kind: bounded('Kind of the object.', 63, { pattern: KIND_NAME }),
    name: objectName('Name of the object.'),
  });
}

/** Reference to a template, with its version. */
export function templateRef(what: string) {
  return obj(`Reference to ${what}, in the same namespace.`, {
    apiVersion: bounded('Group and version of the template.', 317, { pattern: API_VERSION }),
    kind: bounded('Kind of the template.', 63, { pattern: KIND_NAME }),
    name: objectName('Name of the template.'),
  });
}

/** Labels and annotations for what is made from a template. */
export function templateMetadata() {
  return block('Labels and annotations for the objects made from this template.', {
    annotations: stringMap('Annotations; removed keys are removed from the objects too.'),
    labels: stringMap('Labels; removed keys are removed from the objects too.'),
  });
}

export function condition() {
  return obj(
    'One observation of the state of the object.',
    {
      type: text('Aspect in CamelCase or as domain/CamelCase.', { maxLength: 316, pattern: CONDITION_TYPE }),
      status: oneOf('Whether the aspect holds.', ['True', 'False', 'Unknown']),
      reason: bounded('Reason of the last transition, in CamelCase.', 1024, { pattern: CONDITION_REASON }),
      message: text('Details for a person; may be empty.', { maxLength: 32_768 }),
      lastTransitionTime: time('When the status last changed.'),
    },
    { observedGeneration: int64('Generation of the spec that this condition speaks of.', { minimum: 0 }) },
  );
}

export function conditions() {
  return listMap('Observations of the state of the object.', condition(), ['type'], { maxItems: 32 });
}

/** Conditions in the shape of API v1beta1. */
export function v1beta1Conditions() {
  const item = obj(
    'One observation in the shape of API version v1beta1.',
    {
      type: bounded('Aspect in CamelCase.', 256),
      status: text('True, False or Unknown.') as Schema<'True' | 'False' | 'Unknown'>,
      lastTransitionTime: time('When the status last changed.'),
    },
    {
      severity: text('Error, Warning or Info; only with status False.', { maxLength: 32 }) as Schema<
        'Error' | 'Warning' | 'Info'
      >,
      reason: bounded('Reason of the last transition, in CamelCase.', 256),
      message: bounded('Details for a person.', 10_240),
    },
  );
  return list('Observations in the shape of API version v1beta1, kept for its clients.', item);
}

/** `failureReason` and `failureMessage`: terminal failures as v1beta1 reported them. */
export function failureFields(reason: { readonly maxLength?: number } = {}) {
  return {
    failureMessage: bounded('Terminal failure, for a person.', 10_240),
    failureReason: text('Terminal failure, in one word.', reason.maxLength ? { minLength: 1, ...reason } : {}),
  };
}

/** `status.deprecated`: what v1beta1 clients read. */
export function deprecatedStatus<F extends Parameters<typeof obj>[1]>(fields: F) {
  const v1beta1 = obj('Status fields of API version v1beta1.', {}, { conditions: v1beta1Conditions(), ...fields });
  return obj('Status fields that go away with an older API version.', {}, { v1beta1 });
}

export function observedGeneration(): Schema<number> {
  return int64('Generation of the spec that this status was made from.', { minimum: 1 });
}

export function gates(what: string) {
  const gate = obj(
    'A condition that has to hold.',
    { conditionType: bounded('Type of the condition.', 316, { pattern: CONDITION_TYPE }) },
    {
      polarity: oneOf('Positive means good when True, Negative good when False; default Positive.', [
        'Positive',
        'Negative',
      ]),
    },
  );
  return listMap(`Further conditions that ${what} depends on.`, gate, ['conditionType'], { minItems: 1, maxItems: 32 });
}

export function machineTaint() {
  return obj(
    'A taint of the Node.',
    {
      key: bounded('Key of the taint.', 317, { pattern: TAINT_KEY }),
      effect: oneOf('What happens to Pods that do not tolerate the taint.', [
        'NoSchedule',
        'PreferNoSchedule',
        'NoExecute',
      ]),
      propagation: oneOf('Always keeps the taint on the Node, OnInitialization sets it once.', [
        'Always',
        'OnInitialization',
      ]),
    },
    { value: bounded('Value of the taint.', 63, { pattern: TAINT_VALUE }) },
  );
}

export function machineTaints() {
  return listMap('Taints of the Node; other taints are left alone.', machineTaint(), ['key', 'effect'], {
    minItems: 1,
    maxItems: 64,
  });
}

export function deletionTimeoutFields() {
  return {
    nodeDeletionTimeoutSeconds: seconds('How long to try to delete the Node; 0 waits for ever, default 10.'),
    nodeDrainTimeoutSeconds: seconds('How long to drain the Node; 0 or absent waits for ever.'),
    nodeVolumeDetachTimeoutSeconds: seconds('How long to wait for volumes to be detached; 0 or absent waits for ever.'),
  };
}

export function deletionTimeouts() {
  return block('How Machines are deleted.', deletionTimeoutFields());
}

export const DELETION_ORDERS = ['Random', 'Newest', 'Oldest'] as const;

export function deletionOrder() {
  return oneOf('Which Machines go first on scale down; default Random.', DELETION_ORDERS);
}

export function machineNaming(variables: string) {
  return block('How Machines are named.', {
    template: bounded(`Go template of the name; has to contain {{ .random }}, may use ${variables}.`, 256),
  });
}

export function labelSelector(description: string) {
  const requirement = obj(
    'A requirement on one label.',
    {
      key: text('Key of the label.'),
      operator: text('In, NotIn, Exists or DoesNotExist.'),
    },
    { values: atomicList('Values for In and NotIn.', text('Value of the label.')) },
  );
  return obj(
    description,
    {},
    {
      matchExpressions: atomicList('Requirements that all have to hold.', requirement),
      matchLabels: stringMap('Labels that all have to be there with these values.'),
    },
    { mapType: 'atomic' },
  );
}

/** How many Machines run a version. */
export function statusVersion() {
  return obj(
    'Machines of one Kubernetes version.',
    { version: bounded('Kubernetes version.', 256) },
    { replicas: int32('Number of Machines that run it.', { minimum: 1 }) },
  );
}

export function statusVersions() {
  return listMap('Kubernetes versions the Machines run, lowest first.', statusVersion(), ['version'], {
    minItems: 1,
    maxItems: 100,
  });
}

/** Counters of v1beta2: they count Machine conditions. */
export function replicaCounters() {
  return {
    availableReplicas: int32('Machines whose Available condition is True.'),
    readyReplicas: int32('Machines whose Ready condition is True.'),
    replicas: int32('Machines that exist.'),
    upToDateReplicas: int32('Machines whose UpToDate condition is True.'),
  };
}

export function scaleSelector(): Schema<string> {
  return bounded('The selector in string form, for the scale subresource.', 4096);
}

export function paused() {
  return flag('Stops reconciliation while true.');
}
