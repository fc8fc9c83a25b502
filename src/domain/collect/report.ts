import type { ExternalKind, FatedResource } from './external.js';

/** One resource in the report of a collection. `gone`: it was to go, and is observed absent. */
export interface ReportLine {
  readonly kind: string;
  readonly id: string;
  readonly name: string;
  readonly fate: 'delete' | 'gone' | 'keep' | 'refused';
  readonly reason: string;
  /** What held its removal up when it was tried last. */
  readonly blocked?: string;
}

const MAX_TEXT = 300;
const shorter = (text: string): string => (text.length <= MAX_TEXT ? text : `${text.slice(0, MAX_TEXT - 1)}…`);
const idOf = ({ kind, id }: { kind: string; id: string }): string => `${kind}/${id}`;

/**
 * The report after another look at `kinds`: what is there now has its fate of now, what was to go and is not there any more is gone. Lines of other
 * kinds stay as they are.
 */
export function updateReport(
  before: readonly ReportLine[],
  now: readonly FatedResource[],
  kinds: readonly string[],
): ReportLine[] {
  const present = new Map(now.map((r) => [idOf(r), r]));
  const known = new Set(before.map(idOf));
  const kept = before.map((line): ReportLine => {
    const found = present.get(idOf(line));
    if (found) return lineOf(found, line);
    if (!kinds.includes(line.kind) || line.fate === 'gone') return line;
    const { blocked: _, ...rest } = line;
    return line.fate === 'delete' ? { ...rest, fate: 'gone' } : { ...rest, fate: 'gone', reason: 'went by itself' };
  });
  return [...kept, ...now.filter((r) => !known.has(idOf(r))).map((r) => lineOf(r))];
}

function lineOf({ kind, id, name, fate, reason }: FatedResource, before?: ReportLine): ReportLine {
  return {
    kind,
    id,
    name,
    fate,
    reason: shorter(reason),
    ...(fate === 'delete' && before?.blocked ? { blocked: before.blocked } : {}),
  };
}

/** The report with what holds removals up: `blocked` by `kind/id`; nothing for those that were removed. */
export function withBlockers(
  report: readonly ReportLine[],
  tried: readonly { readonly kind: string; readonly id: string; readonly blocked?: string }[],
): ReportLine[] {
  const results = new Map(tried.map((t) => [idOf(t), t]));
  return report.map((line) => {
    const result = results.get(idOf(line));
    if (!result) return line;
    const { blocked: _, ...rest } = line;
    return result.blocked === undefined ? rest : { ...rest, blocked: shorter(result.blocked) };
  });
}

/** Kinds by wave, in order, without waves of which nothing is to go. */
export function wavesOf(kinds: readonly ExternalKind[], report: readonly ReportLine[]): string[][] {
  const waves = [...new Set(kinds.map((k) => k.wave))].sort((a, b) => a - b);
  return waves
    .map((wave) => kinds.filter((k) => k.wave === wave).map((k) => k.name))
    .map((names) => names.filter((name) => report.some((l) => l.kind === name && l.fate === 'delete')))
    .filter((names) => names.length > 0);
}

export interface ReportSummary {
  readonly gone: number;
  readonly left: number;
  readonly kept: number;
  readonly refused: number;
}

export function summaryOf(report: readonly ReportLine[]): ReportSummary {
  const count = (fate: ReportLine['fate']): number => report.filter((l) => l.fate === fate).length;
  return { gone: count('gone'), left: count('delete'), kept: count('keep'), refused: count('refused') };
}

/** `3 gone, 1 kept (ebs-volume vol-1: may hold data…)`: what a person wants to know first. */
export function summaryText(report: readonly ReportLine[], shown = 3): string {
  const { gone, left, kept, refused } = summaryOf(report);
  if (report.length === 0) return 'nothing found';
  const parts = [
    ...(gone > 0 ? [`${gone} gone`] : []),
    ...(left > 0 ? [`${left} to go${named(report, 'delete', shown)}`] : []),
    ...(kept > 0 ? [`${kept} kept${named(report, 'keep', shown)}`] : []),
    ...(refused > 0 ? [`${refused} refused${named(report, 'refused', shown)}`] : []),
  ];
  return parts.join(', ');
}

function named(report: readonly ReportLine[], fate: ReportLine['fate'], shown: number): string {
  const lines = report.filter((l) => l.fate === fate);
  const texts = lines.slice(0, shown).map((l) => `${l.kind} ${l.id}: ${l.blocked ?? l.reason}`);
  return ` (${[...texts, ...(lines.length > shown ? [`and ${lines.length - shown} more`] : [])].join('; ')})`;
}
