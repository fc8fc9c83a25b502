/** Finds the apiVersion of a kind, e.g. by the contract labels of its CRD; undefined when the kind is not known (now). */
export type ApiVersionLookup = (group: string, kind: string) => Promise<string | undefined>;

/** As the lookup, but always answers. */
export type ApiVersionResolver = (group: string, kind: string) => Promise<string>;

export interface ResolverOptions {
  /** Milliseconds that an answer is used again; default one minute. */
  readonly ttlMs?: number;
  /** Milliseconds that a failed look-up is not tried again; default two seconds. */
  readonly retryMs?: number;
  readonly now?: () => number;
}

/** What stands for a kind whose CRD cannot be read. References without version are read by group and kind, so any version will do. */
export function fallbackApiVersion(group: string): string {
  return group === '' ? 'v1' : `${group}/v1beta2`;
}

interface Entry {
  readonly answer: Promise<string>;
  until: number;
}

/**
 * A resolver with a cache that never fails: a conversion that fails makes whole lists unreadable, so an unknown kind gets
 * `<group>/v1beta2`. Concurrent questions share one look-up.
 */
export function createApiVersionResolver(lookup: ApiVersionLookup, options: ResolverOptions = {}): ApiVersionResolver {
  const { ttlMs = 60_000, retryMs = 2_000, now = Date.now } = options;
  const cache = new Map<string, Entry>();
  return (group, kind) => {
    const key = `${kind}.${group}`;
    const known = cache.get(key);
    if (known && now() < known.until) return known.answer;
    const fail = (): string => {
      entry.until = now() + retryMs;
      return fallbackApiVersion(group);
    };
    // A look-up that rejects is as good as one without answer: the fallback stands in until the next try.
    const answer = lookup(group, kind).then((found) => found ?? fail(), fail);
    const entry: Entry = { answer, until: now() + ttlMs };
    cache.set(key, entry);
    return answer;
  };
}
