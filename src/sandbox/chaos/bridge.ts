import { runBridgeProcess } from '../../bridge/process.js';
import { signalBoundary } from './signal-boundary.js';

// The usual bridge process, made to die at chosen boundaries. Only the chaos test starts it: bridge.js CHAOS-DIR.
const dir = process.argv[2];
if (!dir) throw new Error('usage: bridge.js CHAOS-DIR');
// A killed leader's lease runs out soon, since leaders are killed all the time here.
const tuning = { leaseDurationMs: 5_000, renewDeadlineMs: 4_000, retryPeriodMs: 500 };
runBridgeProcess({ wrapPort: (port) => signalBoundary(dir, port), tuning }).catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(1);
});
