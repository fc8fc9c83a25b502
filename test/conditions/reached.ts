/** A test that reached a condition: its file, and its title as the file writes it. */
export interface Witness {
  readonly file: string;
  readonly test: string;
}

/** Which tests reached what, by `kind/type/status/reason`. */
export type Reached = Readonly<Record<string, readonly Witness[]>>;

/** What the recorder notes of one test. */
export interface Note extends Witness {
  readonly kind: string;
  readonly type: string;
  readonly status: string;
  readonly reason: string;
}

/** How many tests are named for one reason. */
const NAMED = 2;

/** The key of a condition in `Reached`. */
export function keyOf({ kind, type, status, reason }: Omit<Note, keyof Witness>): string {
  return [kind, type, status, reason].join('/');
}

// tests that need nothing running are the quickest to look at
const rank = ({ file, test }: Witness): string => `${/\.int\.|^test\//.test(file) ? 1 : 0} ${file} ${test}`;

/** What was known before of files that `stays` keeps, with what was noted now; for each condition few tests, and always the same ones. */
export function merge(before: Reached, stays: (file: string) => boolean, notes: readonly Note[]): Reached {
  const found = new Map<string, Map<string, Witness>>();
  const add = (key: string, { file, test }: Witness): void => {
    const tests = found.get(key) ?? new Map<string, Witness>();
    found.set(key, tests.set(`${file} ${test}`, { file, test }));
  };
  for (const [key, tests] of Object.entries(before)) for (const t of tests) if (stays(t.file)) add(key, t);
  for (const note of notes) add(keyOf(note), note);
  const keys = [...found.keys()].sort();
  return Object.fromEntries(
    keys.map((key) => {
      const tests = [...(found.get(key)?.values() ?? [])].sort((a, b) => (rank(a) < rank(b) ? -1 : 1));
      return [key, tests.slice(0, NAMED)];
    }),
  );
}

/** The title in a test file's text by which a test of that full name (its groups' titles before its own) can be found; undefined when it has none. */
export function titleIn(text: string, fullName: string): string | undefined {
  const literals = [...text.matchAll(/\(\s*(?:'((?:\\.|[^'\\\n])+)'|"((?:\\.|[^"\\\n])+)")/g)].map(
    ([, single, double]) => single ?? double ?? '',
  );
  const fitting = literals.filter((raw) => !/[*|`]/.test(raw) && endsWith(fullName, raw));
  return fitting.sort((a, b) => b.length - a.length)[0];
}

function endsWith(fullName: string, raw: string): boolean {
  const plain = raw.replaceAll(/\\(.)/g, '$1').replaceAll(/[.+?^(){}[\]\\]/g, String.raw`\$&`);
  const pattern = plain.replaceAll(/%[sdifjop#]|\$[\w.]+/g, '.*');
  return new RegExp(`(^| )${pattern}$`, 's').test(fullName);
}
