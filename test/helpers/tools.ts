import { cacheDir, childEnvironment } from '../../src/config/config.js';
import { ensureTool, type ToolName } from '../../src/sandbox/tools/index.js';

/** Absolute path of a tool such as `etcd`, the same that the sandbox uses; the first call on a machine may build it. */
export async function toolPath(name: ToolName): Promise<string> {
  return ensureTool(name, { cacheDir: cacheDir(), env: childEnvironment() });
}
