import type { LabelSelector } from '../api/types/aws.js';
import type { KubeObject } from '../api/types/meta.js';
import { readPath } from '../domain/contract.js';
import { type ParsedSelector, parseSelector } from '../domain/selectors.js';

const parsed = new WeakMap<KubeObject, ReturnType<typeof parseSelector>>();

/** Whether `spec.selector` of `selecting` matches the labels of `object`; one that is not valid matches nothing. */
export function selects(selecting: KubeObject, object: KubeObject): boolean {
  const selector = selectorOf(selecting);
  return selector?.matches(object.metadata.labels) === true;
}

function selectorOf(object: KubeObject): ParsedSelector | undefined {
  const known = parsed.get(object) ?? parseSelector(readPath(object, 'spec.selector') as LabelSelector | undefined);
  parsed.set(object, known);
  return 'error' in known ? undefined : known;
}
