import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { childEnvironment } from '../../src/config/config.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const CLI = path.join(ROOT, 'dist/cli/main.js');

/** How a program ended and what it said. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** Standard input. */
  readonly input?: string;
  /** Changes of the environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs a program to its end, whatever that is. */
export function runToEnd(program: string, args: readonly string[], { input, env }: RunOptions = {}): Promise<Outcome> {
  return new Promise((resolve) => {
    const options = {
      cwd: ROOT,
      maxBuffer: 16 << 20,
      env: childEnvironment({ FORCE_COLOR: undefined, NO_COLOR: '1', ...env }),
    };
    const child = execFile(program, [...args], options, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
      resolve({ code, stdout, stderr });
    });
    if (input !== undefined) child.stdin?.end(input);
  });
}

/** Runs the `perdure` command of the build. */
export const perdure = (...args: readonly string[]): Promise<Outcome> => perdureWith({}, ...args);

/** The same with a changed environment. */
export const perdureWith = (env: Readonly<Record<string, string>>, ...args: readonly string[]): Promise<Outcome> =>
  runToEnd(process.execPath, [CLI, ...args], { env });

/** The JSON that a `perdure` command prints. Throws with what it said instead when there is none. */
export async function perdureJson<T>(...args: readonly string[]): Promise<T> {
  const { code, stdout, stderr } = await perdure(...args, '-o', 'json');
  try {
    return JSON.parse(stdout) as T;
  } catch {
    throw new Error(`perdure ${args.join(' ')} ended with ${code} and printed no JSON: ${stdout}${stderr}`);
  }
}

/** Builds the package as it is now. */
export async function build(): Promise<void> {
  const { code, stderr, stdout } = await runToEnd('npm', ['run', '-s', 'build']);
  if (code !== 0) throw new Error(`the build failed: ${stdout}${stderr}`);
}

/** Looks four times a second until `look` answers something; fails with what it last saw after `seconds`. */
export async function until<T>(what: string, seconds: number, look: () => Promise<T | undefined>): Promise<T> {
  const end = Date.now() + seconds * 1_000;
  let last = 'nothing';
  for (;;) {
    const found = await look().catch((error: unknown) => {
      last = String(error);
      return undefined;
    });
    if (found !== undefined) return found;
    if (Date.now() > end) throw new Error(`${what}: not seen within ${seconds} s; last: ${last}`);
    await delay(250);
  }
}

/** Processes that have a text in their command line, environment or working directory, save this one and its children. */
export function processesAbout(text: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && name !== String(process.pid))
    .flatMap((pid) => {
      const about = ['cmdline', 'environ'].map((file) => read(`/proc/${pid}/${file}`));
      return about.some((content) => content.includes(text)) ? [`${pid}: ${about[0]?.replaceAll('\0', ' ')}`] : [];
    });
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return ''; // it has ended
  }
}
