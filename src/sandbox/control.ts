import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { mkdir, open, rm } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { PerdureError } from '../domain/errors.js';
import { runningProcess } from './component.js';
import { readJson, writeAtomic } from './files.js';
import type { Endpoints, Layout } from './layout.js';
import { cleanup, readMachineStatus } from './machines/index.js';
import { isRunning, kill, until } from './machines/processes.js';
import { inputFile, type Outcome, outcomeFile, type SupervisorInput } from './main.js';
import { COMPONENTS, sweepSandbox } from './sandbox.js';
import { supervisorOf, tail } from './supervisor.js';

const logOf = (layout: Layout): string => path.join(layout.logs, 'supervisor.log');

/** Starts the supervisor of a state directory in the background and waits until everything serves; repeats its progress lines. */
export async function startSupervisor(
  layout: Layout,
  input: SupervisorInput,
  say: (line: string) => void,
): Promise<Endpoints> {
  await mkdir(layout.logs, { recursive: true });
  const running = await supervisorOf(layout);
  if (running) {
    const endpoints = await readJson<Endpoints>(layout.endpoints);
    if (endpoints && (await readJson<Outcome>(outcomeFile(layout.root)))?.ok) {
      say(`a sandbox already runs from ${layout.root}`);
      return endpoints;
    }
    throw new PerdureError(
      'Conflict',
      `a sandbox is being started from ${layout.root} (supervisor pid ${running.pid}); wait for it or stop it with 'perdure down'`,
    );
  }
  await rm(outcomeFile(layout.root), { force: true });
  await writeAtomic(inputFile(layout.root), JSON.stringify(input));
  await rm(logOf(layout), { force: true });
  const log = openSync(logOf(layout), 'a', 0o600);
  const child = spawn(process.execPath, [fileURLToPath(new URL('./main.js', import.meta.url)), layout.root], {
    detached: true,
    stdio: ['ignore', log, log],
    env: { ...input.env },
  });
  closeSync(log);
  child.unref();
  let ended = false;
  child.once('exit', () => {
    ended = true;
  });
  const follow = await follower(logOf(layout), say);
  for (;;) {
    await follow();
    const outcome = await readJson<Outcome>(outcomeFile(layout.root));
    if (outcome?.ok) {
      const endpoints = await readJson<Endpoints>(layout.endpoints);
      if (endpoints) return endpoints;
    }
    if (outcome && !outcome.ok) throw new PerdureError('Transient', `the sandbox did not start: ${outcome.message}`);
    if (ended)
      throw new PerdureError(
        'Transient',
        `the sandbox's supervisor ended while starting; its log ends:\n${await tail(logOf(layout))}`,
      );
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Passes on the lines a growing file has gained since the last call. */
async function follower(file: string, say: (line: string) => void): Promise<() => Promise<void>> {
  let offset = 0;
  return async () => {
    const handle = await open(file, 'r');
    try {
      const { size } = await handle.stat();
      if (size <= offset) return;
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(size - offset), 0, size - offset, offset);
      const text = buffer.subarray(0, bytesRead).toString('utf8');
      const complete = text.lastIndexOf('\n') + 1;
      offset += Buffer.byteLength(text.slice(0, complete));
      for (const line of text.slice(0, complete).split('\n')) if (line !== '') say(line);
    } finally {
      await handle.close();
    }
  };
}

/** Stops a sandbox and removes its state; what a killed supervisor left behind too. Nothing running is success. */
export async function stopSandbox(
  layout: Layout,
  options: { readonly keep: boolean; readonly say: (line: string) => void },
): Promise<void> {
  const supervisor = await supervisorOf(layout);
  if (supervisor) {
    kill(supervisor.pid, 'SIGTERM');
    if (!(await until(() => !isRunning(supervisor), 90_000, 100))) {
      options.say('the supervisor does not stop; killing it');
      kill(supervisor.pid, 'SIGKILL');
      await until(() => !isRunning(supervisor), 5_000);
    }
  }
  await sweepSandbox(layout, async (dir) => {
    await cleanup(dir);
  });
  await rm(layout.supervisor, { force: true });
  if (!options.keep) await rm(layout.root, { recursive: true, force: true });
}

export interface SandboxStatus {
  readonly running: boolean;
  readonly supervisorPid?: number;
  readonly endpoints?: Endpoints;
  readonly components: readonly { readonly name: string; readonly pid?: number }[];
  readonly machines: readonly {
    readonly name: string;
    readonly ip: string;
    readonly phase: string;
    readonly console: string;
  }[];
}

/** What runs of a sandbox, read from disk and the kernel. */
export async function sandboxStatus(layout: Layout): Promise<SandboxStatus> {
  const supervisor = await supervisorOf(layout);
  const endpoints = await readJson<Endpoints>(layout.endpoints);
  const components = await Promise.all(
    COMPONENTS.map(async (name) => {
      const found = await runningProcess(layout, name);
      return { name, ...(found ? { pid: found.pid } : {}) };
    }),
  );
  const { machines } = readMachineStatus(layout.machines);
  return {
    running: supervisor !== undefined,
    ...(supervisor ? { supervisorPid: supervisor.pid } : {}),
    ...(endpoints ? { endpoints } : {}),
    components,
    machines: machines.map((m) => ({ name: m.name, ip: m.ip, phase: m.phase, console: m.console })),
  };
}
