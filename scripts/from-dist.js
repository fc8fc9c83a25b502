// Lets node run TypeScript of test/ and bench/ as it is; what it imports from src comes from dist, where the processes it starts come from too.
import { registerHooks } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from './lib.js';

/** The URL of a file of this package. */
export const url = (...parts) => pathToFileURL(path.join(root, ...parts)).href;

const isOurs = (href) => href.startsWith(url('test/')) || href.startsWith(url('bench/'));

/** Installs the hook; imports that follow obey it. */
export function runTypeScript() {
  registerHooks({
    resolve(specifier, context, next) {
      if (!specifier.startsWith('.') || !isOurs(context.parentURL ?? '')) return next(specifier, context);
      const target = new URL(specifier, context.parentURL).href;
      if (target.startsWith(url('src/'))) return next(target.replace(url('src/'), url('dist/')), context);
      return next(isOurs(target) ? target.replace(/\.js$/, '.ts') : target, context);
    },
  });
}
