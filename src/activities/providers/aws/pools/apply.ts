import type { AutoScalingGroup } from '@aws-sdk/client-auto-scaling';
import type { LaunchTemplate, LaunchTemplateVersion } from '@aws-sdk/client-ec2';
import { PerdureError } from '../../../../domain/errors.js';
import { hasCode } from '../errors.js';
import { clientToken } from '../names.js';
import { missingTags, tagList, tagMap } from '../tags.js';
import { type GroupWish, groupChanges, groupRequest, hookChanges, hookRequest, processChanges } from './group.js';
import { nextRefresh, REFRESH_ANNOTATION } from './plan.js';
import { refreshRequest } from './refresh.js';
import { freeName, type PoolScope, poolTags } from './scope.js';
import { groupNames, type PoolState, readVersions, staying, templateNames } from './state.js';
import { descriptionOf, prunable, versionNeeded } from './template.js';
import type { PoolWish } from './wish.js';

/** A launch template whose newest version holds the wish. */
export interface ReadyTemplate {
  readonly id: string;
  /** Oldest first. */
  readonly versions: readonly LaunchTemplateVersion[];
}

/** Makes the launch template, or a version of it when it holds something else; its description tells an attempt that follows what was made. */
export async function ensureTemplate(
  scope: PoolScope,
  state: PoolState,
  wish: PoolWish,
  done: string[],
): Promise<ReadyTemplate> {
  const { aws, ctx } = scope;
  const description = descriptionOf(wish.digests);
  const template = state.template ?? (await createTemplate(scope, state, wish, done));
  const id = template.LaunchTemplateId ?? '';
  await adoptTemplate(scope, template);
  const versions = state.template ? state.versions : await readVersions(scope, id);
  const needed = versionNeeded(versions, wish.digests);
  if (!needed) return { id, versions };
  await aws.ec2.createLaunchTemplateVersion({
    LaunchTemplateId: id,
    LaunchTemplateData: await wish.template(),
    VersionDescription: description,
    ClientToken: clientToken(ctx.poolId, 'template-version', description, String(versions.at(-1)?.VersionNumber ?? 0)),
  });
  done.push(`new version of the launch template (${needed})`);
  return { id, versions: await readVersions(scope, id) };
}

async function createTemplate(
  scope: PoolScope,
  state: PoolState,
  wish: PoolWish,
  done: string[],
): Promise<LaunchTemplate> {
  const { aws, ctx } = scope;
  const name = freeName(scope, 'launch template', templateNames(scope), state.taken.templates);
  const description = descriptionOf(wish.digests);
  const { LaunchTemplate } = await aws.ec2.createLaunchTemplate({
    LaunchTemplateName: name,
    LaunchTemplateData: await wish.template(),
    VersionDescription: description,
    TagSpecifications: [{ ResourceType: 'launch-template', Tags: tagList({ ...poolTags(scope), Name: name }) }],
    ClientToken: clientToken(ctx.poolId, 'template', name, description),
  });
  if (!LaunchTemplate?.LaunchTemplateId)
    throw new PerdureError('Transient', `CreateLaunchTemplate for ${scope.what} answered without a launch template`);
  ctx.log.info('made launch template', { pool: scope.what, template: LaunchTemplate.LaunchTemplateId });
  done.push('create launch template');
  return LaunchTemplate;
}

/** One that upstream made gets our tags; so does ours when the spec wants more. */
async function adoptTemplate(scope: PoolScope, template: LaunchTemplate): Promise<void> {
  const wanted = { ...poolTags(scope), Name: template.LaunchTemplateName ?? '' };
  const missing = missingTags(wanted, tagMap(template.Tags));
  if (Object.keys(missing).length === 0 || !template.Tags) return;
  await scope.aws.ec2.createTags({ Resources: [template.LaunchTemplateId ?? ''], Tags: tagList(missing) });
}

/** Makes the group, with its hooks and tags from the first instance on, or brings an existing one to the wish. */
export async function ensureGroup(
  scope: PoolScope,
  state: PoolState,
  wanted: GroupWish,
  done: string[],
): Promise<void> {
  const { group } = state;
  if (!group) await createGroup(scope, state, wanted, done);
  else await updateGroup(scope, state, group, wanted, done);
}

async function createGroup(scope: PoolScope, state: PoolState, wanted: GroupWish, done: string[]): Promise<void> {
  const { aws, ctx, object } = scope;
  const AutoScalingGroupName = freeName(scope, 'Auto Scaling group', groupNames(scope), state.taken.groups);
  const hooks = (object.spec.lifecycleHooks ?? []).map(hookRequest);
  await aws.autoscaling.createAutoScalingGroup({
    AutoScalingGroupName,
    ...groupRequest(wanted),
    Tags: groupTags(AutoScalingGroupName, poolTags(scope)),
    ...(hooks.length > 0 ? { LifecycleHookSpecificationList: hooks } : {}),
  });
  ctx.log.info('made group', { pool: scope.what, group: AutoScalingGroupName });
  done.push('create group');
  await applyProcesses(scope, { AutoScalingGroupName }, done);
}

/** Instances get their tags by the launch template. */
const groupTags = (ResourceId: string, tags: Readonly<Record<string, string>>) =>
  tagList(tags).map((tag) => ({
    ...tag,
    ResourceId,
    ResourceType: 'auto-scaling-group',
    PropagateAtLaunch: false,
  }));

async function updateGroup(
  scope: PoolScope,
  { hooks }: PoolState,
  group: AutoScalingGroup,
  wanted: GroupWish,
  done: string[],
): Promise<void> {
  const { aws, object } = scope;
  const { AutoScalingGroupName = '' } = group;
  const tags = missingTags(poolTags(scope), tagMap(group.Tags));
  // first: what upstream made is ours by them
  if (Object.keys(tags).length > 0) {
    await aws.autoscaling.createOrUpdateTags({ Tags: groupTags(AutoScalingGroupName, tags) });
    done.push(`tags ${Object.keys(tags).sort().join(', ')}`);
  }
  const changed = hookChanges(hooks, object.spec.lifecycleHooks ?? []);
  for (const hook of changed.put) {
    await aws.autoscaling.putLifecycleHook({ AutoScalingGroupName, ...hook });
    done.push(`lifecycle hook ${hook.LifecycleHookName}`);
  }
  for (const LifecycleHookName of changed.remove) {
    await aws.autoscaling.deleteLifecycleHook({ AutoScalingGroupName, LifecycleHookName });
    done.push(`delete lifecycle hook ${LifecycleHookName}`);
  }
  const changes = groupChanges(group, wanted);
  if (changes.length > 0) {
    await aws.autoscaling.updateAutoScalingGroup({ AutoScalingGroupName, ...groupRequest(wanted) });
    done.push(...changes);
  }
  await applyProcesses(scope, group, done);
}

async function applyProcesses(
  scope: PoolScope,
  group: Pick<AutoScalingGroup, 'AutoScalingGroupName' | 'SuspendedProcesses'>,
  done: string[],
): Promise<void> {
  const { AutoScalingGroupName = '' } = group;
  const { suspend, resume } = processChanges(group, scope.object.spec);
  const { autoscaling } = scope.aws;
  if (suspend.length > 0) {
    await autoscaling.suspendProcesses({ AutoScalingGroupName, ScalingProcesses: suspend });
    done.push(`suspend ${suspend.join(', ')}`);
  }
  if (resume.length > 0) {
    await autoscaling.resumeProcesses({ AutoScalingGroupName, ScalingProcesses: resume });
    done.push(`resume ${resume.join(', ')}`);
  }
}

/** Begins the replacement of outdated instances, or cancels one for an earlier template. */
export async function applyRefresh(scope: PoolScope, state: PoolState, spec: string, done: string[]): Promise<void> {
  const { AutoScalingGroupName } = state.group ?? {};
  if (!AutoScalingGroupName) return;
  const { autoscaling } = scope.aws;
  const step = nextRefresh(scope, state, spec);
  if (step.kind === 'cancel') {
    try {
      await autoscaling.cancelInstanceRefresh({ AutoScalingGroupName });
      done.push('cancel the instance refresh for an earlier template');
    } catch (error) {
      // it ended by itself
      if (!hasCode(error, 'ActiveInstanceRefreshNotFound')) throw error;
    }
  }
  if (step.kind !== 'start') return;
  const { InstanceRefreshId } = await autoscaling.startInstanceRefresh({
    AutoScalingGroupName,
    ...refreshRequest(scope.object.spec.refreshPreferences ?? {}),
  });
  await scope.record(({ metadata }) => {
    metadata.annotations = { ...metadata.annotations, [REFRESH_ANNOTATION]: `${spec}/${InstanceRefreshId ?? ''}` };
  });
  done.push('replace outdated instances');
}

/** Deletes versions that nobody needs any more; AWS keeps at most 10,000. */
export async function pruneVersions(scope: PoolScope, state: PoolState, spec: string): Promise<void> {
  const { template, versions, group } = state;
  if (!template || !group) return;
  const used = new Set(staying(group).flatMap((one) => one.LaunchTemplate?.Version ?? []));
  const Versions = prunable(versions, used, spec);
  if (Versions.length === 0) return;
  const LaunchTemplateId = template.LaunchTemplateId ?? '';
  await scope.aws.ec2.deleteLaunchTemplateVersions({ LaunchTemplateId, Versions: Versions.slice(0, 200) });
}
