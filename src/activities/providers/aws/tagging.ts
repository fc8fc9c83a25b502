import type { AWSTags } from '../../../api/types/aws.js';
import type { AwsCall } from './cloud.js';
import { missingTags, tagList, tagMap } from './tags.js';

type Tagged = { readonly Tags?: readonly { Key?: string | undefined; Value?: string | undefined }[] | undefined };

/** The tags that `resource` should have and has not. Empty when nothing is missing. */
export function tagsToAdd(wanted: AWSTags, resource: Tagged): AWSTags {
  return missingTags(wanted, tagMap(resource.Tags));
}

export function isEmpty(tags: AWSTags): boolean {
  return Object.keys(tags).length === 0;
}

/** Adds EC2 tags; existing ones are merged with, never replaced as a whole. No call when there is nothing to add. */
export async function addTags(aws: AwsCall, id: string, tags: AWSTags): Promise<void> {
  if (isEmpty(tags)) return;
  await aws.ec2.createTags({ Resources: [id], Tags: tagList(tags) });
}
