import type { Exception } from './not-applicable.js';
import type { Reached, Witness } from './reached.js';
import type { REFERENCE, Row } from './reference.js';

type Reference = typeof REFERENCE;

export const BEGIN = '<!-- conditions: written by npm run conditions:coverage -->';
export const END = '<!-- conditions: end -->';

/** The reference, row by row, in its order. */
export function rowsOf(reference: Reference): Row[] {
  return Object.entries(reference).flatMap(([kind, types]) =>
    Object.entries(types).flatMap(([type, reasons]) =>
      reasons.split(' ').map((pair): Row => {
        const [reason = '', statuses = ''] = pair.split('=');
        return { kind, type, reason, statuses: statuses.split('|') };
      }),
    ),
  );
}

/** The tests that reached a row, with any of its statuses. */
export function witnesses({ kind, type, reason, statuses }: Row, reached: Reached): readonly Witness[] {
  return statuses.flatMap((status) => reached[[kind, type, status, reason].join('/')] ?? []);
}

const fits = (pattern: string | readonly string[] | undefined, value: string): boolean =>
  pattern === undefined || (typeof pattern === 'string' ? pattern === value : pattern.includes(value));

/** Why a row does not apply, when it does not. */
export function exceptionOf(row: Row, exceptions: readonly Exception[]): Exception | undefined {
  return exceptions.find((e) => fits(e.kind, row.kind) && fits(e.type, row.type) && fits(e.reason, row.reason));
}

/** Conditions that tests reached and the reference does not know, as `kind/type/status/reason`. */
export function besides(reference: Reference, reached: Reached): string[] {
  const known = new Set(
    rowsOf(reference).flatMap((r) => r.statuses.map((status) => [r.kind, r.type, status, r.reason].join('/'))),
  );
  return Object.keys(reached).filter((key) => !known.has(key));
}

function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

const code = (text: string): string => (text === '' ? '' : `\`${text}\``);
const link = ({ file, test }: Witness): string => `\`${file}\`: *${test}*`;

const excuse = (exception: Exception | undefined): string =>
  exception ? `${exception.later ? 'later' : 'does not apply'}: ${exception.why}` : '**no test**';

/** Rows that nothing reaches and nothing excuses, as `kind/type/reason`. */
export function missing(reference: Reference, exceptions: readonly Exception[], reached: Reached): string[] {
  return rowsOf(reference)
    .filter((row) => witnesses(row, reached).length === 0 && !exceptionOf(row, exceptions))
    .map(({ kind, type, reason }) => [kind, type, reason].join('/'));
}

/** How much of the reference is reached, kind by kind. */
export function summaryTable(reference: Reference, exceptions: readonly Exception[], reached: Reached): string {
  const rows = rowsOf(reference);
  const lines = Object.entries(reference).map(([kind, types]) => {
    const own = rows.filter((row) => row.kind === kind);
    const hit = own.filter((row) => witnesses(row, reached).length > 0);
    const excused = own.flatMap((row) => (hit.includes(row) ? [] : (exceptionOf(row, exceptions) ?? [])));
    const later = excused.filter((one) => one.later).length;
    const open = own.length - hit.length - excused.length;
    return [kind, Object.keys(types).length, own.length, hit.length, excused.length - later, later, open];
  });
  const head = ['kind', 'condition types', 'reasons', 'reached by a test', 'do not apply', 'later', 'missing'];
  return tableOf(
    head,
    lines.map((cells) => cells.map(String)),
  );
}

/** The page with the table between its markers. Throws when the page has no markers. */
export function withTable(page: string, table: string): string {
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`no markers ${BEGIN} and ${END}`);
  return `${page.slice(0, begin + BEGIN.length)}\n\n${table}\n\n${page.slice(end)}`;
}

const INTRODUCTION = `# Conditions and reasons, and the tests that reach them

Written by \`npm run conditions:coverage\`, which runs the tests with the functions that make conditions watched: a reason
counts when the product answered with it or wrote it while that test ran. What a test's own objects say does not count.
Reasons are those of Cluster API v1.12 and its AWS provider; conditions of the AWS kinds have no reason while True.`;

/** The page of all rows: what reaches each, what does not apply and why, and what Perdure says besides. */
export function detailPage(reference: Reference, exceptions: readonly Exception[], reached: Reached): string {
  const rows = rowsOf(reference);
  const sections = Object.keys(reference).map((kind) => {
    const lines = rows
      .filter((row) => row.kind === kind)
      .map((row) => {
        const tests = witnesses(row, reached);
        const by = tests.length > 0 ? tests.slice(0, 2).map(link).join('; ') : excuse(exceptionOf(row, exceptions));
        return [code(row.type), row.statuses.join(', '), code(row.reason), by];
      });
    return `## ${kind}\n\n${tableOf(['condition', 'status', 'reason', 'reached by'], lines)}`;
  });
  const more = besides(reference, reached).map((key) => {
    const [kind = '', type = '', status = '', reason = ''] = key.split('/');
    const [test] = reached[key] ?? [];
    return [kind, code(type), status, code(reason), test ? link(test) : ''];
  });
  const own = `## What Perdure says besides

Failures of an operation show as reasons of their own (see [concepts](book/concepts.md)), and what another controller
says of its object is handed on.

${tableOf(['kind', 'condition', 'status', 'reason', 'reached by'], more)}`;
  return `${[INTRODUCTION, ...sections, own].join('\n\n')}\n`;
}
