import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { PoolFacts } from '../facts.js';
import { isPoolComplete, planMachinePool } from './machine-pool.js';

const settled: PoolFacts = {
  exists: true,
  paused: false,
  deleting: false,
  generation: 1,
  cluster: 'default/c',
  attempt: 'a1',
  provider: 'aws',
  cloudQueue: 'q',
  clusterDeleting: false,
  infrastructureReady: true,
  controlPlaneInitialized: true,
  bootstrapReady: true,
  provisioned: true,
  desired: 3,
  replicas: 3,
  ready: 3,
  upToDate: 3,
  external: false,
  changes: [],
  lookAgainSeconds: 300,
};
const said = (facts: Partial<PoolFacts>): string => {
  const decision = planMachinePool({ ...settled, ...facts });
  return decision.do === 'operate'
    ? decision.operation
    : [decision.outcome, decision.requeueSeconds ?? 'until told'].join(' ');
};

describe('the next move of a machine pool', () => {
  test.each<[string, Partial<PoolFacts>, string]>([
    ['is to look again in time when settled', {}, 'Converged 300'],
    ['is nothing when nobody has to look', { lookAgainSeconds: undefined as never }, 'Converged until told'],
    ['is nothing when it is gone', { exists: false }, 'Absent until told'],
    ['is nothing while paused, even when it is to be deleted', { paused: true, deleting: true }, 'Paused until told'],
    ['is its deletion', { deleting: true, changes: ['x'] }, 'DeleteMachinePool'],
    ['is nothing while its cluster goes', { clusterDeleting: true }, 'Waiting until told'],
    ['waits for the infrastructure', { infrastructureReady: false }, 'Waiting until told'],
    ['waits for the control plane', { controlPlaneInitialized: false, bootstrapReady: false }, 'Waiting until told'],
    [
      'does not wait for it with data of its own',
      { controlPlaneInitialized: false, provisioned: false },
      'ProvisionMachinePool',
    ],
    ['is to provision it', { provisioned: false }, 'ProvisionMachinePool'],
    ['is to bring a changed group to its wish', { changes: ['maxSize 3 to 5'] }, 'UpdateMachinePool'],
    ['waits for nodes', { ready: 2 }, 'Waiting 30'],
    ['waits for instances', { replicas: 2 }, 'Waiting 30'],
    ['waits for a refresh', { waitingFor: 'instance refresh' }, 'Waiting 30'],
    ['waits for outdated instances to go', { upToDate: 1 }, 'Waiting 30'],
    [
      'is to keep what is there after a failure that stands',
      {
        changes: ['x'],
        failure: { operation: 'UpdateMachinePool', type: 'InvalidConfiguration', message: '', attempt: 'a1' },
      },
      'Waiting 300',
    ],
    [
      'is another try soon enough for new instances to join',
      { failure: { operation: 'UpdateMachinePool', type: 'QuotaExceeded', message: '', attempt: 'a1' } },
      'Failed 120',
    ],
    [
      'is nothing after a failure of what was never provisioned',
      {
        provisioned: false,
        failure: { operation: 'ProvisionMachinePool', type: 'InvalidConfiguration', message: '', attempt: 'a1' },
      },
      'Failed until told',
    ],
  ])('%s', (_, facts, expected) => {
    expect(said(facts)).toBe(expected);
  });

  test('never ends converged while anything is missing', () => {
    const count = fc.integer({ min: 0, max: 4 });
    const some = fc.record({
      desired: count,
      replicas: count,
      ready: count,
      upToDate: count,
      changes: fc.array(fc.string({ minLength: 1 }), { maxLength: 2 }),
    });
    fc.assert(
      fc.property(some, (facts) => {
        const all = { ...settled, ...facts };
        const done = said(facts) === 'Converged 300';
        expect(done).toBe(isPoolComplete(all));
        if (done)
          expect([facts.replicas, facts.ready >= facts.desired, facts.changes]).toEqual([facts.desired, true, []]);
      }),
    );
  });
});
