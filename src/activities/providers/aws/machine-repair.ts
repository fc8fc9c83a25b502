import type { Instance } from '@aws-sdk/client-ec2';
import type { AWSTags } from '../../../api/types/aws.js';
import { classify, isAbsent } from './errors.js';
import { metadataOptions } from './launch.js';
import { isDeleting, type MachineScope, requireCluster } from './machine-scope.js';
import { tellFailure } from './machine-status.js';
import { chooseGroups } from './placement.js';
import { type Registrar, registrars } from './registration.js';
import { cloudProviderTag, missingTags, ownedTags, TAG, tagList, tagMap } from './tags.js';

/** Upstream's records of what was applied last; removals are computed against them. Source: capa controllers/awsmachine_*.go. */
export const LAST_TAGS = 'sigs.k8s.io/cluster-api-provider-aws-last-applied-tags';
const LAST_GROUPS = 'sigs.k8s.io/cluster-api-provider-aws-last-applied-security-groups';
const LAST_VOLUME_TAGS = 'sigs.k8s.io/cluster-api-provider-last-applied-tags-on-volumes';

/** User's tags of cluster and machine. */
export function additionalTags(scope: MachineScope): AWSTags {
  return { ...scope.cluster?.object.spec.additionalTags, ...scope.object.spec.additionalTags };
}

/** All tags of the machine's instance, volumes and interfaces. */
export function machineTags(scope: MachineScope): AWSTags {
  const { clusterName, clusterId } = requireCluster(scope);
  return ownedTags({
    clusterName,
    clusterId,
    name: scope.object.metadata.name,
    role: scope.isControlPlane ? 'control-plane' : 'node',
    additional: additionalTags(scope),
    extra: {
      [cloudProviderTag(clusterName)]: 'owned',
      [TAG.machineName]: scope.label,
      [TAG.machineId]: scope.ctx.machineId,
    },
  });
}

function readRecord<T>(scope: MachineScope, annotation: string): Record<string, T> {
  try {
    const value: unknown = JSON.parse(scope.object.metadata.annotations?.[annotation] ?? '{}');
    return typeof value === 'object' && value !== null ? (value as Record<string, T>) : {};
  } catch {
    // Written by hand: then nothing counts as applied.
    return {};
  }
}

async function writeRecord(scope: MachineScope, annotation: string, value: object): Promise<void> {
  const text = Object.keys(value).length > 0 ? JSON.stringify(value) : undefined;
  await scope.record(({ metadata }) => {
    const { [annotation]: _, ...others } = metadata.annotations ?? {};
    metadata.annotations = text ? { ...others, [annotation]: text } : others;
  });
}

function volumesOf(instance: Instance): string[] {
  return (instance.BlockDeviceMappings ?? []).flatMap((device) => device.Ebs?.VolumeId ?? []);
}

const removed = (before: Readonly<Record<string, unknown>>, after: Readonly<Record<string, unknown>>): string[] =>
  Object.keys(before).filter((key) => !(key in after));

/** Tags of the instance as wished, live ones compared; volumes follow when the wish changed since they were made. */
export async function repairTags(scope: MachineScope, instance: Instance): Promise<void> {
  const { ec2 } = scope.aws;
  const id = instance.InstanceId ?? '';
  const wish = machineTags(scope);
  const additional = additionalTags(scope);
  const before = readRecord<string>(scope, LAST_TAGS);
  const drop = removed(before, wish);
  const add = missingTags(wish, tagMap(instance.Tags));
  const changed = drop.length > 0 || Object.entries(additional).some(([key, value]) => before[key] !== value);
  const upstreams = tagMap(instance.Tags)[TAG.machineId] === undefined;
  const resources = changed || upstreams ? [id, ...volumesOf(instance)] : [id];
  if (Object.keys(add).length > 0)
    await ec2.createTags({ Resources: resources, Tags: tagList(changed || upstreams ? wish : add) });
  if (drop.length > 0) await ec2.deleteTags({ Resources: resources, Tags: drop.map((Key) => ({ Key })) });
  if (!changed) return;
  await writeRecord(scope, LAST_TAGS, additional);
  await writeRecord(
    scope,
    LAST_VOLUME_TAGS,
    Object.fromEntries(volumesOf(instance).map((volume) => [volume, additional])),
  );
}

/** Adds missing groups to every interface, and takes off those of the machine's spec that were applied before and are wished no more. */
export async function repairGroups(scope: MachineScope, instance: Instance): Promise<void> {
  const { all: wanted, additional } = await chooseGroups(scope);
  const before = Object.keys(readRecord<boolean>(scope, LAST_GROUPS));
  const obsolete = new Set(before.filter((id) => !wanted.includes(id)));
  for (const eni of instance.NetworkInterfaces ?? []) {
    const current = (eni.Groups ?? []).map((group) => group.GroupId ?? '');
    const next = [...new Set([...current.filter((id) => !obsolete.has(id)), ...wanted])];
    if (next.length === current.length && next.every((id) => current.includes(id))) continue;
    await scope.aws.ec2.modifyNetworkInterfaceAttribute({
      NetworkInterfaceId: eni.NetworkInterfaceId ?? '',
      Groups: next,
    });
  }
  if (additional.join() !== before.sort().join())
    await writeRecord(scope, LAST_GROUPS, Object.fromEntries(additional.map((id) => [id, true])));
}

/** Instance metadata options, when the spec states them. */
export async function repairMetadataOptions(scope: MachineScope, instance: Instance): Promise<void> {
  const { spec } = scope.object;
  if (!spec.instanceMetadataOptions || !instance.MetadataOptions) return;
  const wanted = metadataOptions(spec);
  const live = instance.MetadataOptions as Record<string, unknown>;
  const differs = Object.entries(wanted).some(([key, value]) => live[key] !== undefined && live[key] !== value);
  if (differs) await scope.aws.ec2.modifyInstanceMetadataOptions({ InstanceId: instance.InstanceId ?? '', ...wanted });
}

/**
 * Puts a running control-plane instance behind its load balancers, and takes it out as soon as the machine is to go or does not run: before drain
 * and shutdown, so that no client is sent to it (capa#4701, #5040). Undefined for workers; false also when a balancer is gone, which is for the
 * cluster to tell.
 */
export async function repairRegistration(scope: MachineScope, instance: Instance): Promise<boolean | undefined> {
  const { cloud, ctx, aws, cluster, isControlPlane } = scope;
  if (!isControlPlane || !cluster) return undefined;
  const id = instance.InstanceId ?? '';
  const state = instance.State?.Name;
  if (state === 'pending' || state === 'terminated') return false;
  const wanted = state === 'running' && !isDeleting(ctx);
  const all = await registrars(cloud, aws, cluster.object, ctx.signal);
  let complete = all.length > 0;
  for (const registrar of all) {
    const has = await registrar.has(id);
    if (!wanted && has) await registrar.drop(id);
    if (wanted && !has) complete = (await added(scope, registrar, id)) && complete;
  }
  return wanted && complete;
}

async function added({ ctx, label }: MachineScope, registrar: Registrar, id: string): Promise<boolean> {
  try {
    await registrar.add(id);
    return true;
  } catch (error) {
    if (!isAbsent(error)) throw error;
    ctx.log.warn('load balancer is gone', { machine: label, instance: id, balancer: registrar.name });
    return false;
  }
}

/** Takes an instance out of all balancers; a failure is told but does not stop the termination, which ends the registration too. */
export async function deregister(scope: MachineScope, instanceId: string): Promise<void> {
  const { cloud, ctx, aws, cluster, isControlPlane } = scope;
  if (!isControlPlane || !cluster) return;
  for (const registrar of await registrars(cloud, aws, cluster.object, ctx.signal)) {
    try {
      if (await registrar.has(instanceId)) await registrar.drop(instanceId);
    } catch (error) {
      ctx.signal.throwIfAborted();
      const { type, message } = classify(error);
      if (type === 'Throttled' || type === 'Transient') throw error;
      await tellFailure(scope, 'ELBAttached', 'ELBDetachFailed', error);
      ctx.log.warn('could not deregister instance', {
        machine: scope.label,
        instance: instanceId,
        balancer: registrar.name,
        reason: message,
      });
    }
  }
}
