import type { KubeadmControlPlane } from '../../api/types/index.js';
import type { KubeObject } from '../../api/types/meta.js';
import { isPaused } from '../contract.js';
import { plannedObject } from './changes.js';
import { cloudChanges, templateOf } from './cloud.js';
import { type ControlPlaneChange, controlPlaneBudget, controlPlaneSteps } from './control-plane.js';
import { infraPoolOf, type PoolPlan, poolPlan } from './pools.js';
import { refusals } from './refusals.js';
import type { DisruptionBudget, ManifestPlan, ManifestWorld, ObjectRef, PlanStep, Refusal } from './types.js';
import { isPoolTold, sameRef, type Wanted, type WantedCluster, wantedClusters } from './wanted.js';
import { deploymentPlan, setPlan } from './workers.js';

interface GroupPlan {
  readonly steps: readonly PlanStep[];
  readonly budget?: DisruptionBudget | undefined;
}

function controlPlanePlan(
  world: ManifestWorld,
  { cluster, name }: WantedCluster,
  { ref, live, wanted }: Wanted<KubeadmControlPlane>,
): GroupPlan {
  const change: ControlPlaneChange = { ref, ...(live ? { live } : {}), wanted, cluster, clusterName: name };
  const steps = controlPlaneSteps(world, change);
  return { steps, budget: controlPlaneBudget(change, steps) };
}

/** The groups of a cluster that the manifest speaks of and that nothing refuses: control plane, then workers by name. */
function groupPlans(world: ManifestWorld, all: WantedCluster, refused: readonly Refusal[]): GroupPlan[] {
  const isPlanned = ({ ref, document }: Pick<Wanted<KubeObject>, 'ref' | 'document'>): boolean =>
    document !== undefined && !refused.some((r) => sameRef(r.object, ref));
  return [
    ...(all.controlPlane && isPlanned(all.controlPlane) ? [controlPlanePlan(world, all, all.controlPlane)] : []),
    ...all.deployments.filter(isPlanned).map((d) => deploymentPlan(world, all, d)),
    ...all.sets.filter(isPlanned).map((s) => setPlan(world, all, s)),
  ];
}

/** The pools that the manifest speaks of and that nothing refuses, their infra pools included. */
function poolPlans(world: ManifestWorld, all: WantedCluster, refused: readonly Refusal[]): PoolPlan[] {
  const isRefused = (ref: ObjectRef | undefined): boolean =>
    ref !== undefined && refused.some((r) => sameRef(r.object, ref));
  return all.pools
    .filter((p) => isPoolTold(world, p) && !isRefused(p.ref) && !isRefused(infraPoolOf(world, p)?.ref))
    .map((p) => poolPlan(world, all, p));
}

/** What a person should know besides. */
function notesOf(world: ManifestWorld, clusters: readonly WantedCluster[]): string[] {
  const paused = clusters.flatMap(({ cluster, controlPlane, deployments, pools, namespace, name }) => {
    const told = pools.filter((p) => isPoolTold(world, p));
    const groups = [...[...(controlPlane ? [controlPlane] : []), ...deployments].filter((g) => g.document), ...told];
    if (groups.length === 0 || !groups.some((g) => isPaused(g.wanted, cluster))) return [];
    return [
      `Cluster ${namespace}/${name} or an object of it is paused: what is paused does not change until it is not any more`,
    ];
  });
  const byHand = clusters
    .flatMap(({ deployments }) => deployments)
    .filter((d) => d.document && d.wanted.spec.rollout?.strategy?.type === 'OnDelete')
    .map(
      (d) =>
        `MachineDeployment ${d.ref.namespace}/${d.ref.name} has strategy OnDelete: its machines are replaced when you delete them`,
    );
  const missing = clusters.flatMap(({ controlPlane, deployments, namespace }) => {
    const refs = [
      ...(controlPlane?.document ? [controlPlane.wanted.spec.machineTemplate.spec.infrastructureRef] : []),
      ...deployments
        .filter((d) => d.document)
        .flatMap(({ wanted: { spec } }) =>
          [spec.template.spec.infrastructureRef, spec.template.spec.bootstrap.configRef ?? []].flat(),
        ),
    ];
    return refs
      .filter((ref) => !templateOf(world, namespace, ref))
      .map(
        (ref) =>
          `${ref.kind} ${namespace}/${ref.name} does not exist and is not in the manifest: no machine is made until it does`,
      );
  });
  return [...new Set([...paused, ...byHand, ...missing])];
}

/** Only the management cluster is asked: what is said of an etcd that runs is said of the one its Machines suggest. */
function etcdNotes(clusters: readonly WantedCluster[], steps: readonly PlanStep[]): string[] {
  return clusters.flatMap(({ controlPlane }) => {
    if (!controlPlane?.live || !steps.some((s) => s.etcd && sameRef(s.group, controlPlane.ref))) return [];
    const { kind, namespace, name } = controlPlane.ref;
    return [
      `etcd of ${kind} ${namespace}/${name} was not asked: its members are taken to be the machines with a Node, each as healthy as its Machine says`,
    ];
  });
}

/**
 * What applying a manifest would do: objects, machines in the order they come and go, quorum of etcd at each step, limits of disruption, cloud. The same
 * planners as the lanes' decide, on the same facts. Pure: it reads and changes nothing.
 */
export function planManifest(world: ManifestWorld): ManifestPlan {
  const clusters = wantedClusters(world);
  const objects = world.documents.map(plannedObject);
  const refused = refusals(world);
  const plans = clusters.map((cluster) => groupPlans(world, cluster, refused));
  const pools = clusters.map((cluster) => poolPlans(world, cluster, refused));
  const steps = plans.flatMap((groups, i) =>
    [...groups, ...(pools[i] ?? [])].flatMap((g) => g.steps).sort((a, b) => a.phase - b.phase),
  );
  const machines = (action: PlanStep['action']): number =>
    steps.filter((s) => s.kind === 'Machine' && s.action === action).length;
  return {
    summary: {
      changed: objects.some((o) => o.action !== 'none') || steps.length > 0,
      refused: refused.length > 0,
      machinesCreated: machines('create'),
      machinesDeleted: machines('delete'),
    },
    objects,
    steps,
    budgets: plans.flat().flatMap((g) => g.budget ?? []),
    cloud: [...cloudChanges(world, steps), ...pools.flat().flatMap((p) => p.cloud)],
    refusals: refused,
    notes: [...notesOf(world, clusters), ...pools.flat().flatMap((p) => p.notes), ...etcdNotes(clusters, steps)],
  };
}
