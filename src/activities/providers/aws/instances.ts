import type { Instance } from '@aws-sdk/client-ec2';
import { PerdureError } from '../../../domain/errors.js';
import type { InstanceObservation } from '../port.js';
import { chooseImage } from './ami.js';
import { balancerWishes, targetIPType } from './balancer.js';
import type { AwsCall, Cloud } from './cloud.js';
import { readConsole } from './console.js';
import { hasCode, isAbsent } from './errors.js';
import { ensureHost, releaseHost } from './hosts.js';
import { DEFAULT_IDENTITY } from './identity.js';
import { launchRequest } from './launch.js';
import { releaseOwnAddress, repairAddress } from './machine-address.js';
import {
  additionalTags,
  deregister,
  LAST_TAGS,
  machineTags,
  repairGroups,
  repairMetadataOptions,
  repairRegistration,
  repairTags,
} from './machine-repair.js';
import {
  type AwsMachineContext,
  IDENTITY_ANNOTATION,
  instanceIdOf,
  isDeleting,
  isPoolMachine,
  LAUNCHED_ANNOTATION,
  type MachineScope,
  openMachine,
  REGION_ANNOTATION,
  requireCluster,
} from './machine-scope.js';
import { observationOf, providerIdOf, telling, writeStatus } from './machine-status.js';
import { clientToken } from './names.js';
import { chooseGroups, chooseSubnet } from './placement.js';
import { leaveGroup } from './pools/leave.js';
import type { FetchMany } from './reads.js';
import { requireVpcId } from './scope.js';
import { clusterTag, TAG, tagMap } from './tags.js';
import { prepareUserData, removeSecrets } from './user-data.js';

/** How long a new instance may be unknown to EC2's reads. */
const GRACE_MS = 2 * 60_000;
const LIVE_STATES = ['pending', 'running', 'stopping', 'stopped'];

/** Requests the instance, or finds the one requested before: by recorded id, by tag, at last by token. Never waits for "running". */
export async function createInstance(cloud: Cloud, ctx: AwsMachineContext): Promise<InstanceObservation> {
  const scope = await openMachine(cloud, ctx);
  const known = instanceIdOf(scope.object);
  if (known) return observationOf(await readInstance(scope, known));
  if (isPoolMachine(ctx))
    throw new PerdureError(
      'InvalidConfiguration',
      `${scope.what} belongs to a machine pool and names no instance; its group launches instances: delete the Machine`,
      { details: { field: 'spec.instanceID' } },
    );
  const instance =
    (await findOwn(scope)) ?? (await telling(scope, 'InstanceReady', 'InstanceProvisionFailed', () => launch(scope)));
  await recordInstance(scope, instance);
  return observationOf(instance);
}

async function launch(scope: MachineScope): Promise<Instance> {
  const { aws, ctx, object } = scope;
  const cluster = requireCluster(scope);
  const [image, subnetId, groups] = await Promise.all([chooseImage(scope), chooseSubnet(scope), chooseGroups(scope)]);
  await remember(scope);
  const hostId = await ensureHost(scope, subnetId);
  const userData = await prepareUserData(scope);
  const token = clientToken(ctx.machineId, 'instance', requireVpcId(cluster));
  const request = launchRequest({
    what: scope.what,
    spec: object.spec,
    image,
    subnetId,
    groups: groups.all,
    userData,
    tags: machineTags(scope),
    clusterSshKey: cluster.object.spec.sshKeyName,
    token,
    primaryIPv6: wantsPrimaryIPv6(scope),
    hostId,
  });
  try {
    const { Instances } = await aws.ec2.runInstances(request);
    const instance = Instances?.[0];
    if (!instance)
      throw new PerdureError('Transient', `RunInstances for AWSMachine ${scope.label} answered without an instance`);
    ctx.log.info('requested instance', { machine: scope.label, instance: instance.InstanceId });
    return instance;
  } catch (error) {
    if (!hasCode(error, 'IdempotentParameterMismatch')) throw error;
    // An attempt before ours got through with other parameters, such as a newer image; its instance is ours.
    const found = await findBy(aws, [{ Name: 'client-token', Values: [token] }]);
    if (!found) throw error;
    return found;
  }
}

/** Wished, or for a control plane machine that its balancer reaches over IPv6, which takes only such an address. */
function wantsPrimaryIPv6({ object, cluster, isControlPlane }: MachineScope): boolean {
  const wished = object.spec.assignPrimaryIPv6;
  if (wished) return wished === 'enabled';
  if (!isControlPlane || !cluster) return false;
  const balancers = balancerWishes(cluster).filter(({ type }) => type === 'nlb');
  return balancers.some(({ spec }) => targetIPType(cluster, spec.targetGroupIPType) === 'ipv6');
}

/** What a deletion without the AWSCluster will need, written before there is anything to delete. */
async function remember(scope: MachineScope): Promise<void> {
  const { kind, name } = requireCluster(scope).object.spec.identityRef ?? DEFAULT_IDENTITY;
  await scope.record(({ metadata }) => {
    const remembered = { [REGION_ANNOTATION]: scope.aws.region, [IDENTITY_ANNOTATION]: `${kind}/${name}` };
    metadata.annotations = { ...metadata.annotations, ...remembered };
  });
}

/** False while one of the ids that the instance already has is not in the spec. */
function isRecorded({ object: { spec } }: MachineScope, instance: Instance): boolean {
  const providerID = providerIdOf(instance);
  return providerID === undefined || (spec.providerID === providerID && spec.instanceID === instance.InstanceId);
}

async function recordInstance(scope: MachineScope, instance: Instance): Promise<void> {
  const providerID = providerIdOf(instance);
  const launched = instance.LaunchTime ?? scope.cloud.deps.now();
  const additional = additionalTags(scope);
  await scope.record(({ spec, metadata }) => {
    if (instance.InstanceId) spec.instanceID = instance.InstanceId;
    if (providerID) spec.providerID = providerID;
    const first = Object.keys(additional).length > 0 ? { [LAST_TAGS]: JSON.stringify(additional) } : {};
    metadata.annotations = { [LAUNCHED_ANNOTATION]: launched.toISOString(), ...first, ...metadata.annotations };
  });
}

/** An instance that carries our machine id; a living one before a dead one. */
async function findOwn({ aws, ctx }: Pick<MachineScope, 'aws' | 'ctx'>): Promise<Instance | undefined> {
  return await findBy(aws, [{ Name: `tag:${TAG.machineId}`, Values: [ctx.machineId] }]);
}

async function findBy(aws: AwsCall, Filters: { Name: string; Values: string[] }[]): Promise<Instance | undefined> {
  const { Reservations = [] } = await aws.ec2.describeInstances({ Filters });
  const all = Reservations.flatMap((reservation) => reservation.Instances ?? []);
  return all.find((instance) => LIVE_STATES.includes(instance.State?.Name ?? '')) ?? all[0];
}

/** Many instances with one call; by filter, since asking by id fails as a whole when one is unknown. */
export function describeInstances(aws: AwsCall): FetchMany<Instance> {
  return async (ids, signal) => {
    const { ec2 } = aws.shared(signal);
    const found = new Map<string, Instance>();
    let token: string | undefined;
    do {
      const page = await ec2.describeInstances({
        Filters: [{ Name: 'instance-id', Values: [...ids] }],
        ...(token ? { NextToken: token } : {}),
      });
      for (const { Instances = [] } of page.Reservations ?? []) {
        for (const instance of Instances) found.set(instance.InstanceId ?? '', instance);
      }
      token = page.NextToken;
    } while (token);
    return found;
  };
}

/** The instance, a stand-in in state pending while it is too young to be visible, or undefined when it does not exist. */
async function readInstance(scope: MachineScope, id: string): Promise<Instance | undefined> {
  const { cloud, aws, ctx, object } = scope;
  const found = await cloud.reads.one(`instances/${aws.account}`, id, describeInstances(aws), ctx.signal);
  if (found) return found;
  const launched = Date.parse(object.metadata.annotations?.[LAUNCHED_ANNOTATION] ?? '');
  const young = cloud.deps.now().getTime() - launched < GRACE_MS;
  return young ? { InstanceId: id, State: { Name: 'pending' } } : undefined;
}

/** Reads the instance, repairs what belongs to it and writes the status. An instance that is gone is told, never made again (capa#2915). */
export async function observeInstance(
  cloud: Cloud,
  ctx: AwsMachineContext,
  explain = false,
): Promise<InstanceObservation> {
  const scope = await openMachine(cloud, ctx);
  let id = instanceIdOf(scope.object);
  if (!id) {
    const own = await findOwn(scope);
    if (!own?.InstanceId) return observationOf(undefined);
    await recordInstance(scope, own);
    id = own.InstanceId;
  }
  const instance = await readInstance(scope, id);
  let registered: boolean | undefined;
  if (instance && scope.cluster) {
    refuseForeign(scope, instance);
    if (instance.State?.Name === 'running' && !isDeleting(ctx) && !isPoolMachine(ctx)) {
      await repairTags(scope, instance);
      await telling(scope, 'SecurityGroupsReady', 'SecurityGroupsSyncFailed', () => repairGroups(scope, instance));
      await repairMetadataOptions(scope, instance);
      await repairAddress(scope, instance);
    }
    registered = await telling(scope, 'ELBAttached', 'ELBAttachFailed', () => repairRegistration(scope, instance));
    if (!isRecorded(scope, instance)) await recordInstance(scope, instance);
  }
  // Once the node has joined, the bootstrap data has served; a dead instance will not read it either.
  const served =
    ctx.machine.status?.nodeRef !== undefined || !instance || !LIVE_STATES.includes(instance.State?.Name ?? '');
  if (served) await removeSecrets(scope);
  await writeStatus(scope, { instance, registered });
  const seen = observationOf(instance);
  // Of use only when its node does not join.
  const ended = seen.state !== 'pending' && seen.state !== 'running' && seen.state !== 'absent';
  if (!(ended || (explain && seen.state === 'running')) || isDeleting(ctx) || ctx.machine.status?.nodeRef) return seen;
  const text = await readConsole(scope, id);
  return text ? { ...seen, console: text } : seen;
}

/** Another machine's instance, or one without any mark of ours, is neither changed nor ended. */
function refuseForeign(scope: MachineScope, instance: Instance): void {
  if (!instance.Tags && instance.State?.Name === 'pending') return;
  const tags = tagMap(instance.Tags);
  const machineId = tags[TAG.machineId];
  const clusterName = scope.ctx.cluster.metadata.name;
  const ours =
    machineId === scope.ctx.machineId || (machineId === undefined && tags[clusterTag(clusterName)] === 'owned');
  if (ours) return;
  throw new PerdureError(
    'OwnershipConflict',
    `instance ${instance.InstanceId} of AWSMachine ${scope.label} does not carry its tags; correct spec.instanceID, or tag the instance ${TAG.machineId}=${scope.ctx.machineId}`,
    { details: { instance: instance.InstanceId ?? '' } },
  );
}

/** Deregisters, requests termination and removes the bootstrap secrets. May be called until the state is `absent` or `terminated`. */
export async function deleteInstance(cloud: Cloud, ctx: AwsMachineContext): Promise<InstanceObservation> {
  const scope = await openMachine(cloud, ctx);
  const known = instanceIdOf(scope.object);
  let instance = known ? await readInstance(scope, known) : await findOwn(scope);
  await removeSecrets(scope);
  if (!instance?.InstanceId) return await afterwards(scope, observationOf(undefined));
  if (LIVE_STATES.includes(instance.State?.Name ?? '')) {
    refuseForeign(scope, instance);
    await deregister(scope, instance.InstanceId);
    await detachGroups(scope, instance);
    instance = (isPoolMachine(ctx) && (await leaveGroup(scope, instance))) || (await terminate(scope, instance));
  }
  await writeStatus(scope, { instance });
  return await afterwards(scope, observationOf(instance));
}

/** What outlives the instance goes when it has gone; until then the machine is not. */
async function afterwards(scope: MachineScope, seen: InstanceObservation): Promise<InstanceObservation> {
  if (seen.state !== 'absent' && seen.state !== 'terminated') return seen;
  await releaseOwnAddress(scope);
  return (await releaseHost(scope)) ? seen : { ...seen, state: 'terminating' };
}

async function terminate({ aws, ctx, label }: MachineScope, instance: Instance): Promise<Instance | undefined> {
  const id = instance.InstanceId ?? '';
  try {
    const { TerminatingInstances } = await aws.ec2.terminateInstances({ InstanceIds: [id] });
    ctx.log.info('requested termination', { machine: label, instance: id });
    const State = TerminatingInstances?.[0]?.CurrentState ?? { Name: 'shutting-down' as const };
    return { ...instance, State };
  } catch (error) {
    if (!isAbsent(error)) throw error;
    return undefined;
  }
}

/** Interfaces that the user brought outlive the instance and would hold our groups for ever. */
async function detachGroups(scope: MachineScope, instance: Instance): Promise<void> {
  const given = scope.object.spec.networkInterfaces ?? [];
  if (given.length === 0 || !scope.cluster) return;
  const roles = Object.values(scope.cluster.object.status?.networkStatus?.securityGroups ?? {});
  const ours = new Set(roles.map((group) => group.id));
  for (const eni of instance.NetworkInterfaces ?? []) {
    const current = (eni.Groups ?? []).map((group) => group.GroupId ?? '');
    const kept = current.filter((id) => !ours.has(id));
    if (!given.includes(eni.NetworkInterfaceId ?? '') || kept.length === current.length || kept.length === 0) continue;
    await scope.aws.ec2.modifyNetworkInterfaceAttribute({
      NetworkInterfaceId: eni.NetworkInterfaceId ?? '',
      Groups: kept,
    });
  }
}
