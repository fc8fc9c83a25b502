import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { definitions } from './definitions.js';
import { crdFileName, crdManifest, crdYaml, DEFAULT_CLIENT_CONFIG } from './generate.js';

/** `node dist/api/crd/main.js [--check]`: writes manifests/crd, or fails and names the files that are stale. */

const DIRECTORY = fileURLToPath(new URL('../../../manifests/crd/', import.meta.url));

function expectedFiles(): Map<string, string> {
  return new Map(definitions.map((d) => [crdFileName(d), crdYaml(crdManifest(d, DEFAULT_CLIENT_CONFIG))]));
}

async function presentFiles(): Promise<Map<string, string>> {
  const names = (await readdir(DIRECTORY).catch(() => [])).filter((name) => name.endsWith('.yaml'));
  const contents = await Promise.all(names.map((name) => readFile(join(DIRECTORY, name), 'utf8')));
  return new Map(names.map((name, i) => [name, contents[i] ?? '']));
}

const expected = expectedFiles();
const present = await presentFiles();
const stale = [...expected].filter(([name, text]) => present.get(name) !== text).map(([name]) => name);
const surplus = [...present.keys()].filter((name) => !expected.has(name));

if (process.argv.includes('--check')) {
  const complaints = [
    ...stale.map((name) => `manifests/crd/${name} is stale`),
    ...surplus.map((name) => `manifests/crd/${name} belongs to no kind`),
  ];
  for (const complaint of complaints) console.error(`${complaint}: run npm run gen`);
  process.exitCode = complaints.length > 0 ? 1 : 0;
} else {
  await mkdir(DIRECTORY, { recursive: true });
  for (const name of stale) await writeFile(join(DIRECTORY, name), expected.get(name) ?? '');
  for (const name of surplus) await rm(join(DIRECTORY, name));
  console.log(`${expected.size} manifests in manifests/crd, ${stale.length} written, ${surplus.length} removed`);
}
