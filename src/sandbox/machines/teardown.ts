import { readdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { PerdureError } from '../../domain/errors.js';
import { currentHierarchies, killCgroups, removeCgroups } from './cgroups.js';
import { cgroupName, sandboxId } from './ids.js';
import { lockHolder } from './lock.js';
import { endMachine, removeDisk } from './machine.js';
import { otherSandboxesExist, removeNamespaces } from './network/networks.js';
import { hostPaths } from './paths.js';
import { type MachineRecord, readRecords } from './record.js';
import { restoreInotifyLimit } from './sysctl.js';

/**
 * Removes everything a machine host has left: machines, cgroups, network namespaces, disks, kernel settings. Safe to repeat, and when there is
 * nothing, or the directory is gone. Goes through all of it before it rejects with what would not go.
 */
export async function cleanup(stateDir: string): Promise<void> {
  if (process.platform !== 'linux') return; // no machine ever ran here
  const dir = resolve(stateDir);
  const holder = lockHolder(dir);
  if (holder && holder.pid !== process.pid) {
    throw new PerdureError(
      'Conflict',
      `machine host ${holder.pid} of ${dir} still runs; end it first (SIGTERM), it cleans up itself`,
    );
  }
  await removeEverything(dir);
}

/** The same without a look at the lock, for the host that holds it. */
export async function removeEverything(stateDir: string): Promise<void> {
  const sandbox = sandboxId(stateDir);
  const failures: string[] = [];
  const attempt = async (work: () => Promise<void> | void): Promise<void> => {
    try {
      await work();
    } catch (error) {
      failures.push(error instanceof Error ? error.message : String(error));
    }
  };
  const records = [...readRecords(stateDir).values()];
  await Promise.all(
    records.map((record) =>
      attempt(async () => {
        await endMachine(stateDir, withCgroups(record, sandbox));
        await removeDisk(stateDir, record.instanceId);
      }),
    ),
  );
  await attempt(() => removeStrayCgroups(sandbox));
  await attempt(() => removeNamespaces(sandbox));
  if (!otherSandboxesExist(sandbox)) await attempt(restoreInotifyLimit);
  const paths = hostPaths(stateDir);
  for (const path of [paths.ready, paths.hosts, paths.addresses, paths.agentLog])
    await attempt(() => rmSync(path, { force: true }));
  // With failures the records stay, for the next attempt.
  if (failures.length === 0) await attempt(() => rmSync(paths.machines, { force: true, recursive: true }));
  if (failures.length > 0)
    throw new PerdureError('Transient', `could not remove all machines of ${stateDir}: ${failures.join('; ')}`);
}

/** A record that was never completed names no cgroups: then they are where this process would make them. */
export function withCgroups(record: MachineRecord, sandbox: string): MachineRecord {
  if (record.cgroups.length > 0) return record;
  const name = cgroupName(sandbox, record.instanceId);
  return { ...record, cgroups: currentHierarchies().map(({ parent }) => join(parent, name)) };
}

/** Groups of this sandbox without a machine's record, e.g. when someone deleted the directory by hand. */
async function removeStrayCgroups(sandbox: string): Promise<void> {
  const prefix = cgroupName(sandbox, '');
  const strays = currentHierarchies().flatMap(({ parent }) =>
    readdirSync(parent)
      .filter((name) => name.startsWith(prefix))
      .map((name) => join(parent, name)),
  );
  if (strays.length === 0) return;
  await killCgroups(strays, 10_000);
  const left = await removeCgroups(strays);
  if (left.length > 0) throw new PerdureError('Transient', `cannot remove cgroup ${left[0]}`);
}
