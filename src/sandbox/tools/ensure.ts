import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { cacheKey, hostTarget, MODULES_DIR, moduleDir } from './cache-key.js';
import { type KubernetesVersion, linkerFlags, type ToolName, type ToolSpec, toolSpec } from './catalog.js';
import { type ToolContext, withProgress } from './context.js';
import { goEnvironment, requireGo } from './go.js';
import { withLock } from './lock.js';
import { findRightVersion } from './path-tools.js';
import { isExecutable, run } from './run.js';

export interface EnsureOptions {
  /** False to use only programs built here: static ones that run in any root tree. Default true. */
  readonly allowPath?: boolean;
  /** Version of Kubernetes' programs; the default one when absent. */
  readonly kubernetes?: KubernetesVersion;
  /** Directory of the Go modules, for tests. */
  readonly modulesDir?: string;
}

const UNFINISHED = '.building-';

/**
 * Absolute path of a tool: one of exactly the right version on PATH, else from the cache, else built from its Go module into the cache. Safe to call
 * from several processes at once and to be killed: a program appears in the cache by a rename when it is complete. Fails with
 * `InvalidConfiguration` when Go is missing, with `Transient` and the compiler's output when the build fails.
 */
export async function ensureTool(name: ToolName, ctx: ToolContext, options: EnsureOptions = {}): Promise<string> {
  const spec = toolSpec(name, options.kubernetes);
  const dir = join(ctx.cacheDir, 'tools', await cacheKey(spec, hostTarget(), options.modulesDir ?? MODULES_DIR));
  const target = join(dir, name);
  // The cache comes first: asking a program on PATH for its version takes longer than the whole answer.
  if (await isExecutable(target)) return target;
  const onPath = options.allowPath === false ? undefined : await findRightVersion(name, spec, ctx.env);
  if (onPath !== undefined) return onPath;
  await withLock(
    `${dir}.lock`,
    async () => {
      if (!(await isExecutable(target))) await build(name, spec, target, dir, ctx, options.modulesDir ?? MODULES_DIR);
    },
    {
      signal: ctx.signal,
      onWait: ({ pid }) => ctx.progress?.(`${name}: waiting for process ${pid}, which builds ${spec.family} already`),
    },
  );
  return target;
}

/** `ensureTool` for several names, one after the other since each build uses all processors. */
export async function ensureTools<N extends ToolName>(
  names: readonly N[],
  ctx: ToolContext,
  options: EnsureOptions = {},
): Promise<Record<N, string>> {
  const paths: Partial<Record<N, string>> = {};
  for (const name of names) paths[name] = await ensureTool(name, ctx, options);
  return paths as Record<N, string>;
}

async function build(
  name: ToolName,
  spec: ToolSpec,
  target: string,
  dir: string,
  ctx: ToolContext,
  modules: string,
): Promise<void> {
  const cwd = moduleDir(spec.family, modules);
  const go = await requireGo(cwd, ctx);
  await mkdir(dir, { recursive: true });
  await removeUnfinished(dir);
  const draft = join(dir, `${UNFINISHED}${name}-${process.pid}`);
  const cores = availableParallelism();
  const what = `building ${name} ${spec.version} (about ${spec.minutes} min on 2 cores the first time, ${cores} here)`;
  await withProgress(ctx, what, async () => {
    const args = ['build', '-trimpath', '-ldflags', linkerFlags(spec), '-o', draft, spec.package];
    // Low priority: whatever else the person does on this machine comes first.
    await run('nice', [go, ...args], { env: goEnvironment(ctx), cwd, signal: ctx.signal });
    await rename(draft, target);
  });
}

/** What a killed build left behind. The lock is held, so nobody writes to it. */
async function removeUnfinished(dir: string): Promise<void> {
  for (const entry of await readdir(dir)) {
    if (entry.startsWith(UNFINISHED)) await rm(join(dir, entry), { force: true });
  }
}
