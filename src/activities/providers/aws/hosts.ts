import type { Host } from '@aws-sdk/client-ec2';
import { PerdureError } from '../../../domain/errors.js';
import { classify } from './errors.js';
import { additionalTags } from './machine-repair.js';
import { type MachineScope, requireCluster } from './machine-scope.js';
import { tellFailure } from './machine-status.js';
import { clientToken } from './names.js';
import { subnetIdOf, subnetsOf } from './scope.js';
import { ownedTags, TAG, tagList } from './tags.js';

const GONE = ['released', 'released-permanent-failure'];

/**
 * The dedicated host of a machine that wants one of its own; undefined for others. Found by tag before one is allocated with a token, so that none is paid for
 * twice or left behind, which upstream's was when it died before it had written the id down.
 */
export async function ensureHost(scope: MachineScope, subnetId: string): Promise<string | undefined> {
  const { spec } = scope.object;
  if (!spec.dynamicHostAllocation) return undefined;
  const id = (await hostsOf(scope))[0]?.HostId ?? (await allocate(scope, await zoneOf(scope, subnetId)));
  await scope.recordStatus((status) => {
    status.dedicatedHost = { id };
  });
  return id;
}

async function allocate(scope: MachineScope, zone: string): Promise<string> {
  const { aws, ctx, object, label } = scope;
  const { clusterName, clusterId } = requireCluster(scope);
  const { instanceType, dynamicHostAllocation } = object.spec;
  const { HostIds = [] } = await aws.ec2.allocateHosts({
    ClientToken: clientToken(ctx.machineId, 'host', zone, instanceType),
    AvailabilityZone: zone,
    InstanceType: instanceType,
    Quantity: 1,
    // Nobody else's instances.
    AutoPlacement: 'off',
    TagSpecifications: [
      {
        ResourceType: 'dedicated-host',
        Tags: tagList(
          ownedTags({
            clusterName,
            clusterId,
            name: object.metadata.name,
            role: scope.isControlPlane ? 'control-plane' : 'node',
            additional: { ...additionalTags(scope), ...dynamicHostAllocation?.tags },
            extra: { [TAG.machineId]: ctx.machineId, [TAG.machineName]: label },
          }),
        ),
      },
    ],
  });
  const [id] = HostIds;
  if (!id) throw new PerdureError('Transient', `AllocateHosts for AWSMachine ${label} answered without a host`);
  ctx.log.info('allocated dedicated host', { machine: label, host: id });
  return id;
}

/** Hosts that carry the machine's id, and one that upstream wrote into its status. */
async function hostsOf({ aws, ctx, object }: MachineScope): Promise<Host[]> {
  const filters = [{ Name: `tag:${TAG.machineId}`, Values: [ctx.machineId] }];
  const { Hosts = [] } = await aws.ec2.describeHosts({ Filter: filters });
  const recorded = object.status?.dedicatedHost?.id;
  const known = recorded && !Hosts.some((host) => host.HostId === recorded) ? await byId(aws, recorded) : [];
  return [...Hosts, ...known].filter((host) => !GONE.includes(host.State ?? ''));
}

async function byId({ ec2 }: MachineScope['aws'], id: string): Promise<Host[]> {
  const { Hosts = [] } = await ec2.describeHosts({ Filter: [{ Name: 'host-id', Values: [id] }] });
  return Hosts;
}

async function zoneOf(scope: MachineScope, subnetId: string): Promise<string> {
  const known = subnetsOf(requireCluster(scope)).find((subnet) => subnetIdOf(subnet) === subnetId)?.availabilityZone;
  if (known) return known;
  const { Subnets } = await scope.aws.ec2.describeSubnets({ Filters: [{ Name: 'subnet-id', Values: [subnetId] }] });
  return Subnets?.[0]?.AvailabilityZone ?? '';
}

/** Gives the machine's host back; true when it has none any more. AWS keeps it until the instance on it is gone. */
export async function releaseHost(scope: MachineScope): Promise<boolean> {
  if (!scope.object.spec.dynamicHostAllocation) return true;
  const ids = (await hostsOf(scope)).map(({ HostId = '' }) => HostId);
  if (ids.length > 0) {
    const { Unsuccessful = [] } = await scope.aws.ec2.releaseHosts({ HostIds: ids });
    const failed = Unsuccessful.find(({ Error: error }) => !/NotFound$/.test(error?.Code ?? ''));
    if (failed) return await held(scope, failed.ResourceId ?? '', failed.Error?.Code, failed.Error?.Message);
  }
  await scope.recordStatus((status) => {
    delete status.dedicatedHost;
  });
  return true;
}

/** The call succeeds as a whole and tells of each host. */
async function held(scope: MachineScope, id: string, code = 'InternalError', text = 'no reason given'): Promise<false> {
  if (/Occupied|InUse/.test(code)) return false;
  const error = classify(Object.assign(new Error(`dedicated host ${id} cannot be released: ${text}`), { Code: code }));
  await tellFailure(scope, 'DedicatedHostRelease', 'DedicatedHostReleaseFailed', error);
  throw error;
}
