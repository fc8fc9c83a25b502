import { spawn } from 'node:child_process';
import { mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PerdureError } from '../../domain/errors.js';
import { MotoAdmin } from './admin.js';
import type { MotoDelays } from './types.js';
import { ensureVenv, PYTHON_DIR } from './venv.js';

const READY_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 5_000;

export interface StartMotoOptions {
  /** State folder of this sandbox: log, pid file. Nothing of the emulated AWS itself is kept. */
  readonly dir: string;
  /** Per-user cache for the Python environment. */
  readonly cacheDir: string;
  /** Port on loopback, default a free one. */
  readonly port?: number;
  readonly delays?: MotoDelays;
  /** Interpreter to build the environment with, default `python3`. */
  readonly python?: string;
  /** `detached` (default) outlives this process; `parent` ends with it, for tests. */
  readonly lifetime?: 'detached' | 'parent';
  readonly log?: (line: string) => void;
  readonly signal?: AbortSignal;
}

/** A running emulated AWS. */
export interface MotoHandle {
  /** Endpoint for every AWS service, for instance `http://127.0.0.1:40123`. */
  readonly endpoint: string;
  readonly port: number;
  readonly pid: number;
  readonly admin: MotoAdmin;
  /** Stops the process; safe to repeat. */
  stop(): Promise<void>;
}

interface PidFile {
  readonly pid: number;
  readonly port: number;
  /** Start time as the kernel tells it, so that a reused pid is never mistaken for ours. */
  readonly started: string;
}

/**
 * Starts the emulated AWS for `dir`, or attaches to the one that already runs there. Installs what it needs on first use.
 * Throws Transient when it does not answer within a minute; nothing is left running then.
 */
export async function startMoto(options: StartMotoOptions): Promise<MotoHandle> {
  const { dir, log = () => {} } = options;
  await mkdir(dir, { recursive: true });
  const running = await readLive(dir);
  if (running && (await answers(running))) return handleFor(dir, running);

  const interpreter = await ensureVenv(options);
  const portFile = join(dir, 'moto.port');
  await rm(portFile, { force: true });
  const pid = await launch(interpreter, portFile, options);
  const started = (await startTime(pid)) ?? '';
  try {
    const port = await readyPort(pid, portFile, options);
    const record: PidFile = { pid, port, started };
    await writeFile(join(dir, 'moto.pid.tmp'), JSON.stringify(record));
    await rename(join(dir, 'moto.pid.tmp'), join(dir, 'moto.pid'));
    log(`emulated AWS answers at http://127.0.0.1:${port}`);
    return handleFor(dir, record);
  } catch (error) {
    await end(pid, started);
    throw error;
  }
}

/** Stops the emulated AWS recorded in `dir`, if it is still the process we started. Absent is success. */
export async function stopMoto(dir: string): Promise<void> {
  const running = await readLive(dir);
  if (running) await end(running.pid, running.started);
  await rm(join(dir, 'moto.pid'), { force: true });
}

export interface MotoCommandOptions {
  /** Python with moto, from `ensureVenv`. */
  readonly interpreter: string;
  readonly cacheDir: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly delays?: MotoDelays;
}

/** Program, arguments and environment of an emulated AWS. */
export function motoCommand({ interpreter, cacheDir, port, delays = {} }: MotoCommandOptions): {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
} {
  return {
    command: interpreter,
    args: ['-m', 'perdure_moto', '--port', String(port), '--delays', JSON.stringify(delays)],
    // The environment is ours alone: a user's AWS_PROFILE or PYTHONPATH must not reach the emulator.
    env: {
      PATH: '/usr/bin:/bin',
      PYTHONPATH: PYTHON_DIR,
      PYTHONPYCACHEPREFIX: join(cacheDir, 'pycache'),
      LANG: 'C.UTF-8',
    },
  };
}

async function launch(interpreter: string, portFile: string, options: StartMotoOptions): Promise<number> {
  const { dir, port = 0, delays = {}, lifetime = 'detached' } = options;
  const { command, args, env } = motoCommand({ interpreter, cacheDir: options.cacheDir, port, delays });
  const own = ['--port-file', portFile, ...(lifetime === 'parent' ? ['--until-stdin-closes'] : [])];
  const logFile = await open(join(dir, 'moto.log'), 'a');
  try {
    const stdin = lifetime === 'parent' ? 'pipe' : 'ignore';
    const child = spawn(command, [...args, ...own], { detached: true, env, stdio: [stdin, logFile.fd, logFile.fd] });
    return await new Promise<number>((resolve, reject) => {
      child.once('error', reject);
      child.once('spawn', () => resolve(child.pid ?? 0));
      child.unref();
      // A pipe would keep this process alive; closing it with us is all it is for.
      (child.stdin as unknown as { unref?: () => void } | null)?.unref?.();
    });
  } finally {
    await logFile.close();
  }
}

async function readyPort(pid: number, portFile: string, options: StartMotoOptions): Promise<number> {
  const deadline = Date.now() + READY_TIMEOUT_MS;
  while (Date.now() < deadline) {
    options.signal?.throwIfAborted();
    const text = await readFile(portFile, 'utf8').catch(() => '');
    if (text) {
      const port = Number(text);
      const identity = await new MotoAdmin(`http://127.0.0.1:${port}`)
        .ready(AbortSignal.timeout(10_000))
        .catch(() => undefined);
      if (identity?.pid === pid) return port;
    }
    if ((await startTime(pid)) === undefined) break;
    await sleep(50);
  }
  const tail = (await readFile(join(options.dir, 'moto.log'), 'utf8').catch(() => '')).slice(-2000);
  throw new PerdureError('Transient', `emulated AWS did not start in ${options.dir}: ${tail.trim() || 'no output'}`);
}

async function answers(record: PidFile): Promise<boolean> {
  const admin = new MotoAdmin(`http://127.0.0.1:${record.port}`);
  return admin.ready(AbortSignal.timeout(5_000)).then(
    (identity) => identity.pid === record.pid,
    () => false,
  );
}

function handleFor(dir: string, { pid, port, started }: PidFile): MotoHandle {
  const endpoint = `http://127.0.0.1:${port}`;
  return {
    endpoint,
    port,
    pid,
    admin: new MotoAdmin(endpoint),
    stop: async () => {
      await end(pid, started);
      await rm(join(dir, 'moto.pid'), { force: true });
    },
  };
}

async function readLive(dir: string): Promise<PidFile | undefined> {
  const text = await readFile(join(dir, 'moto.pid'), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const record = JSON.parse(text) as PidFile;
  return record.started !== '' && (await startTime(record.pid)) === record.started ? record : undefined;
}

/** Field 22 of /proc/<pid>/stat: together with the pid it names one process for as long as the machine is up. */
async function startTime(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields === undefined || fields[0] === 'Z' ? undefined : fields[19];
}

async function end(pid: number, started: string): Promise<void> {
  const deadline = Date.now() + STOP_TIMEOUT_MS;
  let name: NodeJS.Signals = 'SIGTERM';
  while (started !== '' && (await startTime(pid)) === started) {
    try {
      process.kill(-pid, name);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
    if (Date.now() > deadline) name = 'SIGKILL';
    await sleep(20);
  }
}
