import type { Condition, V1Beta1Condition } from '../api/types/meta.js';

/** A condition before it meets the stored one: no transition time yet. */
export interface ConditionInput {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message?: string;
}

/** A v1beta1 condition before it meets the stored one; `severity` is kept only with status False. */
export interface V1Beta1Input {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly severity?: 'Error' | 'Warning' | 'Info';
  readonly reason?: string;
  readonly message?: string;
}

const MESSAGE_LIMIT = 32_768;
const V1BETA1_MESSAGE_LIMIT = 10_240;

/**
 * Completes `wanted` with transition times: kept from `previous` while status is unchanged, else `now` (RFC 3339, seconds). Sorted by type,
 * so that equal conditions are equal bytes. Source: apimachinery meta.SetStatusCondition.
 */
export function mergeConditions(
  previous: readonly Condition[] | undefined,
  wanted: readonly ConditionInput[],
  generation: number,
  now: string,
): Condition[] {
  const before = new Map((previous ?? []).map((c) => [c.type, c]));
  return [...wanted]
    .sort((a, b) => a.type.localeCompare(b.type))
    .map((c) => {
      const old = before.get(c.type);
      return {
        type: c.type,
        status: c.status,
        reason: c.reason,
        message: (c.message ?? '').slice(0, MESSAGE_LIMIT),
        lastTransitionTime: old && old.status === c.status ? old.lastTransitionTime : now,
        observedGeneration: generation,
      };
    });
}

/** The same for v1beta1 conditions; Ready comes first as upstream sorts it. */
export function mergeV1Beta1Conditions(
  previous: readonly V1Beta1Condition[] | undefined,
  wanted: readonly V1Beta1Input[],
  now: string,
): V1Beta1Condition[] {
  const before = new Map((previous ?? []).map((c) => [c.type, c]));
  const rank = (type: string): string => (type === 'Ready' ? '' : type);
  return [...wanted]
    .sort((a, b) => rank(a.type).localeCompare(rank(b.type)))
    .map((c) => {
      const old = before.get(c.type);
      const next: Omit<V1Beta1Condition, 'lastTransitionTime'> = {
        type: c.type,
        status: c.status,
        ...(c.status === 'False' && c.severity ? { severity: c.severity } : {}),
        ...(c.reason ? { reason: c.reason } : {}),
        ...(c.message ? { message: c.message.slice(0, V1BETA1_MESSAGE_LIMIT) } : {}),
      };
      // compared as stored, cut and without empty texts: else the time would move on every look
      const same =
        old !== undefined &&
        (['status', 'severity', 'reason', 'message'] as const).every((f) => (old[f] ?? '') === (next[f] ?? ''));
      return { ...next, lastTransitionTime: same ? old.lastTransitionTime : now };
    });
}

/** The condition of that type, if present. */
export function findCondition<T extends { readonly type: string }>(
  conditions: readonly T[] | undefined,
  type: string,
): T | undefined {
  return conditions?.find((c) => c.type === type);
}

/** Whether the condition of that type is present and True. */
export function isTrue(
  conditions: readonly { readonly type: string; readonly status: string }[] | undefined,
  type: string,
): boolean {
  return findCondition(conditions, type)?.status === 'True';
}

/** The condition of an object that was not taken because it belongs to somebody else; undefined when there is no such `message`. */
export function refusal(type: string, message: string | undefined): ConditionInput | undefined {
  return message === undefined ? undefined : { type, status: 'False', reason: 'OwnershipConflict', message };
}

const STATUSES = ['True', 'False', 'Unknown'];

/**
 * The condition of an object whose child reports a condition that is none: without a status that there is. Undefined when the child's condition can be read.
 * Source: capi util/conditions NewMirrorConditionFromUnstructured.
 */
export function invalidCondition(
  type: string,
  child: { readonly kind: string; readonly metadata: { readonly name: string } },
  said: { readonly type?: string; readonly status?: unknown },
): ConditionInput | undefined {
  if (STATUSES.includes(said.status as string)) return undefined;
  const message = `${child.kind} ${child.metadata.name}: condition ${said.type ?? 'Ready'} has status ${JSON.stringify(said.status ?? null)}; it must be True, False or Unknown`;
  return { type, status: 'Unknown', reason: 'InvalidConditionReported', message };
}

/** Which conditions `summarize` looks at, and the reasons it answers with. */
export interface SummaryRules {
  /** Types that are good when True. */
  readonly positive: readonly string[];
  /** Types that are good when False. */
  readonly negative?: readonly string[];
  /** Types that count only when present. */
  readonly ignoreIfMissing?: readonly string[];
  readonly trueReason: string;
  readonly falseReason: string;
  readonly unknownReason: string;
}

/**
 * One condition out of several: any issue makes it False, else any unknown makes it Unknown, else True. The message lists each
 * offending condition. Source: cluster-api util/conditions summary strategy.
 */
export function summarize(type: string, conditions: readonly ConditionInput[], rules: SummaryRules): ConditionInput {
  const issues: string[] = [];
  const unknowns: string[] = [];
  const check = (name: string, good: 'True' | 'False'): void => {
    const c = conditions.find((x) => x.type === name);
    if (!c) {
      if (!rules.ignoreIfMissing?.includes(name)) unknowns.push(`* ${name}: condition not yet reported`);
      return;
    }
    if (c.status === good) return;
    const line = `* ${name}: ${c.message ? c.message.replaceAll('\n', '\n  ') : c.reason}`;
    (c.status === 'Unknown' ? unknowns : issues).push(line);
  };
  for (const name of rules.negative ?? []) check(name, 'False');
  for (const name of rules.positive) check(name, 'True');
  if (issues.length > 0)
    return { type, status: 'False', reason: rules.falseReason, message: [...issues, ...unknowns].join('\n') };
  if (unknowns.length > 0)
    return { type, status: 'Unknown', reason: rules.unknownReason, message: unknowns.join('\n') };
  return { type, status: 'True', reason: rules.trueReason };
}

/** Which condition of each object `aggregate` looks at, and the reasons it answers with. */
export interface AggregateRules {
  readonly source: string;
  readonly trueReason: string;
  readonly falseReason: string;
  readonly unknownReason: string;
  readonly emptyReason: string;
  /** Noun for messages, e.g. `Machine`. */
  readonly noun: string;
}

/** One condition out of the same condition of many objects; at most three names per message line, as upstream. */
export function aggregate(
  type: string,
  objects: readonly {
    readonly name: string;
    readonly conditions: readonly (ConditionInput | Condition)[] | undefined;
  }[],
  rules: AggregateRules,
): ConditionInput {
  if (objects.length === 0) return { type, status: 'True', reason: rules.emptyReason };
  const groups = new Map<string, string[]>();
  let anyFalse = false;
  let anyUnknown = false;
  for (const object of objects) {
    const c = findCondition(object.conditions, rules.source);
    if (c?.status === 'True') continue;
    if (c?.status === 'False') anyFalse = true;
    else anyUnknown = true;
    const text = c ? c.message || c.reason : `Condition ${rules.source} not yet reported`;
    groups.set(text, [...(groups.get(text) ?? []), object.name]);
  }
  if (groups.size === 0) return { type, status: 'True', reason: rules.trueReason };
  const lines = [...groups].map(([text, names]) => {
    const shown = names.slice(0, 3).join(', ') + (names.length > 3 ? `, … (${names.length - 3} more)` : '');
    const body = text.includes('\n') ? `\n  ${text.replaceAll('\n', '\n  ')}` : ` ${text}`;
    return `* ${names.length > 1 ? `${rules.noun}s` : rules.noun} ${shown}:${body}`;
  });
  const status = anyFalse ? 'False' : anyUnknown ? 'Unknown' : 'True';
  return { type, status, reason: anyFalse ? rules.falseReason : rules.unknownReason, message: lines.join('\n') };
}
