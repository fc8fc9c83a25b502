import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { NOT_APPLICABLE } from '../conditions/not-applicable.js';
import type { Reached } from '../conditions/reached.js';
import { REFERENCE } from '../conditions/reference.js';
import { detailPage, missing, summaryTable, withTable } from '../conditions/tables.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const read = (file: string): string => readFileSync(path.join(root, file), 'utf8');
const reached = JSON.parse(read('test/conditions/reached.json')) as Reached;

describe('the table of conditions and reasons', () => {
  test('names tests that exist', () => {
    const named = Object.values(reached).flat();
    expect(named.length).toBeGreaterThan(100);
    const gone = named.filter(
      ({ file, test: title }) => !existsSync(path.join(root, file)) || !read(file).includes(title),
    );
    expect(gone).toEqual([]);
  });

  test('has a test or an excuse for every reason', () => {
    expect(missing(REFERENCE, NOT_APPLICABLE, reached)).toEqual([]);
  });

  test('is what npm run conditions:coverage writes', () => {
    const parity = read('docs/parity.md');
    expect(withTable(parity, summaryTable(REFERENCE, NOT_APPLICABLE, reached))).toBe(parity);
    expect(detailPage(REFERENCE, NOT_APPLICABLE, reached)).toBe(read('docs/parity-conditions.md'));
  });
});
