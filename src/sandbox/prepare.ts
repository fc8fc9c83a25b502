import type { Environment } from '../config/environment.js';
import { PerdureError } from '../domain/errors.js';
import { checkHost } from './machines/index.js';
import { ensureVenv } from './moto/index.js';
import { ensureHostPackages, ensureMachineTree, ensureTools, hostPackages, type ToolName } from './tools/index.js';

/** Everything a sandbox needs from outside its state directory, built or installed once per user. */
export interface Prepared {
  readonly tools: Readonly<Record<string, string>>;
  readonly machineTree?: string;
}

export interface PrepareOptions {
  readonly cacheDir: string;
  readonly stateDir: string;
  readonly env: Environment;
  /** False: instances without machines, which needs neither root nor system packages. */
  readonly machines: boolean;
  readonly say: (line: string) => void;
}

const SANDBOX_TOOLS = [
  'temporal-dev',
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kubectl',
] as const satisfies readonly ToolName[];

/** Installs and builds what is missing, saying each long step before it starts. Everything is kept in the per-user cache. */
export async function prepare(options: PrepareOptions): Promise<Prepared> {
  const { cacheDir, env, say } = options;
  const ctx = { cacheDir, env, progress: say };
  if (options.machines) {
    // Without root nothing can be installed: the whole list of what is missing is of more use then.
    if (process.getuid?.() !== 0) requireHost(options.stateDir);
    await ensureHostPackages(ctx, hostPackages);
    requireHost(options.stateDir);
  }
  const tools = await ensureTools(SANDBOX_TOOLS, ctx);
  await ensureVenv({ cacheDir, log: say });
  if (!options.machines) return { tools };
  return { tools, machineTree: await ensureMachineTree(ctx) };
}

function requireHost(stateDir: string): void {
  const problems = checkHost(stateDir, undefined);
  if (problems.length === 0) return;
  const list = problems.map((p) => `  - ${p.problem}: ${p.remedy}`).join('\n');
  throw new PerdureError('InvalidConfiguration', `machines cannot run here:\n${list}`);
}
