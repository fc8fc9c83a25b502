import { readFileSync } from 'node:fs';
import { Command, type CommanderError, Option } from 'commander';
import { registerAws } from './commands/aws.js';
import { registerClusterCommands } from './commands/cluster.js';
import { registerDemo } from './commands/demo.js';
import { registerDescribe } from './commands/describe.js';
import { registerGc } from './commands/gc.js';
import { registerGenerate } from './commands/generate.js';
import { registerInit } from './commands/init.js';
import { registerOperations } from './commands/operations.js';
import { registerPlan } from './commands/plan.js';
import { registerSandboxCommands } from './commands/sandbox.js';
import { EXIT } from './lib/output.js';

/** Commander's codes for ends that are no mistakes. */
const FINE: ReadonlySet<string> = new Set(['commander.helpDisplayed', 'commander.version', 'commander.help']);

/** Exit code for what commander ends with: help and version are no mistakes, everything else is wrong use. */
export const exitCode = ({ code }: Pick<CommanderError, 'code'>): number => (FINE.has(code) ? EXIT.ok : EXIT.usage);

function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

/** The command line of `perdure`. Wrong use ends the process with code 2. */
export function createProgram(): Command {
  const program = new Command('perdure')
    .description('Cluster API on durable workflows')
    .version(version(), '--version', 'print the version')
    .option('-n, --namespace <namespace>', 'namespace of the objects')
    .option('--kubeconfig <file>', 'kubeconfig of the management cluster')
    .option('--context <context>', 'context in it')
    .option('--temporal-address <host:port>', "Temporal's frontend")
    .option('--temporal-namespace <namespace>', 'namespace in Temporal')
    .option('--dir <dir>', 'state directory of the sandbox')
    .addOption(new Option('-o, --output <format>', 'form of the output').choices(['text', 'json']).default('text'))
    .exitOverride((error) => process.exit(exitCode(error)));
  registerSandboxCommands(program);
  registerInit(program);
  registerGenerate(program);
  registerClusterCommands(program);
  registerDescribe(program);
  registerPlan(program);
  registerGc(program);
  registerAws(program);
  registerOperations(program);
  registerDemo(program);
  return program;
}
