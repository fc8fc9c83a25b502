import type { Machine } from '../../src/api/types/index.js';
import type { Layout } from '../../src/sandbox/layout.js';
import { type MachineStatus, readMachineStatus } from '../../src/sandbox/machines/index.js';
import { childrenOf, kill, run } from '../../src/sandbox/machines/processes.js';

/** The sandbox's machine behind a Machine; by its instance, since clusters beside each other have the same addresses. */
export function machineBehind(layout: Layout, { metadata, spec }: Machine): MachineStatus {
  const instanceId = spec.providerID?.split('/').at(-1);
  const found = readMachineStatus(layout.machines).machines.find(
    (m) => m.phase === 'running' && m.instanceId === instanceId,
  );
  if (!found) throw new Error(`no machine runs for Machine ${metadata.name}`);
  return found;
}

function initOf({ pid, name }: MachineStatus): number {
  const [init] = pid === undefined ? [] : childrenOf(pid);
  if (init === undefined) throw new Error(`machine ${name} has no first process`);
  return init;
}

const inside = (machine: MachineStatus, ...command: string[]): Promise<string> =>
  run('nsenter', ['--target', String(initOf(machine)), '--all', ...command]);

/** Ends a machine at once, as a power failure does. */
export function killMachine(machine: MachineStatus): void {
  kill(initOf(machine), 'SIGKILL');
}

/** Kills the processes called `program` on one machine. Rejects when there is none. */
export async function killProgram(machine: MachineStatus, program: string): Promise<void> {
  await inside(machine, 'pkill', '-KILL', '-x', program);
}

/** Stops a service of a machine for good: nothing starts it again. */
export async function stopService(machine: MachineStatus, service: string): Promise<void> {
  await inside(machine, 'systemctl', 'mask', '--runtime', '--now', service);
}
