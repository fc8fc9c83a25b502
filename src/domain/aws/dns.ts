/** A record set of a zone, as far as it matters whose it is. */
export interface DnsRecord {
  /** As Route 53 writes it, e.g. `web.example.com.`; `\052` stands for an asterisk. */
  readonly name: string;
  readonly type: string;
  /** Tells records of one name and type apart, where they are weighted or the like. */
  readonly set?: string | undefined;
  /** Values, or the name an alias points at. */
  readonly values: readonly string[];
}

/** What external-dns writes beside a record: whose it is, and for which object of a cluster it was made. */
export interface Heritage {
  readonly owner: string;
  /** `service/default/web`. */
  readonly resource: string;
}

/** The address records of one name, and what marks them as made by external-dns. */
export interface DnsEntry<R extends DnsRecord = DnsRecord> {
  /** Without a dot at the end. */
  readonly name: string;
  readonly set?: string;
  /** Where it points, as host names and addresses, sorted. */
  readonly targets: readonly string[];
  readonly heritage?: Heritage;
  /** The address records and the marks: they come and go together. */
  readonly records: readonly R[];
}

const ADDRESS = new Set(['A', 'AAAA', 'CNAME']);

/** A name to compare: lower case, without the dot at its end; `dualstack.` is in front of aliases of load balancers. */
export const hostOf = (name: string): string =>
  name
    .toLowerCase()
    .replace(/\.$/, '')
    .replaceAll('\\052', '*')
    .replace(/^dualstack\./, '');

/**
 * The entries of a zone's records, by name. A mark has the name of its record, with the record's type in front of it or with a prefix or suffix of the user's:
 * it belongs to the longest name that fits. Pure. Source: external-dns docs/registry/txt.md.
 */
export function dnsEntries<R extends DnsRecord>(records: readonly R[]): DnsEntry<R>[] {
  const byName = new Map<string, R[]>();
  for (const record of records.filter(({ type }) => ADDRESS.has(type))) {
    const key = keyOf(hostOf(record.name), record.set);
    byName.set(key, [...(byName.get(key) ?? []), record]);
  }
  const marks = new Map<string, { heritage: Heritage; records: R[] }>();
  for (const record of records) {
    const heritage = heritageOf(record);
    const key = heritage && describedBy(record, byName);
    if (!heritage || key === undefined) continue;
    const known = marks.get(key);
    marks.set(key, { heritage: known?.heritage ?? heritage, records: [...(known?.records ?? []), record] });
  }
  return [...byName]
    .map(([key, own]): DnsEntry<R> => {
      const [first] = own;
      const mark = marks.get(key);
      return {
        name: hostOf(first?.name ?? ''),
        ...(first?.set === undefined ? {} : { set: first.set }),
        targets: [...new Set(own.flatMap(({ values }) => values.map(hostOf)))].sort(),
        ...(mark ? { heritage: mark.heritage } : {}),
        records: [...own, ...(mark?.records ?? [])],
      };
    })
    .sort((a, b) => (keyOf(a.name, a.set) < keyOf(b.name, b.set) ? -1 : 1));
}

const keyOf = (name: string, set: string | undefined): string => `${name}/${set ?? ''}`;

function heritageOf({ type, values }: DnsRecord): Heritage | undefined {
  if (type !== 'TXT') return undefined;
  for (const value of values) {
    const fields = new Map(
      value
        .replaceAll('"', '')
        .split(',')
        .map((part) => [part.split('=')[0] ?? '', part.slice(part.indexOf('=') + 1)]),
    );
    const owner = fields.get('external-dns/owner');
    if (fields.get('heritage') === 'external-dns' && owner !== undefined)
      return { owner, resource: fields.get('external-dns/resource') ?? '' };
  }
  return undefined;
}

/** Key of the address records that a mark describes. */
function describedBy(mark: DnsRecord, byName: ReadonlyMap<string, readonly DnsRecord[]>): string | undefined {
  const text = hostOf(mark.name);
  let best: { readonly key: string; readonly score: number } | undefined;
  for (const [key, [record]] of byName) {
    if (!record || record.set !== mark.set) continue;
    const score = closeness(text, hostOf(record.name));
    if (score > (best?.score ?? 0)) best = { key, score };
  }
  return best?.key;
}

const TYPED = /^(a|aaaa|cname)-/;

/** How well the name of a mark fits that of a record; 0: not at all. */
function closeness(mark: string, name: string): number {
  if (mark === name || mark.replace(TYPED, '') === name) return Number.POSITIVE_INFINITY;
  if (mark.endsWith(`.${name}`)) return name.length;
  const [label = '', ...rest] = name.split('.');
  const [own = '', ...around] = mark.split('.');
  return own.includes(label) && rest.join('.') === around.join('.') ? name.length : 0;
}
