import { execFile } from 'node:child_process';
import { PerdureError } from '../../domain/errors.js';

/** Repeats `look` until it answers a value; a line is printed whenever `note` changes. Fails after `timeoutMs` with the last note. */
export async function untilTrue<T>(
  what: string,
  timeoutMs: number,
  say: (line: string) => void,
  look: () => Promise<{ done?: T; note: string }>,
): Promise<T> {
  const end = Date.now() + timeoutMs;
  let last = '';
  for (;;) {
    const { done, note } = await look().catch((error: unknown) => ({
      done: undefined,
      note: error instanceof Error ? error.message : String(error),
    }));
    if (done !== undefined) return done;
    if (note !== last) say(`   ${note}`);
    last = note;
    if (Date.now() > end)
      throw new PerdureError(
        'Transient',
        `${what} did not happen within ${Math.round(timeoutMs / 1000)} s; last seen: ${last}`,
      );
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

/** Runs a program and answers its standard output; failure carries its error output. */
export function runProgram(program: string, args: readonly string[], input?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(program, [...args], { maxBuffer: 16 << 20, timeout: 120_000 }, (error, stdout, stderr) => {
      if (error)
        reject(
          new PerdureError('Transient', `${program} ${args.join(' ')} failed: ${stderr.trim() || error.message}`, {
            cause: error,
          }),
        );
      else resolve(stdout);
    });
    if (input !== undefined) child.stdin?.end(input);
  });
}
