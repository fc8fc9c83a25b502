import { hostname } from 'node:os';
import { fileURLToPath } from 'node:url';

type Json = Record<string, unknown>;

/** What says on which machine a history was made; nothing of it is looked at when a workflow is replayed. */
const BLANK: Readonly<Record<string, unknown>> = {
  identity: 'perdure',
  stackTrace: '',
  binaryChecksum: '',
  workerInstanceKey: '',
};

/** A history without names of machines, directories and people. Same input, same output. */
export function scrub(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(scrub);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, v]) => [key, key in BLANK && typeof v === 'string' ? BLANK[key] : scrub(v)]),
  );
}

/** Texts of all payloads in a history, decoded. */
function payloads(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(payloads);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value as Json).flatMap(([key, v]) =>
    key === 'data' && typeof v === 'string' ? [Buffer.from(v, 'base64').toString('utf8')] : payloads(v),
  );
}

/** Throws when a scrubbed history still tells where it was made, naming what it tells. */
export function assertAnonymous(name: string, history: unknown, more: readonly string[] = []): void {
  const text = [JSON.stringify(history), ...payloads(history)].join('\n');
  const telling = [hostname(), fileURLToPath(new URL('../../', import.meta.url)), ...more].filter((t) => t.length > 3);
  const found = telling.filter((t) => text.includes(t));
  if (found.length > 0) throw new Error(`history ${name} names ${found.join(', ')}`);
}

/** One event a line: small, and readable in a diff. */
export function render(workflowId: string, history: { readonly events?: readonly unknown[] | null }): string {
  const events = (history.events ?? []).map((event) => `    ${JSON.stringify(event)}`).join(',\n');
  return `{\n  "workflowId": ${JSON.stringify(workflowId)},\n  "events": [\n${events}\n  ]\n}\n`;
}
