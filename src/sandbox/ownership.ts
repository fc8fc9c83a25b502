import { randomUUID } from 'node:crypto';
import { link, mkdir, readFile, rename, rm } from 'node:fs/promises';
import { PerdureError } from '../domain/errors.js';
import { readJson, writeAtomic } from './files.js';
import type { Layout } from './layout.js';
import { identityOf, isRunning, type ProcessIdentity } from './machines/processes.js';

export type SupervisorPhase = 'starting' | 'running' | 'stopping';

/** What the supervisor of a state directory writes about itself and its work. */
export interface SupervisorRecord extends ProcessIdentity {
  readonly phase: SupervisorPhase;
  /** Parts it keeps running, in the order they were started. */
  readonly components: readonly string[];
  /** How often each part was started again. */
  readonly restarts: Readonly<Record<string, number>>;
}

/** The record of the last supervisor, alive or not. */
export async function lastSupervisor(layout: Layout): Promise<SupervisorRecord | undefined> {
  return readJson<SupervisorRecord>(layout.supervisor);
}

/** The supervisor that owns a state directory, if it is alive. */
export async function supervisorOf(layout: Layout): Promise<SupervisorRecord | undefined> {
  const record = await lastSupervisor(layout);
  return record && isRunning(record) ? record : undefined;
}

/**
 * Takes the state directory for this process; a second one, even one that starts at the same moment, is refused with `Conflict` and the pid of the
 * first. Safe to repeat by its owner.
 */
export async function takeOwnership(layout: Layout, phase: SupervisorPhase = 'starting'): Promise<void> {
  await mkdir(layout.run, { recursive: true });
  const own = identityOf(process.pid);
  if (!own) throw new PerdureError('InvalidConfiguration', 'a sandbox needs Linux with /proc mounted');
  const claim = `${layout.supervisor}.${process.pid}`;
  await writeAtomic(claim, JSON.stringify({ ...own, phase, components: [], restarts: {} } satisfies SupervisorRecord));
  try {
    while (!(await linked(claim, layout.supervisor))) {
      const text = await readFile(layout.supervisor, 'utf8').catch(() => undefined);
      if (text === undefined) continue;
      const other = await supervisorOf(layout);
      if (other?.pid === process.pid) return;
      if (other) throw owned(layout, other);
      await discard(layout.supervisor, text);
    }
  } finally {
    await rm(claim, { force: true });
  }
}

/** Gives the state directory back, if it is this process's. */
export async function releaseOwnership(layout: Layout): Promise<void> {
  if ((await supervisorOf(layout))?.pid === process.pid) await rm(layout.supervisor, { force: true });
}

/** What is in the way of somebody who wants the state directory. */
export function owned({ root }: Layout, { pid, phase }: SupervisorRecord): PerdureError {
  const text = {
    starting: `is being started from ${root} (supervisor pid ${pid}); wait for it, or stop it with 'perdure down --dir ${root}'`,
    running: `runs already from ${root} (supervisor pid ${pid}); stop it with 'perdure down --dir ${root}', or choose another directory with --dir`,
    stopping: `is being stopped in ${root} (pid ${pid}); try again when it is down`,
  }[phase];
  return new PerdureError('Conflict', `a sandbox ${text}`);
}

/** Gives `file` a second name, which only one of several processes can do; false when the name is taken. */
async function linked(file: string, name: string): Promise<boolean> {
  try {
    await link(file, name);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Removes the record of a dead supervisor. If another process was faster and the file is that one's already, it is put back. */
async function discard(file: string, text: string): Promise<void> {
  const aside = `${file}.${randomUUID()}.stale`;
  try {
    await rename(file, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  if ((await readFile(aside, 'utf8')) !== text) await link(aside, file).catch(() => undefined);
  await rm(aside, { force: true });
}
