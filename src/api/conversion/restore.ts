import { isObject, type JsonObject, jsonEqual } from './json.js';

type Node = JsonObject;

/** Fields that tell the items of a list apart: its map keys, else the first required field that is a string. */
function identity(list: Node): readonly string[] {
  const keys = list['x-kubernetes-list-map-keys'];
  if (Array.isArray(keys)) return keys as string[];
  const item = list['items'];
  if (!isObject(item) || !isObject(item['properties'])) return [];
  const properties = item['properties'] as Record<string, Node>;
  const first = ((item['required'] as string[] | undefined) ?? []).find(
    (name) => properties[name]?.['type'] === 'string',
  );
  return first === undefined ? [] : [first];
}

function nameOf(item: unknown, keys: readonly string[]): string | undefined {
  if (keys.length === 0 || !isObject(item)) return undefined;
  return JSON.stringify(keys.map((key) => item[key] ?? ''));
}

/** Each changed item takes back what the original of the same item had: first of one that is equal, else of one with the same name. */
function mergeList(
  schema: Node,
  base: readonly unknown[],
  original: readonly unknown[],
  changed: readonly unknown[],
): unknown[] {
  // The way down and up keeps the number of items; only their order may differ, for lists that v1beta1 keeps as maps.
  if (base.length !== original.length) return [...changed];
  const keys = identity(schema);
  const item = isObject(schema['items']) ? schema['items'] : {};
  const originalOf = (i: number): unknown => {
    const name = nameOf(base[i], keys);
    return name === undefined ? original[i] : (original.find((o) => nameOf(o, keys) === name) ?? original[i]);
  };
  const unused = new Set(base.keys());
  const take = (found: (candidate: unknown) => boolean): number | undefined => {
    const index = [...unused].find((i) => found(base[i]));
    if (index !== undefined) unused.delete(index);
    return index;
  };
  const equals = changed.map((value) => take((candidate) => jsonEqual(candidate, value)));
  return changed.map((value, position) => {
    const equal = equals[position];
    if (equal !== undefined) return originalOf(equal);
    const name = nameOf(value, keys);
    const index = name === undefined ? undefined : take((candidate) => nameOf(candidate, keys) === name);
    return index === undefined ? value : merge(item, base[index], originalOf(index), value);
  });
}

function mergeObject(schema: Node, base: JsonObject, original: JsonObject, changed: JsonObject): JsonObject {
  const properties = isObject(schema['properties']) ? (schema['properties'] as Record<string, Node>) : {};
  const others = isObject(schema['additionalProperties']) ? schema['additionalProperties'] : {};
  const out: JsonObject = {};
  for (const key of new Set([...Object.keys(original), ...Object.keys(changed)])) {
    const value = merge(properties[key] ?? others, base[key], original[key], changed[key]);
    if (value !== undefined) out[key] = value;
  }
  return out;
}

function merge(schema: Node, base: unknown, original: unknown, changed: unknown): unknown {
  if (jsonEqual(base, changed)) return original;
  if (isObject(base) && isObject(original) && isObject(changed)) return mergeObject(schema, base, original, changed);
  if (Array.isArray(base) && Array.isArray(original) && Array.isArray(changed))
    return mergeList(schema, base, original, changed);
  return changed;
}

/**
 * A three-way merge that gives a hub object back what v1beta1 cannot say. `original` is the hub object as it was saved, `base` the same after a
 * way down and up, `changed` what the v1beta1 client sent, converted up. Where the client changed nothing (`changed` equals `base`) the original
 * stands, elsewhere the change does.
 */
export function restore(
  schema: JsonObject,
  versions: { base: JsonObject; original: JsonObject; changed: JsonObject },
): JsonObject {
  const { base, original, changed } = versions;
  return mergeObject(schema, base, original, changed);
}
