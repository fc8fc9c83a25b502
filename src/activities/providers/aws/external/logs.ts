import type { AWSTags } from '../../../../api/types/aws.js';
import type { ExternalResource } from '../../../../domain/collect/external.js';
import { isAbsent } from '../errors.js';
import { pages } from '../pages.js';
import { cloudProviderTag, TAG } from '../tags.js';
import { external, type Search } from './scope.js';

/**
 * Log groups whose tags name the cluster. CloudWatch cannot look for tags, so the tagging API says where to look, and the group itself whose it is. One that was
 * tagged a moment ago may be missed; it holds data and is not removed unasked anyway.
 */
export async function findLogGroups({ scope }: Search): Promise<ExternalResource[]> {
  const { logs } = scope.aws;
  const found: ExternalResource[] = [];
  for (const arn of await taggedGroups(scope)) {
    const name = arn.slice(arn.indexOf(':log-group:') + ':log-group:'.length).replace(/:\*$/, '');
    const { logGroups = [] } = await logs.describeLogGroups({ logGroupNamePrefix: name, limit: 50 });
    const group = logGroups.find(({ logGroupName }) => logGroupName === name);
    const tags = group && (await tagsOf(scope, arn));
    if (!group || !tags) continue;
    const createdAt = group.creationTime === undefined ? {} : { createdAt: new Date(group.creationTime).toISOString() };
    found.push(...external(scope, tags, { kind: 'log-group', id: name, name, ...createdAt }));
  }
  return found;
}

/** ARNs, without the asterisk that some answers end them with. */
async function taggedGroups({ aws, clusterName, clusterId }: Search['scope']): Promise<string[]> {
  const filters = [
    { Key: cloudProviderTag(clusterName) },
    { Key: 'KubernetesCluster', Values: [clusterName] },
    { Key: TAG.id, Values: [clusterId] },
  ];
  const arns = new Set<string>();
  for (const filter of filters) {
    const some = await pages(async (PaginationToken) => {
      const page = await aws.tagging.getResources({
        ResourceTypeFilters: ['logs:log-group'],
        TagFilters: [filter],
        ...(PaginationToken ? { PaginationToken } : {}),
      });
      return { items: page.ResourceTagMappingList ?? [], next: page.PaginationToken };
    });
    for (const { ResourceARN = '' } of some) arns.add(ResourceARN.replace(/:\*$/, ''));
  }
  return [...arns].sort();
}

async function tagsOf({ aws }: Search['scope'], resourceArn: string): Promise<AWSTags | undefined> {
  try {
    return (await aws.logs.listTagsForResource({ resourceArn })).tags ?? {};
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}
