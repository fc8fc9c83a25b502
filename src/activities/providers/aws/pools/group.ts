import type {
  AutoScalingGroup,
  CreateAutoScalingGroupType,
  LifecycleHook,
  MixedInstancesPolicy as MixedRequest,
  UpdateAutoScalingGroupType,
} from '@aws-sdk/client-auto-scaling';
import { parseSeconds } from '../../../../api/conversion/duration.js';
import type { AWSLifecycleHook, AWSMachinePoolSpec } from '../../../../api/types/aws.js';
import { PerdureError } from '../../../../domain/errors.js';
import { poolSizeProblem } from '../../../../domain/pool-size.js';
import { sameJson } from '../equal.js';

const LATEST = '$Latest';
const DEFAULT_SECONDS = 300;
const DEFAULT_HEARTBEAT_SECONDS = 3_600;

const seconds = (text: string | undefined): number | undefined => (text ? parseSeconds(text) : undefined);

/** What a group is to be. */
export interface GroupWish {
  readonly minSize: number;
  readonly maxSize: number;
  /** Absent: somebody else decides. */
  readonly desired?: number;
  /** Ids, sorted. */
  readonly subnets: readonly string[];
  readonly templateId: string;
  readonly mixed?: MixedRequest;
  readonly cooldownSeconds: number;
  readonly warmupSeconds: number;
  readonly capacityRebalance: boolean;
}

export interface GroupInput {
  readonly what: string;
  readonly spec: AWSMachinePoolSpec;
  readonly replicas: number;
  readonly external: boolean;
  readonly subnets: readonly string[];
  readonly templateId: string;
}

/** The wish of a pool. Throws `InvalidConfiguration` when the number of replicas is outside the sizes. Pure. */
export function groupWish({ what, spec, replicas, external, subnets, templateId }: GroupInput): GroupWish {
  const { minSize, maxSize } = spec;
  const problem = external ? undefined : poolSizeProblem(spec, replicas);
  if (problem !== undefined) {
    throw new PerdureError('InvalidConfiguration', `${what}: ${problem}`, {
      details: { field: 'spec.replicas', value: replicas },
    });
  }
  const mixed = mixedPolicy(spec, templateId);
  return {
    minSize,
    maxSize,
    ...(external ? {} : { desired: replicas }),
    subnets: [...subnets].sort(),
    templateId,
    ...(mixed ? { mixed } : {}),
    cooldownSeconds: seconds(spec.defaultCoolDown) ?? DEFAULT_SECONDS,
    warmupSeconds: seconds(spec.defaultInstanceWarmup) ?? DEFAULT_SECONDS,
    capacityRebalance: spec.capacityRebalance ?? false,
  };
}

function mixedPolicy(
  { mixedInstancesPolicy: policy }: AWSMachinePoolSpec,
  templateId: string,
): MixedRequest | undefined {
  if (!policy) return undefined;
  const { instancesDistribution: shares = {}, overrides = [] } = policy;
  return {
    InstancesDistribution: {
      OnDemandAllocationStrategy: shares.onDemandAllocationStrategy ?? 'prioritized',
      SpotAllocationStrategy: shares.spotAllocationStrategy ?? 'lowest-price',
      OnDemandBaseCapacity: shares.onDemandBaseCapacity ?? 0,
      OnDemandPercentageAboveBaseCapacity: shares.onDemandPercentageAboveBaseCapacity ?? 100,
    },
    LaunchTemplate: {
      LaunchTemplateSpecification: { LaunchTemplateId: templateId, Version: LATEST },
      Overrides: overrides.map(({ instanceType }) => ({ InstanceType: instanceType })),
    },
  };
}

/** Fields that creation and change of a group share. */
export function groupRequest(
  wish: GroupWish,
): Omit<UpdateAutoScalingGroupType, 'AutoScalingGroupName'> & Pick<CreateAutoScalingGroupType, 'MinSize' | 'MaxSize'> {
  return {
    MinSize: wish.minSize,
    MaxSize: wish.maxSize,
    ...(wish.desired === undefined ? {} : { DesiredCapacity: wish.desired }),
    VPCZoneIdentifier: wish.subnets.join(','),
    DefaultCooldown: wish.cooldownSeconds,
    DefaultInstanceWarmup: wish.warmupSeconds,
    CapacityRebalance: wish.capacityRebalance,
    ...(wish.mixed
      ? { MixedInstancesPolicy: wish.mixed }
      : { LaunchTemplate: { LaunchTemplateId: wish.templateId, Version: LATEST } }),
  };
}

/** How a group differs from the wish, in words. Pure. */
export function groupChanges(group: AutoScalingGroup, wish: GroupWish): string[] {
  const changes: string[] = [];
  const compare = (name: string, live: number | boolean | undefined, wanted: number | boolean | undefined): void => {
    if (wanted !== undefined && live !== wanted) changes.push(`${name} ${live ?? 'unset'} to ${wanted}`);
  };
  compare('minSize', group.MinSize, wish.minSize);
  compare('maxSize', group.MaxSize, wish.maxSize);
  compare('desired capacity', group.DesiredCapacity, wish.desired);
  compare('cool-down', group.DefaultCooldown, wish.cooldownSeconds);
  compare('warm-up', group.DefaultInstanceWarmup, wish.warmupSeconds);
  compare('capacity rebalance', group.CapacityRebalance ?? false, wish.capacityRebalance);
  const subnets = (group.VPCZoneIdentifier ?? '')
    .split(',')
    .map((id) => id.trim())
    .filter((id) => id !== '')
    .sort();
  if (!sameJson(subnets, wish.subnets)) changes.push(`subnets to ${wish.subnets.join(', ')}`);
  if (!sameTemplate(group, wish)) changes.push(wish.mixed ? 'mixed instances policy' : 'launch template');
  return changes;
}

function sameTemplate({ MixedInstancesPolicy: live, LaunchTemplate }: AutoScalingGroup, wish: GroupWish): boolean {
  if (!wish.mixed)
    return !live && LaunchTemplate?.LaunchTemplateId === wish.templateId && LaunchTemplate.Version === LATEST;
  const template = live?.LaunchTemplate;
  const shares = live?.InstancesDistribution as Readonly<Record<string, unknown>> | undefined;
  return (
    template?.LaunchTemplateSpecification?.LaunchTemplateId === wish.templateId &&
    template.LaunchTemplateSpecification.Version === LATEST &&
    sameJson(
      (template.Overrides ?? []).map((o) => o.InstanceType),
      (wish.mixed.LaunchTemplate?.Overrides ?? []).map((o) => o.InstanceType),
    ) &&
    Object.entries(wish.mixed.InstancesDistribution ?? {}).every(([name, value]) => shares?.[name] === value)
  );
}

const PROCESSES = {
  launch: 'Launch',
  terminate: 'Terminate',
  addToLoadBalancer: 'AddToLoadBalancer',
  alarmNotification: 'AlarmNotification',
  azRebalance: 'AZRebalance',
  healthCheck: 'HealthCheck',
  instanceRefresh: 'InstanceRefresh',
  replaceUnhealthy: 'ReplaceUnhealthy',
  scheduledActions: 'ScheduledActions',
} as const;

/** Processes to suspend and to resume, sorted; nothing where the spec does not speak of them: then people suspend by hand. Pure. */
export function processChanges(
  { SuspendedProcesses = [] }: Pick<AutoScalingGroup, 'SuspendedProcesses'>,
  { suspendProcesses: wish }: Pick<AWSMachinePoolSpec, 'suspendProcesses'>,
): { readonly suspend: string[]; readonly resume: string[] } {
  if (!wish) return { suspend: [], resume: [] };
  const live = new Set(SuspendedProcesses.map((p) => p.ProcessName ?? ''));
  const entries = Object.entries(PROCESSES) as [keyof typeof PROCESSES, string][];
  const wanted = new Set(
    entries.filter(([key]) => wish.processes?.[key] ?? wish.all ?? false).map(([, process]) => process),
  );
  const known: string[] = Object.values(PROCESSES);
  return {
    suspend: [...wanted].filter((p) => !live.has(p)).sort(),
    resume: [...live].filter((p) => known.includes(p) && !wanted.has(p)).sort(),
  };
}

/** A lifecycle hook as AWS takes it, defaults filled in: two that are equal are equal here. */
export function hookRequest(hook: AWSLifecycleHook) {
  return {
    LifecycleHookName: hook.name,
    LifecycleTransition: hook.lifecycleTransition,
    HeartbeatTimeout: seconds(hook.heartbeatTimeout) ?? DEFAULT_HEARTBEAT_SECONDS,
    DefaultResult: hook.defaultResult ?? 'ABANDON',
    ...(hook.notificationTargetARN ? { NotificationTargetARN: hook.notificationTargetARN } : {}),
    ...(hook.roleARN ? { RoleARN: hook.roleARN } : {}),
    ...(hook.notificationMetadata ? { NotificationMetadata: hook.notificationMetadata } : {}),
  };
}

/** Hooks to put and names of hooks to delete. Pure; defaults of AWS are no difference (capa#5762). */
export function hookChanges(
  live: readonly LifecycleHook[],
  wished: readonly AWSLifecycleHook[],
): { readonly put: readonly ReturnType<typeof hookRequest>[]; readonly remove: readonly string[] } {
  const put = wished.map(hookRequest).filter((wanted) => {
    const found = live.find((hook) => hook.LifecycleHookName === wanted.LifecycleHookName) as
      | Readonly<Record<string, unknown>>
      | undefined;
    return !found || Object.entries(wanted).some(([name, value]) => found[name] !== value);
  });
  const names = new Set(wished.map((hook) => hook.name));
  return {
    put,
    remove: live.flatMap((hook) => (names.has(hook.LifecycleHookName ?? '') ? [] : (hook.LifecycleHookName ?? []))),
  };
}
