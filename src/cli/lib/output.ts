import { stripVTControlCharacters } from 'node:util';
import pc from 'picocolors';

/** Exit codes: 0 done, 1 failed, 2 wrong use. */
export const EXIT = { ok: 0, failed: 1, usage: 2 } as const;

/** Aligned columns; the header is dim. Widths ignore colour codes. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((h, i) =>
    Math.max(h.length, ...rows.map((r) => stripVTControlCharacters(r[i] ?? '').length)),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((c, i) => c + ' '.repeat(Math.max(0, (widths[i] ?? 0) - stripVTControlCharacters(c).length)))
      .join('  ')
      .trimEnd();
  return [pc.dim(line(header)), ...rows.map(line)].join('\n');
}

/** `[#####.....] 5/10`. */
export function bar(done: number, total: number, width = 20): string {
  const full = total === 0 ? width : Math.min(width, Math.round((done / total) * width));
  return `[${'#'.repeat(full)}${'.'.repeat(width - full)}] ${done}/${total}`;
}

/** `3d4h`, `5m20s`: as kubectl prints ages. */
export function age(from: string | Date | undefined, now: number): string {
  if (!from) return '';
  const seconds = Math.max(0, Math.floor((now - new Date(from).getTime()) / 1000));
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 7_200) return `${Math.floor(seconds / 60)}m${seconds % 60 ? `${seconds % 60}s` : ''}`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)}h${Math.floor((seconds % 3600) / 60)}m`;
  return `${Math.floor(seconds / 86_400)}d${Math.floor((seconds % 86_400) / 3600)}h`;
}

/** One line for a person: what went wrong, and why as far as the causes tell. */
export function errorText(error: unknown): string {
  const parts: string[] = [];
  for (let e = error; e !== undefined && parts.length < 4; e = e instanceof Error ? e.cause : undefined) {
    const text = e instanceof Error ? e.message : String(e);
    if (text !== '' && !parts.some((part) => part.includes(text))) parts.push(text);
    // ours says all there is to say
    if (e instanceof Error && e.name === 'PerdureError') break;
  }
  return parts.join(': ');
}

/** Mistakes of the program itself, where a person can only pass on where it happened. A failed `fetch` is a TypeError too, with its cause. */
const isBug = (error: unknown): boolean =>
  ['TypeError', 'ReferenceError', 'RangeError'].includes((error as Error).name) && (error as Error).cause === undefined;

/** Runs a command's body; an error prints as one line, a mistake of the program with its stack. Sets the exit code. */
export async function command(body: () => Promise<void>): Promise<void> {
  try {
    await body();
  } catch (error) {
    process.stderr.write(`${pc.red('error')}: ${errorText(error)}\n`);
    if (error instanceof Error && isBug(error)) process.stderr.write(`${error.stack}\n`);
    process.exitCode = EXIT.failed;
  }
}

export const print = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

/** For lines about the progress of a command whose output is JSON. */
export const printError = (text: string): void => {
  process.stderr.write(`${text}\n`);
};

/** `-o json` or the human text. */
export function show(output: string | undefined, json: unknown, human: () => string): void {
  print(output === 'json' ? JSON.stringify(json, null, 2) : human());
}
