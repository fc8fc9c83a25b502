// Builds the programs and the machine root tree ahead of time: node dist/sandbox/tools/main.js all | machine-tree | <name>…
import { cacheDir, childEnvironment } from '../../config/config.js';
import { isToolName, TOOL_NAMES, type ToolName } from './catalog.js';
import { elapsed, type ToolContext } from './context.js';
import { ensureTool } from './ensure.js';
import { ensureMachineTree } from './machine-tree.js';

const MACHINE_TREE = 'machine-tree';
const USAGE = `usage: main.js all | ${MACHINE_TREE} | <name>…\nnames: ${TOOL_NAMES.join(', ')}`;

type Target = ToolName | typeof MACHINE_TREE;

/** What the words of the command line ask for; undefined when one of them means nothing. */
function parseTargets(words: readonly string[]): Target[] | undefined {
  const targets = words.flatMap((word): (Target | undefined)[] => {
    if (word === 'all') return [...TOOL_NAMES, MACHINE_TREE];
    return [word === MACHINE_TREE || isToolName(word) ? word : undefined];
  });
  const known = targets.filter((target) => target !== undefined);
  return known.length > 0 && known.length === targets.length ? [...new Set(known)] : undefined;
}

async function main(): Promise<number> {
  const targets = parseTargets(process.argv.slice(2));
  if (!targets) {
    console.error(USAGE);
    return 2;
  }
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => stop.abort(new Error(`stopped by ${signal}`)));
  const ctx: ToolContext = {
    cacheDir: cacheDir(),
    env: childEnvironment(),
    progress: (line) => console.error(line),
    signal: stop.signal,
  };
  const width = Math.max(...targets.map((target) => target.length));
  for (const target of targets) {
    const started = performance.now();
    const path = target === MACHINE_TREE ? await ensureMachineTree(ctx) : await ensureTool(target, ctx);
    console.log(`${target.padEnd(width)}  ${path}  ${elapsed(performance.now() - started)}`);
  }
  return 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
