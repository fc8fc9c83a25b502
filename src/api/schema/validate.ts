import { type TSchema, Type } from '@sinclair/typebox';
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import addFormatsModule from 'ajv-formats';
import { definitionOf } from '../crd/definitions.js';

/** One thing that is wrong with an object, in words for its author. */
export interface SchemaProblem {
  /** Path as kubectl writes it, e.g. `spec.files[0].path`. */
  readonly field: string;
  /** The value as JSON, shortened; `(hidden)` where it could be a secret. */
  readonly value: string;
  /** What is wrong and what would be right. */
  readonly message: string;
}

/** Checks one kind and version: the problems of an object, none when it is valid. */
export type Validator = (object: unknown) => SchemaProblem[];

/** Keywords that only the API server evaluates. CEL rules are among them: they are checked on admission. */
const KUBERNETES_KEYWORDS = [
  'x-kubernetes-int-or-string',
  'x-kubernetes-list-map-keys',
  'x-kubernetes-list-type',
  'x-kubernetes-map-type',
  'x-kubernetes-preserve-unknown-fields',
  'x-kubernetes-validations',
];

// The package is CommonJS: its callable default sits one level deeper when it is imported from ES modules.
const addFormats = addFormatsModule as unknown as typeof addFormatsModule.default;

function engine(): Ajv {
  const ajv = new Ajv({ allErrors: true, verbose: true, strict: false });
  addFormats(ajv);
  ajv.addVocabulary(KUBERNETES_KEYWORDS);
  return ajv;
}

type Node = { readonly [key: string]: unknown };

/** The schema with no room for fields that it does not list: the API server would drop them without a word. */
function closed(schema: Node): Node {
  const out: Record<string, unknown> = { ...schema };
  const properties = schema['properties'] as Record<string, Node> | undefined;
  if (properties) {
    out['properties'] = Object.fromEntries(Object.entries(properties).map(([name, child]) => [name, closed(child)]));
    out['additionalProperties'] = false;
  } else if (typeof schema['additionalProperties'] === 'object') {
    out['additionalProperties'] = closed(schema['additionalProperties'] as Node);
  }
  if (typeof schema['items'] === 'object') out['items'] = closed(schema['items'] as Node);
  return out;
}

/** Fields whose value never goes into a message. */
const SECRET =
  /token|passw|secret|content|credential|authorityData|additionalConfig|userData|commands?\b|env\b|config\b/i;

function fieldOf(pointer: string, child?: string): string {
  const parts = pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
  const path = [...parts, ...(child === undefined ? [] : [child])].reduce(
    (text, part) => (/^\d+$/.test(part) ? `${text}[${part}]` : `${text}${text === '' ? '' : '.'}${part}`),
    '',
  );
  return path === '' ? '(object)' : path;
}

function shown(field: string, value: unknown): string {
  if (value === undefined) return '(absent)';
  if (SECRET.test(field)) return '(hidden)';
  if (typeof value === 'object' && value !== null)
    return Array.isArray(value) ? `(list of ${value.length})` : '(block)';
  const text = JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}

const atLeast = (limit: unknown, what: string): string => `needs at least ${String(limit)} ${what}`;
const atMost = (limit: unknown, what: string): string => `may have at most ${String(limit)} ${what}`;

const MESSAGES: Readonly<Record<string, (params: Record<string, unknown>) => string>> = {
  required: () => 'is required: set it',
  additionalProperties: () => 'is not a field of this version: correct its name or place, or remove it',
  type: ({ type }) => `has the wrong type: make it ${String(type)}`,
  enum: ({ allowedValues }) =>
    `is not one of the allowed values: ${(allowedValues as unknown[]).map((v) => JSON.stringify(v)).join(', ')}`,
  minLength: ({ limit }) => (limit === 1 ? 'is empty: set it or leave the field out' : atLeast(limit, 'characters')),
  maxLength: ({ limit }) => atMost(limit, 'characters'),
  minItems: ({ limit }) => (limit === 1 ? 'is an empty list: leave the field out' : atLeast(limit, 'items')),
  maxItems: ({ limit }) => atMost(limit, 'items'),
  minProperties: ({ limit }) => (limit === 1 ? 'is an empty block: leave the field out' : atLeast(limit, 'fields')),
  minimum: ({ limit }) => `is too small: use ${String(limit)} or more`,
  maximum: ({ limit }) => `is too large: use ${String(limit)} or less`,
  pattern: ({ pattern }) => `does not match the pattern ${String(pattern)}`,
  format: ({ format }) =>
    format === 'date-time'
      ? 'is no instant: write it like 2026-01-31T12:00:00Z'
      : `is not in the format ${String(format)}`,
  anyOf: () => 'has the wrong type: use a number or a percentage such as 25%',
};

function problemOf(error: ErrorObject): SchemaProblem {
  const params = error.params as Record<string, unknown>;
  const child = error.keyword === 'required' ? params['missingProperty'] : params['additionalProperty'];
  const field = fieldOf(error.instancePath, child === undefined ? undefined : String(child));
  const data: unknown = error.data;
  const value = child === undefined ? data : (data as Record<string, unknown> | undefined)?.[String(child)];
  const explain = MESSAGES[error.keyword] ?? ((): string => error.message ?? 'is not valid');
  return { field, value: shown(field, value), message: explain(params) };
}

/** An error inside `anyOf` repeats what the `anyOf` itself says. */
function isRepeated(error: ErrorObject): boolean {
  return /\/anyOf\/\d+\//.test(error.schemaPath);
}

/** Entries of map-like lists that share their keys; JSON schema has no word for it, the API server refuses them. */
function duplicates(schema: Node, value: unknown, path: string): SchemaProblem[] {
  if (Array.isArray(value)) {
    const keys = (schema['x-kubernetes-list-map-keys'] as readonly string[] | undefined) ?? [];
    const names = value.map((item) =>
      JSON.stringify(keys.map((key) => (item as Record<string, unknown> | null)?.[key] ?? null)),
    );
    const own =
      keys.length === 0 ? [] : names.flatMap((name, i) => (names.indexOf(name) === i ? [] : [`${path}/${i}`]));
    const items = schema['items'] as Node | undefined;
    return [
      ...own.map((at) => ({
        field: fieldOf(at),
        value: '(block)',
        message: `repeats an entry: ${keys.join(' and ')} must be unique in the list`,
      })),
      ...(items ? value.flatMap((item, i) => duplicates(items, item, `${path}/${i}`)) : []),
    ];
  }
  const properties = schema['properties'] as Record<string, Node> | undefined;
  if (!properties || typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, child]) => {
    const property = properties[key];
    return property ? duplicates(property, child, `${path}/${key}`) : [];
  });
}

/** A validator of any schema; unknown fields are problems. */
export function compileValidator(schema: TSchema | Node): Validator {
  const strict = closed(schema as Node);
  let check: ValidateFunction | undefined;
  return (object) => {
    // Compiled on first use: most processes never look at most kinds.
    check ??= engine().compile(strict);
    const valid = check(object);
    const problems = valid ? [] : (check.errors ?? []).filter((error) => !isRepeated(error)).map(problemOf);
    return [...problems, ...duplicates(schema as Node, object, '')];
  };
}

const validators = new Map<string, Validator>();

function objectSchema(apiVersion: string, kind: string): TSchema | undefined {
  const [group = '', name = ''] = apiVersion.split('/', 2);
  const version = definitionOf(group, kind)?.versions.find((v) => v.name === name);
  if (!version) return undefined;
  return Type.Object({
    apiVersion: Type.String(),
    kind: Type.String(),
    metadata: Type.Unsafe({ type: 'object' }),
    spec: version.specRequired ? version.spec : Type.Optional(version.spec),
    ...(version.status ? { status: Type.Optional(version.status) } : {}),
  });
}

/**
 * The validator of a kind of ours, e.g. `validatorOf('cluster.x-k8s.io/v1beta2', 'Cluster')`, or undefined for other kinds. It finds what the API
 * server would refuse or drop by the schema; CEL rules and webhooks look further.
 */
export function validatorOf(apiVersion: string, kind: string): Validator | undefined {
  const key = `${apiVersion}/${kind}`;
  const known = validators.get(key);
  if (known) return known;
  const schema = objectSchema(apiVersion, kind);
  if (!schema) return undefined;
  const made = compileValidator(schema);
  validators.set(key, made);
  return made;
}

/** One line per problem: field, value, remedy. */
export function formatProblems(problems: readonly SchemaProblem[]): string {
  return problems.map(({ field, value, message }) => `${field}: ${value} ${message}`).join('\n');
}
