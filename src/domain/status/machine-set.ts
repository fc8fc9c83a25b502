import type { Machine } from '../../api/types/index.js';
import type { ConditionInput } from '../conditions.js';
import { namedMachines } from './remediating.js';

const STALE_MS = 15 * 60_000;

interface Scaling {
  readonly current: number;
  readonly desired: number;
  /** What keeps machines from being made, as sentences. */
  readonly blocked: readonly string[];
  /** Kinds of templates that do not exist. */
  readonly missing: readonly string[];
  /** Machines whose deletion takes long, as a sentence; empty when there are none. */
  readonly stale: string;
}

/** ScalingUp and ScalingDown of a MachineSet. Source: capi machineset_controller_status.go. */
export function setScaling({ current, desired, blocked, missing, stale }: Scaling): ConditionInput[] {
  const absent =
    missing.length === 0 ? '' : `${missing.join(' and ')} ${missing.length === 1 ? 'does' : 'do'} not exist`;
  const reasons = [...blocked, ...(absent ? [absent] : [])].map((line) => `\n* ${line}`).join('');
  const [up, down] = [current < desired, current > desired];
  const way = `from ${current} to ${desired} replicas`;
  const upMessage = up
    ? `Scaling up ${way}${reasons ? ` is blocked because:${reasons}` : ''}`
    : absent
      ? `Scaling up would be blocked because ${absent}`
      : undefined;
  return [
    {
      type: 'ScalingUp',
      ...(up ? { status: 'True', reason: 'ScalingUp' } : { status: 'False', reason: 'NotScalingUp' }),
      ...(upMessage ? { message: upMessage } : {}),
    },
    down
      ? {
          type: 'ScalingDown',
          status: 'True',
          reason: 'ScalingDown',
          message: `Scaling down ${way}${stale ? `\n* ${stale}` : ''}`,
        }
      : { type: 'ScalingDown', status: 'False', reason: 'NotScalingDown' },
  ];
}

/** Machines whose deletion takes long, as a sentence; empty when there are none. `now`: RFC 3339. */
export function staleMachines(machines: readonly Machine[], now: string): string {
  const since = (m: Machine): number => Date.parse(m.metadata.deletionTimestamp ?? now);
  const stale = machines.filter((m) => Date.parse(now) - since(m) > STALE_MS);
  return stale.length === 0 ? '' : `${namedMachines(stale)} in deletion since more than 15m`;
}

/** What a set that is deleted says of its machines. */
export function deletingMessage(machines: readonly Machine[], now: string): string {
  if (machines.length === 0) return 'Deletion completed';
  const stale = staleMachines(machines, now);
  return `Deleting ${machines.length} Machine${machines.length === 1 ? '' : 's'}${stale ? `\n* ${stale}` : ''}`;
}
