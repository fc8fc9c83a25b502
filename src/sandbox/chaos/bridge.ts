import { runBridgeProcess } from '../../bridge/process.js';
import { signalBoundary } from './signal-boundary.js';

// The usual bridge process, made to die at chosen boundaries. Only the chaos test starts it: bridge.js CHAOS-DIR.
const dir = process.argv[2];
if (!dir) throw new Error('usage: bridge.js CHAOS-DIR');
runBridgeProcess({ wrapPort: (port) => signalBoundary(dir, port) }).catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(1);
});
