// Records the golden histories anew: lives every operation in sandboxes and keeps one history per workflow type and outcome. Needs root, for machines.
import { runTypeScript, url } from './from-dist.js';

runTypeScript();
const { main } = await import(url('test/replay/record.ts'));
process.exit(await main(process.argv.slice(2)));
