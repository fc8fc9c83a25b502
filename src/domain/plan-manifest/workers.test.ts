import { describe, expect, test } from '@jest/globals';
import { aMachineSet } from '../../../test/helpers/fake-owners.js';
import {
  aDocument,
  aLiveCluster,
  type LiveCluster,
  withPlane,
  withWorkers,
} from '../../../test/helpers/manifest-world.js';
import type { MachineDeployment, MachineSet } from '../../api/types/index.js';
import { ANNOTATION } from '../names.js';
import { planManifest } from './plan.js';
import type { ManifestDocument, ManifestPlan, PlanStep } from './types.js';

const NEW = 'v1.34.4';
const plan = (world: LiveCluster, ...documents: ManifestDocument[]): ManifestPlan =>
  planManifest({ ...world, documents });
const workersPlan = (world: LiveCluster, wanted: MachineDeployment): ManifestPlan =>
  plan(world, aDocument(world.deployment, wanted));
const short = ({ phase, action, machine, machines }: PlanStep): string =>
  `${phase} ${action} ${machine ?? 'new'} ${machines?.total}/${machines?.available}`;
const strategy = (maxSurge: number | string, maxUnavailable: number | string, type = 'RollingUpdate') =>
  ({
    strategy: { type, ...(type === 'RollingUpdate' ? { rollingUpdate: { maxSurge, maxUnavailable } } : {}) },
  }) as never;
const atNew = (world: LiveCluster): LiveCluster => {
  const controlPlane = withPlane(world.controlPlane, { version: NEW });
  return {
    ...world,
    controlPlane,
    controlPlanes: [{ ...controlPlane, status: { ...controlPlane.status, version: NEW } }],
  };
};

const labelled = ({ deployment: d }: LiveCluster): MachineDeployment => ({
  ...d,
  spec: { ...d.spec, template: { ...d.spec.template, metadata: { labels: { pool: 'blue', tier: 'gold' } } } },
});

describe('a manifest that changes workers', () => {
  test('replaces them by the limits of their strategy, each by name', () => {
    const world = atNew(aLiveCluster(3, 3));
    const { steps, budgets, cloud } = workersPlan(world, withWorkers(world.deployment, { version: NEW }));
    expect(steps.map(short)).toEqual([
      '1 create new 4/3',
      '1 delete w-1 3/3',
      '1 create new 4/3',
      '1 delete w-2 3/3',
      '1 create new 4/3',
      '1 delete w-3 3/3',
    ]);
    expect(steps[0]).toMatchObject({ group: { kind: 'MachineDeployment' }, cloud: ['create an instance of m5.large'] });
    expect(steps[1]?.reason).toBe('Version v1.33.5, v1.34.4 required');
    expect(budgets).toEqual([
      {
        group: { kind: 'MachineDeployment', namespace: 'default', name: 'workers' },
        ...{ desired: 3, strategy: 'RollingUpdate', maxSurge: 1, maxUnavailable: 0 },
        ...{ mostMachines: 4, leastAvailable: 3 },
      },
    ]);
    expect(cloud.map((c) => [c.action, c.count])).toEqual([
      ['create', 3],
      ['delete', 3],
    ]);
  });

  test('resolves percentages', () => {
    const world = atNew(aLiveCluster(1, 4));
    const rollout = strategy('50%', '25%');
    const { budgets } = workersPlan(world, withWorkers(world.deployment, { version: NEW }, { rollout }));
    expect(budgets).toMatchObject([{ maxSurge: 2, maxUnavailable: 1, mostMachines: 5, leastAvailable: 3 }]);
  });

  test('together with the control plane has the new ones wait for it, and the quorum with them', () => {
    const world = aLiveCluster(3, 2);
    const { steps, refusals, summary } = plan(
      world,
      aDocument(world.deployment, withWorkers(world.deployment, { version: NEW })),
      aDocument(world.controlPlane, withPlane(world.controlPlane, { version: NEW })),
    );
    expect(refusals).toEqual([]);
    const machines = steps.filter((s) => s.kind === 'Machine');
    expect(machines.map((s) => [s.phase, s.action, s.group.kind])).toEqual([
      ...Array.from({ length: 3 }, () => [
        [1, 'create', 'KubeadmControlPlane'],
        [1, 'delete', 'KubeadmControlPlane'],
      ]).flat(),
      ...Array.from({ length: 2 }, () => [
        [2, 'create', 'MachineDeployment'],
        [2, 'delete', 'MachineDeployment'],
      ]).flat(),
    ]);
    expect(steps.filter((s) => s.waitsFor).map((s) => s.waitsFor)).toEqual([
      ['ControlPlaneIsStable'],
      ['ControlPlaneIsStable'],
    ]);
    expect(summary).toMatchObject({ machinesCreated: 5, machinesDeleted: 5 });
  });

  test('does not hold up what goes before anything new is made', () => {
    const world = aLiveCluster(1, 2);
    const rollout = strategy(0, 1);
    const { steps } = plan(
      world,
      aDocument(world.controlPlane, withPlane(world.controlPlane, { version: NEW })),
      aDocument(world.deployment, withWorkers(world.deployment, { version: NEW }, { rollout })),
    );
    const workers = steps.filter((s) => s.group.kind === 'MachineDeployment');
    expect(workers.map(short)).toEqual([
      '1 delete w-1 1/1',
      '2 create new 2/1',
      '2 delete w-2 1/1',
      '2 create new 2/1',
    ]);
  });

  test('scales: what goes is chosen as the set chooses it', () => {
    const world = aLiveCluster(1, 3);
    const machines = world.machines.map((m) =>
      m.metadata.name === 'w-3'
        ? { ...m, metadata: { ...m.metadata, annotations: { [ANNOTATION.deleteMachine]: '' } } }
        : m,
    );
    const fewer = workersPlan({ ...world, machines }, withWorkers(world.deployment, {}, { replicas: 1 }));
    expect(fewer.steps.map(short)).toEqual(['1 delete w-3 1/1', '1 delete w-1 1/1']);
    expect(fewer.steps[0]?.reason).toBe('surplus');
    const more = workersPlan(world, withWorkers(world.deployment, {}, { replicas: 5 }));
    expect(more.steps.map((s) => s.action)).toEqual(['create', 'create']);
  });

  test.each<[string, (world: LiveCluster) => MachineDeployment, note: string | undefined]>([
    ['labels', labelled, undefined],
    ['a paused deployment', ({ deployment: d }) => withWorkers(d, { version: NEW }, { paused: true }), undefined],
    [
      'strategy OnDelete',
      ({ deployment: d }) => withWorkers(d, { version: NEW }, { rollout: strategy(0, 0, 'OnDelete') }),
      'MachineDeployment default/workers has strategy OnDelete: its machines are replaced when you delete them',
    ],
  ])('replaces nothing for %s', (_, change, note) => {
    const world = atNew(aLiveCluster(1, 2));
    const { steps, notes, summary } = workersPlan(world, change(world));
    expect({ steps, notes }).toEqual({ steps: [], notes: note === undefined ? [] : [note] });
    expect(summary.changed).toBe(true);
  });

  test('goes on with a rollout that has begun', () => {
    const world = atNew(aLiveCluster(1, 2));
    const deployment = withWorkers(world.deployment, { version: NEW });
    const begun = aMachineSet(
      world.clusters[0] ?? never(),
      { replicas: 1, template: deployment.spec.template },
      'workers-2',
    );
    const ownerReferences = world.set.metadata.ownerReferences ?? [];
    const set = { ...begun, metadata: { ...begun.metadata, ownerReferences } };
    const { steps } = plan(
      { ...world, deployment, deployments: [deployment], sets: [world.set, set] },
      aDocument(deployment, deployment),
    );
    expect(steps.map((s) => s.reason)).toEqual([
      'Version v1.33.5, v1.34.4 required',
      'for MachineSet workers-2',
      'Version v1.33.5, v1.34.4 required',
    ]);
  });

  test('whose bootstrap template skips the check does not wait for the control plane', () => {
    const world = aLiveCluster();
    const annotations = { 'machineset.cluster.x-k8s.io/skip-preflight-checks': 'ControlPlaneIsStable' };
    const templates = world.templates.map((t) =>
      t.kind === 'KubeadmConfigTemplate' ? { ...t, metadata: { ...t.metadata, annotations } } : t,
    );
    const heldBack = (of: LiveCluster): boolean =>
      plan(
        of,
        aDocument(world.controlPlane, withPlane(world.controlPlane, { version: NEW })),
        aDocument(world.deployment, withWorkers(world.deployment, { version: NEW })),
      ).steps.some((s) => s.waitsFor !== undefined);
    expect([heldBack(world), heldBack({ ...world, templates })]).toEqual([true, false]);
  });

  test('that are not there yet makes them when the control plane is', () => {
    const world = aLiveCluster(1, 2);
    const fresh = withWorkers({ ...world.deployment, metadata: { name: 'more', namespace: 'default' } }, {});
    expect(plan(world, aDocument(undefined, fresh)).steps.map(short)).toEqual(['1 create new 2/0', '1 create new 2/0']);
  });
});

const sized = (set: MachineSet, replicas: number): MachineSet => ({ ...set, spec: { ...set.spec, replicas } });

describe('a MachineSet of its own', () => {
  test('changes its size, and nothing else', () => {
    const world = aLiveCluster(1, 2);
    const { ownerReferences: _, ...metadata } = world.set.metadata;
    const own = { ...world.set, metadata };
    const of = (replicas: number): ManifestPlan =>
      plan({ ...world, sets: [own] }, aDocument(own, sized(own, replicas)));
    expect(of(1).steps.map(short)).toEqual(['1 delete w-1 1/1']);
    expect(of(3).steps.map(short)).toEqual(['1 create new 3/2']);
    expect(of(2).steps).toEqual([]);
  });
});

function never(): never {
  throw new Error('the world has a cluster');
}
