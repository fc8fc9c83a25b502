import type { AutoScalingGroup, InstanceRefresh, LifecycleHook } from '@aws-sdk/client-auto-scaling';
import type { Instance as Ec2Instance, LaunchTemplate, LaunchTemplateVersion } from '@aws-sdk/client-ec2';
import { describeInstances } from '../instances.js';
import { tagMap } from '../tags.js';
import { candidates, isOurs, type Named, type PoolScope } from './scope.js';

/** What AWS has of a pool; what carries a name of ours and is somebody else's is in `taken`. */
export interface PoolState {
  readonly template: LaunchTemplate | undefined;
  /** Oldest first. */
  readonly versions: readonly LaunchTemplateVersion[];
  readonly group: AutoScalingGroup | undefined;
  readonly hooks: readonly LifecycleHook[];
  readonly refreshes: readonly InstanceRefresh[];
  readonly taken: { readonly templates: readonly Named[]; readonly groups: readonly Named[] };
}

/** How many past refreshes are looked at. */
const REFRESHES = 20;

export const templateNames = ({ object, ctx }: PoolScope): readonly [string, string] =>
  candidates(object.spec.awsLaunchTemplate.name || object.metadata.name, ctx.poolId);
export const groupNames = ({ object, ctx }: PoolScope): readonly [string, string] =>
  candidates(object.metadata.name, ctx.poolId);

/** Reads everything; changes nothing. */
export async function readPool(scope: PoolScope): Promise<PoolState> {
  const [templates, groups] = await Promise.all([readTemplates(scope), readGroups(scope)]);
  const [versions, hooks, refreshes] = await Promise.all([
    templates.ours ? readVersions(scope, templates.ours.LaunchTemplateId ?? '') : [],
    groups.ours ? readHooks(scope, groups.ours) : [],
    groups.ours ? readRefreshes(scope, groups.ours) : [],
  ]);
  return {
    template: templates.ours,
    versions,
    group: groups.ours,
    hooks,
    refreshes,
    taken: { templates: templates.taken, groups: groups.taken },
  };
}

interface Found<T> {
  readonly ours: T | undefined;
  readonly taken: readonly Named[];
}

async function readTemplates(scope: PoolScope): Promise<Found<LaunchTemplate>> {
  const { LaunchTemplates = [] } = await scope.aws.ec2.describeLaunchTemplates({
    Filters: [{ Name: 'launch-template-name', Values: [...templateNames(scope)] }],
  });
  const recorded = scope.object.status?.launchTemplateID;
  const view = LaunchTemplates.map((one) => ({
    one,
    name: one.LaunchTemplateName ?? '',
    tags: tagMap(one.Tags),
    named: recorded !== undefined && one.LaunchTemplateId === recorded,
  }));
  const ours = view.find((v) => isOurs(scope, v, v.named));
  return { ours: ours?.one, taken: view.filter((v) => v !== ours) };
}

async function readGroups(scope: PoolScope): Promise<Found<AutoScalingGroup>> {
  const { AutoScalingGroups = [] } = await scope.aws.autoscaling.describeAutoScalingGroups({
    AutoScalingGroupNames: [...groupNames(scope)],
  });
  const recorded = scope.object.spec.providerID;
  const view = AutoScalingGroups.map((one) => ({
    one,
    name: one.AutoScalingGroupName ?? '',
    tags: tagMap(one.Tags),
    named: recorded !== undefined && one.AutoScalingGroupARN === recorded,
  }));
  const ours = view.find((v) => isOurs(scope, v, v.named));
  return { ours: ours?.one, taken: view.filter((v) => v !== ours) };
}

/** Versions of a launch template, oldest first. */
export async function readVersions({ aws }: PoolScope, LaunchTemplateId: string): Promise<LaunchTemplateVersion[]> {
  const found: LaunchTemplateVersion[] = [];
  let token: string | undefined;
  do {
    const page = await aws.ec2.describeLaunchTemplateVersions({
      LaunchTemplateId,
      ...(token ? { NextToken: token } : {}),
    });
    found.push(...(page.LaunchTemplateVersions ?? []));
    token = page.NextToken;
  } while (token);
  return found.sort((a, b) => (a.VersionNumber ?? 0) - (b.VersionNumber ?? 0));
}

async function readHooks({ aws }: PoolScope, { AutoScalingGroupName }: AutoScalingGroup): Promise<LifecycleHook[]> {
  const { LifecycleHooks = [] } = await aws.autoscaling.describeLifecycleHooks({ AutoScalingGroupName });
  return LifecycleHooks;
}

/** The latest refreshes of a group. */
export async function readRefreshes(
  { aws }: PoolScope,
  { AutoScalingGroupName }: AutoScalingGroup,
): Promise<InstanceRefresh[]> {
  const { InstanceRefreshes = [] } = await aws.autoscaling.describeInstanceRefreshes({
    AutoScalingGroupName,
    MaxRecords: REFRESHES,
  });
  return InstanceRefreshes;
}

/** Instances that are in a group to stay, or on their way in. */
export const staying = ({ Instances = [] }: AutoScalingGroup) =>
  Instances.filter((one) => !/^(Terminat|Detach|Warmed:Terminat)/.test(one.LifecycleState ?? '')).sort((a, b) =>
    (a.InstanceId ?? '').localeCompare(b.InstanceId ?? ''),
  );

/** EC2's view of a group's instances, by id. */
export async function readInstances(
  { aws, ctx }: PoolScope,
  ids: readonly string[],
): Promise<ReadonlyMap<string, Ec2Instance>> {
  return ids.length === 0 ? new Map() : await describeInstances(aws)(ids, ctx.signal);
}
