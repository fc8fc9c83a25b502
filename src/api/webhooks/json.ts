import type { FieldError } from './field-errors.js';

/** Thrown by a defaulter that cannot choose a value; the request is refused with these errors. */
export class DefaultingError extends Error {
  readonly errors: readonly FieldError[];

  constructor(errors: readonly FieldError[]) {
    super(errors.map((error) => `${error.path}: ${error.message}`).join(', '));
    this.name = 'DefaultingError';
    this.errors = errors;
  }
}

/** Thrown by a defaulter when a field has another JSON type than the schema allows; the schema then names the field to the user. */
export class MalformedError extends Error {
  constructor(field: string) {
    super(`field ${field} is not an object`);
    this.name = 'MalformedError';
  }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * `parent[key]`, made when absent. Mutating admission sees objects before their schema is checked, hence the type check.
 * Throws MalformedError.
 */
export function ensureObject<P extends object, K extends keyof P & string>(
  parent: P,
  key: K,
): NonNullable<P[K]> & object {
  const value: unknown = parent[key];
  if (value === undefined || value === null) {
    const made = {} as NonNullable<P[K]> & object;
    parent[key] = made;
    return made;
  }
  if (!isObject(value)) throw new MalformedError(key);
  return value as NonNullable<P[K]> & object;
}

/** `parent[key]` when it is an object, undefined when absent. Throws MalformedError. */
export function optionalObject<P extends object, K extends keyof P & string>(
  parent: P,
  key: K,
): (NonNullable<P[K]> & object) | undefined {
  const value: unknown = parent[key];
  return value === undefined || value === null ? undefined : ensureObject(parent, key);
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
