import { runBridgeProcess } from './process.js';

// Exits 1 when it ends by a bug, so that the process manager starts it anew.
runBridgeProcess().catch((error: unknown) => {
  process.stderr.write(`perdure bridge: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
