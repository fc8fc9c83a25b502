import { stripVTControlCharacters } from 'node:util';
import pc from 'picocolors';
import { PerdureError } from '../../domain/errors.js';

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

/** Runs a command's body; our errors print as one line with their type, anything else with its stack. Sets the exit code. */
export async function command(body: () => Promise<void>): Promise<void> {
  try {
    await body();
  } catch (error) {
    if (error instanceof PerdureError) process.stderr.write(`${pc.red('error')}: ${error.message}\n`);
    else process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exitCode = EXIT.failed;
  }
}

export const print = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

/** `-o json` or the human text. */
export function show(output: string | undefined, json: unknown, human: () => string): void {
  if (output === undefined || output === 'text') print(human());
  else if (output === 'json') print(JSON.stringify(json, null, 2));
  else throw new PerdureError('InvalidConfiguration', `--output ${output} is not known; use text or json`);
}
