import fc, { type Arbitrary } from 'fast-check';

/** Random values that a structural schema allows, for property tests. */

type Node = { readonly [key: string]: unknown };

export interface ArbitraryOptions {
  /** Replaces the generator of the schema at a dotted path (`*` for list items and map values). */
  readonly at?: (path: string, schema: Node) => Arbitrary<unknown> | undefined;
  /** Leaves the field at a dotted path out. */
  readonly omit?: (path: string) => boolean;
  /** Always has the optional field at a dotted path. */
  readonly require?: (path: string) => boolean;
  /** Changes what was generated at a dotted path. */
  readonly adjust?: (path: string) => ((value: unknown) => unknown) | undefined;
  /** Corrects a value so that it keeps a CEL rule; by the text of the rule. */
  readonly rules?: Readonly<Record<string, (value: unknown) => unknown>>;
  /** Generates no empty string, list, map or block for optional fields, even where the schema allows it. */
  readonly noEmpty?: boolean;
  /** Share of optional fields that are there, in percent; default 50. */
  readonly optionalPercent?: number;
}

const pools = new Map<string, readonly string[]>();

/** A few strings that match a pattern; made once, because matching is slow to generate. */
function matching(pattern: string, min: number, max: number): Arbitrary<string> {
  const key = `${pattern}/${min}/${max}`;
  let pool = pools.get(key);
  if (!pool) {
    const size = { maxLength: Math.min(max, 40) };
    const regex = new RegExp(pattern);
    const found = fc.sample(fc.stringMatching(regex, size), { numRuns: 200, seed: 7 });
    pool = [...new Set(found)].filter((text) => text.length >= min && text.length <= max).slice(0, 30);
    if (pool.length === 0) throw new Error(`no string found for pattern ${pattern}`);
    pools.set(key, pool);
  }
  return fc.constantFrom(...pool);
}

/** The pattern that a rule `self.matches('…')` demands, if any. */
function rulePattern(schema: Node): string | undefined {
  const rules = (schema['x-kubernetes-validations'] as readonly { rule: string }[] | undefined) ?? [];
  return rules.map(({ rule }) => /^self\.matches\('(.*)'\)$/.exec(rule)?.[1]).find((pattern) => pattern !== undefined);
}

const times = fc
  .integer({ min: 0, max: 4_000_000_000 })
  .map((seconds) => new Date(seconds * 1000).toISOString().replace('.000Z', 'Z'));

function text(schema: Node, options: ArbitraryOptions): Arbitrary<string> {
  if (Array.isArray(schema['enum'])) return fc.constantFrom(...(schema['enum'] as string[]));
  if (schema['format'] === 'date-time') return times;
  if (schema['format'] === 'byte') return fc.constantFrom('YQ==', 'YWI=', 'YWJj');
  const min = Math.max((schema['minLength'] as number | undefined) ?? 0, options.noEmpty ? 1 : 0);
  const max = (schema['maxLength'] as number | undefined) ?? 64;
  const pattern = (schema['pattern'] as string | undefined) ?? rulePattern(schema);
  return pattern === undefined
    ? fc.string({ minLength: min, maxLength: Math.min(max, 8) })
    : matching(pattern, min, max);
}

function integer(schema: Node): Arbitrary<number> {
  const min = (schema['minimum'] as number | undefined) ?? 0;
  return fc.integer({
    min,
    max: Math.min((schema['maximum'] as number | undefined) ?? min + 1_000_000, min + 1_000_000),
  });
}

const json: Arbitrary<unknown> = fc.oneof(
  fc.string({ maxLength: 5 }),
  fc.integer(),
  fc.boolean(),
  fc.dictionary(fc.string({ minLength: 1, maxLength: 3 }), fc.integer(), { maxKeys: 2 }),
);

function keysOf(schema: Node): readonly string[] {
  const rules = (schema['x-kubernetes-validations'] as readonly { rule: string }[] | undefined) ?? [];
  if (rules.some(({ rule }) => rule.includes('exists_one(y, x.name == y.name)'))) return ['name'];
  return (schema['x-kubernetes-list-map-keys'] as readonly string[] | undefined) ?? [];
}

function list(schema: Node, path: string, options: ArbitraryOptions): Arbitrary<unknown> {
  const items = build(schema['items'] as Node, `${path}.*`, options);
  const minLength = Math.max((schema['minItems'] as number | undefined) ?? 0, options.noEmpty ? 1 : 0);
  const size = {
    minLength,
    maxLength: Math.min((schema['maxItems'] as number | undefined) ?? 3, Math.max(minLength, 3)),
  };
  const keys = keysOf(schema);
  if (keys.length === 0) return fc.array(items, size);
  const selector = (item: unknown): string => JSON.stringify(keys.map((key) => (item as Record<string, unknown>)[key]));
  return fc.uniqueArray(items, { ...size, selector });
}

function map(schema: Node, path: string, options: ArbitraryOptions): Arbitrary<unknown> {
  const values = build(schema['additionalProperties'] as Node, `${path}.*`, options);
  const keys = fc.string({ minLength: 1, maxLength: 4 }).filter((key) => key !== '__proto__');
  return fc.dictionary(keys, values, { minKeys: options.noEmpty ? 1 : 0, maxKeys: 3, noNullPrototype: true });
}

function object(schema: Node, path: string, options: ArbitraryOptions): Arbitrary<unknown> {
  const properties = schema['properties'] as Record<string, Node>;
  const pathOf = (name: string): string => (path === '' ? name : `${path}.${name}`);
  const names = Object.keys(properties).filter((name) => !options.omit?.(pathOf(name)));
  const demanded = (schema['required'] as readonly string[] | undefined) ?? [];
  const required = names.filter((name) => demanded.includes(name) || options.require?.(pathOf(name)));
  const optional = names.filter((name) => !required.includes(name));
  const fields = names.map((name) => {
    const value = build(properties[name] as Node, pathOf(name), options);
    return required.includes(name) ? value : fc.option(value, { nil: undefined, freq: freq(options) });
  });
  const atLeast = Math.max((schema['minProperties'] as number | undefined) ?? 0, options.noEmpty ? 1 : 0);
  const forced = required.length >= atLeast || optional.length === 0 ? undefined : fc.constantFrom(...optional);
  const whole = fc.tuple(...fields).map((values) => {
    const entries = values
      .map((value, i): [string, unknown] => [names[i] ?? '', value])
      .filter(([, value]) => value !== undefined);
    return Object.fromEntries(entries);
  });
  if (!forced) return whole;
  // An object that came out empty gets one field, so that nothing is thrown away.
  return fc
    .tuple(
      whole,
      forced.chain((name) => build(properties[name] as Node, pathOf(name), options).map((v) => [name, v] as const)),
    )
    .map(([value, [name, v]]) => (Object.keys(value as object).length > 0 ? value : { [name]: v }));
}

/** fast-check leaves one value out of `freq` away. */
function freq({ optionalPercent = 50 }: ArbitraryOptions): number {
  return Math.max(2, Math.round(100 / Math.max(1, 100 - optionalPercent)));
}

function build(schema: Node, path: string, options: ArbitraryOptions): Arbitrary<unknown> {
  const own = options.at?.(path, schema);
  const base = own ?? byType(schema, path, options);
  const rules = (schema['x-kubernetes-validations'] as readonly { rule: string }[] | undefined) ?? [];
  const corrections = [...rules.map(({ rule }) => options.rules?.[rule]), options.adjust?.(path)].filter(
    (correct) => correct !== undefined,
  );
  return corrections.length === 0 ? base : base.map((value) => corrections.reduce((v, correct) => correct(v), value));
}

function byType(schema: Node, path: string, options: ArbitraryOptions): Arbitrary<unknown> {
  if (schema['x-kubernetes-int-or-string'] === true) {
    if (schema['pattern']) return fc.constantFrom<unknown>('1', '100m', '2Gi', 3);
    return fc.oneof(
      fc.integer({ min: 0, max: 20 }),
      fc.integer({ min: 1, max: 100 }).map((n) => `${n}%`),
    );
  }
  if (schema['x-kubernetes-preserve-unknown-fields'] === true) return json;
  switch (schema['type']) {
    case 'string':
      return text(schema, options);
    case 'integer':
      return integer(schema);
    case 'boolean':
      return fc.boolean();
    case 'array':
      return list(schema, path, options);
    case 'object':
      return schema['properties'] ? object(schema, path, options) : map(schema, path, options);
    default:
      throw new Error(`schema at ${path} has no type`);
  }
}

/** An arbitrary of the values that `schema` allows. */
export function arbitraryOf(schema: object, options: ArbitraryOptions = {}): Arbitrary<unknown> {
  return build(schema as Node, '', options);
}
