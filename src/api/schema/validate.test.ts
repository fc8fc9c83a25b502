import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { arbitraryOf } from '../../../test/helpers/arbitrary.js';
import { definitions } from '../crd/definitions.js';
import { compileValidator, formatProblems, type Validator, validatorOf } from './validate.js';

function validator(apiVersion: string, kind: string): Validator {
  const found = validatorOf(apiVersion, kind);
  if (!found) throw new Error(`no validator of ${kind}`);
  return found;
}

const check = (apiVersion: string, kind: string, spec: unknown) =>
  validator(apiVersion, kind)({ apiVersion, kind, metadata: { name: 'a' }, spec });

const MACHINE = {
  clusterName: 'c',
  bootstrap: { dataSecretName: '' },
  infrastructureRef: { apiGroup: 'infrastructure.cluster.x-k8s.io', kind: 'AWSMachine', name: 'a' },
};

describe('validatorOf', () => {
  test('knows the kinds of Perdure only', () => {
    expect(validatorOf('v1', 'Secret')).toBeUndefined();
    expect(validatorOf('cluster.x-k8s.io/v1alpha4', 'Cluster')).toBeUndefined();
    expect(validatorOf('cluster.x-k8s.io/v1beta2', 'Cluster')).toBe(validatorOf('cluster.x-k8s.io/v1beta2', 'Cluster'));
  });

  test('finds nothing in a valid object', () => {
    expect(check('cluster.x-k8s.io/v1beta2', 'Machine', MACHINE)).toEqual([]);
  });

  test.each([
    ['a missing field', { ...MACHINE, clusterName: undefined }, 'spec.clusterName', '(absent)', 'is required'],
    ['an unknown field', { ...MACHINE, clustername: 'c' }, 'spec.clustername', '"c"', 'not a field of this version'],
    ['a wrong type', { ...MACHINE, minReadySeconds: '5' }, 'spec.minReadySeconds', '"5"', 'make it integer'],
    ['a number below its bound', { ...MACHINE, minReadySeconds: -1 }, 'spec.minReadySeconds', '-1', 'use 0 or more'],
    ['an empty string', { ...MACHINE, version: '' }, 'spec.version', '""', 'is empty'],
    ['an empty block', { ...MACHINE, deletion: {} }, 'spec.deletion', '(block)', 'is an empty block'],
    ['an empty list', { ...MACHINE, readinessGates: [] }, 'spec.readinessGates', '(list of 0)', 'is an empty list'],
    [
      'a value outside a closed set',
      { ...MACHINE, readinessGates: [{ conditionType: 'A', polarity: 'Up' }] },
      'spec.readinessGates[0].polarity',
      '"Up"',
      '"Positive", "Negative"',
    ],
    [
      'a malformed name',
      { ...MACHINE, infrastructureRef: { ...MACHINE.infrastructureRef, name: 'A b' } },
      'spec.infrastructureRef.name',
      '"A b"',
      'does not match',
    ],
    [
      'repeated entries',
      { ...MACHINE, readinessGates: [{ conditionType: 'A' }, { conditionType: 'A' }] },
      'spec.readinessGates[1]',
      '(block)',
      'conditionType must be unique',
    ],
  ])('names field, value and remedy of %s', (_what, spec, field, value, message) => {
    const [problem, ...others] = check('cluster.x-k8s.io/v1beta2', 'Machine', JSON.parse(JSON.stringify(spec)));
    expect(problem).toMatchObject({ field, value });
    expect(problem?.message).toContain(message);
    expect(others).toEqual([]);
  });

  test('says once that a value is neither number nor percentage', () => {
    const problems = check('cluster.x-k8s.io/v1beta2', 'MachineDeployment', {
      clusterName: 'c',
      selector: {},
      template: { spec: MACHINE },
      remediation: { maxInFlight: true },
    });
    expect(formatProblems(problems)).toBe(
      'spec.remediation.maxInFlight: true has the wrong type: use a number or a percentage such as 25%',
    );
  });

  test('never shows what could be a secret', () => {
    const problems = check('bootstrap.cluster.x-k8s.io/v1beta2', 'KubeadmConfig', {
      initConfiguration: { bootstrapTokens: [{ token: 'abcdef.0123456789abcdef-too-long' }] },
      users: [{ name: 'a', passwd: 7 }],
    });
    expect(problems).toHaveLength(2);
    expect(formatProblems(problems)).not.toMatch(/abcdef|7 /);
  });
});

type Node = { readonly [key: string]: unknown };

const childrenOf = (schema: Node): [string, Node][] => [
  ...Object.entries((schema['properties'] as Record<string, Node> | undefined) ?? {}),
  ...['items', 'additionalProperties'].flatMap((key): [string, Node][] =>
    typeof schema[key] === 'object' ? [['*', schema[key] as Node]] : [],
  ),
];

/** Paths of all fields of a schema. */
function fieldsOf(schema: Node, path = ''): string[] {
  return childrenOf(schema).flatMap(([name, child]) => [`${path}.${name}`, ...fieldsOf(child, `${path}.${name}`)]);
}

/** Strikes the fields of `value` out. */
function cross(schema: Node, value: unknown, path: string, missing: Set<string>): void {
  if (typeof value !== 'object' || value === null) return;
  const children = new Map(childrenOf(schema));
  for (const [key, item] of Object.entries(value)) {
    const name = children.has(key) && !Array.isArray(value) ? key : '*';
    const child = children.get(name);
    if (!child) continue;
    missing.delete(`${path}.${name}`);
    cross(child, item, `${path}.${name}`, missing);
  }
}

describe('arbitraries of the schemas', () => {
  const schemas = definitions.flatMap((d) =>
    d.versions.flatMap((v) => [
      [`${d.kind} ${v.name} spec`, v.spec] as const,
      ...(v.status ? [[`${d.kind} ${v.name} status`, v.status] as const] : []),
    ]),
  );

  test.each(schemas)('%s are valid', (_name, schema) => {
    const validate = compileValidator(schema);
    fc.assert(
      fc.property(arbitraryOf(schema), (value) => {
        expect(validate(value)).toEqual([]);
      }),
      { numRuns: 20 },
    );
  });

  test.each(schemas)('%s have every field sooner or later', (_name, schema) => {
    const missing = new Set(fieldsOf(schema));
    for (const value of fc.sample(arbitraryOf(schema, { optionalPercent: 67 }), { numRuns: 700, seed: 1 })) {
      cross(schema, value, '', missing);
    }
    expect([...missing]).toEqual([]);
  });
});
