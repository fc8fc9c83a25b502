import type { TSchema } from '@sinclair/typebox';
import { gates, conditions as v1beta2Conditions } from '../common.js';
import { bounded, duration, freeJson, int32, int64, listMap, obj, type Schema, stringMap, text } from '../lib.js';

/** What the v1beta1 kinds share. Source: cluster-api api/core/v1beta1. */

/** Keywords that v1beta2 added; no field of any kind is called like one of them. */
const STRICT = new Set(['minProperties', 'minItems']);

function relaxed(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const kept = Object.entries(value).filter(
    ([key, child]) => !STRICT.has(key) && !(key === 'x-kubernetes-list-type' && child === 'atomic'),
  );
  return Object.fromEntries(kept.map(([key, child]) => [key, relaxed(child)]));
}

/**
 * A v1beta2 schema as v1beta1 had it: empty blocks and empty lists are allowed, and atomic lists carry no list type. Maps and their keys stay.
 */
export function relax<S extends TSchema>(schema: S): S {
  return relaxed(schema) as S;
}

/** corev1.ObjectReference. */
export function objectRef(what: string) {
  return obj(
    `Reference to ${what}.`,
    {},
    {
      apiVersion: text('Group and version of the object.'),
      fieldPath: text('Part of the object; not used.'),
      kind: text('Kind of the object.'),
      name: text('Name of the object.'),
      namespace: text('Namespace of the object; has to be that of the referrer.'),
      resourceVersion: text('Version of the object; not used.'),
      uid: text('UID of the object; not used.'),
    },
    { mapType: 'atomic' },
  );
}

export function templateMetadata() {
  return obj(
    'Labels and annotations for the objects made from this template.',
    {},
    {
      annotations: stringMap('Annotations of the objects.'),
      labels: stringMap('Labels of the objects.'),
    },
  );
}

export function nodeTimeouts() {
  return {
    nodeDeletionTimeout: duration('How long to try to delete the Node; 0 waits for ever, default 10s.'),
    nodeDrainTimeout: duration('How long to drain the Node; 0 or absent waits for ever.'),
    nodeVolumeDetachTimeout: duration('How long to wait for volumes to be detached; 0 or absent waits for ever.'),
  };
}

export function readinessGates(what: string) {
  return relax(gates(what));
}

export function observedGeneration(): Schema<number> {
  return int64('Generation of the spec that this status was made from.');
}

export function machineNamingStrategy(variables: string) {
  return obj(
    'How Machines are named.',
    {},
    { template: bounded(`Go template of the name; has to contain {{ .random }}, may use ${variables}.`, 256) },
  );
}

/** Conditions and counters in the shape of v1beta2. */
export function v1beta2Status<F extends Record<string, TSchema>>(fields: F) {
  return obj('Status fields in the shape of API version v1beta2.', {}, { conditions: v1beta2Conditions(), ...fields });
}

export function v1beta2Counters() {
  return {
    availableReplicas: int32('Machines whose Available condition is True.'),
    readyReplicas: int32('Machines whose Ready condition is True.'),
    upToDateReplicas: int32('Machines whose UpToDate condition is True.'),
  };
}

export function variables(description: string) {
  const variable = obj(
    'Value of a variable.',
    {
      name: bounded('Name of the variable.', 256),
      value: freeJson('Value, of the type that the class declares.'),
    },
    { definitionFrom: text('Where the definition comes from; no longer used.', { maxLength: 256 }) },
  );
  return listMap(description, variable, ['name'], { maxItems: 1000 });
}
