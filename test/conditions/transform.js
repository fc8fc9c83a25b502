// Compiles as every test run does, and has the product's functions that make conditions watched (see record.js). A function declaration may be replaced
// from inside its module, and whoever imports it sees the replacement.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import swc from '@swc/jest';

const root = path.resolve(import.meta.dirname, '../..');
const RECORD = path.join(import.meta.dirname, 'record.js');
// Read, not imported: the recorder runs inside of tests only.
const NAMES = [...readFileSync(RECORD, 'utf8').matchAll(/^ {2}(\w+): /gm)].map(([, name]) => name);
const VERSION = createHash('sha256')
  .update(readFileSync(import.meta.filename))
  .update(NAMES.join())
  .digest('hex');

function watch(file, code) {
  if (!file.startsWith(path.join(root, 'src')) || file.endsWith('.test.ts')) return code;
  const found = NAMES.filter((name) => new RegExp(`\\bfunction ${name}\\(`).test(code));
  if (found.length === 0) return code;
  const lines = found.map((name) => `${name} = watchedByTests(${JSON.stringify(name)}, ${name});`);
  return [code, `import { watched as watchedByTests } from ${JSON.stringify(RECORD)};`, ...lines, ''].join('\n');
}

export default {
  createTransformer(options) {
    const compiler = swc.createTransformer(options);
    const wrap = (file, result) => ({ ...result, code: watch(file, result.code) });
    return {
      canInstrument: compiler.canInstrument,
      process: (source, file, rest) => wrap(file, compiler.process(source, file, rest)),
      processAsync: async (source, file, rest) => wrap(file, await compiler.processAsync(source, file, rest)),
      getCacheKey: (source, file, rest) => `${compiler.getCacheKey(source, file, rest)}${VERSION}`,
    };
  },
};
