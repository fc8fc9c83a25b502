import { runWorkerProcess } from '../../workers/process.js';
import { activityBoundary } from './activity-boundary.js';
import { watchEffects } from './effects.js';

// The usual worker process, made to die at chosen boundaries. Only the chaos test starts it: workers.js CHAOS-DIR.
const dir = process.argv[2];
if (!dir) throw new Error('usage: workers.js CHAOS-DIR');
watchEffects(dir);
runWorkerProcess({ activityInterceptors: [activityBoundary(dir)] }).catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(1);
});
