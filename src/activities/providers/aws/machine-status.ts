import type { Instance } from '@aws-sdk/client-ec2';
import type { AWSMachineAddress, AWSMachineStatus, InstanceStateName } from '../../../api/types/aws.js';
import { mergeV1Beta1Conditions, type V1Beta1Input } from '../../../domain/conditions.js';
import type { InstanceObservation, InstanceState } from '../port.js';
import { failureOf, quietly } from './failed.js';
import { isSpot } from './launch.js';
import { isDeleting, isPoolMachine, type MachineScope } from './machine-scope.js';

/** Addresses in upstream's order. Source: capa pkg/cloud/services/ec2/instances.go (getInstanceAddresses). */
export function addressesOf(instance: Instance): AWSMachineAddress[] {
  const found: AWSMachineAddress[] = [];
  const add = (type: AWSMachineAddress['type'], address: string | undefined): void => {
    if (address && !found.some((one) => one.type === type && one.address === address)) found.push({ type, address });
  };
  const interfaces = [...(instance.NetworkInterfaces ?? [])].sort(
    (a, b) => (a.Attachment?.DeviceIndex ?? 0) - (b.Attachment?.DeviceIndex ?? 0),
  );
  for (const eni of interfaces) {
    add('InternalDNS', eni.PrivateDnsName);
    add('InternalIP', eni.PrivateIpAddress);
    add('ExternalDNS', eni.Association?.PublicDnsName);
    add('ExternalIP', eni.Association?.PublicIp);
    for (const { Ipv6Address } of eni.Ipv6Addresses ?? []) add('InternalIP', Ipv6Address);
  }
  add('InternalDNS', instance.PrivateDnsName);
  add('InternalIP', instance.PrivateIpAddress);
  add('ExternalDNS', instance.PublicDnsName);
  add('ExternalIP', instance.PublicIpAddress);
  if (instance.PrivateDnsName) add('Hostname', instance.PrivateDnsName);
  return found;
}

const STATES: Readonly<Record<InstanceStateName, InstanceState>> = {
  pending: 'pending',
  running: 'running',
  stopping: 'stopping',
  stopped: 'stopped',
  'shutting-down': 'terminating',
  terminated: 'terminated',
};

/** `aws:///<zone>/<instance id>`, the same as the cloud controller manager writes on the Node. */
export function providerIdOf(instance: Instance): string | undefined {
  const zone = instance.Placement?.AvailabilityZone;
  return zone && instance.InstanceId ? `aws:///${zone}/${instance.InstanceId}` : undefined;
}

/** What the port tells about an instance; undefined means absent. */
export function observationOf(instance: Instance | undefined): InstanceObservation {
  if (!instance) return { state: 'absent', addresses: [] };
  const providerID = providerIdOf(instance);
  const failureDomain = instance.Placement?.AvailabilityZone;
  return {
    state: STATES[(instance.State?.Name ?? 'pending') as InstanceStateName],
    addresses: addressesOf(instance),
    ...(providerID ? { providerID } : {}),
    ...(failureDomain ? { failureDomain } : {}),
  };
}

export interface StatusFacts {
  readonly instance: Instance | undefined;
  /** False while a control-plane instance is not behind its load balancer; undefined for workers. */
  readonly registered?: boolean | undefined;
}

function readiness({ instance }: StatusFacts, deleting: boolean, pool: boolean): V1Beta1Input {
  const type = 'InstanceReady';
  const not = (reason: string, severity: 'Error' | 'Warning' | 'Info', message = ''): V1Beta1Input => ({
    type,
    status: 'False',
    severity,
    reason,
    message,
  });
  if (deleting) return not(instance && instance.State?.Name !== 'terminated' ? 'Deleting' : 'Deleted', 'Info');
  switch (instance?.State?.Name) {
    case undefined:
      return not('InstanceNotFound', 'Error', 'the instance does not exist; delete the Machine to replace it');
    case 'running':
      return { type, status: 'True' };
    case 'pending':
      return not('InstanceNotReady', 'Warning');
    case 'shutting-down':
    case 'terminated':
      // its group may end an instance at any time: no error
      if (pool) return not('InstanceTerminated', 'Info');
      return not(
        'InstanceTerminated',
        'Error',
        instance.StateReason?.Message ?? 'the instance was terminated; delete the Machine to replace it',
      );
    default:
      return not('InstanceStopped', 'Error', 'the instance is stopped; start it or delete the Machine to replace it');
  }
}

/** Writes the AWSMachine's status for what was seen: both contracts' ready flags, addresses, state, conditions. */
export async function writeStatus(scope: MachineScope, facts: StatusFacts): Promise<void> {
  const { instance, registered } = facts;
  const deleting = isDeleting(scope.ctx);
  const ready = readiness(facts, deleting, isPoolMachine(scope.ctx));
  const conditions: V1Beta1Input[] = [ready];
  if (instance && !deleting) conditions.push({ type: 'SecurityGroupsReady', status: 'True' });
  if (registered !== undefined) {
    conditions.push(
      registered
        ? { type: 'ELBAttached', status: 'True' }
        : { type: 'ELBAttached', status: 'False', severity: 'Info', reason: 'ELBDetached' },
    );
  }
  conditions.push({ ...ready, type: 'Ready' });
  const now = stamp(scope);
  await scope.recordStatus((status) => fill(scope, status, facts, conditions, now, deleting));
}

function fill(
  { object, ctx }: MachineScope,
  status: AWSMachineStatus,
  { instance }: StatusFacts,
  conditions: readonly V1Beta1Input[],
  now: string,
  deleting: boolean,
): void {
  const state = instance?.State?.Name as InstanceStateName | undefined;
  status.ready = state === 'running' && !deleting;
  if (status.ready) status.initialization = { provisioned: true };
  status.interruptible = isSpot(object.spec);
  if (state) status.instanceState = state;
  else delete status.instanceState;
  const zone = instance?.Placement?.AvailabilityZone;
  if (zone) status.failureDomain = zone;
  if (instance && addressesOf(instance).length > 0) status.addresses = addressesOf(instance);
  const lost =
    !deleting && !isPoolMachine(ctx) && (state === undefined || state === 'terminated' || state === 'shutting-down');
  if (lost) {
    status.failureReason = 'UpdateError';
    status.failureMessage = state
      ? `instance is ${state} though nobody asked for it`
      : 'instance does not exist any more';
  }
  setMachineConditions(status, conditions, now);
}

/** Does `work`, and says on the AWSMachine when it failed for good; the error goes on. */
export async function telling<T>(
  scope: MachineScope,
  type: string,
  reason: string,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    await tellFailure(scope, type, reason, error);
    throw error;
  }
}

/** Says on the AWSMachine that a part of it failed; what passes by itself is not told. */
export async function tellFailure(scope: MachineScope, type: string, reason: string, error: unknown): Promise<void> {
  const failed = failureOf(error, scope.ctx.signal, type, reason);
  if (!failed) return;
  const now = stamp(scope);
  await quietly(scope.recordStatus((status) => setMachineConditions(status, [failed], now)));
}

const stamp = ({ cloud }: MachineScope): string =>
  cloud.deps
    .now()
    .toISOString()
    .replace(/\.\d+Z$/, 'Z');

/** Merges v1beta1 conditions into status by type, keeping the others. */
export function setMachineConditions(status: AWSMachineStatus, wanted: readonly V1Beta1Input[], now: string): void {
  const types = new Set(wanted.map((condition) => condition.type));
  const kept = (status.conditions ?? []).filter((condition) => !types.has(condition.type));
  status.conditions = mergeV1Beta1Conditions(status.conditions, [...kept, ...wanted], now);
}
