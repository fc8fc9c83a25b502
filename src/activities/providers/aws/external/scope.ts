import type { SecurityGroup } from '@aws-sdk/client-ec2';
import type { AWSTags } from '../../../../api/types/aws.js';
import type { ExternalInventory, ExternalResource } from '../../../../domain/collect/external.js';
import type { ExternalFound } from '../../port.js';
import { pages } from '../pages.js';
import { type ClusterScope, vpcOf } from '../scope.js';
import { cloudProviderTag, clusterTag, ownershipOf, TAG, tagMap } from '../tags.js';
import { vpcGroups } from '../tasks/security-groups.js';
import { type Claim, claimOf, isInfrastructure } from './claims.js';

/** What one search knows. */
export interface Search {
  readonly scope: ClusterScope;
  readonly inventory: ExternalInventory;
  /** The cluster's VPC, once it has one. */
  readonly vpcId: string | undefined;
  /** All security groups of it, read once. */
  groups(): Promise<readonly SecurityGroup[]>;
}

export function searchOf(scope: ClusterScope, inventory: ExternalInventory): Search {
  let groups: Promise<readonly SecurityGroup[]> | undefined;
  return {
    scope,
    inventory,
    vpcId: vpcOf(scope).id,
    groups: () => {
      groups ??= vpcGroups(scope);
      return groups;
    },
  };
}

/** A resource as an external one, if its tags claim it for this cluster and no provider made it. */
export function external(
  scope: ClusterScope,
  tags: AWSTags,
  resource: Omit<ExternalResource, keyof Claim>,
): ExternalResource[] {
  if (isInfrastructure(tags)) return [];
  const claim = claimOf(tags, scope);
  return claim ? [{ ...resource, ...claim }] : [];
}

/**
 * Whose the network is, by its live tags, and whether the account shows another cluster of this name: in another VPC, or in the same one under another id.
 */
export async function claimantOf({ scope, vpcId, groups }: Search): Promise<ExternalFound['claimant']> {
  const { ec2 } = scope.aws;
  const named = async (key: string) => [{ Name: 'tag-key', Values: [key] }];
  const [vpcs, subnets, around] = await Promise.all([
    named(clusterTag(scope.clusterName)).then((Filters) =>
      pages(async (NextToken) => {
        const page = await ec2.describeVpcs({ Filters, ...(NextToken ? { NextToken } : {}) });
        return { items: page.Vpcs ?? [], next: page.NextToken };
      }),
    ),
    named(cloudProviderTag(scope.clusterName)).then((Filters) =>
      pages(async (NextToken) => {
        const page = await ec2.describeSubnets({ Filters, ...(NextToken ? { NextToken } : {}) });
        return { items: page.Subnets ?? [], next: page.NextToken };
      }),
    ),
    groups(),
  ]);
  const own = vpcs.find((vpc) => vpc.VpcId === vpcId && vpcId !== undefined);
  const rivalVpc = vpcs.find((vpc) => vpc.VpcId !== vpcId && ownershipOf(tagMap(vpc.Tags), scope) !== 'ours');
  const rivalSubnet = subnets.find(
    (subnet) => subnet.VpcId !== vpcId && tagMap(subnet.Tags)[TAG.id] !== scope.clusterId,
  );
  const rivalGroup = around.find((group) => {
    const tags = tagMap(group.Tags);
    return clusterTag(scope.clusterName) in tags && ownershipOf(tags, scope) === 'foreign';
  });
  const where = rivalVpc?.VpcId ?? rivalSubnet?.VpcId;
  const namesake = where
    ? `a cluster called ${scope.clusterName} in VPC ${where}`
    : rivalGroup && `a cluster called ${scope.clusterName} with security group ${rivalGroup.GroupId} in the same VPC`;
  return {
    ...(vpcId ? { network: vpcId } : {}),
    ownNetwork: own !== undefined && ['ours', 'upstream'].includes(ownershipOf(tagMap(own.Tags), scope)),
    ...(namesake ? { namesake } : {}),
  };
}
