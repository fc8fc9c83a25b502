import { describe, expect, test } from '@jest/globals';
import {
  type ActivityWorld,
  activityWorld,
  keyOf,
  killedAfterEachWrite,
  NOW,
  snapshot,
  writesOf,
} from '../../../test/helpers/activity-world.js';
import { aCluster, aMachine } from '../../../test/helpers/fake-objects.js';
import { aMachineDeployment, aMachineSet, theTemplates } from '../../../test/helpers/fake-owners.js';
import { verdicts } from '../../../test/helpers/status-checks.js';
import type { Machine, MachineDeployment, MachineSet } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import type { KubeObject } from '../../api/types/meta.js';
import { ownerReference } from '../../domain/contract.js';
import { ANNOTATION, FINALIZER, LABEL } from '../../domain/names.js';
import { setIdentity } from '../../domain/template.js';
import { assessMachineDeployment } from './assess-machine-deployment.js';

const cluster = aCluster();
const owner = ownerReference(cluster, { controller: false });
const templates = theTemplates(cluster);

function worker(name: string, of: KubeObject | undefined, metadata: Partial<Machine['metadata']> = {}): Machine {
  const machine = aMachine(cluster, { name });
  const ownerReferences = of ? [ownerReference(of, { controller: true })] : [];
  return { ...machine, metadata: { ...machine.metadata, ownerReferences, ...metadata } };
}

/** Each look makes the step that is due: enough of them make all. */
async function untilQuiet(deps: ActivityWorld['deps'], key: ReturnType<typeof keyOf>): Promise<void> {
  for (let looks = 0; looks < 6; looks++) await assessMachineDeployment(deps, key);
}

describe('a look at a machine deployment', () => {
  const deployment = aMachineDeployment(cluster, { replicas: 3 });
  const key = keyOf(deployment);
  const { name } = setIdentity(deployment, Date.parse(NOW));
  const stored = (world: ActivityWorld) =>
    world.kube.peek<MachineDeployment>(KINDS.MachineDeployment, deployment.metadata) as MachineDeployment;
  const sets = (world: ActivityWorld) => world.kube.all<MachineSet>(KINDS.MachineSet);
  const fresh = () => activityWorld({ objects: [cluster, deployment, ...templates] });
  const old = (suffix: string, replicas: number, metadata: Partial<MachineSet['metadata']> = {}): MachineSet => {
    const set = aMachineSet(cluster, { replicas }, `workers-${suffix}`);
    return {
      ...set,
      metadata: { ...set.metadata, ownerReferences: [ownerReference(deployment, { controller: true })], ...metadata },
      spec: {
        ...set.spec,
        template: { ...set.spec.template, spec: { ...set.spec.template.spec, version: 'v1.33.0' } },
      },
    };
  };

  test('that is absent changes nothing', async () => {
    const world = activityWorld();
    await expect(assessMachineDeployment(world.deps, key)).resolves.toMatchObject({ exists: false });
    expect(world.kube.writes()).toEqual([]);
  });

  test('makes its one set, as upstream would', async () => {
    const world = fresh();
    await expect(assessMachineDeployment(world.deps, key)).resolves.toMatchObject({
      desired: 3,
      replicas: 0,
      ready: 0,
    });
    const [set] = sets(world);
    const { hash } = setIdentity(deployment, Date.parse(NOW));
    const labels = {
      pool: 'blue',
      [LABEL.clusterName]: 'demo',
      [LABEL.deploymentName]: 'workers',
      [LABEL.templateHash]: hash,
    };
    expect(set).toMatchObject({
      metadata: { name, labels, annotations: { [ANNOTATION.revision]: '1', [ANNOTATION.desiredReplicas]: '3' } },
      spec: {
        clusterName: 'demo',
        replicas: 3,
        selector: { matchLabels: { pool: 'blue', [LABEL.templateHash]: hash } },
        template: { metadata: { labels, annotations: { note: 'kept' } }, spec: deployment.spec.template.spec },
      },
    });
    expect(set?.metadata.ownerReferences).toEqual([ownerReference(deployment, { controller: true })]);
    expect(stored(world).metadata).toMatchObject({
      finalizers: [FINALIZER.MachineDeployment],
      ownerReferences: [owner],
    });
    for (const template of templates.filter((t) => t.metadata.name === 'workers')) {
      expect(world.kube.all().find((o) => o.metadata.uid === template.metadata.uid)?.metadata.ownerReferences).toEqual([
        owner,
      ]);
    }
  });

  test('writes nothing when nothing changed', async () => {
    const world = fresh();
    await assessMachineDeployment(world.deps, key);
    world.now = '2026-02-02T00:00:00Z';
    expect(await writesOf(world.kube, () => assessMachineDeployment(world.deps, key))).toBe(0);
  });

  test.each<[string, () => ActivityWorld]>([
    ['that is new', fresh],
    [
      'with a new template',
      () => activityWorld({ objects: [cluster, deployment, ...templates, old('a', 2), old('b', 4)] }),
    ],
  ])('%s, killed after any write and run again, comes to the same with no second set', async (_, make) => {
    const writes = await killedAfterEachWrite(
      make,
      ({ deps }) => untilQuiet(deps, key),
      (after, undisturbed, n) => expect({ n, after }).toEqual({ n, after: undisturbed }),
    );
    expect(writes).toBeGreaterThanOrEqual(4);
  });

  test('passes the count on, in place', async () => {
    const world = fresh();
    await assessMachineDeployment(world.deps, key);
    world.kube.put({ ...stored(world), spec: { ...deployment.spec, replicas: 5 } });
    await assessMachineDeployment(world.deps, key);
    expect(sets(world).map((s) => [s.metadata.name, s.spec.replicas])).toEqual([[name, 5]]);
  });

  test('keeps the machines of old sets as far as the count allows, the oldest shrinking first', async () => {
    const young = old('b', 2, { creationTimestamp: '2026-01-02T00:00:00Z' });
    const going = old('c', 9, { deletionTimestamp: NOW, finalizers: ['x'] });
    const world = activityWorld({ objects: [cluster, deployment, ...templates, young, old('a', 2), going] });
    await assessMachineDeployment(world.deps, key);
    const sizes = Object.fromEntries(sets(world).map((s) => [s.metadata.name, s.spec.replicas]));
    expect(sizes).toEqual({ [name]: 0, 'workers-a': 1, 'workers-b': 2, 'workers-c': 9 });
  });

  test('makes no set and takes no machine from the old ones while a template does not exist', async () => {
    const world = activityWorld({ objects: [cluster, deployment, ...templates.slice(1), old('a', 3)] });
    await expect(assessMachineDeployment(world.deps, key)).resolves.toMatchObject({
      failure: { operation: 'ScaleMachineSets', type: 'InvalidConfiguration' },
    });
    expect(sets(world).map((s) => [s.metadata.name, s.spec.replicas])).toEqual([['workers-a', 3]]);
    const scaling = stored(world).status?.conditions?.find((c) => c.type === 'ScalingUp');
    expect(scaling?.message).toContain('does not exist; create it, or correct the reference');
    world.kube.put(templates[0] as KubeObject);
    await expect(assessMachineDeployment(world.deps, key)).resolves.not.toHaveProperty('failure');
    expect(sets(world)).toHaveLength(2);
  });

  test('leaves a set alone that somebody else controls, and refuses one that has the name of ours', async () => {
    const foreign = { ...old('x', 1), metadata: { ...old('x', 1).metadata, name, ownerReferences: [] } };
    const world = activityWorld({ objects: [cluster, deployment, ...templates, foreign] });
    await expect(assessMachineDeployment(world.deps, key)).resolves.toMatchObject({
      failure: { operation: 'ScaleMachineSets', type: 'OwnershipConflict' },
    });
    const scaling = stored(world).status?.conditions?.find((c) => c.type === 'ScalingUp');
    expect(scaling?.message).toContain('OwnershipConflict: MachineSet default/');
    expect(world.events).toEqual(['ScaleMachineSetsFailed MachineDeployment/workers']);
    expect(sets(world)).toEqual([expect.objectContaining({ spec: foreign.spec })]);
  });

  test('tells each machine whether it is of the current template', async () => {
    const world = fresh();
    await assessMachineDeployment(world.deps, key);
    const before = old('a', 1);
    world.kube.put(before);
    world.kube.put(worker('was', before));
    world.kube.put(
      worker(
        'is',
        sets(world).find((s) => s.metadata.name === name),
        { labels: {} },
      ),
    );
    await assessMachineDeployment(world.deps, key);
    const upToDate = world.kube
      .all<Machine>(KINDS.Machine)
      .map((m) => [m.metadata.name, verdicts(m.status)['UpToDate']]);
    expect(upToDate).toEqual([
      ['was', 'False NotUpToDate'],
      ['is', 'True UpToDate'],
    ]);
    expect(stored(world).status).toMatchObject({ replicas: 2, upToDateReplicas: 1 });
  });

  describe('whose spec is paused', () => {
    const halted = { ...deployment, spec: { ...deployment.spec, paused: true } };

    test('gets no new set', async () => {
      const world = activityWorld({ objects: [cluster, halted, ...templates] });
      await assessMachineDeployment(world.deps, key);
      expect(sets(world)).toEqual([]);
    });

    test('still scales the one set it has, whatever its template', async () => {
      const world = activityWorld({ objects: [cluster, halted, ...templates, old('a', 1)] });
      await assessMachineDeployment(world.deps, key);
      expect(sets(world).map((s) => s.spec.replicas)).toEqual([3]);
    });
  });

  test('that is paused gives it its Paused condition and nothing else', async () => {
    const paused = { ...deployment, metadata: { ...deployment.metadata, annotations: { [ANNOTATION.paused]: '' } } };
    const world = activityWorld({ objects: [cluster, paused, ...templates, old('a', 1)] });
    const before = snapshot(world.kube);
    await assessMachineDeployment(world.deps, key);
    expect(verdicts(stored(world).status)).toEqual({ Paused: 'True Paused' });
    const of = 'MachineDeployment/default/workers';
    expect({ ...snapshot(world.kube), [of]: 0 }).toEqual({ ...before, [of]: 0 });
  });
});
