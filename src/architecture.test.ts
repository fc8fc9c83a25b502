import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';

const src = path.dirname(fileURLToPath(import.meta.url));

interface Import {
  readonly from: string;
  readonly target: string;
  readonly typeOnly: boolean;
}

function* files(dir: string): Generator<string> {
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    const full = path.join(dir, entry.name);
    if (entry.isDirectory()) yield* files(full);
    else if (entry.name.endsWith('.ts')) yield full;
  }
}

const STATEMENT = /(?:^|\n)\s*(import|export)\s+(type\s+)?(?:[^'";]*?\bfrom\s+)?'([^']+)'/g;

/** A clause whose every name is marked `type` is erased too. */
function erased(statement: string): boolean {
  const names = /\{([^}]*)\}/.exec(statement)?.[1];
  if (names === undefined || /^\s*(import|export)\s+[\w*]/.test(statement)) return false;
  const parts = names
    .split(',')
    .map((n) => n.trim())
    .filter((n) => n !== '');
  return parts.length > 0 && parts.every((n) => n.startsWith('type '));
}

function importsOf(file: string): Import[] {
  const text = readFileSync(file, 'utf8');
  const out: Import[] = [];
  for (const match of text.matchAll(STATEMENT)) {
    const specifier = match[3] ?? '';
    const target = specifier.startsWith('.')
      ? path.relative(src, path.resolve(path.dirname(file), specifier)).replace(/\.js$/, '.ts')
      : specifier;
    out.push({ from: path.relative(src, file), target, typeOnly: match[2] !== undefined || erased(match[0]) });
  }
  return out;
}

const all = [...files(src)].flatMap(importsOf);
const production = all.filter(
  (i) => !i.from.endsWith('.test.ts') && !i.from.endsWith('testing.ts') && !i.from.endsWith('arbitrary.ts'),
);
const room = (p: string): string => (p.includes('/') ? (p.split('/')[0] ?? '') : p);
const isLocal = (i: Import): boolean => i.target.endsWith('.ts');
const isPackage = (i: Import): boolean => !isLocal(i) && !i.target.startsWith('node:');
const show = (i: Import): string => `${i.from} → ${i.target}`;

/** room → rooms it may import at run time; types may come from anywhere below it. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  domain: ['domain', 'api/types'],
  workflows: ['workflows', 'domain', 'api/types'],
  activities: ['activities', 'domain', 'kube', 'api'],
  kube: ['kube', 'domain', 'api/types', 'telemetry'],
  bridge: ['bridge', 'kube', 'domain', 'api', 'config', 'telemetry', 'workflows'],
  telemetry: ['telemetry'],
  config: ['config', 'domain'],
};

describe('the import graph', () => {
  test('was read', () => {
    expect(production.length).toBeGreaterThan(300);
  });

  test.each(Object.keys(ALLOWED))('%s imports only what lies below it', (from) => {
    const allowed = ALLOWED[from] ?? [];
    const wrong = production.filter(
      (i) =>
        isLocal(i) &&
        !i.typeOnly &&
        room(i.from) === from &&
        !allowed.some((a) => i.target === `${a}.ts` || i.target.startsWith(`${a}/`)),
    );
    expect(wrong.map(show)).toEqual([]);
  });

  test('workflow code uses no package but the workflow SDK, and no Node', () => {
    const wrong = production.filter(
      (i) =>
        ['workflows', 'domain'].includes(room(i.from)) &&
        !i.typeOnly &&
        !isLocal(i) &&
        !(room(i.from) === 'workflows' && ['@temporalio/workflow', '@temporalio/common'].includes(i.target)) &&
        !(room(i.from) === 'domain' && DOMAIN_PACKAGES.includes(i.target)),
    );
    expect(wrong.map(show)).toEqual([]);
  });

  test('workflow code reaches no package through the domain', () => {
    const reached = new Set<string>(['workflows/index.ts']);
    const queue = [...reached];
    const packages: string[] = [];
    for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
      for (const i of production.filter((p) => p.from === file && !p.typeOnly)) {
        if (!isLocal(i)) packages.push(show(i));
        else if (!reached.has(i.target)) {
          reached.add(i.target);
          queue.push(i.target);
        }
      }
    }
    expect(packages.filter((p) => !/→ @temporalio\/(workflow|common)$/.test(p))).toEqual([]);
  });

  test('only kube imports the Kubernetes client, only the AWS provider and the sandbox import the AWS SDK', () => {
    const kube = production.filter(
      (i) => isPackage(i) && i.target.startsWith('@kubernetes/') && room(i.from) !== 'kube',
    );
    const aws = production.filter(
      (i) =>
        isPackage(i) &&
        i.target.startsWith('@aws-sdk/') &&
        !i.from.startsWith('activities/providers/aws/') &&
        room(i.from) !== 'sandbox',
    );
    expect([...kube, ...aws].map(show)).toEqual([]);
  });

  test('a provider never imports another', () => {
    const of = (p: string): string => p.split('/')[2] ?? '';
    const wrong = production.filter(
      (i) =>
        i.from.startsWith('activities/providers/') &&
        i.from.split('/').length > 3 &&
        i.target.startsWith('activities/providers/') &&
        i.target.split('/').length > 3 &&
        of(i.from) !== of(i.target),
    );
    expect(wrong.map(show)).toEqual([]);
  });

  test('only config reads the environment', () => {
    const readers = [...files(src)]
      .filter((f) => !f.endsWith('.test.ts') && /process\.env\b/.test(readFileSync(f, 'utf8')))
      .map((f) => path.relative(src, f))
      .filter((f) => room(f) !== 'config');
    expect(readers).toEqual([]);
  });

  test('nothing in src imports a test or a bench', () => {
    expect(
      all
        .filter((i) => i.target.startsWith('../') && !i.from.endsWith('.test.ts') && !i.from.endsWith('testing.ts'))
        .map(show),
    ).toEqual([]);
  });

  test('there are no cycles of run-time imports', () => {
    const edges = new Map<string, string[]>();
    for (const i of production)
      if (isLocal(i) && !i.typeOnly) edges.set(i.from, [...(edges.get(i.from) ?? []), i.target]);
    const state = new Map<string, 'open' | 'done'>();
    const cycles: string[] = [];
    const visit = (file: string, trail: readonly string[]): void => {
      if (state.get(file) === 'done') return;
      if (state.get(file) === 'open') {
        cycles.push([...trail.slice(trail.indexOf(file)), file].join(' → '));
        return;
      }
      state.set(file, 'open');
      for (const next of edges.get(file) ?? []) visit(next, [...trail, file]);
      state.set(file, 'done');
    };
    for (const file of edges.keys()) visit(file, []);
    expect(cycles).toEqual([]);
  });
});

/** Pure libraries that planners outside the workflow bundle may use. */
const DOMAIN_PACKAGES: readonly string[] = ['ipaddr.js', 'semver', 'yaml'];
