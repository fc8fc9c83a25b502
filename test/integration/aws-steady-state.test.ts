import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import {
  type AwsProvider,
  awsClusterObjects,
  awsMachineObjects,
  callContext,
  clusterContext,
  ensureCluster,
  machineContext,
  retried,
  testProvider,
} from '../../src/activities/providers/aws/testing.js';
import type { MotoHandle } from '../../src/sandbox/moto/index.js';
import { startTestMoto } from '../../src/sandbox/moto/testing.js';
import { FakeKube } from '../helpers/fake-kube.js';

/** What clusters cost an account while nothing happens: no changes, and reads by pages of what there is, not by clusters. */
jest.setTimeout(600_000);

const SWEEPS = 10;
let moto: MotoHandle;
let provider: AwsProvider;
let kube: FakeKube;

beforeAll(async () => {
  moto = await startTestMoto({ allMs: 0 });
  provider = testProvider(moto.endpoint);
  kube = new FakeKube();
}, 300_000);
afterAll(async () => {
  await moto?.stop();
});

const names = (count: number): string[] => Array.from({ length: count }, (_, i) => `c${i}`);

/** A cluster that has converged, with a control plane machine and a worker; every other one has a classic balancer. */
async function settle(name: string, index: number): Promise<void> {
  const spec = {
    sshKeyName: '',
    controlPlaneLoadBalancer: { loadBalancerType: index % 2 === 0 ? ('nlb' as const) : ('classic' as const) },
  };
  for (const object of awsClusterObjects(name, { spec })) kube.put(object);
  await ensureCluster(provider, kube, name);
  for (const controlPlane of [true, false]) {
    const machine = `${name}-${controlPlane ? 'cp' : 'md'}`;
    for (const object of awsMachineObjects(machine, { cluster: name, controlPlane })) kube.put(object);
    await provider.createInstance(await machineContext(kube, machine));
    await retried(async () => {
      const { state } = await provider.observeInstance(await machineContext(kube, machine));
      if (state !== 'running') throw Object.assign(new Error(state), { type: 'NotYet' });
    }, 50);
  }
}

/** The calls of ten sweeps over the first `count` clusters. */
async function sweeps(count: number): Promise<{ reads: number; changes: number; sweeps: number[] }> {
  const contexts = await Promise.all(names(count).map((name) => clusterContext(kube, name)));
  const perSweep: number[] = [];
  let changes = 0;
  for (let i = 0; i < SWEEPS; i++) {
    const { sequence } = await moto.admin.journalSummary();
    expect(await provider.sweep(callContext(kube), contexts)).toEqual([]);
    const calls = await moto.admin.journal({ since: sequence });
    changes += calls.filter((call) => call.mutating).length;
    perSweep.push(calls.length);
  }
  return { reads: perSweep.reduce((a, b) => a + b, 0), changes, sweeps: perSweep };
}

describe('twenty clusters of one account to which nothing happens', () => {
  test('cost no change in ten sweeps, and hardly more reads than five', async () => {
    for (const [index, name] of names(20).entries()) await settle(name, index);
    await sweeps(20); // what is asked once and kept
    const five = await sweeps(5);
    const twenty = await sweeps(20);
    expect([five.changes, twenty.changes]).toEqual([0, 0]);
    // groups, tables, instances and classic balancers by page, and the target groups of at most ten clusters
    for (const calls of twenty.sweeps) expect(calls).toBeLessThanOrEqual(4 + 10);
    expect(twenty.reads / SWEEPS - five.reads / SWEEPS).toBeLessThanOrEqual(7);
    process.stderr.write(`reads per sweep: 5 clusters ${five.reads / SWEEPS}, 20 clusters ${twenty.reads / SWEEPS}\n`);
  });
});
