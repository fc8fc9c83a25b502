import { formatSeconds } from '../../domain/go-duration.js';
import { parseSeconds } from './duration.js';
import { isObject, type JsonObject } from './json.js';
import { type Context, FieldProblem, type Mapping } from './rules.js';

/** Mappings of single values. Source: cluster-api core/webhooks/conversion, api/core/v1beta2/conversion.go. */

/**
 * A flag that v1beta1 wrote without a way to leave it out: false says nothing there, so it becomes absent. An explicit false of v1beta2 comes
 * back from the saved hub object.
 */
export const flagIntent: Mapping = { up: (value) => (value === false ? undefined : value), down: (value) => value };

/** The same for a counter: 0 of v1beta1 says nothing. */
export const countIntent: Mapping = { up: (value) => (value === 0 ? undefined : value), down: (value) => value };

/** metav1.Duration ↔ whole seconds. */
export const seconds: Mapping = {
  up: (value) => {
    if (typeof value !== 'string') return value;
    const parsed = parseSeconds(value);
    if (parsed === undefined)
      throw new FieldProblem('', `${JSON.stringify(value.slice(0, 40))} is no duration: write it like 1h30m or 90s`);
    return parsed;
  },
  down: (value) => (typeof value === 'number' ? formatSeconds(value) : value),
};

/** As `seconds`, for durations that v1beta1 could not leave out: 0 says nothing there. */
export const secondsIntent: Mapping = {
  up: (value, context) => {
    const parsed = seconds.up(value, context);
    return parsed === 0 ? undefined : parsed;
  },
  down: seconds.down,
};

function pick(source: JsonObject, names: readonly string[]): JsonObject {
  return Object.fromEntries(names.filter((name) => source[name] !== undefined).map((name) => [name, source[name]]));
}

function groupOf(apiVersion: unknown): string {
  return typeof apiVersion === 'string' && apiVersion.includes('/') ? (apiVersion.split('/', 1)[0] ?? '') : '';
}

const isBlank = (value: unknown): boolean =>
  !isObject(value) || Object.values(value).every((v) => v === undefined || v === '');

/** corev1.ObjectReference ↔ ContractVersionedObjectReference. */
export const contractRef: Mapping = {
  up: (value) => {
    if (!isObject(value)) return value;
    return isBlank(value) ? undefined : { apiGroup: groupOf(value['apiVersion']), ...pick(value, ['kind', 'name']) };
  },
  down: (value, context: Context) => {
    if (!isObject(value)) return value;
    const { apiGroup, kind } = value;
    return {
      apiVersion: context.apiVersionOf(String(apiGroup ?? ''), String(kind ?? '')),
      ...pick(value, ['kind', 'name']),
      ...(context.namespace === undefined ? {} : { namespace: context.namespace }),
    };
  },
};

/** corev1.ObjectReference ↔ a reference that keeps its version. */
export const templateRef: Mapping = {
  up: (value) => {
    if (!isObject(value)) return value;
    return isBlank(value) ? undefined : pick(value, ['apiVersion', 'kind', 'name']);
  },
  down: (value, context) =>
    isObject(value)
      ? { ...value, ...(context.namespace === undefined ? {} : { namespace: context.namespace }) }
      : value,
};

/** corev1.ObjectReference of a Node ↔ its name. */
export const nodeRef: Mapping = {
  up: (value) =>
    isObject(value) && typeof value['name'] === 'string' && value['name'] !== '' ? { name: value['name'] } : undefined,
  down: (value) => (isObject(value) ? { apiVersion: 'v1', kind: 'Node', name: value['name'] } : value),
};

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Arguments as a map ↔ as a list; sorted by name on the way up. */
export const args: Mapping = {
  up: (value) =>
    isObject(value)
      ? Object.entries(value)
          .sort(([a], [b]) => compare(a, b))
          .map(([name, text]) => ({ name, value: text }))
      : value,
  down: (value) =>
    Array.isArray(value)
      ? Object.fromEntries(value.filter(isObject).map((arg) => [String(arg['name']), arg['value'] ?? '']))
      : value,
};

/** Failure domains as a map by name ↔ as a list sorted by name. */
export const failureDomains: Mapping = {
  up: (value) =>
    isObject(value)
      ? Object.entries(value)
          .sort(([a], [b]) => compare(a, b))
          .map(([name, domain]) => ({ name, ...(isObject(domain) ? domain : {}) }))
      : value,
  down: (value) =>
    Array.isArray(value)
      ? Object.fromEntries(value.filter(isObject).map(({ name, ...domain }) => [String(name), domain]))
      : value,
};

/** v1beta1 has no phase Updating: such a Machine runs. */
export const machinePhase: Mapping = {
  up: (value) => value,
  down: (value) => (value === 'Updating' ? 'Running' : value),
};
