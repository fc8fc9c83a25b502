import { isObject } from '../../domain/json.js';
import type { FieldError } from './field-errors.js';

export { changedPaths, isObject, sameJson, withoutEmpties } from '../../domain/json.js';

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
