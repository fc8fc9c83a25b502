import { Context } from '@temporalio/activity';
import type { CallScope } from '../activities/deps.js';

/** The running activity's cancellation and heartbeat. */
export function temporalScope(): CallScope {
  const context = Context.current();
  return {
    signal: context.cancellationSignal,
    heartbeat: (details: string) => context.heartbeat(details),
  };
}

/** RFC 3339 with seconds, as Kubernetes writes times. */
export const rfc3339 = (): string => `${new Date().toISOString().slice(0, 19)}Z`;
