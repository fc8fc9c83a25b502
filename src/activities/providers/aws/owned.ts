import type { AWSCluster } from '../../../api/types/aws.js';
import type { ClusterContext, OwnedResource } from '../port.js';
import type { Cloud } from './cloud.js';
import { type ClusterScope, openScope } from './scope.js';
import { clusterTag, ownershipOf, TAG, tagMap } from './tags.js';

interface Found {
  readonly type: string;
  readonly tags: Readonly<Record<string, string>>;
}

/**
 * Everything that carries our id or upstream's tag with our cluster's name; what carries another cluster's id is left out. EC2 and Auto Scaling are asked
 * themselves, as the tagging API knows neither elastic addresses nor groups.
 */
export async function listOwned(cloud: Cloud, ctx: ClusterContext<AWSCluster>): Promise<readonly OwnedResource[]> {
  const scope = await openScope(cloud, ctx);
  const found = new Map<string, Found>();
  const filters = [
    [TAG.id, scope.clusterId],
    [clusterTag(scope.clusterName), 'owned'],
  ] as const;
  for (const [key, value] of filters) {
    await fromEc2(scope, key, value, found);
    await fromTagging(scope, key, value, found);
    await fromAutoScaling(scope, key, value, found);
  }
  return [...found]
    .filter(([, { tags }]) => ['ours', 'upstream'].includes(ownershipOf(tags, scope)))
    .map(([id, { type, tags }]) => ({
      type,
      id,
      name: tags[TAG.name] ?? '',
      clusterId: tags[TAG.id],
      clusterName: tags[clusterTag(scope.clusterName)] === undefined ? undefined : scope.clusterName,
    }))
    .sort((a, b) => `${a.type}/${a.id}`.localeCompare(`${b.type}/${b.id}`));
}

async function fromEc2({ aws }: ClusterScope, key: string, value: string, found: Map<string, Found>): Promise<void> {
  const rows = async (Filters: { Name: string; Values: string[] }[]) => {
    const all: {
      ResourceId?: string | undefined;
      ResourceType?: string | undefined;
      Key?: string | undefined;
      Value?: string | undefined;
    }[] = [];
    let token: string | undefined;
    do {
      const page = await aws.ec2.describeTags({ Filters, ...(token ? { NextToken: token } : {}) });
      all.push(...(page.Tags ?? []));
      token = page.NextToken;
    } while (token);
    return all;
  };
  const hits = await rows([
    { Name: 'key', Values: [key] },
    { Name: 'value', Values: [value] },
  ]);
  const ids = [...new Set(hits.map((hit) => hit.ResourceId ?? ''))];
  for (let i = 0; i < ids.length; i += 200) {
    for (const row of await rows([{ Name: 'resource-id', Values: ids.slice(i, i + 200) }])) {
      const id = row.ResourceId ?? '';
      const known = found.get(id) ?? { type: row.ResourceType ?? '', tags: {} };
      found.set(id, { ...known, tags: { ...known.tags, [row.Key ?? '']: row.Value ?? '' } });
    }
  }
}

async function fromTagging(
  { aws }: ClusterScope,
  key: string,
  value: string,
  found: Map<string, Found>,
): Promise<void> {
  let token: string | undefined;
  do {
    const page = await aws.tagging.getResources({
      TagFilters: [{ Key: key, Values: [value] }],
      ...(token ? { PaginationToken: token } : {}),
    });
    for (const { ResourceARN = '', Tags } of page.ResourceTagMappingList ?? []) {
      const [, , service = '', , , ...rest] = ResourceARN.split(':');
      if (service === 'ec2') continue;
      const type = `${service}/${rest.join(':').split(/[/:]/)[0]}`;
      found.set(ResourceARN, { type, tags: tagMap(Tags) });
    }
    token = page.PaginationToken || undefined;
  } while (token);
}

async function fromAutoScaling(
  { aws }: ClusterScope,
  key: string,
  value: string,
  found: Map<string, Found>,
): Promise<void> {
  let token: string | undefined;
  do {
    const page = await aws.autoscaling.describeAutoScalingGroups({
      Filters: [{ Name: `tag:${key}`, Values: [value] }],
      ...(token ? { NextToken: token } : {}),
    });
    for (const { AutoScalingGroupARN = '', Tags } of page.AutoScalingGroups ?? [])
      found.set(AutoScalingGroupARN, { type: 'autoscaling/autoScalingGroup', tags: tagMap(Tags) });
    token = page.NextToken;
  } while (token);
}
