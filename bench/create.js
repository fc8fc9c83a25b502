// How long a cluster takes to come up, what it costs, and what it costs to have. See docs/book/benchmarks.md.
import { runTypeScript, url } from '../scripts/from-dist.js';

runTypeScript();
const { main } = await import(url('bench/create.ts'));
process.exit(await main(process.argv.slice(2)));
