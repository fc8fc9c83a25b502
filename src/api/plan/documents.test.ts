import { describe, expect, test } from '@jest/globals';
import { readDocuments } from './documents.js';

const named = (kind: string, name: string): string => `{apiVersion: v1, kind: ${kind}, metadata: {name: ${name}}}`;

describe('the documents of a manifest', () => {
  test.each<[what: string, text: string, names: string[]]>([
    [
      'many, with empty ones between',
      `---\n${named('A', 'a')}\n---\n---\n# nothing\n---\n${named('B', 'b')}\n`,
      ['a', 'b'],
    ],
    ['JSON', JSON.stringify({ apiVersion: 'v1', kind: 'A', metadata: { name: 'a' } }), ['a']],
    ['a list', `{apiVersion: v1, kind: List, items: [${named('A', 'a')}, ${named('A', 'b')}]}`, ['a', 'b']],
  ])('%s', (_, text, names) => {
    expect(readDocuments(text).map((o) => o.metadata.name)).toEqual(names);
  });

  test.each<[what: string, text: string, message: string]>([
    ['nothing', '# empty\n', 'the manifest holds no object'],
    ['no YAML', 'a: [', 'document 1 of the manifest is no YAML'],
    ['a sentence', 'hello', 'document 1 of the manifest is no object'],
    ['no kind', 'metadata: {name: a}', 'document 1 of the manifest has no kind and apiVersion'],
    [
      'no name',
      '{apiVersion: v1, kind: A, metadata: {generateName: a-}}',
      'document 1 of the manifest, a A, has no metadata.name',
    ],
    [
      'an item without a name',
      `{apiVersion: v1, kind: List, items: [${named('A', 'a')}, {apiVersion: v1, kind: A}]}`,
      'item 2',
    ],
    ['the same twice', `${named('A', 'a')}\n---\n${named('A', 'a')}`, 'A a is twice in the manifest'],
  ])('are refused: %s', (_, text, message) => {
    expect(() => readDocuments(text)).toThrow(message);
  });
});
