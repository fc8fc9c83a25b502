import { isDeepStrictEqual } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import fc, { type Arbitrary } from 'fast-check';
import { arbitraryOf } from '../../../test/helpers/arbitrary.js';
import { apiVersionOf, NAMESPACE, withoutLosses } from '../../../test/helpers/conversion-losses.js';
import type { KindVersion } from '../crd/definition.js';
import { definitionOf } from '../crd/definitions.js';
import { validatorOf } from '../schema/validate.js';
import { converters, DATA_ANNOTATION, type KindConverter } from './convert.js';
import { getPath, isObject, type JsonObject } from './json.js';

const RUNS = 1_000;
/** A thousand objects take seconds; a busy machine gets more. */
const PATIENCE_MS = 180_000;

function versionOf({ group, kind }: KindConverter, name: string): KindVersion {
  const version = definitionOf(group, kind)?.versions.find((v) => v.name === name);
  if (!version) throw new Error(`${kind} has no version ${name}`);
  return version;
}

/** Either way of laying out a disk, as v1beta2 wants it. */
function oneLayout(disk: unknown): unknown {
  if (!isObject(disk)) return disk;
  const { layout, ...rest } = disk;
  return rest['diskLayout'] === undefined ? { ...rest, layout: layout ?? true } : rest;
}
const rules = { '[has(self.layout),has(self.diskLayout)].filter(x,x==true).size() == 1': oneLayout };

const words = fc.dictionary(fc.constantFrom('x', 'y'), fc.constantFrom('1', '2'), {
  minKeys: 1,
  noNullPrototype: true,
});
const metadata = fc.record(
  { name: fc.constantFrom('a', 'b-1'), namespace: fc.constant(NAMESPACE), labels: words, annotations: words },
  { requiredKeys: ['name', 'namespace'], noNullPrototype: true },
);

interface Parts {
  readonly spec: Arbitrary<unknown>;
  readonly status: Arbitrary<unknown> | undefined;
}

function objectOf({ group, kind }: KindConverter, version: string, { spec, status }: Parts): Arbitrary<JsonObject> {
  return fc
    .tuple(metadata, spec, status ? fc.option(status, { nil: undefined }) : fc.constant(undefined))
    .map(([meta, made, observed]) => ({
      apiVersion: `${group}/${version}`,
      kind,
      metadata: meta,
      spec: made,
      ...(observed === undefined ? {} : { status: observed }),
    }));
}

function hubObjects(converter: KindConverter): Arbitrary<JsonObject> {
  const { spec, status } = versionOf(converter, 'v1beta2');
  // Without an annotation nothing brings an empty deprecated block back.
  const options = converter.kind === 'MachineSet' ? { rules, noEmpty: true } : { rules };
  return objectOf(converter, 'v1beta2', {
    spec: arbitraryOf(spec, options),
    status: status && arbitraryOf(status, options),
  });
}

function spokeObjects(converter: KindConverter): Arbitrary<JsonObject> {
  const { spec, status } = versionOf(converter, 'v1beta1');
  return objectOf(converter, 'v1beta1', {
    spec: arbitraryOf(spec, withoutLosses(converter.kind, 'spec')),
    status: status && arbitraryOf(status, withoutLosses(converter.kind, 'status')),
  });
}

/** As toEqual, but fast while all is well. */
function expectSame(actual: unknown, expected: unknown): void {
  if (!isDeepStrictEqual(actual, expected)) expect(actual).toEqual(expected);
}

function problems(object: JsonObject): unknown {
  return validatorOf(String(object['apiVersion']), String(object['kind']))?.(object);
}

/** The object as it was before the conversion kept the other version in it. */
function withoutData(object: JsonObject): JsonObject {
  const { annotations, ...rest } = object['metadata'] as JsonObject & { annotations?: JsonObject };
  const { [DATA_ANNOTATION]: _data, ...others } = annotations ?? {};
  return { ...object, metadata: { ...rest, ...(Object.keys(others).length > 0 ? { annotations: others } : {}) } };
}

/** A value without what means "not set" in v1beta1. */
function meaningful(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(meaningful);
  if (!isObject(value)) return value;
  const entries = Object.entries(value).map(([key, child]): [string, unknown] => [key, meaningful(child)]);
  return Object.fromEntries(entries.filter(([, child]) => ![false, 0, '', '0s', '{}', '[]'].includes(asWord(child))));
}

function asWord(value: unknown): string | number | boolean {
  return typeof value === 'object' ? JSON.stringify(value) : (value as string | number | boolean);
}

describe.each(converters)('$kind', (converter) => {
  test(
    'v1beta2 → v1beta1 → v1beta2 loses nothing',
    () => {
      fc.assert(
        fc.property(hubObjects(converter), (hub) => {
          const before = structuredClone(hub);
          const spoke = converter.down(hub, apiVersionOf);
          expectSame(hub, before);
          expectSame(spoke['apiVersion'], `${converter.group}/v1beta1`);
          expectSame(problems(spoke), []);
          expectSame(converter.up(spoke), before);
        }),
        { numRuns: RUNS },
      );
    },
    PATIENCE_MS,
  );

  test(
    'v1beta1 → v1beta2 → v1beta1 loses nothing but what is tolerated',
    () => {
      fc.assert(
        fc.property(spokeObjects(converter), (spoke) => {
          const before = structuredClone(spoke);
          const hub = converter.up(spoke);
          expectSame(spoke, before);
          expectSame(hub['apiVersion'], `${converter.group}/v1beta2`);
          expectSame((getPath(hub, 'metadata.annotations') as JsonObject | undefined)?.[DATA_ANNOTATION], undefined);
          expectSame(problems(hub), []);
          expectSame(withoutData(converter.down(hub, apiVersionOf)), before);
        }),
        { numRuns: RUNS },
      );
    },
    PATIENCE_MS,
  );

  test(
    'what a v1beta1 client writes wins over the saved v1beta2 object',
    () => {
      fc.assert(
        fc.property(hubObjects(converter), spokeObjects(converter), (hub, written) => {
          const kept = getPath(converter.down(hub, apiVersionOf), 'metadata.annotations') as JsonObject | undefined;
          const saved = kept?.[DATA_ANNOTATION];
          if (saved === undefined) return;
          const metadata = written['metadata'] as JsonObject;
          const annotations = { ...(metadata['annotations'] as JsonObject | undefined), [DATA_ANNOTATION]: saved };
          const result = converter.up({ ...written, metadata: { ...metadata, annotations } });
          expectSame(meaningful(withoutData(converter.down(result, apiVersionOf))), meaningful(written));
        }),
        { numRuns: RUNS / 4 },
      );
    },
    PATIENCE_MS,
  );
});
