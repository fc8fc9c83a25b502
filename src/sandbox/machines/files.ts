import { closeSync, fstatSync, openSync, readFileSync, readSync, renameSync, writeFileSync } from 'node:fs';

/** Writes a file so that a reader sees the old or the new content, never a part, even if the writer is killed. */
export function writeAtomically(path: string, content: string | Uint8Array, mode = 0o644): void {
  const pending = `${path}.${process.pid}.tmp`;
  writeFileSync(pending, content, { mode });
  renameSync(pending, path);
}

/** The JSON in a file, or undefined when there is no such file or no JSON in it (a half-made directory is no reason to fail). */
export function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined; // absent or torn: the caller treats both as "nothing recorded"
  }
}

export function writeJson(path: string, value: unknown): void {
  writeAtomically(path, `${JSON.stringify(value, null, 2)}\n`);
}

/** True for a plain JSON object. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** True for an error with this code, e.g. ENOENT. By its shape: test runners give each file its own Error class. */
export function isNodeError(error: unknown, code: string): boolean {
  return isRecord(error) && error['code'] === code;
}

/** The last bytes of a text file; empty when there is none. */
export function endOfFile(path: string, bytes: number): string {
  try {
    const file = openSync(path, 'r');
    try {
      const { size } = fstatSync(file);
      const length = Math.min(size, bytes);
      const buffer = Buffer.alloc(length);
      return buffer.toString('utf8', 0, readSync(file, buffer, 0, length, size - length));
    } finally {
      closeSync(file);
    }
  } catch (error) {
    if (isNodeError(error, 'ENOENT')) return '';
    throw error;
  }
}
