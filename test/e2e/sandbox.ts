import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { cacheDir, childEnvironment } from '../../src/config/config.js';
import { type KubeClient, kubeFromKubeconfigFile } from '../../src/kube/client.js';
import { type Endpoints, type Layout, layoutOf } from '../../src/sandbox/layout.js';
import { MotoAdmin } from '../../src/sandbox/moto/index.js';
import { ensureTool } from '../../src/sandbox/tools/index.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const CLI = path.join(ROOT, 'dist/cli/main.js');

/** A sandbox of its own for one test file, started and stopped by the command that users run. */
export interface TestSandbox {
  readonly layout: Layout;
  readonly endpoints: Endpoints;
  readonly kubectl: string;
  readonly kube: KubeClient;
  readonly temporal: Client;
  readonly cloud: MotoAdmin;
  /** Stops everything; the directory stays when `keep`, for its logs. */
  stop(keep?: boolean): Promise<void>;
}

export interface TestSandboxOptions {
  readonly machines: 'native' | 'none';
  /** How long the emulated cloud takes for state changes, milliseconds. */
  readonly cloudDelay: number;
  /** Features of Perdure, `Name=true`. */
  readonly features?: string;
  readonly say?: (line: string) => void;
}

function run(command: string, args: readonly string[], say: (line: string) => void): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      command,
      [...args],
      { cwd: ROOT, maxBuffer: 16 << 20, env: childEnvironment() },
      (error, stdout, stderr) => {
        if (error)
          reject(
            new Error(`${path.basename(command)} ${args.join(' ')} failed: ${stderr.slice(-4_000) || error.message}`),
          );
        else resolve(stdout);
      },
    );
    child.stderr?.on('data', (text: Buffer) => say(text.toString().trimEnd()));
  });
}

/** Builds the package as it is now and runs `perdure up` in a new directory. What was started is stopped when the start fails. */
export async function startTestSandbox(options: TestSandboxOptions): Promise<TestSandbox> {
  const say = options.say ?? ((): void => undefined);
  const kubectl = await ensureTool('kubectl', { cacheDir: cacheDir(), env: childEnvironment(), progress: say });
  await run('npm', ['run', '-s', 'build'], say);
  const layout = layoutOf(await mkdtemp(path.join(tmpdir(), 'perdure-e2e-')));
  const down = (keep: boolean): Promise<string> =>
    run(process.execPath, [CLI, 'down', '--dir', layout.root, ...(keep ? ['--keep'] : [])], say);
  try {
    const flags = [
      '--dir',
      layout.root,
      '--machines',
      options.machines,
      '--cloud-delay',
      String(options.cloudDelay),
      ...(options.features ? ['--features', options.features] : []),
      '-o',
      'json',
    ];
    const endpoints = JSON.parse(await run(process.execPath, [CLI, 'up', ...flags], say)) as Endpoints;
    const kube = kubeFromKubeconfigFile(layout.kubeconfig);
    const connection = await Connection.connect({ address: endpoints.temporal, connectTimeout: '30s' });
    return {
      layout,
      endpoints,
      kubectl,
      kube,
      temporal: new Client({ connection }),
      cloud: new MotoAdmin(endpoints.aws),
      async stop(keep = false) {
        await kube.close();
        await connection.close();
        await down(keep);
      },
    };
  } catch (error) {
    await down(true);
    throw error;
  }
}

/** Removes what a kept sandbox left. */
export const forget = (layout: Layout): Promise<void> => rm(layout.root, { recursive: true, force: true });

/** Looks again and again, every quarter of a second unless told otherwise, until `look` answers a value. The test's own time-out ends it; `last` tells what was seen then. */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined>,
  options: { readonly seconds?: number; readonly everyMs?: number; readonly last?: () => string } = {},
): Promise<T> {
  const end = Date.now() + (options.seconds ?? 120) * 1_000;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > end)
      throw new Error(`${what}: not seen within ${options.seconds ?? 120} s; last: ${options.last?.() ?? ''}`);
    await delay(options.everyMs ?? 250);
  }
}
