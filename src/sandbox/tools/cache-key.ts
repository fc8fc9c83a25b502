import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Family, linkerFlags, type ToolSpec } from './catalog.js';

/** Directory that holds the Go modules; the same seen from `src` and from `dist`. */
export const MODULES_DIR = fileURLToPath(new URL('../../../tools', import.meta.url));

/** Operating system and processor in Go's words. */
export interface Target {
  readonly goos: string;
  readonly goarch: string;
}

const GO_ARCH: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386' };
const GO_OS: Readonly<Record<string, string>> = { win32: 'windows' };

/** The target of this machine. */
export function hostTarget(platform: string = process.platform, arch: string = process.arch): Target {
  return { goos: GO_OS[platform] ?? platform, goarch: GO_ARCH[arch] ?? arch };
}

/** Directory of a family's Go module. */
export function moduleDir(family: Family, modules: string = MODULES_DIR): string {
  return join(modules, family);
}

/**
 * Name of the cache directory for a tool's family: family, version and a digest of the module files, own sources, linker flags and target. Equal
 * inputs give equal names in every checkout.
 */
export async function cacheKey(spec: ToolSpec, target: Target, modules: string = MODULES_DIR): Promise<string> {
  const dir = moduleDir(spec.family, modules);
  const hash = createHash('sha256');
  addPart(hash, 'target', `${target.goos}/${target.goarch}`);
  addPart(hash, 'ldflags', linkerFlags(spec));
  for (const file of await sourceFiles(dir)) addPart(hash, relative(dir, file), await readFile(file));
  return `${spec.family}-${spec.version}-${hash.digest('hex').slice(0, 12)}`;
}

/** Adds a named part such that no two different lists of parts give the same digest. */
export function addPart(hash: ReturnType<typeof createHash>, name: string, content: string | Buffer): void {
  const bytes = Buffer.from(content);
  hash.update(`${name}\0${bytes.length}\0`).update(bytes);
}

async function sourceFiles(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile() && (/^go\.(mod|sum)$/.test(entry.name) || isCompiled(entry.name)))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

function isCompiled(name: string): boolean {
  return name.endsWith('.go') && !name.endsWith('_test.go');
}
