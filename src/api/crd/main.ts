import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { definitions } from './definitions.js';
import { docFileName, indexDoc, kindDoc } from './docs.js';
import { crdFileName, crdManifest, crdYaml, DEFAULT_CLIENT_CONFIG } from './generate.js';

/** `node dist/api/crd/main.js [--check]`: writes manifests/crd and docs/book/reference, or fails and names the files that are stale. */

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** A directory of which every file with one extension is generated. */
interface Output {
  readonly directory: string;
  readonly extension: string;
  readonly files: ReadonlyMap<string, string>;
}

const outputs: readonly Output[] = [
  {
    directory: 'manifests/crd',
    extension: '.yaml',
    files: new Map(definitions.map((d) => [crdFileName(d), crdYaml(crdManifest(d, DEFAULT_CLIENT_CONFIG))])),
  },
  {
    directory: 'docs/book/reference',
    extension: '.md',
    files: new Map([
      ['README.md', indexDoc(definitions)],
      ...definitions.map((d) => [docFileName(d), kindDoc(d)] as const),
    ]),
  },
];

/** Names of the files that are not as they should be, and of those that should not be. */
async function differences(output: Output): Promise<{ stale: string[]; surplus: string[] }> {
  const directory = join(ROOT, output.directory);
  const names = (await readdir(directory).catch(() => [])).filter((name) => name.endsWith(output.extension));
  const present = new Map<string, string>();
  for (const name of names) present.set(name, await readFile(join(directory, name), 'utf8'));
  return {
    stale: [...output.files].filter(([name, text]) => present.get(name) !== text).map(([name]) => name),
    surplus: names.filter((name) => !output.files.has(name)),
  };
}

for (const output of outputs) {
  const { directory, files } = output;
  const { stale, surplus } = await differences(output);
  if (process.argv.includes('--check')) {
    const complaints = [
      ...stale.map((name) => `${directory}/${name} is stale`),
      ...surplus.map((name) => `${directory}/${name} belongs to no kind`),
    ];
    for (const complaint of complaints) console.error(`${complaint}: run npm run gen`);
    if (complaints.length > 0) process.exitCode = 1;
    continue;
  }
  await mkdir(join(ROOT, directory), { recursive: true });
  for (const name of stale) await writeFile(join(ROOT, directory, name), files.get(name) ?? '');
  for (const name of surplus) await rm(join(ROOT, directory, name));
  console.log(`${files.size} files in ${directory}, ${stale.length} written, ${surplus.length} removed`);
}
