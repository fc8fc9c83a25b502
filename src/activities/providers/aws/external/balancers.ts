import type { AWSTags } from '../../../../api/types/aws.js';
import type { ExternalResource } from '../../../../domain/collect/external.js';
import { pages, pieces } from '../pages.js';
import { tagMap } from '../tags.js';
import { external, type Search } from './scope.js';

/** DescribeTags of both load balancing APIs takes this many. */
const TAGGED = 20;
const CLASSIC = 'classic/';

/** Id of a classic load balancer, which has no ARN in its API. */
export const isClassic = (id: string): boolean => id.startsWith(CLASSIC);
export const classicName = (id: string): string => id.slice(CLASSIC.length);

/** Load balancers of all three sorts in the cluster's VPC. */
export async function findBalancers(search: Search): Promise<ExternalResource[]> {
  const [modern, classic] = await Promise.all([modernBalancers(search), classicBalancers(search)]);
  return [...modern, ...classic];
}

async function modernBalancers({ scope, vpcId }: Search): Promise<ExternalResource[]> {
  const { elbv2 } = scope.aws;
  const all = await pages(async (Marker) => {
    const page = await elbv2.describeLoadBalancers(Marker ? { Marker } : {});
    return { items: page.LoadBalancers ?? [], next: page.NextMarker };
  });
  const here = all.filter((lb) => vpcId !== undefined && lb.VpcId === vpcId);
  const tags = await modernTags(
    scope,
    here.map((lb) => lb.LoadBalancerArn ?? ''),
  );
  return here.flatMap(({ LoadBalancerArn: id = '', LoadBalancerName: name = '', DNSName, VpcId, CreatedTime }) =>
    external(scope, tags.get(id) ?? {}, {
      kind: 'load-balancer',
      id,
      name,
      aliases: DNSName ? [DNSName] : [],
      ...(VpcId ? { network: VpcId } : {}),
      ...(CreatedTime ? { createdAt: CreatedTime.toISOString() } : {}),
    }),
  );
}

async function classicBalancers({ scope, vpcId }: Search): Promise<ExternalResource[]> {
  const { elb } = scope.aws;
  const all = await pages(async (Marker) => {
    const page = await elb.describeLoadBalancers(Marker ? { Marker } : {});
    return { items: page.LoadBalancerDescriptions ?? [], next: page.NextMarker };
  });
  const here = all.filter((lb) => vpcId !== undefined && lb.VPCId === vpcId);
  const tags = new Map<string, AWSTags>();
  for (const LoadBalancerNames of pieces(
    here.map((lb) => lb.LoadBalancerName ?? ''),
    TAGGED,
  )) {
    const { TagDescriptions = [] } = await elb.describeTags({ LoadBalancerNames });
    for (const one of TagDescriptions) tags.set(one.LoadBalancerName ?? '', tagMap(one.Tags));
  }
  return here.flatMap(({ LoadBalancerName: name = '', DNSName, VPCId, CreatedTime }) =>
    external(scope, tags.get(name) ?? {}, {
      kind: 'load-balancer',
      id: `${CLASSIC}${name}`,
      name,
      aliases: DNSName ? [DNSName] : [],
      ...(VPCId ? { network: VPCId } : {}),
      ...(CreatedTime ? { createdAt: CreatedTime.toISOString() } : {}),
    }),
  );
}

/** Target groups in the VPC; what is known of the load balancers they belong to is known of them. */
export async function findTargetGroups({ scope, vpcId }: Search, balancers: readonly ExternalResource[]) {
  const { elbv2 } = scope.aws;
  const all = await pages(async (Marker) => {
    const page = await elbv2.describeTargetGroups(Marker ? { Marker } : {});
    return { items: page.TargetGroups ?? [], next: page.NextMarker };
  });
  const here = all.filter((group) => vpcId !== undefined && group.VpcId === vpcId);
  const tags = await modernTags(
    scope,
    here.map((group) => group.TargetGroupArn ?? ''),
  );
  return here.flatMap(({ TargetGroupArn: id = '', TargetGroupName: name = '', LoadBalancerArns = [], VpcId }) =>
    external(scope, tags.get(id) ?? {}, {
      kind: 'target-group',
      id,
      name,
      aliases: balancers
        .filter((lb) => LoadBalancerArns.includes(lb.id))
        .flatMap((lb) => [lb.name, ...(lb.aliases ?? [])]),
      ...(VpcId ? { network: VpcId } : {}),
    }),
  );
}

async function modernTags(scope: Search['scope'], arns: readonly string[]): Promise<Map<string, AWSTags>> {
  const tags = new Map<string, AWSTags>();
  for (const ResourceArns of pieces(arns, TAGGED)) {
    const { TagDescriptions = [] } = await scope.aws.elbv2.describeTags({ ResourceArns });
    for (const one of TagDescriptions) tags.set(one.ResourceArn ?? '', tagMap(one.Tags));
  }
  return tags;
}
