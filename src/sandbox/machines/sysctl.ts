import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { isRecord, readJson, writeJson } from './files.js';
import { hostPaths } from './paths.js';

const INOTIFY_INSTANCES = '/proc/sys/fs/inotify/max_user_instances';
/** A control plane takes about 30 of them, a worker 16; the usual limit of 128 for all of root's processes is a handful of machines. */
const WANTED = 1_024;

/** Raises the host-wide limit on inotify instances if it is low. Returns what it was, or undefined when it was left alone. */
export function raiseInotifyLimit(stateDir: string): number | undefined {
  const before = readLimit();
  if (before >= WANTED) return undefined;
  if (!isRecord(readJson(hostPaths(stateDir).sysctls)))
    writeJson(hostPaths(stateDir).sysctls, { [INOTIFY_INSTANCES]: before });
  writeFileSync(INOTIFY_INSTANCES, String(WANTED));
  return before;
}

/** Puts the limit back, unless someone else has changed it since or `inUse` by another sandbox. Safe to repeat. */
export function restoreInotifyLimit(stateDir: string, inUse: boolean): void {
  const record = readJson(hostPaths(stateDir).sysctls);
  const before = isRecord(record) ? record[INOTIFY_INSTANCES] : undefined;
  if (typeof before === 'number' && !inUse && readLimit() === WANTED) writeFileSync(INOTIFY_INSTANCES, String(before));
  rmSync(hostPaths(stateDir).sysctls, { force: true });
}

function readLimit(): number {
  return Number(readFileSync(INOTIFY_INSTANCES, 'utf8'));
}
