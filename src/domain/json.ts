/** True for a JSON object. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Structural equality of JSON values; the order of keys does not matter. */
export function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, i) => sameJson(item, b[i]));
  if (!isObject(a) || !isObject(b)) return false;
  const keys = Object.keys(a).filter((key) => a[key] !== undefined);
  return (
    keys.length === Object.keys(b).filter((key) => b[key] !== undefined).length &&
    keys.every((key) => key in b && sameJson(a[key], b[key]))
  );
}

/**
 * The value without what means the same as absence: null, `''`, `[]`, `{}`, except under keys in `meaningful`. Upstream's clients send such
 * empty values where another client sends none; an immutability check must not see a difference. List items are kept.
 */
export function withoutEmpties(value: unknown, meaningful: ReadonlySet<string> = new Set()): unknown {
  if (Array.isArray(value)) return value.map((item) => withoutEmpties(item, meaningful));
  if (!isObject(value)) return value;
  const out: Record<string, unknown> = {};
  for (const [key, raw] of Object.entries(value)) {
    const item = withoutEmpties(raw, meaningful);
    if (meaningful.has(key) ? item !== undefined && item !== null : !isEmpty(item)) out[key] = item;
  }
  return out;
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === '') return true;
  return Array.isArray(value) ? value.length === 0 : isObject(value) && Object.keys(value).length === 0;
}

/**
 * Paths of the leaves that differ between `a` and `b`, sorted; lists are compared whole. A subtree that appears or goes away is reported leaf by
 * leaf, an empty one as itself.
 */
export function changedPaths(a: unknown, b: unknown, prefix: readonly string[] = []): string[][] {
  if (sameJson(a, b)) return [];
  const before = a === undefined && isObject(b) ? {} : a;
  const after = b === undefined && isObject(a) ? {} : b;
  if (!isObject(before) || !isObject(after)) return [[...prefix]];
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  const leaves = keys.flatMap((key) => changedPaths(before[key], after[key], [...prefix, key]));
  return leaves.length > 0 ? leaves : [[...prefix]];
}
