import type { ToolSpec } from './catalog.js';
import type { Environment } from './context.js';
import { findOnPath, run } from './run.js';

const PROBE_MS = 10_000;

/** Path of `name` on PATH if it says that it is exactly the wanted version, else undefined. Never fails: a program that cannot be asked is not used. */
export async function findRightVersion(name: string, spec: ToolSpec, env: Environment): Promise<string | undefined> {
  const { probe } = spec;
  if (!probe) return undefined;
  const path = await findOnPath(name, env);
  if (path === undefined) return undefined;
  try {
    const said = await run(path, probe.args, { env, timeoutMs: PROBE_MS });
    return probe.pattern.exec(said)?.[1] === spec.version ? path : undefined;
  } catch {
    return undefined; // Broken or not what its name says: one is built instead.
  }
}
