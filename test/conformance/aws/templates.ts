import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { parse, parseAllDocuments, stringify } from 'yaml';
import { envsubst, variablesOf } from '../../../src/domain/envsubst.js';
import { type Expectation, expectationOf } from './expectation.js';

export interface Template {
  /** File name without `.yaml` and without upstream's `cluster-template-`. */
  readonly name: string;
  readonly text: string;
  readonly variables: readonly string[];
  /** Absent: nothing is declared; what it is to make is derived from its documents. */
  readonly expected: Expectation | undefined;
}

export type Loose = { apiVersion: string; kind: string; metadata: { name: string; namespace?: string } } & Record<
  string,
  unknown
>;

/** What is to become of a template. */
export type Verdict =
  | { readonly run: readonly Loose[]; readonly leftOut: readonly string[] }
  /** Admission must refuse it, naming the word. */
  | { readonly refused: string; readonly documents: readonly Loose[] }
  | { readonly skipped: string };

const shortName = (file: string): string =>
  path.basename(file, '.yaml').replace(/^cluster-template-?/, '') || 'default';

/** The templates of a folder, by name. `known` tells what those make that have no declaration beside them. */
export async function readTemplates(
  dir: string,
  known: (name: string) => Expectation | undefined,
): Promise<Template[]> {
  const files = (await readdir(dir))
    .filter((file) => file.endsWith('.yaml') && !file.endsWith('.expected.yaml'))
    .sort();
  return await Promise.all(
    files.map(async (file) => {
      const text = await readFile(path.join(dir, file), 'utf8');
      const beside = path.join(dir, file.replace(/\.yaml$/, '.expected.yaml'));
      const name = shortName(file);
      const expected = existsSync(beside) ? expectationOf(parse(await readFile(beside, 'utf8')), beside) : known(name);
      return { name, text, variables: variablesOf(text).map((variable) => variable.name), expected };
    }),
  );
}

/** Its documents with variables filled in. Throws for a variable without value, naming all. */
export function documentsOf({ text }: Template, variables: Readonly<Record<string, string>>): Loose[] {
  return parseAllDocuments(envsubst(text, variables))
    .map((document) => document.toJS() as Loose | null)
    .filter((object): object is Loose => object !== null && typeof object.kind === 'string');
}

/** Groups of kinds that are served. */
const SERVED = /^(v1$|(core|cluster|bootstrap\.cluster|controlplane\.cluster|infrastructure\.cluster)\.x-k8s\.io\/)/;

/** Decides by the kinds in it. Pure. */
export function verdictOf(documents: readonly Loose[]): Verdict {
  const kinds = new Set(documents.map(({ kind }) => kind));
  const managed = [...kinds].find((kind) => /^(AWSManaged|ROSA)/.test(kind));
  if (managed) return { skipped: `not self-managed (${managed})` };
  const topology = documents.some(({ kind, spec }) => kind === 'Cluster' && (spec as Loose | undefined)?.['topology']);
  if (topology || kinds.has('ClusterClass')) return { refused: 'ClusterClass', documents };
  if (!kinds.has('Cluster')) return { skipped: 'has no Cluster' };
  const unserved = documents.filter(({ apiVersion }) => !SERVED.test(apiVersion));
  return {
    run: documents.filter((object) => !unserved.includes(object)),
    leftOut: [...new Set(unserved.map(({ kind }) => kind))],
  };
}

export const yamlOf = (documents: readonly object[]): string =>
  documents.map((object) => stringify(object, { aliasDuplicateObjects: false })).join('---\n');
