// Types, lint, format, import graph, generated files. Fails with the names of what failed.

import path from 'node:path';
import { bin, root, run, steps } from './lib.js';

export const checks = [
  ['types', () => run(bin('tsc'), ['--noEmit'])],
  ['format and lint (biome)', () => run(bin('biome'), ['ci', '.'])],
  ['lint (oxlint)', () => run(bin('oxlint'), ['src', 'test', 'scripts', 'bench'])],
  [
    'import graph',
    () =>
      run(process.execPath, [
        path.join(root, 'scripts/jest.js'),
        '--selectProjects',
        'unit',
        '--silent',
        '--runTestsByPath',
        'src/architecture.test.ts',
      ]),
  ],
  ['build', () => run('npm', ['run', '-s', 'build'])],
  ['generated files are current', () => run(process.execPath, [path.join(root, 'dist/api/crd/main.js'), '--check'])],
];

if (process.argv[1]?.endsWith('check.js')) {
  const failed = await steps(checks);
  if (failed.length > 0) {
    process.stderr.write(`\ncheck failed: ${failed.join(', ')}\n`);
    process.exit(1);
  }
}
