import type { InstanceRefresh, RefreshPreferences as PreferencesRequest } from '@aws-sdk/client-auto-scaling';
import type { RefreshPreferences } from '../../../../api/types/aws.js';

/** What is known when the next step of a replacement is decided. */
export interface RefreshFacts {
  /** Instances that are not made from the template of today. */
  readonly outdated: number;
  /** When the template of today was made; undefined: it is not made yet. */
  readonly since: Date | undefined;
  readonly refreshes: readonly InstanceRefresh[];
  /** The refresh that was begun last, and whether for the template of today. */
  readonly begun?: { readonly id: string; readonly current: boolean };
  readonly preferences: RefreshPreferences;
}

export type RefreshStep =
  | { readonly kind: 'none' }
  | { readonly kind: 'start' }
  | { readonly kind: 'cancel'; readonly id: string }
  | { readonly kind: 'wait'; readonly text: string }
  /** It ended without replacing all; only another template, or a person, makes another try. */
  | { readonly kind: 'failed'; readonly text: string };

const ACTIVE = ['Pending', 'InProgress', 'Baking', 'Cancelling', 'RollbackInProgress'];

const startOf = (refresh: InstanceRefresh): number => refresh.StartTime?.getTime() ?? Number.POSITIVE_INFINITY;

/**
 * The next step of replacing outdated instances. A refresh belongs to the template of today when that was noted as it began, or when it began after that was
 * made: so one that was begun by an attempt that died is found, and one for an earlier template is cancelled. Pure.
 */
export function refreshStep({ outdated, since, refreshes, begun, preferences }: RefreshFacts): RefreshStep {
  const newest = [...refreshes].sort((a, b) => startOf(b) - startOf(a));
  const active = newest.find((r) => ACTIVE.includes(r.Status ?? ''));
  const isCurrent = (refresh: InstanceRefresh): boolean =>
    begun && refresh.InstanceRefreshId === begun.id
      ? begun.current
      : since !== undefined && startOf(refresh) >= since.getTime();
  if (active) {
    const ending = active.Status === 'Cancelling' || active.Status === 'RollbackInProgress';
    if (!ending && !isCurrent(active) && (outdated > 0 || since === undefined))
      return { kind: 'cancel', id: active.InstanceRefreshId ?? '' };
    const progress = active.PercentageComplete === undefined ? '' : ` ${active.PercentageComplete} %`;
    return { kind: 'wait', text: `instance refresh ${active.Status ?? ''}${progress}`.trimEnd() };
  }
  if (outdated === 0 || since === undefined || preferences.disable) return { kind: 'none' };
  const last = newest.find(isCurrent);
  if (!last) return { kind: 'start' };
  const why = last.StatusReason ? `: ${last.StatusReason}` : '';
  return { kind: 'failed', text: `instance refresh ${last.Status ?? ''}${why}; ${outdated} instances are outdated` };
}

/** Preferences as AWS takes them. */
export function refreshRequest({
  strategy,
  instanceWarmup,
  minHealthyPercentage,
  maxHealthyPercentage,
}: RefreshPreferences): { readonly Strategy: 'Rolling'; readonly Preferences: PreferencesRequest } {
  return {
    Strategy: (strategy || 'Rolling') as 'Rolling',
    Preferences: {
      ...(instanceWarmup === undefined ? {} : { InstanceWarmup: instanceWarmup }),
      ...(minHealthyPercentage === undefined ? {} : { MinHealthyPercentage: minHealthyPercentage }),
      ...(maxHealthyPercentage === undefined ? {} : { MaxHealthyPercentage: maxHealthyPercentage }),
    },
  };
}
