#!/usr/bin/env node
// Libraries need a newer Node than many systems have, and fail on an older one before any code of ours runs: so look first, then load.
const NEEDED = [22, 19] as const;
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < NEEDED[0] || (major === NEEDED[0] && minor < NEEDED[1])) {
  const remedy = 'use `npm run perdure -- …`, which brings its own';
  process.stderr.write(
    `error: Node.js ${process.versions.node} is too old, ${NEEDED.join('.')} is needed; ${remedy}\n`,
  );
  process.exit(1);
}
const { createProgram } = await import('./program.js');
await createProgram().parseAsync();
