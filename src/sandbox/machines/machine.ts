import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { PerdureError } from '../../domain/errors.js';
import { currentHierarchies, ensureCgroup, killCgroups, removeCgroups } from './cgroups.js';
import { createDisk, type DiskContent, refreshDisk } from './disk.js';
import { cgroupName } from './ids.js';
import { BRIDGE, netnsPath } from './network/namespace.js';
import { type MachinePaths, machinePaths } from './paths.js';
import { childrenOf, commandLine, identityOf, isRunning, kill, type ProcessIdentity, run, until } from './processes.js';
import { type MachineRecord, writeRecord } from './record.js';

const BOOT_TIMEOUT_MS = 20_000;
const STOP_TIMEOUT_MS = 10_000;
const SCRIPT = fileURLToPath(new URL('./start-machine.sh', import.meta.url));

export interface StartRequest {
  readonly stateDir: string;
  readonly sandbox: string;
  readonly tree: string;
  readonly record: MachineRecord;
  readonly content: DiskContent;
}

/**
 * Starts a machine, on its kept disk if it has one. What is about to be made is recorded first, so that a host killed at any line finds it. Rejects
 * when it cannot be started; `endMachine` then removes the rest. Returns its record and the process, whose `exit` is the machine's end.
 */
export async function startMachine(request: StartRequest): Promise<{ record: MachineRecord; child: ChildProcess }> {
  const { stateDir, sandbox, tree, content } = request;
  const id = request.record.instanceId;
  const paths = machinePaths(stateDir, id);
  const hierarchies = currentHierarchies();
  const name = cgroupName(sandbox, id);
  const record: MachineRecord = {
    ...request.record,
    phase: 'starting',
    cgroups: hierarchies.map((hierarchy) => `${hierarchy.parent.replace(/\/$/, '')}/${name}`),
  };
  const kept = existsSync(paths.upper);
  mkdirSync(paths.dir, { recursive: true, mode: 0o700 });
  writeRecord(stateDir, record);
  if (kept) refreshDisk(paths, content);
  else await createDisk(paths, tree, content);
  for (const hierarchy of hierarchies) ensureCgroup(hierarchy, name);
  writeFileSync(paths.cgroups, `${record.cgroups.join('\n')}\n`);
  const child = await launch(paths, tree, record);
  const identity = child.pid === undefined ? undefined : identityOf(child.pid);
  if (!identity || !(await hasBooted(identity))) {
    throw new PerdureError(
      'Transient',
      `machine ${id} does not boot: ${lastLine(paths.console)} (console ${paths.console})`,
    );
  }
  const running: MachineRecord = {
    ...record,
    phase: 'running',
    process: identity,
    startedAt: new Date().toISOString(),
  };
  writeRecord(stateDir, running);
  return { record: running, child };
}

/** Waits until the chain of programs has become systemd-nspawn and that has started the machine's first process. */
async function hasBooted(identity: ProcessIdentity): Promise<boolean> {
  let booted = false;
  await until(
    () => {
      booted = commandLine(identity.pid).startsWith('systemd-nspawn') && childrenOf(identity.pid).length > 0;
      return booted || !isRunning(identity);
    },
    BOOT_TIMEOUT_MS,
    50,
  );
  return booted;
}

function lastLine(path: string): string {
  return readFileSync(path, 'utf8').trim().split('\n').at(-1)?.slice(0, 300) ?? '';
}

async function launch(paths: MachinePaths, tree: string, record: MachineRecord): Promise<ChildProcess> {
  const console = openSync(paths.console, 'a', 0o600);
  const child = spawn(
    '/bin/sh',
    [SCRIPT, paths.dir, tree, netnsPath(record.netns), ...nspawnArguments(paths, record)],
    {
      // Its own session: a Ctrl-C at the host's terminal is for the host alone, which then ends its machines in order or leaves them running.
      detached: true,
      stdio: ['ignore', console, console],
      env: {
        PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
        SYSTEMD_NSPAWN_API_VFS_WRITABLE: 'network',
        SYSTEMD_NSPAWN_LOCK: '0',
      },
    },
  );
  closeSync(console);
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
  return child;
}

/** Arguments that make systemd-nspawn run without a systemd on the host, with the system calls that a container runtime needs. */
function nspawnArguments(paths: MachinePaths, record: MachineRecord): string[] {
  return [
    '--quiet',
    `--directory=${paths.root}`,
    `--machine=${record.instanceId}`,
    `--hostname=${(record.name.split('.')[0] ?? '') || record.instanceId}`,
    '--register=no',
    '--keep-unit',
    '--boot',
    '--network-veth',
    `--network-bridge=${BRIDGE}`,
    '--console=read-only',
    '--resolv-conf=off',
    '--timezone=off',
    '--link-journal=no',
    '--system-call-filter=@keyring bpf perf_event_open',
    `--bind=${paths.containerd}:/var/lib/containerd`,
    `--bind=${paths.kubelet}:/var/lib/kubelet`,
  ];
}

/** Whether the machine's recorded process is alive and is the one that was started. */
export function machineRuns(stateDir: string, record: MachineRecord): boolean {
  return record.process !== undefined && isRunning(record.process, machinePaths(stateDir, record.instanceId).dir);
}

/**
 * Ends a machine's processes and removes its cgroups; its disk stays. Safe to repeat and for a machine that never ran or ended long ago: only
 * processes are killed that are recorded as this machine's, or are in cgroups that only it has.
 */
export async function endMachine(stateDir: string, record: MachineRecord): Promise<void> {
  const supervisor = record.process;
  if (supervisor && machineRuns(stateDir, record)) {
    // With its first process gone, the kernel kills all others of the machine, and systemd-nspawn tidies up and ends.
    for (const init of childrenOf(supervisor.pid)) kill(init, 'SIGKILL');
    const ended = await until(() => !machineRuns(stateDir, record), STOP_TIMEOUT_MS);
    if (!ended && machineRuns(stateDir, record)) kill(supervisor.pid, 'SIGKILL');
  }
  if (!(await killCgroups(record.cgroups, STOP_TIMEOUT_MS))) {
    throw new PerdureError(
      'Transient',
      `processes of machine ${record.instanceId} do not end; they are in ${record.cgroups[0]}`,
    );
  }
  const left = await removeCgroups(record.cgroups);
  if (left.length > 0)
    throw new PerdureError('Transient', `cannot remove cgroup ${left[0]} of machine ${record.instanceId}`);
}

/** Removes a machine's directory. Its processes have to be gone; an absent directory is fine. */
export async function removeDisk(stateDir: string, instanceId: string): Promise<void> {
  await run('rm', ['-rf', '--one-file-system', machinePaths(stateDir, instanceId).dir], 300_000);
}
