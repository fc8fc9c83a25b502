// After tsc: copies what is not TypeScript from src to dist and bundles the workflow code, so that no worker compiles at start.

import { createHash } from 'node:crypto';
import { cp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const src = path.join(root, 'src');
const dist = path.join(root, 'dist');

async function* walk(dir) {
  for (const entry of await readdir(dir, { withFileTypes: true })) {
    const full = path.join(dir, entry.name);
    if (entry.isDirectory()) {
      if (entry.name !== '__pycache__') yield* walk(full);
    } else yield full;
  }
}

for await (const file of walk(src)) {
  if (file.endsWith('.ts')) continue;
  const target = path.join(dist, path.relative(src, file));
  const old = await stat(target).catch(() => undefined);
  if (!old || old.mtimeMs < (await stat(file)).mtimeMs) await cp(file, target, { preserveTimestamps: false });
}

// The bundle depends on the emitted workflow, domain and type files and on the SDK's version only.
const hash = createHash('sha256').update(
  await readFile(path.join(root, 'node_modules/@temporalio/worker/package.json')),
);
for (const room of ['workflows', 'domain']) {
  const files = [];
  for await (const file of walk(path.join(dist, room))) if (file.endsWith('.js')) files.push(file);
  for (const file of files.sort()) hash.update(path.relative(dist, file)).update(await readFile(file));
}
const key = hash.digest('hex');
const bundle = path.join(dist, 'workflow-bundle.js');
const stamp = path.join(dist, 'workflow-bundle.key');
if ((await readFile(stamp, 'utf8').catch(() => '')) !== key) {
  await rm(stamp, { force: true });
  const { bundleWorkflowCode, DefaultLogger } = await import('@temporalio/worker');
  const { code } = await bundleWorkflowCode({
    workflowsPath: path.join(dist, 'workflows/index.js'),
    logger: new DefaultLogger('WARN'),
  });
  await writeFile(bundle, code);
  await writeFile(stamp, key);
}
