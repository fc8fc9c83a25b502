// What a thousand machines in one MachineDeployment cost. See docs/book/benchmarks.md.
import { runTypeScript, url } from '../scripts/from-dist.js';

runTypeScript();
const { main } = await import(url('bench/scale.ts'));
process.exit(await main(process.argv.slice(2)));
