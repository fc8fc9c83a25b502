import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { awsDefinitions } from '../crd/aws-definitions.js';
import { coreDefinitions } from '../crd/core-definitions.js';
import type { KindDefinition } from '../crd/definition.js';
import { plainSchema } from '../crd/generate.js';
import { kubeadmDefinitions } from '../crd/kubeadm-definitions.js';
import type { KubeObject } from '../types/meta.js';
import { mutate, validate } from './admission.js';
import { DEFAULT_GATES } from './context.js';
import { changedPaths, DefaultingError, MalformedError, sameJson, withoutEmpties } from './json.js';
import { KIND_WEBHOOKS, type KindWebhook } from './registry.js';

type Json = Record<string, unknown>;

const WORDS = [
  '',
  'a',
  'v1.34.0',
  '1.34.0',
  '10.0.0.0/16',
  '10.0.1.0/24',
  '::/0',
  'gp3',
  'io1',
  'node.kubernetes.io/x',
  '{{ .random }}',
  'aws:x',
  'x/y/z',
];

/** Values that a structural schema accepts, but for patterns and sizes; `odd` sometimes puts another JSON type instead. */
function valuesOf(schema: Json, odd: boolean): fc.Arbitrary<unknown> {
  const value = plainValues(schema, odd);
  return odd
    ? fc.oneof(
        { weight: 19, arbitrary: value },
        { weight: 1, arbitrary: fc.constantFrom<unknown>(null, 'x', 1, [], {}, true) },
      )
    : value;
}

function plainValues(schema: Json, odd: boolean): fc.Arbitrary<unknown> {
  if (Array.isArray(schema['enum'])) return fc.constantFrom(...(schema['enum'] as unknown[]));
  switch (schema['type']) {
    case 'object':
      return objectsOf(schema, odd);
    case 'array':
      return fc.array(valuesOf(schema['items'] as Json, odd), { maxLength: 2 });
    case 'integer':
      return fc.constantFrom(-1, 0, 1, 2, 3, 8, 130);
    case 'boolean':
      return fc.boolean();
    case 'string':
      return fc.constantFrom(...WORDS);
    default:
      return fc.constantFrom<unknown>(0, 1, '25%', 'x');
  }
}

function objectsOf(schema: Json, odd: boolean): fc.Arbitrary<unknown> {
  const properties = (schema['properties'] ?? {}) as Record<string, Json>;
  const free = schema['additionalProperties'] as Json | undefined;
  if (free) return fc.dictionary(fc.constantFrom('a', 'aws:x', 'x/y/z'), valuesOf(free, odd), { maxKeys: 2 });
  const required = odd ? [] : ((schema['required'] ?? []) as string[]);
  const parts = Object.fromEntries(
    Object.entries(properties).map(([name, part]) => [
      name,
      fc.option(valuesOf(part, odd), { nil: undefined, freq: 1 }),
    ]),
  );
  for (const name of required) parts[name] = valuesOf(properties[name] as Json, odd);
  return fc.record(parts, { requiredKeys: required }).map((object) => JSON.parse(JSON.stringify(object)) as unknown);
}

const definitions: readonly KindDefinition[] = [...coreDefinitions, ...kubeadmDefinitions, ...awsDefinitions];

function objectsFor(webhook: KindWebhook, odd: boolean): fc.Arbitrary<KubeObject> {
  const definition = definitions.find((d) => d.kind === webhook.kind.kind);
  const version = definition?.versions.find((v) => v.name === webhook.kind.version);
  if (!version) throw new Error(`no schema for ${webhook.kind.kind}`);
  const spec = valuesOf(plainSchema(version.spec), odd);
  const labels = fc.constantFrom<Record<string, string> | undefined>(undefined, {}, { a: 'b' });
  return fc.record({ spec, labels }).map(({ spec: made, labels: given }) => ({
    apiVersion: `${webhook.kind.group}/${webhook.kind.version}`,
    kind: webhook.kind.kind,
    metadata: { name: 'n', namespace: 'ns', ...(given ? { labels: given } : {}) },
    spec: made,
  }));
}

const ctx = { dryRun: false, gates: DEFAULT_GATES };
const allGates = {
  dryRun: false,
  gates: {
    ...DEFAULT_GATES,
    BootstrapFormatIgnition: true,
    KubeadmBootstrapFormatIgnition: true,
    MachineTaintPropagation: true,
    ClusterTopology: true,
  },
};
const runs = { numRuns: 60 };

describe.each(KIND_WEBHOOKS.map((webhook) => [webhook.kind.kind, webhook] as const))('%s', (_, webhook) => {
  const { default: defaults, validate: judge } = webhook;

  if (defaults) {
    test('defaulting twice is defaulting once, and leaves its input alone', () => {
      fc.assert(
        fc.property(objectsFor(webhook, false), (object) => {
          const before = structuredClone(object);
          const once = defaults(object, undefined, ctx);
          expect(object).toEqual(before);
          expect(defaults(once, undefined, ctx)).toEqual(once);
          expect(defaults(once, object, ctx)).toEqual(once);
        }),
        runs,
      );
    });

    test('defaulting survives objects of any shape', () => {
      fc.assert(
        fc.property(objectsFor(webhook, true), (object) => {
          try {
            defaults(object, undefined, ctx);
          } catch (error) {
            expect(error instanceof MalformedError || error instanceof DefaultingError).toBe(true);
          }
        }),
        runs,
      );
    });
  }

  test('a defaulted object may replace the object it was made from', () => {
    fc.assert(
      fc.property(objectsFor(webhook, false), (object) => {
        const made = defaults ? defaults(object, undefined, ctx) : object;
        const { errors } = judge(made, object, ctx);
        expect(errors.filter((error) => /cannot be (modified|changed|removed)/.test(error.message))).toEqual([]);
      }),
      runs,
    );
  });

  test('judging never fails on what fits the schema, and always says where and what', () => {
    fc.assert(
      fc.property(objectsFor(webhook, false), objectsFor(webhook, false), (object, old) => {
        for (const context of [ctx, allGates]) {
          for (const { errors } of [judge(object, undefined, context), judge(object, old, context)]) {
            for (const error of errors) {
              expect(error.path).toMatch(/^(spec|metadata)/);
              expect(error.message.length).toBeGreaterThan(5);
            }
          }
        }
      }),
      runs,
    );
  });

  test('reviews of it always have an answer', () => {
    fc.assert(
      fc.property(objectsFor(webhook, true), (object) => {
        expect(mutate(webhook, { uid: 'u', operation: 'CREATE', object }).uid).toBe('u');
      }),
      runs,
    );
    fc.assert(
      fc.property(objectsFor(webhook, false), (object) => {
        expect(validate(webhook, { uid: 'u', operation: 'CREATE', object }).uid).toBe('u');
      }),
      runs,
    );
  });
});

describe('JSON helpers', () => {
  test('equal values have no changed paths, different ones have some', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
        expect(changedPaths(a, structuredClone(a))).toEqual([]);
        expect(changedPaths({ a }, { a: b }).length === 0).toBe(sameJson(a, b));
      }),
    );
  });

  test('dropping empties is idempotent', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const once = withoutEmpties(value);
        expect(withoutEmpties(once)).toEqual(once);
      }),
    );
  });
});
