import type { AWSCluster, AWSMachine, AWSMachinePool } from '../../../../api/types/aws.js';
import { KINDS } from '../../../../api/types/kinds.js';
import { type PerdureError, TERMINAL_FAILURES } from '../../../../domain/errors.js';
import type { InfraPools, PoolObservation } from '../../port.js';
import type { Cloud } from '../cloud.js';
import { classify, isAbsent } from '../errors.js';
import { instanceIdOf } from '../machine-scope.js';
import { TAG } from '../tags.js';
import { typed } from '../task.js';
import { applyRefresh, ensureGroup, ensureTemplate, pruneVersions } from './apply.js';
import { listMachines, syncMachines, wantsMachines } from './machines.js';
import { nextRefresh, planPool } from './plan.js';
import type { RefreshStep } from './refresh.js';
import { type AwsPoolContext, openPool, type PoolScope } from './scope.js';
import { type PoolState, readInstances, readPool, staying } from './state.js';
import { portInstances, writeFailure, writePool } from './status.js';
import { type PoolWish, readWish } from './wish.js';

const NOTHING: RefreshStep = { kind: 'none' };

/** Pools of machines as Auto Scaling groups, each made from a launch template of its own. */
export function awsPools(cloud: Cloud): InfraPools<AWSCluster, AWSMachinePool> {
  return {
    kind: KINDS.AWSMachinePool,
    observe: (ctx) => typed(ctx.signal, async () => observe(await openPool(cloud, ctx))),
    ensure: (ctx) => typed(ctx.signal, async () => ensure(await openPool(cloud, ctx))),
    remove: (ctx: AwsPoolContext) => typed(ctx.signal, async () => remove(await openPool(cloud, ctx))),
  };
}

async function observe(scope: PoolScope): Promise<PoolObservation> {
  const machines = await listMachines(scope);
  const state = await readPool(scope);
  const wish = await wishOrWhy(scope);
  if (!('digests' in wish)) return told(scope, state, machines, undefined, [wish.message]);
  try {
    return await told(scope, state, machines, wish, planPool(scope, state, wish));
  } catch (error) {
    return told(scope, state, machines, wish, [terminal(error).message]);
  }
}

/** What can only be mended by a person is for `ensure` to fail with: a look tells it as something to be done. */
async function wishOrWhy(scope: PoolScope): Promise<PoolWish | PerdureError> {
  try {
    return await readWish(scope);
  } catch (error) {
    return terminal(error);
  }
}

function terminal(error: unknown): PerdureError {
  const failure = classify(error);
  if (TERMINAL_FAILURES.has(failure.type)) return failure;
  throw error;
}

/** Writes what was seen and tells it. */
async function told(
  scope: PoolScope,
  state: PoolState,
  machines: readonly AWSMachine[],
  wish: PoolWish | undefined,
  changes: readonly string[],
): Promise<PoolObservation> {
  const refresh = wish ? nextRefresh(scope, state, wish.digests.spec) : NOTHING;
  const { group } = state;
  const members = group ? staying(group) : [];
  const ids = [...members.map((one) => one.InstanceId), ...machines.map(instanceIdOf)];
  const instances = await readInstances(scope, [...new Set(ids.flatMap((id) => id ?? []))].sort());
  await writePool(scope, { state, instances, spec: wish?.digests.spec, refresh });
  if (wantsMachines(scope.object)) await syncMachines(scope, machines, group, instances);
  const waitingFor = refresh.kind === 'wait' || refresh.kind === 'failed' ? refresh.text : undefined;
  return {
    state: !group ? 'absent' : group.Status ? 'deleting' : 'present',
    desired: group?.DesiredCapacity ?? 0,
    instances: portInstances({ state, instances }),
    changes,
    ...(waitingFor === undefined ? {} : { waitingFor }),
  };
}

async function ensure(scope: PoolScope): Promise<PoolObservation> {
  const machines = await listMachines(scope);
  const done: string[] = [];
  const wish = await readWish(scope);
  let state = await readPool(scope);
  const attempt = async <T>(part: 'template' | 'group', work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      if (!scope.ctx.signal.aborted) await writeFailure(scope, part, error);
      throw error;
    }
  };
  // what it refuses, it refuses before anything is made
  await attempt('group', async () => wish.group(''));
  const template = await attempt('template', () => ensureTemplate(scope, state, wish, done));
  await scope.recordStatus((status) => {
    status.launchTemplateID = template.id;
  });
  const versions = template.versions;
  await attempt('group', async () => {
    await ensureGroup(scope, { ...state, versions }, wish.group(template.id), done);
    if (state.group) await applyRefresh(scope, { ...state, versions }, wish.digests.spec, done);
  });
  if (done.length > 0) state = await readPool(scope);
  await pruneVersions(scope, state, wish.digests.spec);
  return told(scope, state, machines, wish, done);
}

/**
 * The group with its instances, then the launch template. AWS forgets a group before its instances have ended: they are looked for by their tag, so that
 * nothing is told to be gone that still uses a subnet.
 */
async function remove(scope: PoolScope): Promise<PoolObservation> {
  const { aws, ctx } = scope;
  const state = await readPool(scope);
  const { group, template } = state;
  if (group && !group.Status) {
    await aws.autoscaling.deleteAutoScalingGroup({
      AutoScalingGroupName: group.AutoScalingGroupName,
      ForceDelete: true,
    });
    ctx.log.info('requested deletion of the group', { pool: scope.what, group: group.AutoScalingGroupName });
  }
  const left = await livingInstances(scope);
  if (!group && left === 0 && template) {
    try {
      await aws.ec2.deleteLaunchTemplate({ LaunchTemplateId: template.LaunchTemplateId });
    } catch (error) {
      if (!isAbsent(error)) throw error;
    }
  }
  await writePool(scope, { state, instances: new Map(), spec: undefined, refresh: NOTHING, deleting: true });
  const gone = !group && left === 0;
  return {
    state: gone ? 'absent' : 'deleting',
    desired: 0,
    instances: [],
    changes: [],
    ...(gone
      ? {}
      : { waitingFor: group ? `the Auto Scaling group to go, ${left} instances left` : `${left} instances to end` }),
  };
}

async function livingInstances({ aws, ctx, cluster }: PoolScope): Promise<number> {
  let count = 0;
  let token: string | undefined;
  do {
    const page = await aws.ec2.describeInstances({
      Filters: [
        { Name: `tag:${TAG.poolId}`, Values: [ctx.poolId] },
        { Name: `tag:${TAG.id}`, Values: [cluster.clusterId] },
        { Name: 'instance-state-name', Values: ['pending', 'running', 'shutting-down', 'stopping', 'stopped'] },
      ],
      ...(token ? { NextToken: token } : {}),
    });
    count += (page.Reservations ?? []).reduce((n, { Instances = [] }) => n + Instances.length, 0);
    token = page.NextToken;
  } while (token);
  return count;
}
