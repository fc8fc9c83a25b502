import { describe, expect, test } from '@jest/globals';
import { Type } from '@sinclair/typebox';
import type { KindDefinition } from './definition.js';
import { definitions } from './definitions.js';
import { docFileName, indexDoc, kindDoc } from './docs.js';
import { stored } from './versions.js';

const sample: KindDefinition = {
  group: 'example.io',
  kind: 'Sample',
  plural: 'samples',
  singular: 'sample',
  shortNames: ['sa'],
  scope: 'Namespaced',
  categories: [],
  labels: {},
  conversion: false,
  versions: [
    stored({
      description: 'A sample.',
      specRequired: true,
      printerColumns: [],
      subresources: { status: false },
      spec: Type.Object(
        {
          mode: Type.Unsafe({ type: 'string', enum: ['a', 'b|c'], default: 'a', description: 'How.\n  Or not.' }),
          size: Type.Optional(Type.Integer({ minimum: 1, maximum: 5, format: 'int32', description: 'Size.' })),
          names: Type.Optional(
            Type.Array(Type.String({ minLength: 1, pattern: '^x' }), { maxItems: 3, description: 'Names.' }),
          ),
          parts: Type.Optional(
            Type.Array(Type.Object({ id: Type.String({ description: 'Id.' }) }), {
              description: 'Parts.',
              'x-kubernetes-list-map-keys': ['id'],
            }),
          ),
          labels: Type.Optional(
            Type.Unsafe({ type: 'object', additionalProperties: { type: 'string' }, description: 'Labels.' }),
          ),
        },
        { description: 'Wish.', 'x-kubernetes-validations': [{ rule: 'true', message: 'must be nice' }] },
      ),
    }),
  ],
};

describe('the reference page of a kind', () => {
  test('has a row for every field', () => {
    const page = kindDoc(sample);
    expect(page.split('\n').filter((line) => line.startsWith('| `'))).toEqual([
      '| `spec` | object | yes |  | must be nice | Wish. |',
      '| `spec.labels` | map of string |  |  |  | Labels. |',
      '| `spec.mode` | string | yes | `a` | one of `a`, `b\\|c` | How. Or not. |',
      '| `spec.names` | list of string |  |  | at most 3 items; each at least 1 character; each matches `^x` | Names. |',
      '| `spec.parts` | list of object |  |  | unique by `id` | Parts. |',
      '| `spec.parts[].id` | string | yes |  |  | Id. |',
      '| `spec.size` | integer (int32) |  |  | 1 to 5 | Size. |',
    ]);
    expect(page).toContain('Group `example.io`, plural `samples`, short name `sa`, namespaced.');
    expect(page).not.toContain('Versions:');
  });

  test.each(definitions.map((d) => [docFileName(d), d] as const))('%s describes every served version', (_, d) => {
    const page = kindDoc(d);
    for (const { name } of d.versions) expect(page).toContain(`\n## ${name}\n`);
    const rows = page.split('\n').filter((line) => line.startsWith('| `'));
    for (const row of rows) expect(row.replaceAll('\\|', '').split('|')).toHaveLength(8);
    expect(page.startsWith('<!-- Generated')).toBe(true);
  });
});

test('the index leads to every page', () => {
  const index = indexDoc(definitions);
  for (const d of definitions) expect(index).toContain(`[${d.kind}](${docFileName(d)})`);
});
