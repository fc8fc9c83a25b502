// The chaos test: builds, then runs test/chaos against the built code. Arguments are its own; see --help.
import { registerHooks } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { root, run } from './lib.js';

const url = (...parts) => pathToFileURL(path.join(root, ...parts)).href;
// test/chaos is TypeScript that node reads as it is; what it imports from src comes from dist, where the processes it starts come from too.
registerHooks({
  resolve(specifier, context, next) {
    if (!specifier.startsWith('.') || !context.parentURL?.startsWith(url('test/'))) return next(specifier, context);
    const target = new URL(specifier, context.parentURL).href;
    if (target.startsWith(url('src/'))) return next(target.replace(url('src/'), url('dist/')), context);
    return next(target.startsWith(url('test/')) ? target.replace(/\.js$/, '.ts') : target, context);
  },
});

if (!process.argv.includes('--no-build')) {
  const code = await run('npm', ['run', '-s', 'build']);
  if (code !== 0) process.exit(code);
}
const { main } = await import(url('test/chaos/main.ts'));
// What still waits for something when the test was interrupted must not keep the process.
process.exit(await main(process.argv.slice(2).filter((a) => a !== '--no-build')));
