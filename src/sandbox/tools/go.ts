import { PerdureError } from '../../domain/errors.js';
import type { ToolContext } from './context.js';
import { findOnPath, run } from './run.js';

const NEEDED = '1.26';
const REMEDY =
  `install Go ${NEEDED} or later from https://go.dev/dl/ and put its bin directory on PATH ` +
  '(Go 1.21 or later fetches the needed toolchain by itself unless GOTOOLCHAIN=local is set)';

/** Environment for building in a module: static, with exactly the module versions that are written down. */
export function goEnvironment(ctx: ToolContext): Record<string, string | undefined> {
  return { ...ctx.env, CGO_ENABLED: '0', GOWORK: 'off', GOFLAGS: '-mod=readonly -buildvcs=false' };
}

/** Path of a Go command that can build the module in `dir`. Fails with `InvalidConfiguration` and says how to install Go when there is none. */
export async function requireGo(dir: string, ctx: ToolContext): Promise<string> {
  const go = await findOnPath('go', ctx.env);
  if (go === undefined) throw new PerdureError('InvalidConfiguration', `no Go compiler found on PATH: ${REMEDY}`);
  try {
    // Inside the module this switches to the toolchain it asks for, and fails when that cannot be had.
    await run(go, ['env', 'GOVERSION'], { env: goEnvironment(ctx), cwd: dir, signal: ctx.signal });
    return go;
  } catch (cause) {
    ctx.signal?.throwIfAborted();
    throw new PerdureError(
      'InvalidConfiguration',
      `Go at ${go} cannot build ${dir}: ${(cause as Error).message}; ${REMEDY}`,
      { cause },
    );
  }
}
