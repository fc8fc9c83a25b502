import { describe, expect, test } from '@jest/globals';
import {
  aDocument,
  aLiveCluster,
  type LiveCluster,
  WELL,
  withPlane,
  withWorkers,
} from '../../../test/helpers/manifest-world.js';
import type { Machine } from '../../api/types/index.js';
import { planManifest } from './plan.js';
import type { ManifestDocument, ManifestPlan, PlanStep } from './types.js';

const NEW = 'v1.34.4';
const plan = (world: LiveCluster, ...documents: ManifestDocument[]): ManifestPlan =>
  planManifest({ ...world, documents });
const planePlan = (world: LiveCluster, spec: Parameters<typeof withPlane>[1]): ManifestPlan =>
  plan(world, aDocument(world.controlPlane, withPlane(world.controlPlane, spec)));
const ETCD_NOTE =
  'etcd of KubeadmControlPlane default/demo-control-plane was not asked: its members are taken to be the machines with a Node, each as healthy as its Machine says';
const short = ({ action, machine, etcd, machines }: PlanStep): string =>
  `${action} ${machine?.startsWith('cp-') ? machine : 'new'}: etcd ${etcd?.before}→${etcd?.members}, quorum ${etcd?.quorum} of ${etcd?.voters}, ${machines?.total}/${machines?.available}`;

describe('a manifest that changes a control plane', () => {
  test('of three replaces them one by one, and etcd keeps its quorum at each step', () => {
    const { steps, summary, budgets } = planePlan(aLiveCluster(), { version: NEW });
    const machines = steps.filter((s) => s.kind === 'Machine');
    expect(machines.map(short)).toEqual([
      'create new: etcd 3→4, quorum 3 of 4, 4/3',
      'delete cp-1: etcd 4→3, quorum 2 of 3, 3/3',
      'create new: etcd 3→4, quorum 3 of 4, 4/3',
      'delete cp-2: etcd 4→3, quorum 2 of 3, 3/3',
      'create new: etcd 3→4, quorum 3 of 4, 4/3',
      'delete cp-3: etcd 4→3, quorum 2 of 3, 3/3',
    ]);
    expect(machines.every((s) => s.etcd?.safe)).toBe(true);
    expect(new Set(machines.map((s) => s.machine)).size).toBe(6);
    expect(machines.map((s) => s.failureDomain ?? '-')).toEqual(['a', '-', 'b', '-', 'c', '-']);
    expect(steps[0]).toMatchObject({
      kind: 'Workload',
      reason: 'before new machines join, bring up to date in kubeadm-config: kubernetesVersion v1.34.4',
    });
    expect(machines[1]).toMatchObject({
      group: { kind: 'KubeadmControlPlane', name: 'demo-control-plane' },
      reason: 'Version v1.33.5, v1.34.4 required',
      cloud: ["deregister from the API server's load balancer", 'terminate its instance'],
    });
    expect(machines[0]?.cloud).toEqual([
      'create an instance of m5.large',
      "register it with the API server's load balancer",
    ]);
    expect(steps.at(-1)).toMatchObject({
      kind: 'Workload',
      action: 'maintain',
      reason: 'bring up to date: kube-proxy to v1.34.4',
    });
    expect(summary).toEqual({ changed: true, refused: false, machinesCreated: 3, machinesDeleted: 3 });
    expect(budgets).toMatchObject([{ maxSurge: 1, maxUnavailable: 0, mostMachines: 4, leastAvailable: 3 }]);
  });

  test('with maxSurge 0 takes one before it makes one', () => {
    const rollout = { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 0 } } } as never;
    const { steps, budgets } = planePlan(aLiveCluster(), { version: NEW, rollout });
    expect(
      steps
        .filter((s) => s.kind === 'Machine')
        .slice(0, 2)
        .map(short),
    ).toEqual(['delete cp-1: etcd 3→2, quorum 2 of 2, 2/2', 'create new: etcd 2→3, quorum 2 of 3, 3/2']);
    expect(budgets).toMatchObject([{ maxSurge: 0, maxUnavailable: 1, mostMachines: 3, leastAvailable: 2 }]);
  });

  test('names the fields of the kubeadm configuration that differ, and another template', () => {
    const world = aLiveCluster(1);
    const { infrastructureRef } = world.controlPlane.spec.machineTemplate.spec;
    const { steps, notes } = planePlan(world, {
      kubeadmConfigSpec: { clusterConfiguration: { apiServer: { extraArgs: [{ name: 'v', value: '4' }] } } } as never,
      machineTemplate: { spec: { infrastructureRef: { ...infrastructureRef, name: 'bigger' } } },
    });
    expect(steps.find((s) => s.action === 'delete')).toMatchObject({
      reason: 'KubeadmConfig is not up-to-date; AWSMachine is not up-to-date',
      fields: ['clusterConfiguration.apiServer.extraArgs'],
    });
    expect(notes).toEqual([
      'AWSMachineTemplate default/bigger does not exist and is not in the manifest: no machine is made until it does',
      ETCD_NOTE,
    ]);
  });

  test('finds the new template in the manifest, with its instance type', () => {
    const world = aLiveCluster(1);
    const [template] = world.templates;
    if (!template) throw new Error('no template');
    const bigger = {
      ...template,
      metadata: { ...template.metadata, name: 'bigger' },
      spec: { template: { spec: { instanceType: 'm5.4xlarge' } } },
    };
    const ref = { ...world.controlPlane.spec.machineTemplate.spec.infrastructureRef, name: 'bigger' };
    const wanted = withPlane(world.controlPlane, { machineTemplate: { spec: { infrastructureRef: ref } } });
    const { objects, steps, notes, cloud } = plan(
      world,
      aDocument(undefined, bigger),
      aDocument(world.controlPlane, wanted),
    );
    expect(objects.map((o) => o.action)).toEqual(['create', 'change']);
    expect(steps[0]?.cloud?.[0]).toBe('create an instance of m5.4xlarge');
    expect(notes).toEqual([ETCD_NOTE]);
    expect(cloud).toMatchObject([
      { action: 'create', resource: 'instance', count: 1 },
      { action: 'delete', resource: 'instance', count: 1 },
    ]);
  });

  test('scales without touching the others', () => {
    expect(planePlan(aLiveCluster(1), { replicas: 3 }).steps.map(short)).toEqual([
      'create new: etcd 1→2, quorum 2 of 2, 2/1',
      'create new: etcd 2→3, quorum 2 of 3, 3/2',
    ]);
  });

  test('changes labels in place: no machine comes or goes', () => {
    const world = aLiveCluster();
    const machineTemplate = { ...world.controlPlane.spec.machineTemplate, metadata: { labels: { tier: 'gold' } } };
    const { objects, steps, summary } = planePlan(world, { machineTemplate });
    expect(steps).toEqual([]);
    expect(summary).toMatchObject({ changed: true, machinesCreated: 0 });
    expect(objects[0]?.changes).toEqual([
      { field: 'spec.machineTemplate.metadata.labels.tier', to: '"gold"', effect: 'changes machines in place' },
    ]);
  });

  test('says what has to be waited for first', () => {
    const world = aLiveCluster();
    const ill = (m: Machine): Machine =>
      m.metadata.name === 'cp-2'
        ? ({ ...m, status: { ...m.status, conditions: WELL.filter((c) => c.type !== 'EtcdMemberHealthy') } } as Machine)
        : m;
    const [first] = planePlan({ ...world, machines: world.machines.map(ill) }, { version: NEW }).steps;
    expect(first).toMatchObject({
      action: 'wait',
      machine: 'cp-2',
      reason: expect.stringContaining('EtcdMemberHealthy'),
    });
  });

  test('of nothing is nothing', () => {
    const world = aLiveCluster();
    const { summary, steps, objects } = planePlan(world, {});
    expect({ steps, actions: objects.map((o) => o.action) }).toEqual({ steps: [], actions: ['none'] });
    expect(summary.changed).toBe(false);
  });

  test('of a paused cluster waits, and says so', () => {
    const world = aLiveCluster();
    const clusters = world.clusters.map((c) => ({ ...c, spec: { ...c.spec, paused: true } }));
    const { steps, notes } = planePlan({ ...world, clusters }, { version: NEW });
    expect(steps).toEqual([]);
    expect(notes[0]).toContain('is paused');
  });

  test('that is not there yet makes its machines, whose names nobody knows', () => {
    const world = aLiveCluster();
    const { status: _, ...plain } = world.controlPlane;
    const { steps, notes } = plan(
      { ...world, controlPlanes: [], machines: [], deployments: [], sets: [] },
      aDocument(undefined, plain),
    );
    expect(steps.map((s) => [s.action, s.machine])).toEqual([
      ['create', undefined],
      ['create', undefined],
      ['create', undefined],
    ]);
    expect(notes).toEqual([]);
  });
});

describe('a manifest that breaks a rule is refused by its name', () => {
  const rulesOf = ({ refusals }: ManifestPlan): string[] =>
    refusals.map((r) => `${r.object.kind} ${r.rule} by ${r.by}`);

  test.each<[what: string, plane: string, workers: string, expected: string[]]>([
    ['both one minor up', NEW, NEW, []],
    ['workers stay', NEW, 'v1.33.5', []],
    ['workers ahead of their control plane', 'v1.33.5', NEW, ['MachineDeployment KubernetesVersionSkew by preflight']],
    ['two minors at once', 'v1.35.0', 'v1.35.0', ['KubeadmControlPlane ControlPlaneMinorStep by admission']],
    [
      'back a minor',
      'v1.32.1',
      'v1.32.1',
      [
        'KubeadmControlPlane ControlPlaneDowngrade by kubernetes',
        'MachineDeployment KubernetesVersionSkew by kubernetes',
      ],
    ],
  ])('%s', (_, plane, workers, expected) => {
    const world = aLiveCluster();
    const result = plan(
      world,
      aDocument(world.controlPlane, withPlane(world.controlPlane, { version: plane })),
      aDocument(world.deployment, withWorkers(world.deployment, { version: workers })),
    );
    expect(rulesOf(result)).toEqual(expected);
    expect(result.summary.refused).toBe(expected.length > 0);
    const planned = result.steps.some((s) => s.group.kind === 'KubeadmControlPlane');
    expect(planned).toBe(plane !== 'v1.33.5' && !expected.some((e) => e.startsWith('Kubeadm')));
  });

  test('workers left too far behind, though the manifest does not speak of them', () => {
    const world = aLiveCluster();
    const old = withWorkers(world.deployment, { version: 'v1.30.2' });
    const deployments = [old];
    const result = planePlan({ ...world, deployments }, { version: NEW });
    expect(rulesOf(result)).toEqual(['MachineDeployment KubernetesVersionSkew by kubernetes']);
    const machines = world.machines.map((m) =>
      m.metadata.name.startsWith('w-') ? { ...m, spec: { ...m.spec, version: 'v1.30.2' } } : m,
    );
    expect(rulesOf(planePlan({ ...world, machines }, { version: NEW }))).toHaveLength(1);
  });

  test('more workers of another minor than kubeadm joins, unless the check is turned off', () => {
    const world = aLiveCluster();
    const controlPlane = withPlane(world.controlPlane, { version: NEW });
    const more = withWorkers(world.deployment, {}, { replicas: 5 });
    const of = (wanted: typeof more): string[] =>
      rulesOf(plan({ ...world, controlPlanes: [controlPlane] }, aDocument(world.deployment, wanted)));
    expect(of(more)).toEqual(['MachineDeployment KubeadmVersionSkew by preflight']);
    const annotations = { 'machineset.cluster.x-k8s.io/skip-preflight-checks': 'KubeadmVersionSkew' };
    expect(of({ ...more, metadata: { ...more.metadata, annotations } })).toEqual([]);
  });

  test.each<[string, template: string, own: string | undefined, refused: boolean]>([
    ['by the bootstrap template', 'KubeadmVersionSkew', undefined, false],
    ['by the bootstrap template, all of them', 'All', undefined, false],
    ['but for another one', 'ControlPlaneIsStable', undefined, true],
    ['by the template, though the deployment names others', 'KubeadmVersionSkew', 'ControlPlaneIsStable', true],
  ])('a check is turned off %s', (_, ofTemplate, own, refused) => {
    const world = aLiveCluster();
    const skip = 'machineset.cluster.x-k8s.io/skip-preflight-checks';
    const templates = world.templates.map((t) =>
      t.kind === 'KubeadmConfigTemplate'
        ? { ...t, metadata: { ...t.metadata, annotations: { [skip]: ofTemplate } } }
        : t,
    );
    const more = withWorkers(world.deployment, {}, { replicas: 5 });
    const annotations = own === undefined ? {} : { [skip]: own };
    const wanted = { ...more, metadata: { ...more.metadata, annotations } };
    const controlPlanes = [withPlane(world.controlPlane, { version: NEW })];
    const result = plan({ ...world, controlPlanes, templates }, aDocument(world.deployment, wanted));
    expect(rulesOf(result)).toEqual(refused ? ['MachineDeployment KubeadmVersionSkew by preflight'] : []);
  });

  test('a rollout that has not ended is not jumped over', () => {
    const world = aLiveCluster();
    const controlPlane = withPlane(world.controlPlane, { version: NEW });
    const wanted = withPlane(controlPlane, { version: 'v1.35.0' });
    const result = plan({ ...world, controlPlanes: [controlPlane] }, aDocument(controlPlane, wanted));
    expect(rulesOf(result)).toEqual(['KubeadmControlPlane ControlPlaneMinorStep by kubernetes']);
  });

  test('what the API server refuses is told once, and nothing is planned for it', () => {
    const world = aLiveCluster();
    const wanted = withPlane(world.controlPlane, { version: 'v1.36.0' });
    const message = 'cannot go from v1.33.5 to v1.36.0: upgrade one minor version at a time, next is v1.34';
    const twice = plan(world, aDocument(world.controlPlane, wanted, `forbidden: ${message}`));
    expect(rulesOf(twice)).toEqual(['KubeadmControlPlane ControlPlaneMinorStep by admission']);
    const even = withPlane(world.controlPlane, { replicas: 2 });
    const result = plan(world, aDocument(world.controlPlane, even, 'spec.replicas: cannot be even'));
    expect(result.refusals).toMatchObject([{ rule: 'Admission', message: 'spec.replicas: cannot be even' }]);
    expect({ steps: result.steps, action: result.objects[0]?.action }).toEqual({ steps: [], action: 'refused' });
  });
});
