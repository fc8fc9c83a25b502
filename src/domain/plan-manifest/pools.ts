import type { AWSMachinePool } from '../../api/types/aws-machine-pool.js';
import type { MachinePool } from '../../api/types/index.js';
import type { KubeObject } from '../../api/types/meta.js';
import { isDeleting, isPaused } from '../contract.js';
import { ANNOTATION } from '../names.js';
import { infraReplicas, isSizedElsewhere } from '../status/machine-pool.js';
import { namesImage, poolChanges } from './pool-changes.js';
import type { CloudChange, ManifestWorld, PlanStep } from './types.js';
import { type Wanted, type WantedCluster, wantedOf } from './wanted.js';

/** What AWS keeps healthy where nobody says anything. */
const DEFAULT_MIN_HEALTHY = 90;

/** What becomes of a pool. */
export interface PoolPlan {
  readonly steps: readonly PlanStep[];
  readonly cloud: readonly CloudChange[];
  readonly notes: readonly string[];
}

/** The infra pool that a pool refers to, before and after; undefined when there is none, and the manifest has none. */
export function infraPoolOf(
  world: ManifestWorld,
  { ref, wanted }: Wanted<MachinePool>,
): Wanted<KubeObject> | undefined {
  const { kind, name } = wanted.spec.template.spec.infrastructureRef;
  const live = world.infraPools.filter((p) => p.kind === kind);
  return wantedOf(world, kind, live).find((p) => p.ref.name === name && p.ref.namespace === ref.namespace);
}

/** What the lane of a MachinePool and its provider would do once the manifest is applied. Instances of a pool have no names before they are there. */
export function poolPlan(world: ManifestWorld, { cluster, name }: WantedCluster, pool: Wanted<MachinePool>): PoolPlan {
  const { ref, live, wanted } = pool;
  if (isPaused(wanted, cluster) || isDeleting(wanted)) return { steps: [], cloud: [], notes: [] };
  const infra = infraPoolOf(world, pool);
  const title = `MachinePool ${ref.namespace}/${ref.name}`;
  const notes = [...missingNote(pool, infra), ...sizeNote(title, pool)];
  const base = { phase: 1, kind: 'Pool' as const, group: ref, cluster: name };
  const replicas = wanted.spec.replicas ?? 1;
  const aws = infra?.wanted.kind === 'AWSMachinePool';
  if (!live || (infra && !infra.live)) {
    const size = isSizedElsewhere(wanted) ? 'instances as its manager wants' : `${replicas} instances`;
    const made = aws ? ['create a launch template', 'create an Auto Scaling group'] : [];
    const steps: PlanStep[] = [{ ...base, action: 'create', reason: `a pool of ${size}`, cloud: made }];
    const resources = aws ? ['launch template', 'Auto Scaling group'] : [];
    return { steps, notes, cloud: resources.map((resource) => ({ action: 'create', resource, count: 1, of: ref })) };
  }
  if (!infra?.live || !aws) return { steps: otherSteps(base, live, wanted), notes, cloud: [] };
  const groups = [infra.live as AWSMachinePool, infra.wanted as AWSMachinePool] as const;
  const changes = poolChanges([live, wanted], groups);
  // the group is sized first, and what it ends has not to be replaced
  const staying = isSizedElsewhere(wanted) ? Number.POSITIVE_INFINITY : replicas;
  const outdated = changes.template.length > 0 ? Math.min(infraReplicas(infra.live), staying) : 0;
  const disabled = groups[1].spec.refreshPreferences?.disable === true;
  const refreshes = outdated > 0 && !disabled;
  const steps: PlanStep[] = [
    ...changed(base, 'new version of the launch template', changes.template, 'create a version of the launch template'),
    ...changed(base, 'the group changes, its instances stay', changes.group, 'update the Auto Scaling group'),
    ...(refreshes ? [refreshStep(base, groups[1], outdated)] : []),
  ];
  const cloud: CloudChange[] = [
    ...(changes.template.length > 0
      ? [{ action: 'create' as const, resource: 'version of a launch template', count: 1, of: ref }]
      : []),
    ...(changes.group.length > 0
      ? [{ action: 'change' as const, resource: 'Auto Scaling group', count: 1, of: ref }]
      : []),
    ...(refreshes
      ? [{ action: 'change' as const, resource: 'instance by an instance refresh', count: outdated, of: ref }]
      : []),
  ];
  return {
    steps,
    cloud,
    notes: [...notes, ...stayNotes(title, [live, wanted], groups[1], changes.template, outdated)],
  };
}

type Base = Pick<PlanStep, 'phase' | 'kind' | 'group' | 'cluster'>;

function changed(base: Base, what: string, fields: readonly string[], cloud: string): PlanStep[] {
  return fields.length > 0
    ? [{ ...base, action: 'change', reason: `${what}: ${fields.join(', ')}`, cloud: [cloud] }]
    : [];
}

function refreshStep(base: Base, { spec }: AWSMachinePool, outdated: number): PlanStep {
  const { minHealthyPercentage, maxHealthyPercentage, instanceWarmup } = spec.refreshPreferences ?? {};
  const least =
    minHealthyPercentage === undefined ? `${DEFAULT_MIN_HEALTHY} % (the default)` : `${minHealthyPercentage} %`;
  const limits = [
    `${least} of the capacity stay healthy`,
    ...(maxHealthyPercentage === undefined ? [] : [`at most ${maxHealthyPercentage} % exist`]),
    ...(instanceWarmup === undefined ? [] : [`a new one counts after ${instanceWarmup} s`]),
  ];
  const reason = `replaces ${outdated} outdated instance${outdated === 1 ? '' : 's'}: ${limits.join(', ')}`;
  return { ...base, action: 'refresh', reason, cloud: ['start an instance refresh'] };
}

/** Pools of other providers work by the contract: what they do with a change is theirs to decide. */
function otherSteps(base: Base, live: MachinePool, wanted: MachinePool): PlanStep[] {
  const size = [live.spec.replicas ?? 1, wanted.spec.replicas ?? 1];
  if (size[0] === size[1] || isSizedElsewhere(wanted)) return [];
  return [
    { ...base, action: 'change', reason: `its provider is asked for ${size[1]} instances instead of ${size[0]}` },
  ];
}

/** Why instances stay as they are though one would think that they are replaced. */
function stayNotes(
  title: string,
  [live, wanted]: readonly [MachinePool, MachinePool],
  group: AWSMachinePool,
  template: readonly string[],
  outdated: number,
): string[] {
  const { version } = wanted.spec.template.spec;
  const sameImage = live.spec.template.spec.version !== version && namesImage(group);
  return [
    ...(sameImage
      ? [
          `${title}: version ${version} alone replaces no instance: spec.awsLaunchTemplate.ami.id of its AWSMachinePool names the image`,
        ]
      : []),
    ...(template.length === 0 || outdated > 0
      ? []
      : [`${title}: no instance refresh: no instance is known of that could be replaced`]),
    ...(outdated > 0 && group.spec.refreshPreferences?.disable === true
      ? [
          `${title}: no instance refresh: spec.refreshPreferences.disable of its AWSMachinePool leaves instances as they are, only new ones are made from the new version`,
        ]
      : []),
  ];
}

function sizeNote(title: string, { live, wanted }: Wanted<MachinePool>): string[] {
  if (!isSizedElsewhere(wanted) || !live || live.spec.replicas === wanted.spec.replicas) return [];
  const by = wanted.metadata.annotations?.[ANNOTATION.replicasManagedBy];
  const who = by ? `managed by ${by}` : 'managed elsewhere';
  return [`${title}: replicas are ${who}: spec.replicas changes nothing, it follows the group`];
}

function missingNote({ wanted, ref }: Wanted<MachinePool>, infra: Wanted<KubeObject> | undefined): string[] {
  if (infra) return [];
  const { kind, name } = wanted.spec.template.spec.infrastructureRef;
  return [
    `${kind} ${ref.namespace}/${name} does not exist and is not in the manifest: the pool has no instance until it does`,
  ];
}
