/** Durations as Go writes them. Source: Go time.ParseDuration and Duration.String, which metav1.Duration uses. */

const NANOSECONDS: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};
const WHOLE =
  /^[+-]?(?:0|(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h)(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))*)$/;
const PART = /(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g;

export const MAX_INT32 = 2 ** 31 - 1;

/** Whole seconds of a duration such as `1h30m`, between 0 and MaxInt32; undefined when it is none. Fractions of a second are cut off. */
export function parseSeconds(text: string): number | undefined {
  if (!WHOLE.test(text)) return undefined;
  if (text.startsWith('-')) return 0;
  let nanoseconds = 0;
  for (const [, amount = '0', unit = 's'] of text.matchAll(PART))
    nanoseconds += Number(amount) * (NANOSECONDS[unit] ?? 0);
  return Math.min(Math.trunc(nanoseconds / 1e9), MAX_INT32);
}
