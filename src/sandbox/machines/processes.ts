import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { PerdureError } from '../../domain/errors.js';

/** A process that cannot be mistaken for a later one with the same pid. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Start time in clock ticks since boot, as the kernel tells it. */
  readonly startTime: string;
  readonly bootId: string;
}

/** Identity of a live process; undefined when there is none or it is a zombie. */
export function identityOf(pid: number): ProcessIdentity | undefined {
  const stat = readProc(pid, 'stat');
  if (stat === undefined) return undefined;
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const startTime = fields[19];
  if (fields[0] === 'Z' || fields[0] === 'X' || startTime === undefined) return undefined;
  return { pid, startTime, bootId: bootId() };
}

/** Whether this very process still runs and, if given, has `argument` somewhere in its command line. */
export function isRunning(identity: ProcessIdentity, argument?: string): boolean {
  const now = identityOf(identity.pid);
  if (now?.startTime !== identity.startTime || now.bootId !== identity.bootId) return false;
  return argument === undefined || commandLine(identity.pid).includes(argument);
}

/** Command line with its arguments separated by blanks; empty when the process is gone. */
export function commandLine(pid: number): string {
  return readProc(pid, 'cmdline')?.replaceAll('\0', ' ') ?? '';
}

/** Direct children of a process, in order of their pids. */
export function childrenOf(pid: number): number[] {
  return pids().filter((child) => {
    const stat = readProc(child, 'stat');
    return stat !== undefined && stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1] === String(pid);
  });
}

/** All process ids, ascending. */
export function pids(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .sort((a, b) => a - b);
}

/** Sends a signal to a process, or to a group by its negative id; one that is gone already is fine. */
export function kill(pid: number, signal: NodeJS.Signals): void {
  // To the kernel these mean our own group, and everybody.
  if (pid === 0 || pid === -1) throw new PerdureError('Bug', `${pid} is not the id of a process`);
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Waits until `done` answers true; false when `timeoutMs` passed first. */
export async function until(done: () => boolean, timeoutMs: number, everyMs = 20): Promise<boolean> {
  const end = Date.now() + timeoutMs;
  while (!done()) {
    if (Date.now() >= end) return false;
    await sleep(everyMs);
  }
  return true;
}

/** Runs a program to its end and returns its output. Rejects with its error output when it fails. */
export async function run(program: string, args: readonly string[], timeoutMs = 60_000): Promise<string> {
  return await new Promise((resolve, reject) => {
    execFile(program, [...args], { timeout: timeoutMs, maxBuffer: 16 << 20 }, (error, stdout, stderr) => {
      if (!error) return resolve(stdout);
      const said = stderr.trim() || error.message;
      reject(
        new PerdureError('Transient', `${program} ${args.join(' ')} failed: ${said.slice(-500)}`, { cause: error }),
      );
    });
  });
}

function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}

function readProc(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return undefined; // the process ended
  }
}
