import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isNodeError } from './files.js';
import { kill } from './processes.js';

/** One mounted cgroup hierarchy and the group this process is in. */
export interface Hierarchy {
  /** 1 for a hierarchy of its own controllers, 2 for the unified one. */
  readonly version: 1 | 2;
  readonly controllers: readonly string[];
  /** Directory below which a machine's group is made. */
  readonly parent: string;
}

/**
 * The hierarchies of this host, from the text of `/proc/self/mountinfo` and `/proc/self/cgroup`. On v1 a machine's groups go below our own. On a
 * host with only v2 they go below the root: our own group holds processes, and so may not have children with controllers.
 */
export function readHierarchies(mountinfo: string, cgroup: string, exists: (path: string) => boolean): Hierarchy[] {
  const mounts = mountinfo.split('\n').flatMap(readCgroupMount);
  const own = cgroup.split('\n').flatMap((line) => {
    const [, id, controllers, path] = /^(\d+):([^:]*):(.*)$/.exec(line) ?? [];
    return id === undefined
      ? []
      : [{ controllers: controllers?.split(',').filter((c) => c !== '') ?? [], path: path ?? '/' }];
  });
  const onlyV2 = !mounts.some((mount) => mount.version === 1);
  const hierarchies: Hierarchy[] = [];
  for (const { controllers, path } of own) {
    const version = controllers.length === 0 ? 2 : 1;
    const mount = mounts.find(
      (m) => m.version === version && (version === 2 || controllers.every((c) => m.options.includes(c))),
    );
    if (!mount) continue;
    const below = join(mount.path, path);
    const parent = onlyV2 || !exists(below) ? mount.path : below;
    hierarchies.push({ version, controllers, parent: parent.replace(/(.)\/$/, '$1') });
  }
  return hierarchies;
}

/** The hierarchies of the running host. */
export function currentHierarchies(): Hierarchy[] {
  return readHierarchies(
    readFileSync('/proc/self/mountinfo', 'utf8'),
    readFileSync('/proc/self/cgroup', 'utf8'),
    existsSync,
  );
}

/** Makes a machine's group in one hierarchy. Safe to repeat. */
export function ensureCgroup(hierarchy: Hierarchy, name: string): string {
  const path = join(hierarchy.parent, name);
  if (hierarchy.version === 2) delegate(hierarchy.parent);
  mkdirSync(path, { recursive: true });
  if (hierarchy.controllers.includes('cpuset')) {
    // A new v1 cpuset is empty and takes no process until it has processors and memory nodes.
    for (const file of ['cpuset.cpus', 'cpuset.mems']) {
      writeFileSync(join(path, file), readFileSync(join(hierarchy.parent, file), 'utf8').trim());
    }
    writeFileSync(join(path, 'cgroup.clone_children'), '1');
  }
  return path;
}

/** Processes in a group and the groups below it. Empty when there is no such group. */
export function processesIn(path: string): number[] {
  const own = readLines(join(path, 'cgroup.procs')).map(Number);
  return [...own, ...childGroups(path).flatMap(processesIn)].filter((pid) => pid > 0);
}

/** Kills all that is left in a machine's groups. They are ours alone, so whatever is inside belongs to the machine. */
export async function killCgroups(paths: readonly string[], timeoutMs: number): Promise<boolean> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const left = new Set(paths.flatMap(processesIn));
    if (left.size === 0) return true;
    for (const pid of left) kill(pid, 'SIGKILL');
    if (Date.now() >= end) return false;
    await sleep(20);
  }
}

/** Removes groups with all groups below. Absent ones are fine. Returns those that would not go. */
export async function removeCgroups(paths: readonly string[]): Promise<string[]> {
  let left = [...paths];
  for (let attempt = 0; attempt < 50 && left.length > 0; attempt++) {
    if (attempt > 0) await sleep(50);
    left = left.filter((path) => !removeTree(path));
  }
  return left;
}

function removeTree(path: string): boolean {
  const emptied = childGroups(path)
    .map(removeTree)
    .every((gone) => gone);
  try {
    rmdirSync(path);
    return emptied;
  } catch (error) {
    return isNodeError(error, 'ENOENT'); // EBUSY: a process is still on its way out
  }
}

function childGroups(path: string): string[] {
  try {
    return readdirSync(path, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => join(path, entry.name));
  } catch {
    return []; // the group is gone
  }
}

function readLines(path: string): string[] {
  try {
    return readFileSync(path, 'utf8')
      .split('\n')
      .filter((line) => line !== '');
  } catch {
    return []; // the group is gone
  }
}

function delegate(parent: string): void {
  for (const controller of readLines(join(parent, 'cgroup.controllers')).flatMap((line) => line.split(' '))) {
    try {
      writeFileSync(join(parent, 'cgroup.subtree_control'), `+${controller}`);
    } catch {
      // A controller that cannot be handed down is missing on the machine; kubelet says which one it needs.
    }
  }
}

function readCgroupMount(line: string): { version: 1 | 2; path: string; options: string[] }[] {
  const [before = '', after = ''] = line.split(' - ');
  const path = before.split(' ')[4];
  const [type, , options = ''] = after.split(' ');
  if (path === undefined || (type !== 'cgroup' && type !== 'cgroup2')) return [];
  return [{ version: type === 'cgroup2' ? 2 : 1, path, options: options.split(',') }];
}
