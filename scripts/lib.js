import { spawn } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
export const bin = (name) => path.join(root, 'node_modules/.bin', name);

/** Runs a program with its output passed through; resolves to its exit code. */
export function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: 'inherit', ...options });
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(code ?? (signal ? 1 : 0)));
  });
}

/** Runs named steps in order, printing how long each took; answers the names of those that failed. */
export async function steps(list) {
  const failed = [];
  for (const [name, work] of list) {
    const begun = Date.now();
    process.stdout.write(`\n== ${name}\n`);
    const ok = (await work()) === 0;
    process.stdout.write(`== ${name}: ${ok ? 'ok' : 'FAILED'} (${((Date.now() - begun) / 1000).toFixed(1)} s)\n`);
    if (!ok) failed.push(name);
  }
  return failed;
}
