import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { FAILURE_TYPES } from '../../src/domain/errors.js';
import { ANNOTATION } from '../../src/domain/names.js';
import { hostPackages } from '../../src/sandbox/tools/index.js';
import { OPERATIONS, SEARCH_ATTRIBUTES } from '../../src/workflows/names.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const read = (file: string): string => readFileSync(path.join(root, file), 'utf8');
const pages = [
  ...['README.md', 'AGENTS.md', 'CHANGELOG.md'],
  ...['docs', 'docs/book', 'docs/adr'].flatMap((dir) =>
    readdirSync(path.join(root, dir))
      .filter((name) => name.endsWith('.md'))
      .map((name) => `${dir}/${name}`),
  ),
];

/** The anchor that a heading gets where Markdown is shown. */
const anchor = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\w\- ]/g, '')
    .replaceAll(' ', '-');

describe('the documentation', () => {
  test.each(pages)('%s links to what exists', (page) => {
    const links = [...read(page).matchAll(/\]\((?!https?:)([^)\s]+)\)/g)].map(([, link = '']) => link);
    const broken = links.filter((link) => {
      const [file = '', fragment] = link.split('#');
      const target = file === '' ? page : path.join(path.dirname(page), file);
      if (!existsSync(path.join(root, target))) return true;
      const headings = [...read(target).matchAll(/^#+ (.+)$/gm)].map(([, text = '']) => anchor(text));
      return fragment !== undefined && !headings.includes(fragment);
    });
    expect(broken).toEqual([]);
  });

  test('every decision and every chapter is listed', () => {
    const listed = (index: string, dir: string): string[] =>
      pages.filter((p) => p.startsWith(dir) && p !== index && !read(index).includes(`(${path.relative(dir, p)})`));
    expect(listed('docs/adr/README.md', 'docs/adr/')).toEqual([]);
    expect(listed('docs/book/README.md', 'docs/book/')).toEqual([]);
  });

  test('every variable of the configuration is described, and no other', () => {
    const known = [...read('src/config/config.ts').matchAll(/'(PERDURE_[A-Z_]+)',$/gm)].map(([, name = '']) => name);
    const described = [...read('docs/book/configuration.md').matchAll(/`(PERDURE_[A-Z_]+)`/g)].map(([, n = '']) => n);
    expect(known.length).toBeGreaterThan(30);
    expect([...new Set(described)].sort()).toEqual([...new Set(known)].sort());
  });

  test('annotations, search attributes, operations and failure types are described', () => {
    const operations = read('docs/book/operations.md');
    const own = Object.values(ANNOTATION).filter((name) => name.startsWith('perdure.dev/'));
    expect(own.filter((name) => !operations.includes(`\`${name}\``))).toEqual([]);
    expect(Object.keys(SEARCH_ATTRIBUTES).filter((n) => !read('docs/book/install.md').includes(`\`${n}\``))).toEqual(
      [],
    );
    const concepts = read('docs/book/concepts.md');
    expect(OPERATIONS.filter((name) => !concepts.includes(`| ${name} |`))).toEqual([]);
    expect(FAILURE_TYPES.filter((type) => !concepts.includes(`\`${type}\``))).toEqual([]);
  });

  test('the README names the system packages of the sandbox', () => {
    const names = [...new Set(hostPackages.map((p) => p.package))].sort().join(' ');
    expect(read('README.md')).toContain(`\`${names}\``);
  });

  test('the scripts that are named exist', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const named = pages.flatMap((page) => [...read(page).matchAll(/npm run (?:-s )?([\w:]+)/g)].map(([, n = '']) => n));
    expect(named.filter((name) => !(name in scripts))).toEqual([]);
  });

  test('every dependency has its line, with its licence and version', () => {
    const { dependencies, devDependencies } = JSON.parse(read('package.json')) as Record<
      string,
      Record<string, string>
    >;
    const rows = new Map(
      [...read('docs/dependencies.md').matchAll(/^\| `([^`]+)` \|([^|]*)\| ([^|]+) \| ([^|]+) \|/gm)].map(
        ([, name = '', , version = '', licence = '']) => [name, { version, licence }],
      ),
    );
    const names = Object.keys({ ...dependencies, ...devDependencies });
    expect([...rows.keys()].sort()).toEqual(names.sort());
    const wrong = names.filter((name) => {
      const installed = JSON.parse(read(`node_modules/${name}/package.json`)) as { version: string; license: string };
      const row = rows.get(name);
      const licence = installed.license.replaceAll(/[()]/g, '').replace(' OR ', ' or ');
      return row?.licence !== licence || !`${installed.version}.`.startsWith(`${row.version}.`);
    });
    expect(wrong).toEqual([]);
  });

  test('every test that the parity table names exists', () => {
    const missing: string[] = [];
    for (const row of read('docs/parity.md')
      .split('\n')
      .filter((line) => line.startsWith('|'))) {
      for (const [, file = '', name] of row.matchAll(/`((?:src|test)\/[\w./-]+\.test\.ts)`(?:: \*([^*]+)\*)?/g)) {
        if (!existsSync(path.join(root, file))) missing.push(file);
        else if (name !== undefined && !read(file).includes(name)) missing.push(`${file}: ${name}`);
      }
    }
    expect(missing).toEqual([]);
  });

  test('the parity table never says yes without a test', () => {
    const rows = read('docs/parity.md')
      .split('\n')
      .filter((line) => /^\| .* \| yes \|/.test(line));
    expect(rows.length).toBeGreaterThan(30);
    expect(rows.filter((row) => !row.includes('.test.ts`'))).toEqual([]);
  });

  test('nothing names a path of somebody’s machine', () => {
    expect(pages.filter((page) => /\/(root|home\/\w+|work|tmp)\//.test(read(page)))).toEqual([]);
  });
});
