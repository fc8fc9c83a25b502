import type { KubeObject } from '../api/types/meta.js';
import { FAILURE_TYPES, type FailureType } from './errors.js';
import type { RecordedFailure } from './facts.js';
import { ANNOTATION, fnv1a } from './names.js';
import { wishOf } from './user-spec.js';

/**
 * The last failed operation is kept on the object itself (annotation), so that it is seen by kubectl, outlives Temporal's history, and stops
 * the lane from trying the same thing again until something that could have removed its cause has changed.
 */
export function readFailure(object: KubeObject): RecordedFailure | undefined {
  const text = object.metadata.annotations?.[ANNOTATION.lastFailure];
  if (!text) return undefined;
  try {
    const value = JSON.parse(text) as Partial<RecordedFailure>;
    const type = FAILURE_TYPES.find((t) => t === value.type) as FailureType | undefined;
    if (!type || typeof value.operation !== 'string' || typeof value.attempt !== 'string') return undefined;
    return { operation: value.operation, type, message: String(value.message ?? ''), attempt: value.attempt };
  } catch {
    return undefined; // a hand-edited annotation must not wedge the lane
  }
}

export function failureText(failure: RecordedFailure): string {
  return JSON.stringify({ ...failure, message: failure.message.slice(0, 1_500) });
}

/**
 * Identifies "the same attempt": the generations of everything whose edit could remove a failure's cause, and the retry annotation. A new
 * value lets the lane operate again.
 */
export function attemptOf(object: KubeObject, related: readonly (KubeObject | undefined)[]): string {
  const parts = [object, ...related].map((o) => (o ? `${o.kind}:${wishOf(o)}:${o.metadata.uid ?? ''}` : '-'));
  return fnv1a([...parts, object.metadata.annotations?.[ANNOTATION.retry] ?? ''].join('|')).toString(36);
}
