import type { HealthFacts } from '../facts.js';
import { commonGates, type Decision } from './plan.js';

const BLOCKED_SECONDS = 60;
const LONGEST_BLOCKED_SECONDS = 900;
const TROUBLE_SECONDS = 120;
const LONGEST_TROUBLE_SECONDS = 1_800;

/**
 * What the lane of a health check does after a look, which was all its work: it stays open only while some Machine is about to fail, or while it has to
 * ask again. It owns nothing, so its deletion is nothing to do.
 */
export function planHealthCheckLane(facts: HealthFacts): Decision {
  if (facts.exists && facts.deleting)
    return { do: 'end', outcome: 'Absent', reason: 'is being deleted; it keeps nothing' };
  const gate = commonGates(facts, 'DeleteMachineHealthCheck');
  if (gate) return gate;
  if (facts.blocked !== undefined) {
    const { reason, again } = facts.blocked;
    const later = { requeueSeconds: BLOCKED_SECONDS, atMostSeconds: LONGEST_BLOCKED_SECONDS };
    return { do: 'end', outcome: 'Waiting', reason, ...(again ? later : {}) };
  }
  const { expected, healthy, unhealthy, pending, nextCheckSeconds } = facts;
  const reason = [
    `${healthy} of ${expected} machines healthy`,
    unhealthy > 0 ? `${unhealthy} unhealthy${facts.allowed ? '' : ', too many to remediate'}` : '',
    pending > 0 ? `${pending} about to fail` : '',
    facts.trouble ?? '',
  ]
    .filter((text) => text !== '')
    .join('; ');
  // An exact time: nothing is looked at in between.
  if (nextCheckSeconds > 0) return { do: 'end', outcome: 'Waiting', reason, requeueSeconds: nextCheckSeconds };
  if (facts.trouble !== undefined)
    return {
      do: 'end',
      outcome: 'Waiting',
      reason,
      requeueSeconds: TROUBLE_SECONDS,
      atMostSeconds: LONGEST_TROUBLE_SECONDS,
    };
  return { do: 'end', outcome: healthy === expected ? 'Converged' : 'Waiting', reason };
}
