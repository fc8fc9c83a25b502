import { link, mkdir, open, rm } from 'node:fs/promises';
import { PerdureError } from '../domain/errors.js';
import { awaitReady, type Component, runningProcess, startComponent, stopComponent } from './component.js';
import { readJson, writeAtomic } from './files.js';
import type { Layout } from './layout.js';
import { identityOf, isRunning, type ProcessIdentity } from './machines/processes.js';

const START_TIMEOUT_MS = 120_000;
const RESTART_EVERY_MS = 1_000;

/** The last 2 kB of a log. */
export async function tail(file: string, bytes = 2_000): Promise<string> {
  try {
    const handle = await open(file, 'r');
    try {
      const { size } = await handle.stat();
      const length = Math.min(bytes, size);
      const { buffer } = await handle.read(Buffer.alloc(length), 0, length, size - length);
      return buffer.toString('utf8');
    } finally {
      await handle.close();
    }
  } catch {
    return ''; // the log was never opened: nothing to show
  }
}

/** The supervisor that owns a state directory, if it is alive. */
export async function supervisorOf(layout: Layout): Promise<ProcessIdentity | undefined> {
  const record = await readJson<ProcessIdentity>(layout.supervisor);
  return record && isRunning(record) ? record : undefined;
}

/** Takes the state directory; a second sandbox in it, even one that starts at the same moment, is refused with the pid of the first. */
export async function takeOwnership(layout: Layout): Promise<void> {
  await mkdir(layout.run, { recursive: true });
  const claim = `${layout.supervisor}.${process.pid}`;
  await writeAtomic(claim, JSON.stringify(identityOf(process.pid)));
  try {
    while (!(await linked(claim, layout.supervisor))) {
      const other = await supervisorOf(layout);
      if (other?.pid === process.pid) return;
      if (other) {
        throw new PerdureError(
          'Conflict',
          `a sandbox already runs from ${layout.root} (supervisor pid ${other.pid}); stop it with 'perdure down' or choose another directory with --dir`,
        );
      }
      await rm(layout.supervisor, { force: true });
    }
  } finally {
    await rm(claim, { force: true });
  }
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

/** The sandbox's processes as one. */
export interface Supervision {
  /** Starts what does not run, in order, each ready before the next. */
  start(component: Component): Promise<void>;
  /** Starts restarting what dies. */
  watch(): void;
  /** Stops everything, last started first. */
  stop(): Promise<void>;
}

/** Starts, restarts and stops the sandbox's processes. What a killed supervisor left running is stopped first, by verified identity. */
export function supervise(layout: Layout, say: (line: string) => void): Supervision {
  const components: Component[] = [];
  let timer: NodeJS.Timeout | undefined;
  let stopping = false;
  let checking: Promise<void> | undefined;
  const failures = new Map<string, number>();

  const check = async (): Promise<void> => {
    for (const component of components) {
      if (component.restart !== true || (await runningProcess(layout, component.name))) continue;
      if (stopping) return;
      const count = (failures.get(component.name) ?? 0) + 1;
      failures.set(component.name, count);
      say(`${component.name} ended; starting it again (restart ${count})`);
      await startComponent(layout, component);
    }
  };

  return {
    async start(component) {
      components.push(component);
      if (
        component.keep &&
        (await runningProcess(layout, component.name)) &&
        (await component.ready().catch(() => false))
      )
        return;
      await stopComponent(layout, component.name, component.graceMs);
      await startComponent(layout, component);
      await awaitReady(layout, component, START_TIMEOUT_MS, tail);
    },
    watch() {
      timer = setInterval(() => {
        checking ??= check()
          .catch((error: unknown) => say(`supervisor: ${error instanceof Error ? error.message : String(error)}`))
          .finally(() => {
            checking = undefined;
          });
      }, RESTART_EVERY_MS);
    },
    async stop() {
      stopping = true;
      if (timer) clearInterval(timer);
      // a restart under way would outlive the stop
      await checking;
      for (const component of [...components].reverse()) await stopComponent(layout, component.name, component.graceMs);
      await rm(layout.supervisor, { force: true });
    },
  };
}
