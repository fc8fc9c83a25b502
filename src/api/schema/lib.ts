import { type Static, type TSchema, type TUnsafe, Type } from '@sinclair/typebox';

/**
 * A TypeBox schema whose static type is `T`. The helpers below build structural schemas as apiextensions/v1 wants them, so that one source
 * gives CRDs, validators and TypeScript types.
 */
export type Schema<T> = TUnsafe<T>;

/** Named properties of an object schema. */
export type Shape = Record<string, TSchema>;
type NoFields = Record<never, never>;
type Flat<T> = { [K in keyof T]: T[K] };
/** The static type of an object made of required fields `R` and optional fields `O`. */
export type ObjectOf<R extends Shape, O extends Shape> = Flat<
  { [K in keyof R]: Static<R[K]> } & { [K in keyof O]?: Static<O[K]> }
>;

/** One rule in the Common Expression Language; `message` names the remedy. */
export interface CelRule {
  readonly rule: string;
  readonly message: string;
  readonly fieldPath?: string;
}

export interface CommonOptions {
  readonly default?: unknown;
  readonly rules?: readonly CelRule[];
}
export interface TextOptions extends CommonOptions {
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly format?: string;
}
export interface NumberOptions extends CommonOptions {
  readonly minimum?: number;
  readonly maximum?: number;
}
export interface ObjectOptions extends CommonOptions {
  readonly minProperties?: number;
  readonly mapType?: 'atomic' | 'granular';
}
export interface ListOptions extends CommonOptions {
  readonly minItems?: number;
  readonly maxItems?: number;
}

function extensions({
  rules,
  default: value,
  ...rest
}: CommonOptions & Record<string, unknown>): Record<string, unknown> {
  return {
    ...rest,
    ...(value === undefined ? {} : { default: value }),
    ...(rules && rules.length > 0 ? { 'x-kubernetes-validations': rules.map((rule) => ({ ...rule })) } : {}),
  };
}

/** An object with `required` and `optional` fields and no others: the API server prunes what is not listed. */
export function obj<R extends Shape, O extends Shape = NoFields>(
  description: string,
  required: R,
  optional?: O,
  { mapType, ...options }: ObjectOptions = {},
): Schema<ObjectOf<R, O>> {
  const rest = Object.fromEntries(
    Object.entries(optional ?? {}).map(([name, schema]) => [name, Type.Optional(schema)]),
  );
  const schema = Type.Object(
    { ...required, ...rest },
    { description, ...extensions({ ...options }), ...(mapType ? { 'x-kubernetes-map-type': mapType } : {}) },
  );
  return schema as unknown as Schema<ObjectOf<R, O>>;
}

/** An object that may not be `{}`: in v1beta2 an empty block is an error, absence is how one says nothing. */
export function block<O extends Shape>(
  description: string,
  optional: O,
  options: ObjectOptions = {},
): Schema<ObjectOf<NoFields, O>> {
  return obj(description, {}, optional, { minProperties: 1, ...options });
}

export function text(description: string, options: TextOptions = {}): Schema<string> {
  return Type.Unsafe<string>({ type: 'string', description, ...extensions({ ...options }) });
}

/** A string of 1 to `maxLength` characters. */
export function bounded(description: string, maxLength: number, options: TextOptions = {}): Schema<string> {
  return text(description, { minLength: 1, maxLength, ...options });
}

/** A string out of a closed set. */
export function oneOf<const V extends readonly string[]>(
  description: string,
  values: V,
  options: CommonOptions = {},
): Schema<V[number]> {
  return Type.Unsafe<V[number]>({ type: 'string', enum: [...values], description, ...extensions({ ...options }) });
}

/** An instant, RFC 3339. */
export function time(description: string): Schema<string> {
  return text(description, { format: 'date-time' });
}

/** metav1.Duration, e.g. `1h30m`. */
export function duration(description: string): Schema<string> {
  return text(description);
}

export function flag(description: string, options: CommonOptions = {}): Schema<boolean> {
  return Type.Unsafe<boolean>({ type: 'boolean', description, ...extensions({ ...options }) });
}

export function int32(description: string, options: NumberOptions = {}): Schema<number> {
  return Type.Unsafe<number>({ type: 'integer', format: 'int32', description, ...extensions({ ...options }) });
}

export function int64(description: string, options: NumberOptions = {}): Schema<number> {
  return Type.Unsafe<number>({ type: 'integer', format: 'int64', description, ...extensions({ ...options }) });
}

/** A whole number of seconds, zero or more. */
export function seconds(description: string): Schema<number> {
  return int32(description, { minimum: 0 });
}

/** A number or a percentage such as `25%`. */
export function intOrString(description: string, options: TextOptions = {}): Schema<number | string> {
  return Type.Unsafe<number | string>({
    anyOf: [{ type: 'integer' }, { type: 'string' }],
    'x-kubernetes-int-or-string': true,
    description,
    ...extensions({ ...options }),
  });
}

/** Any JSON value, kept as it is. */
export function freeJson(description: string): Schema<unknown> {
  return Type.Unsafe<unknown>({ 'x-kubernetes-preserve-unknown-fields': true, description });
}

/** An object with free keys and values of one schema. */
export function mapOf<V extends TSchema>(
  description: string,
  values: V,
  options: CommonOptions = {},
): Schema<Record<string, Static<V>>> {
  return Type.Unsafe<Record<string, Static<V>>>({
    type: 'object',
    additionalProperties: values,
    description,
    ...extensions({ ...options }),
  });
}

/** String keys and string values. */
export function stringMap(description: string): Schema<Record<string, string>> {
  return mapOf(description, Type.Unsafe<string>({ type: 'string' }));
}

/** A list without a list type: server-side apply treats it as atomic, as upstream leaves it. */
export function list<I extends TSchema>(description: string, items: I, options: ListOptions = {}): Schema<Static<I>[]> {
  return Type.Unsafe<Static<I>[]>({ type: 'array', items, description, ...extensions({ ...options }) });
}

/** A list that server-side apply replaces as a whole. */
export function atomicList<I extends TSchema>(
  description: string,
  items: I,
  options: ListOptions = {},
): Schema<Static<I>[]> {
  return Object.assign(list(description, items, options), { 'x-kubernetes-list-type': 'atomic' });
}

/** A list that server-side apply merges by `keys`; entries are unique by them. */
export function listMap<I extends TSchema>(
  description: string,
  items: I,
  keys: readonly string[],
  options: ListOptions = {},
): Schema<Static<I>[]> {
  return Object.assign(list(description, items, options), {
    'x-kubernetes-list-map-keys': [...keys],
    'x-kubernetes-list-type': 'map',
  });
}

/** `schema` whose value cannot be changed once set; the API server enforces it by a transition rule. */
export function immutable<T>(schema: Schema<T>, field: string): Schema<T> {
  const rule: CelRule = {
    rule: 'self == oldSelf',
    message: `${field} cannot be changed: delete the object and create it again`,
  };
  const rules = (schema['x-kubernetes-validations'] as CelRule[] | undefined) ?? [];
  return { ...schema, 'x-kubernetes-validations': [...rules, rule] };
}
