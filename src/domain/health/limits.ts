import type { MachineHealthCheckSpec } from '../../api/types/index.js';

/** How many unhealthy Machines there may be, and how many there are. */
export interface LimitVerdict {
  readonly allowed: boolean;
  /** Further Machines that may become unhealthy before remediation stops; 0 when it has. */
  readonly remediationsAllowed: number;
  /** Why remediation is not allowed; empty when it is. */
  readonly message: string;
}

type TriggerIf = NonNullable<NonNullable<MachineHealthCheckSpec['remediation']>['triggerIf']>;

/** `[min-max]` as numbers; undefined when it is not one, or holds no number. Source: capi machinehealthcheck getUnhealthyRange. */
export function parseUnhealthyRange(range: string): { readonly min: number; readonly max: number } | undefined {
  const found = /^\[(\d+)-(\d+)\]$/.exec(range);
  if (!found) return undefined;
  const [min, max] = [Number(found[1]), Number(found[2])];
  return min <= max ? { min, max } : undefined;
}

/** A number, or a percentage of `total` rounded down; undefined when it is neither. Source: intstr.GetScaledValueFromIntOrPercent. */
export function scaledLimit(limit: number | string, total: number): number | undefined {
  if (typeof limit === 'number') return limit;
  const percent = /^([+-]?\d+)%$/.exec(limit)?.[1];
  return percent === undefined ? undefined : Math.floor((Number(percent) * total) / 100);
}

/**
 * Whether remediation is allowed with `healthy` of `expected` Machines healthy. Those about to fail, new or on their way out count as unhealthy.
 * Without limits everything is allowed. Source: capi machinehealthcheck isAllowedRemediation.
 */
export function judgeLimits(triggerIf: TriggerIf | undefined, expected: number, healthy: number): LimitVerdict {
  const unhealthy = expected - healthy;
  const count = `total: ${expected}, unhealthy: ${unhealthy}`;
  const refuse = (why: string): LimitVerdict => ({
    allowed: false,
    remediationsAllowed: 0,
    message: `Remediation is not allowed, the number of not started or unhealthy machines ${why}`,
  });
  const allow = (max: number): LimitVerdict => ({ allowed: true, remediationsAllowed: max - unhealthy, message: '' });
  const inRange = triggerIf?.unhealthyInRange;
  if (inRange) {
    const range = parseUnhealthyRange(inRange);
    return range && unhealthy >= range.min && unhealthy <= range.max
      ? allow(range.max)
      : refuse(`does not fall within the range (${count}, unhealthyRange: ${inRange})`);
  }
  const limit = triggerIf?.unhealthyLessThanOrEqualTo ?? '100%';
  const max = scaledLimit(limit, expected);
  return max !== undefined && unhealthy <= max
    ? allow(max)
    : refuse(`exceeds maxUnhealthy (${count}, maxUnhealthy: ${limit})`);
}
