import type { AutoScalingGroup } from '@aws-sdk/client-auto-scaling';
import type { Instance } from '@aws-sdk/client-ec2';
import type { MachinePool } from '../../../../api/types/core.js';
import { KINDS } from '../../../../api/types/kinds.js';
import { controllerOf, isDeleting } from '../../../../domain/contract.js';
import { isSizedElsewhere } from '../../../../domain/status/machine-pool.js';
import { hasCode } from '../errors.js';
import type { MachineScope } from '../machine-scope.js';
import { tagMap } from '../tags.js';

/** Put on its instances by AWS. */
const GROUP_TAG = 'aws:autoscaling:groupName';

/**
 * Whether a group is to have an instance less when one is ended: it has more than the pool wants, or nobody wants the pool any more. Otherwise the group makes
 * another one at once; whoever sizes it from outside decides that, too. Never below its minimum, which AWS refuses. Pure.
 */
export function isTooMany(group: AutoScalingGroup, pool: MachinePool | undefined): boolean {
  const { DesiredCapacity: desired = 0, MinSize: least = 0 } = group;
  if (desired <= least) return false;
  if (!pool || isDeleting(pool)) return true;
  return !isSizedElsewhere(pool) && desired > (pool.spec.replicas ?? 1);
}

/**
 * Ends an instance through the group that it is in, so that the group neither takes it for unhealthy nor ends another one in its place. Answers the instance
 * as it is then; undefined when it is in no group, or is being ended by it already: then nothing was done.
 */
export async function leaveGroup(scope: MachineScope, instance: Instance): Promise<Instance | undefined> {
  const { aws, ctx, label } = scope;
  const InstanceId = instance.InstanceId ?? '';
  const name = tagMap(instance.Tags)[GROUP_TAG];
  if (!name) return undefined;
  const { AutoScalingGroups = [] } = await aws.autoscaling.describeAutoScalingGroups({ AutoScalingGroupNames: [name] });
  const group = AutoScalingGroups[0];
  const member = group?.Instances?.find((one) => one.InstanceId === InstanceId);
  if (!group || !member || /^(Terminat|Detach)/.test(member.LifecycleState ?? '')) return undefined;
  const decrement = isTooMany(group, await poolOf(scope));
  const terminate = (ShouldDecrementDesiredCapacity: boolean) =>
    aws.autoscaling.terminateInstanceInAutoScalingGroup({ InstanceId, ShouldDecrementDesiredCapacity });
  try {
    await terminate(decrement);
  } catch (error) {
    // somebody raised the minimum, or another deletion reached it
    if (!decrement || !hasCode(error, 'ValidationError')) throw error;
    await terminate(false);
  }
  ctx.log.info('requested termination', { machine: label, instance: InstanceId, group: name, decrement });
  return { ...instance, State: { Name: 'shutting-down' } };
}

async function poolOf({ ctx }: MachineScope): Promise<MachinePool | undefined> {
  const { machine, kube, signal } = ctx;
  const owner = controllerOf(machine);
  if (owner?.kind !== 'MachinePool') return undefined;
  const namespace = machine.metadata.namespace ?? '';
  return kube.get<MachinePool>(KINDS.MachinePool, { namespace, name: owner.name }, signal);
}
