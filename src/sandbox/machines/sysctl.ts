import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { isRecord, readJson, writeJson } from './files.js';

const INOTIFY_INSTANCES = '/proc/sys/fs/inotify/max_user_instances';
/** A control plane takes about 30 of them, a worker 16; the usual limit of 128 for all of root's processes is a handful of machines. */
const WANTED = 1_024;
/** The setting is the whole host's, and so is the note of what it was: the sandbox that ends last puts it back. Gone after a reboot, like the setting. */
const NOTE = '/run/perdure-inotify.json';

/** Raises the host-wide limit on inotify instances if it is low. Returns what it was, or undefined when it was left alone. Safe to repeat. */
export function raiseInotifyLimit(): number | undefined {
  const before = readLimit();
  if (before >= WANTED) return undefined;
  if (noted() === undefined) writeJson(NOTE, { before });
  writeFileSync(INOTIFY_INSTANCES, String(WANTED));
  return before;
}

/** Puts the limit back, unless someone else has changed it since. Without a note there is nothing to do. */
export function restoreInotifyLimit(): void {
  const before = noted();
  if (before !== undefined && readLimit() === WANTED) writeFileSync(INOTIFY_INSTANCES, String(before));
  if (before !== undefined) rmSync(NOTE, { force: true });
}

function noted(): number | undefined {
  const note = readJson(NOTE);
  return isRecord(note) && typeof note['before'] === 'number' ? note['before'] : undefined;
}

function readLimit(): number {
  return Number(readFileSync(INOTIFY_INSTANCES, 'utf8'));
}
