import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type FailureType, PerdureError } from '../domain/errors.js';
import { type Ports, requirePorts, requireSamePorts } from './endpoints.js';
import { readJson, tail } from './files.js';
import type { Endpoints, Layout } from './layout.js';
import { cleanup } from './machines/index.js';
import { isRunning, kill, until } from './machines/processes.js';
import type { SupervisorInput, SupervisorNews } from './main.js';
import { owned, releaseOwnership, supervisorOf, takeOwnership } from './ownership.js';
import { foreignEntries, sweepSandbox } from './sweep.js';

type Say = (line: string) => void;

const STOP_PATIENCE_MS = 120_000;
const supervisorLog = (layout: Layout): string => path.join(layout.logs, 'supervisor.log');

/**
 * Whether a sandbox can be started from a state directory with these ports: undefined when it can, the endpoints of the one that runs there
 * already. Throws what is in the way, before anything is built or made.
 */
export async function runningSandbox(layout: Layout, ports: Ports): Promise<Endpoints | undefined> {
  if (process.platform !== 'linux')
    throw new PerdureError('InvalidConfiguration', `a sandbox needs Linux, this is ${process.platform}`);
  const supervisor = await supervisorOf(layout);
  if (supervisor) {
    const endpoints = await readJson<Endpoints>(layout.endpoints);
    if (supervisor.phase !== 'running' || !endpoints) throw owned(layout, supervisor);
    requireSamePorts(ports, endpoints);
    return endpoints;
  }
  if (!(await isSandbox(layout))) {
    const [foreign] = await foreignEntries(layout.root).catch((error: NodeJS.ErrnoException) => {
      throw new PerdureError('InvalidConfiguration', `cannot use ${layout.root} as state directory: ${error.message}`);
    });
    if (foreign !== undefined)
      throw new PerdureError(
        'InvalidConfiguration',
        `${layout.root} holds other things (${foreign}) and no sandbox; choose a new or empty directory with --dir`,
      );
  }
  await requirePorts(ports);
  return undefined;
}

/** Starts the supervisor of a state directory in the background and waits until everything serves; repeats its progress lines. */
export async function startSupervisor(layout: Layout, input: SupervisorInput, say: Say): Promise<Endpoints> {
  await mkdir(layout.logs, { recursive: true });
  const log = openSync(supervisorLog(layout), 'a', 0o600);
  const child = spawn(process.execPath, [fileURLToPath(new URL('./main.js', import.meta.url)), layout.root], {
    detached: true,
    stdio: ['ignore', log, log, 'ipc'],
    env: { ...input.env },
  });
  closeSync(log);
  // Whoever interrupts `perdure up` does not want the sandbox; a second time ends `up` itself.
  const interrupt = (): void => {
    say('stopping');
    if (child.pid !== undefined) kill(child.pid, 'SIGTERM');
  };
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  try {
    await outcome(layout, child, input, say);
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
    if (child.connected) child.disconnect();
    child.unref();
  }
  const endpoints = await readJson<Endpoints>(layout.endpoints);
  if (!endpoints) throw new PerdureError('Transient', `${layout.endpoints} has vanished; was the sandbox stopped?`);
  return endpoints;
}

/** Resolves when the sandbox serves, rejects with the reason why it does not. */
function outcome(layout: Layout, child: ChildProcess, input: SupervisorInput, say: Say): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('error', (error) => {
      reject(new PerdureError('Transient', `cannot start the supervisor: ${error.message}`, { cause: error }));
    });
    child.on('message', (message) => {
      const news = message as SupervisorNews;
      if ('line' in news) say(news.line);
      else if ('serves' in news) resolve();
      else {
        const text = news.owned ? news.failed : `the sandbox did not start: ${news.failed}`;
        reject(new PerdureError(news.type as FailureType, text));
      }
    });
    // Comes after the last message. Without an outcome before, the process was killed.
    child.once('disconnect', () => {
      void tail(supervisorLog(layout)).then((text) => {
        reject(new PerdureError('Transient', `the sandbox's supervisor ended while starting; its log ends:\n${text}`));
      });
    });
    child.send(input);
  });
}

/** Stops a sandbox and removes its state; what a killed supervisor left behind too. Nothing there is success, and answers false. */
export async function stopSandbox(
  layout: Layout,
  options: { readonly keep: boolean; readonly say: Say },
): Promise<boolean> {
  await endSupervisor(layout, options.say);
  const present = await isSandbox(layout);
  // Nobody starts it while it is swept.
  if (present) await takeOwnership(layout, 'stopping');
  try {
    await sweepSandbox(layout, cleanup);
    if (!options.keep) await removeState(layout, present);
  } finally {
    if (present) await releaseOwnership(layout);
  }
  return present;
}

async function endSupervisor(layout: Layout, say: Say): Promise<void> {
  const supervisor = await supervisorOf(layout);
  if (!supervisor || supervisor.pid === process.pid) return;
  // One that stops already, or another `perdure down`: it ends by itself.
  if (supervisor.phase !== 'stopping') kill(supervisor.pid, 'SIGTERM');
  if (await until(() => !isRunning(supervisor), STOP_PATIENCE_MS, 100)) return;
  say('the supervisor does not stop; killing it');
  kill(supervisor.pid, 'SIGKILL');
  await until(() => !isRunning(supervisor), 5_000);
}

/** A directory that holds a sandbox goes with all that is in it; any other only when nothing but our names was in it. */
async function removeState({ root }: Layout, whole: boolean): Promise<void> {
  if (!whole && (await foreignEntries(root)).length > 0) return;
  const aside = `${root}.${process.pid}.removed`;
  // In one step, so that a sandbox that is started now does not lose its files one by one.
  const moved = await rename(root, aside).then(
    () => true,
    () => false, // absent, or a mount point
  );
  await rm(moved ? aside : root, { recursive: true, force: true, maxRetries: 3 });
}

/** Whether a sandbox was ever started from the directory. */
async function isSandbox(layout: Layout): Promise<boolean> {
  return [await readJson(layout.supervisor), await readJson(layout.endpoints)].some((file) => file !== undefined);
}
