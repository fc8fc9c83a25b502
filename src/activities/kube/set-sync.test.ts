import { describe, expect, test } from '@jest/globals';
import {
  type ActivityWorld,
  activityWorld,
  keyOf,
  killedAfterEachWrite,
  NOW,
  writesOf,
} from '../../../test/helpers/activity-world.js';
import { aCluster, aRunningPlane } from '../../../test/helpers/fake-objects.js';
import { aMachineSet, theTemplates } from '../../../test/helpers/fake-owners.js';
import type { Machine, MachineSet } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import { assessMachineSet } from './assess-machine-set.js';
import { createWorkerMachines } from './machines.js';

const cluster = aCluster();
const set = aMachineSet(cluster);
const key = keyOf(set);
const MADE = [KINDS.Machine, KINDS.AWSMachine, KINDS.KubeadmConfig];
const ref = { namespace: 'default', name: 'w1' };

const changed: MachineSet = {
  ...set,
  spec: {
    ...set.spec,
    template: {
      metadata: { labels: { pool: 'blue', tier: 'gold' } },
      spec: {
        ...set.spec.template.spec,
        version: 'v1.35.0',
        minReadySeconds: 30,
        deletion: { nodeDrainTimeoutSeconds: 60 },
        readinessGates: [{ conditionType: 'G' }],
        taints: [{ key: 'k', effect: 'NoSchedule', propagation: 'Always' }],
      },
    },
  },
};

async function made(): Promise<ActivityWorld> {
  const w = activityWorld({ objects: [cluster, aRunningPlane(cluster), set, ...theTemplates(cluster)] });
  await createWorkerMachines(w.deps, key, ['w1']);
  await assessMachineSet(w.deps, key);
  return w;
}

describe('what a set changes in place', () => {
  test('reaches its machines and what they are made of; what means another machine does not', async () => {
    const w = await made();
    const before = w.kube.peek<Machine>(KINDS.Machine, ref)?.spec;
    w.kube.put(changed);
    await assessMachineSet(w.deps, key);
    for (const kind of MADE) {
      const metadata = w.kube.peek(kind, ref)?.metadata;
      expect(metadata?.labels).toMatchObject({ pool: 'blue', tier: 'gold' });
      expect(metadata?.annotations).not.toHaveProperty('note');
    }
    const { minReadySeconds, deletion, readinessGates, taints } = changed.spec.template.spec;
    expect(w.kube.peek<Machine>(KINDS.Machine, ref)?.spec).toEqual({
      ...before,
      ...{ minReadySeconds, deletion, readinessGates, taints },
    });
  });

  test('is written once, and goes again with the template', async () => {
    const w = await made();
    const before = w.kube.peek<Machine>(KINDS.Machine, ref);
    expect(await writesOf(w.kube, () => assessMachineSet(w.deps, key))).toBe(0);
    w.kube.put(changed);
    await assessMachineSet(w.deps, key);
    expect(await writesOf(w.kube, () => assessMachineSet(w.deps, key))).toBe(0);
    w.kube.put(set);
    await assessMachineSet(w.deps, key);
    const after = w.kube.peek<Machine>(KINDS.Machine, ref);
    expect(after?.spec).toEqual(before?.spec);
    expect(after?.metadata.labels).toEqual(before?.metadata.labels);
  });

  test('killed after any write and run again comes to the same', async () => {
    const base = (await made()).kube.all();
    const writes = await killedAfterEachWrite(
      () => {
        const w = activityWorld({ objects: structuredClone(base) });
        w.kube.put(changed);
        return w;
      },
      ({ deps }) => assessMachineSet(deps, key),
      (after, undisturbed, n) => expect({ n, after }).toEqual({ n, after: undisturbed }),
    );
    expect(writes).toBeGreaterThanOrEqual(3);
  });

  test('gives a machine on its way out its time-outs only, and leaves what it is made of', async () => {
    const w = await made();
    const stored = w.kube.peek<Machine>(KINDS.Machine, ref) as Machine;
    w.kube.put({ ...stored, metadata: { ...stored.metadata, deletionTimestamp: NOW, finalizers: ['x'] } });
    w.kube.put(changed);
    await assessMachineSet(w.deps, key);
    expect(w.kube.peek<Machine>(KINDS.Machine, ref)?.spec.deletion).toEqual({ nodeDrainTimeoutSeconds: 60 });
    for (const kind of MADE) expect(w.kube.peek(kind, ref)?.metadata.labels).not.toHaveProperty('tier');
  });
});
