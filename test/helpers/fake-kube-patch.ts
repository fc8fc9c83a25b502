import jsonpatch, { type Operation } from 'fast-json-patch';
import type { KubeObject } from '../../src/api/types/meta.js';
import { PerdureError } from '../../src/domain/errors.js';
import type { ApplyOptions } from '../../src/kube/kube.js';

type Json = Record<string, unknown>;
const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** RFC 7396. */
export function mergePatched(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return structuredClone(patch);
  const result: Json = isObject(target) ? structuredClone(target) : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = mergePatched(result[key], value);
  }
  return result;
}

/** RFC 6902; a failed `test` or a bad path is what the API server calls invalid. */
export function jsonPatched<T extends KubeObject>(target: T, patch: readonly unknown[], what: string): T {
  try {
    return jsonpatch.applyPatch(structuredClone(target), structuredClone(patch) as Operation[], true).newDocument;
  } catch (error) {
    const message = error instanceof Error ? error.message.split('\n')[0] : String(error);
    throw new PerdureError('InvalidConfiguration', `${what}: API server answered 422: ${message}`, {
      details: { status: 422, reason: 'Invalid' },
    });
  }
}

/** What one manager applied last, to the object or to a subresource. */
export interface AppliedFields {
  readonly manager: string;
  readonly subresource: string;
  readonly object: Json;
}

/** Lists that server-side apply merges by key; all others are atomic. */
const LIST_KEYS: Readonly<Record<string, readonly string[]>> = {
  conditions: ['type'],
  ownerReferences: ['uid'],
  taints: ['key', 'effect'],
};
const SETS: ReadonlySet<string> = new Set(['finalizers']);
/** What names the object is never a conflict. */
const IDENTITY: ReadonlySet<string> = new Set(['.metadata.name', '.metadata.namespace']);

/** Merges `wanted` into `current` as its manager; fields the manager no longer applies go away unless another one applies them. */
export function applyFields(
  current: KubeObject | undefined,
  wanted: Json & KubeObject,
  applied: readonly AppliedFields[],
  options: ApplyOptions,
  what: string,
): { merged: KubeObject; fields: AppliedFields[] } {
  const subresource = options.subresource ?? '';
  const mine = applied.find((a) => a.manager === options.fieldManager && a.subresource === subresource);
  const others = applied.filter((a) => a !== mine);
  const { apiVersion, kind, metadata, ...rest } = wanted;
  const { resourceVersion: _version, managedFields: _managed, uid: _uid, ...fields } = metadata;
  const next: Json = { metadata: { ...fields }, ...rest };
  if (options.force === false) refuseConflicts(current, next, others, what);
  let merged: Json = structuredClone(
    current ?? { apiVersion, kind, metadata: { name: metadata.name } },
  ) as unknown as Json;
  if (mine) {
    const kept = others.map((o) => o.object).concat(next);
    merged = dropped(merged, mine.object, kept) as Json;
  }
  merged = merged === undefined ? {} : (deepMerge(merged, next) as Json);
  const identity = { name: metadata.name, ...(metadata.namespace ? { namespace: metadata.namespace } : {}) };
  merged['metadata'] = { ...(merged['metadata'] as Json), ...identity };
  return {
    merged: { ...merged, apiVersion, kind } as unknown as KubeObject,
    fields: [...others, { manager: options.fieldManager, subresource, object: structuredClone(next) }],
  };
}

function refuseConflicts(
  current: KubeObject | undefined,
  next: Json,
  others: readonly AppliedFields[],
  what: string,
): void {
  for (const other of others) {
    const path = differing(next, other.object, current, '');
    if (path !== undefined) {
      throw new PerdureError(
        'Conflict',
        `${what}: API server answered 409: conflict with "${other.manager}": ${path}`,
        {
          details: { status: 409, reason: 'Conflict' },
        },
      );
    }
  }
}

/** First path that both want and that would get another value. */
function differing(wanted: unknown, owned: unknown, current: unknown, path: string): string | undefined {
  if (isObject(wanted) && isObject(owned)) {
    for (const key of Object.keys(wanted)) {
      if (!(key in owned) || IDENTITY.has(`${path}.${key}`)) continue;
      const found = differing(wanted[key], owned[key], isObject(current) ? current[key] : undefined, `${path}.${key}`);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  return JSON.stringify(wanted) === JSON.stringify(current) ? undefined : path;
}

/** `value` without what `mine` applied and none of `kept` applies. */
function dropped(value: unknown, mine: unknown, kept: readonly unknown[], field = ''): unknown {
  if (isObject(value) && isObject(mine)) {
    const result: Json = { ...value };
    for (const [key, was] of Object.entries(mine)) {
      if (!(key in result)) continue;
      const still = kept.filter((k) => isObject(k) && key in k).map((k) => (k as Json)[key]);
      const left = dropped(result[key], was, still, key);
      if (left === undefined) delete result[key];
      else result[key] = left;
    }
    return Object.keys(result).length === 0 && kept.length === 0 ? undefined : result;
  }
  if (Array.isArray(value) && Array.isArray(mine) && (LIST_KEYS[field] || SETS.has(field))) {
    const wanted = new Set(kept.flatMap((k) => (Array.isArray(k) ? k : [])).map((item) => identityOf(field, item)));
    const own = new Set(mine.map((item) => identityOf(field, item)));
    const left = value.filter((item) => !own.has(identityOf(field, item)) || wanted.has(identityOf(field, item)));
    return left.length === 0 && kept.length === 0 ? undefined : left;
  }
  return kept.length === 0 ? undefined : value;
}

function deepMerge(base: unknown, over: unknown, field = ''): unknown {
  if (isObject(base) && isObject(over)) {
    const result: Json = { ...base };
    for (const [key, value] of Object.entries(over)) {
      if (value !== undefined) result[key] = deepMerge(result[key], value, key);
    }
    return result;
  }
  if (Array.isArray(base) && Array.isArray(over) && (LIST_KEYS[field] || SETS.has(field))) {
    const result = [...(base as unknown[])];
    for (const item of over as unknown[]) {
      const at = result.findIndex((known) => identityOf(field, known) === identityOf(field, item));
      if (at < 0) result.push(structuredClone(item));
      else result[at] = deepMerge(result[at], item);
    }
    return result;
  }
  return isObject(over) ? deepMerge({}, over) : structuredClone(over);
}

function identityOf(field: string, item: unknown): string {
  const keys = LIST_KEYS[field];
  return keys && isObject(item) ? keys.map((key) => String(item[key] ?? '')).join('/') : JSON.stringify(item);
}
