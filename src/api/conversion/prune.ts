import { isObject, type JsonObject } from './json.js';

type Node = JsonObject;

/** True for the values by which Go programs write "nothing" and that `schema` does not allow. */
function saysNothing(schema: Node, value: unknown): boolean {
  const atLeastOne = (keyword: string): boolean => typeof schema[keyword] === 'number' && schema[keyword] >= 1;
  if (value === '') return atLeastOne('minLength') || (Array.isArray(schema['enum']) && !schema['enum'].includes(''));
  if (value === 0) return atLeastOne('minimum');
  if (Array.isArray(value)) return value.length === 0 && atLeastOne('minItems');
  return isObject(value) && Object.keys(value).length === 0 && atLeastOne('minProperties');
}

function pruneFields(schema: Node, value: JsonObject): JsonObject {
  const properties = schema['properties'] as Record<string, Node>;
  const required = (schema['required'] as readonly string[] | undefined) ?? [];
  const out: JsonObject = {};
  for (const [key, child] of Object.entries(value)) {
    const property = properties[key];
    if (!property) continue;
    const pruned = pruneValue(property, child);
    if (pruned === undefined) continue;
    if (required.includes(key) || !saysNothing(property, pruned)) out[key] = pruned;
  }
  return out;
}

function pruneValue(schema: Node, value: unknown): unknown {
  if (schema['x-kubernetes-preserve-unknown-fields'] === true) return value;
  if (value === null) return undefined;
  if (Array.isArray(value)) {
    return isObject(schema['items']) ? value.map((item) => pruneValue(schema['items'] as Node, item)) : value;
  }
  if (!isObject(value)) return value;
  if (isObject(schema['properties'])) return pruneFields(schema, value);
  const values = schema['additionalProperties'];
  if (!isObject(values)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, child]) => [key, pruneValue(values, child)]));
}

/**
 * `value` without what `schema` has no place for: unknown fields, nulls, and optional empty strings, zeros, lists and blocks below their lower
 * bound, which older clients send for "not set". Required fields stay, so that validation can name them.
 */
export function prune(schema: JsonObject, value: unknown): unknown {
  return pruneValue(schema, value);
}
