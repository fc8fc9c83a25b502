import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { PerdureError } from '../domain/errors.js';
import { readJson, tail, writeAtomic } from './files.js';
import type { Layout } from './layout.js';
import { identityOf, isRunning, kill, type ProcessIdentity, until } from './machines/processes.js';
import { markEnvironment } from './mark.js';

/** One process of the sandbox. */
export interface Component {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Resolves true once it serves; called again and again until then. */
  ready(): Promise<boolean>;
  /** SIGTERM patience before SIGKILL, milliseconds. */
  readonly graceMs?: number;
  /** A running one is kept when the sandbox starts again: what it holds would be lost with it. */
  readonly keep?: boolean;
  /** What is lost when it ends, as the subject of a sentence with a plural verb. */
  readonly holds?: string;
  /** Makes a served part usable, after each start and when it was kept; idempotent. */
  furnish?(): Promise<void>;
  /** Kept running by the supervisor; false for parts that end by themselves. */
  readonly restart?: boolean;
}

interface Record_ {
  readonly identity: ProcessIdentity;
  readonly command: string;
}

const pidFile = (layout: Layout, name: string): string => path.join(layout.run, `${name}.json`);
/** Where a component's output goes. */
export const logFile = (layout: Layout, name: string): string => path.join(layout.logs, `${name}.log`);

/** The recorded process of a component, if that very process still runs. */
export async function runningProcess(layout: Layout, name: string): Promise<ProcessIdentity | undefined> {
  const record = await readJson<Record_>(pidFile(layout, name));
  return record && isRunning(record.identity) ? record.identity : undefined;
}

/** Names of all components a sandbox has a record of, running or not. */
export async function recordedComponents(layout: Layout): Promise<string[]> {
  const files = await readdir(layout.run).catch(() => []); // no directory: nothing was ever started
  return files.filter((f) => f.endsWith('.json')).map((f) => f.slice(0, -'.json'.length));
}

/** Starts a component in its own process group, its output in its log. The pid is on disk before anyone relies on it. */
export async function startComponent(layout: Layout, component: Component): Promise<ProcessIdentity> {
  await mkdir(layout.logs, { recursive: true });
  const log = openSync(logFile(layout, component.name), 'a', 0o600);
  try {
    const child = spawn(component.command, [...component.args], {
      cwd: layout.root,
      env: { ...component.env, ...markEnvironment({ root: layout.root, component: component.name }) },
      stdio: ['ignore', log, log],
      detached: true,
    });
    const failed = new Promise<never>((_, reject) => {
      child.once('error', (error) =>
        reject(
          new PerdureError(
            'InvalidConfiguration',
            `${component.name}: cannot run ${component.command}: ${error.message}`,
          ),
        ),
      );
    });
    const started = new Promise<number>((resolve) => {
      child.once('spawn', () => resolve(child.pid ?? 0));
    });
    const pid = await Promise.race([started, failed]);
    child.unref();
    const identity = identityOf(pid) ?? { pid, startTime: '', bootId: '' };
    await writeAtomic(
      pidFile(layout, component.name),
      JSON.stringify({ identity, command: component.command } satisfies Record_),
    );
    return identity;
  } finally {
    closeSync(log);
  }
}

/** Waits until the component serves; fails early, with the end of its log, when it died. Ends when `signal` aborts. */
export async function awaitReady(
  layout: Layout,
  component: Component,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<void> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    signal.throwIfAborted();
    const served = await component.ready().catch(() => false);
    const alive = await runningProcess(layout, component.name);
    // What answers may be another process than the one that was started.
    if (served && alive) return;
    if (!alive || Date.now() > end) {
      const why = alive ? `is not ready after ${Math.round(timeoutMs / 1000)} s` : 'ended while starting';
      throw new PerdureError(
        'Transient',
        `${component.name} ${why}; its log ends:\n${await tail(logFile(layout, component.name))}`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Stops the recorded process of a component with its group: SIGTERM, patience, SIGKILL. Not running is success. */
export async function stopComponent(layout: Layout, name: string, graceMs = 10_000): Promise<void> {
  const identity = await runningProcess(layout, name);
  if (identity) {
    kill(identity.pid, 'SIGTERM');
    if (!(await until(() => !isRunning(identity), graceMs))) kill(-identity.pid, 'SIGKILL');
    if (!(await until(() => !isRunning(identity), 5_000)))
      throw new PerdureError('Transient', `${name} (process ${identity.pid}) does not end, even when it is killed`);
  }
  await rm(pidFile(layout, name), { force: true });
}
