import type { Machine } from '../../api/types/index.js';
import type { KubeObject } from '../../api/types/meta.js';
import { isDeleting } from '../contract.js';
import { ANNOTATION } from '../names.js';

type Words = Readonly<Record<string, string>>;

/** What an owner keeps up on its machines, and on what they are made of, without replacing them. */
export interface InPlaceMetadata {
  /** From the template; what the template drops later goes again. */
  readonly labels?: Words | undefined;
  readonly annotations?: Words | undefined;
  /** Labels that are the owner's own. */
  readonly system: Words;
}

/** Fields of a Machine that are changed in place. */
export type InPlaceSpec = Pick<Machine['spec'], 'deletion' | 'readinessGates' | 'taints'> & {
  /** Left alone where the owner has no such field; undefined where it has one that is not set. */
  readonly minReadySeconds?: number | undefined;
};

/**
 * Which labels and annotations came from the template, for the annotation that remembers it; undefined when none did. Without it nobody could tell what
 * the template dropped from what a person added.
 */
export function rememberTemplate({ labels = {}, annotations = {} }: InPlaceMetadata): string | undefined {
  const keys = { labels: Object.keys(labels).sort(), annotations: Object.keys(annotations).sort() };
  return keys.labels.length + keys.annotations.length === 0 ? undefined : JSON.stringify(keys);
}

/** The object with its template's labels and annotations of today; undefined when it has them. */
export function withMetadata<T extends KubeObject>(object: T, wish: InPlaceMetadata): T | undefined {
  const before = remembered(object);
  const memory = rememberTemplate(wish);
  const { [ANNOTATION.fromTemplate]: _, ...stored } = object.metadata.annotations ?? {};
  const labels = merged(object.metadata.labels, before.labels, { ...wish.labels, ...wish.system });
  const annotations = {
    ...merged(stored, before.annotations, wish.annotations ?? {}),
    ...(memory === undefined ? {} : { [ANNOTATION.fromTemplate]: memory }),
  };
  if (same(labels, object.metadata.labels) && same(annotations, object.metadata.annotations)) return undefined;
  return { ...object, metadata: { ...object.metadata, labels, annotations } };
}

/**
 * The Machine with everything that is changed in place; undefined when it is as wished. One on its way out only gets other time-outs and minReadySeconds,
 * and with `gatesUntilGone` readiness gates. Source: capi syncMachines of machineset_controller.go, and of kcp controller.go, which passes no gates.
 */
export function withInPlace(
  machine: Machine,
  wish: InPlaceMetadata,
  spec: InPlaceSpec,
  { gatesUntilGone = false } = {},
): Machine | undefined {
  const going = isDeleting(machine);
  const labelled = (going ? undefined : withMetadata(machine, wish)) ?? machine;
  const { deletion: stored, readinessGates: _g, taints: _t, ...rest } = machine.spec;
  const kept = {
    ...pick(going && !gatesUntilGone ? machine.spec : spec, ['readinessGates']),
    ...pick(going ? machine.spec : spec, ['taints']),
  };
  // admission fills that one in: without a wish it stays as it is
  const nodeDeletionTimeoutSeconds = spec.deletion?.nodeDeletionTimeoutSeconds ?? stored?.nodeDeletionTimeoutSeconds;
  const deletion = {
    ...spec.deletion,
    ...(nodeDeletionTimeoutSeconds === undefined ? {} : { nodeDeletionTimeoutSeconds }),
  };
  const { minReadySeconds: before, ...others } = rest;
  const minReadySeconds = 'minReadySeconds' in spec ? spec.minReadySeconds : before;
  const ready = minReadySeconds === undefined ? {} : { minReadySeconds };
  const changed = { ...others, ...ready, ...kept, ...pick({ deletion }, ['deletion']) } as Machine['spec'];
  if (labelled === machine && canonicalText(changed) === canonicalText(machine.spec)) return undefined;
  return { ...labelled, spec: changed };
}

function pick(spec: InPlaceSpec, keys: readonly (keyof InPlaceSpec)[]): InPlaceSpec {
  return Object.fromEntries(keys.flatMap((k) => (isEmpty(spec[k]) ? [] : [[k, spec[k]]])));
}

const isEmpty = (value: unknown): boolean =>
  value === undefined || (typeof value === 'object' && value !== null && Object.keys(value).length === 0);

function remembered(object: KubeObject): {
  readonly labels: readonly string[];
  readonly annotations: readonly string[];
} {
  const none = { labels: [], annotations: [] };
  try {
    return { ...none, ...(JSON.parse(object.metadata.annotations?.[ANNOTATION.fromTemplate] ?? '{}') as object) };
  } catch {
    // edited by hand: nothing is known to come from the template then
    return none;
  }
}

function merged(stored: Words | undefined, before: readonly string[], wished: Words): Record<string, string> {
  const dropped = new Set(before.filter((key) => wished[key] === undefined));
  return { ...Object.fromEntries(Object.entries(stored ?? {}).filter(([key]) => !dropped.has(key))), ...wished };
}

function same(a: Words, b: Words | undefined): boolean {
  return canonicalText(a) === canonicalText(b ?? {});
}

/** Equal for equal objects, whatever the order of their keys. */
export function canonicalText(value: unknown): string {
  return JSON.stringify(value, (_, v: unknown) =>
    typeof v === 'object' && v !== null && !Array.isArray(v)
      ? Object.fromEntries(Object.entries(v).sort(([a], [b]) => (a < b ? -1 : 1)))
      : v,
  );
}
