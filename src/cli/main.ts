#!/usr/bin/env node
import { Command } from 'commander';
import { registerClusterCommands } from './commands/cluster.js';
import { registerDemo } from './commands/demo.js';
import { registerDescribe } from './commands/describe.js';
import { registerInit } from './commands/init.js';
import { registerOperations } from './commands/operations.js';
import { registerSandboxCommands } from './commands/sandbox.js';
import { EXIT } from './lib/output.js';

const program = new Command('perdure')
  .description('Cluster API on durable workflows')
  .option('-n, --namespace <namespace>', 'namespace of the objects')
  .option('--kubeconfig <file>', 'kubeconfig of the management cluster')
  .option('--context <context>', 'context in it')
  .option('--temporal-address <host:port>', "Temporal's frontend")
  .option('--temporal-namespace <namespace>', 'namespace in Temporal')
  .option('--dir <dir>', 'state directory of the sandbox')
  .option('-o, --output <format>', 'text or json', 'text')
  .exitOverride((error) => {
    process.exit(
      error.code === 'commander.helpDisplayed' || error.code === 'commander.version' || error.code === 'commander.help'
        ? EXIT.ok
        : EXIT.usage,
    );
  });

registerSandboxCommands(program);
registerInit(program);
registerClusterCommands(program);
registerDescribe(program);
registerOperations(program);
registerDemo(program);

await program.parseAsync();
