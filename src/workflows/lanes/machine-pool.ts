import type { PoolFacts } from '../../domain/facts.js';
import { planMachinePool } from '../../domain/plan/machine-pool.js';
import { cloud, kube } from '../lib/activities.js';
import { type LaneHooks, runLane } from '../lib/lane.js';
import { runOperation } from '../lib/operation.js';
import type { OperationName } from '../names.js';
import type { LaneInput, LaneResult } from '../types.js';

const TITLES: Readonly<Record<string, string>> = {
  ProvisionMachinePool: 'provision machine pool',
  DeleteMachinePool: 'delete machine pool',
};

/** The one writer for a MachinePool, its bootstrap config and its infra pool. */
export async function machinePoolLane(input: LaneInput): Promise<LaneResult> {
  const { key } = input;
  const hooks: LaneHooks<PoolFacts> = {
    assess: async () => {
      const facts = await kube.assessMachinePool.executeWithOptions({ summary: 'Read the pool, write its status' }, [
        { key },
      ]);
      const settled = facts.provider && facts.provisioned && !facts.paused && !facts.deleting && !facts.clusterDeleting;
      if (!settled) return facts;
      return cloud(facts.cloudQueue).poolLook.executeWithOptions({ summary: 'Look at the group' }, [{ key }]);
    },
    decide: (facts) => planMachinePool(facts),
    operate: (operation, facts) => {
      const title = TITLES[operation] ?? facts.changes.join('; ');
      return runOperation<PoolFacts | undefined>(operation as OperationName, input, facts, title);
    },
    // a change is planned anew from what the group is by then
    supersedable: new Set(['ProvisionMachinePool', 'UpdateMachinePool']),
  };
  return runLane(input, hooks);
}
