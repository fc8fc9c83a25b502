import type { CollectWish, ExternalKind } from './external.js';

/** The switches of a cluster's infra object. `tasks`: a comma-separated list of kinds. */
export interface Switches {
  readonly enabled: { readonly annotation: string; readonly value: string | undefined };
  readonly tasks: { readonly annotation: string; readonly value: string | undefined };
  /** The feature gate; off: nothing is collected at all. */
  readonly gate: { readonly name: string; readonly on: boolean };
}

/** What Go's strconv.ParseBool takes. */
const TRUE = new Set(['1', 't', 'T', 'true', 'TRUE', 'True']);
const FALSE = new Set(['0', 'f', 'F', 'false', 'FALSE', 'False']);

/** True for what the switch on or off may say. */
export const isBoolean = (value: string): boolean => TRUE.has(value) || FALSE.has(value);

/** The kinds a list names, and what in it is none. Empty: no list. */
export function parseTasks(
  value: string | undefined,
  kinds: readonly ExternalKind[],
): { readonly known: readonly string[]; readonly unknown: readonly string[] } {
  const names = (value ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  const isKnown = (name: string): boolean => kinds.some((kind) => kind.name === name);
  return { known: [...new Set(names.filter(isKnown))], unknown: names.filter((name) => !isKnown(name)) };
}

/**
 * Upstream's switches: absent means on, and all kinds that hold no data. A switch that says neither yes nor no turns collection off, since
 * nothing may be deleted on a guess; kinds that nobody knows are left aside. Both are told. Source: capa pkg/cloud/services/gc, cmd/clusterawsadm/gc.
 */
export function collectWish({ enabled, tasks, gate }: Switches, kinds: readonly ExternalKind[]): CollectWish {
  const { known, unknown } = parseTasks(tasks.value, kinds);
  const problems = unknown.map(
    (name) =>
      `annotation ${tasks.annotation} names ${name}, which is no kind to collect: use ${kinds.map((k) => k.name).join(', ')}`,
  );
  const chosen = known.length + unknown.length > 0 ? { kinds: known } : {};
  const off = (because: string, ...more: string[]): CollectWish => ({
    enabled: false,
    ...chosen,
    because,
    problems: [...more, ...problems],
  });
  if (!gate.on) return off(`feature gate ${gate.name} is off`);
  if (enabled.value === undefined || TRUE.has(enabled.value)) return { enabled: true, ...chosen, problems };
  if (FALSE.has(enabled.value)) return off(`annotation ${enabled.annotation} is ${enabled.value}`);
  const odd = `annotation ${enabled.annotation} says ${JSON.stringify(enabled.value)}, which is neither true nor false`;
  return off(odd, `${odd}: set it to true to collect, or to false`);
}
