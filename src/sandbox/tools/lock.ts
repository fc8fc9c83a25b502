import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { link, mkdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Who holds a lock. The start time tells a process from a later one with the same id. */
export interface LockOwner {
  readonly pid: number;
  readonly startTime: string;
  readonly host: string;
  readonly id: string;
}

export interface LockOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called once, before waiting for another process. */
  readonly onWait?: (owner: LockOwner) => void;
  readonly pollMs?: number;
  /** Whether an owner on this host still runs; replaced in tests. */
  readonly isAlive?: (owner: LockOwner) => boolean;
}

const BEAT_MS = 10_000;
/** Another host's processes cannot be looked at: its lock is given up when its file has not been touched for this long. */
const SILENT_MS = 120_000;

/**
 * Runs `work` while holding the lock file `path`; waits while another live process holds it, takes over from one that has ended. What the lock
 * guards must stay correct even if two processes hold it, as after a clock jump on a shared file system: it only spares doing work twice.
 */
export async function withLock<T>(path: string, work: () => Promise<T>, options: LockOptions = {}): Promise<T> {
  const owner: LockOwner = {
    pid: process.pid,
    startTime: startTimeOf(process.pid) ?? '',
    host: hostname(),
    id: randomUUID(),
  };
  await mkdir(dirname(path), { recursive: true });
  await acquire(path, owner, options);
  const beat = setInterval(() => void touch(path), BEAT_MS);
  beat.unref();
  try {
    return await work();
  } finally {
    clearInterval(beat);
    await release(path, owner);
  }
}

async function acquire(path: string, owner: LockOwner, options: LockOptions): Promise<void> {
  let told = false;
  while (!(await tryTake(path, owner))) {
    options.signal?.throwIfAborted();
    const text = await readText(path);
    if (text === undefined) continue;
    const holder = parseOwner(text);
    if (await isStale(path, holder, options)) {
      await discard(path, text, owner);
      continue;
    }
    if (!told && holder) options.onWait?.(holder);
    told = true;
    await sleep(options.pollMs ?? 300, undefined, { signal: options.signal });
  }
}

/** Linking a complete file makes the lock appear with its content in one step. */
async function tryTake(path: string, owner: LockOwner): Promise<boolean> {
  const draft = `${path}.${owner.id}`;
  await writeFile(draft, JSON.stringify(owner));
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

async function isStale(path: string, holder: LockOwner | undefined, options: LockOptions): Promise<boolean> {
  if (holder?.host === hostname()) return !(options.isAlive ?? isAlive)(holder);
  const touched = await stat(path).catch(() => undefined);
  return touched !== undefined && Date.now() - touched.mtimeMs > SILENT_MS;
}

/** Removes the stale lock with content `text`. If another process was faster and the lock is already a new one, that one is put back. */
async function discard(path: string, text: string, owner: LockOwner): Promise<void> {
  const aside = `${path}.${owner.id}.stale`;
  try {
    await rename(path, aside);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return;
    throw error;
  }
  if ((await readText(aside)) !== text) await link(aside, path).catch(() => undefined);
  await rm(aside, { force: true });
}

async function release(path: string, owner: LockOwner): Promise<void> {
  const text = await readText(path);
  if (text !== undefined && parseOwner(text)?.id === owner.id) await rm(path, { force: true });
}

async function touch(path: string): Promise<void> {
  const now = new Date();
  // A missing file means that another process took over: nothing to keep fresh.
  await utimes(path, now, now).catch(() => undefined);
}

function parseOwner(text: string): LockOwner | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isOwner(value) ? value : undefined;
  } catch {
    return undefined; // Not written by this code; only its age counts.
  }
}

function isOwner(value: unknown): value is LockOwner {
  if (typeof value !== 'object' || value === null) return false;
  const owner = value as Partial<Record<keyof LockOwner, unknown>>;
  return (
    typeof owner.pid === 'number' && [owner.startTime, owner.host, owner.id].every((part) => typeof part === 'string')
  );
}

function isAlive(owner: LockOwner): boolean {
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    if (codeOf(error) === 'ESRCH') return false;
  }
  return (startTimeOf(owner.pid) ?? owner.startTime) === owner.startTime;
}

/** Start time in clock ticks since boot; undefined where there is no /proc or the process is gone. */
function startTimeOf(pid: number): string | undefined {
  try {
    const line = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return line.slice(line.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
}
