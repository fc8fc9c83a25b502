import { readFile, stat } from 'node:fs/promises';

/** Host names from a JSON file that is read again when it changes. */
export function hostsResolver(file: string | undefined): ((host: string) => Promise<string | undefined>) | undefined {
  if (!file) return undefined;
  let known: { mtime: number; hosts: Record<string, string> } = { mtime: -1, hosts: {} };
  return async (host) => {
    const info = await stat(file).catch(() => undefined);
    if (info && info.mtimeMs !== known.mtime) {
      known = { mtime: info.mtimeMs, hosts: JSON.parse(await readFile(file, 'utf8')) as Record<string, string> };
    }
    return known.hosts[host];
  };
}
