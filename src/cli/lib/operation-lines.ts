import pc from 'picocolors';
import type { OperationView } from './operations.js';
import { age, bar, table } from './output.js';

const COLOURS: Readonly<Record<string, (text: string) => string>> = {
  RUNNING: pc.cyan,
  COMPLETED: pc.green,
  FAILED: pc.red,
  TERMINATED: pc.red,
  TIMED_OUT: pc.red,
  CANCELLED: pc.yellow,
};
const colour = (status: string): string => COLOURS[status]?.(status) ?? status;

/** What it waits for, or why it failed, on one line. */
function note({ failure, progress, reason }: OperationView): string {
  const text = failure ? `${failure.type}: ${failure.message}` : (progress?.waitingFor ?? reason ?? '');
  return text.replaceAll(/\s*\n\s*/g, ' ');
}

/** `[###.......] 3/10`, or nothing for an operation that tells no steps. */
function steps({ progress }: OperationView, width: number): string {
  const all = progress?.steps ?? [];
  return all.length === 0 ? '' : bar(all.filter((s) => s.state === 'done').length, all.length, width);
}

/** Operations as a table. */
export function operationsTable(list: readonly OperationView[], now: number): string {
  return table(
    ['OPERATION', 'OBJECT', 'STATUS', 'AGE', 'PROGRESS', 'WAITS FOR, OR FAILED BY'],
    list.map((o) => [o.operation, o.object, colour(o.status), age(o.started, now), steps(o, 10), note(o)]),
  );
}

/** Running operations, one a line, aligned, at most `width` columns wide. Without `now` there are no ages, so that a line only changes with its operation. */
export function liveLines(
  list: readonly OperationView[],
  { now, width = Number.POSITIVE_INFINITY }: { readonly now?: number; readonly width?: number | undefined } = {},
): string[] {
  const cells = list.map((o) => [
    o.operation,
    o.object,
    now === undefined ? '' : age(o.started, now),
    steps(o, 20),
    note(o),
  ]);
  const widths = [0, 1, 2, 3].map((i) => Math.max(0, ...cells.map((row) => row[i]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    row
      .map((text, i) => (i === 2 ? text.padStart(widths[i] ?? 0) : text.padEnd(widths[i] ?? 0)))
      .filter((text) => text !== '')
      .join('  ')
      .trimEnd();
  return cells.map((row) => cut(line(row), width));
}

/** What became of an operation, on one line. */
export function endLine(o: OperationView): string {
  const took = o.closed ? ` after ${age(o.started, new Date(o.closed).getTime())}` : '';
  return [o.operation, o.object, `${colour(o.status)}${took}`, note(o)].filter((part) => part !== '').join('  ');
}

/** Plain text cut to a width, with a mark where something is missing. */
function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;
}

const MOST_AHEAD = 8;

/** What running operations still have to do, in order; nothing for those that do not know. */
export function aheadLines(list: readonly OperationView[]): string[] {
  return list.flatMap(({ operation, object, ahead = [] }) => {
    if (ahead.length === 0) return [];
    const steps = ahead.slice(0, MOST_AHEAD).map((step) => `  ${step}`);
    const left = ahead.length - steps.length;
    return [pc.dim(`ahead of ${operation} ${object}:`), ...steps, ...(left > 0 ? [`  and ${left} more`] : [])];
  });
}
