/** Small helpers over plain JSON values. */
export type JsonObject = Record<string, unknown>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Value at a dotted path, undefined when any part is missing. */
export function getPath(object: unknown, path: string): unknown {
  let value: unknown = object;
  for (const part of path.split('.')) {
    if (!isObject(value)) return undefined;
    value = value[part];
  }
  return value;
}

/** Sets a dotted path in place and makes the objects on the way. */
export function setPath(object: JsonObject, path: string, value: unknown): void {
  const parts = path.split('.');
  const last = parts.pop() ?? path;
  let target = object;
  for (const part of parts) {
    const next = target[part];
    if (isObject(next)) target = next;
    else {
      const made: JsonObject = {};
      target[part] = made;
      target = made;
    }
  }
  target[last] = value;
}

/** Deep equality of JSON values; keys with the value undefined count as absent. */
export function jsonEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, i) => jsonEqual(item, b[i]));
  if (!isObject(a) || !isObject(b)) return false;
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].every((key) => jsonEqual(a[key], b[key]));
}
