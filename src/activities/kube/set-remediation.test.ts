import { describe, expect, test } from '@jest/globals';
import {
  type ActivityWorld,
  activityWorld,
  keyOf,
  killedAfterEachWrite,
  NOW,
  writesOf,
} from '../../../test/helpers/activity-world.js';
import { aCluster, aMachine, aRunningPlane } from '../../../test/helpers/fake-objects.js';
import { aMachineDeployment, aMachineSet, theTemplates } from '../../../test/helpers/fake-owners.js';
import { messageOf, verdicts } from '../../../test/helpers/status-checks.js';
import type { Machine, MachineDeployment, MachineSet } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import type { Condition } from '../../api/types/meta.js';
import { findCondition } from '../../domain/conditions.js';
import { ownerReference } from '../../domain/contract.js';
import { ANNOTATION } from '../../domain/names.js';
import { setFacts } from '../../domain/plan/replicas.js';
import { assessMachineSet } from './assess-machine-set.js';
import { remediateMachines } from './set-replacement.js';

const cluster = aCluster();
const plane = aRunningPlane(cluster);
const deployment = aMachineDeployment(cluster, { replicas: 3, remediation: { maxInFlight: 1 } });
const bare = aMachineSet(cluster, { replicas: 3 }, 'workers-1');
const set: MachineSet = {
  ...bare,
  metadata: { ...bare.metadata, ownerReferences: [ownerReference(deployment, { controller: true })] },
};
const key = keyOf(set);
const SICK = { HealthCheckSucceeded: 'UnhealthyNode', OwnerRemediated: 'WaitingForRemediation' };

function worker(name: string, sick: Record<string, string> = {}): Machine {
  const made = aMachine(cluster, { name });
  const verdict = (type: string, status: string, reason: string): Condition =>
    ({ type, status, reason, message: '', lastTransitionTime: NOW }) as Condition;
  const conditions = Object.entries(sick).map(([type, reason]) => verdict(type, 'False', reason));
  const healthy = conditions.length === 0 ? [verdict('HealthCheckSucceeded', 'True', 'HealthCheckSucceeded')] : [];
  return {
    ...made,
    metadata: { ...made.metadata, finalizers: ['x'], ownerReferences: [ownerReference(set, { controller: true })] },
    status: { nodeRef: { name }, conditions: [...healthy, ...conditions] },
  } as Machine;
}

const world = (...objects: Parameters<ActivityWorld['kube']['put']>[0][]): ActivityWorld =>
  activityWorld({ objects: [cluster, plane, deployment, set, ...theTemplates(cluster), ...objects] });
const stored = (w: ActivityWorld, name: string) =>
  w.kube.peek<Machine>(KINDS.Machine, { namespace: 'default', name }) as Machine;
const wordOn = (w: ActivityWorld, name: string) =>
  findCondition(stored(w, name)?.status?.conditions as Condition[] | undefined, 'OwnerRemediated');
const goingIn = (w: ActivityWorld): string[] =>
  w.kube
    .all(KINDS.Machine)
    .filter((m) => m.metadata.deletionTimestamp !== undefined)
    .map((m) => m.metadata.name);
const three = () => world(worker('a', SICK), worker('b', SICK), worker('c'));

describe('replacing the unhealthy machines of a set', () => {
  test('marks each before it is deleted, as many as may be, and says so', async () => {
    const w = three();
    let marked: string | undefined;
    w.kube.before((call) => {
      if (call.verb === 'delete') marked = wordOn(w, call.name)?.reason;
    });
    await remediateMachines(w.deps, key, ['a', 'b']);
    expect(goingIn(w)).toEqual(['a']);
    expect(marked).toBe('MachineDeleting');
    expect(wordOn(w, 'a')).toMatchObject({
      status: 'False',
      reason: 'MachineDeleting',
      message: 'Machine is deleting',
    });
    expect(wordOn(w, 'b')).toMatchObject({ reason: 'RemediationDeferred' });
    expect(w.events).toContain('MachineRemediation Machine/a');
    const told = w.kube.peek<MachineSet>(KINDS.MachineSet, set.metadata)?.status;
    expect(verdicts(told)['Remediating']).toBe('True Remediating');
  });

  test('killed after any write and run again comes to the same, and never replaces more', async () => {
    const writes = await killedAfterEachWrite(
      () => {
        const w = three();
        w.kube.after(() => expect(goingIn(w).length).toBeLessThanOrEqual(1));
        return w;
      },
      async ({ deps }) => {
        await remediateMachines(deps, key, ['a', 'b']);
        await assessMachineSet(deps, key);
      },
      (after, undisturbed, n) => expect({ n, after }).toEqual({ n, after: undisturbed }),
    );
    expect(writes).toBeGreaterThanOrEqual(4);
  });

  test('goes on with a machine that was marked and not deleted, before any other', async () => {
    const marked = { ...SICK, OwnerRemediated: 'MachineDeleting' };
    const w = world(worker('a', SICK), worker('b', marked), worker('c'));
    await expect(assessMachineSet(w.deps, key)).resolves.toMatchObject({ remediate: ['b'] });
    await remediateMachines(w.deps, key, ['b']);
    expect(goingIn(w)).toEqual(['b']);
    expect(wordOn(w, 'a')?.reason).toBe('RemediationDeferred');
  });

  test('counts a machine as in flight until it is gone, and goes on then', async () => {
    const w = three();
    await remediateMachines(w.deps, key, ['a', 'b']);
    await remediateMachines(w.deps, key, ['a', 'b']);
    expect(goingIn(w)).toEqual(['a']);
    w.kube.remove(KINDS.Machine, { namespace: 'default', name: 'a' });
    await remediateMachines(w.deps, key, ['a', 'b']);
    expect(goingIn(w)).toEqual(['b']);
  });

  test('touches only machines it was sent for, that are still ill and its own', async () => {
    const w = three();
    await remediateMachines(w.deps, key, ['b', 'c', 'gone']);
    expect(goingIn(w)).toEqual([]);
    const paused = world(worker('a', SICK));
    paused.kube.put({ ...cluster, spec: { ...cluster.spec, paused: true } });
    await remediateMachines(paused.deps, key, ['a']);
    expect(goingIn(paused)).toEqual([]);
  });

  test('replaces none of a set that is rolled out: the rollout takes them', async () => {
    const w = world(worker('a', SICK));
    const template = { ...deployment.spec.template, spec: { ...deployment.spec.template.spec, version: 'v1.35.0' } };
    w.kube.put({ ...deployment, spec: { ...deployment.spec, template } } as MachineDeployment);
    const { remediate } = await assessMachineSet(w.deps, key);
    expect(remediate).toEqual([]);
    expect(wordOn(w, 'a')?.reason).toBe('CannotBeRemediated');
  });

  test('waits while preflight checks fail, and says on the Machine which', async () => {
    const w = world(worker('a', SICK), worker('b'), worker('c'));
    w.kube.put({ ...plane, status: { version: 'v1.33.0' } });
    const facts = await assessMachineSet(w.deps, key);
    expect(facts).toMatchObject({ remediate: [], blocked: { again: false } });
    expect(wordOn(w, 'a')).toMatchObject({
      reason: 'RemediationDeferred',
      message: expect.stringContaining('is upgrading'),
    });
    w.kube.put(plane);
    await expect(assessMachineSet(w.deps, key)).resolves.toMatchObject({ remediate: ['a'] });
  });

  test('takes its word back from a machine that has recovered, and writes nothing twice', async () => {
    const w = three();
    w.kube.put({ ...deployment, spec: { ...deployment.spec, remediation: { maxInFlight: 0 } } });
    await assessMachineSet(w.deps, key);
    expect(await writesOf(w.kube, () => assessMachineSet(w.deps, key))).toBe(0);
    expect(wordOn(w, 'a')?.reason).toBe('RemediationDeferred');
    const ill = stored(w, 'a');
    const conditions = ((ill.status?.conditions ?? []) as Condition[]).map((c) =>
      c.type === 'HealthCheckSucceeded' ? { ...c, status: 'True' } : c,
    );
    w.kube.put({ ...ill, status: { ...ill.status, conditions } } as Machine);
    await assessMachineSet(w.deps, key);
    expect(wordOn(w, 'a')).toBeUndefined();
    expect(wordOn(w, 'b')?.reason).toBe('RemediationDeferred');
  });
});

describe('making machines', () => {
  const status = (w: ActivityWorld) => w.kube.peek<MachineSet>(KINDS.MachineSet, set.metadata)?.status;
  const step = async (w: ActivityWorld) => setFacts(await assessMachineSet(w.deps, key), Date.parse(NOW)).step;

  test('waits for the preflight checks, once says which fail, and goes on', async () => {
    const w = world(worker('a'));
    w.kube.put({ ...plane, status: {} });
    await expect(step(w)).resolves.toEqual({ create: [], remove: [] });
    expect(messageOf(status(w), 'ScalingUp')).toBe(
      `Scaling up from 1 to 3 replicas is blocked because:\n* KubeadmControlPlane default/demo-control-plane is provisioning; machines are made once it has one ("ControlPlaneIsStable" preflight check failed)`,
    );
    await step(w);
    expect(w.events.filter((e) => e.startsWith('PreflightCheckFailed'))).toEqual([
      'PreflightCheckFailed MachineSet/workers-1',
    ]);
    w.kube.put(plane);
    expect((await step(w)).create).toHaveLength(2);
  });

  test('is stopped by an annotation, which stops no deletion', async () => {
    const w = world(worker('a'));
    w.kube.put({ ...set, metadata: { ...set.metadata, annotations: { [ANNOTATION.disableMachineCreate]: 'true' } } });
    await expect(step(w)).resolves.toEqual({ create: [], remove: [] });
    expect(messageOf(status(w), 'ScalingUp')).toContain('annotation cluster.x-k8s.io/disable-machine-create stops');
    for (const name of ['b', 'c', 'd']) w.kube.put(worker(name));
    expect((await step(w)).remove).toHaveLength(1);
  });

  test('looks again by the clock where nobody tells of the control plane', async () => {
    const ref = { apiGroup: 'controlplane.example.test', kind: 'TheirControlPlane', name: 'theirs' };
    const w = world(worker('a'));
    w.kube.put({ ...cluster, spec: { ...cluster.spec, controlPlaneRef: ref } });
    await expect(assessMachineSet(w.deps, key)).resolves.toMatchObject({ blocked: { again: true } });
  });
});
