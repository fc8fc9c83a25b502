import { spawn } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { access, mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PerdureError } from '../../domain/errors.js';

/** Folder of the Python side, beside this module in the source tree and in the build. */
export const PYTHON_DIR = fileURLToPath(new URL('./python/', import.meta.url));

const OLDEST_PYTHON = [3, 11] as const;

export interface VenvOptions {
  /** Per-user cache; the environment lands in a folder named by the hash of the pinned requirements. */
  readonly cacheDir: string;
  /** Interpreter to build with, default `python3`. */
  readonly python?: string;
  readonly log?: (line: string) => void;
  readonly signal?: AbortSignal;
}

/**
 * Path of a Python interpreter that has the pinned requirements, built on first use (about a minute) and shared by all sandboxes.
 * Safe to race and to kill: it is built in a folder of its own and renamed into place. Throws InvalidConfiguration when Python is
 * missing or too old, Transient when the packages cannot be installed.
 */
export async function ensureVenv(options: VenvOptions): Promise<string> {
  const { cacheDir, python = 'python3', log = () => {}, signal } = options;
  const requirements = join(PYTHON_DIR, 'requirements.txt');
  const version = await pythonVersion(python, signal);
  const hash = createHash('sha256')
    .update(await readFile(requirements))
    .update(version)
    .digest('hex')
    .slice(0, 12);
  const target = join(cacheDir, `moto-${hash}`);
  const interpreter = join(target, 'bin', 'python');
  if (await exists(interpreter)) return interpreter;

  await mkdir(cacheDir, { recursive: true });
  const building = join(cacheDir, `.moto-${hash}-${randomUUID()}`);
  try {
    log(`installing the emulated AWS (moto) for Python ${version} into ${target}`);
    await run(python, ['-m', 'venv', building], signal);
    const install = [
      '-m',
      'pip',
      'install',
      '--quiet',
      '--disable-pip-version-check',
      '--no-input',
      '-r',
      requirements,
    ];
    await run(join(building, 'bin', 'python'), install, signal);
    await rename(building, target);
    log('the emulated AWS is installed');
  } catch (error) {
    await rm(building, { recursive: true, force: true });
    // Another process may have put the same environment in place meanwhile: rename then refuses, and theirs is as good.
    if (!(await exists(interpreter))) throw error;
  }
  return interpreter;
}

async function pythonVersion(python: string, signal?: AbortSignal): Promise<string> {
  const version = (await run(python, ['-c', 'import sys; print("%d.%d.%d" % sys.version_info[:3])'], signal)).trim();
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major !== OLDEST_PYTHON[0] || minor < OLDEST_PYTHON[1]) {
    throw new PerdureError(
      'InvalidConfiguration',
      `the emulated AWS needs Python ${OLDEST_PYTHON.join('.')} or newer, '${python}' is ${version}: put a newer one first on PATH`,
    );
  }
  return version;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

function run(command: string, args: readonly string[], signal?: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...(signal ? { signal } : {}) });
    let output = '';
    let trouble = '';
    child.stdout.on('data', (data: Buffer) => {
      output += data.toString();
    });
    child.stderr.on('data', (data: Buffer) => {
      trouble = (trouble + data.toString()).slice(-4000);
    });
    child.on('error', (error: NodeJS.ErrnoException) => {
      const missing = error.code === 'ENOENT';
      const message = missing
        ? `cannot find '${command}': install Python ${OLDEST_PYTHON.join('.')} or newer with venv, and put it on PATH`
        : error.message;
      reject(new PerdureError(missing ? 'InvalidConfiguration' : 'Transient', message, { cause: error }));
    });
    child.on('close', (code) => {
      if (code === 0) resolve(output);
      else
        reject(
          new PerdureError(
            'Transient',
            `'${command} ${args.slice(0, 3).join(' ')}' ended with ${code}: ${trouble.trim()}`,
          ),
        );
    });
  });
}
