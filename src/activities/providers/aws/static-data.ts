import type { AwsCall, Cloud } from './cloud.js';

const HOUR_MS = 3_600_000;

/** Names of the region's ordinary availability zones that the account may use, sorted; kept for an hour. */
export async function availabilityZones(cloud: Cloud, aws: AwsCall): Promise<readonly string[]> {
  return await cloud.cached(`zones/${aws.account}`, HOUR_MS, async () => {
    const { AvailabilityZones = [] } = await aws.shared(AbortSignal.timeout(30_000)).ec2.describeAvailabilityZones({
      Filters: [{ Name: 'state', Values: ['available'] }],
    });
    return AvailabilityZones.filter((zone) => (zone.ZoneType ?? 'availability-zone') === 'availability-zone')
      .filter((zone) => zone.OptInStatus !== 'not-opted-in')
      .map((zone) => zone.ZoneName ?? '')
      .sort();
  });
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
