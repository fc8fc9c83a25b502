import type { Filter } from '@aws-sdk/client-ec2';
import { PerdureError } from '../../../domain/errors.js';
import { classify } from './errors.js';
import type { ClusterScope } from './scope.js';

const SHOWN = 5;

/**
 * The error for a deletion that AWS refused with DependencyViolation: retryable, and naming what is in the way: network interfaces matching
 * `filters`, and other people's security groups that refer to `groupId` or lie in the VPC.
 */
export async function dependents(
  { aws }: ClusterScope,
  what: string,
  filters: Filter[],
  cause: unknown,
  groupId?: string,
): Promise<PerdureError> {
  const blockers: string[] = [];
  try {
    const { NetworkInterfaces = [] } = await aws.ec2.describeNetworkInterfaces({ Filters: filters });
    for (const eni of NetworkInterfaces) {
      const user = eni.Attachment?.InstanceId ?? eni.RequesterId ?? eni.OwnerId ?? 'unknown';
      blockers.push(
        `network interface ${eni.NetworkInterfaceId} (${eni.Description || eni.InterfaceType || 'no description'}; used by ${user})`,
      );
    }
    const vpcFilter = filters.filter((filter) => filter.Name === 'vpc-id');
    const groupFilter = groupId ? [{ Name: 'ip-permission.group-id', Values: [groupId] }] : vpcFilter;
    if (groupFilter.length > 0) {
      const { SecurityGroups = [] } = await aws.ec2.describeSecurityGroups({ Filters: groupFilter });
      for (const group of SecurityGroups) {
        if (group.GroupName === 'default' || group.GroupId === groupId) continue;
        blockers.push(`security group ${group.GroupId} (${group.GroupName})`);
      }
    }
  } catch (error) {
    // Naming the blockers is a courtesy; the refusal itself is what counts.
    blockers.push(`unknown: ${classify(error).message}`);
  }
  const more = blockers.length > SHOWN ? `, and ${blockers.length - SHOWN} more` : '';
  const list = blockers.slice(0, SHOWN).join(', ') + more;
  return new PerdureError(
    'Transient',
    `${what} cannot be deleted yet, still used by: ${list || 'something AWS does not name'}`,
    {
      cause,
      retryAfterMs: 5_000,
      details: { code: 'DependencyViolation', blockers: list },
    },
  );
}
