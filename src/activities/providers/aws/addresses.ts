import type { Address } from '@aws-sdk/client-ec2';
import type { AWSTags, ElasticIPPool } from '../../../api/types/aws.js';
import type { AwsCall } from './cloud.js';
import { hasCode } from './errors.js';
import { TAG, tagList, tagMap } from './tags.js';
import { pollUntil, type Waiting } from './wait.js';

interface Owner {
  readonly aws: AwsCall;
  readonly clusterId: string;
}

/** Elastic addresses of the cluster whose `perdure.dev/key` begins with `prefix`, associated or not. */
export async function ownAddresses({ aws, clusterId }: Owner, prefix: string): Promise<Address[]> {
  const { Addresses = [] } = await aws.ec2.describeAddresses({
    Filters: [{ Name: `tag:${TAG.id}`, Values: [clusterId] }],
  });
  return Addresses.filter((address) => tagMap(address.Tags)[TAG.key]?.startsWith(prefix));
}

/**
 * A new address and its allocation id, from a pool of the user's where there is one. EC2 has no ClientToken for addresses: an unassociated one with our tag
 * is what a second attempt finds, so look for it first.
 */
export async function allocateAddress(aws: AwsCall, tags: AWSTags, pool: ElasticIPPool = {}): Promise<string> {
  const { publicIpv4Pool, publicIpv4PoolFallbackOrder: fallback } = pool;
  const request = (PublicIpv4Pool?: string) =>
    aws.ec2.allocateAddress({
      Domain: 'vpc',
      ...(PublicIpv4Pool ? { PublicIpv4Pool } : {}),
      TagSpecifications: [{ ResourceType: 'elastic-ip', Tags: tagList(tags) }],
    });
  try {
    return (await request(publicIpv4Pool)).AllocationId ?? '';
  } catch (error) {
    if (!publicIpv4Pool || fallback !== 'amazon-pool' || !hasCode(error, 'InsufficientAddressCapacity')) throw error;
    return (await request()).AllocationId ?? '';
  }
}

/** Releases an address; absent is success. AWS lets go of the address of a gateway or balancer only some time after that is deleted. */
export async function releaseAddress({ aws, ctx }: { aws: AwsCall; ctx: Waiting }, id: string): Promise<void> {
  await pollUntil(ctx, `address ${id} to be released`, async () => {
    try {
      await aws.ec2.releaseAddress({ AllocationId: id });
      return true;
    } catch (error) {
      if (hasCode(error, 'InvalidAllocationID.NotFound')) return true;
      if (hasCode(error, 'InvalidIPAddress.InUse')) return undefined;
      // What EC2 says of an address still held by a gateway; a real lack of rights shows in the next call.
      if (!hasCode(error, 'AuthFailure')) throw error;
      const { Addresses } = await aws.ec2.describeAddresses({ AllocationIds: [id] });
      if (!Addresses?.[0]?.AssociationId) throw error;
      return undefined;
    }
  });
}
