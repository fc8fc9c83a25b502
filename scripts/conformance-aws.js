// Templates of Cluster API's AWS provider against Perdure. Arguments are its own; see --help.
import { runTypeScript, url } from './from-dist.js';

runTypeScript();
const { main } = await import(url('test/conformance/aws/main.ts'));
process.exit(await main(process.argv.slice(2)));
