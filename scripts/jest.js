// Jest with native ES modules. Extra arguments are jest's own.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const jest = fileURLToPath(new URL('../node_modules/jest/bin/jest.js', import.meta.url));
// Tests compare what commands print, so none may be told to print in colour, whatever terminal or CI this runs in.
const { FORCE_COLOR: _, ...env } = process.env;
const { status } = spawnSync(
  process.execPath,
  ['--experimental-vm-modules', '--no-warnings', jest, ...process.argv.slice(2)],
  { stdio: 'inherit', env: { ...env, NO_COLOR: '1' } },
);
process.exit(status ?? 1);
