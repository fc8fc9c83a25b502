import type { HealthFacts } from '../../domain/facts.js';
import { planHealthCheckLane } from '../../domain/plan/health-check.js';
import { kube } from '../lib/activities.js';
import { type LaneHooks, runLane } from '../lib/lane.js';
import type { LaneInput, LaneResult } from '../types.js';

/** The one writer for a MachineHealthCheck and what it says on Machines; their owners replace them. */
export async function machineHealthCheckLane(input: LaneInput): Promise<LaneResult> {
  const hooks: LaneHooks<HealthFacts> = {
    assess: () =>
      kube.assessMachineHealthCheck.executeWithOptions({ summary: 'Check machines, mark the unhealthy ones' }, [
        { key: input.key },
      ]),
    decide: (facts) => planHealthCheckLane(facts),
    // all of its work is the look itself
    operate: () => Promise.resolve(undefined),
    supersedable: new Set(),
  };
  return runLane(input, hooks);
}
