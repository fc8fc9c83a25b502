import type { ZoneType } from '../../../api/types/aws.js';
import type { AwsCall, Cloud } from './cloud.js';

const HOUR_MS = 3_600_000;

export interface ZoneInfo {
  readonly name: string;
  readonly type: ZoneType;
  /** The zone an edge zone hangs on. */
  readonly parent: string | undefined;
  readonly optedIn: boolean;
}

/** A local or wavelength zone. */
export function isEdgeZone(zone: ZoneInfo | undefined): boolean {
  return zone !== undefined && zone.type !== 'availability-zone';
}

/** Every zone of the region, edge zones and those the account has not opted into included; kept for an hour. */
export async function zonesOf(cloud: Cloud, aws: AwsCall): Promise<readonly ZoneInfo[]> {
  return await cloud.cached(`zones/${aws.account}`, HOUR_MS, async () => {
    const { AvailabilityZones = [] } = await aws.shared(AbortSignal.timeout(30_000)).ec2.describeAvailabilityZones({
      AllAvailabilityZones: true,
      Filters: [{ Name: 'state', Values: ['available'] }],
    });
    return AvailabilityZones.map((zone) => ({
      name: zone.ZoneName ?? '',
      type: (zone.ZoneType ?? 'availability-zone') as ZoneType,
      parent: zone.ParentZoneName,
      optedIn: zone.OptInStatus !== 'not-opted-in',
    }));
  });
}

/** Names of the region's ordinary availability zones that the account may use, sorted. */
export async function availabilityZones(cloud: Cloud, aws: AwsCall): Promise<readonly string[]> {
  const zones = await zonesOf(cloud, aws);
  return zones
    .filter(({ type, optedIn }) => type === 'availability-zone' && optedIn)
    .map(({ name }) => name)
    .sort();
}

/** Kubernetes' name for the architecture of an instance type; kept for a day. Undefined when the type is not offered. */
export async function architectureOf(
  cloud: Cloud,
  aws: AwsCall,
  instanceType: string,
): Promise<'x86_64' | 'arm64' | undefined> {
  return await cloud.cached(`type/${aws.account}/${instanceType}`, 24 * HOUR_MS, async () => {
    const { InstanceTypes = [] } = await aws.shared(AbortSignal.timeout(30_000)).ec2.describeInstanceTypes({
      Filters: [{ Name: 'instance-type', Values: [instanceType] }],
    });
    const found = InstanceTypes[0]?.ProcessorInfo?.SupportedArchitectures ?? [];
    if (InstanceTypes.length === 0) return undefined;
    return found.includes('arm64') ? 'arm64' : 'x86_64';
  });
}
