import { missingTags, tagMap } from '../tags.js';
import { type GroupWish, groupChanges, hookChanges, processChanges } from './group.js';
import { type RefreshStep, refreshStep } from './refresh.js';
import { type PoolScope, poolTags } from './scope.js';
import { type PoolState, staying } from './state.js';
import { currentRun, isOutdated, versionNeeded } from './template.js';
import type { PoolWish } from './wish.js';

/** Which template the last refresh was begun for: `<digest of the template>/<id>`. */
export const REFRESH_ANNOTATION = 'perdure.dev/aws-instance-refresh';

/** Ids of instances that are not made from the wished template. Pure. */
export function outdatedOf(state: PoolState, spec: string): string[] {
  if (!state.group) return [];
  return staying(state.group)
    .filter((one) => isOutdated(state.versions, spec, one.LaunchTemplate?.Version))
    .flatMap((one) => one.InstanceId ?? []);
}

/** The next step of replacing instances. Pure. */
export function nextRefresh({ object }: Pick<PoolScope, 'object'>, state: PoolState, spec: string): RefreshStep {
  const [begunFor = '', id] = (object.metadata.annotations?.[REFRESH_ANNOTATION] ?? '').split('/');
  return refreshStep({
    outdated: outdatedOf(state, spec).length,
    since: currentRun(state.versions, spec)?.CreateTime,
    refreshes: state.refreshes,
    ...(id ? { begun: { id, current: begunFor === spec } } : {}),
    preferences: object.spec.refreshPreferences ?? {},
  });
}

/** All that `ensure` would do, in words. Pure but for the wish's own checks. */
export function planPool(scope: PoolScope, state: PoolState, wish: PoolWish): string[] {
  const { template, group, versions } = state;
  if (!template) return ['create launch template', ...(group ? [] : ['create group'])];
  const needed = versionNeeded(versions, wish.digests);
  const version = needed ? [`new version of the launch template (${needed})`] : [];
  const wanted = wish.group(template.LaunchTemplateId ?? '');
  if (!group) return [...version, 'create group'];
  return [
    ...version,
    ...detailChanges(scope, state, wanted),
    ...(needed === 'template' ? [] : refreshChanges(scope, state, wish)),
  ];
}

function refreshChanges(scope: PoolScope, state: PoolState, { digests }: PoolWish): string[] {
  const step = nextRefresh(scope, state, digests.spec);
  if (step.kind === 'start') return [`replace ${outdatedOf(state, digests.spec).length} outdated instances`];
  return step.kind === 'cancel' ? ['cancel the instance refresh for an earlier template'] : [];
}

/** How an existing group differs from the wish. Pure. */
export function detailChanges(scope: PoolScope, { group, hooks }: PoolState, wanted: GroupWish): string[] {
  if (!group) return [];
  const { spec } = scope.object;
  const { suspend, resume } = processChanges(group, spec);
  const changed = hookChanges(hooks, spec.lifecycleHooks ?? []);
  const tags = Object.keys(missingTags(poolTags(scope), tagMap(group.Tags)));
  return [
    ...groupChanges(group, wanted),
    ...(suspend.length > 0 ? [`suspend ${suspend.join(', ')}`] : []),
    ...(resume.length > 0 ? [`resume ${resume.join(', ')}`] : []),
    ...changed.put.map((hook) => `lifecycle hook ${hook.LifecycleHookName}`),
    ...changed.remove.map((name) => `delete lifecycle hook ${name}`),
    ...(tags.length > 0 ? [`tags ${tags.sort().join(', ')}`] : []),
  ];
}
