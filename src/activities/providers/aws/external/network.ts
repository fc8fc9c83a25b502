import type { NetworkInterface } from '@aws-sdk/client-ec2';
import type { ExternalResource } from '../../../../domain/collect/external.js';
import { pages } from '../pages.js';
import { ownershipOf, TAG, tagMap } from '../tags.js';
import { external, type Search } from './scope.js';

const CNI_CREATED_AT = 'node.k8s.amazonaws.com/createdAt';
const EKS_GROUP = 'aws:eks:cluster-name';
/** The cloud controller manager names a load balancer's group after it. */
const CCM_GROUP = /^k8s-elb-(.+)$/;

/**
 * Network interfaces in the cluster's VPC that nothing uses. Those that lie in nothing but the cluster's own security groups are its own, with or without tags: the network
 * plug-in leaves them behind when its node goes.
 */
export async function findInterfaces(search: Search): Promise<ExternalResource[]> {
  const { scope, vpcId } = search;
  if (vpcId === undefined) return [];
  const Filters = [
    { Name: 'vpc-id', Values: [vpcId] },
    { Name: 'status', Values: ['available'] },
  ];
  const found = await pages(async (NextToken) => {
    const page = await scope.aws.ec2.describeNetworkInterfaces({ Filters, ...(NextToken ? { NextToken } : {}) });
    return { items: page.NetworkInterfaces ?? [], next: page.NextToken };
  });
  if (found.length === 0) return [];
  const own = new Set(
    (await search.groups())
      .filter((group) => ownershipOf(tagMap(group.Tags), scope) === 'ours')
      .map((group) => group.GroupId),
  );
  const isOwn = ({ Groups = [] }: NetworkInterface): boolean =>
    Groups.length > 0 && Groups.every((group) => own.has(group.GroupId));
  return found.flatMap((eni): ExternalResource[] => {
    const tags = tagMap(eni.TagSet);
    const createdAt = tags[CNI_CREATED_AT];
    const resource = {
      kind: 'network-interface',
      id: eni.NetworkInterfaceId ?? '',
      name: tags[TAG.name] ?? eni.Description ?? '',
      network: vpcId,
      ...(createdAt && !Number.isNaN(Date.parse(createdAt)) ? { createdAt } : {}),
    };
    const claimed = external(scope, tags, resource);
    if (claimed.length > 0 || !isOwn(eni) || TAG.id in tags) return claimed;
    const evidence = "lies in the cluster's own security groups";
    return [{ ...resource, claim: 'owned', evidence, clusterId: scope.clusterId }];
  });
}

/** Security groups of the VPC that controllers made. */
export async function findGroups(search: Search): Promise<ExternalResource[]> {
  const { scope } = search;
  return (await search.groups()).flatMap(({ GroupId: id = '', GroupName: name = '', VpcId, Tags }) => {
    const tags = tagMap(Tags);
    if (name === 'default' || EKS_GROUP in tags) return [];
    const balancer = CCM_GROUP.exec(name)?.[1];
    return external(scope, tags, {
      kind: 'security-group',
      id,
      name,
      aliases: balancer ? [balancer] : [],
      ...(VpcId ? { network: VpcId } : {}),
    });
  });
}

/** Elastic addresses with the cluster's tags; one that something still uses stays. */
export async function findAddresses({ scope }: Search, filters: readonly TagFilter[]): Promise<ExternalResource[]> {
  const found = new Map<string, ExternalResource>();
  for (const Filters of filters) {
    const { Addresses = [] } = await scope.aws.ec2.describeAddresses({ Filters: [Filters] });
    for (const { AllocationId: id = '', PublicIp, AssociationId, InstanceId, NetworkInterfaceId, Tags } of Addresses) {
      const usedBy = AssociationId ? (InstanceId ?? NetworkInterfaceId ?? AssociationId) : undefined;
      const resource = {
        kind: 'elastic-ip',
        id,
        name: PublicIp ?? '',
        ...(usedBy ? { usedBy } : {}),
      };
      for (const one of external(scope, tagMap(Tags), resource)) found.set(id, one);
    }
  }
  return [...found.values()];
}

/** One filter of EC2. */
export interface TagFilter {
  Name: string;
  Values: string[];
}
