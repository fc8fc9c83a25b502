import { spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';
import { PerdureError } from '../../domain/errors.js';
import type { Environment } from './context.js';

const KEPT_OUTPUT = 64 * 1024;

/** How a child process is run. */
export interface RunOptions {
  readonly env: Environment;
  readonly cwd?: string;
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number;
  /** Receives output line by line as it appears. */
  readonly onLine?: (line: string) => void;
}

/**
 * Runs a program to its end and returns the last part of its output, standard output before standard error. Rejects with `Transient` and the last
 * lines it wrote when it fails. An abort ends the whole process group.
 */
export async function run(program: string, args: readonly string[], options: RunOptions): Promise<string> {
  options.signal?.throwIfAborted();
  return await new Promise((resolve, reject) => {
    const child = spawn(program, [...args], {
      env: { ...options.env },
      cwd: options.cwd,
      // A group of its own: compilers and installers start many children, and all must end with it.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const out = collect(child.stdout, options.onLine);
    const err = collect(child.stderr, options.onLine);
    const stop = () => killGroup(child.pid);
    const timer = options.timeoutMs === undefined ? undefined : setTimeout(stop, options.timeoutMs);
    options.signal?.addEventListener('abort', stop, { once: true });
    const settle = () => {
      clearTimeout(timer);
      options.signal?.removeEventListener('abort', stop);
    };
    child.once('error', (cause) => {
      settle();
      reject(new PerdureError('Transient', `cannot start ${program}: ${cause.message}`, { cause }));
    });
    child.once('close', (code, signal) => {
      settle();
      if (code === 0) return resolve(out() + err());
      if (options.signal?.aborted) return reject(options.signal.reason);
      const said = lastLines(err() || out());
      reject(
        new PerdureError('Transient', `${program} ${args.join(' ')} failed (${signal ?? `exit ${code}`}): ${said}`),
      );
    });
  });
}

function collect(stream: NodeJS.ReadableStream, onLine: ((line: string) => void) | undefined): () => string {
  let text = '';
  let pending = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    text = (text + chunk).slice(-KEPT_OUTPUT);
    if (!onLine) return;
    const lines = (pending + chunk).split('\n');
    pending = lines.pop() ?? '';
    for (const line of lines) onLine(line);
  });
  return () => text;
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}

function lastLines(text: string): string {
  return text.trim().split('\n').slice(-8).join('\n').slice(-1500);
}

/** Absolute path of a program in `env.PATH`, or undefined. */
export async function findOnPath(program: string, env: Environment): Promise<string | undefined> {
  for (const dir of (env['PATH'] ?? '').split(delimiter)) {
    if (!isAbsolute(dir)) continue;
    const candidate = join(dir, program);
    if (await isExecutable(candidate)) return candidate;
  }
  return undefined;
}

/** True for a regular file that this user may execute. */
export async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}
