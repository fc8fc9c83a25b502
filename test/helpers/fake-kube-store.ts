import { apiVersionOf } from '../../src/api/types/kinds.js';
import type { KubeObject, ResourceKind } from '../../src/api/types/meta.js';

/** The object as the server would store it: the other half (status or the rest) comes from what is there. */
export function admitted<T extends KubeObject>(
  kind: ResourceKind,
  current: T | undefined,
  wanted: T,
  subresource?: string,
): T {
  const next = structuredClone(wanted) as T & { status?: unknown; stringData?: Record<string, string>; data?: unknown };
  const typed = { apiVersion: apiVersionOf(kind), kind: kind.kind };
  if (subresource === 'status') {
    const base = structuredClone(current) as T & { status?: unknown };
    if (next.status === undefined) delete base.status;
    else base.status = next.status;
    return { ...base, ...typed };
  }
  if (kind.kind === 'Secret' && next.stringData) {
    const encoded = Object.entries(next.stringData).map(([key, value]) => [key, Buffer.from(value).toString('base64')]);
    next.data = { ...((next.data ?? {}) as object), ...Object.fromEntries(encoded) };
    delete next.stringData;
  }
  if (hasStatusSubresource(kind)) {
    const status = (current as { status?: unknown } | undefined)?.status;
    if (status === undefined) delete next.status;
    else next.status = status;
  }
  return { ...next, ...typed };
}

function hasStatusSubresource(kind: ResourceKind): boolean {
  return kind.group.endsWith('.x-k8s.io')
    ? !kind.kind.endsWith('Template')
    : kind.kind === 'Node' || kind.kind === 'Pod';
}

/** Deep equality of two objects without some top-level fields. */
export function equalBut(a: object, b: object, without: readonly string[]): boolean {
  const strip = (object: object): unknown =>
    Object.fromEntries(Object.entries(object).filter(([key, value]) => !without.includes(key) && value !== undefined));
  return canonical(strip(a)) === canonical(strip(b));
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
