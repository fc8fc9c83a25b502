import { getPath, isObject, type JsonObject, setPath } from './json.js';

/**
 * Rules that say once how a field of v1beta1 (the spoke) and one of v1beta2 (the hub) correspond, and so give both directions. Fields that
 * no rule names are the same in both versions.
 */

/** What a conversion needs to know besides the object. */
export interface Context {
  readonly namespace: string | undefined;
  /** The apiVersion that stands for a reference without version. */
  readonly apiVersionOf: (group: string, kind: string) => string;
}

/** Both directions for one value. */
export interface Mapping {
  readonly up: (spoke: unknown, context: Context) => unknown;
  readonly down: (hub: unknown, context: Context) => unknown;
}

/** Both directions for part of an object: reads from the first, writes into the second. */
export interface Rule {
  readonly spokeFields: readonly string[];
  readonly hubFields: readonly string[];
  readonly up: (spoke: JsonObject, hub: JsonObject, context: Context) => void;
  readonly down: (hub: JsonObject, spoke: JsonObject, context: Context) => void;
}

/** A value that cannot be converted; `path` names the field. */
export class FieldProblem extends Error {
  readonly path: string;
  readonly reason: string;

  constructor(path: string, reason: string) {
    super(`${path}: ${reason}`);
    this.name = 'FieldProblem';
    this.path = path;
    this.reason = reason;
  }
}

function within<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof FieldProblem)) throw error;
    throw new FieldProblem(error.path === '' ? path : `${path}.${error.path}`, error.reason);
  }
}

export const same: Mapping = { up: (value) => value, down: (value) => value };

const top = (path: string): string => path.split('.', 1)[0] ?? path;
const isEmpty = (value: unknown): boolean => isObject(value) && Object.keys(value).length === 0;

/** The field at `spokePath` is the one at `hubPath`. */
export function move(spokePath: string, hubPath: string, mapping: Mapping = same): Rule {
  return {
    spokeFields: [top(spokePath)],
    hubFields: [top(hubPath)],
    up: (spoke, hub, context) => {
      const value = getPath(spoke, spokePath);
      const converted = value === undefined ? undefined : within(spokePath, () => mapping.up(value, context));
      if (converted !== undefined) setPath(hub, hubPath, converted);
    },
    down: (hub, spoke, context) => {
      const value = getPath(hub, hubPath);
      const converted = value === undefined ? undefined : within(hubPath, () => mapping.down(value, context));
      // A block of which v1beta1 knows no field would only say that it is there.
      if (converted !== undefined && (isEmpty(value) || !isEmpty(converted))) setPath(spoke, spokePath, converted);
    },
  };
}

/** A field of the same name whose value differs. */
export function field(name: string, mapping: Mapping): Rule {
  return move(name, name, mapping);
}

const nothing = (): void => undefined;

/** Fields of v1beta1 that mean nothing any more, or that another rule reads. */
export function spokeOnly(...names: string[]): Rule {
  return { spokeFields: names, hubFields: [], up: nothing, down: nothing };
}

/** Fields that v1beta1 does not have; only the saved hub object brings them back. */
export function hubOnly(...names: string[]): Rule {
  return { spokeFields: [], hubFields: names, up: nothing, down: nothing };
}

/** Puts `value` where v1beta1 requires a field that v1beta2 may leave out. */
export function required(path: string, value: unknown): Rule {
  return {
    spokeFields: [top(path)],
    hubFields: [],
    up: nothing,
    down: (_hub, spoke) => {
      if (getPath(spoke, path) === undefined) setPath(spoke, path, structuredClone(value));
    },
  };
}

/** An object, by rules for its fields. */
export function struct(...parts: readonly (Rule | readonly Rule[])[]): Mapping {
  const rules = parts.flat();
  const spokeClaims = new Set(rules.flatMap((rule) => rule.spokeFields));
  const hubClaims = new Set(rules.flatMap((rule) => rule.hubFields));
  const unclaimed = (object: JsonObject, claims: ReadonlySet<string>): JsonObject =>
    Object.fromEntries(Object.entries(object).filter(([key, value]) => !claims.has(key) && value !== undefined));
  return {
    up: (spoke, context) => {
      if (!isObject(spoke)) return spoke;
      const hub = unclaimed(spoke, spokeClaims);
      for (const rule of rules) rule.up(spoke, hub, context);
      return hub;
    },
    down: (hub, context) => {
      if (!isObject(hub)) return hub;
      const spoke = unclaimed(hub, hubClaims);
      for (const rule of rules) rule.down(hub, spoke, context);
      return spoke;
    },
  };
}

/** A list, by a mapping for its items. */
export function items(mapping: Mapping): Mapping {
  const each = (list: unknown, convert: (item: unknown) => unknown): unknown =>
    Array.isArray(list) ? list.map((item, i) => within(`${i}`, () => convert(item))) : list;
  return {
    up: (list, context) => each(list, (item) => mapping.up(item, context)),
    down: (list, context) => each(list, (item) => mapping.down(item, context)),
  };
}
